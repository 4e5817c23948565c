"""Random histories for as long as you like: ``make soak MINUTES=5``.

One process runs histories in one process (tests/histories), another one runs rotations with random
faults on the whole local AWS, each compared with the world in one process. Prints figures; the exit
status is 1 if anything was found, which is then printed too.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tools.soak.runs import histories, quietly, rotations


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    until = time.monotonic() + options.minutes * 60
    print(f"soaking for {options.minutes:g} minutes, seed {options.seed} ...", flush=True)
    figures, problems = Counter[str](), []
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(quietly, work, until, options.seed) for work in (histories, rotations)]
        for job in jobs:
            found, problem = job.result()
            figures.update(found)
            problems += [problem] if problem else []
    print(*problems, sep="\n", file=sys.stderr, flush=True)
    print(json.dumps({"minutes": options.minutes, "seed": options.seed, **figures}, indent=2))
    none = "0 lock-outs, 0 secrets to repair, 0 leaks, 0 disagreements"
    print(f"{len(problems)} problems" if problems else none)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
