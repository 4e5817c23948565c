"""Notify Failure: what people read of an execution that did not succeed."""

import json
from typing import Any

import pytest

import notify_failure
from rotation.adapters.step_functions import Ending
from rotation.adapters.topic import Message
from rotation.errors import ThrottlingError
from rotation.rules.message import console_url
from tests.unit.fakes import EXECUTION_ARN, SECRET_ARN, World

NAME = EXECUTION_ARN.rpartition(":")[2]
SECRET_NAME = SECRET_ARN.rpartition(":")[2][:-7]


def tell(world: World, status: str, given: Any = None) -> Message:
    world.machine.machine.statuses[NAME] = [status]
    text = json.dumps({"SecretId": SECRET_ARN}) if given is None else given
    told = world.call(
        notify_failure.handler, {"detail": {"name": NAME, "status": status, "input": text}}
    )
    [message] = world.topic.messages
    assert told == {"Subject": message.subject}
    return message


def test_a_failure_is_told_with_its_cause_what_to_do_and_where_to_look(world: World) -> None:
    world.machine.machine.ending = Ending(user_id="app")
    message = tell(world, "FAILED")
    assert message.subject == f"{SECRET_NAME}: rotation FAILED, PasswordRefusedError"
    arn = world.machine.arn(NAME)
    assert message.text.split("\n\n") == [
        "Clients: not locked out by this run (the user was not changed)",
        "The rotation ended FAILED, PasswordRefusedError, at 2026-03-01 12:00:00 UTC.",
        "The new password does not log in.",
        f"Secret {SECRET_NAME} of user app, account 123456789012, us-east-1.",
        "What this means, and what to do: docs/troubleshooting.md, PasswordRefusedError.",
        f"The execution: {arn}",
        f"In the console: {console_url(arn)}",
    ]


@pytest.mark.parametrize(
    "status, why", [("ABORTED", "stopped it"), ("TIMED_OUT", "longer than the state machine's")]
)
def test_an_end_without_a_cause_says_what_may_be_left(world: World, status: str, why: str) -> None:
    world.machine.machine.ending = Ending(user_reached=True)
    message = tell(world, status)
    assert message.text.startswith("Clients: unknown (Close Rotation has not verified it)\n")
    assert message.subject == f"{SECRET_NAME}: rotation {status}"
    assert f"ended {status}, at " in message.text
    assert why in message.text
    assert "Start an execution by hand, which makes a new version" in message.text
    assert f"docs/troubleshooting.md, {status}." in message.text


def test_what_is_left_is_read_from_the_history(world: World) -> None:
    current = {"LoggedIn": 0, "Of": 2, "At": "2026-03-01T03:12:40+00:00"}
    codes = {"Clients": "LOCKED_OUT", "User": "BOTH_PASSWORDS", "Current": current}
    world.machine.machine.ending = Ending(codes)
    assert tell(world, "FAILED").text.startswith(
        "Clients: LOCKED OUT (AWSCURRENT logged in on 0 of 2 endpoints at 03:12 UTC)\n"
    )


def test_a_dry_run_is_called_one(world: World) -> None:
    message = tell(world, "FAILED", json.dumps({"SecretId": "app", "DryRun": True}))
    assert message.subject == "app: dry run FAILED, PasswordRefusedError"


@pytest.mark.parametrize("given", ["", "no JSON", "[]", "{}", '{"SecretId": 1}'])
def test_an_input_that_names_no_secret_is_no_reason_to_be_silent(world: World, given: str) -> None:
    assert "a secret without a name" in tell(world, "FAILED", given).subject


def test_an_input_that_the_event_leaves_out_is_none_either(world: World) -> None:
    world.machine.machine.statuses[NAME] = ["FAILED"]
    world.call(
        notify_failure.handler, {"detail": {"name": NAME, "status": "FAILED", "input": None}}
    )
    assert "a secret without a name" in world.topic.messages[0].subject


def test_an_execution_that_is_gone_is_not_told(world: World) -> None:
    event = {"detail": {"name": "deleted", "status": "FAILED", "input": "{}"}}
    assert world.call(notify_failure.handler, event) == {"Subject": ""}
    assert world.topic.messages == []


def test_what_cannot_be_told_fails_so_that_lambda_tries_again(world: World) -> None:
    world.topic.faults.raise_at("publish", ThrottlingError("Publish answered Throttling."))
    with pytest.raises(ThrottlingError):
        tell(world, "FAILED")
