"""What of a state machine executions have passed, by their histories alone.

A part is a state, a transition, a branch of a Choice, an error that a Retry names, an entry of a
Retry that the state has recovered by, one that any state has exhausted, or an entry of a Catch.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from report.history import Run, Visit
from tools.asl.definition import Definition, Place, State, places

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
    if succeeded and state.get("Next", "an end") == to and state.keys() & {"Next", "End"}:
        yield _onward(visit.name, state)
    if caught and (rule := _entry(state["Catch"], errors[-1])) and rule["Next"] == to:
        yield _catch(visit.name, rule)


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


@dataclass(frozen=True)
class Coverage:
    """How much of the state machine executions have passed."""

    executions: int
    covered: dict[str, tuple[int, int]]  # by kind: passed, and how many there are
    gaps: list[str]

    @classmethod
    def measured(cls, definition: Definition, runs: Sequence[Run]) -> "Coverage":
        """From the executions' histories."""
        wanted = parts(definition)
        done = {part for run in runs for part in passed(definition, run)} & wanted
        total, count = (Counter(part.kind for part in each) for each in (wanted, done))
        covered = {kind: (count[kind], total[kind]) for kind in KINDS}
        return cls(len(runs), covered, [str(part) for part in sorted(wanted - done)])

    def table(self) -> Iterator[str]:
        """The lines that a test run prints."""
        yield f"{'executions':<24}{self.executions:>12}"
        for kind, (count, total) in self.covered.items():
            yield f"{kind:<24}{f'{count}/{total}':>12}"
        yield from (f"not passed: {gap}" for gap in self.gaps)
