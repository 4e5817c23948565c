"""``python -m local up`` and ``rotate``, and the README's walk-through, as a person runs them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import preloaded
from tests.local.helpers import eventually

ROOT = Path(__file__).parents[2]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [preloaded.python(), "-m", "local", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@contextmanager
def up(directory: Path, *arguments: str, python: str = "") -> Iterator[subprocess.Popen[str]]:
    """`python -m local up`, from `ready` until SIGTERM."""
    process = subprocess.Popen(
        [python or preloaded.python(), "-m", "local", "up", "--directory", directory, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def shell(directory: Path, script: str) -> str:
    """What a person types in another terminal; its standard output."""
    path = f"{preloaded.folder()}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", f". {directory}/env\n{script}"],
        env={"PATH": path, "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def processes_of(directory: Path) -> list[str]:
    """The command lines of all processes that have the folder in their environment or arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in text and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_rotate_shows_and_proves_a_rotation() -> None:
    done = run("rotate", "--json", "--modifying-seconds", "0.2")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["status"], seen["proven"]) == ("SUCCEEDED", True)
    assert len(seen["proof"]) == 2 * 3
    assert list(seen["labels_before"].values()) == [["AWSCURRENT"]]
    assert seen["labels_after"].keys() > seen["labels_before"].keys()
    [execution] = seen["executions"]
    assert execution["states"][0]["name"] == "Read Input"
    assert execution["states"][-1]["name"] == "Rotated"
    assert (seen["watched"] > 0, seen["lock_outs"]) == (True, [])
    assert "Promote Version" in done.stderr


def readme_walk_through() -> list[str]:
    """The README's commands after `. .local/env`."""
    section = (ROOT / "README.md").read_text().split("\n## On this computer\n")[1].split("\n## ")[0]
    _, source, *commands = re.findall(r"^```\n(.*?)^```$", section, re.S | re.M)
    assert source == ". .local/env\n"
    return commands


def test_the_guides_walk_through_with_the_aws_cli(tmp_path: Path) -> None:
    with up(tmp_path, "--modifying-seconds", "0.5"):
        begin, go_on = readme_walk_through()
        # One shell: the second block waits for the rotation.
        assert shell(tmp_path, begin + go_on).endswith("\nlogged in; keys1 is None\n")
        report = f"cd {ROOT} && python -m report --secret production/ec/user1 --watch"
        assert "\nSUCCEEDED after " in shell(tmp_path, report)
        listed = shell(tmp_path, f"cd {ROOT} && python -m report").splitlines()
        assert listed[-2].endswith("production/ec/user1  attempt 1")
        users = json.loads(shell(tmp_path, "aws elasticache describe-users --user-id user1"))
        assert users["Users"][0]["AccessString"] == "on ~keys* -@all +get"
        assert users["Users"][0]["Authentication"] == {"Type": "password", "PasswordCount": 1}


def test_two_instances_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    create = "aws secretsmanager create-secret --name {0} --secret-string {0}"
    names = "aws secretsmanager list-secrets --query 'SecretList[].Name' --output text"
    with up(tmp_path / "a"), up(tmp_path / "b"):
        for name in ("a", "b"):
            shell(tmp_path / name, create.format(name))
        for name in ("a", "b"):
            assert shell(tmp_path / name, names) == f"{name}\n"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(tmp_path: Path, number: signal.Signals) -> None:
    process: subprocess.Popen[str]
    with up(tmp_path, python=sys.executable) as process:
        shell(
            tmp_path,
            # The preloaded one: what is killed here is not.
            f"PATH={preloaded.folder()}:$PATH\n"
            "aws lambda invoke --function-name $ROTATION_FUNCTION_ARN /dev/null >&2\n"
            "aws elasticache create-serverless-cache --serverless-cache-name c --engine redis >&2",
        )
        assert len(processes_of(tmp_path)) >= 3
        process.send_signal(number)
        process.wait(120)
    eventually(lambda: not processes_of(tmp_path), "nothing left running")
    if number != signal.SIGKILL:
        assert not (tmp_path / "env").exists()


@contextmanager
def busy_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield str(taken.getsockname()[1])


BAD_OPTIONS: list[tuple[list[str], str]] = [
    (["--parameter", "PasswordLength=5"], "PasswordLength"),
    (["--parameter", "PasswordLength"], "KEY=VALUE"),
    (["--parameter", "UserName=app"], "SecretArn"),
    (["--modifying-seconds", "-1"], "--modifying-seconds"),
    (["--modifying-seconds", "soon"], "--modifying-seconds"),
    (["--port", "0"], "--port"),
]


@pytest.mark.parametrize("options, named", BAD_OPTIONS)
def test_a_wrong_option_is_answered_in_one_line_that_names_it(
    tmp_path: Path, options: list[str], named: str
) -> None:
    done = run("up", "--directory", str(tmp_path), *options)
    assert done.returncode != 0
    assert named in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert processes_of(tmp_path) == []


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with busy_port() as port:
        done = run("up", "--directory", str(tmp_path), "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert port in line


def test_a_directory_in_use_is_named(tmp_path: Path) -> None:
    with up(tmp_path):
        done = run("up", "--directory", str(tmp_path))
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert str(tmp_path) in line
        shell(tmp_path, "aws sts get-caller-identity")
