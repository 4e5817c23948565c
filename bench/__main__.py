"""``make bench [REFERENCE=PATH]``: measure, print tables, and keep the figures as JSON.

``python -m bench --docs`` writes the tables of the newest result into the pages.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import cold_start, measurements, polling, reference, tables
from local.instance import LocalAwsError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results"
PAGES = (ROOT / "docs/performance.md", ROOT / "docs/cost.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 0, or 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--reference", type=Path, metavar="PATH", help="of lambda_function.py")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--docs", action="store_true", help="only write the pages' tables")
    options = parser.parse_args(arguments)
    try:
        if options.docs:
            return _write_pages()
        if options.repetitions < 1:
            raise reference.BenchError("--repetitions: write 1 or more.")
        path = reference.check(options.reference.resolve()) if options.reference else None
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        result = _measured(path, options.repetitions)
    except (reference.BenchError, LocalAwsError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console = Console()
    for title, lines in tables.of(result).items():
        console.print(polling.table(title, lines))
    kept = RESULTS / f"{result['date']}.json"
    kept.write_text(json.dumps(result, indent=1) + "\n")
    console.print(f"Kept as {kept.relative_to(ROOT)}; for docs: python -m bench --docs")
    return 0


def _measured(path: Path | None, repetitions: int) -> dict[str, Any]:
    say = Console(stderr=True).print
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "repetitions": repetitions,
        "package_kilobytes": cold_start.package_kilobytes(),
    }
    say("rotations on the local AWS ...")
    result["overhead"] = measurements.overhead(path, repetitions, say)
    say("rotations in one process ...")
    result["scaled"] = measurements.scaled(path)
    result["scale"] = measurements.scale(say)
    say("cold starts ...")
    result["cold_start"] = cold_start.measure(4 * repetitions)  # they are short, and vary
    return {**result, "load": os.getloadavg()[0]}


def _write_pages() -> int:
    results = sorted(RESULTS.glob("*.json"))
    if not results:
        raise reference.BenchError("bench/results/ is empty: run make bench first.")
    result = json.loads(results[-1].read_text())
    for page in PAGES:
        page.write_text(tables.updated(page.read_text(), result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
