"""Reads an execution's history (GetExecutionHistory) into a `Run`.

It reads the events of any Standard workflow. An event belongs to the state that the chain of
``previousEventId`` leads to.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from report.run import Attempt, Outcome, Run, Visit

Event = Mapping[str, Any]

#: An execution's status, by its last event.
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
    """The input is not a history; the text is one line."""


def time_of(timestamp: object) -> datetime:
    """From boto3 (a datetime) or the AWS CLI (text or seconds); raises HistoryError."""
    try:
        if isinstance(timestamp, datetime):
            time = timestamp
        elif isinstance(timestamp, int | float):
            time = datetime.fromtimestamp(timestamp, UTC)
        else:
            time = datetime.fromisoformat(str(timestamp))
    except (ValueError, OverflowError, OSError):
        raise HistoryError(f"has an event with the timestamp {timestamp}, not a time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def run_of(events: Sequence[Event], execution: Mapping[str, Any] | None = None) -> Run:
    """Read a history, in any order, with events missing or repeated.

    Args:
        events: those of GetExecutionHistory.
        execution: DescribeExecution's answer, if there is one.

    Raises:
        HistoryError: these are not a history's events.
    """
    if not all(
        isinstance(event, Mapping) and isinstance(event.get("id"), int) and "type" in event
        for event in events
    ):
        raise HistoryError(
            "has an event without an id or a type; use the output of get-execution-history"
        )
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
    #: The event that is read.
    number: int = 0
    at: datetime = datetime.min
    details: Mapping[str, Any] = field(default_factory=dict)
    missing: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    failing: Visit | None = None
    caught_inside: set[Visit] = field(default_factory=set)

    def read(self, event: Event) -> None:
        number, kind = int(event["id"]), str(event["type"])
        if number in self.owner:
            return
        self.missing += number - self.number - 1
        self.at = time_of(event.get("timestamp"))
        if not self.number:
            self.run.started = self.at
        self.number, self.run.stopped = number, self.at
        self.details = next(
            (value for key, value in event.items() if key.endswith("EventDetails")), {}
        )
        previous = int(event.get("previousEventId") or 0)
        owner = self.owner.get(previous)
        if kind.startswith("Execution"):
            self._execution(kind, owner)
        elif match := _STATE.fullmatch(kind):
            if match["step"] == "Entered":
                owner = self._enter(match["type"], previous, owner)
            else:
                owner = self._leave(match["type"], match["step"], owner)
        elif match := _STEP.fullmatch(kind):
            owner = self._step(match["kind"], match["step"], owner)
        elif kind == "EvaluationFailed":
            owner = self._step("", "Failed", owner)
        else:
            self.unknown[kind] += 1
        self.owner[number] = owner

    def _execution(self, kind: str, owner: Visit | None) -> None:
        run, details = self.run, self.details
        if kind == "ExecutionStarted":
            run.input = details.get("input", "")
        elif kind == "ExecutionRedriven":
            run.status, run.error, run.cause, self.failing = "RUNNING", "", "", None
            run.redrives += 1
        elif kind in _ENDS:
            run.status, run.output = _ENDS[kind], details.get("output", "")
            run.error, run.cause = details.get("error", ""), details.get("cause", "")
            self.failing = owner if kind == "ExecutionFailed" else None
        else:
            self.unknown[kind] += 1

    def _enter(self, kind: str, previous: int, owner: Visit | None) -> Visit:
        name = str(self.details.get("name", ""))
        visit = Visit(name, kind, self.at, self.details.get("input", ""))
        if previous in self.opens:
            visit.within, visit.iteration = self.opens[previous]
            visit.round = len(visit.within.attempts)
        elif owner:
            visit.within, visit.iteration = owner.within, owner.iteration
            visit.before, visit.round = owner, owner.round
        self.run.visits.append(visit)
        return visit

    def _leave(self, kind: str, step: str, owner: Visit | None) -> Visit:
        name = str(self.details.get("name", ""))
        # The chain leads from a Map's exit to the last state of an iteration.
        visit = _innermost(owner, lambda visit: not name or visit.name == name)
        if visit is None:
            # The event that entered it is missing.
            visit = Visit(name, kind, self.at)
            self.run.visits.append(visit)
        if step == "Exited":
            visit.exited, visit.output = self.at, self.details.get("output", "")
        else:
            visit.outcome = "aborted"
        return visit

    def _step(self, kind: str, step: str, owner: Visit | None) -> Visit | None:
        visit, details = self._working(kind, step, owner), self.details
        if visit is None:
            return None
        if kind == "MapIteration":
            index = int(details.get("index", len(visit.iterations)))
            visit.iterations[len(visit.attempts), index] = _outcome(step)
            if step == "Started":
                self.opens[self.number] = (visit, index)
        elif step in ("Scheduled", "Redriven") or (step == "Started" and kind.endswith("State")):
            parameters = details.get("parameters", details.get("input", ""))
            attempt = Attempt(self.at, resource=details.get("resource", ""), input=parameters)
            visit.attempts.append(attempt)
            if kind == "ParallelState":
                self.opens[self.number] = (visit, None)
        elif step not in ("Started", "Submitted"):
            self._end_attempt(visit, step, owner if kind in ("MapState", "ParallelState") else None)
        return visit

    def _working(self, kind: str, step: str, owner: Visit | None) -> Visit | None:
        """The state that a step belongs to."""
        types = {"Task": "Task", "LambdaFunction": "Task", "Activity": "Task", "": None}
        wanted = types.get(kind, "Parallel" if kind == "ParallelState" else "Map")
        ends = kind in ("MapState", "ParallelState") and step != "Started"

        def fits(visit: Visit) -> bool:
            # The chain may come from an inner Map that has ended.
            over = visit.exited or (ends and visit.attempts and visit.attempts[-1].ended)
            named = kind != "MapIteration" or self.details.get("name", visit.name) == visit.name
            return not over and named and wanted in (None, visit.type)

        if visit := _innermost(owner, fits):
            return visit
        # A redriven state continues without being entered again.
        still_open = (visit for visit in reversed(self.run.visits) if not visit.exited)
        return next((visit for visit in still_open if wanted in (None, visit.type)), None)

    def _end_attempt(self, visit: Visit, step: str, inner: Visit | None) -> None:
        if not visit.attempts or visit.attempts[-1].ended:
            visit.attempts.append(Attempt(self.at))
        attempt = visit.attempts[-1]
        attempt.ended, attempt.output = self.at, self.details.get("output", "")
        attempt.outcome = _outcome(step)
        if attempt.outcome in ("failed", "timed out"):
            # A Map's failure has no error of its own, but that of the state inside.
            source = next((v.failures[-1] for v in _with_outer(inner) if v.failures), attempt)
            default = "States.Timeout" if step == "TimedOut" else "an error without a name"
            attempt.error = self.details.get("error") or source.error or default
            attempt.cause = self.details.get("cause") or source.cause or ""

    def finish(self, execution: Mapping[str, Any]) -> Run:
        run = self.run
        run.arn = execution.get("executionArn", "")
        if execution:
            run.status = execution.get("status", run.status)
            run.started = run.started if self.number else time_of(execution["startDate"])
            run.error = execution.get("error", run.error)
            run.cause = execution.get("cause", run.cause)
            run.input = run.input or execution.get("input", "")
            run.output = run.output or execution.get("output", "")
        if self.missing:
            run.notes.append(f"Missing from this history: {self.missing} of its events.")
        if not execution and run.status == "RUNNING":
            run.notes.append(
                "The history has no end: the execution was still running, or the history was cut."
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


def _innermost(visit: Visit | None, fits: Callable[[Visit], bool]) -> Visit | None:
    return next(filter(fits, _with_outer(visit)), None)


def _with_outer(visit: Visit | None) -> Iterator[Visit]:
    while visit:
        yield visit
        visit = visit.within


def _outcome(step: str) -> Outcome:
    ends: dict[str, Outcome] = {
        "Succeeded": "succeeded",
        "TimedOut": "timed out",
        "Aborted": "aborted",
    }
    return "failed" if step.endswith("Failed") else ends.get(step, "running")
