"""How a run that met a failure ends: AWSPENDING comes off, and what is left is said."""

from dataclasses import replace
from typing import Any

import pytest

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, AWSPREVIOUS
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    RotationSupersededError,
    ServiceUnavailableError,
    ThrottlingError,
)
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.run_state import RunState
from rotation.records.target import Target
from rotation.rules.closing import Closing, close
from tests.unit.fakes import (
    CURRENT,
    EXECUTION_ARN,
    NOW,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PREVIOUS,
    SECRET_ARN,
    World,
    make_target,
    secret_text,
)

FAILURE = Failure("UserBusyError", "User app-id is busy.")
TARGET = make_target()
DRY = make_target(dry_run=True)
FIRST = make_target(first_rotation=True, turn_on=True)
#: The user was on already when this run began: an earlier one was cut off.
FIRST_AGAIN = make_target(first_rotation=True)
BEGUN = Modification.begun(NOW)
IN, EMPTY = "LOGGED_IN", "FIRST_ROTATION"
REFUSED, SILENT = "PasswordRefusedError", "EndpointUnreachableError"


def named(name: str) -> str:
    return f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{name}"


def failed(**fields: Any) -> RunState:
    """A run that failed before Generate Password had ended."""
    run = RunState(EXECUTION_ARN, {"SecretId": SECRET_ARN}, target=TARGET, failure=FAILURE)
    return replace(run, **fields)


def refused_at_once(name: str, **given: Any) -> RunState:
    """A run that failed in Check Target."""
    return RunState(named(name), {"SecretId": SECRET_ARN, **given}, failure=FAILURE)


BY_TOKEN = refused_at_once(f"{PENDING}-1", ClientRequestToken=PENDING, Attempt=1)


def closed(world: World, run: RunState) -> Closing:
    return close(run, world.secrets, NOW)


@pytest.fixture
def staged(world: World) -> World:
    world.stage()
    return world


# AWSPENDING


def test_awspending_comes_off_the_runs_version_and_nothing_else_is_changed(staged: World) -> None:
    before = staged.users.snapshot()
    closing = closed(staged, failed(staged=True, modification=BEGUN, verification=(IN,)))
    assert closing.pending == "REMOVED"
    labels = staged.secrets.snapshot()["labels"]
    assert labels == {PREVIOUS: [AWSPREVIOUS], CURRENT: [AWSCURRENT]}
    assert staged.users.snapshot() == before


def test_a_second_call_says_the_same(staged: World) -> None:
    # The first one's answer may have been lost.
    assert closed(staged, failed(staged=True)) == closed(staged, failed(staged=True))


def test_the_awspending_of_another_run_stays(staged: World) -> None:
    staged.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)
    assert closed(staged, failed()).pending == "REMOVED"
    assert staged.secrets.version_with(AWSPENDING) == OTHER


def test_a_version_that_was_never_made_has_no_label_to_take_off(world: World) -> None:
    assert closed(world, failed()).pending == "REMOVED"


def test_a_dry_run_touches_no_label(staged: World) -> None:
    closing = closed(staged, failed(target=DRY))
    assert (closing.user, closing.pending) == ("UNTOUCHED", "NOT_STAGED")
    assert staged.secrets.faults.calls == []


@pytest.mark.parametrize("attempt", [1, 12])
def test_an_execution_of_the_rotation_function_takes_awspending_off_its_token(
    staged: World, attempt: int
) -> None:
    # createSecret has staged it: left on, it would block the schedule.
    run = refused_at_once(f"{PENDING}-{attempt}", ClientRequestToken=PENDING, Attempt=attempt)
    assert closed(staged, run).pending == "REMOVED"
    assert staged.secrets.version_with(AWSPENDING) is None


@pytest.mark.parametrize(
    "run",
    [
        # "New execution" in the console copies such an input.
        refused_at_once("run-1", ClientRequestToken=PENDING),
        refused_at_once(f"{OTHER}-1", ClientRequestToken=PENDING),
        refused_at_once(PENDING, ClientRequestToken=PENDING),
        refused_at_once(f"{PENDING}-1"),
        refused_at_once(f"{PENDING}-1", ClientRequestToken=PENDING, DryRun=True),
        refused_at_once(f"{PENDING}-1", ClientRequestToken=PENDING, Unknown=1),
        RunState(named(f"{PENDING}-1"), "no object", failure=FAILURE),
        RunState(named(f"{PENDING}-1"), None, failure=FAILURE),
    ],
)
def test_any_other_execution_without_a_target_has_no_version(staged: World, run: RunState) -> None:
    assert closed(staged, run).pending == "NOT_STAGED"
    assert staged.secrets.faults.calls == []


@pytest.mark.parametrize("error", [AccessDeniedError, RotationSupersededError])
@pytest.mark.parametrize("run", [failed(), BY_TOKEN])
def test_an_awspending_that_cannot_be_taken_off_is_said(
    staged: World, run: RunState, error: type[RotationError]
) -> None:
    staged.secrets.faults.raise_at("move_label", error("no"))
    closing = closed(staged, run)
    assert (closing.pending, closing.failure) == ("KEPT", FAILURE)
    kept = f"AWSPENDING stays on version {PENDING}: {error.__name__}."
    assert closing.cause == f"{FAILURE.sentence} The user was not changed. {kept}"


@pytest.mark.parametrize("error", [ThrottlingError, ServiceUnavailableError])
@pytest.mark.parametrize("method", ["describe", "move_label"])
@pytest.mark.parametrize("after", [True, False])
def test_what_may_be_gone_a_moment_later_is_to_be_tried_again(
    staged: World, method: str, error: type[RotationError], after: bool
) -> None:
    staged.secrets.faults.raise_at(method, error("not now"), after=after)
    with pytest.raises(error):
        closed(staged, failed(staged=True))
    assert closed(staged, failed(staged=True)).pending == "REMOVED"
    assert staged.secrets.version_with(AWSPENDING) is None


# Promoted after all


def test_a_run_whose_version_is_awscurrent_has_succeeded(staged: World) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    closing = closed(staged, failed(staged=True, modification=BEGUN, verification=(IN,)))
    assert (closing.promoted, closing.pending) == (True, "REMOVED")
    assert staged.secrets.version_with(AWSPENDING) is None


def test_it_has_also_where_awspending_cannot_be_taken_off(staged: World) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    staged.secrets.faults.raise_at("move_label", AccessDeniedError("no"))
    closing = closed(staged, failed(staged=True))
    assert (closing.promoted, closing.pending) == (True, "KEPT")


@pytest.mark.parametrize(
    "modification, told",
    [(BEGUN, f"Whether version {PENDING} is AWSCURRENT is unknown."), (None, "")],
)
def test_whether_it_was_promoted_is_unknown_where_nobody_may_look(
    staged: World, modification: Modification | None, told: str
) -> None:
    staged.secrets.faults.raise_at("describe", AccessDeniedError("no"))
    closing = closed(staged, failed(staged=True, modification=modification))
    assert closing.promoted is None
    assert closing.to_state()["Promoted"] is None
    assert told in closing.cause
    assert bool(told) == ("AWSCURRENT is unknown" in closing.cause)


@pytest.mark.parametrize("target", [TARGET, DRY])
def test_any_other_run_has_not(staged: World, target: Target) -> None:
    assert closed(staged, failed(target=target)).promoted is False


def test_a_run_that_was_refused_since_its_token_is_awscurrent_has_succeeded(world: World) -> None:
    run = refused_at_once(f"{CURRENT}-1", ClientRequestToken=CURRENT)
    assert closed(world, run).promoted


# What is left, in codes and in a sentence

UNCHANGED = "The user was not changed."
BOTH = "The user has the new password beside the current one."
MAY_HAVE_BOTH = "The user may have the new password beside the current one."
HAS_FIRST = "The user has its first password; the next rotation goes on from there."
MAY_HAVE_FIRST = "The user may have its first password; the next rotation goes on from there."
NOT_VERIFIED = "Whether AWSCURRENT logs in was not verified."
MODIFIED = {"staged": True, "modification": BEGUN}
TURNED_ON = {"target": FIRST, **MODIFIED}


@pytest.mark.parametrize(
    "fields,user,clients,sentences",
    [
        # Nothing was written to the user.
        ({}, "UNTOUCHED", "NOT_LOCKED_OUT", UNCHANGED),
        ({"target": None}, "UNTOUCHED", "NOT_LOCKED_OUT", UNCHANGED),
        ({"target": DRY}, "UNTOUCHED", "NOT_LOCKED_OUT", UNCHANGED),
        ({"target": FIRST}, "UNTOUCHED", "NOT_LOCKED_OUT", UNCHANGED),
        # ModifyUser may have been accepted.
        (
            {"staged": True, "verification": (IN, IN)},
            "MAY_HAVE_BOTH_PASSWORDS",
            "NOT_LOCKED_OUT",
            f"{MAY_HAVE_BOTH} AWSCURRENT logs in on 2 of 2 endpoints.",
        ),
        ({"staged": True}, "MAY_HAVE_BOTH_PASSWORDS", "UNKNOWN", f"{MAY_HAVE_BOTH} {NOT_VERIFIED}"),
        # It was accepted.
        (
            MODIFIED | {"verification": (IN, IN, IN)},
            "BOTH_PASSWORDS",
            "NOT_LOCKED_OUT",
            f"{BOTH} AWSCURRENT logs in on 3 of 3 endpoints.",
        ),
        (MODIFIED | {"verification": ()}, "BOTH_PASSWORDS", "NOT_LOCKED_OUT", BOTH),
        (
            MODIFIED | {"verification": (IN, SILENT)},
            "BOTH_PASSWORDS",
            "UNKNOWN",
            f"{BOTH} AWSCURRENT logs in on 1 of 2 endpoints.",
        ),
        (
            MODIFIED | {"verification": (SILENT, REFUSED, IN)},
            "BOTH_PASSWORDS",
            "LOCKED_OUT",
            f"{BOTH} CLIENTS ARE LOCKED OUT: AWSCURRENT logs in on 1 of 3 endpoints.",
        ),
        (
            MODIFIED | {"verification": (IN,), "not_tested": ("a", "b")},
            "BOTH_PASSWORDS",
            "UNKNOWN",
            f"{BOTH} AWSCURRENT logs in on 1 of 1 endpoints. Not tested: a, b.",
        ),
        (
            MODIFIED | {"verification": (), "not_tested": ("a",)},
            "BOTH_PASSWORDS",
            "UNKNOWN",
            f"{BOTH} Not tested: a.",
        ),
        (MODIFIED, "BOTH_PASSWORDS", "UNKNOWN", f"{BOTH} {NOT_VERIFIED}"),
        # A first rotation: AWSCURRENT holds no password that could log in.
        (
            {"target": FIRST, "staged": True, "verification": (EMPTY,)},
            "MAY_HAVE_FIRST_PASSWORD",
            "NOT_LOCKED_OUT",
            MAY_HAVE_FIRST,
        ),
        (
            TURNED_ON | {"verification": (EMPTY, SILENT)},
            "FIRST_PASSWORD",
            "NOT_LOCKED_OUT",
            HAS_FIRST,
        ),
        # Clients may use the password of the run that was cut off.
        (
            TURNED_ON | {"target": FIRST_AGAIN, "verification": (EMPTY,)},
            "FIRST_PASSWORD",
            "UNKNOWN",
            HAS_FIRST,
        ),
        # A person has given the secret a password meanwhile.
        (
            TURNED_ON | {"verification": (REFUSED,)},
            "FIRST_PASSWORD",
            "LOCKED_OUT",
            f"{HAS_FIRST} CLIENTS ARE LOCKED OUT: AWSCURRENT logs in on 0 of 1 endpoints.",
        ),
    ],
)
def test_what_is_left_is_said_in_codes_and_in_a_sentence(
    staged: World, fields: dict[str, Any], user: str, clients: str, sentences: str
) -> None:
    closing = closed(staged, failed(**fields))
    assert (closing.user, closing.clients) == (user, clients)
    assert closing.cause == f"{FAILURE.sentence} {sentences}"
    assert closing.failure == FAILURE


def test_an_awscurrent_that_was_refused_before_anything_was_changed_locks_clients_out(
    staged: World,
) -> None:
    refused = Failure("CurrentPasswordRefusedError", "It does not log in.")
    closing = closed(staged, failed(failure=refused))
    assert (closing.user, closing.clients) == ("UNTOUCHED", "LOCKED_OUT")
    assert closing.cause == f"It does not log in. {UNCHANGED}"


@pytest.mark.parametrize(
    "verification,logged_in,of",
    [((IN, SILENT, IN), 2, 3), ((), 0, 0), ((EMPTY, SILENT), None, None), (None, None, None)],
)
def test_the_state_has_on_how_many_endpoints_awscurrent_logged_in_and_when(
    staged: World, verification: tuple[str, ...] | None, logged_in: int | None, of: int | None
) -> None:
    run = failed(**MODIFIED, verification=verification, not_tested=("a",))
    closing = closed(staged, run)
    at = None if of is None else "2026-03-01T12:00:00+00:00"
    assert closing.to_state() == {
        "Promoted": False,
        "Error": FAILURE.error,
        "Cause": closing.cause,
        "User": "BOTH_PASSWORDS",
        "Pending": "REMOVED",
        "Clients": closing.clients,
        "Current": {"LoggedIn": logged_in, "Of": of, "At": at, "NotTested": ["a"]},
    }


def test_a_run_without_a_failure_says_so(staged: World) -> None:
    closing = closed(staged, failed(failure=None))
    assert closing.failure.error == "unknown"
    assert closing.cause == f"A state failed without an error. {UNCHANGED}"
