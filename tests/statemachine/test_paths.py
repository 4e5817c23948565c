"""Each path of the machine, with mocked tasks, on every engine: see cases.py and engines.py."""

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from report.history import run_of
from report.run import Run
from tests.statemachine import coverage
from tests.statemachine.cases import (
    INPUT,
    MACHINE,
    RETRIES,
    Case,
    Told,
    cases,
    definition,
    mock_config,
)
from tests.statemachine.coverage import Coverage
from tests.statemachine.engines import MOCK_CONFIG

CASES = {case.name: case for case in cases()}
DEFINITION = json.loads(definition())
MOST_SECONDS = 900


@dataclass
class Runs:
    """The execution of each case, by its name."""

    engine: str
    by_case: dict[str, Run] = field(default_factory=dict)

    @property
    def untold(self) -> set[str]:
        """The states of which the histories say nothing."""
        hidden = coverage.untold(DEFINITION, self.by_case.values())
        return {part.name for part in hidden if part.kind == "states"}

    def measured(self, without: Sequence[str] = ()) -> Coverage:
        """The coverage by all cases but some."""
        runs = [run for name, run in self.by_case.items() if name not in without]
        return Coverage.measured(self.engine, DEFINITION, runs)


def unhurried(text: str) -> str:
    """The machine with the shortest waits that are allowed between retries.

    Step Functions Local's WAIT_TIME_SCALE is said not to be for these
    (https://repost.aws/questions/QUrSfPBS0lSgGHiZYPFLMWfw).
    """

    def shorter(shape: dict[str, Any]) -> dict[str, Any]:
        return shape | {"IntervalSeconds": 1, "BackoffRate": 1} if "BackoffRate" in shape else shape

    return json.dumps(json.loads(text, object_hook=shorter))


@pytest.fixture(scope="module")
def runs(engine: tuple[str, str]) -> Runs:
    """All cases at once: waiting is most of it."""
    name, url = engine
    client = boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(read_timeout=300, retries={"total_max_attempts": 1}),
    )
    text = unhurried(definition()) if name == "endpoint" else definition()
    try:
        arn = _machine(client, text)
    except EndpointConnectionError:
        pytest.exit(f"error: --stepfunctions-endpoint: nothing answers at {url}", returncode=4)
    started = {
        case: client.start_execution(
            stateMachineArn=f"{arn}#{case}",
            name=f"{case}-{uuid.uuid4().hex[:8]}",
            input=json.dumps(INPUT),
        )["executionArn"]
        for case in CASES
    }
    return Runs(name, {case: _run(client, execution) for case, execution in started.items()})


def _machine(client: Any, text: str) -> str:
    role = "arn:aws:iam::123456789012:role/machine"
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == MACHINE:
                arn = str(machine["stateMachineArn"])
                client.update_state_machine(stateMachineArn=arn, definition=text)
                return arn
    made = client.create_state_machine(name=MACHINE, definition=text, roleArn=role)
    return str(made["stateMachineArn"])


def _run(client: Any, execution: str) -> Run:
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        if client.describe_execution(executionArn=execution)["status"] != "RUNNING":
            events = _history(client, execution)
            # An engine may tell of the end before it has written down all of it.
            if events[-1]["type"] in ("ExecutionSucceeded", "ExecutionFailed"):
                told = client.describe_execution(executionArn=execution)
                return run_of(coverage.linked(events), told)
        assert time.monotonic() < deadline, f"{execution} still runs"
        time.sleep(0.1)


def _history(client: Any, execution: str) -> list[Any]:
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=execution, PaginationConfig={"PageSize": 1000}
    )
    return [event for page in pages for event in page["events"]]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_execution_takes_its_path_to_its_end(case: Case, runs: Runs) -> None:
    run = runs.by_case[case.name]
    assert [visit.name for visit in run.top()] == [*case.path]
    assert (run.status, run.error, run.cause) == (case.status, case.error, case.cause)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_task_is_tried_as_often_as_its_retries_say(case: Case, runs: Runs) -> None:
    tried = {task: 0 for task in case.tasks if task not in runs.untold}
    for visit in runs.by_case[case.name].visits:
        if visit.name in tried:
            tried[visit.name] += len(visit.attempts)
    assert tried == {task: case.attempts(task) for task in tried}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_close_rotation_is_told_all_that_went_wrong(case: Case, runs: Runs) -> None:
    visits = runs.by_case[case.name].visits
    given = [json.loads(visit.input) for visit in visits if visit.name == "Close Rotation"]
    assert [
        Told(
            state["Failure"],
            state.get("Network", {}).get("Unreachable"),
            state.get("Verification"),
        )
        for state in given
    ] == ([case.told] if case.told else [])


def test_all_parts_of_the_machine_are_passed(
    runs: Runs, record_property: Callable[[str, object], None]
) -> None:
    measured = runs.measured()
    record_property("asl_coverage", measured.to_json())
    assert measured.gaps == []
    # What histories cannot tell is only inside of Maps, or how a Map ended.
    assert runs.engine != "embedded" or not measured.untold


@pytest.mark.parametrize(
    "without, gaps",
    [
        (
            ["UserCannotBecomeActive"],
            [
                "choice branches: User Active? -> User Cannot Become Active (Default)",
                "states: User Cannot Become Active",
                "transitions: User Cannot Become Active -> Verify Current Password",
            ],
        ),
        (["PromotedAfterAll"], ["choice branches: Promoted After All? -> Report Rotation"]),
        (["ModifyUserGivesUpOnAccessDeniedError"], ["retries exhausted: AccessDeniedError"]),
        (
            ["EachStateRecoversAfterAFailure"],
            [
                *sorted(
                    f"errors retried: Close Rotation: {error}"
                    for errors, _ in RETRIES["Close Rotation"]
                    for error in errors
                ),
                *sorted(
                    f"retries recovered: Close Rotation: {', '.join(errors)}"
                    for errors, _ in RETRIES["Close Rotation"]
                ),
            ],
        ),
        (
            ["EndpointsChanged", "EndpointsChangedAndForgotten", "EndpointsTheSame"],
            ["catches: Test Authentication: EndpointUnreachableError -> Find Endpoints Again"],
        ),
    ],
)
def test_what_no_case_passes_is_named(without: list[str], gaps: list[str], runs: Runs) -> None:
    named = runs.measured(without).gaps
    # Of what is inside of a Map only one engine tells.
    assert [gap for gap in named if "Log In With Current" not in gap] == gaps


def test_the_mock_configuration_is_that_of_the_cases() -> None:
    assert MOCK_CONFIG.read_text() == mock_config(), "run make mocks"
