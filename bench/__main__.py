"""``make bench``, or ``make bench REFERENCE=PATH`` beside AWS's own function: docs/performance.md.

Prints tables, and writes the figures as JSON under bench/results/.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import cold_start, reference, rotations, scale, table
from local.instance import LocalAwsError

ROOT = Path(__file__).parent.parent
RESULTS, PAGE = ROOT / "bench/results", ROOT / "docs/performance.md"
#: By modifying seconds, how many rotations of each side.
FULL: dict[float, int] = {0: 7, 5: 7, 30: 5, 300: 5}
QUICK: dict[float, int] = {0: 1}
SECTIONS = ("rotations", "scale", "cold_start")


def main() -> int:
    """The exit status is 1 after one line that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--reference", type=Path, help="AWS's lambda_function.py")
    parser.add_argument("--quick", action="store_true", help="one rotation, and a small scale")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="can be given again")
    parser.add_argument("--docs", action="store_true", help="write the tables into the page, too")
    options = parser.parse_args()
    if options.docs and (options.quick or options.only):
        parser.error("--docs: the page shows one whole measurement; leave --quick and --only out")
    console = Console(stderr=True, highlight=False)
    try:
        source = reference.source_of(options.reference) if options.reference else None
        found = measure(source, options.only or SECTIONS, options.quick, console.print)
    except LocalAwsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / table.result_name(found)
    path.write_text(json.dumps(found, indent=1) + "\n")
    for text in table.tables(found).values():
        print(text, end="\n\n")
    console.print(f"written: {path}")
    if options.docs:
        PAGE.write_text(table.written_into(PAGE.read_text(), found))
        console.print(f"written: {PAGE}")
    return 0


def measure(
    source: str | None, sections: Any, quick: bool, told: Callable[[str], None]
) -> dict[str, Any]:
    """All figures: ``{"at", "machine", "reference"}`` and a key for each section."""
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(),
        "machine": f"Python {platform.python_version()}, {platform.machine()}",
        "reference": source is not None,
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        folder = Path(directory)
        if "rotations" in sections:
            repetitions = QUICK if quick else FULL
            found["rotations"] = rotations.measure(folder, source, repetitions, told)
        if "scale" in sections:
            found["scale"] = scale.measure(folder, told, quick=quick)
        if "cold_start" in sections:
            found["cold_start"] = cold_start.measure(told, 1 if quick else 15)
    return found


if __name__ == "__main__":
    sys.exit(main())
