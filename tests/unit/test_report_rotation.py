"""Report Rotation."""

from typing import Any

import pytest

from report_rotation import handler
from rotation.errors import ThrottlingError
from tests.unit.conftest import Lines
from tests.unit.events import BY_TOKEN, CHECKS, STATE
from tests.unit.fakes import World
from tests.unit.values import PENDING, SECRET_ARN, USER_ID, USERNAME, Json


def event(**more: Any) -> Json:
    return {"ExecutionArn": BY_TOKEN, "State": STATE | more}


def test_the_answer_is_what_the_rotation_took(world: World) -> None:
    world.machine.machine.history = [{"type": "PassStateEntered"}] * 17
    assert world.call(handler, event()) == {
        "SecretArn": SECRET_ARN,
        "VersionId": PENDING,
        "UserId": USER_ID,
        "Username": USERNAME,
        "ChangedValues": 1,
        "EndpointsTested": 1,
        "NotTested": [],
        "ModifyingSeconds": 123,
        # And the last state, which is entered afterwards.
        "Transitions": 18,
        "ReplacedUnknownPassword": False,
    }
    assert world.machine.faults.called("history") == [(BY_TOKEN, False)]


def test_the_answer_names_what_was_not_tested_or_known(world: World) -> None:
    unknown = [*CHECKS, {"CurrentLogsIn": False, "ProvenVersion": ""}]
    network = {"Count": 3, "NotTested": ["other"]}
    answer = world.call(handler, event(Checks=unknown, Network=network))
    assert (answer["EndpointsTested"], answer["NotTested"]) == (3, ["other"])
    assert answer["ReplacedUnknownPassword"] is True


def test_a_rotation_that_another_run_has_ended_has_no_target(world: World) -> None:
    answer = world.call(handler, {"ExecutionArn": BY_TOKEN, "State": {"Closing": {}}})
    assert (answer["EndpointsTested"], answer["ModifyingSeconds"]) == (0, 0)
    assert "UserId" not in answer


def test_a_rotation_is_counted_once_although_retried(world: World, metric_lines: Lines) -> None:
    world.machine.faults.raise_at("history", ThrottlingError("too many"))
    with pytest.raises(ThrottlingError):
        world.call(handler, event())
    for _ in range(2):
        world.call(handler, event())
        (line,) = metric_lines()
        assert line["Rotations"] == line["EndpointsTested"] == [1.0]
        assert line["ModifyingSeconds"] == [123.0]
