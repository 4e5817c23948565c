"""Each path of the state machine, with mocked tasks, on each engine: see tools/asl."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from report.history import run_of
from report.run import Run
from tools.asl import coverage, engines
from tools.asl.answers import MACHINE, MOCK_CONFIG, RETRIES, definition
from tools.asl.cases import Case, CloseInput, cases
from tools.asl.mock_config import mock_config

CASES = {case.name: case for case in cases()}
DEFINITION = json.loads(definition())
ENGINES = {"embedded": engines.embedded, "ministack": engines.ministack}
#: For an engine that waits.
MOST_SECONDS = 900
#: DescribeExecution's answer at the end of a case's execution, and its events.
Execute = Callable[[str], tuple[dict[str, Any], list[Any]]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "execute" in metafunc.fixturenames:
        endpoint = metafunc.config.getoption("stepfunctions_endpoint")
        # ministack's histories do not show the states inside of a Map.
        names = ["embedded"] if "runs" in metafunc.fixturenames else [*ENGINES]
        names = [endpoint] if endpoint else names
        metafunc.parametrize("execute", names, indirect=True, scope="module")


def without_long_waits(text: str) -> str:
    """The state machine with the shortest waits that are allowed between retries.

    Step Functions Local's WAIT_TIME_SCALE is said not to be for these
    (https://repost.aws/questions/QUrSfPBS0lSgGHiZYPFLMWfw).
    """

    def shorter(shape: dict[str, Any]) -> dict[str, Any]:
        return shape | {"IntervalSeconds": 1, "BackoffRate": 1} if "BackoffRate" in shape else shape

    return json.dumps(json.loads(text, object_hook=shorter))


@pytest.fixture(scope="module")
def execute(request: pytest.FixtureRequest) -> Iterator[Execute]:
    """Executes a case, once."""
    url = None if request.param in ENGINES else request.param
    connection = nullcontext(engines.client(url)) if url else ENGINES[request.param]()
    with connection as client:
        try:
            machine = create(client, without_long_waits(definition()) if url else definition())
        except EndpointConnectionError:
            pytest.exit(f"error: --stepfunctions-endpoint: nothing answers at {url}", returncode=4)

        @cache
        def start(case: str) -> str:
            name, given = f"{case}-{uuid.uuid4().hex[:8]}", json.dumps({"SecretId": "app"})
            started = client.start_execution(
                stateMachineArn=f"{machine}#{case}", name=name, input=given
            )
            return str(started["executionArn"])

        for case in CASES if url else ():
            start(case)
        yield cache(lambda case: outcome(client, start(case)))


def create(client: Any, text: str) -> str:
    """Creates the state machine, or updates it; the ARN."""
    for page in client.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"] == MACHINE:
                arn = str(machine["stateMachineArn"])
                client.update_state_machine(stateMachineArn=arn, definition=text)
                return arn
    role = "arn:aws:iam::123456789012:role/machine"
    made = client.create_state_machine(name=MACHINE, definition=text, roleArn=role)
    return str(made["stateMachineArn"])


def outcome(client: Any, execution: str) -> tuple[dict[str, Any], list[Any]]:
    deadline = time.monotonic() + MOST_SECONDS
    pages = client.get_paginator("get_execution_history")
    while time.monotonic() < deadline:
        described = client.describe_execution(executionArn=execution)
        found = pages.paginate(executionArn=execution, PaginationConfig={"PageSize": 1000})
        events = [event for page in found for event in page["events"]]
        # An engine may say that it has ended before it has written down all of it.
        if described["status"] != "RUNNING" and events[-1]["type"].startswith("Execution"):
            return described, events
        time.sleep(0.02)
    raise AssertionError(f"{execution} is still running")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_execution_takes_its_path_to_its_end(case: Case, execute: Execute) -> None:
    """How often each task is invoked is seen, too: each invocation gets its own answer."""
    described, events = execute(case.name)
    entered = [each["stateEnteredEventDetails"] for each in events if "Entered" in each["type"]]
    outside = [each for each in entered if each["name"] in DEFINITION["States"]]
    assert [each["name"] for each in outside] == [*case.path]
    ended = described["status"], described.get("error") or "", described.get("cause") or ""
    assert ended == (case.status, case.error, case.cause)
    close = [json.loads(each["input"]) for each in outside if each["name"] == "Close Rotation"]
    assert [
        CloseInput(
            state["Failure"],
            state.get("Network", {}).get("Unreachable"),
            state.get("Verification"),
        )
        for state in close
    ] == ([case.close_input] if case.close_input else [])


@pytest.fixture
def runs(execute: Execute) -> dict[str, Run]:
    """What the history of each case shows."""
    outcomes = {case: execute(case) for case in CASES}
    return {case: run_of(events, described) for case, (described, events) in outcomes.items()}


def test_the_cases_pass_all_parts_of_the_state_machine(
    runs: dict[str, Run], record_property: Callable[[str, object], None]
) -> None:
    record_property("asl_coverage", [*coverage.table(DEFINITION, [*runs.values()])])
    assert coverage.parts(DEFINITION) - coverage.passed(DEFINITION, runs.values()) == set()


CLOSE_RETRIES = [errors for errors, _ in RETRIES["Close Rotation"]]


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
        (["ModifyUserGivesUpOnAccessDeniedError"], ["retries exhausted: AccessDeniedError"]),
        (
            ["EachStateRecoversAfterAFailure"],
            [
                *(f"errors retried: Close Rotation: {each}" for each in sum(CLOSE_RETRIES, ())),
                *(f"retries recovered: Close Rotation: {', '.join(e)}" for e in CLOSE_RETRIES),
            ],
        ),
        (
            ["EndpointsChanged", "EndpointsChangedAndForgotten", "EndpointsTheSame"],
            ["catches: Test Authentication: EndpointUnreachableError -> Find Endpoints Again"],
        ),
    ],
)
def test_what_no_case_passes_is_named(
    without: list[str], gaps: list[str], runs: dict[str, Run]
) -> None:
    left = [run for case, run in runs.items() if case not in without]
    found = coverage.parts(DEFINITION) - coverage.passed(DEFINITION, left)
    assert {gap for gap in found if "Log In With Current" not in gap} == {*gaps}


def test_the_mock_configuration_is_that_of_the_cases() -> None:
    assert MOCK_CONFIG.read_text() == mock_config(), "run `make snapshots`"
