"""The cost of an execution, from its history."""

import io
import json

import pytest

from report.cost import GB_SECOND, REQUEST, TRANSITION, cost_of, main
from tests.report.foreign import History

TYPES = [
    "ExecutionStarted",
    *("TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed"),
    *("TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"),
    *("SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"),
]
HISTORY = History()
for kind in TYPES:
    HISTORY.add(kind, len(HISTORY.events))
EVENTS = HISTORY.events


def test_the_cost_is_that_of_transitions_retries_and_the_time_of_tasks() -> None:
    cost = cost_of(EVENTS)
    assert (cost.transitions, cost.invocations, cost.task_seconds, cost.seconds) == (3, 2, 2, 11)
    step_functions, tasks = 3 * TRANSITION, 2 * 0.25 * GB_SECOND + 2 * REQUEST
    rotation_function = 11 * 0.125 * GB_SECOND + 4 * REQUEST
    assert cost.total == pytest.approx(step_functions + tasks + rotation_function)


def test_the_command_reads_the_output_of_the_aws_cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"events": EVENTS})))
    assert main() == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["transitions", "3", "$0.000075"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"events": []}'])
def test_other_input_is_an_error_in_one_line(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main() == 1
    captured = capsys.readouterr()
    assert (captured.out, len(captured.err.splitlines())) == ("", 1)
