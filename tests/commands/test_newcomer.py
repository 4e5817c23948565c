"""What somebody meets who has only just cloned the project: one line that says what to type."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import shell
from local.rotate import Rotation, write_pages
from report import source
from report.definition import observed
from tests import preloaded
from tests.commands.test_commands import ROOT

MODULES = ("local", "local.package", "report", "report.cost", "bench")


@pytest.mark.parametrize("module", MODULES)
def test_a_python_without_the_packages_is_told_in_one_line(module: str) -> None:
    # Without `site` no package that is installed is found.
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "up"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "make setup" in line
    assert ".venv/bin/python" in line


@pytest.mark.parametrize(
    "file", ["installed", "local/__init__", "report/__init__", "bench/__init__"]
)
def test_what_is_read_before_that_is_in_the_syntax_of_any_python_3(file: str) -> None:
    ast.parse((ROOT / f"{file}.py").read_text(), feature_version=(3, 6))


HISTORY = "tests/report/histories/dry-run.json"
PIPED = ["local --list-faults", f"report --history {HISTORY} --json", f"report.cost < {HISTORY}"]


@pytest.mark.parametrize("command", PIPED)
def test_nothing_is_said_where_nobody_reads(command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        ["sh", "-c", f"{preloaded.python()} -m {command}"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_cost_of_nothing_is_answered_with_what_to_pipe_in() -> None:
    # A terminal, from which nothing comes.
    ours, theirs = os.openpty()
    for stdin in (theirs, subprocess.DEVNULL):
        command = [preloaded.python(), "-m", "report.cost"]
        done = subprocess.run(command, cwd=ROOT, stdin=stdin, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert "get-execution-history" in line
    os.close(ours)
    os.close(theirs)


def test_a_page_that_cannot_be_written_changes_no_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = source.load(ROOT / HISTORY, None)
    reading: Any = SimpleNamespace(refresh=lambda: run, definition=observed(run), events=[])
    monkeypatch.setattr(source, "since", lambda *_: "")
    aws: Any = SimpleNamespace(client=lambda _: None)
    seen = Rotation(executions=[reading])
    (tmp_path / "file").touch()
    assert write_pages(aws, seen, tmp_path / "file") == []
    [line] = capsys.readouterr().err.splitlines()
    assert f"File exists: '{tmp_path}/file'" in line


HOSTILE = {
    "AWS_PROFILE": "work",
    "AWS_SESSION_TOKEN": "of-work",
    "AWS_ENDPOINT_URL_S3": "https://s3.example",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "NO_PROXY": "intranet",
}


def sourced(
    name: str, folder: Path, then: str, monkeypatch: pytest.MonkeyPatch, path: str = ""
) -> subprocess.CompletedProcess[str]:
    """What a shell says that has sourced the file twice; the programs are in the folder."""
    if not shutil.which(name):
        pytest.skip(f"no {name} here")
    monkeypatch.setattr(sys, "executable", f"{folder}/python")
    file = folder / "env"
    shell.write(file, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "LOCAL_CONTROL_URL": "http://c/l"})
    return subprocess.run(
        [name, "-euc", f'. "$0"; . "$0"; {then}', file],
        env={**HOSTILE, "PATH": f"{path}/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def program(file: Path, says: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)


@pytest.mark.parametrize("name", ["sh", "bash", "dash", "zsh"])
def test_a_shell_that_has_sourced_the_file_reaches_the_local_aws_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "it's $HOME"
    program(folder / "aws", "aws-cli/1.46.3 of the project")
    done = sourced(name, folder, "aws; env", monkeypatch)
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == "aws-cli/1.46.3 of the project"
    got = dict(line.split("=", 1) for line in lines)
    assert {key: value for key, value in got.items() if key.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_PAGER": "",
    }
    assert got["PATH"] == f"{folder}:/usr/bin:/bin"
    assert got["NO_PROXY"] == got["no_proxy"] == "127.0.0.1,localhost,intranet"
    assert shell.control_url(folder) == "http://c/l"


@pytest.mark.parametrize(
    "version, old", [("1.28.1", 1), ("1.29.0", 0), ("2.9.9", 1), ("2.12.7", 1), ("2.13.0", 0)]
)
def test_an_aws_cli_that_knows_no_endpoints_by_service_is_warned_of(
    version: str, old: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "elsewhere/aws", f"aws-cli/{version} Python/3.11")
    done = sourced("sh", tmp_path, "", monkeypatch, path=f"{tmp_path}/elsewhere:")
    assert done.returncode == 0
    assert done.stderr.count("warning: ") == 2 * old
    assert done.stderr.count(f"{tmp_path}/elsewhere/aws would ask the real AWS") == 2 * old
