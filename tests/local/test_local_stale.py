"""Reads that are late, as functions see them; tests/histories has whole rotations with them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.faults import control
from local.instance import LocalAws
from tests.local.helpers import Arm, ended, execute, make_machine

Called = Callable[..., Any]


@pytest.fixture
def secret(secretsmanager: Any) -> str:
    """A secret of two versions."""
    arn = secretsmanager.create_secret(Name=f"stale-{uuid.uuid4()}", SecretString="first")["ARN"]
    secretsmanager.put_secret_value(SecretId=arn, SecretString="second")
    return str(arn)


def test_a_version_and_its_labels_are_seen_late(
    aws: LocalAws, arm: Arm, called: Called, secretsmanager: Any, secret: str
) -> None:
    arm("stale:GetSecretValue:1-3", "stale:DescribeSecret:1")
    ours = called("secretsmanager")
    before = secretsmanager.describe_secret(SecretId=secret)["VersionIdsToStages"]

    def read() -> str:
        return str(ours.get_secret_value(SecretId=secret)["SecretString"])

    assert read() == "second"  # nothing has changed since
    secretsmanager.put_secret_value(SecretId=secret, SecretString="third")
    assert ours.describe_secret(SecretId=secret)["VersionIdsToStages"] == before
    assert ours.describe_secret(SecretId=secret)["VersionIdsToStages"] != before
    secretsmanager.put_secret_value(SecretId=secret, SecretString="fourth")
    secretsmanager.create_secret(Name=f"other-{uuid.uuid4()}", SecretString="x")
    assert [read() for _ in range(3)] == ["third", "third", "fourth"]  # the 4th call is in time
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "fourth"
    listed = control(aws.environment["LOCAL_CONTROL_URL"], "GET")
    assert [each["met"] for each in listed] == [3, 1]


def test_executions_are_seen_late(arm: Arm, stepfunctions: Any, called: Called) -> None:
    arm("stale:DescribeExecution:1-2", "stale:ListExecutions:1-2")
    ours = called("stepfunctions")
    wait = {"Go": {"Type": "Wait", "Seconds": 60, "End": True}}
    machine = {"stateMachineArn": make_machine(stepfunctions, wait)}

    def listed() -> list[str]:
        return [each["status"] for each in ours.list_executions(**machine)["executions"]]

    started = stepfunctions.start_execution(**machine)["executionArn"]
    with pytest.raises(ours.exceptions.ExecutionDoesNotExist):
        ours.describe_execution(executionArn=started)
    assert listed() == []
    stepfunctions.stop_execution(executionArn=started)
    found = ours.describe_execution(executionArn=started)
    assert (found["status"], "stopDate" in found) == ("RUNNING", False)
    assert listed() == ["RUNNING"]
    assert ended(ours, started)["status"] == "ABORTED"
    assert listed() == ["ABORTED"]
    # One that ends by itself was seen to run, too.
    arm("stale:DescribeExecution")
    done = execute(stepfunctions, {"Go": {"Type": "Succeed"}})["executionArn"]
    assert ours.describe_execution(executionArn=done)["status"] == "RUNNING"


def test_users_are_seen_late(arm: Arm, called: Called, elasticache: Any) -> None:
    user = {"UserId": f"u{uuid.uuid4()}"[:20], "UserName": "stale", "Engine": "redis"}
    elasticache.create_user(**user, AccessString="on", Passwords=["a" * 16])
    arm("stale:DescribeUsers:1-2", "keep-modifying:3600")
    elasticache.modify_user(UserId=user["UserId"], AccessString="on +get")
    answers = [called("elasticache").describe_users(UserId=user["UserId"]) for _ in range(3)]
    seen = [(user["Status"], user["AccessString"]) for each in answers for user in each["Users"]]
    assert seen == [("active", "on -@all")] * 2 + [("modifying", "on -@all +get")]


def test_a_denied_read_stays_denied(aws: LocalAws, arm: Arm, called: Called, secret: str) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    ours = called("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])
    arm("stale:GetSecretValue")
    aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="third")
    with pytest.raises(ClientError, match="not authorized"):
        ours.get_secret_value(SecretId=secret)
    assert control(aws.environment["LOCAL_CONTROL_URL"], "GET")[0]["met"] == 1
