"""One local AWS for all tests of this folder, and functions on it."""

import io
import json
import socket
import ssl
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.instance import LocalAws

MODIFYING_SECONDS = 0.3


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_ROTATION_RETRY_SECONDS", "0.1")
        instance = LocalAws(tmp_path_factory.mktemp("aws"), modifying_seconds=MODIFYING_SECONDS)
        instance.start()
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def elasticache(aws: LocalAws) -> Any:
    return aws.client("elasticache")


@pytest.fixture(scope="session")
def secretsmanager(aws: LocalAws) -> Any:
    return aws.client("secretsmanager")


@pytest.fixture(scope="session")
def stepfunctions(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


def make_function(aws: LocalAws, name: str, code: str, **settings: Any) -> str:
    """Creates a Lambda of this Python, `handler(event, context)` in the code; returns its ARN."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        command = f'#!/bin/sh\nexec "{sys.executable}" -m awslambdaric "$_HANDLER"\n'
        archive.writestr(bootstrap, command)
        archive.writestr("code_under_test.py", code)
    function = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="code_under_test.handler",
        Role="arn:aws:iam::123456789012:role/any",
        Code={"ZipFile": package.getvalue()},
        **settings,
    )
    return str(function["FunctionArn"])


def log_in(aws: LocalAws, endpoint: dict[str, Any], name: str, password: str) -> str:
    """The node's answer to AUTH, over TLS that verifies its certificate and name."""
    context = ssl.create_default_context(cafile=aws.environment["LOCAL_CA_FILE"])
    with (
        socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=endpoint["Address"]) as connection,
    ):
        connection.sendall(f"AUTH {name} {password}\r\n".encode())
        return connection.recv(4096).decode().strip()


def eventually(look: Callable[[], Any], seconds: float = 5.0) -> Any:
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} seconds")


def read_calls(path: Path) -> list[dict[str, Any]]:
    """The events that a function of a test has written down, one JSON line each."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
