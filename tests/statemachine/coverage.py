"""What of a machine executions have passed, by their histories alone.

A part is a state, a transition, a branch of a Choice, an error that a Retry names, an entry of a
Retry that the state has recovered by, one that any state has exhausted, or an entry of a Catch.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from report.run import Run, Visit
from tests.statemachine.checks import Definition, Place, State, places

Event = dict[str, Any]
KINDS = (
    "states",
    "transitions",
    "choice branches",
    "errors retried",
    "retries recovered",
    "retries exhausted",
    "catches",
)


@dataclass(frozen=True, order=True)
class Part:
    """``kind`` is one of KINDS."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def parts(definition: Definition) -> set[Part]:
    """All that there is to pass."""
    return {part for place in places(definition) for part in _parts_of(place)}


def _parts_of(place: Place) -> Iterator[Part]:
    name, state = place.name, place.state
    yield Part("states", name)
    if state.keys() & {"Next", "End"}:
        yield _onward(name, state)
    if state["Type"] == "Choice":
        ways = [*(rule["Next"] for rule in state["Choices"]), state["Default"]]
        assert len(ways) == len({*ways}), f"{name}: no history tells its branches apart"
        yield from (_branch(name, state, to) for to in ways)
    for rule in state.get("Retry", ()):
        yield from (_retried(name, error) for error in rule["ErrorEquals"])
        yield from (_recovered(name, rule), _exhausted(rule))
    if not _can_only_succeed(state):
        yield from (_catch(name, rule) for rule in state.get("Catch", ()))


def _can_only_succeed(state: State) -> bool:
    """Of a Map whose items catch all: there is no mock that fails it."""
    inside = state.get("ItemProcessor", {"States": {}})["States"].values()
    tasks = [each for each in inside if each["Type"] == "Task"]
    return bool(tasks) and all("Catch" in task for task in tasks)


def untold(definition: Definition, runs: Iterable[Run]) -> set[Part]:
    """The parts that these histories cannot tell: those of Maps, if they say nothing from inside.

    Nor do they say then how a Map ended, if that leads to one state in any case.
    """
    if any(visit.within for run in runs for visit in run.visits):
        return set()
    outside = [place for place in places(definition) if not place.nested]
    ends = {
        _onward(place.name, place.state) if way is place.state else _catch(place.name, way)
        for place in outside
        if place.state["Type"] == "Map"
        for way in _ways(place.state)
        if len(_leading(place.state, way["Next"])) > 1
    }
    told = {part for place in outside for part in _parts_of(place)} - ends
    return parts(definition) - told


def passed(definition: Definition, run: Run) -> set[Part]:
    """The parts that the execution has passed."""
    states = {place.name: place.state for place in places(definition)}
    after = {id(visit.before): visit.name for visit in run.visits}
    found = set()
    for visit in run.visits:
        found.add(Part("states", visit.name))
        found |= {*_passed_in(visit, states[visit.name], after.get(id(visit), "an end"))}
    return found


def _passed_in(visit: Visit, state: State, to: str) -> Iterator[Part]:
    errors = [attempt.error for attempt in visit.failures]
    # A Map in which a Catch took an item on has no error of its own.
    caught = visit.outcome == "caught" and bool(visit.attempts and visit.attempts[-1].error)
    succeeded = visit.outcome in ("succeeded", "caught") and not caught
    if state["Type"] == "Choice":
        yield _branch(visit.name, state, to)
    yield from (_retried(visit.name, attempt.error) for attempt in visit.attempts[:-1])
    for rule in state.get("Retry", ()):
        count = sum(_entry(state["Retry"], error) is rule for error in errors)
        if succeeded and count:
            yield _recovered(visit.name, rule)
        if not succeeded and count > rule["MaxAttempts"] and _names(rule, errors[-1]):
            yield _exhausted(rule)
    if state["Type"] == "Map" and not visit.attempts:
        # Its history says nothing from inside of it: where it leads to may say how it ended.
        leading = _leading(state, to)
        way = leading[0] if len(leading) == 1 else None
        succeeded, caught = way is state, way is not None and way is not state
        errors = way["ErrorEquals"] if way and caught else []
    if succeeded and state.get("Next", "an end") == to and state.keys() & {"Next", "End"}:
        yield _onward(visit.name, state)
    if caught and (rule := _entry(state["Catch"], errors[-1])) and rule["Next"] == to:
        yield _catch(visit.name, rule)


def _ways(state: State) -> list[State]:
    return [state, *state.get("Catch", ())]


def _leading(state: State, to: str) -> list[State]:
    return [way for way in _ways(state) if way["Next"] == to]


def _entry(rules: Sequence[State], error: str) -> State | None:
    return next((rule for rule in rules if _names(rule, error)), None)


def _names(rule: State, error: str) -> bool:
    return error in rule["ErrorEquals"] or rule["ErrorEquals"] == ["States.ALL"]


def _onward(name: str, state: State) -> Part:
    return Part("transitions", f"{name} -> {state.get('Next', 'an end')}")


def _branch(name: str, state: State, to: str) -> Part:
    default = " (Default)" if to == state["Default"] else ""
    return Part("choice branches", f"{name} -> {to}{default}")


def _retried(name: str, error: str) -> Part:
    return Part("errors retried", f"{name}: {error}")


def _recovered(name: str, rule: State) -> Part:
    return Part("retries recovered", f"{name}: {', '.join(rule['ErrorEquals'])}")


def _exhausted(rule: State) -> Part:
    return Part("retries exhausted", ", ".join(rule["ErrorEquals"]))


def _catch(name: str, rule: State) -> Part:
    return Part("catches", f"{name}: {', '.join(rule['ErrorEquals'])} -> {rule['Next']}")


def linked(events: Sequence[Event]) -> list[Event]:
    """The events with a ``previousEventId`` each; they are given back if they have one.

    One engine's history has none, and of what is inside of a Map only its tasks' events, mixed and
    without a state's name. Without these each event comes after the one before it.
    """
    if any(event.get("previousEventId") for event in events):
        return [*events]
    found: list[Event] = []
    in_map = False
    for event in events:
        if not (in_map and event["type"].startswith("Task")):
            previous = found[-1]["id"] if found else 0
            found.append({**event, "id": previous + 1, "previousEventId": previous})
        in_map = event["type"] == "MapStateEntered" or (in_map and "State" not in event["type"])
    return found


@dataclass(frozen=True)
class Coverage:
    """How much of a machine the executions on an engine have passed."""

    engine: str
    executions: int
    covered: dict[str, tuple[int, int]]  # by kind: passed, and what can be told of it
    gaps: list[str]
    untold: int

    @classmethod
    def measured(cls, engine: str, definition: Definition, runs: Sequence[Run]) -> "Coverage":
        """From the executions' histories."""
        hidden = untold(definition, runs)
        wanted = parts(definition) - hidden
        done = {part for run in runs for part in passed(definition, run)} & wanted
        total, count = (Counter(part.kind for part in each) for each in (wanted, done))
        return cls(
            engine,
            len(runs),
            {kind: (count[kind], total[kind]) for kind in KINDS},
            [str(part) for part in sorted(wanted - done)],
            len(hidden),
        )

    def to_json(self) -> str:
        """For ``table``."""
        return json.dumps(vars(self))


def table(measured: Sequence[str]) -> Iterator[str]:
    """The lines that a test run prints; each of ``measured`` is a Coverage as JSON."""
    found = [json.loads(each) for each in dict.fromkeys(measured)]
    yield _row("", [each["engine"] for each in found])
    yield _row("executions", [each["executions"] for each in found])
    for kind in KINDS:
        yield _row(kind, ["{}/{}".format(*each["covered"][kind]) for each in found])
    yield _row("not told by histories", [each["untold"] for each in found])
    for each in found:
        yield from (f"{each['engine']}: not passed: {gap}" for gap in each["gaps"])


def _row(name: str, cells: Sequence[object]) -> str:
    return f"{name:<24}" + "".join(f"{cell:>12}" for cell in cells)
