"""What an execution's state tells of the run."""

from typing import Any

import pytest

from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import RunState
from tests.unit.fakes import ENDPOINT, EXECUTION_ARN, NOW, SECRET_ARN, make_target

GIVEN = {"SecretId": SECRET_ARN}
MODIFICATION = Modification.begun(NOW)


def run(**state: Any) -> RunState:
    return RunState.from_event({"ExecutionArn": EXECUTION_ARN, "State": state})


def test_a_run_that_has_come_to_nothing_has_its_input_alone() -> None:
    assert run(Input=GIVEN) == RunState(EXECUTION_ARN, GIVEN)


def test_a_run_that_has_come_to_its_end_has_everything() -> None:
    endpoint = str(ENDPOINT)
    assert run(
        Input=GIVEN,
        Target=make_target().to_state(),
        Network={"Endpoints": [ENDPOINT.to_state()] * 2, "Count": 2, "NotTested": ["other"]},
        Checks=[{"Endpoint": endpoint, "CurrentLogsIn": True, "ProvenVersion": ""}] * 2,
        Generation={"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
        Modification=MODIFICATION.to_state(),
        Failure={"Error": "E", "Cause": "It failed."},
        Verification=[
            {"Endpoint": endpoint, "Result": "LOGGED_IN"},
            {"Endpoint": endpoint, "Result": "EndpointUnreachableError"},
        ],
    ) == RunState(
        execution_arn=EXECUTION_ARN,
        execution_input=GIVEN,
        target=make_target(),
        endpoint_count=2,
        not_tested=("other",),
        staged=True,
        modification=MODIFICATION,
        verification=("LOGGED_IN", "EndpointUnreachableError"),
        failure=Failure("E", "It failed."),
    )


def test_modify_user_was_entered_once_there_was_a_password_to_set() -> None:
    # It may have changed the user, whatever became of its answer.
    generation = {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45}
    assert run(Target=make_target().to_state(), Generation=generation).staged
    assert not run(Target=make_target().to_state()).staged


@pytest.mark.parametrize("given", [None, "text", [1], {"Anything": 1}])
def test_the_input_is_whatever_a_person_has_typed(given: object) -> None:
    assert run(Input=given).execution_input == given


@pytest.mark.parametrize(
    "logs_in,replaced", [([], False), ([True, True], False), ([True, False], True)]
)
def test_where_awscurrent_did_not_log_in_an_unknown_password_is_replaced(
    logs_in: list[bool], replaced: bool
) -> None:
    checks = [{"CurrentLogsIn": each} for each in logs_in]
    assert run(Checks=checks).replaced_unknown_password is replaced


def test_a_check_that_does_not_say_whether_it_logged_in_did() -> None:
    assert run(Checks=[{}]).replaced_unknown_password is False


def test_a_verification_of_no_endpoint_is_one() -> None:
    assert run(Verification=[]).verification == ()


def test_an_endpoint_that_did_not_answer_is_why_the_look_for_others_failed() -> None:
    unreachable = {"Error": "EndpointUnreachableError", "Cause": "It cannot be reached."}
    network = {"Endpoints": [], "Count": 0, "Unreachable": unreachable}
    later = {"Error": "NoEndpointError", "Cause": "No cache serves the user."}
    found = run(Network=network, Failure=later).failure
    assert found == Failure("EndpointUnreachableError", "It cannot be reached.")


def test_what_fails_afterwards_hides_no_failure() -> None:
    first = {"Error": "UserBusyError", "Cause": "It is busy."}
    later = {"Error": "States.Timeout", "Cause": ""}
    state = {"Failure": first, "VerificationFailure": later, "ClosingFailure": later}
    assert run(**state).failure == Failure("UserBusyError", "It is busy.")
