"""Starting and removing Step Functions Local's container, with a docker that records its calls.

A server that refuses every request stands in for the container.
"""

import os
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
def run(tmp_path: Path) -> Run:
    """The exit status, what is written to stderr, and docker's calls."""

    def run(
        *options: str,
        version: str = "echo 28",
        start: str = "echo container",
        address: str = "",
        path: str = os.environ["PATH"],
    ) -> tuple[int, str, list[str]]:
        docker = tmp_path / "docker"
        if version:
            docker.write_text(DOCKER.format(version=version, start=start, address=address))
            docker.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "tools.asl.step_functions_local", *options],
            cwd=ROOT,
            env=os.environ | {"PATH": f"{tmp_path}:{path}", "PYTHONPATH": "functions"},
            capture_output=True,
            text=True,
            check=False,
        )
        calls = tmp_path / "calls"
        return done.returncode, done.stderr, calls.read_text().splitlines() if version else []

    return run


@pytest.mark.parametrize(
    "given, error, called",
    [
        ({"version": "", "path": ""}, "there is no docker command; install Docker.", []),
        (
            {"version": "echo Cannot connect. >&2; exit 1"},
            "Cannot connect. Start the daemon, or set DOCKER_HOST.",
            ["version"],
        ),
        (
            {"start": "echo docker: not found. >&2; echo \"See 'docker run --help'.\" >&2; exit 1"},
            "docker: not found.",
            ["version", "run"],
        ),
    ],
)
def test_one_line_says_what_is_missing(
    run: Run, given: dict[str, str], error: str, called: list[str]
) -> None:
    status, message, calls = run(**given)
    assert (status, message) == (69, f"error: no Step Functions Local: {error}\n")
    assert [call.split()[0] for call in calls] == called


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the operations that it is asked for."""
    operations = list[str]()

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(400)

        def do_POST(self) -> None:
            operations.append(self.headers["X-Amz-Target"])
            self.send_error(400)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", operations
        server.shutdown()


@pytest.mark.parametrize(
    "case, status, requests",
    [("DryRunPassed", 1, ["AWSStepFunctions.ListStateMachines"]), ("NoSuchCase", 5, [])],
)
def test_the_container_lives_as_long_as_the_tests(
    case: str, status: int, requests: list[str], asked: tuple[str, list[str]], run: Run
) -> None:
    address, operations = asked
    ended, message, calls = run("-q", "-k", case, address=address)
    assert (ended, message, operations) == (status, "", requests)
    assert [call.split()[0] for call in calls] == ["version", "run", "port", "rm"]
    inside = "/home/StepFunctionsLocal/MockConfigFile.json"
    assert f"source={MOCK_CONFIG},destination={inside}" in calls[1]
    assert f"--env SFN_MOCK_CONFIG={inside}" in calls[1]
    assert calls[1].endswith(" amazon/aws-stepfunctions-local:2.0.0")
