"""The graph says what the definition says: every state, and every way from one to the next."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from report.graph import (
    BEGIN,
    END,
    Catches,
    DefinitionError,
    MarkerError,
    condition,
    main,
    mermaid,
    updated,
)

ROOT = Path(__file__).resolve().parents[2]
ASL = ROOT / "statemachine/rotation.asl.json"
ROTATION: dict[str, Any] = json.loads(ASL.read_text())

ALL = ["States.ALL"]

_NODE = re.compile(r'(?:subgraph )?(\w+)[\[({]+"(.*)"[\])}]+(?::::\w+)?')
_EDGE = re.compile(r'(\w+) (-->|-\.->)(?:\|"(.*)"\|)? (\w+)')


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    """A definition that starts at its first state; "_" in a name stands for a space."""
    named = {name.replace("_", " "): state for name, state in states.items()}
    return {"StartAt": next(iter(named)), "States": named}


@dataclass
class Chart:
    """A flowchart, read back: boxes and nodes by their titles."""

    nodes: dict[str, str]
    edges: list[tuple[str, str, str, str]]
    inside: dict[str, str]

    @classmethod
    def read(cls, text: str) -> "Chart":
        chart = cls({"start": "start", "finish": "finish"}, [], {})
        open_boxes: list[str] = []
        edges = []
        for line in map(str.strip, text.splitlines()):
            if line == "end":
                open_boxes.pop()
            elif found := _NODE.fullmatch(line):
                chart.nodes.setdefault(found[1], _plain(found[2]))
                if open_boxes:
                    chart.inside[found[1]] = open_boxes[-1]
                if line.startswith("subgraph"):
                    open_boxes.append(found[1])
            elif found := _EDGE.fullmatch(line):
                edges.append((found[1], found[2], _plain(found[3] or ""), found[4]))
        assert open_boxes == []
        for source, arrow, label, target in edges:
            # An edge that leaves a box from inside of it is the box's.
            while source in chart.inside and chart.inside[source] not in chart.around(target):
                source = chart.inside[source]
            chart.edges.append((chart.nodes[source], arrow, label, chart.nodes[target]))
        return chart

    def around(self, node: str) -> set[str]:
        """The boxes that a node is in."""
        found: set[str] = set()
        while node in self.inside:
            node = self.inside[node]
            found.add(node)
        return found


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", text))


def rotation_edges(*, catches: bool) -> set[tuple[str, str, str]]:
    """Every way from a state to the next, of the outer machine and of those in its Maps."""
    found: set[tuple[str, str, str]] = set()

    def shown(name: str) -> str:
        return (
            f"{name} (each of Endpoints)"
            if name in ROTATION["States"] and (ROTATION["States"][name]["Type"] == "Map")
            else name
        )

    def add(states: dict[str, Any]) -> None:
        for name, state in states.items():
            ways = [("-->", way) for way in (state, *state.get("Choices", ())) if "Next" in way]
            # A Catch of named errors is a way of its own, and is drawn in any case.
            ways += [
                ("-.->", way)
                for way in state.get("Catch", ())
                if catches or way["ErrorEquals"] != ["States.ALL"]
            ]
            found.update((shown(name), arrow, shown(way["Next"])) for arrow, way in ways)
            if "Default" in state:
                found.add((shown(name), "-->", shown(state["Default"])))
            add(state.get("ItemProcessor", {}).get("States", {}))

    add(ROTATION["States"])
    return found | {("start", "-->", ROTATION["StartAt"])}


@pytest.mark.parametrize("catches, drawn", [("each", True), ("none", False)])
def test_every_transition_of_the_rotation_appears_once(catches: Catches, drawn: bool) -> None:
    chart = Chart.read(mermaid(ROTATION, catches))
    edges = {(source, arrow, target) for source, arrow, _, target in chart.edges}
    assert edges == rotation_edges(catches=drawn)
    assert len(chart.edges) == len(set(chart.edges))


@pytest.mark.parametrize("catches", ["grouped", "each", "none"])
def test_every_state_of_the_rotation_appears_once(catches: Catches) -> None:
    nodes = list(Chart.read(mermaid(ROTATION, catches)).nodes.values())
    for name, state in ROTATION["States"].items():
        inner = state.get("ItemProcessor", {}).get("States", {})
        for each in [name, *inner]:
            title = f"{each} (each of Endpoints)" if each == name and inner else each
            assert nodes.count(title) == 1, each


TESTED = "Test Authentication (each of Endpoints)"
VERIFIED = "Verify Current Password (each of Endpoints)"


def test_the_rotations_catches_are_one_edge_out_of_a_box_around_its_steps() -> None:
    chart = Chart.read(mermaid(ROTATION))
    dashed = [edge for edge in chart.edges if edge[1] == "-.->"]
    # A chart tells of an edge that leaves a box as the box's.
    assert sorted(dashed) == [
        (" ", "-.->", "any error", "Close Rotation"),
        (" ", "-.->", "any error", VERIFIED),
        ("Close Rotation", "-.->", "any error", "Rotation Not Closed"),
        ("Log In With Current", "-.->", "any error", "Current Password Not Verified"),
        ("Promote Version", "-.->", "any error", "Wait For Promotion"),
        ("Report Rotation", "-.->", "any error", "Rotated"),
        (TESTED, "-.->", "EndpointUnreachableError", "Find Endpoints Again"),
        (VERIFIED, "-.->", "any error", "Close Rotation"),
    ]
    first, second = [node for node, title in chart.nodes.items() if title == " "]
    boxed = [
        {chart.nodes[node] for node in chart.nodes if chart.inside.get(node) == box}
        for box in (first, second)
    ]
    # With the steps that catch: what lies between them, but not what leads out.
    assert {"Check Target", "Dry Run?", "Generate Password"} <= boxed[0]
    assert {"Modify User", "Wait For User", "User Active?", TESTED} <= boxed[1]
    outside = {"Read Input", "Dry Run Passed", "User Cannot Become Active", "Report Rotation"}
    assert not set.union(*boxed) & {*outside, VERIFIED}


def test_a_choice_is_a_rhombus_with_its_conditions_on_the_edges() -> None:
    rules = [
        {"Variable": "$.User.Status", "StringEquals": "modifying", "Next": "B"},
        {"Variable": "$.Count", "NumericEquals": 0, "Next": "C"},
    ]
    text = mermaid(
        machine(
            A={"Type": "Choice", "Choices": rules, "Default": "D"},
            B={"Type": "Succeed"},
            C={"Type": "Succeed"},
            D={"Type": "Fail"},
        )
    )
    assert '{"A"}:::Choice' in text
    assert Chart.read(text).edges[1:] == [
        ("A", "-->", "Status = modifying", "B"),
        ("A", "-->", "Count = 0", "C"),
        ("A", "-->", "otherwise", "D"),
    ]


@pytest.mark.parametrize(
    "rule, words",
    [
        ({"Variable": "$.A.B", "StringEquals": "x"}, "B = x"),
        ({"Variable": "$.B", "BooleanEquals": False}, "B = false"),
        ({"Variable": "$.B", "NumericLessThanEquals": 1.5}, "B ≤ 1.5"),
        ({"Variable": "$.B", "NumericGreaterThanPath": "$.C.Most"}, "B > Most"),
        ({"Variable": "$.B", "TimestampLessThan": "2026-01-01"}, "B < 2026-01-01"),
        ({"Variable": "$.B", "StringMatches": "log-*"}, "B matches log-*"),
        ({"Variable": "$.B", "IsPresent": True}, "B is present"),
        ({"Variable": "$.B", "IsNull": False}, "B is not null"),
        ({"Not": {"Variable": "$.B", "IsPresent": True}}, "not (B is present)"),
        (
            {
                "And": [
                    {"Variable": "$.B", "IsPresent": True},
                    {"Variable": "$.C", "StringEquals": ""},
                ]
            },
            "B is present and C = ",
        ),
        ({"Or": [{"Variable": "$.B", "IsNull": True}]}, "B is null"),
        ({"Condition": "{% $states.input.n > 1 %}"}, "$states.input.n > 1"),
        ({"Variable": "$.B", "NovelTest": 1}, "B"),
    ],
)
def test_a_condition_is_told_in_a_few_words(rule: dict[str, Any], words: str) -> None:
    assert condition({**rule, "Next": "A"}) == words


def test_a_long_condition_is_cut() -> None:
    rules = [{"Condition": "{% " + "x" * 200 + " %}", "Next": "B"}]
    text = mermaid(machine(A={"Type": "Choice", "Choices": rules}, B={"Type": "Succeed"}))
    [label] = [label for _, _, label, _ in Chart.read(text).edges if label]
    assert len(label) < 50
    assert label.endswith("…")


@pytest.mark.parametrize(
    "kind, line",
    [
        ("Task", '["A"]:::Task'),
        ("Wait", '{{"A"}}:::Wait'),
        ("Pass", '("A"):::Pass'),
        ("Succeed", '(["A"]):::Succeed'),
        ("Fail", '(["A"]):::Fail'),
        ("Novel", '["A (Novel)"]:::Task'),
    ],
)
def test_a_type_has_its_shape_and_its_colours(kind: str, line: str) -> None:
    text = mermaid(machine(A={"Type": kind}))
    assert line in text
    assert f"classDef {line.rsplit(':', 1)[1]} " in text


def test_a_state_without_a_type_is_drawn() -> None:
    assert '["A (no type)"]' in mermaid(machine(A={"End": True}))


def test_an_end_outside_of_a_map_is_drawn() -> None:
    edges = Chart.read(mermaid(machine(A={"Type": "Task", "End": True}))).edges
    assert edges[1:] == [("A", "-->", "", "finish")]


def test_maps_and_parallels_are_boxes_at_any_depth() -> None:
    items = {"ItemProcessor": machine(Leaf={"Type": "Task", "Next": "Last"}, Last={"Type": "Pass"})}
    branches = [machine(Inner={"Type": "Map", **items, "End": True}), machine(B={"Type": "Wait"})]
    chart = Chart.read(
        mermaid(
            machine(
                Old={"Type": "Map", "Iterator": machine(I={"Type": "Task"}), "Next": "Both"},
                Both={"Type": "Parallel", "Branches": branches, "Next": "Done"},
                Done={"Type": "Succeed"},
            )
        )
    )
    parents = {chart.nodes[node]: chart.nodes[box] for node, box in chart.inside.items()}
    assert parents == {
        "I": "Old (for each item)",
        "branch 1": "Both (at once)",
        "branch 2": "Both (at once)",
        "Inner (for each item)": "branch 1",
        "Leaf": "Inner (for each item)",
        "Last": "Inner (for each item)",
        "B": "branch 2",
    }
    assert set(chart.edges) == {
        ("start", "-->", "", "Old (for each item)"),
        ("Old (for each item)", "-->", "", "Both (at once)"),
        ("Both (at once)", "-->", "", "Done"),
        ("Leaf", "-->", "", "Last"),
    }


def test_a_catch_tells_its_errors() -> None:
    catch = [
        {"ErrorEquals": ["A", "States.Timeout"], "Next": "B"},
        {"ErrorEquals": ALL, "Next": "B"},
    ]
    definition = machine(A={"Type": "Task", "Catch": catch, "Next": "B"}, B={"Type": "Fail"})
    named = ("A", "-.->", "A, States.Timeout", "B")
    on = ("A", "-->", "", "B")
    assert Chart.read(mermaid(definition)).edges[1:] == [on, named, ("A", "-.->", "any error", "B")]
    assert Chart.read(mermaid(definition, "each")).edges[1:] == [on, named, ("A", "-.->", "", "B")]
    assert Chart.read(mermaid(definition, "none")).edges[1:] == [on, named]


def test_a_state_that_others_fail_to_is_not_in_their_box() -> None:
    catch = [{"ErrorEquals": ALL, "Next": "D"}]
    steps = {
        name: {"Type": "Task", "Catch": catch, "Next": to}
        for name, to in (("A", "B"), ("B", "C"), ("C", "D"))
    }
    undo = {"Type": "Task", "Catch": catch, "Next": "E"}
    chart = Chart.read(mermaid(machine(**steps, D=undo, E={"Type": "Fail"})))
    assert {chart.nodes[node] for node in chart.inside} == {"A", "B", "C"}
    assert ("D", "-.->", "any error", "D") in chart.edges


def test_two_catches_in_common_are_drawn_one_by_one() -> None:
    catch = [{"ErrorEquals": ALL, "Next": "C"}]
    steps = {name: {"Type": "Task", "Catch": catch, "Next": "C"} for name in "AB"}
    assert "subgraph" not in mermaid(machine(**steps, C={"Type": "Fail"}))


def test_names_are_escaped() -> None:
    name = 'end "q" `m` #35; <b> & a|b \\ ; %% ]})'
    text = mermaid({"StartAt": name, "States": {name: {"Type": "Succeed"}}})
    assert name in Chart.read(text).nodes.values()
    [line] = [line for line in text.splitlines() if "%%" in line]
    assert line.count('"') == 2
    assert not set("`<>&|\\") & set(line)


def test_a_line_break_in_a_name_is_a_space() -> None:
    assert '"a b"' in mermaid({"StartAt": "a\nb", "States": {"a\nb": {"Type": "Succeed"}}})


@pytest.mark.parametrize(
    "definition, problem",
    [
        ({}, "the definition has no States"),
        ({"StartAt": "A", "States": {}}, "the definition has no States"),
        ({"StartAt": "B", "States": {"A": {"Type": "Fail"}}}, "has no state 'B'"),
        (machine(A={"Type": "Pass", "Next": "B"}), "has no state 'B', to which 'A'"),
        (machine(A={"Type": "Map", "ItemProcessor": {}}), "state 'A' has no States"),
    ],
)
def test_what_cannot_be_drawn_is_told(definition: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(problem)):
        mermaid(definition)


def test_the_text_around_the_markers_stays() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = updated(text, "flowchart TD")
    assert once == f"before\n{BEGIN}\n```mermaid\nflowchart TD\n```\n{END}\nafter\n"
    assert updated(once, "flowchart TD") == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_missing_markers_are_told(text: str) -> None:
    with pytest.raises(MarkerError, match="needs one line"):
        updated(text, "flowchart TD")


def test_the_command_prints_the_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ASL)]) == 0
    assert capsys.readouterr().out == mermaid(ROTATION) + "\n"


def test_the_command_updates_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# é\n{BEGIN}\n{END}\n", encoding="utf-8")
    assert main([str(ASL), "--update", str(readme), "--catches", "none"]) == 0
    assert mermaid(ROTATION, "none") in readme.read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "definition, readme, problem",
    [
        ("{}", "", "asl.json: the definition has no States"),
        ("[]", "", "asl.json: is not a JSON object"),
        ("{", "", "asl.json: Expecting property name"),
        (ASL.read_text(), "no markers", "README.md: needs one line"),
        (ASL.read_text(), None, "README.md: No such file"),
        (None, "", "asl.json: No such file"),
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
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert problem in told
    assert told.count("\n") == 1


def test_the_readmes_graph_is_the_machines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert updated(text, mermaid(ROTATION)) == text
