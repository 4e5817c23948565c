"""``python -m report``: what an execution of a state machine did, and what to do if it failed."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from report import closed_pipe, page, picture, source, terminal
from report.definition import Definition, DefinitionError, observed
from report.graph import mermaid
from report.history import HistoryError
from report.remedy import Remedy, remedy_of
from report.run import Run
from report.schema import as_json
from report.table import follow
from report.wording import plain

#: The exit status of ``--watch``; 1 is an error of the report, 2 of its arguments.
EXIT = {"SUCCEEDED": 0, "FAILED": 3, "TIMED_OUT": 4, "ABORTED": 5}
_POLL_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0, one of `EXIT`, or 1 after an error in one line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if wrong := _without_a_run(options):
        parser.error(wrong)
    terminal_width = None if sys.stdout.isatty() else 80
    console = Console(width=terminal_width, highlight=False, markup=False, emoji=False)
    try:
        status = _report(options, console)
        sys.stdout.flush()
    except BrokenPipeError:
        return closed_pipe()
    except (source.SourceError, HistoryError, DefinitionError, OSError) as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m report",
        description="Show what an execution of a state machine did. Without an argument, list the "
        "state machine's recent executions. Docs: docs/report.md.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("execution", nargs="?", metavar="EXECUTION_ARN")
    which.add_argument("--last", action="store_true", help="the newest execution")
    which.add_argument("--last-failed", action="store_true", help="the newest that failed")
    which.add_argument("--secret", metavar="ID", help="the newest for this secret, by name or ARN")
    which.add_argument("--history", type=Path, metavar="FILE", help="an exported history")
    parser.add_argument("--definition", type=Path, metavar="FILE", help="its state machine")
    parser.add_argument(
        "--state-machine",
        metavar="ARN",
        default=os.environ.get("STATE_MACHINE_ARN", ""),
        help="default: $STATE_MACHINE_ARN",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the run as a page")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write its states as a picture")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--mermaid", action="store_true", help="print the graph for a ticket")
    how.add_argument("--json", action="store_true", help="print the run for a program")
    how.add_argument("--watch", action="store_true", help="follow it until it ends")
    return parser


def _without_a_run(options: argparse.Namespace) -> str:
    """What is wrong with options that need a run, or another kind of run."""
    if options.definition and not options.history:
        return "--definition needs --history."
    if options.history and options.watch:
        return "--watch follows an execution, not a file."
    named = options.execution or options.last or options.last_failed or options.secret
    if named or options.history:
        return ""
    for name in ("watch", "json", "mermaid", "html", "svg"):
        if getattr(options, name):
            return f"--{name} needs EXECUTION_ARN, --last, --last-failed, --secret or --history."
    return ""


def _report(options: argparse.Namespace, console: Console) -> int:
    if options.history:
        run, definition = source.load(options.history, options.definition)
        _show(run, definition, remedy_of(run), options, console)
        return 0
    arn = options.execution or _newest(options, console)
    if not arn:
        return 0
    reading = source.read(arn)
    run = follow(reading, console, _POLL_SECONDS) if options.watch else reading.refresh()
    _show(run, reading.definition, source.with_since(remedy_of(run), run), options, console)
    return EXIT.get(run.status, 1) if options.watch else 0


def _newest(options: argparse.Namespace, console: Console) -> str:
    """The ARN of the newest execution that fits; empty if they were listed instead."""
    if not options.state_machine:
        raise source.SourceError(
            "The state machine is unknown: give --state-machine ARN, or set STATE_MACHINE_ARN "
            "(after python -m local up, `. .local/env` does)."
        )
    status = "FAILED" if options.last_failed else ""
    executions = source.executions(options.state_machine, options.secret or "", status)
    if not (options.last or options.last_failed or options.secret):
        terminal.show_executions(executions, datetime.now(UTC), console)
        return ""
    newest = next(executions, None)
    if newest is None:
        raise source.SourceError(f"{options.state_machine} has no such execution.")
    return str(newest["executionArn"])


def _show(
    run: Run,
    definition: Definition | None,
    remedy: Remedy | None,
    options: argparse.Namespace,
    console: Console,
) -> None:
    definition = definition or observed(run)
    if options.html:
        options.html.write_text(page.html(run, definition, remedy), encoding="utf-8")
    if options.svg:
        options.svg.write_text(picture.svg(run, definition), encoding="utf-8")
    if options.json:
        print(json.dumps(as_json(run, remedy), indent=2))
    elif options.mermaid:
        print(mermaid(definition, run=run))
    elif options.watch:
        console.print()
        terminal.show_outcome(run, remedy, console)
    else:
        terminal.show(run, remedy, console)
    if options.html:
        print(f"The page of this run: {options.html}", file=sys.stderr)
    if options.svg:
        print(f"The picture of this run: {options.svg}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
