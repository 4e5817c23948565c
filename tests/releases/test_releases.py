"""An execution that began under an older release goes on with the functions of this one."""

import importlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.records.execution_input import ExecutionInput
from rotation.records.rotation_event import RotationEvent
from tests.releases.golden import (
    DEFINITION,
    EVENTS,
    RELEASES,
    WAYS,
    event_files,
    payloads_of,
    releases,
    run,
    state_machine,
    write,
)
from tests.unit.fakes import FakeContext, World
from tests.unit.leaks import assert_no_leak
from tests.unit.values import (
    CURRENT,
    ENDPOINT,
    FUNCTION_ARN,
    PENDING,
    PENDING_PASSWORD,
    SENSITIVE,
    secret_text,
)
from tools.asl.definition import places


def test_the_release_of_this_tree_promises_compatibility() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["version"] in releases()


@pytest.mark.parametrize("release", releases())
def test_the_files_of_a_release_are_not_written_again(release: str) -> None:
    with pytest.raises(FileExistsError):
        write(release)


@pytest.mark.parametrize("release", releases())
def test_no_payload_of_a_release_holds_a_password(release: str) -> None:
    assert_no_leak(SENSITIVE, answer=payloads_of(release))


def test_the_samples_of_events_are_this_releases() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    for path, text in event_files(payloads_of(project["version"])).items():
        assert path.read_text() == text, "run `make snapshots`"
    event = json.loads((EVENTS / "rotate_secret.json").read_text())
    assert RotationEvent.parse(event, "123456789012").step == event["Step"]
    sample = json.loads((EVENTS / "execution.json").read_text())
    assert ExecutionInput.parse(sample).dry_run


# The whole state machine of a release


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("release", releases())
def test_the_state_machine_of_a_release_goes_on_with_these_functions(
    release: str, way: str
) -> None:
    with state_machine(RELEASES / release / DEFINITION) as recorder:
        world, error = run(WAYS[way], recorder)
    assert error == WAYS[way].error
    promoted = not error and not WAYS[way].options.get("DryRun")
    assert world.secrets.version_with(AWSCURRENT) == (PENDING if promoted else CURRENT)
    assert world.secrets.version_with(AWSPENDING) is None


# Each of its payloads


of_every_function = pytest.mark.parametrize(
    "release,function",
    [(release, function) for release in releases() for function in payloads_of(release)],
)


@pytest.fixture
def world() -> Iterator[World]:
    """Where every function ends well, whatever the run is that calls it."""
    found = World()
    found.stage()
    found.modify()
    found.secrets.add("stopped", secret_text(PENDING_PASSWORD))
    # Of those that a payload has, one may not answer.
    found.users.its_endpoints = [ENDPOINT] * 2
    with state_machine(), pytest.MonkeyPatch.context() as patch:
        found.take_over(patch)
        patch.setenv("ROTATION_FUNCTION_ARN", FUNCTION_ARN)
        yield found


def call(function: str, payload: dict[str, Any]) -> dict[str, Any]:
    module = importlib.import_module(re.sub(r"(?<!^)([A-Z])", r"_\1", function).lower())
    handler: Callable[..., dict[str, Any]] = module.handler
    return handler(payload, FakeContext())


def read_of(release: str, function: str) -> set[str]:
    """The keys of the function's answer that the release's state machine reads."""
    definition = json.loads((RELEASES / release / DEFINITION).read_text())
    return {
        path.removeprefix("$.Payload.")
        for place in places(definition, "Task")
        if place.state["Parameters"]["FunctionName"] == f"${{{function}Function}}"
        for path in place.state.get("ResultSelector", {}).values()
    }


@of_every_function
def test_a_function_takes_what_a_release_calls_it_with_and_answers_what_that_reads(
    world: World, release: str, function: str
) -> None:
    for payload in payloads_of(release)[function]:
        assert read_of(release, function) <= set(call(function, payload))


def with_unknown_fields(value: Any, key: str = "") -> Any:
    """As a later release may call it; but people's input is refused with what is not known."""
    if isinstance(value, list):
        return [with_unknown_fields(each) for each in value]
    if isinstance(value, dict) and key != "Input":
        known = {name: with_unknown_fields(each, name) for name, each in value.items()}
        return known | {"Unknown": [{"Field": 1}]}
    return value


@of_every_function
def test_a_function_leaves_out_what_it_does_not_know(
    world: World, release: str, function: str
) -> None:
    for payload in payloads_of(release)[function]:
        assert call(function, with_unknown_fields(payload)), f"{function} has an empty answer"
