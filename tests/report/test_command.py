"""``python -m report``: what it prints, which execution it takes, and how it ends."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import boto3
import pytest

from report import __main__ as report
from report import table
from report.history import run_of
from report.picture import svg
from report.remedy import PAGE, remedy_of
from tests.report.fake_step_functions import MACHINE, FakeStepFunctions
from tests.report.foreign import ORDER, big_map, order
from tests.report.recorded import FOREIGN, HISTORIES, NAMES, SNAPSHOTS, printed_of, recorded

#: What is on one line, however long, to be copied.
COPIED = ("execution ", "console ", "input ", "output ")
EVENTS = order().events


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeStepFunctions:
    fake = FakeStepFunctions(ORDER)
    monkeypatch.setattr(boto3, "client", lambda service, region_name: fake)
    monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE)
    monkeypatch.setattr(report, "_POLL_SECONDS", 0)
    return fake


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def printed(self, *arguments: object, status: int = 0) -> str:
        assert report.main([str(argument) for argument in arguments]) == status
        return self.capsys.readouterr().out

    def refused(self, *arguments: object) -> str:
        assert report.main([str(argument) for argument in arguments]) == 1
        captured = self.capsys.readouterr()
        assert captured.out == ""
        [line] = captured.err.splitlines()
        assert line.startswith("error: ")
        return line


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def history(name: str) -> tuple[str, Path]:
    return "--history", HISTORIES / f"{name}.json"


# -- what it prints


@pytest.mark.parametrize("name", [*NAMES, *FOREIGN])
def test_the_terminal_shows_a_run(name: str) -> None:
    text = printed_of(name)
    assert text == (SNAPSHOTS / f"{name}.txt").read_text(), "run `make snapshots`"
    assert "\x1b" not in text
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 80 or line.startswith(("aws ", "  ", *COPIED))
    if name in NAMES and (remedy := remedy_of(recorded(name))) and remedy.clients:
        assert text.startswith(f"{remedy.clients}\n")


def test_the_json_has_each_state_and_attempt_and_the_docs_each_of_its_names(
    command: Command,
) -> None:
    run = json.loads(command.printed(*history("both-passwords"), "--json"))
    assert (run["schema"], run["status"], run["failedState"]) == (1, "FAILED", "Log In")
    assert run["remedy"]["pending"] == "was removed"
    [failed] = [each for each in run["states"] if each["outcome"] == "failed" and each["within"]]
    assert failed["within"] == {"state": "Test Authentication", "iteration": 0}
    assert failed["attempts"][0]["error"] == "AnyPasswordAcceptedError"
    page = (PAGE.parent / "report.md").read_text()
    for name in [*run, *failed, *failed["attempts"][0], *run["remedy"]]:
        assert f"`{name}`" in page


def test_a_picture_has_the_states_that_were_entered_with_their_times(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "run.svg"
    command.printed(*history("killed"), "--svg", file)
    for picture, run in (
        (file.read_text(), recorded("killed")),
        (svg(run_of(EVENTS), ORDER), run_of(EVENTS)),
        (svg(run_of(EVENTS[:12]), ORDER), run_of(EVENTS[:12])),
    ):
        texts = ["".join(each.itertext()) for each in ET.fromstring(picture).findall(".//{*}text")]
        states = {text[2:] for text in texts if text[:2] in ("✓ ", "! ", "✗ ", "… ")}
        assert states == {visit.name for visit in run.visits}
        assert 'class="node not-entered' not in picture
    for cut in range(1, len(EVENTS), 5):
        assert svg(run_of(EVENTS[cut:]), ORDER)
    assert 'aria-label="SUCCEEDED after 23.1 s"' in file.read_text()
    assert "7.0 s, 3 attempts" in file.read_text()


def test_mermaid_has_each_state_in_the_color_of_its_outcome(
    command: Command, tmp_path: Path
) -> None:
    definition, file = tmp_path / "definition.json", tmp_path / "history.json"
    definition.write_text(json.dumps({"definition": json.dumps(ORDER)}))
    file.write_text(json.dumps({"events": EVENTS}))
    out = command.printed("--history", file, "--definition", definition, "--mermaid")
    assert '["Charge"]:::failed' in out
    assert '{"Is It Big?"}:::succeeded' in out
    assert '(["Small"]):::not-entered' in out


# -- which execution it takes


def test_the_recent_executions_are_listed_newest_first(
    world: FakeStepFunctions, command: Command
) -> None:
    token = "30fb105b-2f0f-4fa4-ade5-760062c2ab66"
    world.add("mine", EVENTS, "FAILED")
    world.add(f"{token}-2", EVENTS, "SUCCEEDED", "app")
    world.add(f"{token}-dry-run-1", EVENTS, "SUCCEEDED", "app")
    dry, _, *lines = command.printed().splitlines()
    assert dry.startswith("2026-03-01 12:00 UTC  ")
    assert dry.endswith("  app  dry run, attempt 1")
    assert " ".join(lines[0].split()) == "2026-03-01 11:00 UTC SUCCEEDED 1 min 30 s app attempt 2"
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
def test_the_newest_execution_that_fits_is_shown(
    world: FakeStepFunctions, command: Command, arguments: list[str], name: str
) -> None:
    world.add("first", EVENTS, "FAILED", "app")
    world.add("second", EVENTS, "FAILED", "arn:aws:secretsmanager:eu-west-1:1:secret:app-AbCdEf")
    world.add("third", EVENTS, "SUCCEEDED", "web")
    assert f"\n{name}, 2026-03-01 10:" in command.printed(*arguments)


def test_a_long_history_is_read_in_pages_of_1000(
    world: FakeStepFunctions, command: Command
) -> None:
    events = big_map(400).events
    run = json.loads(command.printed(world.add("long", events, "FAILED"), "--json"))
    assert len([each for each in run["states"] if each["name"] == "One"]) == 400
    assert world.pages[0] == (len(events), len(events) - 999)
    assert world.pages[-1][1] == 1
    assert run["notes"] == []


# -- how it ends


@pytest.mark.parametrize(
    "last, status, code",
    [
        ("ExecutionSucceeded", "SUCCEEDED", 0),
        ("ExecutionFailed", "FAILED", 3),
        ("ExecutionTimedOut", "TIMED_OUT", 4),
        ("ExecutionAborted", "ABORTED", 5),
    ],
)
def test_watching_prints_each_state_once_and_exits_with_the_outcome(
    world: FakeStepFunctions,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    last: str,
    status: str,
    code: int,
) -> None:
    monkeypatch.setattr(table, "_SIGN_OF_LIFE_SECONDS", -1)
    world.step = 7
    arn = world.add("live", [*EVENTS[:-1], {**EVENTS[-1], "type": last}], status)
    out = command.printed(arn, "--watch", status=code)
    assert "\n          still Charge " in out
    assert out.count("! Both") == 1
    assert out.index("Is It Big?") < out.index("Order Failed") < out.index(f"\n{status} ")
    assert len(world.pages) > 3


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--state-machine", ""], "give --state-machine ARN, or set STATE_MACHINE_ARN"),
        (["--last"], "has no such execution"),
        (["--secret", "nobody"], "has no such execution"),
        (["arn:aws:states:eu-west-1:1:execution:orders:gone"], "ExecutionDoesNotExist"),
        (["orders"], "orders is not the ARN"),
        ([MACHINE], "is not the ARN of an execution"),
        (["--history", "/nowhere.json"], "/nowhere.json cannot be read: No such file"),
        (["--history", PAGE], "is not JSON"),
        ([*history("aborted"), "--html", "/nowhere/page.html"], "/nowhere/page.html"),
    ],
)
def test_an_error_is_one_line(
    world: FakeStepFunctions, command: Command, arguments: list[object], reason: str
) -> None:
    assert reason in command.refused(*arguments)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["--last", "--definition", "x"], "--definition needs --history"),
        (["--history", "x", "--watch"], "--watch follows an execution"),
        *(
            ([f"--{name}"], f"--{name} needs EXECUTION_ARN")
            for name in ("watch", "json", "mermaid")
        ),
        *(([f"--{name}", "x"], f"--{name} needs EXECUTION_ARN") for name in ("html", "svg")),
    ],
)
def test_options_that_do_not_fit_together_are_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        report.main(arguments)
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]


STARTED = '{"events": [{"id": 1, "type": "ExecutionStarted", "timestamp": 1}]}'


@pytest.mark.parametrize(
    "events, definition, reason",
    [
        ("{}", "{}", 'history.json has no "events" list'),
        ('{"events": [{}]}', "{}", "history.json: has an event without an id"),
        ('{"events": []}', "{}", "history.json: has "),
        ('{"events": ["text"]}', "{}", "history.json: has "),
        ('{"events": [{"id": "1"}]}', "{}", "history.json: has "),
        (STARTED.replace(": 1}", ': "noon"}'), "{}", "history.json: has "),
        (STARTED, "[]", "definition.json is not an Amazon States"),
        (STARTED, '{"States": {"A": 1}}', "definition.json is not an Amazon States"),
    ],
)
def test_a_file_with_other_content_is_named(
    tmp_path: Path, command: Command, events: str, definition: str, reason: str
) -> None:
    one, two = tmp_path / "history.json", tmp_path / "definition.json"
    one.write_text(events)
    two.write_text(definition)
    assert reason in command.refused("--history", one, "--definition", two)
