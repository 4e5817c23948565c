"""An execution while it runs: each state is shown when it is left."""

import time
from datetime import UTC, datetime

from rich.console import Console

from report import terminal
from report.history import Run
from report.source import Reading

#: Output that is no terminal gets a line this often while nothing happens.
_SIGN_OF_LIFE_SECONDS = 30.0


def follow(reading: Reading, console: Console, poll_seconds: float) -> Run:
    """Print each state when the next has begun, until the execution ends; the ended run.

    Raises:
        SourceError, HistoryError: as `Reading.run`.
    """
    terminal.show_heading(console)
    shown, printed_at = 0, time.monotonic()
    with console.status("") as status:
        while True:
            run = reading.run()
            over = run.status != "RUNNING"
            for visit in run.top()[shown : None if over else -1]:
                terminal.show_group(run, [visit], 0, console)
                shown, printed_at = shown + 1, time.monotonic()
            if over:
                return run
            now = _now(run)
            status.update(now)
            if not console.is_terminal and time.monotonic() - printed_at > _SIGN_OF_LIFE_SECONDS:
                console.print(f"{'':10}still {now}")
                printed_at = time.monotonic()
            time.sleep(poll_seconds)


def _now(run: Run) -> str:
    within = [visit.name for visit in run.visits if visit.outcome == "running"]
    seconds = (datetime.now(UTC) - run.started).total_seconds()
    return f"{terminal.plain(within[-1]) if within else ''} {terminal.duration(seconds)}".strip()
