"""What the processes of a soak do: apart from __main__, which spawned processes do not import."""

import logging
import os
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test

from local.deploy import deploy
from local.faults import states
from local.instance import LocalAws
from tests.histories.in_process import InProcess
from tests.histories.test_histories import SETTINGS, Histories
from tests.histories.worlds import InProcessWorld
from tests.rotation.test_agreement import FIRST, LAST, outcomes
from tests.rotation.test_crash_matrix import calls_of_a_clean_rotation
from tests.rotation.world import World

Figures = Counter[str]
#: Histories on one local AWS: each has a node of its own, a server that is never idle.
_MOST = 40


def histories(until: float, number: int, figures: Figures) -> None:
    chunk = settings(SETTINGS, max_examples=20, stateful_step_count=60, derandomize=False)
    Histories.figures = figures
    while time.monotonic() < until:
        number += 1
        run_state_machine_as_test(seed(number)(Histories), settings=chunk)


def rotations(until: float, number: int, figures: Figures) -> None:
    """On the whole local AWS, beside the world in one process."""
    choices = random.Random(number)
    while time.monotonic() < until:
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalAws(Path(folder), modifying_seconds=0.3) as aws,
        ):
            world = World(aws, deploy(aws))
            calls = calls_of_a_clean_rotation(world)
            points = [(api, count + 1) for api, most in calls.items() for count in range(most)]
            for _ in range(_MOST):
                if time.monotonic() < until:
                    _compare(world, points, choices, figures)


def _compare(
    world: World, points: list[tuple[str, int]], choices: random.Random, figures: Figures
) -> None:
    # Of two faults of one call the worlds need not choose the same.
    armed = [
        f"{choices.choice(_kinds(api))}:{api}:{count}"
        for api, count in choices.sample(points, choices.choice([1, 1, 2]))
    ]
    if choices.random() < 0.2:
        stops = [state for state in states() if state not in ("Check Endpoint", "Log In")]
        armed.append(f"stop-at:{choices.choice(stops)}")
    user = FIRST if choices.random() < 0.3 else {}
    with InProcess(modifying_seconds=0.3).set_up() as inside:
        wanted = outcomes(InProcessWorld(inside), armed, **user)
    found = outcomes(world, armed, **user)
    assert found == wanted, (armed, user, found, wanted)
    assert found[LAST] == ("SUCCEEDED", None), (armed, user, found)
    figures["rotations on the local AWS"] += 2
    figures["crash points there"] += sum(each.startswith("kill") for each in armed)


def _kinds(api: str) -> list[str]:
    others = [] if api == "AUTH" else ["deny", "lose-reply", "error-500"]
    return ["kill-before", "kill-after", *others]


def quietly(
    work: Callable[[float, int, Figures], None], until: float, number: int
) -> tuple[Figures, str]:
    figures: Figures = Counter()
    logging.disable(logging.CRITICAL)
    try:
        # Metrics are written to stdout.
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
            work(until, number, figures)
    except BaseException:
        return figures, traceback.format_exc()
    return figures, ""
