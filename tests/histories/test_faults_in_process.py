"""Faults and the limit of invocations, in the world whose waits take no time."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.faults import STEP_FUNCTIONS
from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, InProcessWorld
from tests.rotation.world import FIRST_PASSWORD

# A thread of the interpreter that is told to stop.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def tenant_of(inside: InProcess) -> InProcessTenant:
    tenant = InProcessWorld(inside).tenant()
    assert isinstance(tenant, InProcessTenant)
    tenant.serve()
    return tenant


def called(inside: InProcess, call: Callable[[], Any]) -> Any:
    """What a handler's call answers: one of an actor, which meets faults."""
    with inside.stage.acting("handler"):
        return call()


def code_of(inside: InProcess, call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        called(inside, call)
    return str(caught.value.response["Error"]["Code"])


def met(inside: InProcess) -> list[int]:
    return [each["met"] for each in json.loads(inside.faults.control("GET", b"")[1])]


def test_secrets_are_read_late(inside: InProcess) -> None:
    tenant = tenant_of(inside)
    arn, secrets = {"SecretId": tenant.secret_arn}, inside.secrets
    before, version = tenant.labels(), "2" * 32
    tenant.world.arm("stale:DescribeSecret", "stale:GetSecretValue:1-2")
    secrets.put_secret_value(**arn, SecretString="new", ClientRequestToken=version)
    found = called(inside, lambda: secrets.describe_secret(**arn))
    assert set(found["VersionIdsToStages"]) == set(before)
    assert version in called(inside, lambda: secrets.describe_secret(**arn))["VersionIdsToStages"]
    late = called(inside, lambda: secrets.get_secret_value(**arn))["SecretString"]
    assert json.loads(late)["password"] == FIRST_PASSWORD
    missing = code_of(inside, lambda: secrets.get_secret_value(**arn, VersionId=version))
    assert missing == "ResourceNotFoundException"
    now = called(inside, lambda: secrets.get_secret_value(**arn, VersionId=version))
    assert now["SecretString"] == "new"


def test_executions_and_users_are_seen_late(inside: InProcess) -> None:
    tenant = tenant_of(inside)
    tenant.world.arm(
        "stale:DescribeExecution", "stale:DescribeUsers:9999", "stop-at:Find Endpoints"
    )
    arn = tenant.begin()
    assert tenant.ended(arn)["status"] == "ABORTED"
    describe = inside.step_functions.describe_execution
    assert called(inside, lambda: describe(executionArn=arn))["status"] == "RUNNING"
    assert called(inside, lambda: describe(executionArn=arn))["status"] == "ABORTED"
    tenant.world.arm("stale:DescribeUsers")
    inside.elasticache.modify_user(UserId=tenant.user_id, AccessString="on +get")
    user = {"UserId": tenant.user_id}
    [late] = called(inside, lambda: inside.elasticache.describe_users(**user))["Users"]
    assert (late["Status"], tenant.user()["Status"]) == ("active", "modifying")


def test_a_rotation_with_late_reads_ends_as_it_reads(inside: InProcess) -> None:
    tenant = tenant_of(inside)
    tenant.world.arm("stale:DescribeSecret:1", "stale:GetSecretValue:1")
    execution = tenant.start()
    assert execution["status"] == "SUCCEEDED"
    assert met(inside) == [1, 1]


def test_an_idle_function_is_met_by_step_functions(inside: InProcess) -> None:
    tenant = tenant_of(inside)
    tenant.world.arm("idle-function:90")
    arn = tenant.begin()
    tenant.ended(arn)
    assert tenant.errors(arn)[0] == "Lambda.ResourceNotReadyException"
    # It is awake by the stage's clock.
    inside.stage.pass_time(90)
    seen = met(inside)
    inside.faults.invoked("CheckEndpointFunction", STEP_FUNCTIONS)
    assert met(inside) == seen


@pytest.mark.parametrize("function", ["RotateSecret", "DescribeUser"])
def test_any_error_of_lambda_is_met(inside: InProcess, function: str) -> None:
    tenant = tenant_of(inside)
    tenant.world.arm(f"lambda-error:EC2ThrottledException:1:{function}")
    token = tenant.begin_rotation()
    inside.stage.run()
    lines = inside._secrets.progress(token)["told"]
    if function == "RotateSecret":
        assert "createSecret failed: EC2ThrottledException" in lines[0]
    else:
        [arn, *_] = inside.executions()
        assert "Lambda.EC2ThrottledException" in tenant.errors(arn)
    assert met(inside) == [1]


def test_iam_that_sees_no_tags_denies_a_modification(inside: InProcess) -> None:
    tenant = tenant_of(inside)
    arn, tags = tenant.begin(), [{"Key": "a", "Value": "b"}]
    while "ModifyUser" not in inside.stage.parked.values():
        inside.stage.step(inside.stage.next() or "")
    tenant.world.arm("lag-tags:5", "hide-tags")
    inside.elasticache.add_tags_to_resource(ResourceName=tenant.user()["ARN"], Tags=tags)
    tenant.ended(arn)
    assert tenant.errors(arn)[0] == "AccessDeniedError"
    assert met(inside)[1] > 0


def errors_of_a_rotation(inside: InProcess) -> list[str]:
    """Until its end, or the first error of a task."""
    tenant = tenant_of(inside)
    tenant.begin_rotation()
    while name := inside.stage.next():
        inside.stage.step(name)
        for arn in inside.executions():
            if errors := tenant.errors(arn):
                return errors
    return []


def test_a_rotation_function_that_waits_takes_one_of_the_invocations() -> None:
    with InProcess(concurrency=1).set_up() as inside:
        assert errors_of_a_rotation(inside) == ["Lambda.TooManyRequestsException"]
        [arn] = inside.executions()
        events = inside.step_functions.get_execution_history(executionArn=arn)["events"]
        [failed] = [each for each in events if each["type"] == "TaskFailed"]
        assert failed["taskFailedEventDetails"]["cause"] == (
            "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: "
            "TooManyRequestsException; Request ID: local; Proxy: null)"
        )
    with InProcess(concurrency=2).set_up() as inside:
        assert errors_of_a_rotation(inside) == []
