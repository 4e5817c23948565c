"""Versions and executions, told by each other's names."""

import re
import uuid

import pytest

from rotation.rules.executions import (
    execution_name,
    is_attempt,
    is_derived,
    newest_execution,
    running_execution_for,
    version_of,
)
from tests.unit.fakes import EXECUTION_ARN, OTHER, PENDING, World

ODD_TOKENS = ["with space and more than 32 chars", "a/b:c" * 8, "{token}" * 5, "t\u00fcken" * 8]


def test_a_run_by_hand_makes_the_version_of_its_name_where_that_is_a_uuid(world: World) -> None:
    assert version_of(world.machine.arn(OTHER)) == OTHER
    assert not is_derived(OTHER)


@pytest.mark.parametrize(
    "name", ["run-1", "ABCDEF00-ABCD-4BCD-8BCD-ABCDEF000000", f"{OTHER}-1", "x" * 36]
)
def test_another_name_makes_a_version_that_is_derived_from_the_executions_arn(
    world: World, name: str
) -> None:
    version = version_of(world.machine.arn(name))
    assert version == version_of(world.machine.arn(name))
    assert version != version_of(world.machine.arn(f"{name}x"))
    assert is_derived(version)
    assert uuid.UUID(version)


@pytest.mark.parametrize("token", [PENDING, "t" * 64, "with.dots_and-hyphens" * 2])
@pytest.mark.parametrize("attempt", [1, 12])
def test_an_executions_name_can_be_looked_for(token: str, attempt: int) -> None:
    assert execution_name(token, attempt) == f"{token}-{attempt}"


@pytest.mark.parametrize("token", ODD_TOKENS)
def test_a_token_that_no_name_can_have_gets_one_that_can(token: str) -> None:
    name = execution_name(token, 3)
    assert re.fullmatch(r"[a-f0-9-]{36}-3", name)
    assert name == execution_name(token, 3)
    assert len({execution_name(each, 3) for each in ODD_TOKENS}) == len(ODD_TOKENS)


@pytest.mark.parametrize("token", [PENDING, *ODD_TOKENS])
def test_an_attempt_is_known_by_its_name(world: World, token: str) -> None:
    arn = world.machine.arn(execution_name(token, 3))
    assert is_attempt(token, arn)
    assert running_execution_for(token, [EXECUTION_ARN, arn]) == arn
    assert not is_attempt(OTHER, arn)
    assert running_execution_for(OTHER, [EXECUTION_ARN, arn]) is None


@pytest.mark.parametrize(
    "name", [PENDING, f"{PENDING}-dry-run-1", f"{PENDING}-", f"x{PENDING}-1", "1"]
)
def test_a_name_that_only_looks_like_an_attempts_is_none(world: World, name: str) -> None:
    assert not is_attempt(PENDING, world.machine.arn(name))


@pytest.mark.parametrize("name", [OTHER, "run-1"])
def test_a_run_by_hand_is_known_by_its_version(world: World, name: str) -> None:
    arn = world.machine.arn(name)
    assert running_execution_for(version_of(arn), [arn]) == arn
    assert running_execution_for(PENDING, [arn]) is None


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_the_newest_attempt_is_the_last_that_there_is(world: World, status: str) -> None:
    statuses = world.machine.machine.statuses
    assert newest_execution(PENDING, world.machine) is None
    statuses |= {f"{PENDING}-1": ["FAILED"], f"{PENDING}-2": ["ABORTED"], f"{PENDING}-3": [status]}
    newest = newest_execution(PENDING, world.machine)
    assert newest
    assert newest.status == status
    assert newest.arn.endswith("-3")


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_nothing_is_asked_beyond_an_attempt_that_no_other_follows(
    world: World, status: str
) -> None:
    world.machine.machine.statuses[f"{PENDING}-1"] = [status]
    newest_execution(PENDING, world.machine)
    assert world.machine.faults.called("find") == [(f"{PENDING}-1",)]
