"""A run: the states that an execution entered, with their attempts and their outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

#: "caught": the state failed, or a state inside it did, and a Catch continued the run. "aborted":
#: the run or the Map around the state ended.
Outcome = Literal["succeeded", "caught", "failed", "timed out", "aborted", "running"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Attempt:
    """One try of a state's work; `input` is what `resource` received, as JSON text."""

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
    """One pass through a state.

    `before` is the visit that led to it, `within` the Map or Parallel around it; of a Map,
    `iteration` is the item's index, and `round` counts the Map's attempts.
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
    def uneventful(self) -> bool:
        """Whether it succeeded at the first attempt."""
        return self.outcome == "succeeded" and not self.failures

    @property
    def failures(self) -> list[Attempt]:
        """The attempts that failed."""
        return [attempt for attempt in self.attempts if attempt.error]

    def ended(self, run: Run) -> datetime:
        """When it was exited; if it never was, the last time that is known."""
        if self.exited:
            return self.exited
        last = self.attempts[-1].ended if self.attempts else None
        if last and self.outcome == "failed":
            return last
        return max(self.within.ended(run) if self.within else run.stopped, self.entered)

    def seconds(self, run: Run) -> float:
        """How long it took, or has taken so far."""
        return max((self.ended(run) - self.entered).total_seconds(), 0.0)


@dataclass
class Run:
    """An execution: `visits` in the order in which they were entered."""

    arn: str = ""
    status: str = "RUNNING"
    started: datetime = _LONG_AGO
    stopped: datetime = _LONG_AGO  # while it runs: its last event
    input: str = ""
    output: str = ""
    error: str = ""
    cause: str = ""
    redrives: int = 0
    visits: list[Visit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is missing or was not understood

    @property
    def name(self) -> str:
        """The execution's name; a history from a file may not have one."""
        return self.arn.rsplit(":", 1)[-1] or "an exported history"

    @property
    def seconds(self) -> float:
        """From its start to its end or, while it runs, to its last event."""
        return (self.stopped - self.started).total_seconds()

    @property
    def failed(self) -> Visit | None:
        """The innermost state that ended a run that did not succeed."""
        if self.status == "SUCCEEDED":
            return None
        if self.status == "FAILED":
            broken = [visit for visit in self.visits if visit.outcome in ("failed", "caught")]
        else:
            broken = [visit for visit in self.visits if not visit.exited]
        # An earlier state may have failed with another error that was caught; a Fail state only
        # repeats an error.
        raised = [visit for visit in broken if self.error in [a.error for a in visit.failures]]
        # A Pass state may have set the error.
        quoted = f'"{self.error}"'
        raised = raised or [v for v in self.visits if quoted in v.output and quoted not in v.input]
        state = next(iter(raised or broken), None)
        while inner := [v for v in broken if state and v.within is state and v.outcome != "caught"]:
            state = inner[0]
        return state

    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each state's last visit; in a Map, the worst of all items."""
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

    def by_state(self) -> dict[str, list[Visit]]:
        """All visits of each state, in the order of the first ones."""
        visits: dict[str, list[Visit]] = {}
        for visit in self.visits:
            visits.setdefault(visit.name, []).append(visit)
        return visits

    def transitions(self) -> set[tuple[str, str]]:
        """The transitions that were taken, each by the names of its two states."""
        return {(visit.before.name, visit.name) for visit in self.visits if visit.before}


def worst(visits: Iterable[Visit]) -> Outcome:
    """The most severe outcome."""
    outcomes = {visit.outcome for visit in visits}
    order: list[Outcome] = ["failed", "timed out", "aborted", "running", "caught"]
    return next((outcome for outcome in order if outcome in outcomes), "succeeded")
