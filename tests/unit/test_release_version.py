"""Release Version: AWSPENDING off, and one sentence for the failed execution."""

import json
from typing import Any

import pytest

import check_target
import release_version
import roll_back
from rotation.errors import AccessDeniedError, ThrottlingError
from rotation.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from tests.unit.fakes import (
    CURRENT,
    EXECUTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    SECRET_ARN,
    World,
    make_target,
    secret_text,
)

CAUSE = json.dumps({"errorMessage": "It does not log in.", "errorType": "x", "stackTrace": []})
NAMED_AFTER_THE_TOKEN = f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{PENDING}-1"
FAILED_ROLL_BACK = {
    "RollBackFailure": {"Error": "UserBusyError", "Cause": '{"errorMessage": "It is busy."}'}
}
TOLD = "User app-id has its passwords from before again."


def state(**more: Any) -> dict[str, Any]:
    return {
        "ExecutionArn": EXECUTION_ARN,
        "Input": {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1},
        "Failure": {"Error": "PasswordRefusedError", "Cause": CAUSE},
        "RollBack": {"UserChanged": False, "Told": "Nothing had been changed."},
        **more,
    }


def checked(**more: Any) -> dict[str, Any]:
    return state(Target=make_target().to_state(), **more)


def put_back(**more: Any) -> dict[str, Any]:
    more = {"Generation": {"Generated": True}, **more}
    return checked(RollBack={"UserChanged": True, "Told": TOLD}, **more)


def release(world: World, found: dict[str, Any]) -> dict[str, str]:
    event = {"ExecutionArn": EXECUTION_ARN, "State": found}
    answer: dict[str, str] = world.call(release_version.handler, event)
    assert set(answer) == {"Error", "Cause"}
    return answer


@pytest.fixture
def staged(world: World) -> World:
    world.stage()
    return world


def test_the_first_error_stays_and_its_cause_tells_what_was_put_back(staged: World) -> None:
    answer = release(staged, put_back())
    assert answer == {"Error": "PasswordRefusedError", "Cause": f"It does not log in. {TOLD}"}


def test_awspending_is_on_no_version_afterwards_and_the_other_labels_stay(staged: World) -> None:
    release(staged, put_back())
    assert staged.secrets.version_with(AWSPENDING) is None
    assert staged.secrets.version_with(AWSCURRENT) == CURRENT
    assert staged.secrets.version_with(AWSPREVIOUS)


def test_a_second_call_changes_nothing(staged: World) -> None:
    first = release(staged, put_back())
    before = staged.secrets.snapshot()
    assert release(staged, put_back()) == first
    assert staged.secrets.snapshot() == before


def test_a_promoted_version_loses_awspending_alone(staged: World) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    release(staged, put_back())
    assert staged.secrets.snapshot()["labels"] == {PENDING: [AWSCURRENT], CURRENT: [AWSPREVIOUS]}


def test_another_runs_awspending_is_left_alone(staged: World) -> None:
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    before = staged.secrets.snapshot()
    release(staged, checked())
    assert staged.secrets.snapshot() == before


def test_a_moved_awscurrent_keeps_awspending_from_nobody(staged: World) -> None:
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSCURRENT)
    release(staged, put_back())
    assert staged.secrets.version_with(AWSPENDING) is None
    assert staged.secrets.version_with(AWSCURRENT) == OTHER


@pytest.mark.parametrize(
    "found",
    [
        state(ExecutionArn=NAMED_AFTER_THE_TOKEN),
        checked(),
        checked(Generation={"Generated": False}),
        checked(**FAILED_ROLL_BACK),
        put_back(**FAILED_ROLL_BACK),
    ],
    ids=["no target", "checked", "generated", "roll back failed", "put back, not verified"],
)
@pytest.mark.parametrize("text", [None, secret_text(PENDING_PASSWORD)])
def test_however_a_run_has_failed_its_awspending_comes_off(
    world: World, found: dict[str, Any], text: str | None
) -> None:
    # Left on, it would block the secret's schedule for ever.
    world.stage(text)
    release(world, found)
    assert world.secrets.version_with(AWSPENDING) is None
    assert world.secrets.version_with(AWSCURRENT) == CURRENT


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ExecutionArn": f"{NAMED_AFTER_THE_TOKEN}-x"},
        {"ExecutionArn": NAMED_AFTER_THE_TOKEN, "Input": {"SecretId": SECRET_ARN}},
        {"ExecutionArn": NAMED_AFTER_THE_TOKEN, "Input": None},
        {"Target": make_target(dry_run=True).to_state()},
    ],
)
def test_a_run_without_a_version_of_its_own_touches_no_label(
    staged: World, more: dict[str, Any]
) -> None:
    before = staged.secrets.snapshot()
    answer = release(staged, state(**more))
    assert staged.secrets.snapshot() == before
    assert staged.secrets.faults.calls == []
    assert answer["Error"] == "PasswordRefusedError"


def test_a_user_that_cannot_be_put_back_still_has_awspending_taken_off_and_is_told(
    staged: World,
) -> None:
    # Roll Back and Release Version, as the machine calls them.
    staged.modify()
    staged.users.faults.raise_at(
        "set_passwords", AccessDeniedError("ModifyUser answered AccessDenied.")
    )
    found = checked(Generation={"Generated": True})
    event = {"ExecutionArn": EXECUTION_ARN, "State": found}
    found["RollBack"] = staged.call(roll_back.handler, event)
    answer = release(staged, found)
    assert staged.secrets.version_with(AWSPENDING) is None
    assert "could not be put back" in answer["Cause"]
    assert "answered AccessDenied" in answer["Cause"]
    assert answer["Error"] == "PasswordRefusedError"


def test_a_user_that_is_gone_has_no_new_password(staged: World) -> None:
    failure = {"Error": "UserNotFoundError", "Cause": '{"errorMessage": "No user app-id."}'}
    found = checked(Generation={"Generated": True}, RollBackFailure=failure)
    del found["RollBack"]
    cause = release(staged, found)["Cause"]
    assert "The roll back failed too, with UserNotFoundError: No user app-id." in cause
    assert "may have the new password" not in cause


def test_a_roll_back_that_failed_is_told_beside_the_first_error(staged: World) -> None:
    answer = release(staged, checked(**FAILED_ROLL_BACK))
    assert answer["Error"] == "PasswordRefusedError"
    assert "The roll back failed too, with UserBusyError: It is busy." in answer["Cause"]


def test_a_roll_back_that_failed_does_not_say_that_nothing_had_been_changed(
    staged: World,
) -> None:
    staged.modify()
    found = checked(Generation={"Generated": True}, **FAILED_ROLL_BACK)
    del found["RollBack"]
    cause = release(staged, found)["Cause"]
    assert "Nothing had been changed" not in cause
    assert "may have the new password" in cause
    del found["Generation"]
    assert "may have the new password" not in release(staged, found)["Cause"]


@pytest.mark.parametrize("answers,told", [([True, True], "2 of 2"), ([True, False], "1 of 2")])
def test_the_logins_that_prove_the_roll_back_are_counted(
    staged: World, answers: list[bool], told: str
) -> None:
    cause = release(staged, put_back(Verified={"Answers": answers}))["Cause"]
    assert cause.endswith(f"AWSCURRENT logs in on {told} endpoints.")


def test_a_user_that_was_not_changed_back_is_not_told_to_log_in(staged: World) -> None:
    found = checked(Verified={"Answers": [True]})
    assert "logs in on" not in release(staged, found)["Cause"]


def test_an_awspending_that_cannot_be_taken_off_is_told_beside_the_first_error(
    staged: World,
) -> None:
    staged.secrets.faults.raise_at("move_label", AccessDeniedError("It answered AccessDenied."))
    answer = release(staged, put_back())
    assert answer["Error"] == "PasswordRefusedError"
    assert TOLD in answer["Cause"]
    assert f"AWSPENDING stays on version {PENDING}, with AccessDeniedError." in answer["Cause"]


def test_a_secret_that_has_gone_meanwhile_does_not_hide_the_first_error(staged: World) -> None:
    staged.secrets.exists = False
    assert release(staged, put_back())["Error"] == "PasswordRefusedError"


def test_awspending_comes_off_without_a_look_that_may_be_old(staged: World) -> None:
    release(staged, put_back())
    assert staged.secrets.version_with(AWSPENDING) is None
    assert staged.secrets.faults.called("describe") == []


def test_what_may_be_gone_a_moment_later_is_tried_again(staged: World) -> None:
    staged.secrets.faults.raise_at("move_label", ThrottlingError("too many"))
    with pytest.raises(ThrottlingError):
        release(staged, put_back())
    release(staged, put_back())
    assert staged.secrets.version_with(AWSPENDING) is None


def test_after_a_first_rotation_that_was_cut_off_and_one_that_failed_a_next_one_can_begin(
    staged: World,
) -> None:
    # Attempt 1 was stopped after Modify User; attempt 2 meets a network that does not answer.
    staged.secrets.texts[CURRENT] = secret_text(None)
    staged.users.passwords = [PENDING_PASSWORD]
    arn = NAMED_AFTER_THE_TOKEN.replace(f"{PENDING}-1", f"{PENDING}-2")
    found = state(ExecutionArn=arn)
    event = {"ExecutionArn": arn, "Input": found["Input"]}
    found["Target"] = staged.call(check_target.handler, event)
    found["RollBack"] = staged.call(roll_back.handler, {"ExecutionArn": arn, "State": found})
    release(staged, found)
    event = {"ExecutionArn": EXECUTION_ARN, "Input": {"SecretId": SECRET_ARN}}
    assert PENDING in staged.call(check_target.handler, event)["FirstPasswordCandidates"]
