"""``make bench [REFERENCE=PATH]``: measure, print tables, and keep the figures as JSON.

``python -m bench --docs`` writes the tables of the newest result into the pages.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
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
    parser.add_argument("--quick", action="store_true", help="a few small ones, kept nowhere")
    parser.add_argument("--docs", action="store_true", help="only write the page's tables")
    options = parser.parse_args(arguments)
    if options.repetitions < 1:
        print("error: --repetitions: write 1 or more.", file=sys.stderr)
        return 1
    if options.docs:
        return _write_page()
    try:
        path = reference.check(options.reference.resolve()) if options.reference else None
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        found = _measured(path, options.repetitions, quick=options.quick)
    except (reference.NotTheReferenceError, LocalAwsError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    console = Console()
    for title, lines in tables.of(found).items():
        console.print(polling.table(title, lines))
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        kept = RESULTS / f"{found['date']}.json"
        kept.write_text(json.dumps(found, indent=1) + "\n")
        console.print(f"Kept as {kept.relative_to(ROOT)}; for docs: python -m bench --docs")
    return 0


def _measured(path: Path | None, repetitions: int, *, quick: bool) -> dict[str, Any]:
    say = Console(stderr=True).print
    say("rotations on the local AWS ...")
    real = measurements.overhead(path, 1 if quick else repetitions, quick=quick, say=say)
    say("rotations in one process ...")
    scaled = measurements.scaled(path, quick=quick)
    scale = measurements.scale(quick=quick, say=say)
    say("cold starts ...")
    runs = 1 if quick else 4 * repetitions  # they are short, and noisy
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "reference": path is not None,
        "repetitions": repetitions,
        "overhead": real,
        "scaled": scaled,
        "scale": scale,
        "polling": polling.judgements(),
        "cold_start": [] if quick else cold_start.as_json(cold_start.measure(runs)),
        "package_kilobytes": cold_start.package_kilobytes(),
        "targets": asdict(tables.TARGETS),
    }


def _write_page() -> int:
    results = sorted(RESULTS.glob("*.json"))
    if not results:
        print("error: bench/results/ is empty: run make bench first.", file=sys.stderr)
        return 1
    found = json.loads(results[-1].read_text())
    for page in PAGES:
        page.write_text(tables.updated(page.read_text(), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
