"""``python -m local up`` and ``rotate``, and the README's walk-through, as a person runs them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.__main__ import main
from tests import preloaded
from tests.local.helpers import eventually

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [preloaded.python(), "-m", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@contextmanager
def up(directory: Path, *arguments: str, python: str = "") -> Iterator[subprocess.Popen[str]]:
    """`python -m local up`, from `ready` until SIGTERM, which leaves nothing running."""
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
        eventually(lambda: not processes_of(directory), "nothing left running")


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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("running")
    with up(directory, "--modifying-seconds", "0.5", "--fault", "deny:ModifyUser:999"):
        yield directory


def readme_walk_through() -> list[str]:
    """The README's commands after `. .local/env`."""
    section = (ROOT / "README.md").read_text().split("\n## On this computer\n")[1].split("\n## ")[0]
    _, source, *commands = re.findall(r"^```\n(.*?)^```$", section, re.S | re.M)
    assert source == ". .local/env\n"
    return commands


def test_the_guides_walk_through_with_the_aws_cli(running: Path) -> None:
    begin, go_on = readme_walk_through()
    # One shell: the second block waits for the rotation.
    assert shell(running, begin + go_on).endswith("\nlogged in; keys1 is None\n")
    report = f"cd {ROOT} && python -m report --secret production/ec/user1 --watch"
    assert "\nSUCCEEDED after " in shell(running, report)
    listed = shell(running, f"cd {ROOT} && python -m report").splitlines()
    assert listed[-2].endswith("production/ec/user1  attempt 1")
    users = json.loads(shell(running, "aws elasticache describe-users --user-id user1"))
    assert users["Users"][0]["AccessString"] == "on ~keys* -@all +get"
    assert users["Users"][0]["Authentication"] == {"Type": "password", "PasswordCount": 1}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_running_and_another_instance_is_not_disturbed(
    running: Path, tmp_path: Path, number: signal.Signals
) -> None:
    names = "aws secretsmanager list-secrets --query 'SecretList[].Name' --output text"
    with up(tmp_path, python=sys.executable) as process:
        shell(
            tmp_path,
            # The preloaded one: what is killed here is not.
            f"PATH={preloaded.folder()}:$PATH\n"
            "aws lambda invoke --function-name $ROTATION_FUNCTION_ARN /dev/null >&2\n"
            "aws elasticache create-serverless-cache --serverless-cache-name c --engine redis >&2\n"
            f"aws secretsmanager create-secret --name of-{number} --secret-string x",
        )
        assert f"of-{number}" not in shell(running, names)
        assert len(processes_of(tmp_path)) >= 3
        process.send_signal(number)
        process.wait(120)
    assert (tmp_path / "env").exists() is (number == signal.SIGKILL)
    shell(running, "aws sts get-caller-identity")


def test_a_running_one_takes_and_drops_faults(
    running: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(directory: Path, *arguments: str) -> list[str]:
        status = main(["fault", "--directory", str(directory), *arguments])
        printed = capsys.readouterr()
        assert bool(printed.err) == bool(status)
        return (printed.out or printed.err).splitlines()

    [refused] = fault(tmp_path, "drop-node:1")
    assert f"No local AWS runs in {tmp_path}" in refused
    begun = "deny:ModifyUser:999: met 0 times"
    assert fault(running, "drop-node:1") == [begun, "drop-node:1: met 0 times"]
    [refused] = fault(running, "drop-node")
    assert "drop-node:NODE[:STATE]" in refused
    assert fault(running, "--clear", "deny:ModifyUser") == ["deny:ModifyUser: met 0 times"]
    assert fault(running, "--clear") == []
