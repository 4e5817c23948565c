"""No sockets, no waiting, no settings of the computer; and a world of fakes."""

import json
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_socket import disable_socket, enable_socket

from rotation.runtime.telemetry import logger, metrics
from tests.unit.fakes import World
from tests.unit.values import FUNCTION_ARN, SECRET_ARN, USER_ARN, USERNAME

Lines = Callable[[], list[dict[str, Any]]]
SetEnv = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("SECRETS_MANAGER_ENDPOINT", "SECRET_ARN", "USER_ARN", "USER_NAME", "TOPIC_ARN"),
        *("PASSWORD_EXCLUDE_CHARACTERS", "REQUIRE_ENDPOINTS", "STATE_MACHINE_ARN"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAX_MODIFYING_SECONDS", "1800")
    monkeypatch.setenv("LATE_FUNCTION_SECONDS", "45")
    monkeypatch.setenv("EXECUTION_LOOK_SECONDS", "60")
    monkeypatch.setenv("PASSWORD_LENGTH", "32")
    monkeypatch.setenv("PASSWORD_CHARACTERS", "UrlSafe")
    monkeypatch.setenv("ROTATION_FUNCTION_ARN", FUNCTION_ARN)


@pytest.fixture(autouse=True)
def _no_sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError(f"a unit test sleeps for {seconds} s")

    monkeypatch.setattr("time.sleep", sleep)


@pytest.fixture(autouse=True)
def _no_metrics() -> Iterator[None]:
    """What a handler has counted before it failed would be in the next test's metrics."""
    yield
    metrics.clear_metrics()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Before Generate Password; the handlers get their adapters from it."""
    fakes = World()
    fakes.take_over(monkeypatch)
    return fakes


@pytest.fixture
def staged(world: World) -> World:
    """After Generate Password."""
    world.stage()
    return world


@pytest.fixture
def modified(staged: World) -> World:
    """After Modify User."""
    staged.modify()
    return staged


@pytest.fixture
def set_env(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    return monkeypatch.setenv


@pytest.fixture
def pinned(set_env: SetEnv) -> None:
    """The stack is for the world's secret and user only."""
    set_env("SECRET_ARN", SECRET_ARN)
    set_env("USER_ARN", USER_ARN)
    set_env("USER_NAME", USERNAME)


@pytest.fixture
def output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], str]]:
    """What has been logged, at any level, and printed since the last call."""
    # The logger would keep the stdout of its import.
    stdout = SimpleNamespace(write=lambda text: sys.stdout.write(text), flush=lambda: None)
    monkeypatch.setattr(logger.registered_handler, "stream", stdout)
    level = logger.log_level
    logger.setLevel("DEBUG")
    yield lambda: "".join(capsys.readouterr())
    logger.setLevel(level)


@pytest.fixture
def log_lines(output: Callable[[], str]) -> Lines:
    """The JSON lines since the last call."""
    return lambda: [json.loads(line) for line in output().splitlines() if line.startswith("{")]


@pytest.fixture
def metric_lines(log_lines: Lines) -> Lines:
    """The metrics since the last call."""
    return lambda: [line for line in log_lines() if "_aws" in line]
