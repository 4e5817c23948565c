"""``--fault``, ``--list-faults`` and ``python -m local fault``, as a person runs them."""

import json
import subprocess
from pathlib import Path

import pytest

from local.__main__ import main
from local.faults import KINDS
from tests import preloaded
from tests.commands.test_commands import ROOT, run, up


def test_a_rotation_that_gets_over_a_fault() -> None:
    options = ["--modifying-seconds", "0.2", "--fault", "kill-after:ModifyUser"]
    done = run("rotate", "--json", *options)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["status"], seen["proven"], seen["lock_outs"]) == ("SUCCEEDED", True, [])
    # It is sent again by the next attempt of the state.
    assert seen["faults"] == [{"fault": "kill-after:ModifyUser", "met": 1, "seen": 2}]
    assert "Runtime.ExitError" in done.stderr
    assert "met once" in done.stderr


def test_a_rotation_that_fails() -> None:
    options = ["--modifying-seconds", "0.2", "--fault", "deny:GetRandomPassword"]
    done = run("rotate", "--json", *options)
    assert done.returncode == 1
    seen = json.loads(done.stdout)
    # What is claimed of a failed rotation: AWSCURRENT's password logs in, a wrong one does not.
    assert (seen["status"], seen["proven"], seen["lock_outs"]) == ("FAILED", True, [])
    assert list(seen["labels_after"].values()) == [["AWSCURRENT"]]
    executions = seen["executions"]
    # createSecret fails; a retry that finds its last execution still at work starts no other one.
    assert {execution["error"] for execution in executions} == {"AccessDeniedError"}
    assert "secretsmanager:GetRandomPassword" in executions[0]["cause"]
    *_, outcome, page, again = done.stderr.splitlines()
    assert outcome.startswith("The rotation failed (AccessDeniedError); AWSCURRENT logs in")
    written = (ROOT / page.removeprefix("The page of this execution: ")).read_text()
    assert "AccessDeniedError in Check Target" in written
    assert "Since then: no rotation of Secrets Manager has succeeded" in written
    assert "✗ Rotation Failed" in done.stderr
    # It can be opened although that local AWS is gone.
    [_, command] = again.split(" -m report ")
    shown = subprocess.run(
        [preloaded.python(), "-m", "report", *command.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "FAILED AccessDeniedError in Check Target" in shown.stdout


def test_the_list_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rotate", "--list-faults"]) == 0
    listed = [line.split()[0].partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert set(KINDS) <= set(listed)


WRONG = [
    ("rotate", "throtle:ModifyUser", "throttle"),
    ("rotate", "throttle:ModifyUsr", "ModifyUser"),
    ("rotate", "drop-node:3", "1 to 2"),
    ("up", "stop-at:Log", "Log In"),
    ("up", "slow-node:1", "slow-node:NODE:SECONDS"),
]


@pytest.mark.parametrize("command, fault, named", WRONG)
def test_a_wrong_fault_is_answered_in_one_line_and_nothing_is_started(
    command: str, fault: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--fault", fault]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert fault in line
    assert named in line


def test_a_running_one_takes_and_drops_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*arguments: str) -> list[str]:
        status = main(["fault", "--directory", str(tmp_path), *arguments])
        printed = capsys.readouterr()
        assert bool(printed.err) == bool(status)
        return (printed.out or printed.err).splitlines()

    [refused] = fault("drop-node:1")
    assert f"No local AWS runs in {tmp_path}" in refused
    with up(tmp_path, "--fault", "keep-modifying:9"):
        assert fault("drop-node:1") == ["keep-modifying:9: met 0 times", "drop-node:1: met 0 times"]
        [refused] = fault("drop-node")
        assert "drop-node:NODE[:STATE]" in refused
        assert fault("--clear", "deny:ModifyUser") == ["deny:ModifyUser: met 0 times"]
        assert fault("--clear") == []
