"""What is measured, where: overhead and memory on the local AWS, waits and scale in one process."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import scaled as in_one_process
from bench.figures import LONG_SECONDS, Spread
from bench.real import Bench, peak_megabytes
from local.assumptions import Assumptions

MODIFYING = (0, 5, 30)  # on the local AWS; what takes longer, in one process
#: Secrets Manager tries again within the window of the schedule.
WINDOW = Assumptions(attempts=12, retry_seconds=300)
AT_ONCE_FOR_REAL = 10  # each is a dozen processes of half a second, on this machine's cores
Say = Callable[[str], None]


def overhead(path: Path | None, repetitions: int, *, quick: bool, say: Say) -> dict[str, Any]:
    """Seconds from RotateSecret to AWSCURRENT beyond the modifying time, in turn with the other."""
    found: list[dict[str, Any]] = []
    with Bench.running(path) as bench:
        ours = bench.stack.rotation_function_arn
        mine = bench.tenant()
        other = bench.tenant() if path else None
        theirs = bench.deploy_reference(other) if other else ""
        bench.modifying(0)
        # Neither's first invocations are measured: those are cold.
        bench.rotate(mine, ours)
        if other:
            bench.rotate(other, theirs)
        for seconds in MODIFYING[:1] if quick else MODIFYING:
            bench.modifying(seconds)
            took: dict[str, list[float]] = {"ours": [], "reference": []}
            for _ in range(repetitions):
                took["ours"].append(bench.rotate(mine, ours) - seconds)
                if other:
                    took["reference"].append(bench.rotate(other, theirs) - seconds)
            spreads = {name: asdict(Spread.of(v)) for name, v in took.items() if v}
            found.append({"modifying": seconds, **spreads})
            say(f"  {seconds} s: {spreads}")
        invocations, task_seconds = bench.task_seconds()
        bench.modifying(5)
        tenants = [bench.tenant(1) for _ in range(2 if quick else AT_ONCE_FOR_REAL)]
        at_once = bench.rotate_all(tenants, ours)
        return {
            "rotations": found,
            "seconds_per_invocation": task_seconds / invocations,
            "at_once": {"count": len(tenants), **asdict(Spread.of(at_once))},
            "peak_megabytes": peak_megabytes(),
        }


def scaled(path: Path | None, *, quick: bool) -> list[dict[str, Any]]:
    """One rotation before two nodes, by modifying time: waits, transitions, calls."""
    found = []
    for seconds in (0,) if quick else (*MODIFYING, LONG_SECONDS):
        theirs = in_one_process.rotate_with_reference(path, seconds) if path else None
        found.append(
            {
                "modifying": seconds,
                "ours": asdict(in_one_process.rotate(1, seconds, nodes=2)),
                "reference": asdict(theirs) if theirs else None,
            }
        )
    return found


def scale(*, quick: bool, say: Say) -> list[dict[str, Any]]:
    """Many at once, in one process."""
    cases: list[tuple[str, dict[str, Any], list[str]]] = [
        (f"{count} at once, groups of their own", {"count": count}, [])
        for count in ((1, 10) if quick else (1, 10, 50, 200))
    ]
    if not quick:
        cases += [
            (f"1 before {nodes} nodes", {"count": 1, "nodes": nodes}, []) for nodes in (6, 90)
        ]
        cases += [
            (f"{count} at once, 10 calls a second", {"count": count}, ["rate-limit:10"])
            for count in (1, 10, 50)
        ]
        cases += [
            (
                f"50 in one group, one at a time, {seconds} s each",
                {"count": 50, "modifying": seconds, "one_group": True},
                ["one-at-a-time"],
            )
            for seconds in (5, 30, 120)
        ]
        cases += [
            (
                f"200 at once at Step Functions' quotas, {seconds} s each",
                {"count": 200, "modifying": seconds},
                [],
            )
            for seconds in (300, 800)
        ]
        cases += [
            (
                f"12 at once, concurrency 10, {seconds} s each",
                {"count": 12, "modifying": seconds, "concurrency": 10, "assumptions": WINDOW},
                [],
            )
            for seconds in (60, 300)
        ]
    found = []
    for name, how, faults in cases:
        seconds = how.pop("modifying", 5)
        run = in_one_process.rotate(how.pop("count"), seconds, *faults, **how)
        say(f"  {name}: {run.promoted} of {run.asked} in {run.real_seconds:.0f} s")
        found.append({"case": name, "modifying": seconds, **asdict(run)})
    return found
