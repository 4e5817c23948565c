"""What ElastiCache takes as a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.errors import ConfigurationError
from rotation.password import MAX_LENGTH, MIN_LENGTH, PasswordRules, is_valid
from tests.unit.fakes import ALL_PASSWORDS, PASSWORD_CHARACTERS

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


def test_the_rules_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PasswordRules.from_env() == PasswordRules(32, "")
    monkeypatch.setenv("PASSWORD_LENGTH", "128")
    monkeypatch.setenv("PASSWORD_EXCLUDE_CHARACTERS", "$'")
    assert PasswordRules.from_env() == PasswordRules(128, "$'")


@pytest.mark.parametrize("length", [None, "", "0", "15", "129", "-32", "32.0", "many", " 32"])
def test_a_length_that_elasticache_does_not_take_is_named(
    monkeypatch: pytest.MonkeyPatch, length: str | None
) -> None:
    monkeypatch.delenv("PASSWORD_LENGTH")
    if length is not None:
        monkeypatch.setenv("PASSWORD_LENGTH", length)
    with pytest.raises(ConfigurationError, match="PASSWORD_LENGTH is not a number from 16 to 128"):
        PasswordRules.from_env()
