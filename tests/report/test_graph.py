"""The Mermaid graph: every state of a definition, and every transition."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from report.graph import BEGIN, END, MarkerError, main, mermaid, updated
from tests.report.recorded import DEFINITION, MACHINE

README = Path(__file__).parents[2] / "README.md"
ANY = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]
PASS = {"Type": "Pass"}

_NODE = re.compile(r'(?:subgraph )?(\w+)[\[({]+"(.*)"[\])}]+(?::::\w+)?')
_EDGE = re.compile(r'(\w+) (-->|-\.->)(?:\|"(.*)"\|)? (\w+)')


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    """A definition that starts at its first state."""
    return {"StartAt": next(iter(states)), "States": states}


@dataclass
class Chart:
    """A flowchart, read back: boxes and nodes by their titles."""

    nodes: dict[str, str]
    edges: list[tuple[str, str, str, str]]
    inside: dict[str, str]

    @classmethod
    def of(cls, definition: dict[str, Any]) -> "Chart":
        chart = cls({"start": "start", "finish": "finish"}, [], {})
        open_boxes: list[str] = []
        edges = []
        for line in map(str.strip, mermaid(definition).splitlines()):
            if line == "end":
                open_boxes.pop()
            elif found := _NODE.fullmatch(line):
                chart.nodes.setdefault(found[1], _unescaped(found[2]))
                if open_boxes:
                    chart.inside[found[1]] = open_boxes[-1]
                if line.startswith("subgraph"):
                    open_boxes.append(found[1])
            elif found := _EDGE.fullmatch(line):
                edges.append((found[1], found[2], _unescaped(found[3] or ""), found[4]))
        assert open_boxes == []
        for source, arrow, label, target in edges:
            # An edge that leaves a Map or a Parallel from inside is its own.
            while (box := chart.inside.get(source)) and chart.nodes[box] != " ":
                if box in chart.around(target):
                    break
                source = box
            chart.edges.append((chart.nodes[source], arrow, label, chart.nodes[target]))
        return chart

    def around(self, node: str) -> set[str]:
        """The boxes that a node is in."""
        found: set[str] = set()
        while node in self.inside:
            node = self.inside[node]
            found.add(node)
        return found


def _unescaped(text: str) -> str:
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", text))


# -- this project's state machine


def title(name: str) -> str:
    is_map = DEFINITION["States"].get(name, {}).get("Type") == "Map"
    return f"{name} (each of Endpoints)" if is_map else name


def test_every_state_and_transition_of_the_rotation_appears_once() -> None:
    chart = Chart.of(DEFINITION)
    titles, expected = list(chart.nodes.values()), {("start", "-->", DEFINITION["StartAt"])}

    def expect(states: dict[str, Any]) -> None:
        for name, state in states.items():
            assert titles.count(title(name)) == 1
            # Most Catches of any error are one edge, from the box around their states.
            named = [c for c in state.get("Catch", ()) if c["ErrorEquals"] != ["States.ALL"]]
            nexts = [state, *state.get("Choices", ()), {"Next": state.get("Default")}]
            ways = [("-->", way) for way in nexts] + [("-.->", catch) for catch in named]
            expected.update(
                (title(name), arrow, title(way["Next"])) for arrow, way in ways if way.get("Next")
            )
            expect(state.get("ItemProcessor", {}).get("States", {}))

    expect(DEFINITION["States"])
    edges = [
        (source, arrow, to) for source, arrow, label, to in chart.edges if label != "any error"
    ]
    assert set(edges) == expected
    assert len(edges) == len(expected)


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
    assert Chart.of(machine(A=choice, B=PASS, C=PASS)).edges[1:] == [
        ("A", "-->", "Status = modifying", "B"),
        ("A", "-->", "x" * 47 + "…", "B"),
        ("A", "-->", "otherwise", "C"),
    ]


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
    chart = Chart.of(
        machine(
            Old={"Type": "Map", "Iterator": machine(I={"Type": "Task"}), "Next": "Both"},
            Both={"Type": "Parallel", "Branches": branches, "Next": "Done"},
            Done={"Type": "Task", "End": True},
        )
    )
    assert {chart.nodes[node]: chart.nodes[box] for node, box in chart.inside.items()} == {
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
        ("Done", "-->", "", "finish"),
        ("Leaf", "-->", "", "Last"),
    }


def test_a_catch_has_its_errors_on_its_edge() -> None:
    named = {"ErrorEquals": ["A", "States.Timeout"], "Next": "End"}
    step = {"Type": "Task", "Catch": [named, *ANY], "Next": "End"}
    assert Chart.of(machine(A=step, End={"Type": "Fail"})).edges[1:] == [
        ("A", "-->", "", "End"),
        ("A", "-.->", "A, States.Timeout", "End"),
        ("A", "-.->", "any error", "End"),
    ]


def test_states_with_the_same_catch_are_in_a_box_with_what_lies_between_them() -> None:
    step = {"Type": "Task", "Catch": ANY}
    definition = machine(
        A={**step, "Next": "Wait"},
        Wait={"Type": "Wait", "Next": "B"},
        B={**step, "Next": "Again?"},
        **{"Again?": {"Type": "Choice", "Choices": [{"Next": "Wait"}], "Default": "C"}},
        C={**step, "Next": "Leave?"},
        **{"Leave?": {"Type": "Choice", "Choices": [{"Next": "Out"}], "Default": "End"}},
        End={**step, "Next": "Out"},
        Out={"Type": "Fail"},
    )
    chart = Chart.of(definition)
    assert {chart.nodes[node] for node in chart.inside} == {"A", "Wait", "B", "Again?", "C"}
    assert [edge[::3] for edge in chart.edges if edge[1] == "-.->"] == [
        (" ", "End"),
        ("End", "End"),
    ]


def test_two_states_with_the_same_catch_have_an_edge_each() -> None:
    step = {"Type": "Task", "Catch": ANY, "Next": "End"}
    assert Chart.of(machine(A=step, B=step, End={"Type": "Fail"})).inside == {}


def test_names_are_escaped() -> None:
    name = 'end "q" `m` #35; <b> & a|b \\ ; %% ]})'
    definition = machine(**{f"{name}\n": {"Type": "Succeed"}})
    assert f"{name} " in Chart.of(definition).nodes.values()
    [line] = [line for line in mermaid(definition).splitlines() if "%%" in line]
    assert line.count('"') == 2
    assert not set("`<>&|\\") & set(line)


# -- the command


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}\n{BEGIN}\n{END}"])
def test_a_file_needs_both_markers(text: str) -> None:
    with pytest.raises(MarkerError, match="needs one line"):
        updated(text, "flowchart TD")


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


@pytest.mark.parametrize(
    "definition, readme, problem",
    [
        ("{}", "", "asl.json: the definition has no States"),
        ("[]", "", "asl.json: is not a JSON object"),
        ("{", "", "asl.json: Expecting property name"),
        (json.dumps(DEFINITION), "no markers", "README.md: needs one line"),
        (json.dumps(DEFINITION), None, "README.md: No such file"),
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
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert problem in line
