"""The Mermaid graph: every state of a definition, and every transition."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from report.definition import condition
from report.graph import BEGIN, END, main, mermaid, updated
from tests.report.recorded import DEFINITION, MACHINE

README = Path(__file__).parents[2] / "README.md"
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]
PASS, FAIL = {"Type": "Pass"}, {"Type": "Fail"}
_NODE = re.compile(r'(subgraph )?(\w+)[\[({]+"(.*?)(?: \(each of .*\))?"[\])}]+(?::::\w+)?')
_EDGE = re.compile(r'(\w+) (-->|-\.->)(?:\|"(.*)"\|)? (\w+)')


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    """A definition that starts at its first state."""
    return {"StartAt": next(iter(states)), "States": states}


class Chart:
    """A flowchart, read back: nodes and boxes by their titles; the box around Catches is " "."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.titles = {"start": "start", "finish": "finish"}
        self.inside: dict[str, str] = {}
        edges: list[tuple[str, ...]] = []
        around: list[str] = []
        for line in map(str.strip, mermaid(definition).splitlines()):
            if line == "end":
                around.pop()
            elif node := _NODE.fullmatch(line):
                title = html.unescape(re.sub(r"#(\d+);", r"&#\1;", node[3]))
                self.titles.setdefault(node[2], title)
                self.inside.update({title: around[-1]} if around else {})
                around += [title] if node[1] else []
            elif edge := _EDGE.fullmatch(line):
                edges.append(edge.groups(""))
        self.edges = [(self.titles[a], arrow, text, self.titles[b]) for a, arrow, text, b in edges]


# -- this project's state machine


def test_the_readmes_graph_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert updated(text, mermaid(DEFINITION)) == text, "run `make graph`"


# -- any state machine


def test_a_choices_conditions_are_on_its_edges() -> None:
    rules = [
        {"Variable": "$.User.Status", "StringEquals": "modifying", "Next": "B"},
        {"Condition": "{% " + "x" * 200 + " %}", "Next": "B"},
    ]
    choice = {"Type": "Choice", "Choices": rules, "Default": "C"}
    assert Chart(machine(A=choice, B=PASS, C=PASS)).edges[1:] == [
        ("A", "-->", "Status = modifying", "B"),
        ("A", "-->", "x" * 47 + "…", "B"),
        ("A", "-->", "otherwise", "C"),
    ]


B_PRESENT = {"Variable": "$.B", "IsPresent": True}


@pytest.mark.parametrize(
    "rule, words",
    [
        ({"Variable": "$.A.B", "StringEquals": "x"}, "B = x"),
        ({"Variable": "$.B", "BooleanEquals": False}, "B = false"),
        ({"Variable": "$.B", "NumericLessThanEquals": 1.5}, "B ≤ 1.5"),
        ({"Variable": "$.B", "NumericGreaterThanPath": "$.C.Most"}, "B > Most"),
        ({"Variable": "$.B", "TimestampLessThan": "2026-01-01"}, "B < 2026-01-01"),
        ({"Variable": "$.B", "StringMatches": "log-*"}, "B matches log-*"),
        (B_PRESENT, "B is present"),
        ({"Variable": "$.B", "IsNull": False}, "B is not null"),
        ({"Not": B_PRESENT}, "not (B is present)"),
        ({"And": [B_PRESENT, {"Variable": "$.C", "StringEquals": ""}]}, "B is present and C = "),
        ({"Or": [B_PRESENT, {"Variable": "$.C", "IsNull": True}]}, "B is present or C is null"),
        ({"Condition": "{% $states.input.n > 1 %}"}, "$states.input.n > 1"),
        ({"Variable": "$.B", "NovelTest": 1}, "B"),
    ],
)
def test_a_condition_is_a_few_words(rule: dict[str, Any], words: str) -> None:
    assert condition({**rule, "Next": "A"}) == words


@pytest.mark.parametrize(
    "state, line",
    [
        ({"Type": "Task"}, '["A"]:::Task'),
        ({"Type": "Choice"}, '{"A"}:::Choice'),
        ({"Type": "Wait"}, '{{"A"}}:::Wait'),
        ({"Type": "Pass"}, '("A"):::Pass'),
        ({"Type": "Succeed"}, '(["A"]):::Succeed'),
        ({"Type": "Fail"}, '(["A"]):::Fail'),
        ({"Type": "Novel"}, '["A (Novel)"]:::Task'),
        ({"End": True}, '["A (no type)"]:::Task'),
    ],
)
def test_a_type_has_its_shape_and_its_colors(state: dict[str, Any], line: str) -> None:
    text = mermaid(machine(A=state))
    assert line in text
    assert f"classDef {line.rsplit(':', 1)[1]} " in text


def test_maps_and_parallels_are_boxes_at_any_depth() -> None:
    items = {"ItemProcessor": machine(Leaf={"Type": "Task", "Next": "Last"}, Last=PASS)}
    branches = [machine(Inner={"Type": "Map", **items, "End": True}), machine(B={"Type": "Wait"})]
    chart = Chart(
        machine(
            Old={"Type": "Map", "Iterator": machine(I=PASS), "Next": "Both"},
            Both={"Type": "Parallel", "Branches": branches, "Next": "Done"},
            Done={"Type": "Task", "End": True},
        )
    )
    assert chart.inside == {
        "I": "Old (for each item)",
        "branch 1": "Both (at once)",
        "branch 2": "Both (at once)",
        "Inner (for each item)": "branch 1",
        "Leaf": "Inner (for each item)",
        "Last": "Inner (for each item)",
        "B": "branch 2",
    }
    assert {(source, to) for source, _, _, to in chart.edges} == {
        ("start", "Old (for each item)"),
        ("I", "Both (at once)"),
        ("Both (at once)", "Done"),
        ("Done", "finish"),
        ("Leaf", "Last"),
    }


def test_states_with_the_same_catch_are_in_a_box_with_what_lies_between_them() -> None:
    step = {"Type": "Task", "Catch": CATCH}
    choices = {"Again?": ("Wait", "C"), "Leave?": ("Out", "End")}
    definition = machine(
        A={**step, "Next": "Wait"},
        Wait={"Type": "Wait", "Next": "B"},
        B={**step, "Next": "Again?"},
        C={**step, "Next": "Leave?"},
        End={**step, "Next": "Out"},
        Out=FAIL,
        **{
            name: {"Type": "Choice", "Choices": [{"Next": to}], "Default": default}
            for name, (to, default) in choices.items()
        },
    )
    chart = Chart(definition)
    assert chart.inside == dict.fromkeys(["A", "Wait", "B", "Again?", "C"], " ")
    assert [edge[::3] for edge in chart.edges if edge[1] == "-.->"] == [
        (" ", "End"),
        ("End", "End"),
    ]


def test_two_states_with_the_same_catch_have_an_edge_for_each_catch() -> None:
    named = {"ErrorEquals": ["A", "States.Timeout"], "Next": "End"}
    chart = Chart(
        machine(A={"Type": "Task", "Catch": [named, *CATCH]}, B={"Catch": CATCH}, End=FAIL)
    )
    assert chart.inside == {}
    assert chart.edges[1:] == [
        ("A", "-.->", "A, States.Timeout", "End"),
        ("A", "-.->", "any error", "End"),
        ("B (no type)", "-.->", "any error", "End"),
    ]


def test_names_are_escaped() -> None:
    name = 'end "q" `m` #35; <b> & a|b \\ ; %% ]})'
    definition = machine(**{f"{name}\n": {"Type": "Succeed"}})
    assert f"{name} " in Chart(definition).titles.values()
    [line] = [line for line in mermaid(definition).splitlines() if "%%" in line]
    assert line.count('"') == 2
    assert not set("`<>&|\\") & set(line)


# -- the command


def test_the_command_prints_the_graph_or_updates_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(MACHINE)]) == 0
    assert capsys.readouterr().out == mermaid(DEFINITION) + "\n"
    readme = tmp_path / "README.md"
    readme.write_text(f"é\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        assert main([str(MACHINE), "--update", str(readme)]) == 0
        text = f"é\n{BEGIN}\n```mermaid\n{mermaid(DEFINITION)}\n```\n{END}\nafter\n"
        assert readme.read_text(encoding="utf-8") == text
    assert capsys.readouterr().out == ""


A_PASS = json.dumps(machine(A=PASS))


@pytest.mark.parametrize(
    "definition, readme, problem",
    [
        *(
            (json.dumps(drawn), "", problem)
            for drawn, problem in (
                ({}, "the definition has no States"),
                ({"StartAt": "A", "States": {}}, "the definition has no States"),
                (machine(A=PASS) | {"StartAt": "B"}, "has no state 'B', the target of StartAt"),
                (machine(A=PASS | {"Next": "B"}), "has no state 'B', the target of state 'A'"),
                (machine(A={"Type": "Map", "ItemProcessor": {}}), "state 'A' has no States"),
            )
        ),
        ("[]", "", "asl.json: is not a JSON object"),
        ("{", "", "asl.json: Expecting property name"),
        (None, "", "asl.json: No such file"),
        (A_PASS, None, "README.md"),
        *(
            (A_PASS, text, "README.md: needs one line")
            for text in ("", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}")
        ),
    ],
)
def test_an_error_of_the_command_is_one_line(
    definition: str | None,
    readme: str | None,
    problem: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in (("asl.json", definition), ("README.md", readme)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert main([str(tmp_path / "asl.json"), "--update", str(tmp_path / "README.md")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert problem in line
