"""A failed run reads FAILED with the first error that mattered, and AWSCURRENT still logs in."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.deploy import deploy
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import FIRST_PASSWORD, Tenant, World


def change(tenant: Tenant, **fields: Any) -> None:
    value = {**tenant.value(), **fields}
    tenant.world.secrets.put_secret_value(
        SecretId=tenant.secret_arn, SecretString=json.dumps(value)
    )


@pytest.mark.parametrize(
    "data, found",
    [
        ({}, '"SecretId"'),
        ({"SecretID": "x"}, '"SecretID"'),
        ({"SecretId": 7}, '"SecretId"'),
        ({"SecretId": "x", "DryRun": "yes"}, '"DryRun"'),
        (["x"], "JSON object"),
    ],
)
def test_wrong_input_is_answered_with_the_accepted_one(
    world: World, data: object, found: str
) -> None:
    tenant = Tenant(world, "", "", "", "")
    arn = world.step_functions.start_execution(
        stateMachineArn=world.stack.state_machine_arn, input=json.dumps(data)
    )["executionArn"]
    execution = tenant.ended(arn.rsplit(":", 1)[1])
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidInputError")
    assert found in execution["cause"]
    assert '{"SecretId": "<name or ARN of the secret>"}' in execution["cause"]
    assert tenant.errors(arn) == ["InvalidInputError"]
    assert tenant.states(arn)[:3] == ["Read Input", "Check Target", "Close Rotation"]


def test_an_unknown_secret(world: World) -> None:
    execution = Tenant(world, "", "", "", "no-such-secret").start()
    assert (execution["status"], execution["error"]) == ("FAILED", "SecretNotFoundError")
    assert "no-such-secret" in execution["cause"]


def test_the_rotation_function_tells_secrets_manager_what_failed_and_where(world: World) -> None:
    tenant = world.tenant(bound_to=None)
    token = tenant.rotate()
    answer = world.aws.client("lambda").invoke(
        FunctionName=world.stack.rotation_function_arn,
        Payload=json.dumps(
            {"Step": "finishSecret", "SecretId": tenant.secret_arn, "ClientRequestToken": token}
        ),
    )
    told = json.loads(answer["Payload"].read())
    assert told["errorType"] == "RotationFailedError"
    for part in ("FAILED in state Check Target", "UserNotBoundError", f":{token}-"):
        assert part in told["errorMessage"]
    assert not any("AWSPENDING" in labels for labels in tenant.labels().values())


OF_ANOTHER_ACCOUNT = "arn:aws:secretsmanager:us-east-1:999999999999:secret:app-AbCdEf"


@pytest.mark.parametrize(
    "event, error",
    [
        ({"SecretId": OF_ANOTHER_ACCOUNT}, "CrossAccountRotationError"),
        ({"RotationToken": "secret-token-value"}, "InvalidInputError"),
        ({"Step": "createSecrets"}, "InvalidInputError"),
        ({"Step": None}, "InvalidInputError"),
    ],
)
def test_the_rotation_function_refuses_other_events_by_name(
    world: World, event: dict[str, Any], error: str
) -> None:
    tenant = world.tenant()
    payload = {
        "Step": "createSecret",
        "SecretId": tenant.secret_arn,
        "ClientRequestToken": str(uuid.uuid4()),
        **event,
    }
    answer = world.aws.client("lambda").invoke(
        FunctionName=world.stack.rotation_function_arn, Payload=json.dumps(payload)
    )
    told = json.loads(answer["Payload"].read())
    assert told["errorType"] == error
    assert "secret-token-value" not in json.dumps(told)


@pytest.fixture(scope="module")
def slow_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """There is time to do something while a user is modifying."""
    with LocalAws(tmp_path_factory.mktemp("slow"), modifying_seconds=3) as aws:
        yield World(aws, deploy(aws, {"RequireEndpoints": "true"}))


def test_a_run_that_fails_after_the_change_says_what_it_has_left(slow_world: World) -> None:
    tenant = slow_world.tenant()
    tenant.serve("one node")
    labels, value = tenant.labels(), tenant.value()
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    slow_world.elasticache.delete_replication_group(ReplicationGroupId=tenant.caches.pop())
    execution = tenant.ended(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "NoEndpointError")
    assert "The user has the new password beside the current one." in execution["cause"]
    # The half of it is the traceback that Lambda adds to a cause.
    assert tenant.largest(arn) < 4096
    assert (tenant.labels(), tenant.value()) == (labels, value)
    tenant.serve("replicas")
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.start()["status"] == "SUCCEEDED"


def test_after_a_stopped_run_the_next_one_makes_a_password_of_its_own(slow_world: World) -> None:
    tenant = slow_world.tenant()
    tenant.serve("replicas")
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    slow_world.step_functions.stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    left = tenant.value(VersionStage="AWSPENDING")["password"]
    assert tenant.logins(FIRST_PASSWORD) == {True}
    execution = tenant.start()
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    new = tenant.value()["password"]
    assert tenant.logins(new) == tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.logins(left) == {False}
    assert {"AWSCURRENT"} in tenant.labels().values()


def test_secrets_manager_takes_a_stopped_run_up(slow_world: World) -> None:
    tenant = slow_world.tenant(AccessString="off ~app:* +get", password=None)
    tenant.serve("one node")
    tested = slow_world.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=slow_world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )["VersionId"]
    eventually(lambda: tested not in tenant.labels(), "the test of the rotation to end")
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    slow_world.step_functions.stop_execution(executionArn=arn)
    # As AWS answers while AWSPENDING is left over; it then tries that rotation again.
    with pytest.raises(slow_world.secrets.exceptions.InvalidRequestException):
        slow_world.secrets.rotate_secret(SecretId=tenant.secret_arn)
    eventually(lambda: "password" in tenant.value(), "the first password")
    assert tenant.logins(tenant.value()["password"]) == {True}


def test_of_two_runs_at_once_one_wins_and_the_other_changes_nothing(slow_world: World) -> None:
    tenant = slow_world.tenant()
    tenant.serve("one node")
    executions = [tenant.ended(arn) for arn in [tenant.begin(), tenant.begin()]]
    won = [each for each in executions if each["status"] == "SUCCEEDED"]
    lost = [each for each in executions if each["status"] == "FAILED"]
    assert (len(won), len(lost)) == (1, 1), [each.get("cause") for each in executions]
    assert lost[0]["error"] in ("RotationInProgressError", "RotationSupersededError")
    version = json.loads(won[0]["output"])["VersionId"]
    assert tenant.labels()[version] == {"AWSCURRENT"}
    assert tenant.logins(tenant.value()["password"]) == tenant.logins(FIRST_PASSWORD) == {True}


def test_a_run_by_hand_waits_for_none_that_secrets_manager_has_begun(slow_world: World) -> None:
    tenant = slow_world.tenant()
    tenant.serve("one node")
    token = slow_world.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=slow_world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )["VersionId"]
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "RotationInProgressError")
    assert tenant.ended(f"{token}-1")["status"] == "SUCCEEDED"


def test_an_operator_who_moves_awscurrent_meanwhile_keeps_what_he_did(slow_world: World) -> None:
    tenant = slow_world.tenant()
    tenant.serve("one node")
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    change(tenant, note="by hand")
    execution = tenant.ended(arn)
    assert (execution["status"], execution["error"]) == ("FAILED", "RotationSupersededError")
    assert tenant.value()["note"] == "by hand"
    assert not any("AWSPENDING" in labels for labels in tenant.labels().values())
    assert tenant.logins(tenant.value()["password"]) == {True}


def test_a_secret_whose_password_nobody_uses_is_refused_and_replaced_only_by_hand(
    world: World,
) -> None:
    tenant = world.tenant(secret_password="mistyped-password-0123")
    tenant.serve("replicas")
    execution = tenant.start(DryRun=True)
    assert (execution["status"], execution["error"]) == ("FAILED", "CurrentPasswordRefusedError")
    assert "Correct the secret" in execution["cause"]
    assert tenant.logins(FIRST_PASSWORD) == {True}
    assert tenant.start()["error"] == "CurrentPasswordRefusedError"
    execution = tenant.start(ReplaceUnknownPassword=True)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["output"])["ReplacedUnknownPassword"] is True
    assert tenant.logins(tenant.value()["password"]) == {True}
    assert tenant.logins(FIRST_PASSWORD) == {False}


def test_a_stack_can_require_an_endpoint(slow_world: World) -> None:
    tenant = slow_world.tenant()
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "NoEndpointError")
