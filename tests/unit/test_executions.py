"""Versions and executions, found by each other's names."""

import re
import uuid

import pytest

from rotation.records.execution_name import ExecutionName
from rotation.rules.executions import (
    is_attempt,
    is_derived,
    newest_attempt,
    running_execution_for,
    version_by_hand,
)
from tests.unit.fakes import World
from tests.unit.values import EXECUTION_ARN, OTHER, PENDING, execution_name

ODD_TOKENS = ["with space and more than 32 chars", "a/b:c" * 8, "{token}" * 5, "t\u00fcken" * 8]


def arn_of(name: str) -> str:
    return EXECUTION_ARN.replace("run-1", name)


def test_a_run_by_hand_that_is_named_by_a_uuid_makes_the_version_of_its_name() -> None:
    assert version_by_hand(arn_of(OTHER)) == OTHER
    assert not is_derived(OTHER)


@pytest.mark.parametrize(
    "name", ["run-1", "ABCDEF00-ABCD-4BCD-8BCD-ABCDEF000000", f"{OTHER}-1", "x" * 36]
)
def test_another_run_by_hand_makes_a_version_that_is_derived_from_its_arn(name: str) -> None:
    version = version_by_hand(arn_of(name))
    assert version == str(uuid.uuid5(uuid.NAMESPACE_URL, arn_of(name)))
    assert is_derived(version)


@pytest.mark.parametrize("token", [PENDING, "t" * 64, "with.dots_and-hyphens" * 2])
def test_an_execution_has_the_name_of_its_token_and_attempt(token: str) -> None:
    assert execution_name(token, 12) == f"{token}-12"
    dry_run = ExecutionName.first_attempt(token, dry_run=True)
    assert (str(dry_run), len(str(dry_run)) <= 78) == (f"{token}-dry-run-1", True)


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_a_token_that_cannot_be_a_name_has_one_derived_from_it(token: str) -> None:
    assert re.fullmatch(r"[a-f0-9-]{36}-3", execution_name(token, 3))
    assert len({execution_name(odd, 3) for odd in ODD_TOKENS}) == len(ODD_TOKENS)


@pytest.mark.parametrize("token", [PENDING, *ODD_TOKENS])
def test_an_attempt_is_recognized_by_its_name(token: str) -> None:
    arn = arn_of(execution_name(token, 3))
    assert is_attempt(token, arn)
    assert running_execution_for(token, [EXECUTION_ARN, arn]) == arn
    assert not is_attempt(OTHER, arn)
    assert running_execution_for(OTHER, [EXECUTION_ARN, arn]) is None


@pytest.mark.parametrize(
    "name", [PENDING, f"{PENDING}-dry-run-1", f"{PENDING}-", f"x{PENDING}-1", "1"]
)
def test_a_name_that_only_resembles_an_attempt_is_none(name: str) -> None:
    assert not is_attempt(PENDING, arn_of(name))


@pytest.mark.parametrize("name", [OTHER, "run-1"])
def test_a_run_by_hand_is_recognized_by_its_version(name: str) -> None:
    arn = arn_of(name)
    assert running_execution_for(version_by_hand(arn), [arn]) == arn
    assert running_execution_for(PENDING, [arn]) is None


@pytest.mark.parametrize(
    "statuses, newest, lookups",
    [
        ([], None, 1),
        (["FAILED", "ABORTED", "FAILED"], 3, 4),
        # No attempt follows one that runs or has succeeded, so it is not looked up.
        (["FAILED", "RUNNING"], 2, 2),
        (["SUCCEEDED"], 1, 1),
    ],
)
def test_the_newest_attempt_is_the_last_one_that_exists(
    world: World, statuses: list[str], newest: int | None, lookups: int
) -> None:
    for number, status in enumerate(statuses, start=1):
        world.machine.machine.statuses[f"{PENDING}-{number}"] = [status]
    execution = newest_attempt(PENDING, world.machine)
    assert (execution and execution.arn) == (newest and arn_of(f"{PENDING}-{newest}"))
    assert len(world.machine.faults.called("find")) == lookups
