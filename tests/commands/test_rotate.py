"""``python -m local rotate``, with a fault that it gets over and with one that it does not."""

import json

from tests.commands.test_commands import ROOT, run


def test_a_rotation_gets_over_a_fault_and_is_shown_and_proven() -> None:
    options = ["--modifying-seconds", "0.2", "--fault", "kill-after:ModifyUser"]
    done = run("local", "rotate", "--json", *options)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["status"], seen["proven"], len(seen["proof"])) == ("SUCCEEDED", True, 2 * 3)
    assert (seen["watched"] > 0, seen["lock_outs"]) == (True, [])
    assert list(seen["labels_before"].values()) == [["AWSCURRENT"]]
    assert seen["labels_after"].keys() > seen["labels_before"].keys()
    [execution] = seen["executions"]
    assert execution["states"][0]["name"] == "Read Input"
    assert execution["states"][-1]["name"] == "Rotated"
    # It is sent again by the next attempt of the state.
    assert seen["faults"] == [{"fault": "kill-after:ModifyUser", "met": 1, "seen": 2}]
    for part in ("Promote Version", "Runtime.ExitError", "met once"):
        assert part in done.stderr


def test_a_rotation_that_fails() -> None:
    options = ["--modifying-seconds", "0.2", "--fault", "deny:GetRandomPassword"]
    done = run("local", "rotate", "--json", *options)
    assert done.returncode == 1
    seen = json.loads(done.stdout)
    # What is claimed of a failed rotation: AWSCURRENT's password logs in, a wrong one does not.
    assert (seen["status"], seen["proven"], seen["lock_outs"]) == ("FAILED", True, [])
    assert list(seen["labels_after"].values()) == [["AWSCURRENT"]]
    executions = seen["executions"]
    # createSecret fails; a retry that finds its last execution still running starts no other one.
    assert {execution["error"] for execution in executions} == {"AccessDeniedError"}
    assert "secretsmanager:GetRandomPassword" in executions[0]["cause"]
    *_, outcome, page, again = done.stderr.splitlines()
    assert outcome.startswith("The rotation failed (AccessDeniedError). AWSCURRENT logs in.")
    written = (ROOT / page.removeprefix("The page of this execution: ")).read_text()
    assert "AccessDeniedError in Check Target" in written
    assert "Since then: no rotation by Secrets Manager has succeeded" in written
    assert "✗ Rotation Failed" in done.stderr
    # It can be opened although that local AWS is gone.
    [_, command] = again.split(" -m report ")
    assert "FAILED AccessDeniedError in Check Target" in run("report", *command.split()).stdout
