"""What is measured where: overhead on the local AWS, waits and scale in one process."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import scaled as in_one_process
from bench.figures import LONG_SECONDS, Spread
from bench.real import Bench
from local.assumptions import Assumptions

MODIFYING = (0, 5, 30)  # on the local AWS; what takes longer, in one process
#: Secrets Manager tries again within the window of the schedule.
WINDOW = Assumptions(attempts=12, retry_seconds=300)
AT_ONCE_ON_LOCAL_AWS = 10  # each is a dozen processes of half a second, on this computer's cores
Say = Callable[[str], None]


def overhead(path: Path | None, repetitions: int, say: Say) -> dict[str, Any]:
    """Seconds from RotateSecret to AWSCURRENT beyond the modifying time, in turn with the other."""
    rotations: list[dict[str, Any]] = []
    with Bench.running() as bench:
        ours, tenant = bench.stack.rotation_function_arn, bench.tenant_before(2)
        rotated = {"ours": (tenant, ours)}
        if path:
            other = bench.tenant_before(2)
            rotated["reference"] = (other, bench.deploy_reference(path, other))
        bench.modifying(0)
        for each in rotated.values():
            bench.rotate(*each)  # the first invocations are cold, and are not measured
        for seconds in MODIFYING:
            bench.modifying(seconds)
            turns = [
                {name: bench.rotate(*each) - seconds for name, each in rotated.items()}
                for _ in range(repetitions)
            ]
            spreads = {name: asdict(Spread.of([it[name] for it in turns])) for name in rotated}
            rotations.append({"modifying": seconds, **spreads})
            say(f"  {seconds} s: {spreads}")
        invocations, task_seconds = bench.task_seconds()
        bench.modifying(5)
        tenants = [bench.tenant_before(1) for _ in range(AT_ONCE_ON_LOCAL_AWS)]
        return {
            "rotations": rotations,
            "seconds_per_invocation": task_seconds / invocations,
            "at_once": asdict(Spread.of(bench.rotate_all(tenants, ours))),
        }


def scaled(path: Path | None) -> list[dict[str, Any]]:
    """One rotation before two nodes, by modifying time: waits, transitions, calls."""
    found = []
    for seconds in (*MODIFYING, LONG_SECONDS):
        ours = asdict(in_one_process.rotate(1, seconds, nodes=2))
        reference = asdict(in_one_process.rotate_with_reference(path, seconds)) if path else None
        found.append({"modifying": seconds, "ours": ours, "reference": reference})
    return found


def _cases() -> Iterator[tuple[str, int, int, list[str], dict[str, Any]]]:
    """A name, how many rotate at once, for how long each user is modifying, faults, options."""
    for count in (1, 10, 50, 200):
        yield f"{count} at once, groups of their own", count, 5, [], {}
    for nodes in (6, 90):
        yield f"1 before {nodes} nodes", 1, 5, [], {"nodes": nodes}
    for count in (1, 10, 50):
        yield f"{count} at once, 10 calls a second", count, 5, ["rate-limit:10"], {}
    for seconds in (5, 30, 120):
        name = f"50 in one group, one at a time, {seconds} s each"
        yield name, 50, seconds, ["one-at-a-time"], {"one_group": True}
    for seconds in (300, 800):
        yield f"200 at once at Step Functions' quotas, {seconds} s each", 200, seconds, [], {}
    for seconds in (60, 300):
        name = f"12 at once, concurrency 10, {seconds} s each"
        yield name, 12, seconds, [], {"concurrency": 10, "assumptions": WINDOW}


def scale(say: Say) -> list[dict[str, Any]]:
    """Many at once, in one process."""
    found = []
    for name, count, modifying, faults, options in _cases():
        run = in_one_process.rotate(count, modifying, *faults, **options)
        say(f"  {name}: {run.promoted} of {run.asked}")
        found.append({"case": name, "modifying": modifying, **asdict(run)})
    return found
