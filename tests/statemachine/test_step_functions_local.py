"""Starting and removing Step Functions Local's container, with a docker that records its calls.

A server that refuses every request stands in for the container.
"""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools.asl.answers import MOCK_CONFIG, ROOT

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
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The exit status, what is written to stderr, and docker's calls."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")

    def run(
        *options: str, version: str = ":", start: str = "echo container", address: str = ""
    ) -> tuple[int, str, list[str]]:
        (tmp_path / "docker").write_text(
            DOCKER.format(version=version, start=start, address=address)
        )
        (tmp_path / "docker").chmod(0o755)
        command: list[str | Path] = [ROOT / "tools/asl/step-functions-local", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


@pytest.mark.parametrize(
    "docker, error, called",
    [
        (
            {"version": "echo Cannot connect. >&2; exit 1"},
            "Cannot connect.\nerror: no Step Functions Local: see above; start Docker's daemon, or "
            "set DOCKER_HOST.\n",
            ["version"],
        ),
        (
            {"start": "echo No such image. >&2; exit 125"},
            "No such image.\nerror: no Step Functions Local: see above.\n",
            ["version", "run"],
        ),
    ],
)
def test_it_says_why_it_cannot_start(
    run: Run, docker: dict[str, str], error: str, called: list[str]
) -> None:
    status, message, calls = run(**docker)
    assert (status, message) == (69, error)
    assert [call.split()[0] for call in calls] == called


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the operations that it is asked for."""
    operations = list[str]()

    class Refusal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operations.append(self.headers["X-Amz-Target"])
            self.send_error(400)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusal) as refusing:
        threading.Thread(target=refusing.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{refusing.server_port}", operations
        refusing.shutdown()


@pytest.mark.parametrize(
    "case, status, requests",
    [("DryRunPassed", 1, ["AWSStepFunctions.ListStateMachines"]), ("NoSuchCase", 5, [])],
)
def test_the_container_lives_as_long_as_the_tests(
    case: str, status: int, requests: list[str], server: tuple[str, list[str]], run: Run
) -> None:
    address, operations = server
    ended, message, calls = run("-q", "-k", case, address=address)
    assert (ended, message, operations) == (status, "", requests)
    assert [call.split()[0] for call in calls] == ["version", "run", "port", "rm"]
    inside = "/home/StepFunctionsLocal/MockConfigFile.json"
    assert f"source={MOCK_CONFIG},destination={inside}" in calls[1]
    assert f"--env SFN_MOCK_CONFIG={inside}" in calls[1]
    assert calls[1].endswith(" amazon/aws-stepfunctions-local:2.0.0")
