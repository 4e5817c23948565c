"""The cost of an execution, from its history."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from report.cost import GB_SECOND, REQUEST, TRANSITION, cost_of
from tests import preloaded


def history(*types: str) -> list[dict[str, Any]]:
    return [
        {"id": number, "previousEventId": number - 1, "type": name, "timestamp": 1000.0 + number}
        for number, name in enumerate(types, 1)
    ]


EVENTS = history(
    "ExecutionStarted",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskStarted",
    "TaskFailed",
    "TaskScheduled",
    "TaskStarted",
    "TaskSucceeded",
    "TaskStateExited",
    "SucceedStateEntered",
    "SucceedStateExited",
    "ExecutionSucceeded",
)


def test_a_retry_is_a_transition() -> None:
    assert cost_of(EVENTS).transitions == 3


def test_the_time_of_tasks_is_that_between_start_and_end() -> None:
    cost = cost_of(EVENTS)
    assert (cost.invocations, cost.task_seconds, cost.seconds) == (2, 2.0, 11.0)


def test_the_sum() -> None:
    cost = cost_of(EVENTS)
    expected = (
        3 * TRANSITION + 2 * 0.25 * GB_SECOND + 2 * REQUEST + 11 * 0.125 * GB_SECOND + 4 * REQUEST
    )
    assert cost.total == pytest.approx(expected)


def run(text: str) -> subprocess.CompletedProcess[str]:
    command = [preloaded.python(), "-m", "report.cost"]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, input=text, capture_output=True, text=True)


def test_it_reads_what_the_aws_cli_prints() -> None:
    events = [
        {**event, "timestamp": f"2026-11-24T00:00:{event['id']:02}+00:00"} for event in EVENTS
    ]
    done = run(json.dumps({"events": events}))
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["transitions", "3", "$0.000075"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"events": []}'])
def test_anything_else_is_answered_in_one_line(text: str) -> None:
    done = run(text)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
