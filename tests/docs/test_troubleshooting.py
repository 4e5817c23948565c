"""The troubleshooting page, the errors and the state machine say the same, both ways."""

import functools
import inspect
import re
from collections.abc import Mapping
from typing import get_args

import pytest

from report import remedy
from rotation import errors
from rotation.rules import closing, message
from rotation.rules.findings import Finding, Kind, message_of
from tests.docs.pages import PAGES, ROOT, quoted, rows, section
from tests.docs.sentences import (
    ASL,
    SOURCE,
    all_patterns,
    objects_in,
    pattern,
    sentences,
    texts_of,
)

PAGE = PAGES["docs/troubleshooting.md"]
PARTS = (
    "What it means",
    "How it looks",
    "What to do",
    "Will the next rotation succeed without action?",
)
#: Ends that have no class of ours, and what AWS says of them (Step Functions guide, "Handling
#: errors"; Lambda guide, "Troubleshooting"). ".*" stands for the rest of a name.
AWS_SAYS = {
    "Lambda.*": r"Rate Exceeded\. \(Service: Lambda, Status Code: 429, Request ID: [0-9a-f-]+\)",
    "Runtime.ExitError": r"RequestId: [0-9a-f-]+ Error: Runtime exited with error: signal: killed",
    "Sandbox.Timedout": r"RequestId: [0-9a-f-]+ Error: Task timed out after 40\.00 seconds",
    "States.DataLimitExceeded": r"The state/task '.+' returned a result with a size exceeding the "
    r"maximum number of bytes service limit\.",
    **dict.fromkeys(("States.Timeout", "States.Runtime", "ABORTED", "TIMED_OUT")),
}
AWS_DENIES = r"User: arn:aws:sts::.+ is not authorized to perform: .+"


#: What can be raised; the others group them.
LEAVES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.RotationError) and not kind.__subclasses__()
}


def names_of(heading: str) -> list[str]:
    return heading.split(" and ")


def parts_of(entry: str) -> dict[str, str]:
    found = re.split(r"^\*\*(.+?)\*\*", entry, flags=re.M)
    titles = [title.removesuffix(".") for title in found[1::2]]
    return dict(zip(titles, (text.strip() for text in found[2::2]), strict=True))


def causes_of(entry: str) -> list[str]:
    blocks = re.findall(r"^```text\n(.*?)^```", entry, flags=re.M | re.S)
    return [" ".join(block.split()) for block in blocks]


#: The text under each ### heading.
ENTRIES = {
    heading: text
    for group in PAGE.split("\n## The request", 1)[1].split("\n## ")
    for heading, text in (entry.split("\n", 1) for entry in group.split("\n### ")[1:])
}


@functools.cache
def can_be_said(sentence: str) -> bool:
    denied = re.fullmatch(AWS_DENIES, sentence)
    return bool(denied) or any(known.fullmatch(sentence) for known in all_patterns())


def test_each_error_that_an_execution_can_end_with_has_an_entry() -> None:
    headings = [name for heading in ENTRIES for name in names_of(heading)]
    errors_and_aws = {*LEAVES, *AWS_SAYS}
    assert len(headings) == len({*headings}), "an error has two entries"
    assert errors_and_aws - {*headings} == set(), "no entry in docs/troubleshooting.md"
    assert {*headings} == errors_and_aws, "an entry of no error"


def test_the_entries_are_grouped_as_the_classes_are() -> None:
    groups = [re.findall(r"^### (.+)$", part, re.M) for part in re.split(r"^## ", PAGE, flags=re.M)]
    for group in [group for group in groups if group][:-1]:
        parents = [LEAVES[name].__base__ for name in group]
        parent = max(parents, key=parents.count)
        assert parent
        expected = {name for name, kind in LEAVES.items() if kind.__base__ is parent}
        assert {*group} == expected, f"the entries of the {parent.__name__} section"


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_its_four_parts_in_order(heading: str) -> None:
    parts = parts_of(ENTRIES[heading])
    assert tuple(parts) == PARTS, "the parts of an entry"
    assert all(parts.values())
    assert causes_of(parts["How it looks"])
    assert re.match(r"(Yes|No)\b", parts[PARTS[3]]), "the answer comes first"


@pytest.mark.parametrize("heading", ENTRIES)
def test_what_an_entry_quotes_is_what_the_code_or_aws_can_say(heading: str) -> None:
    by_aws = [says for name in names_of(heading) if (says := AWS_SAYS.get(name))]
    for cause in causes_of(ENTRIES[heading]):
        if not any(re.fullmatch(says, cause) for says in by_aws):
            assert [each for each in sentences(cause) if not can_be_said(each)] == []


def test_a_sentence_that_the_code_cannot_say_is_noticed() -> None:
    said = "User app is off although it has a password: somebody disabled it."
    assert can_be_said(said)
    assert not can_be_said(said.replace("although", "because"))


@pytest.mark.parametrize("name, kind", LEAVES.items())
def test_an_entry_begins_with_a_sentence_of_its_own_error(
    name: str, kind: type[errors.RotationError]
) -> None:
    for cause in causes_of(ENTRIES[name]):
        first = sentences(cause)[0]
        raised = [sentences(text)[0] for text in texts_of(name)]
        assert any(pattern(text).fullmatch(first) for text in raised), (
            f"the entry quotes {first!r}; the code raises {name} with {raised}"
        )
        if answered := re.search(r" answered (\w+)\.$", first):
            # As the adapters' tables have it: "CODE": Error, or fromkeys((..., "CODE"), Error).
            row = rf'"{answered[1]}"(: |[^:]*\),\s*){name}\b'
            assert re.search(row, SOURCE) or name == "UnexpectedAwsError"
        # As rotation.runtime.telemetry adds it to a transient error of a state.
        assert (" Tried for " in cause) == kind.transient
    if kind.transient:
        assert parts_of(ENTRIES[name])[PARTS[3]].startswith("Yes")


# -- what a failed run leaves, and what the daily check finds


@pytest.mark.parametrize(
    "key, codes", [("User", remedy.USER), ("Pending", remedy.PENDING), ("Clients", message.CLIENTS)]
)
def test_the_page_has_each_code_of_close_rotation(key: str, codes: Mapping[str, str]) -> None:
    table = rows(section("troubleshooting.md", "What a failed run leaves"), f"`{key}`")
    said = {code.strip("`"): quoted(says) for code, says, _ in table}
    assert said.keys() == codes.keys()
    assert [each for says in said.values() for each in says if not can_be_said(each)] == []
    if key == "User":
        assert {code: says[0] for code, says in said.items()} == closing.USER_SENTENCES


def test_the_page_has_each_finding_of_the_daily_check() -> None:
    text = message_of([Finding("app", "UserOff", "It is off.")]).text
    [title] = re.findall(r'docs/troubleshooting\.md, "(.+)"', text)
    findings = [row[0].strip("`") for row in rows(section("troubleshooting.md", title), "finding")]
    assert sorted(findings) == sorted(get_args(Kind))


# -- the state machine


def test_every_error_that_the_state_machine_names_is_known_to_the_page() -> None:
    named = {name for handler in objects_in(ASL) for name in handler.get("ErrorEquals", ())}
    named |= {part["Error"] for part in objects_in(ASL) if "Error" in part}
    for name in named - {*LEAVES, *AWS_SAYS, "States.ALL"}:
        assert f"`{name}`" in ENTRIES.get(f"{name.split('.')[0]}.*", ""), name


def test_the_times_that_the_page_names_are_those_of_the_state_machine() -> None:
    assert ASL["TimeoutSeconds"] == 3 * 86400
    assert "ends every execution after three days" in " ".join(ENTRIES["TIMED_OUT"].split())
    tasks = [state for state in objects_in(ASL) if state.get("Type") == "Task"]
    assert {state["TimeoutSeconds"] for state in tasks} == {45}
    retries = [each for state in tasks for each in state["Retry"]]
    timeouts = [each for each in retries if "States.Timeout" in each["ErrorEquals"]]
    assert {each["MaxAttempts"] for each in timeouts} == {6}  # and the first one: seven
    assert "45 seconds, seven times" in ENTRIES["States.Timeout"]
    assert "\n    Timeout: 40\n" in (ROOT / "template.yaml").read_text()
