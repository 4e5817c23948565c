"""How a run that failed ends: AWSPENDING is removed, and the cause says what is left."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from rotation import errors
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import RunState
from rotation.rules import closing
from rotation.rules.closing import USER_SENTENCES, Closing, close
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    EXECUTION_ARN,
    NOW,
    OTHER,
    PENDING,
    PREVIOUS,
    SECRET_ARN,
    make_target,
)

FAILURE = Failure("UserBusyError", "User app-id is busy.")
DRY_RUN = make_target(dry_run=True)
FIRST = make_target(first_rotation=True, turn_on=True)
BEGUN = Modification.begun(NOW)
IN, EMPTY = "LOGGED_IN", "FIRST_ROTATION"
REFUSED, SILENT = "PasswordRefusedError", "EndpointUnreachableError"


def failed(**fields: Any) -> RunState:
    """A run that failed before Generate Password had ended."""
    run = RunState(EXECUTION_ARN, {"SecretId": SECRET_ARN}, target=make_target(), failure=FAILURE)
    return replace(run, **fields)


def refused_at_once(name: str, token: str | None = PENDING, **execution_input: Any) -> RunState:
    """A run that failed in Check Target."""
    token_input = {"ClientRequestToken": token} if token else {}
    return RunState(
        EXECUTION_ARN.replace("run-1", name),
        {"SecretId": SECRET_ARN, **token_input, **execution_input},
        failure=FAILURE,
    )


MODIFIED = {"staged": True, "modification": BEGUN}
BY_TOKEN = refused_at_once(f"{PENDING}-1", Attempt=1)


def closed(world: World, run: RunState) -> Closing:
    return close(run, world.secrets, NOW)


@pytest.fixture
def staged(world: World) -> World:
    world.stage()
    return world


# AWSPENDING


@pytest.mark.parametrize(
    "run",
    [
        failed(**MODIFIED, verification=(IN,)),
        # createSecret has staged the version: the label would block the schedule.
        BY_TOKEN,
        refused_at_once(f"{PENDING}-12", Attempt=12),
    ],
)
def test_awspending_is_removed_from_the_runs_version_and_nothing_else_is_changed(
    staged: World, run: RunState
) -> None:
    before = staged.users.snapshot()
    assert closed(staged, run).pending == "REMOVED"
    labels = staged.secrets.snapshot()["labels"]
    assert labels == {PREVIOUS: [AWSPREVIOUS], CURRENT: [AWSCURRENT]}
    assert staged.users.snapshot() == before


def test_the_awspending_of_another_run_stays(staged: World) -> None:
    staged.secrets.add(OTHER, None, AWSPENDING)
    assert closed(staged, failed()).pending == "REMOVED"
    assert staged.secrets.version_with(AWSPENDING) == OTHER


@pytest.mark.parametrize(
    "run",
    [
        failed(target=DRY_RUN),
        # "New execution" in the console copies the input of another execution.
        refused_at_once("run-1"),
        refused_at_once(f"{OTHER}-1"),
        refused_at_once(PENDING),
        refused_at_once(f"{PENDING}-1", token=None),
        refused_at_once(f"{PENDING}-1", DryRun=True),
        refused_at_once(f"{PENDING}-1", Unknown=1),
        replace(BY_TOKEN, execution_input="not an object"),
        replace(BY_TOKEN, execution_input=None),
    ],
)
def test_any_other_run_has_no_version_and_touches_no_label(staged: World, run: RunState) -> None:
    end = closed(staged, run)
    assert (end.pending, end.promoted) == ("NOT_STAGED", False)
    assert staged.secrets.faults.calls == []


@pytest.mark.parametrize("error", [errors.AccessDeniedError, errors.RotationSupersededError])
@pytest.mark.parametrize("run", [failed(), BY_TOKEN])
def test_an_awspending_that_cannot_be_removed_is_in_the_cause(
    staged: World, run: RunState, error: type[errors.RotationError]
) -> None:
    staged.secrets.faults.raise_at("move_label", error("no"))
    end = closed(staged, run)
    assert (end.pending, end.failure) == ("KEPT", FAILURE)
    kept = f"AWSPENDING stays on version {PENDING}: {error.__name__}."
    assert end.cause == f"{FAILURE.sentence} The user was not changed. {kept}"


@pytest.mark.parametrize("error", [errors.ThrottlingError, errors.ServiceUnavailableError])
@pytest.mark.parametrize("method", ["describe", "move_label"])
@pytest.mark.parametrize("after", [True, False])
def test_a_transient_error_is_raised_and_a_retry_says_the_same(
    staged: World, method: str, error: type[errors.RotationError], after: bool
) -> None:
    staged.secrets.faults.raise_at(method, error("not now"), after=after)
    with pytest.raises(error):
        closed(staged, failed(staged=True))
    assert closed(staged, failed(staged=True)).pending == "REMOVED"
    assert staged.secrets.version_with(AWSPENDING) is None


# Promoted after all


@pytest.mark.parametrize("run", [failed(**MODIFIED, verification=(IN,)), BY_TOKEN])
@pytest.mark.parametrize("pending", ["REMOVED", "KEPT"])
def test_a_run_that_promoted_has_succeeded(staged: World, run: RunState, pending: str) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    if pending == "KEPT":
        staged.secrets.faults.raise_at("move_label", errors.AccessDeniedError("no"))
    end = closed(staged, run)
    assert (end.promoted, end.pending) == (True, pending)


@pytest.mark.parametrize(
    "modification, sentence",
    [(BEGUN, f"Whether version {PENDING} is AWSCURRENT is unknown."), (None, "")],
)
def test_whether_it_was_promoted_is_unknown_if_the_secret_cannot_be_described(
    staged: World, modification: Modification | None, sentence: str
) -> None:
    staged.secrets.faults.raise_at("describe", errors.AccessDeniedError("no"))
    end = closed(staged, failed(staged=True, modification=modification))
    assert end.to_state()["Promoted"] is None
    assert sentence in end.cause
    assert bool(sentence) == ("AWSCURRENT is unknown" in end.cause)


# What is left, in codes and in a sentence

OK, LOCKED, UNKNOWN = closing.NOT_LOCKED_OUT, closing.LOCKED_OUT, closing.UNKNOWN
NOT_VERIFIED = "Whether AWSCURRENT logs in was not verified."


def logs_in(count: int, of: int) -> str:
    return f"AWSCURRENT logs in on {count} of {of} endpoints."


def left(user: str, clients: str, sentence: str, *verification: str, **fields: Any) -> Any:
    """What is left of a run with these fields, for the user and its clients."""
    return {**MODIFIED, "verification": verification, **fields}, user, clients, sentence


both, first = partial(left, closing.BOTH_PASSWORDS), partial(left, closing.HAS_FIRST, target=FIRST)


@pytest.mark.parametrize(
    "fields, user, clients, sentence",
    [
        *(
            ({"target": target}, closing.UNTOUCHED, OK, "")
            for target in (make_target(), None, DRY_RUN, FIRST)
        ),
        left(closing.MAY_HAVE_BOTH_PASSWORDS, OK, logs_in(2, 2), IN, IN, modification=None),
        ({"staged": True}, closing.MAY_HAVE_BOTH_PASSWORDS, UNKNOWN, NOT_VERIFIED),
        both(OK, logs_in(3, 3), IN, IN, IN),
        both(OK, ""),
        both(UNKNOWN, logs_in(1, 2), IN, SILENT),
        both(LOCKED, f"CLIENTS ARE LOCKED OUT: {logs_in(1, 3)}", SILENT, REFUSED, IN),
        both(UNKNOWN, f"{logs_in(1, 1)} Not tested: a, b.", IN, not_tested=("a", "b")),
        both(UNKNOWN, "Not tested: a.", not_tested=("a",)),
        both(UNKNOWN, NOT_VERIFIED, verification=None),
        # AWSCURRENT holds no password that could log in.
        left(closing.MAY_HAVE_FIRST, OK, "", EMPTY, modification=None, target=FIRST),
        first(OK, "", EMPTY, SILENT),
        # Clients may use the password of the run that was cut off.
        first(UNKNOWN, "", EMPTY, target=make_target(first_rotation=True)),
        # A person has put a password into the secret meanwhile.
        first(LOCKED, f"CLIENTS ARE LOCKED OUT: {logs_in(0, 1)}", REFUSED),
    ],
)
def test_what_is_left_is_said_in_codes_and_in_a_sentence(
    staged: World, fields: dict[str, Any], user: str, clients: str, sentence: str
) -> None:
    end = closed(staged, failed(**fields))
    assert (end.user, end.clients, end.failure) == (user, clients, FAILURE)
    assert end.cause == f"{FAILURE.sentence} {USER_SENTENCES[user]} {sentence}".strip()


def test_a_refused_awscurrent_locks_clients_out_of_an_unchanged_user(staged: World) -> None:
    refused = Failure("CurrentPasswordRefusedError", "It does not log in.")
    end = closed(staged, failed(failure=refused))
    assert (end.user, end.clients) == ("UNTOUCHED", "LOCKED_OUT")
    assert end.cause == "It does not log in. The user was not changed."


@pytest.mark.parametrize(
    "verification, logged_in, of",
    [((IN, SILENT, IN), 2, 3), ((), 0, 0), ((EMPTY, SILENT), None, None), (None, None, None)],
)
def test_the_state_says_on_how_many_endpoints_awscurrent_logged_in_and_when(
    staged: World, verification: tuple[str, ...] | None, logged_in: int | None, of: int | None
) -> None:
    end = closed(staged, failed(**MODIFIED, verification=verification, not_tested=("a",)))
    at = None if of is None else "2026-03-01T12:00:00+00:00"
    assert end.to_state() == {
        "Promoted": False,
        "Error": FAILURE.error,
        "Cause": end.cause,
        "User": "BOTH_PASSWORDS",
        "Pending": "REMOVED",
        "Clients": end.clients,
        "Current": {"LoggedIn": logged_in, "Of": of, "At": at, "NotTested": ["a"]},
    }


def test_a_run_without_a_failure_says_so(staged: World) -> None:
    end = closed(staged, failed(failure=None))
    assert end.failure.error == "unknown"
    assert end.cause == "A state failed without an error. The user was not changed."
