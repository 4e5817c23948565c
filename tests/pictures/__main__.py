"""Records a run of each failure on a local AWS, and draws it for docs/troubleshooting.md::

    python -m tests.pictures [--draw] [NAME]...

NAME is an error's name; all by default, which takes 10 minutes. ``--draw`` only draws what is
recorded, and the picture of README.md. Exit status 1: an execution has ended with another error.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.deploy import deploy
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.pictures.failures import FAILURES
from tests.pictures.picture import (
    HISTORIES,
    PICTURES,
    REPORT,
    kept,
    picture_of,
    report_picture,
)
from tests.rotation.world import Tenant, World

# What is tried again for minutes on AWS ends in seconds: a local AWS inherits it.
os.environ.setdefault("LOCAL_LONGEST_RETRY_SECONDS", "0.5")
#: Most of what they do is wait for the next attempt.
_AT_ONCE = 4
_MOST_SECONDS = 1800


def record(name: str) -> str:
    """Keep the history of an execution that fails so; in a line, how it has ended otherwise."""
    with (
        tempfile.TemporaryDirectory() as directory,
        LocalAws(Path(directory), modifying_seconds=0.5) as aws,
    ):
        world = World(aws, deploy(aws))
        arn = FAILURES[name](world)

        def status() -> str | None:
            found = world.step_functions.describe_execution(executionArn=arn)
            return found["status"] if found["status"] != "RUNNING" else None

        ended = eventually(status, f"the end of {name}", _MOST_SECONDS)
        events = Tenant(world, "", "", "", "").history(arn)
    told = events[-1].get("executionFailedEventDetails", {}).get("error", ended)
    if told != name:
        return f"{name}: the execution has ended with {told}"
    (HISTORIES / f"{name}.json").write_text(kept(events))
    return ""


def main() -> str:
    """Run the command; what is wrong, a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*FAILURES, []])
    parser.add_argument("--draw", action="store_true", help="only draw what is recorded")
    options = parser.parse_args()
    names = options.names or list(FAILURES)
    wrong = []
    if not options.draw:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            wrong = list(filter(None, pool.map(record, names)))
    for name in names:
        if (HISTORIES / f"{name}.json").exists():
            (PICTURES / f"{name}.svg").write_text(picture_of(name))
    REPORT.write_text(report_picture())
    return "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(main() or None)
