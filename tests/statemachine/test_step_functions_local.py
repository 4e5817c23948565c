"""What starts and removes Step Functions Local's container, before a docker that only notes down.

In the container's place is the engine that takes the least time.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.statemachine.engines import MOCK_CONFIG, ROOT, started

DOCKER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$1" in
  version) {version} ;;
  run) {start} ;;
  port) echo {address} ;;
esac
"""
Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The exit status, what is said on stderr, and the calls of docker."""

    def run(
        *options: str,
        version: str = "echo 28",
        start: str = "echo container",
        address: str = "",
    ) -> tuple[int, str, list[str]]:
        docker = tmp_path / "docker"
        docker.write_text(DOCKER.format(version=version, start=start, address=address))
        docker.chmod(0o755)
        command = [sys.executable, "-m", "tests.statemachine.step_functions_local", *options]
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        calls = (tmp_path / "calls").read_text().splitlines()
        return done.returncode, done.stderr, [call.partition(" ")[0] for call in calls]

    return run


def test_without_a_docker_command_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = [sys.executable, "-m", "tests.statemachine.step_functions_local"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 69
    expected = "error: no Step Functions Local: there is no docker command; install Docker.\n"
    assert done.stderr == expected


def test_without_a_daemon_it_says_so(run: Run) -> None:
    status, said, calls = run(version="echo Cannot connect. >&2; exit 1")
    assert (status, calls) == (69, ["version"])
    assert said == (
        "error: no Step Functions Local: Cannot connect. Start the daemon, or set DOCKER_HOST.\n"
    )


def test_without_the_image_it_says_so(run: Run) -> None:
    start = "echo docker: not found. >&2; echo \"See 'docker run --help'.\" >&2; exit 125"
    status, said, calls = run(start=start)
    assert (status, calls) == (69, ["version", "run"])
    assert said == "error: no Step Functions Local: docker: not found.\n"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with started("ministack") as url:
        yield url.removeprefix("http://")


@pytest.mark.parametrize("cases, expected", [("DryRunPassed", 0), ("NoSuchCase", 5)])
def test_the_container_lives_as_long_as_the_tests(
    cases: str, expected: int, address: str, run: Run, tmp_path: Path
) -> None:
    status, said, calls = run("-q", "-k", cases, address=address)
    assert (status, said) == (expected, "")
    assert calls == ["version", "run", "port", "rm"]
    call = (tmp_path / "calls").read_text().splitlines()[1]
    inside = "/home/StepFunctionsLocal/MockConfigFile.json"
    assert f"source={MOCK_CONFIG},destination={inside}" in call
    assert f"--env SFN_MOCK_CONFIG={inside}" in call
    assert call.endswith(" amazon/aws-stepfunctions-local:2.0.0")
