"""Reads that are late, as functions see them."""

import json
import os
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.faults import control
from local.instance import MOTO_SERVICES, REGION, LocalAws
from tests.local.helpers import Arm, any_role, eventually

Called = Callable[[str], Any]


@pytest.fixture
def secret(secretsmanager: Any) -> str:
    """A secret of two versions."""
    name = f"stale-{uuid.uuid4()}"
    arn = secretsmanager.create_secret(Name=name, SecretString="first")["ARN"]
    secretsmanager.put_secret_value(SecretId=arn, SecretString="second")
    return str(arn)


def test_a_read_is_answered_as_before_the_last_change(
    arm: Arm, called: Called, secretsmanager: Any, secret: str
) -> None:
    arm("stale:GetSecretValue:1-3")
    ours = called("secretsmanager").get_secret_value
    assert ours(SecretId=secret)["SecretString"] == "second"  # nothing has changed since
    secretsmanager.put_secret_value(SecretId=secret, SecretString="third")
    secretsmanager.put_secret_value(SecretId=secret, SecretString="fourth")
    secretsmanager.create_secret(Name=f"other-{uuid.uuid4()}", SecretString="x")
    assert ours(SecretId=secret)["SecretString"] == "third"
    assert secretsmanager.get_secret_value(SecretId=secret)["SecretString"] == "fourth"
    assert ours(SecretId=secret)["SecretString"] == "third"
    assert ours(SecretId=secret)["SecretString"] == "fourth"  # the 4th call


def test_a_version_and_its_labels_are_seen_late(
    aws: LocalAws, arm: Arm, called: Called, secretsmanager: Any, secret: str
) -> None:
    arm("stale:DescribeSecret", "stale:GetSecretValue")
    before = secretsmanager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    version = secretsmanager.put_secret_value(SecretId=secret, SecretString="x")["VersionId"]
    ours = called("secretsmanager")
    assert ours.describe_secret(SecretId=secret)["VersionIdsToStages"] == before
    with pytest.raises(ours.exceptions.ResourceNotFoundException):
        ours.get_secret_value(SecretId=secret, VersionId=version)
    assert version in ours.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert ours.get_secret_value(SecretId=secret, VersionId=version)["SecretString"] == "x"
    assert [each["met"] for each in control(aws.environment["LOCAL_CONTROL_URL"], "GET")] == [1, 1]


def test_executions_are_seen_late(arm: Arm, aws: LocalAws, called: Called) -> None:
    arm("stale:DescribeExecution:1-2", "stale:ListExecutions:1-2")
    step_functions, ours = aws.client("stepfunctions"), called("stepfunctions")
    definition = {"StartAt": "Go", "States": {"Go": {"Type": "Wait", "Seconds": 60, "End": True}}}
    machine = step_functions.create_state_machine(
        name=f"stale-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=any_role(aws)
    )["stateMachineArn"]

    def listed() -> list[str]:
        found = ours.list_executions(stateMachineArn=machine)["executions"]
        return [execution["status"] for execution in found]

    started = step_functions.start_execution(stateMachineArn=machine)["executionArn"]
    with pytest.raises(ours.exceptions.ExecutionDoesNotExist):
        ours.describe_execution(executionArn=started)
    assert listed() == []
    step_functions.stop_execution(executionArn=started)
    found = ours.describe_execution(executionArn=started)
    assert (found["status"], "stopDate" in found) == ("RUNNING", False)
    assert listed() == ["RUNNING"]
    assert ours.describe_execution(executionArn=started)["status"] == "ABORTED"
    assert listed() == ["ABORTED"]


def test_an_execution_that_has_ended_by_itself_was_seen_running(
    arm: Arm, aws: LocalAws, called: Called
) -> None:
    step_functions = aws.client("stepfunctions")
    definition = {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}
    machine = step_functions.create_state_machine(
        name=f"stale-{uuid.uuid4()}", definition=json.dumps(definition), roleArn=any_role(aws)
    )["stateMachineArn"]
    arm("stale:DescribeExecution")
    started = step_functions.start_execution(stateMachineArn=machine)["executionArn"]
    eventually(lambda: step_functions.describe_execution(executionArn=started).get("stopDate"))
    found = called("stepfunctions").describe_execution(executionArn=started)
    assert found["status"] == "RUNNING"


def test_users_are_seen_late(arm: Arm, called: Called, elasticache: Any) -> None:
    user = {"UserId": f"u{uuid.uuid4()}"[:20], "UserName": "stale", "Engine": "redis"}
    elasticache.create_user(**user, AccessString="on", Passwords=["a" * 16])
    arm("stale:DescribeUsers:1-2", "keep-modifying:3600")
    elasticache.modify_user(UserId=user["UserId"], AccessString="on +get")
    ours = called("elasticache").describe_users

    def seen() -> tuple[str, str]:
        [found] = ours(UserId=user["UserId"])["Users"]
        return found["Status"], found["AccessString"]

    assert seen() == seen() == ("active", "on -@all")
    assert seen() == ("modifying", "on -@all +get")


def test_a_denied_read_stays_denied(
    aws: LocalAws, arm: Arm, secretsmanager: Any, secret: str
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    ours = boto3.client(
        "secretsmanager",
        endpoint_url=aws.environment[MOTO_SERVICES["secretsmanager"]],
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(user_agent_appid=f"pid-{os.getpid()}", retries={"total_max_attempts": 1}),
    )
    arm("stale:GetSecretValue")
    secretsmanager.put_secret_value(SecretId=secret, SecretString="third")
    with pytest.raises(ClientError, match="not authorized"):
        ours.get_secret_value(SecretId=secret)
    assert control(aws.environment["LOCAL_CONTROL_URL"], "GET")[0]["met"] == 1
