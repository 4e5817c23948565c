"""The page for the person on call, the errors and the machine say the same, both ways."""

import ast
import functools
import inspect
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from awscli.clidriver import create_clidriver
from botocore.validate import validate_parameters

from report import remedy
from rotation import errors
from rotation.rules import closing, message
from rotation.rules.findings import Finding, Kind, message_of

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
MACHINE = ROOT / "statemachine" / "rotation.asl.json"
PAGE = ROOT / "docs" / "troubleshooting.md"
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}

PARTS = (
    "What it means",
    "How it looks",
    "What to do",
    "Will the next rotation succeed without action?",
)
#: Ends that have no class of ours, and what AWS says of them (Step Functions guide, "Handling
#: errors"; Lambda guide, "Troubleshooting"). ".*" stands for the rest of a name.
AWS_SAYS = {
    "States.Timeout": None,
    "Lambda.*": r"Rate Exceeded\. \(Service: Lambda, Status Code: 429, Request ID: [0-9a-f-]+\)",
    "Runtime.ExitError": r"RequestId: [0-9a-f-]+ Error: Runtime exited with error: signal: killed",
    "Sandbox.Timedout": r"RequestId: [0-9a-f-]+ Error: Task timed out after 40\.00 seconds",
    "States.DataLimitExceeded": r"The state/task '.+' returned a result with a size exceeding the "
    r"maximum number of bytes service limit\.",
    "States.Runtime": None,
    "ABORTED": None,
    "TIMED_OUT": None,
}
AWS_DENIES = r"User: arn:aws:sts::.+ is not authorized to perform: .+"
#: Never an execution's error: a wildcard.
WILDCARD = "States.ALL"


def subclasses(kind: type[errors.RotationError]) -> Iterator[type[errors.RotationError]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


#: What can be raised; the others group them.
LEAVES = {
    kind.__name__: kind
    for kind in subclasses(errors.RotationError)
    if inspect.getmodule(kind) is errors and not kind.__subclasses__()
}

# -- the page


def entries_of(page: str) -> dict[str, str]:
    """The text under each ### heading."""
    found = re.split(r"^### (.+)$", page.split("\n## The request", 1)[-1], flags=re.M)
    return {
        heading: re.split(r"^## ", text, flags=re.M)[0]
        for heading, text in zip(found[1::2], found[2::2], strict=True)
    }


def names_of(heading: str) -> list[str]:
    return heading.split(" and ")


ENTRIES = entries_of(PAGES[PAGE.name])


def parts_of(entry: str) -> dict[str, str]:
    found = re.split(r"^\*\*(.+?)\*\*", entry, flags=re.M)
    return {
        title.removesuffix("."): text.strip()
        for title, text in zip(found[1::2], found[2::2], strict=True)
    }


def causes_of(entry: str) -> list[str]:
    blocks = re.findall(r"^```text\n(.*?)^```", entry, flags=re.M | re.S)
    return [" ".join(block.split()) for block in blocks]


def missing_and_strange(page: str) -> tuple[set[str], set[str]]:
    headings = [name for heading in entries_of(page) for name in names_of(heading)]
    assert len(headings) == len(set(headings)), "an entry twice"
    there = {*LEAVES, *AWS_SAYS}
    return there - set(headings), set(headings) - there


# -- the code's own sentences

HOLE = "\0"
#: Variables that the code builds its sentences from.
PARTS_OF_SENTENCES = ("where", "who", "what", "on", "how", "why", "found")


def text_of(node: ast.expr) -> str:
    """A text as it is in the source, with holes for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values
    )


def sentences(text: str) -> list[str]:
    after_a_hole = rf"(?<={HOLE}) (?=Execution:|Tried )"
    return re.split(rf"(?<=[.]) (?=[A-Z{HOLE}])|{after_a_hole}", text)


def pattern(sentence: str) -> re.Pattern[str]:
    hole = r"(?:(?!\. [A-Z]).)+?"
    return re.compile(hole.join(map(re.escape, sentence.split(HOLE))))


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@functools.cache
def code() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(FUNCTIONS.rglob("*.py"))}


def formats(text: str) -> list[str]:
    """The texts of the machine's States.Format, with holes."""
    return [each.replace("{}", HOLE) for each in re.findall(r"States\.Format\('(.*?)'", text)]


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == name


def arguments_of(tree: ast.AST, name: str) -> list[str]:
    """The texts that are passed to what has that name."""
    return [
        text_of(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and is_call_of(node, name)
        for argument in node.args
        if is_text(argument)
    ]


@functools.cache
def texts_of(name: str) -> list[str]:
    """What an error of that class is made with."""
    found: list[str] = []
    for path, tree in code().items():
        found += arguments_of(tree, name)
        # ``def wrong(problem)`` puts the problem into a sentence.
        for wrong in (node for node in ast.walk(tree) if getattr(node, "name", "") == "wrong"):
            for text in arguments_of(wrong, name):
                found.remove(text)
                for problem in arguments_of(tree, "wrong"):
                    found.append(text.replace(f" {HOLE}.", f" {problem}.", 1))
        if path.name == "aws.py":
            # ``raise kind(...)``, where the kind is by AWS's code.
            found += [text for text in texts_in(tree) if " answered " in text]
    for state in states():
        if state.get("Type") == "Pass" and state.get("Parameters", {}).get("Error") == name:
            found += formats(state["Parameters"]["Cause.$"])
    return found


def texts_in(tree: ast.AST) -> list[str]:
    """All texts, but for those that are only a part of a sentence."""
    left_out = {
        id(node)
        for parent in ast.walk(tree)
        if (isinstance(parent, ast.Assign) and ast.unparse(parent.targets[0]) in PARTS_OF_SENTENCES)
        or getattr(parent, "name", "") == "wrong"
        for node in ast.walk(parent)
    }
    return [
        text_of(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and is_text(node) and id(node) not in left_out
    ]


@functools.cache
def all_patterns() -> list[re.Pattern[str]]:
    """Every sentence in functions/ and the machine that a cause may be made of."""
    texts = [text for tree in code().values() for text in texts_in(tree)]
    texts += [text for name in LEAVES for text in texts_of(name)]
    texts += formats(MACHINE.read_text())
    found = {each for text in texts for each in sentences(text)}
    # A few letters between holes would fit anything.
    return [pattern(each) for each in found if len(re.sub(r"[\W_]", "", each)) >= 5]


@functools.cache
def names_by_code() -> dict[str, set[str]]:
    """Our names for each of AWS's error codes, as the adapters' tables have them."""
    found: dict[str, set[str]] = {}
    for tree in code().values():
        for node in ast.walk(tree):
            pairs: list[tuple[ast.expr | None, ast.expr]] = []
            if isinstance(node, ast.Dict):
                pairs = list(zip(node.keys, node.values, strict=True))
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "dict.fromkeys":
                codes, name = (*node.args, node.args[0])[:2]
                if isinstance(codes, ast.Tuple):
                    pairs = [(each, name) for each in codes.elts]
            for key, value in pairs:
                if isinstance(key, ast.Constant) and isinstance(value, ast.Name):
                    found.setdefault(str(key.value), set()).add(value.id)
    return found


def unsaid(cause: str) -> list[str]:
    """The sentences of a cause that the code cannot say."""
    return [
        each
        for each in sentences(cause)
        if not any(known.fullmatch(each) for known in all_patterns())
        and not re.fullmatch(AWS_DENIES, each)
    ]


# -- the machine


def states(within: Any = None) -> Iterator[dict[str, Any]]:
    found = json.loads(MACHINE.read_text()) if within is None else within
    for state in found["States"].values():
        yield state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def names_in_machine() -> set[str]:
    handlers = [
        each for state in states() for kind in ("Retry", "Catch") for each in state.get(kind, ())
    ]
    named = {name for each in handlers for name in each["ErrorEquals"]}
    own = [state.get("Parameters", {}).get("Error") for state in states()]
    own += [state.get("Error") for state in states()]
    return named | {name for name in own if name}


# -- tests of the entries


def test_every_error_that_can_be_the_end_has_an_entry_and_no_other_has() -> None:
    assert missing_and_strange(PAGES[PAGE.name]) == (set(), set())


def test_a_page_without_an_entry_or_with_one_too_many_is_noticed() -> None:
    page = PAGES[PAGE.name]
    without = page.replace("### UserBusyError", "", 1)
    assert missing_and_strange(without) == ({"UserBusyError"}, set())
    more = page + "\n### NoSuchError\n"
    assert missing_and_strange(more) == (set(), {"NoSuchError"})


def test_the_entries_are_grouped_as_the_classes_are() -> None:
    groups: list[list[str]] = []
    for line in PAGES[PAGE.name].splitlines():
        if line.startswith("## "):
            groups.append([])
        elif line.startswith("### "):
            groups[-1].append(line.removeprefix("### "))
    for group in filter(None, groups[:-1]):
        parents = {LEAVES[name].__base__ for name in group}
        assert len(parents) == 1, group
        # In the docstring's own order, as far as it is one.
        siblings = [name for name, kind in LEAVES.items() if kind.__base__ in parents]
        assert set(group) == set(siblings)


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_its_four_parts_in_order(heading: str) -> None:
    parts = parts_of(ENTRIES[heading])
    assert tuple(parts) == PARTS
    assert all(parts.values())
    assert causes_of(parts["How it looks"])
    assert re.match(r"(Yes|No)\b", parts[PARTS[3]]), "the answer comes first"


@pytest.mark.parametrize("heading", ENTRIES)
def test_what_an_entry_quotes_is_what_the_code_or_aws_can_say(heading: str) -> None:
    for cause in causes_of(ENTRIES[heading]):
        awss = [said for name in names_of(heading) if (said := AWS_SAYS.get(name))]
        if not any(re.fullmatch(said, cause) for said in awss):
            assert unsaid(cause) == []


@pytest.mark.parametrize("name", LEAVES)
def test_the_first_sentence_that_an_entry_quotes_is_of_its_own_error(name: str) -> None:
    for cause in causes_of(ENTRIES[name]):
        first = sentences(cause)[0]
        assert any(pattern(sentences(text)[0]).fullmatch(first) for text in texts_of(name)), first
        if answered := re.search(r" answered (\w+)\.$", first):
            expected = {name} - {"UnexpectedAwsError"}
            assert expected <= names_by_code().get(answered[1], set())


@pytest.mark.parametrize("name", LEAVES)
def test_a_quoted_error_that_is_retried_says_how_long_it_was_tried(name: str) -> None:
    """As rotation.runtime.telemetry adds it to a transient error of a state."""
    for cause in causes_of(ENTRIES[name]):
        assert (" Tried for " in cause) == LEAVES[name].transient


@pytest.mark.parametrize("name", [name for name, kind in LEAVES.items() if kind.transient])
def test_a_transient_error_is_one_that_the_next_rotation_gets_past(name: str) -> None:
    assert parts_of(ENTRIES[name])[PARTS[3]].startswith("Yes")


def test_a_sentence_that_the_code_cannot_say_is_noticed() -> None:
    said = "User app is off although it has a password: somebody disabled it."
    assert unsaid(said) == []
    assert unsaid(said.replace("somebody", "nobody"))
    assert unsaid(f"{said} The moon is full.") == ["The moon is full."]


def left_by(page: str, key: str) -> dict[str, list[str]]:
    """What a cause says of each code that Close Rotation may tell under the key."""
    section = page.split("## What a failed run leaves")[1].split("\n## ")[0]
    table = section.split(f"| `{key}` |")[1].split("\n\n")[0]
    cells = [row.split("|") for row in rows_of(table)]
    return {cell[1].strip(" `"): re.findall(r"`([^`]+)`", cell[2]) for cell in cells}


@pytest.mark.parametrize(
    "key, codes", [("User", remedy.USER), ("Pending", remedy.PENDING), ("Clients", message.CLIENTS)]
)
def test_what_the_page_says_of_a_failed_run_is_what_close_rotation_says(
    key: str, codes: Mapping[str, str]
) -> None:
    left = left_by(PAGES[PAGE.name], key)
    assert left.keys() == codes.keys()
    assert [each for said in left.values() for each in said if unsaid(each)] == []


def test_the_page_has_each_sentence_on_the_user() -> None:
    left = left_by(PAGES[PAGE.name], "User")
    assert {code: said[0] for code, said in left.items()} == closing.USER_SENTENCES


def rows_of(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith("| `")]


# -- tests of the daily check


def findings_in(page: str) -> list[str]:
    table = page.split("## What the daily check finds")[1].split("\n## ")[0]
    return [row.split("`")[1] for row in rows_of(table)]


def test_every_finding_of_the_daily_check_has_its_row_and_no_other_has() -> None:
    page = PAGES[PAGE.name]
    assert sorted(findings_in(page)) == sorted(get_args(Kind))
    assert findings_in(page.replace("| `UserOff`", "| `UserOut`", 1)).count("UserOff") == 0


def test_the_message_of_the_daily_check_leads_to_the_page() -> None:
    message = message_of([Finding("app", "UserOff", "It is off.")])
    [heading] = re.findall(r'docs/troubleshooting\.md, "(.+)"', message.text)
    assert f"\n## {heading}\n" in PAGES[PAGE.name]


# -- tests of the machine


def test_every_error_that_the_machine_names_is_known_to_the_page() -> None:
    named = names_in_machine()
    assert len(named) > 10
    for name in named - set(LEAVES) - {WILDCARD}:
        group = f"{name.split('.')[0]}.*"
        assert name in AWS_SAYS or f"`{name}`" in ENTRIES.get(group, ""), name


def test_the_ends_of_an_execution_are_those_of_step_functions() -> None:
    model = driver().session.get_service_model("stepfunctions")
    ends = {*model.shape_for("ExecutionStatus").enum} - {"RUNNING", "SUCCEEDED", "PENDING_REDRIVE"}
    assert ends == {"FAILED", "TIMED_OUT", "ABORTED"}


def test_the_limit_that_the_page_tells_is_the_machines() -> None:
    days = json.loads(MACHINE.read_text())["TimeoutSeconds"] / 86400
    assert days == 3
    assert "ends every execution after three days" in " ".join(ENTRIES["TIMED_OUT"].split())


def test_the_times_that_the_page_names_are_those_of_the_machine_and_the_functions() -> None:
    tasks = [state for state in states() if state["Type"] == "Task"]
    assert {state["TimeoutSeconds"] for state in tasks} == {45}
    assert "\n    Timeout: 40\n" in (ROOT / "template.yaml").read_text()
    timeouts = [
        retry["MaxAttempts"]
        for state in tasks
        for retry in state["Retry"]
        if "States.Timeout" in retry["ErrorEquals"]
    ]
    assert set(timeouts) == {6}  # and the first one: seven


# -- tests of the commands


def commands_in(page: str) -> list[str]:
    """Every `aws ...` in a fenced block or in backticks, on one line."""
    page = re.sub(r"\\\n\s*", "", page)
    quoted = [" ".join(each.split()) for each in re.findall(r"`(aws [^`]+)`", page)]
    lines = re.findall(r"^ *(aws [a-z0-9-]+ [a-z].*)$", page, flags=re.M)
    found = [each.split(" | ")[0].split(" > ")[0].strip() for each in lines + quoted]
    return [each for each in found if "..." not in each and not each.startswith(OF_MANY_CALLS)]


#: Commands that are no single call: the CLI sends them at once, and waits.
OF_MANY_CALLS = ("aws s3 ", "aws cloudformation deploy ")
COMMANDS = sorted({each for page in PAGES.values() for each in commands_in(page)})


class NotSentError(Exception):
    pass


driver = functools.cache(create_clidriver)  # it keeps each service's model


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The AWS CLI itself, up to the call: its arguments, and the call's by botocore's model."""

    def invoke(
        self: object, service: str, operation: str, parameters: dict[str, Any], more: object
    ) -> int:
        parameters.pop("PaginationConfig", None)  # the CLI's own
        model = driver().session.get_service_model(service)
        shape = model.operation_model(operation).input_shape
        validate_parameters(parameters, shape)
        for name, value in parameters.items():
            allowed = getattr(shape.members[name], "enum", None)
            if allowed and value not in allowed:
                raise NotSentError(f"{name} is none of {allowed}")
        return 0

    # No abbreviated options, which only version 1 of the CLI takes.
    monkeypatch.setattr("argparse.ArgumentParser._get_option_tuples", lambda self, option: [])
    monkeypatch.setattr("awscli.clidriver.CLIOperationCaller.invoke", invoke)
    command = command.replace("VERSION_ID", "30fb105b-2f0f-4fa4-ade5-760062c2ab66")
    if driver().main(shlex.split(command)[1:]):
        raise NotSentError(command)


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page has the reader write."""
    for name in ("secret.json", "pending.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "mode.json").write_text('{"Type": "password", "Passwords": ["a-password"]}')
    (tmp_path / "secret.json").write_text("{}")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_aws_cli_takes_a_command(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(command, monkeypatch)


@pytest.mark.parametrize(
    "command",
    [
        "aws elasticache describe-user --user-id x",
        "aws elasticache describe-users --id x",
        "aws elasticache modify-user --user-id x --authentication-mode Type=password,Words=x",
        "aws secretsmanager restore-secret",
        "aws secretsmanager describe-secret --secret-id x --query 'A['",
        "aws stepfunctions list-executions --state-machine-arn x --status RUNNING",
        "aws stepfunctions list-executions --state-machine-arn x --status-filter WAITING",
    ],
)
def test_a_command_that_the_aws_cli_does_not_take_is_noticed(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((NotSentError, SystemExit)):
        run(command, monkeypatch)


def test_the_commands_of_the_page_are_found() -> None:
    assert len(commands_in(PAGE.read_text())) > 30
    assert PAGES[PAGE.name].count("aws secretsmanager rotate-secret") > 3


# -- tests of the links


def anchors_of(page: str) -> set[str]:
    """As GitHub makes them of headings."""
    found: list[str] = []
    for heading in re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), flags=re.M
    ):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        again = found.count(slug)
        found.append(f"{slug}-{again}" if again else slug)
    return set(found)


def broken_links(path: Path, page: str) -> list[str]:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        there = file.exists() and (
            not anchor or anchor in anchors_of(page if file == path else file.read_text())
        )
        if not there:
            broken.append(target)
    return broken


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", ROOT / "examples/README.md", *sorted(ROOT.glob("docs/*.md"))],
    ids=str,
)
def test_links_lead_somewhere(path: Path) -> None:
    assert broken_links(path, path.read_text()) == []


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = "# A\n[1](#a) [2](#b) [3](vpc.md#deploying-into-a-vpc) [4](vpc.md#x) [5](no.md) [6](https://x)"
    assert broken_links(PAGE, page) == ["#b", "vpc.md#x", "no.md"]


def test_a_person_finds_the_page() -> None:
    assert "(docs/troubleshooting.md)" in PAGES["README.md"]
    assert "(troubleshooting.md" in PAGES["limits.md"]
