"""The golden files of a release: its state machine, and what each of its functions is called with.

An execution that runs while the stack is updated goes on with the state machine that it began
with, and with the functions of the new release (Step Functions API reference, UpdateStateMachine).
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rotation.adapters.login import NodeConnection
from rotation.errors import AccessDeniedError, EndpointUnreachableError
from rotation.records.endpoint import Endpoint
from tests.histories import in_process
from tests.histories.in_process import MACHINE, InProcess
from tests.unit.fakes import World
from tests.unit.values import (
    CURRENT,
    FUNCTION_ARN,
    NEW_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    SECRET_NAME,
    secret_text,
)

RELEASES = Path(__file__).parent
#: Samples for `sam local invoke` and the Lambda console: the first payload of each function.
EVENTS = RELEASES.parents[1] / "events"
DEFINITION, PAYLOADS = "rotation.asl.json", "payloads.json"
#: Of each function that the state machine calls.
Payloads = dict[str, list[dict[str, Any]]]


def releases() -> list[str]:
    """Those that promise compatibility."""
    return sorted(path.parent.name for path in RELEASES.glob(f"*/{PAYLOADS}"))


def payloads_of(release: str) -> Payloads:
    """What the release has called its functions with."""
    found: Payloads = json.loads((RELEASES / release / PAYLOADS).read_text())
    return found


def write(release: str) -> Path:
    """Write the golden files of the tree as it is.

    Raises:
        FileExistsError: it has some, which are not to change once it is out.
    """
    directory = RELEASES / release
    directory.mkdir()
    shutil.copyfile(in_process.DEFINITION, directory / DEFINITION)
    functions = (
        f"{json.dumps(function)}: [\n" + ",\n".join(map(json.dumps, payloads)) + "\n]"
        for function, payloads in recorded().items()
    )
    (directory / PAYLOADS).write_text("{\n" + ",\n".join(functions) + "\n}\n")
    return directory


def event_files(payloads: Payloads) -> dict[Path, str]:
    """Each function's sample event, by its file, which is named as the handler's is."""
    return {
        EVENTS / f"{re.sub(r'(?<!^)(?=[A-Z])', '_', function).lower()}.json": text
        for function, (payload, *_) in payloads.items()
        if (text := f"{json.dumps(payload, indent=2)}\n")
    }


# Runs that lead to every task, with whatever their payloads may hold


@dataclass(frozen=True)
class Way:
    """A run in a world, and the error that it ends with; empty, it succeeds."""

    world: Callable[[], World]
    error: str = ""
    name: str = PENDING
    options: dict[str, Any] = field(default_factory=dict)


BY_TOKEN: dict[str, Any] = {
    "name": f"{PENDING}-1",
    "options": {"ClientRequestToken": PENDING, "Attempt": 1},
}


def staged() -> World:
    world = World()
    world.stage()
    return world


def unbound() -> World:
    world = staged()
    world.users.its_tags = {}
    return world


def never_rotated() -> World:
    world = World()
    world.secrets.texts |= {CURRENT: secret_text(None), PREVIOUS: secret_text(None)}
    world.users.passwords = []
    world.users.change(access_string="off ~* +@all", authentication="no-password", password_count=0)
    return world


def cut_off() -> World:
    """A first rotation was stopped after it had turned the user on."""
    world = never_rotated()
    world.secrets.add("stopped", secret_text(PENDING_PASSWORD))
    world.users.passwords = [PENDING_PASSWORD]
    world.users.change(access_string="on ~* +@all", authentication="password", password_count=1)
    return world


def unknown() -> World:
    world = World()
    world.users.passwords = [PENDING_PASSWORD]
    return world


def silent() -> World:
    """The node does not answer any more, once the user has been modified."""
    world = World()
    open_node = world.cache.open

    @contextmanager
    def opened(endpoint: Endpoint, username: str) -> Iterator[NodeConnection]:
        if NEW_PASSWORD in world.users.passwords:
            raise EndpointUnreachableError(f"{endpoint} cannot be reached.")
        with open_node(endpoint, username) as node:
            yield node

    world.cache.open = opened  # type: ignore[method-assign]
    return world


def not_promoted() -> World:
    world = World()
    world.secrets.faults.raise_at("move_label", AccessDeniedError("Denied."))
    return world


WAYS = {
    "by hand": Way(World),
    "of Secrets Manager": Way(staged, **BY_TOKEN),
    "dry run": Way(World, options={"DryRun": True}),
    "first rotation": Way(never_rotated),
    "first rotation, again": Way(cut_off),
    "an unknown password is replaced": Way(unknown, options={"ReplaceUnknownPassword": True}),
    "refused at once": Way(unbound, "UserNotBoundError", **BY_TOKEN),
    "an endpoint does not answer": Way(silent, "EndpointUnreachableError"),
    "AWSCURRENT does not move": Way(not_promoted, "AccessDeniedError"),
}


class Recorder(InProcess):
    """Keeps what the functions are called with."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: Payloads = {}

    def _invoke(self, FunctionName: str, Payload: str | bytes) -> dict[str, Any]:
        # Of the real clock, which errors would hold, too.
        payload = json.loads(Payload) | {"Since": ""}
        known = self.payloads.setdefault(FunctionName.removesuffix("Function"), [])
        if payload not in known:
            known.append(payload)
        return super()._invoke(FunctionName, json.dumps(payload))


@contextmanager
def state_machine(definition: Path = in_process.DEFINITION) -> Iterator[Recorder]:
    """That state machine, with the functions of the tree."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_process, "DEFINITION", definition)
        recorder = Recorder()
        with recorder.set_up():
            yield recorder


def run(way: Way, recorder: Recorder) -> tuple[World, str]:
    """The world as the run leaves it, and the run's error."""
    world = way.world()
    with pytest.MonkeyPatch.context() as patch:
        world.take_over(patch)
        patch.setenv("ROTATION_FUNCTION_ARN", FUNCTION_ARN)
        options = json.dumps({"SecretId": SECRET_NAME, **way.options})
        recorder.step_functions.start_execution(
            stateMachineArn=MACHINE, name=way.name, input=options
        )
        recorder.stage.run()
    (execution,) = recorder.executions().values()
    return world, execution.get("error") or ""


def recorded() -> Payloads:
    """What the functions of the tree are called with by its state machine."""
    found: Payloads = {}
    for way in WAYS.values():
        with state_machine() as recorder:
            run(way, recorder)
        for function, payloads in recorder.payloads.items():
            known = found.setdefault(function, [])
            known += [each for each in payloads if each not in known]
    return dict(sorted(found.items()))
