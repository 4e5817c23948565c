"""The graph of a state machine, as a Mermaid flowchart.

::

    python -m report.graph statemachine/rotation.asl.json
    python -m report.graph statemachine/rotation.asl.json --update README.md

The second replaces what is between the lines ``<!-- graph:begin -->`` and ``<!-- graph:end -->``.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from report.history import Run, Visit

#: A state machine, or the part of one in a Map or a Parallel: ``{"StartAt", "States", ...}``.
Definition = Mapping[str, Any]
State = Mapping[str, Any]

#: How the Catches of States.ALL are drawn: one dashed edge out of a box around all the states that
#: share one, a dashed edge for each state, or not at all. Other Catches are always drawn.
Catches = Literal["grouped", "each", "none"]

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
    # A box has no fill: its title takes the page's own text color.
    "Box": "fill:none,stroke:#6e7781",
    "Group": "fill:none,stroke:#cf222e,stroke-dasharray:4 4",
}
#: Of a run: by a state's outcome, and of one that was not entered.
_OUTCOMES = {
    "succeeded": "fill:#dafbe1,stroke:#1a7f37,color:#0a3622",
    "caught": "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
    "failed": "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    "timed-out": "fill:#cf222e,stroke:#cf222e,color:#ffffff",
    "aborted": "fill:#fbefff,stroke:#8250df,color:#3e1f79",
    "running": "fill:#ddf4ff,stroke:#0969da,color:#0a3069",
    "not-entered": "fill:#f6f8fa,stroke:#8c959f,color:#57606a,stroke-dasharray:3 3",
}
_OPERATORS = {
    "Equals": "=",
    "LessThan": "<",
    "LessThanEquals": "≤",
    "GreaterThan": ">",
    "GreaterThanEquals": "≥",
    "Matches": "matches",
}
_COMPARED = ("String", "Numeric", "Boolean", "Timestamp")
_KINDS = {
    "IsPresent": "present",
    "IsNull": "null",
    "IsNumeric": "a number",
    "IsString": "a string",
    "IsBoolean": "a boolean",
    "IsTimestamp": "a timestamp",
}
# One pass over the text: "#" starts an entity in Mermaid, and "`" a Markdown label.
_ENTITIES = str.maketrans(
    {char: f"#{ord(char)};" for char in '#"`<>&|\\'} | dict.fromkeys("\r\n\t", " ")
)
_LONGEST_LABEL = 48
_ANY_ERROR = "any error"
# Fewer states than this with one Catch in common are easier to read with an edge each.
_SMALLEST_GROUP = 3


class DefinitionError(ValueError):
    """What was given is not a state machine that can be drawn."""


class MarkerError(ValueError):
    """The file has no place for the graph."""


def mermaid(definition: Definition, catches: Catches = "grouped", run: Run | None = None) -> str:
    """A ``flowchart TD`` of any ASL definition, in JSONPath or JSONata.

    Args:
        definition: ``{"StartAt": name, "States": {name: state}}``.
        catches: how the Catches of ``States.ALL`` are drawn.
        run: colors its states by their outcome.

    Returns:
        The flowchart's text, without a Markdown fence.

    Raises:
        DefinitionError: there are no states, or one leads to a state that does not exist.
    """
    drawing = _Drawing(catches)
    if run:
        drawing.outcomes = {
            name: outcome.replace(" ", "-") for name, outcome in run.outcomes().items()
        }
    start, _ = drawing.machine(definition, "the definition")
    begin = ['    start((" ")):::Start', f"    start --> {start}"]
    styles = _CLASSES | _OUTCOMES
    used = [name for name in styles if name in drawing.classes | {"Start"}]
    classes = [f"    classDef {name} {styles[name]}" for name in used]
    boxes = [f"    class {','.join(ids)} {name}" for name, ids in drawing.boxes.items()]
    return "\n".join(["flowchart TD", *begin, *drawing.nodes, *drawing.edges, *classes, *boxes])


def observed(run: Run) -> Definition:
    """What a run shows of its machine, for a history that comes without a definition."""
    inside: dict[Visit | None, list[Visit]] = {None: []}
    for visit in run.visits:
        inside.setdefault(visit.within, []).append(visit)
    return _observed(inside, inside[None])


def _observed(inside: Mapping[Visit | None, list[Visit]], visits: list[Visit]) -> Definition:
    states: dict[str, dict[str, Any]] = {visit.name: {"Type": visit.type} for visit in visits}
    for visit in visits:
        if visit.before is None:
            continue
        ways = states[visit.before.name].setdefault("Choices", [])
        if visit.name not in [way["Next"] for way in ways]:
            ways.append({"Next": visit.name})
    for name, state in states.items():
        if within := [each for v in visits if v.name == name for each in inside.get(v, ())]:
            state["ItemProcessor"] = _observed(inside, within)
    return {"StartAt": next(iter(states), ""), "States": states}


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
    """The command line: prints the graph, or updates a file; an error is one line, and a 1."""
    parser = argparse.ArgumentParser(
        prog="python -m report.graph", description="Draw a state machine as a Mermaid flowchart."
    )
    parser.add_argument("definition", type=Path, help="an ASL file, as JSON")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help=f"write it between {BEGIN} and {END} of FILE"
    )
    parser.add_argument(
        "--catches",
        choices=get_args(Catches),
        default="grouped",
        help="how Catches of States.ALL are drawn (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    path: Path = options.definition
    try:
        graph = mermaid(_loaded(path), options.catches)
        if options.update is None:
            sys.stdout.write(f"{graph}\n")
            return 0
        path = options.update
        path.write_text(updated(path.read_text(encoding="utf-8"), graph), encoding="utf-8")
    except OSError as error:
        return _failed(path, error.strerror or type(error).__name__)
    except ValueError as error:
        return _failed(path, str(error))
    return 0


def _loaded(path: Path) -> Definition:
    loaded: object = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise DefinitionError("is not a JSON object")
    return loaded


def _failed(path: Path, reason: str) -> int:
    sys.stderr.write(f"error: {path}: {reason}\n")
    return 1


@dataclass
class _Drawing:
    """Collects a chart's lines. Ids are numbers: a name such as "end" is a word of Mermaid's."""

    catches: Catches
    outcomes: Mapping[str, str] | None = None
    nodes: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    _exits: dict[str, str] = field(default_factory=dict)
    _drawn: int = 0

    def machine(self, definition: Definition, where: str, depth: int = 1) -> tuple[str, list[str]]:
        """Draw a machine, nested ones with it.

        Returns:
            The id of the state that it starts at, and those of the states that it ends with.
        """
        states = definition.get("States")
        if not isinstance(states, Mapping) or not states:
            raise DefinitionError(f"{where} has no States")
        ids = {name: self._new_id("s") for name in states}
        for name, state in states.items():
            for leads_to in (definition.get("StartAt"), *(to for to, _, _ in edges_of(state))):
                if leads_to not in states:
                    raise DefinitionError(
                        f"{where} has no state {leads_to!r}, to which {name!r} or StartAt leads"
                    )
        groups = _groups(states) if self.catches == "grouped" else {}
        grouped = {name: target for target, names in groups.items() for name in names}
        for target, names in groups.items():
            box = self._new_id("g")
            self._open(box, "", "Group", depth)
            for name in names:
                self._state(ids[name], name, states[name], depth + 1)
            self.nodes.append(f"{'    ' * depth}end")
            self._edge(box, ids[target], _ANY_ERROR, dashed=True)
        for name, state in states.items():
            if name not in grouped:
                self._state(ids[name], name, state, depth)
        for name, state in states.items():
            for leads_to, label, is_catch in edges_of(state):
                if is_catch and not label:
                    if self.catches == "none" or name in grouped:
                        continue
                    # Labels on the many edges of "each" would cover one another.
                    label = _ANY_ERROR if self.catches == "grouped" else ""
                self._edge(ids[name], ids[leads_to], label, dashed=is_catch)
            if state.get("End") and depth == 1:
                self._edge(ids[name], self._end_of(depth), "", dashed=False)
        ends = [
            ids[name]
            for name, state in states.items()
            if state.get("End") or not list(edges_of(state))
        ]
        return ids[str(definition["StartAt"])], ends

    def _state(self, node: str, name: str, state: State, depth: int) -> None:
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
        self._open(node, f"{name} ({_runs(kind, state)})", self._class(name, "Box"), depth)
        for number, definition in enumerate(inner, start=1):
            where = f"state {name!r}"
            if len(inner) == 1:
                _, ends = self.machine(definition, where, depth + 1)
                if len(ends) == 1:
                    # Mermaid lays a box out best that is left from inside: it cuts an edge between
                    # a box and a rhombus short, and keeps no column for a box without such edges.
                    self._exits[node] = self._exits.get(ends[0], ends[0])
                continue
            branch = self._new_id("b")
            self._open(branch, f"branch {number}", "Box", depth + 1)
            self.machine(definition, where, depth + 2)
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
        text = f'|"{_escaped(_shortened(label))}"|' if label else ""
        self.edges.append(f"    {self._exits.get(source, source)} {arrow}{text} {target}")

    def _end_of(self, depth: int) -> str:
        end = '    finish((" ")):::Start'
        if end not in self.nodes:
            self.nodes.append(end)
        return "finish"

    def _new_id(self, prefix: str) -> str:
        self._drawn += 1
        return f"{prefix}{self._drawn}"


def inner_of(state: State) -> Iterator[Definition]:
    """The machines inside a Map (also by its older name, Iterator) or a Parallel."""
    for key in ("ItemProcessor", "Iterator"):
        if key in state:
            yield state[key]
    yield from state.get("Branches", ())


def edges_of(state: State) -> Iterator[tuple[Any, str, bool]]:
    """``(name of the next state, label, whether it is a Catch)`` for each way out of a state."""
    if "Next" in state:
        yield state["Next"], "", False
    for rule in state.get("Choices", ()):
        yield rule.get("Next"), condition(rule), False
    if "Default" in state:
        yield state["Default"], "otherwise", False
    for catcher in state.get("Catch", ()):
        names = [name for name in catcher.get("ErrorEquals", ()) if name != "States.ALL"]
        yield catcher.get("Next"), ", ".join(names), True


def _groups(states: Mapping[str, State]) -> dict[str, list[str]]:
    """For each state that many Catches lead to: the states to draw in a box, in their order.

    Beside those that have the Catch, a Choice, Wait or Pass that is only reached from the box and
    leads back into it is drawn inside: it lies between them.
    """
    catching: dict[str, set[str]] = {}
    for name, state in states.items():
        for leads_to, label, is_catch in edges_of(state):
            if is_catch and not label:
                catching.setdefault(leads_to, set()).add(name)
    groups = {to: names for to, names in catching.items() if len(names) >= _SMALLEST_GROUP}
    for target, members in groups.items():
        # Mermaid draws no edge from a box to what is in it; what one box leads to is in no other.
        members.difference_update(groups)
        between = [
            name
            for name, state in states.items()
            if name != target and state.get("Type") in ("Choice", "Wait", "Pass")
        ]
        while found := [
            name for name in between if name not in members and _lies_in(name, members, states)
        ]:
            members.update(found)
    return {to: [name for name in states if name in names] for to, names in groups.items()}


def _lies_in(name: str, members: set[str], states: Mapping[str, State]) -> bool:
    sources = {
        source
        for source, state in states.items()
        if source != name and any(to == name for to, _, _ in edges_of(state))
    }
    # A chain of such states leads back at its end; what it leads to may itself lie in the box.
    return bool(sources) and sources <= members and _comes_back(name, members, states)


def _comes_back(name: str, members: set[str], states: Mapping[str, State]) -> bool:
    seen, ahead = {name}, [name]
    while ahead:
        for leads_to, _, _ in edges_of(states[ahead.pop()]):
            if leads_to in members:
                return True
            if leads_to not in seen and states[leads_to].get("Type") in ("Choice", "Wait", "Pass"):
                seen.add(leads_to)
                ahead.append(leads_to)
    return False


def condition(rule: Mapping[str, Any]) -> str:
    """A Choice's rule in a few words: ``Status = modifying``, ``not (Count > 0 and X is null)``."""
    if "Condition" in rule:
        return str(rule["Condition"]).strip().removeprefix("{%").removesuffix("%}").strip()
    for key, joint in (("And", " and "), ("Or", " or ")):
        if key in rule:
            return joint.join(condition(inner) for inner in rule[key])
    if "Not" in rule:
        return f"not ({condition(rule['Not'])})"
    name = _last(str(rule.get("Variable", "")))
    for key, value in rule.items():
        if key in _KINDS:
            return f"{name} {'is' if value else 'is not'} {_KINDS[key]}"
        compared = next((kind for kind in _COMPARED if key.startswith(kind)), "")
        operator = _OPERATORS.get(key.removeprefix(compared).removesuffix("Path"))
        if compared and operator:
            shown = value if isinstance(value, str) else json.dumps(value)
            return f"{name} {operator} {_last(shown) if key.endswith('Path') else shown}"
    return name


def _last(path: str) -> str:
    return path.rsplit(".", 1)[-1]


def _runs(kind: str, state: State) -> str:
    """How what is inside a Map or a Parallel runs."""
    if kind == "Map" and "ItemsPath" in state:
        return f"each of {_last(str(state['ItemsPath']))}"
    return {"Map": "for each item", "Parallel": "at once"}.get(kind, kind)


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
