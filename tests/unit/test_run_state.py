"""What an execution's state says of the run."""

from typing import Any

import pytest

from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import RunState
from tests.unit.values import ENDPOINT, EXECUTION_ARN, NOW, make_target

MODIFICATION = Modification.begun(NOW)
GENERATION = {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45}


def run(**state: Any) -> RunState:
    return RunState.from_event({"ExecutionArn": EXECUTION_ARN, "State": state})


@pytest.mark.parametrize("execution_input", [None, "text", [1], {"Anything": 1}])
def test_at_first_a_run_has_only_its_input_whatever_that_is(execution_input: object) -> None:
    assert run(Input=execution_input) == RunState(EXECUTION_ARN, execution_input)


def test_at_its_end_a_run_has_everything() -> None:
    endpoint = str(ENDPOINT)
    assert run(
        Input={"SecretId": "s"},
        Target=make_target().to_state(),
        Network={"Endpoints": [ENDPOINT.to_state()] * 2, "Count": 2, "NotTested": ["other"]},
        Checks=[{"Endpoint": endpoint, "CurrentLogsIn": True, "ProvenVersion": ""}] * 2,
        Generation=GENERATION,
        Modification=MODIFICATION.to_state(),
        Failure={"Error": "E", "Cause": "It failed."},
        Verification=[
            {"Endpoint": endpoint, "Result": "LOGGED_IN"},
            {"Endpoint": endpoint, "Result": "EndpointUnreachableError"},
        ],
    ) == RunState(
        execution_arn=EXECUTION_ARN,
        execution_input={"SecretId": "s"},
        target=make_target(),
        endpoint_count=2,
        not_tested=("other",),
        staged=True,
        modification=MODIFICATION,
        verification=("LOGGED_IN", "EndpointUnreachableError"),
        failure=Failure("E", "It failed."),
    )


def test_a_run_is_staged_once_there_is_a_password_to_set() -> None:
    # Modify User may have changed the user, even if its answer was lost.
    assert run(Target=make_target().to_state(), Generation=GENERATION).staged
    assert not run(Target=make_target().to_state()).staged


@pytest.mark.parametrize(
    "checks, replaced",
    [
        ([], False),
        ([{}], False),
        ([{"CurrentLogsIn": True}] * 2, False),
        ([{"CurrentLogsIn": True}, {"CurrentLogsIn": False}], True),
    ],
)
def test_where_awscurrent_did_not_log_in_an_unknown_password_is_replaced(
    checks: list[dict[str, bool]], replaced: bool
) -> None:
    assert run(Checks=checks).replaced_unknown_password is replaced


def test_a_verification_without_endpoints_is_one() -> None:
    assert run(Verification=[]).verification == ()


FIRST, LATER = {"Error": "FirstError", "Cause": "It was."}, {"Error": "LaterError", "Cause": ""}


@pytest.mark.parametrize(
    "state",
    [
        {"Failure": FIRST, "VerificationFailure": LATER, "ClosingFailure": LATER},
        # An unreachable endpoint is why endpoints were looked for again.
        {"Network": {"Endpoints": [], "Count": 0, "Unreachable": FIRST}, "Failure": LATER},
    ],
)
def test_the_first_failure_counts(state: dict[str, Any]) -> None:
    assert run(**state).failure == Failure("FirstError", "It was.")
