"""A run as JSON; docs/report.md has the schema."""

from datetime import datetime
from typing import Any

from report.about import About
from report.remedy import Remedy
from report.run import Attempt, Run, Visit

#: Counts up when a name is removed or changes its meaning, not when one is added.
VERSION = 1


def as_json(run: Run, remedy: Remedy | None) -> dict[str, Any]:
    """What ``--json`` prints."""
    about = About.of(run)
    _, region, account = about.place
    return {
        "schema": VERSION,
        "execution": about.arn or None,
        "stateMachine": about.machine_arn or None,
        "region": region or None,
        "account": account or None,
        "console": about.console or None,
        "secret": about.secret or None,
        "userId": about.user_id or None,
        "status": run.status,
        "started": run.started.isoformat(),
        "stopped": None if run.status == "RUNNING" else run.stopped.isoformat(),
        "seconds": round(run.seconds, 3),
        "input": run.input,
        "output": run.output or None,
        "error": run.error or None,
        "cause": run.cause or None,
        "failedState": run.failed.name if run.failed else None,
        "redrives": run.redrives,
        "notes": run.notes,
        "remedy": vars(remedy) if remedy else None,
        "states": [_state(visit) for visit in run.visits],
    }


def _state(visit: Visit) -> dict[str, Any]:
    within = None
    if visit.within:
        within = {"state": visit.within.name, "iteration": visit.iteration}
    return {
        "name": visit.name,
        "type": visit.type,
        "outcome": visit.outcome,
        "entered": visit.entered.isoformat(),
        "exited": _text(visit.exited),
        "within": within,
        "input": visit.input or None,
        "output": visit.output or None,
        "attempts": [_attempt(attempt) for attempt in visit.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "outcome": attempt.outcome,
        "started": attempt.started.isoformat(),
        "ended": _text(attempt.ended),
        "input": attempt.input or None,
        "output": attempt.output or None,
        "error": attempt.error or None,
        "cause": attempt.cause or None,
    }


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
