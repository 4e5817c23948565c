"""An execution's history (GetExecutionHistory) as a run: the states that it passed, and how.

The events of any Standard workflow: each is found its state by the chain of ``previousEventId``.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Event = Mapping[str, Any]
#: "caught": it failed, or something in it did, and a Catch took the run on. "aborted": the run or
#: the Map ended around it.
Outcome = Literal["succeeded", "caught", "failed", "timed out", "aborted", "running"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: An execution's status by its last event; the report's words for it are Step Functions' own.
_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
_OPEN: dict[str, Outcome] = {"RUNNING": "running", "TIMED_OUT": "timed out"}
# ActivityScheduled, LambdaFunctionStartFailed, MapRunAborted, TaskSubmitFailed, ...
_STEP = re.compile(
    r"(?P<kind>Task|LambdaFunction|Activity|MapRun|MapState|ParallelState|MapIteration)"
    r"(?P<step>Scheduled|Started|Submitted|Redriven|Succeeded|(Schedule|Submit|Start)?Failed"
    r"|TimedOut|Aborted)"
)
_STATE = re.compile(r"(?P<type>[A-Z][A-Za-z]*)State(?P<step>Entered|Exited|Aborted)")


class HistoryError(ValueError):
    """What was given is no history; the text is one line."""


@dataclass
class Attempt:
    """One try of a state's work; `input` is what `resource` was given, as JSON text."""

    started: datetime
    ended: datetime | None = None
    outcome: Outcome = "running"
    error: str = ""
    cause: str = ""
    resource: str = ""
    input: str = ""
    output: str = ""


@dataclass(eq=False)
class Visit:
    """One pass through a state; `iteration` is the Map's index, in its `within`'s `round`.

    `before` is the one that has led to it.
    """

    name: str
    type: str
    entered: datetime
    input: str = ""
    before: Visit | None = None
    within: Visit | None = None
    iteration: int | None = None
    round: int = 1
    exited: datetime | None = None
    output: str = ""
    outcome: Outcome = "running"
    attempts: list[Attempt] = field(default_factory=list)
    iterations: dict[tuple[int, int], Outcome] = field(default_factory=dict)

    @property
    def quiet(self) -> bool:
        """Whether nothing is to be told of it: it succeeded at once."""
        return self.outcome == "succeeded" and not self.failures

    @property
    def failures(self) -> list[Attempt]:
        """The attempts that failed."""
        return [attempt for attempt in self.attempts if attempt.error]

    def ended(self, run: Run) -> datetime:
        """When it was left or the last that is known of it, of a state that never was."""
        if self.exited:
            return self.exited
        last = self.attempts[-1].ended if self.attempts else None
        if last and self.outcome == "failed":
            return last
        return max(self.within.ended(run) if self.within else run.stopped, self.entered)


@dataclass
class Run:
    """An execution: `visits` in the order in which they were entered."""

    arn: str = ""
    machine_arn: str = ""
    status: str = "RUNNING"
    started: datetime = _LONG_AGO
    stopped: datetime = _LONG_AGO  # of a running one: its last event
    input: str = ""
    output: str = ""
    error: str = ""
    cause: str = ""
    redrives: int = 0
    visits: list[Visit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is missing or was not understood

    @property
    def name(self) -> str:
        """The execution's, or what stands for it in a history from a file."""
        return self.arn.rsplit(":", 1)[-1] or "an exported history"

    @property
    def seconds(self) -> float:
        """From its start to its end or, of a running one, to its last event."""
        return (self.stopped - self.started).total_seconds()

    @property
    def failed(self) -> Visit | None:
        """The first state that broke, in a run that did not succeed."""
        if self.status == "SUCCEEDED":
            return None
        if self.status == "FAILED":
            broken = [visit for visit in self.visits if visit.outcome in ("failed", "caught")]
        else:
            broken = [visit for visit in self.visits if not visit.exited]
        # A state before it may have failed and been caught for good; a Fail state only repeats.
        told = [each for each in broken if self.error in [a.error for a in each.failures]]
        # A Pass may have found it.
        quoted = f'"{self.error}"'
        told = told or [v for v in self.visits if quoted in v.output and quoted not in v.input]
        found = next(iter(told or broken), None)
        while inner := [v for v in broken if found and v.within is found and v.outcome != "caught"]:
            found = inner[0]
        return found

    def outcomes(self) -> dict[str, Outcome]:
        """Of each state that was entered: of its last pass, in a Map the worst of all items."""
        last = {visit.name: (visit.within, visit.round) for visit in self.visits}
        passes: dict[str, list[Visit]] = {}
        for visit in self.visits:
            same = passes.setdefault(visit.name, [])
            if visit.within is None:
                same.clear()
            if last[visit.name] == (visit.within, visit.round):
                same.append(visit)
        return {name: worst(visits) for name, visits in passes.items()}

    def top(self) -> list[Visit]:
        """The visits outside of any Map or Parallel."""
        return [visit for visit in self.visits if visit.within is None]


def time_of(timestamp: object) -> datetime:
    """From boto3 (a datetime), the AWS CLI (text or seconds); raises HistoryError."""
    try:
        if isinstance(timestamp, datetime):
            time = timestamp
        elif isinstance(timestamp, int | float):
            time = datetime.fromtimestamp(timestamp, UTC)
        else:
            time = datetime.fromisoformat(str(timestamp))
    except (ValueError, OverflowError, OSError):
        raise HistoryError(f"has an event with a timestamp that is no time: {timestamp}") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def run_of(events: Sequence[Event], execution: Mapping[str, Any] | None = None) -> Run:
    """The run that the events tell of; `execution` is DescribeExecution's answer, if there is one.

    Events that are missing or unknown are left out, and the run's notes say so.

    Raises:
        HistoryError: these are not a history's events.
    """
    if not all(
        isinstance(event, Mapping) and isinstance(event.get("id"), int) and "type" in event
        for event in events
    ):
        raise HistoryError("has an event without an id or a type: give what get-execution-history")
    if not events and execution is None:
        raise HistoryError('has no event in its "events"')
    reader = _Reader()
    for event in sorted(events, key=lambda event: int(event["id"])):
        reader.read(event)
    return reader.finish(execution or {})


@dataclass
class _Reader:
    run: Run = field(default_factory=Run)
    #: By an event's id: the state that it belongs to, and the iteration or branch that it opens.
    owner: dict[int, Visit | None] = field(default_factory=dict)
    opens: dict[int, tuple[Visit, int | None]] = field(default_factory=dict)
    last: int = 0
    missing: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    failing: Visit | None = None
    caught_inside: set[Visit] = field(default_factory=set)

    def read(self, event: Event) -> None:
        number, kind = int(event["id"]), str(event["type"])
        if number in self.owner:
            return
        self.missing += number - self.last - 1
        previous = int(event.get("previousEventId") or 0)
        at = time_of(event.get("timestamp"))
        if not self.last:
            self.run.started = at
        self.last, self.run.stopped = number, at
        told: Mapping[str, Any] = next(
            (value for key, value in event.items() if key.endswith("EventDetails")), {}
        )
        owner = self.owner.get(previous)
        if kind.startswith("Execution"):
            self._execution(kind, told, owner)
        elif match := _STATE.fullmatch(kind):
            owner = self._state(match["type"], match["step"], told, previous, at)
        elif match := _STEP.fullmatch(kind):
            owner = self._step(match["kind"], match["step"], told, number, owner, at)
        elif kind == "EvaluationFailed":
            owner = self._step("", "Failed", told, number, owner, at)
        else:
            self.unknown[kind] += 1
        self.owner[number] = owner

    def _execution(self, kind: str, told: Mapping[str, Any], owner: Visit | None) -> None:
        run = self.run
        if kind == "ExecutionStarted":
            run.input = told.get("input", "")
        elif kind == "ExecutionRedriven":
            run.status, run.error, run.cause, self.failing = "RUNNING", "", "", None
            run.redrives += 1
        elif kind in _ENDS:
            run.status, run.output = _ENDS[kind], told.get("output", "")
            run.error, run.cause = told.get("error", ""), told.get("cause", "")
            self.failing = owner if kind == "ExecutionFailed" else None
        else:
            self.unknown[kind] += 1

    def _state(
        self, kind: str, step: str, told: Mapping[str, Any], previous: int, at: datetime
    ) -> Visit | None:
        owner = self.owner.get(previous)
        name = str(told.get("name", ""))
        if step == "Entered":
            visit = Visit(name, kind, at, told.get("input", ""))
            if previous in self.opens:
                visit.within, visit.iteration = self.opens[previous]
                visit.round = len(visit.within.attempts)
            elif owner:
                visit.within, visit.iteration = owner.within, owner.iteration
                visit.before, visit.round = owner, owner.round
            self.run.visits.append(visit)
            return visit
        # A Map is left after its last iteration, whose state the chain leads to.
        left = self._up(owner, lambda visit: not name or visit.name == name)
        if left is None:
            # Its beginning is missing.
            left = Visit(name, kind, at)
            self.run.visits.append(left)
        if step == "Exited":
            left.exited, left.output = at, told.get("output", "")
        else:
            left.outcome = "aborted"
        return left

    def _step(
        self,
        kind: str,
        step: str,
        told: Mapping[str, Any],
        number: int,
        owner: Visit | None,
        at: datetime,
    ) -> Visit | None:
        types = {"Task": "Task", "LambdaFunction": "Task", "Activity": "Task", "": None}
        wanted = types.get(kind, "Parallel" if kind == "ParallelState" else "Map")
        ends = kind in ("MapState", "ParallelState") and step != "Started"

        def fits(each: Visit) -> bool:
            # The chain may come from a Map inside that is over.
            over = each.exited or (ends and each.attempts and each.attempts[-1].ended)
            named = kind != "MapIteration" or told.get("name", each.name) == each.name
            return not over and named and wanted in (None, each.type)

        visit = self._up(owner, fits)
        if visit is None:
            # A redriven state goes on without being entered again.
            still_open = (each for each in reversed(self.run.visits) if not each.exited)
            visit = next((each for each in still_open if wanted in (None, each.type)), None)
        if visit is None:
            return None
        if kind == "MapIteration":
            self._iteration(visit, step, told, number)
        elif step in ("Scheduled", "Redriven") or (step == "Started" and kind.endswith("State")):
            given = told.get("parameters", told.get("input", ""))
            visit.attempts.append(Attempt(at, resource=told.get("resource", ""), input=given))
            if kind == "ParallelState":
                self.opens[number] = (visit, None)
        elif step not in ("Started", "Submitted"):
            if not visit.attempts or visit.attempts[-1].ended:
                visit.attempts.append(Attempt(at))
            attempt = visit.attempts[-1]
            attempt.ended, attempt.output = at, told.get("output", "")
            attempt.outcome = _outcome(step)
            if attempt.outcome in ("failed", "timed out"):
                # A Map that fails tells no error: it is that of the state inside.
                inner = [each.failures[-1] for each in _with_outer(owner) if each.failures]
                by = inner[0] if inner and kind in ("MapState", "ParallelState") else attempt
                default = "States.Timeout" if step == "TimedOut" else "an error without a name"
                attempt.error = told.get("error") or by.error or default
                attempt.cause = told.get("cause") or by.cause or ""
        return visit

    def _iteration(self, visit: Visit, step: str, told: Mapping[str, Any], number: int) -> None:
        index = int(told.get("index", len(visit.iterations)))
        visit.iterations[len(visit.attempts), index] = _outcome(step)
        if step == "Started":
            self.opens[number] = (visit, index)

    def _up(self, visit: Visit | None, fits: Any) -> Visit | None:
        while visit and not fits(visit):
            visit = visit.within
        return visit

    def finish(self, execution: Mapping[str, Any]) -> Run:
        run = self.run
        run.arn = execution.get("executionArn", "")
        run.machine_arn = execution.get("stateMachineArn", "")
        if execution:
            run.status = execution.get("status", run.status)
            run.started = time_of(execution["startDate"]) if self.last == 0 else run.started
            run.error = execution.get("error", run.error)
            run.cause = execution.get("cause", run.cause)
            run.input = run.input or execution.get("input", "")
            run.output = run.output or execution.get("output", "")
        if self.missing:
            run.notes.append(f"Missing from this history: {self.missing} of its events.")
        if not execution and run.status == "RUNNING":
            run.notes.append(
                "The history has no end: the execution ran still, or the history was cut."
            )
        for kind, count in self.unknown.items():
            run.notes.append(f"Left out: {count} of the unknown event type {kind}.")
        failing = set(_with_outer(self.failing))
        # What is inside a Map or a Parallel was entered after it.
        for visit in reversed(run.visits):
            visit.outcome = self._final(visit, visit in failing)
            if visit.outcome == "caught" and visit.within:
                self.caught_inside.add(visit.within)
        return run

    def _final(self, visit: Visit, failing: bool) -> Outcome:
        broken = bool(visit.attempts and visit.attempts[-1].error)
        if visit.exited:
            return "caught" if broken or visit in self.caught_inside else "succeeded"
        if visit.outcome == "aborted":
            return "aborted"
        if failing or visit.type == "Fail":
            return "failed"
        over = self.run.status != "RUNNING" or any(
            outer.exited for outer in _with_outer(visit.within)
        )
        if not over:
            return "running"
        if broken and self.run.status not in ("ABORTED", "TIMED_OUT"):
            return "failed"
        return _OPEN.get(self.run.status, "aborted")


def worst(visits: Iterable[Visit]) -> Outcome:
    """The outcome that tells most of what happened."""
    outcomes = {visit.outcome for visit in visits}
    order: list[Outcome] = ["failed", "timed out", "aborted", "running", "caught"]
    return next((outcome for outcome in order if outcome in outcomes), "succeeded")


def _with_outer(visit: Visit | None) -> Iterator[Visit]:
    while visit:
        yield visit
        visit = visit.within


def _outcome(step: str) -> Outcome:
    if step.endswith("Failed"):
        return "failed"
    ends: dict[str, Outcome] = {
        "Succeeded": "succeeded",
        "TimedOut": "timed out",
        "Aborted": "aborted",
    }
    return ends.get(step, "running")


def folded(visits: Sequence[Visit]) -> Iterable[list[Visit]]:
    """The visits in groups: a loop's rounds, such as waiting and looking again, are one group."""
    names = [visit.name for visit in visits]
    at = 0
    while at < len(names):
        length = 1
        for period in range(1, _LONGEST_LOOP + 1):
            rounds = 1
            while names[at : at + period] == names[at + rounds * period :][:period]:
                rounds += 1
            if rounds > 1:
                length = rounds * period
                break
        yield list(visits[at : at + length])
        at += length


_LONGEST_LOOP = 8
