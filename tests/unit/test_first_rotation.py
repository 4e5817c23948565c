"""A first rotation that was cut off: which versions may hold the password that the user has."""

from typing import Any

import pytest

from rotation.errors import CurrentPasswordUnknownError, UserBusyError
from rotation.records.execution_input import ExecutionInput
from rotation.records.target import Target
from rotation.rules.target_check import check_target
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    FUNCTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    SECRET_ARN,
    secret_text,
)

WITHOUT_PASSWORD = secret_text(None)


@pytest.fixture
def cut_off(world: World) -> World:
    """A first rotation has turned its user on, and was stopped before the promotion."""
    world.secrets.texts |= {CURRENT: WITHOUT_PASSWORD, PREVIOUS: WITHOUT_PASSWORD}
    world.stage()
    world.users.passwords = [PENDING_PASSWORD]
    return world


def check(world: World, **execution_input: Any) -> Target:
    given = ExecutionInput(SECRET_ARN, **execution_input)
    adapters = world.secrets, world.users, world.machine
    return check_target(given, EXECUTION_ARN, *adapters, None, FUNCTION_ARN)


def test_versions_with_a_valid_password_are_candidates_newest_first(cut_off: World) -> None:
    cut_off.secrets.texts[PREVIOUS] = secret_text(PREVIOUS_PASSWORD)
    texts: dict[str, str | bytes | None] = {
        "binary": b"binary",
        OTHER: secret_text(OTHER_PASSWORD),
        "without a value": None,
        "no JSON": "no JSON",
        "not valid": secret_text("short"),
    }
    for version, text in texts.items():
        cut_off.secrets.add(version, text)
    before = cut_off.secrets.snapshot(), cut_off.users.snapshot()
    target = check(cut_off)
    assert target.first_password_candidates == [OTHER, PENDING, PREVIOUS]
    # The user is on already. Only the first run knew that it was off.
    assert (target.turn_on, target.first_rotation) == (False, True)
    assert (cut_off.secrets.snapshot(), cut_off.users.snapshot()) == before
    assert cut_off.secrets.faults.called("read").count((SECRET_ARN, CURRENT)) == 1


def test_no_more_than_a_hundred_versions_and_not_awscurrent_are_candidates(cut_off: World) -> None:
    names = [f"version-{number:028}" for number in range(130)]
    for name in names:
        cut_off.secrets.add(name, secret_text(OTHER_PASSWORD))
    newest = names[:-102:-1]
    assert check(cut_off).first_password_candidates == newest
    read = [version for _, version in cut_off.secrets.faults.called("read")]
    assert read == [CURRENT, *newest]


def test_a_user_that_is_still_being_modified_is_waited_for(cut_off: World) -> None:
    # DescribeUsers shows it on before its nodes know the password.
    cut_off.users.change(status="modifying")
    with pytest.raises(UserBusyError):
        check(cut_off)


@pytest.mark.parametrize(
    "text, authentication",
    [
        (WITHOUT_PASSWORD, "password"),
        (secret_text("short"), "password"),
        # It would accept every candidate.
        (secret_text(PENDING_PASSWORD), "no-password"),
    ],
)
def test_a_user_that_is_on_without_a_known_password_is_refused(
    cut_off: World, text: str, authentication: str
) -> None:
    cut_off.secrets.texts[PENDING] = text
    cut_off.users.change(authentication=authentication)
    with pytest.raises(CurrentPasswordUnknownError, match=r'lock out.*"password"'):
        check(cut_off)
    # Unless a person says that nobody uses another password.
    target = check(cut_off, replace_unknown_password=True)
    assert (target.first_rotation, target.first_password_candidates) == (True, [])


@pytest.mark.parametrize(
    "password, access_string", [(CURRENT_PASSWORD, "on ~* +@all"), (None, "off ~* +@all")]
)
def test_a_user_that_is_off_or_whose_password_is_known_needs_no_candidates(
    cut_off: World, password: str | None, access_string: str
) -> None:
    cut_off.secrets.texts[CURRENT] = secret_text(password)
    cut_off.users.change(access_string=access_string)
    assert check(cut_off).first_password_candidates == []
    assert cut_off.secrets.faults.called("versions") == []
