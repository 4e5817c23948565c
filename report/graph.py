"""The graph of a state machine, as a Mermaid flowchart.

``python -m report.graph statemachine/rotation.asl.json`` prints it; with ``--update README.md`` it
replaces what is between the lines ``<!-- graph:begin -->`` and ``<!-- graph:end -->``.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from report.definition import (
    ANY_ERROR,
    Definition,
    DefinitionError,
    State,
    check,
    inner_of,
    last_name,
    transitions_of,
)
from report.run import Run
from report.wording import shortened

BEGIN, END = "<!-- graph:begin -->", "<!-- graph:end -->"

#: Mermaid's brackets around a label, by a state's type. Any other type is a plain box.
_SHAPES = {
    "Choice": ("{", "}"),
    "Wait": ("{{", "}}"),
    "Pass": ("(", ")"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
# Each has its own text color on its own fill, so that neither a light nor a dark page matters.
_CLASSES = {
    "Task": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    "Choice": "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
    "Wait": "fill:#fbefff,stroke:#8250df,color:#3e1f79",
    "Pass": "fill:#eaeef2,stroke:#6e7781,color:#24292f",
    "Succeed": "fill:#1a7f37,stroke:#1a7f37,color:#ffffff",
    "Fail": "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    "Start": "fill:#6e7781,stroke:#6e7781,color:#ffffff",
    # A box has no fill: its title has the page's own text color.
    "Box": "fill:none,stroke:#6e7781",
    "Group": "fill:none,stroke:#cf222e,stroke-dasharray:4 4",
}
#: By a state's outcome in a run.
_OUTCOMES = {
    "succeeded": "fill:#dafbe1,stroke:#1a7f37,color:#0a3622",
    "caught": "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
    "failed": "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    "timed-out": "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    "aborted": "fill:#fbefff,stroke:#8250df,color:#3e1f79",
    "running": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    "not-entered": "fill:#f6f8fa,stroke:#8c959f,color:#57606a,stroke-dasharray:3 3",
}
# One pass over the text: "#" starts an entity in Mermaid, and "`" a Markdown label.
_ENTITIES = str.maketrans(
    {char: f"#{ord(char)};" for char in '#"`<>&|\\'} | dict.fromkeys("\r\n\t", " ")
)
_LONGEST_LABEL = 48
# Fewer states than this with the same Catch are easier to read with an edge each.
_SMALLEST_GROUP = 3


class MarkerError(ValueError):
    """The file has no place for the graph."""


def mermaid(definition: Definition, run: Run | None = None) -> str:
    """The text of a ``flowchart TD``, without a Markdown fence.

    Catches of any error from several states to the same one are one dashed edge from a box around
    these states.

    Args:
        definition: ``{"StartAt": name, "States": {name: state}}``.
        run: colors the states by their outcome.

    Raises:
        DefinitionError: as `check`.
    """
    check(definition)
    drawing = _Drawing()
    if run:
        drawing.outcomes = {
            name: outcome.replace(" ", "-") for name, outcome in run.outcomes().items()
        }
    start, _ = drawing.add_machine(definition)
    begin = ['    start((" ")):::Start', f"    start --> {start}"]
    styles = _CLASSES | _OUTCOMES
    used = [name for name in styles if name in drawing.classes | {"Start"}]
    classes = [f"    classDef {name} {styles[name]}" for name in used]
    boxes = [f"    class {','.join(ids)} {name}" for name, ids in drawing.boxes.items()]
    return "\n".join(["flowchart TD", *begin, *drawing.nodes, *drawing.edges, *classes, *boxes])


def updated(text: str, graph: str) -> str:
    """The text of a Markdown file with ``graph`` between its two markers.

    Raises:
        MarkerError: there is not exactly one of each, in order, each on a line of its own.
    """
    lines = text.split("\n")
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        raise MarkerError(f"needs one line {BEGIN} and, below it, one line {END}")
    block = ["```mermaid", *graph.split("\n"), "```"]
    return "\n".join([*lines[: begins[0] + 1], *block, *lines[ends[0] :]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the graph, or update a file; an error is one line, and the exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m report.graph", description="Draw a state machine as a Mermaid flowchart."
    )
    parser.add_argument("definition", type=Path, help="an ASL file, as JSON")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write it between {BEGIN} and {END} of FILE"
    )
    options = parser.parse_args(arguments)
    path: Path = options.definition
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(definition, dict):
            raise DefinitionError("is not a JSON object")
        graph = mermaid(definition)
        if options.update:
            path = options.update
            path.write_text(updated(path.read_text(encoding="utf-8"), graph), encoding="utf-8")
        else:
            sys.stdout.write(f"{graph}\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"error: {path}: {reason}\n")
        return 1
    return 0


@dataclass
class _Drawing:
    """Collects a chart's lines. Ids are numbers: a name such as "end" is a word of Mermaid's."""

    outcomes: Mapping[str, str] | None = None
    nodes: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    _exits: dict[str, str] = field(default_factory=dict)
    _drawn: int = 0

    def add_machine(self, definition: Definition, depth: int = 1) -> tuple[str, list[str]]:
        """Draw a state machine, with the ones inside its Maps and Parallels.

        Returns:
            The id of the state that it starts at, and those of the states that it ends with.
        """
        states: Mapping[str, State] = definition["States"]
        ids = {name: self._new_id("s") for name in states}
        groups = _groups(states)
        grouped = {name for names in groups.values() for name in names}
        for target, names in groups.items():
            box = self._new_id("g")
            self._open(box, "", "Group", depth)
            for name in names:
                self._add_state(ids[name], name, states[name], depth + 1)
            self.nodes.append(f"{'    ' * depth}end")
            self._edge(box, ids[target], ANY_ERROR, dashed=True)
        for name, state in states.items():
            if name not in grouped:
                self._add_state(ids[name], name, state, depth)
        for name, state in states.items():
            for target, label, is_catch in transitions_of(state):
                if not is_catch or label or name not in grouped:
                    text = label or (ANY_ERROR if is_catch else "")
                    self._edge(ids[name], ids[target], text, dashed=is_catch)
            # What is inside a box ends with the box.
            if state.get("End") and depth == 1:
                self._edge(ids[name], self._finish(), "", dashed=False)
        ends = {name for name in states if not any(transitions_of(states[name]))}
        ends |= {name for name, state in states.items() if state.get("End")}
        return ids[str(definition["StartAt"])], [ids[name] for name in states if name in ends]

    def _add_state(self, node: str, name: str, state: State, depth: int) -> None:
        indent = "    " * depth
        inner = list(inner_of(state))
        kind = str(state.get("Type", "no type"))
        if not inner:
            shape = kind if kind in _CLASSES else "Task"
            label = name if kind in _CLASSES else f"{name} ({kind})"
            opening, closing = _SHAPES.get(kind, ("[", "]"))
            shape = self._class(name, shape)
            self.classes.add(shape)
            self.nodes.append(f'{indent}{node}{opening}"{_escaped(label)}"{closing}:::{shape}')
            return
        self._open(node, f"{name} ({_repetition(kind, state)})", self._class(name, "Box"), depth)
        for number, definition in enumerate(inner, start=1):
            if len(inner) == 1:
                _, ends = self.add_machine(definition, depth + 1)
                if len(ends) == 1:
                    # Mermaid draws a box best if its exit is an edge from inside: it cuts an edge
                    # from a box to a rhombus short, and has no column for a box without edges.
                    self._exits[node] = self._exits.get(ends[0], ends[0])
                continue
            branch = self._new_id("b")
            self._open(branch, f"branch {number}", "Box", depth + 1)
            self.add_machine(definition, depth + 2)
            self.nodes.append(f"{indent}    end")
        self.nodes.append(f"{indent}end")

    def _class(self, name: str, of_its_type: str) -> str:
        return of_its_type if self.outcomes is None else self.outcomes.get(name, "not-entered")

    def _open(self, box: str, title: str, kind: str, depth: int) -> None:
        self.classes.add(kind)
        self.boxes.setdefault(kind, []).append(box)
        self.nodes.append(f'{"    " * depth}subgraph {box}["{_escaped(title) or " "}"]')

    def _edge(self, source: str, target: str, label: str, *, dashed: bool) -> None:
        arrow = "-.->" if dashed else "-->"
        text = f'|"{_escaped(shortened(label, _LONGEST_LABEL))}"|' if label else ""
        self.edges.append(f"    {self._exits.get(source, source)} {arrow}{text} {target}")

    def _finish(self) -> str:
        finish = '    finish((" ")):::Start'
        if finish not in self.nodes:
            self.nodes.append(finish)
        return "finish"

    def _new_id(self, prefix: str) -> str:
        self._drawn += 1
        return f"{prefix}{self._drawn}"


def _groups(states: Mapping[str, State]) -> dict[str, list[str]]:
    """For each state that many Catches lead to: the states to draw in a box, in their order.

    The box also holds each Choice, Wait or Pass that lies between the states with the Catch: it is
    entered only from the box, and leads back into it.
    """
    catching: dict[str, set[str]] = {}
    for name, state in states.items():
        for target, label, is_catch in transitions_of(state):
            if is_catch and not label:
                catching.setdefault(target, set()).add(name)
    groups = {to: names for to, names in catching.items() if len(names) >= _SMALLEST_GROUP}
    for target, members in groups.items():
        # Mermaid draws no edge from a box to its own content, so no box holds a box's target.
        members.difference_update(groups)
        others = [name for name in states if name != target and _only_leads_on(states[name])]
        while between := [
            name for name in others if name not in members and _lies_in(name, members, states)
        ]:
            members.update(between)
    return {to: [name for name in states if name in names] for to, names in groups.items()}


def _only_leads_on(state: State) -> bool:
    return state.get("Type") in ("Choice", "Wait", "Pass")


def _lies_in(name: str, members: set[str], states: Mapping[str, State]) -> bool:
    sources = {
        source
        for source, state in states.items()
        if source != name and any(to == name for to, _, _ in transitions_of(state))
    }
    # A chain of such states leads back at its end.
    return bool(sources) and sources <= members and _leads_back(name, members, states)


def _leads_back(name: str, members: set[str], states: Mapping[str, State]) -> bool:
    seen, ahead = {name}, [name]
    while ahead:
        for target, _, _ in transitions_of(states[ahead.pop()]):
            if target in members:
                return True
            if target not in seen and _only_leads_on(states[target]):
                seen.add(target)
                ahead.append(target)
    return False


def _repetition(kind: str, state: State) -> str:
    """How a Map or a Parallel runs its content."""
    if kind == "Map" and "ItemsPath" in state:
        return f"each of {last_name(str(state['ItemsPath']))}"
    return {"Map": "for each item", "Parallel": "at once"}.get(kind, kind)


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)


if __name__ == "__main__":
    sys.exit(main())
