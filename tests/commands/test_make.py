"""The Makefile, with a stand-in for .venv/bin/python."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.commands.test_commands import ROOT

#: Without what `make test` passes on to each make that it starts.
ENVIRONMENT = {name: value for name, value in os.environ.items() if "MAKE" not in name}


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    return tmp_path


def stand_in(folder: Path, script: str) -> None:
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    (folder / ".venv/installed").touch()


def test_five_targets_come_first_and_every_other_one_with_a_description_follows() -> None:
    groups = make(ROOT).stdout.strip().split("\n\n")
    heading, *first = groups[0].splitlines()
    assert heading == "Start here"
    assert [line.split()[0] for line in first] == ["rotate", "up", "test", "package", "clean"]
    described = re.findall(r"^([a-z-]+):.*## .", (ROOT / "Makefile").read_text(), re.M)
    listed = [line.split()[0] for group in groups for line in group.splitlines()[1:]]
    assert listed == described


def test_a_python_that_is_not_there_is_named(folder: Path) -> None:
    done = make(folder, "PYTHON=nothing", "setup")
    assert done.returncode == 2
    assert done.stdout == ""
    error, _ = done.stderr.splitlines()  # and make's own
    assert error == "error: there is no nothing; say make PYTHON=python3.x"


def test_an_error_of_the_local_aws_is_one_of_make(folder: Path) -> None:
    stand_in(folder, "exit 1")
    assert make(folder, "up").returncode == 2


def test_ctrl_c_ends_the_local_aws_without_an_error_of_make(folder: Path) -> None:
    stand_in(folder, "trap 'exit 130' INT; echo ready; read _")
    process = subprocess.Popen(
        ["make", "up"],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    # Of its own children make may say that they were gone before it looked.
    assert "Error" not in said
