"""What ElastiCache accepts as a password."""

import json
import shlex
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.package import read_template
from rotation.errors import ConfigurationError
from rotation.records.password import CHARACTERS, PasswordRules, is_valid, why_invalid
from tests.unit.leaks import assert_no_leak
from tests.unit.values import CURRENT_PASSWORD, PASSWORD_CHARACTERS

VALID = st.text(st.sampled_from(PASSWORD_CHARACTERS), min_size=16, max_size=128)
NOT_PRINTABLE_ASCII = st.characters(exclude_characters=[chr(code) for code in range(32, 127)])


@given(VALID)
def test_16_to_128_allowed_characters_are_valid(password: str) -> None:
    assert is_valid(password)


@pytest.mark.parametrize(
    "length, valid", [(0, False), (15, False), (16, True), (128, True), (129, False)]
)
def test_a_password_has_16_to_128_characters(length: int, valid: bool) -> None:
    assert is_valid("x" * length) is valid


@given(VALID, st.sampled_from(',"/@') | NOT_PRINTABLE_ASCII, st.integers(0, 127))
def test_a_forbidden_character_is_found_anywhere(password: str, bad: str, place: int) -> None:
    place %= len(password)
    assert not is_valid(password[:place] + bad + password[place + 1 :])


@pytest.mark.parametrize(
    "password, problem",
    [
        (f"{CURRENT_PASSWORD}\n", "its last character is a line break"),
        (f"{CURRENT_PASSWORD}\t", "its last character is not printable"),
        ("short", "it does not have 16 to 128 characters"),
        ("x" * 129, "it does not have 16 to 128 characters"),
        (f"ü{CURRENT_PASSWORD}", "not printable ASCII"),
        (f"{CURRENT_PASSWORD}/", "a comma, double quote, slash or at sign"),
    ],
)
def test_the_reason_against_a_password_does_not_repeat_it(password: str, problem: str) -> None:
    assert problem in why_invalid(password)
    assert_no_leak([password], answer=why_invalid(password))


# The rules of a new password

LETTERS, DIGITS = string.ascii_letters, string.digits


@pytest.mark.parametrize(
    "kind, excluded, characters",
    [
        ("UrlSafe", "", LETTERS + DIGITS + "-_"),
        ("Alphanumeric", "$-", LETTERS + DIGITS),
        ("All", LETTERS, DIGITS + "!#$%&'()*+-.:;<=>?[]^_`{|}~"),
    ],
)
def test_the_rules_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, kind: str, excluded: str, characters: str
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", "128")
    monkeypatch.setenv("PASSWORD_CHARACTERS", kind)
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", excluded)
    rules = PasswordRules.from_env()
    assert (rules.length, sorted(rules.characters)) == (128, sorted(characters))


def test_the_weakest_password_that_the_parameters_allow_has_80_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PASSWORD_LENGTH", "16")
    monkeypatch.setenv("PASSWORD_CHARACTERS", "Alphanumeric")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", LETTERS[:30])
    assert len(PasswordRules.from_env().characters) == 32


@pytest.mark.parametrize(
    "name, value, problem",
    [
        *(
            ("PASSWORD_LENGTH", value, "is not a number from 16 to 128")
            for value in (None, "", "0", "15", "129", "-32", "32.0", "many", " 32")
        ),
        *(
            ("PASSWORD_CHARACTERS", value, "is not one of UrlSafe, ")
            for value in (None, "", "urlsafe")
        ),
        ("PASSWORD_EXCLUDE_CHARACTERS", f"{LETTERS}-_01234567", "leaves 2 characters"),
        ("PASSWORD_EXCLUDE_CHARACTERS", f"{LETTERS}-_{DIGITS}", "leaves 0 characters"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, problem: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"{name.removeprefix('PASSWORD_')}.*{problem}"):
        PasswordRules.from_env()


@pytest.mark.parametrize("kind", ["UrlSafe", "Alphanumeric"])
def test_these_characters_need_no_escape(kind: str) -> None:
    characters = CHARACTERS[kind]
    assert quote(characters, safe="") == shlex.quote(characters) == characters
    assert json.dumps(characters) == f'"{characters}"'


@pytest.mark.parametrize(
    "characters, arguments",
    [
        (LETTERS + DIGITS + string.punctuation, {}),
        (LETTERS + DIGITS + "-_", {"ExcludeCharacters": "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"}),
        (
            string.ascii_uppercase + "01",
            {"ExcludeCharacters": "23456789", "ExcludeLowercase": True, "ExcludePunctuation": True},
        ),
        (
            string.ascii_lowercase + "~",
            {
                "ExcludeUppercase": True,
                "ExcludeNumbers": True,
                "ExcludeCharacters": string.punctuation[:-1],
            },
        ),
    ],
)
def test_get_random_password_is_not_asked_for_a_type_that_is_left_out(
    characters: str, arguments: dict[str, Any]
) -> None:
    always = {"PasswordLength": 16, "RequireEachIncludedType": True}
    assert PasswordRules(16, characters).request() == always | arguments


def test_the_stack_offers_the_known_kinds_of_characters() -> None:
    parameter = read_template()["Parameters"]["PasswordCharacters"]
    assert parameter["AllowedValues"] == [*CHARACTERS]
