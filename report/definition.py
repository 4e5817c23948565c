"""A state machine's definition in the Amazon States Language, in JSONPath or JSONata."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from report.run import Run, Visit

#: A state machine, or the part of one in a Map or a Parallel: ``{"StartAt", "States", ...}``.
Definition = Mapping[str, Any]
State = Mapping[str, Any]

ANY_ERROR = "any error"
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


class DefinitionError(ValueError):
    """The input is not a state machine that can be drawn."""


def check(definition: Definition, where: str = "the definition") -> None:
    """Check that each transition, also in Maps and Parallels, leads to a state.

    Raises:
        DefinitionError: there are no states, or a transition leads to a state that does not exist.
    """
    states = definition.get("States")
    if not isinstance(states, Mapping) or not states:
        raise DefinitionError(f"{where} has no States")
    targets = {definition.get("StartAt"): "StartAt"}
    for name, state in states.items():
        targets |= {target: f"state {name!r}" for target, _, _ in transitions_of(state)}
        for inner in inner_of(state):
            check(inner, f"state {name!r}")
    for target, source in targets.items():
        if target not in states:
            raise DefinitionError(f"{where} has no state {target!r}, the target of {source}")


def inner_of(state: State) -> Iterator[Definition]:
    """The definitions inside a Map (also under its older name, Iterator) or a Parallel."""
    for key in ("ItemProcessor", "Iterator"):
        if key in state:
            yield state[key]
    yield from state.get("Branches", ())


def transitions_of(state: State) -> Iterator[tuple[Any, str, bool]]:
    """``(name of the next state, label, whether it is a Catch)`` for each transition of a state.

    The label is empty for a Catch of any error.
    """
    if "Next" in state:
        yield state["Next"], "", False
    for rule in state.get("Choices", ()):
        yield rule.get("Next"), condition(rule), False
    if "Default" in state:
        yield state["Default"], "otherwise", False
    for catcher in state.get("Catch", ()):
        names = [name for name in catcher.get("ErrorEquals", ()) if name != "States.ALL"]
        yield catcher.get("Next"), ", ".join(names), True


def condition(rule: Mapping[str, Any]) -> str:
    """A Choice's rule in a few words: ``Status = modifying``, ``not (Count > 0 and X is null)``."""
    if "Condition" in rule:
        return str(rule["Condition"]).strip().removeprefix("{%").removesuffix("%}").strip()
    for key, joint in (("And", " and "), ("Or", " or ")):
        if key in rule:
            return joint.join(condition(inner) for inner in rule[key])
    if "Not" in rule:
        return f"not ({condition(rule['Not'])})"
    name = last_name(str(rule.get("Variable", "")))
    for key, value in rule.items():
        if key in _KINDS:
            return f"{name} {'is' if value else 'is not'} {_KINDS[key]}"
        compared = next((kind for kind in _COMPARED if key.startswith(kind)), "")
        operator = _OPERATORS.get(key.removeprefix(compared).removesuffix("Path"))
        if compared and operator:
            text = value if isinstance(value, str) else json.dumps(value)
            return f"{name} {operator} {last_name(text) if key.endswith('Path') else text}"
    return name


def last_name(path: str) -> str:
    """The last name of a reference path: ``Count`` of ``$.Network.Count``."""
    return path.rsplit(".", 1)[-1]


def observed(run: Run) -> Definition:
    """The definition as far as a run shows it, for a history that comes without one."""
    inside: dict[Visit | None, list[Visit]] = {None: []}
    for visit in run.visits:
        inside.setdefault(visit.within, []).append(visit)
    return _observed(inside, inside[None])


def _observed(inside: Mapping[Visit | None, list[Visit]], visits: list[Visit]) -> Definition:
    states: dict[str, dict[str, Any]] = {visit.name: {"Type": visit.type} for visit in visits}
    for visit in visits:
        if visit.before is None:
            continue
        choices = states[visit.before.name].setdefault("Choices", [])
        if visit.name not in [choice["Next"] for choice in choices]:
            choices.append({"Next": visit.name})
    for name, state in states.items():
        if within := [inner for v in visits if v.name == name for inner in inside.get(v, ())]:
            state["ItemProcessor"] = _observed(inside, within)
    return {"StartAt": next(iter(states), ""), "States": states}


def entered(definition: Definition, run: Run) -> Definition:
    """The part of a definition that a run has used: the states entered, the transitions taken."""
    names, taken = run.by_state(), run.transitions()

    def part(definition: Definition) -> Definition:
        states = definition["States"].items()
        return {**definition, "States": {n: used(n, state) for n, state in states if n in names}}

    def used(name: str, state: State) -> State:
        kept = {
            k: v for k, v in state.items() if k not in ("Next", "Default") or (name, v) in taken
        }
        for key in kept.keys() & {"Choices", "Catch"}:
            kept[key] = [rule for rule in kept[key] if (name, rule["Next"]) in taken]
        for key in kept.keys() & {"ItemProcessor", "Iterator"}:
            kept[key] = part(kept[key])
        for key in kept.keys() & {"Branches"}:
            kept[key] = [part(branch) for branch in kept[key]]
        return kept

    return part(definition)
