"""What ElastiCache takes as a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation.password import MAX_LENGTH, MIN_LENGTH, is_valid
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
