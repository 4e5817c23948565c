"""No sockets, and a world of fakes."""

import sys
from collections.abc import Callable, Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from rotation.runtime.telemetry import logger
from tests.unit.fakes import FUNCTION_ARN, World


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SECRETS_MANAGER_ENDPOINT",
        "SECRET_ARN",
        "USER_NAME",
        "PASSWORD_EXCLUDE_CHARACTERS",
        "REQUIRE_ENDPOINTS",
        "STATE_MACHINE_ARN",
        "TOPIC_ARN",
        "USER_ARN",
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


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The handlers get their adapters from it."""
    found = World()
    found.take_over(monkeypatch)
    return found


class StandardOutput:
    """The stdout of the moment; the logger would keep that of its import."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """What has been logged and printed since the last call."""
    monkeypatch.setattr(logger.registered_handler, "stream", StandardOutput())

    def read() -> str:
        found = capsys.readouterr()
        return found.out + found.err

    return read
