"""Notify Failure: what people read of an execution that did not succeed."""

import json

import pytest

from notify_failure import handler
from rotation.adapters.topic import Message
from rotation.rules.message import console_url
from tests.unit.fakes import World
from tests.unit.values import SECRET_ARN, SECRET_NAME, Json, entered, exited

INPUT = json.dumps({"SecretId": SECRET_ARN})


def event(world: World, status: str = "FAILED", text: str | None = INPUT) -> Json:
    world.machine.machine.statuses["run-1"] = [status]
    return {"detail": {"name": "run-1", "status": status, "input": text}}


def notify(world: World, *how: str | None) -> Message:
    answer = world.call(handler, event(world, *how))  # type: ignore[arg-type]
    [message] = world.topic.messages
    assert answer == {"Subject": message.subject}
    return message


def test_a_notification_has_the_cause_what_to_do_and_where_to_look(world: World) -> None:
    untouched = {"Clients": "NOT_LOCKED_OUT", "User": "UNTOUCHED"}
    state = {"Closing": untouched, "Target": {"UserId": "app"}}
    world.machine.machine.history = [exited("Close Rotation", state)]
    message = notify(world)
    assert message.subject == f"{SECRET_NAME}: rotation FAILED, PasswordRefusedError"
    arn = world.machine.arn("run-1")
    assert message.text.split("\n\n") == [
        "Clients: not locked out by this run (the user was not changed)",
        "The rotation ended FAILED, PasswordRefusedError, at 2026-03-01 12:00:00 UTC.",
        "The new password does not log in.",
        f"Secret {SECRET_NAME} of user app, account 123456789012, us-east-1.",
        "What this means, and what to do: docs/troubleshooting.md, PasswordRefusedError.",
        f"The execution: {arn}",
        f"In the console: {console_url(arn)}",
    ]


def test_what_is_left_is_read_from_the_history(world: World) -> None:
    current = {"LoggedIn": 0, "Of": 2, "At": "2026-03-01T03:12:40+00:00"}
    codes = {"Clients": "LOCKED_OUT", "User": "BOTH_PASSWORDS", "Current": current}
    closed = exited("Close Rotation", {"Closing": codes})
    world.machine.machine.history = [closed, entered("Modify User", {})]
    assert notify(world).text.startswith(
        "Clients: LOCKED OUT (AWSCURRENT logged in on 0 of 2 endpoints at 03:12 UTC)\n"
    )
    assert world.machine.faults.called("history") == [(world.machine.arn("run-1"), True)]


@pytest.mark.parametrize(
    "status,why", [("ABORTED", "stopped it"), ("TIMED_OUT", "longer than the state machine's")]
)
def test_an_end_without_a_cause_says_what_may_be_left(world: World, status: str, why: str) -> None:
    text = notify(world, status).text
    assert why in text
    assert "Start an execution by hand, which makes a new version" in text


def test_a_dry_run_is_called_one(world: World) -> None:
    message = notify(world, "FAILED", json.dumps({"SecretId": "app", "DryRun": True}))
    assert message.subject == "app: dry run FAILED, PasswordRefusedError"


@pytest.mark.parametrize("text", [None, "", "no JSON", "[]", "{}", '{"SecretId": 1}'])
def test_an_execution_without_a_secret_name_is_published(world: World, text: str | None) -> None:
    assert "a secret without a name" in notify(world, "FAILED", text).subject


def test_an_execution_that_is_gone_is_not_published(world: World) -> None:
    gone = event(world)
    world.machine.machine.statuses.clear()
    assert world.call(handler, gone) == {"Subject": ""}
    assert world.topic.messages == []
