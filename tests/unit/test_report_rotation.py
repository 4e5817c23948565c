"""Report Rotation."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import report_rotation
from rotation.errors import ThrottlingError
from tests.unit.fakes import (
    EXECUTION_ARN,
    PENDING,
    SECRET_ARN,
    USER_ID,
    USERNAME,
    World,
    make_target,
)

STATE: dict[str, Any] = {
    "Target": make_target().to_state(),
    "Network": {"Count": 3},
    "Checks": [{"CurrentLogsIn": True, "ProvenVersion": ""}] * 3,
    "Generation": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modification": {
        "StartedAt": "2026-03-01T12:00:00+00:00",
        "Status": "active",
        "Seconds": 123,
        "WaitSeconds": 2,
    },
}
EVENT: dict[str, Any] = {"ExecutionArn": EXECUTION_ARN, "State": STATE}


def metrics_in(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def test_the_answer_is_what_the_rotation_took(world: World) -> None:
    world.machine.machine.transitions = 17
    assert world.call(report_rotation.handler, EVENT) == {
        "SecretArn": SECRET_ARN,
        "VersionId": PENDING,
        "UserId": USER_ID,
        "Username": USERNAME,
        "ChangedValues": 1,
        "EndpointsTested": 3,
        "NotTested": [],
        "ModifyingSeconds": 123,
        # And the last state, which is entered afterwards.
        "Transitions": 18,
        "ReplacedUnknownPassword": False,
    }
    assert world.machine.faults.called("transitions") == [(EXECUTION_ARN,)]


def test_a_password_that_was_replaced_without_being_known_is_told(world: World) -> None:
    unknown = [*STATE["Checks"], {"CurrentLogsIn": False, "ProvenVersion": ""}]
    answer = world.call(report_rotation.handler, EVENT | {"State": STATE | {"Checks": unknown}})
    assert answer["ReplacedUnknownPassword"] is True


def test_caches_that_were_not_tested_are_told(world: World) -> None:
    network = STATE["Network"] | {"NotTested": ["other"]}
    answer = world.call(report_rotation.handler, EVENT | {"State": STATE | {"Network": network}})
    assert answer["NotTested"] == ["other"]


def test_a_rotation_that_another_execution_has_ended_is_reported_without_its_target(
    world: World,
) -> None:
    answer = world.call(report_rotation.handler, EVENT | {"State": {"Closing": {}}})
    assert (answer["EndpointsTested"], answer["ModifyingSeconds"]) == (0, 0)
    assert "UserId" not in answer


def test_a_rotation_is_counted_once(world: World, output: Callable[[], str]) -> None:
    world.call(report_rotation.handler, EVENT)
    (line,) = metrics_in(output())
    assert line["Rotations"] == [1.0]
    assert line["ModifyingSeconds"] == [123.0]
    assert line["EndpointsTested"] == [3.0]
    world.call(report_rotation.handler, EVENT)
    (line,) = metrics_in(output())
    assert line["Rotations"] == [1.0]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_report_that_is_tried_again_counts_once(world: World, output: Callable[[], str]) -> None:
    world.machine.faults.raise_at("transitions", ThrottlingError("too many"))
    with pytest.raises(ThrottlingError):
        world.call(report_rotation.handler, EVENT)
    world.call(report_rotation.handler, EVENT)
    assert len([line for line in metrics_in(output()) if "Rotations" in line]) == 1
