"""What ElastiCache takes as a password."""

import json
import shlex
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.errors import ConfigurationError
from rotation.records.password import (
    CHARACTERS,
    MAX_LENGTH,
    MIN_LENGTH,
    PasswordRules,
    is_valid,
    why_invalid,
)
from tests.unit.fakes import ALL_PASSWORDS, CURRENT_PASSWORD, PASSWORD_CHARACTERS
from tests.unit.leaks import assert_no_leak

VALID = st.text(st.sampled_from(PASSWORD_CHARACTERS), min_size=16, max_size=128)


def test_the_limits_are_those_of_elasticache() -> None:
    assert (MIN_LENGTH, MAX_LENGTH) == (16, 128)


@given(VALID)
def test_16_to_128_allowed_characters_are_valid(password: str) -> None:
    assert is_valid(password)


@pytest.mark.parametrize("password", ALL_PASSWORDS)
def test_the_passwords_of_the_tests_are_valid(password: str) -> None:
    assert is_valid(password)


@pytest.mark.parametrize("length,valid", [(0, False), (15, False), (16, True), (128, True)])
def test_the_length_is_bounded(length: int, valid: bool) -> None:
    assert is_valid("x" * length) is valid
    assert not is_valid("x" * 129)


@given(VALID, st.sampled_from(',"/@'), st.integers(0, 127))
def test_a_forbidden_character_is_found_anywhere(password: str, bad: str, place: int) -> None:
    place %= len(password)
    assert not is_valid(password[:place] + bad + password[place + 1 :])


@given(VALID, st.characters(exclude_characters=[chr(each) for each in range(32, 127)]))
def test_only_printable_ascii_is_valid(password: str, bad: str) -> None:
    assert not is_valid(bad + password[1:])


@pytest.mark.parametrize(
    "password,problem",
    [
        (f"{CURRENT_PASSWORD}\n", "its last character is a line break"),
        (f"{CURRENT_PASSWORD}\t", "its last character is not printable"),
        ("short", "it does not have 16 to 128 characters"),
        ("x" * 129, "it does not have 16 to 128 characters"),
        (f"ü{CURRENT_PASSWORD}", "not printable ASCII"),
        (f"{CURRENT_PASSWORD}/", "a comma, double quote, slash or at sign"),
    ],
)
def test_what_is_wrong_with_a_password_is_told_without_it(password: str, problem: str) -> None:
    assert problem in why_invalid(password)
    assert_no_leak([password], answer=why_invalid(password))


LETTERS, LOWER, UPPER = string.ascii_letters, string.ascii_lowercase, string.ascii_uppercase


@pytest.mark.parametrize(
    "kind,excluded,left",
    [
        ("UrlSafe", "", LETTERS + string.digits + "-_"),
        ("Alphanumeric", "$-", LETTERS + string.digits),
        ("All", LETTERS, string.digits + "!#$%&'()*+-.:;<=>?[]^_`{|}~"),
    ],
)
def test_the_rules_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, kind: str, excluded: str, left: str
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", "128")
    monkeypatch.setenv("PASSWORD_CHARACTERS", kind)
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", excluded)
    rules = PasswordRules.from_env()
    assert rules.length == 128
    assert sorted(rules.characters) == sorted(left)


@pytest.mark.parametrize("kind", ["UrlSafe", "Alphanumeric"])
def test_these_characters_need_no_escape(kind: str) -> None:
    characters = CHARACTERS[kind]
    assert quote(characters, safe="") == characters
    assert shlex.quote(characters) == characters
    assert json.dumps(characters) == f'"{characters}"'


@pytest.mark.parametrize("kind", [None, "", "urlsafe"])
def test_characters_without_a_name_are_refused(
    monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    monkeypatch.delenv("PASSWORD_CHARACTERS")
    if kind is not None:
        monkeypatch.setenv("PASSWORD_CHARACTERS", kind)
    with pytest.raises(ConfigurationError, match="PASSWORD_CHARACTERS is not one of UrlSafe, "):
        PasswordRules.from_env()


@pytest.mark.parametrize(
    "excluded,left", [(LETTERS + "-_01234567", 2), (LETTERS + "0123456789-_", 0)]
)
def test_a_password_that_could_be_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, excluded: str, left: int
) -> None:
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", excluded)
    with pytest.raises(ConfigurationError, match=f"EXCLUDE_CHARACTERS leaves {left} characters"):
        PasswordRules.from_env()


@pytest.mark.parametrize(
    "characters,arguments",
    [
        (LETTERS + string.digits + "-_", {"ExcludeCharacters": "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"}),
        (
            UPPER + "01",
            {"ExcludeCharacters": "23456789", "ExcludeLowercase": True, "ExcludePunctuation": True},
        ),
        (
            LOWER + "~",
            {
                "ExcludeUppercase": True,
                "ExcludeNumbers": True,
                "ExcludeCharacters": string.punctuation[:-1],
            },
        ),
        (LETTERS + string.digits + string.punctuation, {}),
    ],
)
def test_a_type_that_is_left_out_is_not_asked_for(
    characters: str, arguments: dict[str, Any]
) -> None:
    always = {"PasswordLength": 16, "RequireEachIncludedType": True}
    assert PasswordRules(16, characters).request() == always | arguments


@pytest.mark.parametrize("length", [None, "", "0", "15", "129", "-32", "32.0", "many", " 32"])
def test_a_length_that_elasticache_does_not_take_is_named(
    monkeypatch: pytest.MonkeyPatch, length: str | None
) -> None:
    monkeypatch.delenv("PASSWORD_LENGTH")
    if length is not None:
        monkeypatch.setenv("PASSWORD_LENGTH", length)
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH is not a number from 16 to 128"):
        PasswordRules.from_env()
