"""An execution while it runs: each state is shown when it is left."""

import time
from datetime import UTC, datetime

from rich.console import Console

from report import terminal
from report.history import Run
from report.source import Reading

#: Where no line can be written anew, this often a line says that it is still at work.
_SIGN_OF_LIFE_SECONDS = 30.0


def follow(reading: Reading, console: Console, poll_seconds: float) -> Run:
    """Print each state when the next has begun, until the execution ends; the ended run.

    Raises:
        SourceError, HistoryError: as `Reading.run`.
    """
    terminal.show_heading(console)
    shown, told = 0, time.monotonic()
    with console.status("") as status:
        while True:
            run = reading.run()
            over = run.status != "RUNNING"
            for visit in run.top()[shown : None if over else -1]:
                terminal.show_group(run, [visit], 0, console)
                shown, told = shown + 1, time.monotonic()
            if over:
                return run
            now = _now(run)
            status.update(now)
            if not console.is_terminal and time.monotonic() - told > _SIGN_OF_LIFE_SECONDS:
                console.print(f"{'':10}still {now}")
                told = time.monotonic()
            time.sleep(poll_seconds)


def _now(run: Run) -> str:
    within = [visit.name for visit in run.visits if visit.outcome == "running"]
    seconds = (datetime.now(UTC) - run.started).total_seconds()
    return f"{terminal.plain(within[-1]) if within else ''} {terminal.duration(seconds)}".strip()
