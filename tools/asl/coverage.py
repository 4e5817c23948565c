"""What of a state machine executions have passed, by their histories alone.

A part is ``KIND: name``: a state, a transition, a branch of a Choice, an error that a Retry names,
an entry of a Retry that a state has recovered by, one that any state has exhausted, or an entry of
a Catch.
"""

from collections.abc import Iterable, Iterator, Sequence

from report.run import Run, Visit
from tools.asl.definition import Definition, State, places

_STATES, _TRANSITIONS, _BRANCHES = "states", "transitions", "choice branches"
_RETRIED, _RECOVERED, _EXHAUSTED = "errors retried", "retries recovered", "retries exhausted"
_CATCHES = "catches"
KINDS = (_STATES, _TRANSITIONS, _BRANCHES, _RETRIED, _RECOVERED, _EXHAUSTED, _CATCHES)


def parts(definition: Definition) -> set[str]:
    """All that there is to pass."""
    return {part for each in places(definition) for part in _parts_of(each.name, each.state)}


def _parts_of(name: str, state: State) -> Iterator[str]:
    yield f"{_STATES}: {name}"
    if state.keys() & {"Next", "End"}:
        yield _transition(name, state)
    if state["Type"] == "Choice":
        ways = [*(rule["Next"] for rule in state["Choices"]), state["Default"]]
        assert len(ways) == len({*ways}), f"{name}: its branches look alike in a history"
        yield from (_branch(name, state, to) for to in ways)
    for rule in state.get("Retry", ()):
        yield from (f"{_RETRIED}: {name}: {error}" for error in rule["ErrorEquals"])
        yield f"{_RECOVERED}: {name}: {_errors(rule)}"
        yield f"{_EXHAUSTED}: {_errors(rule)}"
    if not _can_only_succeed(state):
        yield from (_catch(name, rule) for rule in state.get("Catch", ()))


def _can_only_succeed(state: State) -> bool:
    """Of a Map whose items catch all: there is no mock that fails it."""
    inside = state.get("ItemProcessor", {"States": {}})["States"].values()
    tasks = [each for each in inside if each["Type"] == "Task"]
    return bool(tasks) and all("Catch" in task for task in tasks)


def passed(definition: Definition, runs: Iterable[Run]) -> set[str]:
    """The parts that the executions have passed."""
    states = {place.name: place.state for place in places(definition)}
    found = set()
    for run in runs:
        after = {id(visit.before): visit.name for visit in run.visits}
        for visit in run.visits:
            found |= {*_passed_in(visit, states[visit.name], after.get(id(visit), "an end"))}
    return found


def _passed_in(visit: Visit, state: State, to: str) -> Iterator[str]:
    errors = [attempt.error for attempt in visit.failures]
    # A Map in which a Catch took an item on has no error of its own.
    caught = visit.outcome == "caught" and bool(visit.attempts and visit.attempts[-1].error)
    succeeded = visit.outcome in ("succeeded", "caught") and not caught
    yield f"{_STATES}: {visit.name}"
    if state["Type"] == "Choice":
        yield _branch(visit.name, state, to)
    yield from (f"{_RETRIED}: {visit.name}: {each.error}" for each in visit.attempts[:-1])
    for rule in state.get("Retry", ()):
        count = sum(_entry(state["Retry"], error) is rule for error in errors)
        if succeeded and count:
            yield f"{_RECOVERED}: {visit.name}: {_errors(rule)}"
        if not succeeded and count > rule["MaxAttempts"] and _names(rule, errors[-1]):
            yield f"{_EXHAUSTED}: {_errors(rule)}"
    if succeeded and state.get("Next", "an end") == to and state.keys() & {"Next", "End"}:
        yield _transition(visit.name, state)
    if caught and (rule := _entry(state["Catch"], errors[-1])) and rule["Next"] == to:
        yield _catch(visit.name, rule)


def _entry(rules: Sequence[State], error: str) -> State | None:
    return next((rule for rule in rules if _names(rule, error)), None)


def _names(rule: State, error: str) -> bool:
    return error in rule["ErrorEquals"] or rule["ErrorEquals"] == ["States.ALL"]


def _errors(rule: State) -> str:
    return ", ".join(rule["ErrorEquals"])


def _transition(name: str, state: State) -> str:
    return f"{_TRANSITIONS}: {name} -> {state.get('Next', 'an end')}"


def _branch(name: str, state: State, to: str) -> str:
    return f"{_BRANCHES}: {name} -> {to}{' (Default)' * (to == state['Default'])}"


def _catch(name: str, rule: State) -> str:
    return f"{_CATCHES}: {name}: {_errors(rule)} -> {rule['Next']}"


def table(definition: Definition, runs: Sequence[Run]) -> Iterator[str]:
    """The lines that a test run prints."""
    wanted, done = parts(definition), passed(definition, runs)
    yield f"{'executions':<20}{len(runs):>8}"
    for kind in KINDS:
        of_kind = {part for part in wanted if part.startswith(kind)}
        yield f"{kind:<20}{f'{len(of_kind & done)}/{len(of_kind)}':>8}"
