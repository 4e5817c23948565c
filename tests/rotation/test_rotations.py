"""Whole rotations: the real template, machine and functions, real Valkey servers behind TLS."""

import json
import uuid

import pytest

from tests.local.helpers import eventually
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

KINDS = ("one node", "replicas", "cluster mode", "serverless")


def assert_rotated(tenant: Tenant, token: str, previous: str | None) -> None:
    """The new password is AWSCURRENT and logs in everywhere, beside the previous one."""
    assert "AWSCURRENT" in tenant.labels()[token]
    new = tenant.value()["password"]
    assert new != previous
    user = tenant.user()
    assert user["Status"] == "active"
    assert user["AccessString"].split()[0] == "on"
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 2 if previous else 1}
    if tenant.caches:
        assert tenant.logins(new) == {True}
        assert tenant.logins("a-wrong-password-0123") == {False}
        if previous:
            assert tenant.logins(previous) == {True}


@pytest.mark.parametrize("kind", KINDS)
def test_a_scheduled_rotation_of_a_redis_user(world: World, kind: str) -> None:
    tenant = world.tenant()
    tenant.serve(kind)
    assert_rotated(tenant, tenant.rotate(), FIRST_PASSWORD)


@pytest.mark.parametrize("kind", KINDS)
def test_a_manual_rotation_of_a_valkey_user(world: World, kind: str) -> None:
    tenant = world.tenant(Engine="valkey")
    tenant.serve(kind, "valkey")
    execution = tenant.start()
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert_rotated(tenant, json.loads(execution["output"])["VersionId"], FIRST_PASSWORD)


def test_the_output_tells_what_was_done(world: World) -> None:
    tenant = world.tenant()
    tenant.serve("cluster mode")
    tenant.serve("serverless")
    execution = tenant.start()
    output = json.loads(execution["output"])
    assert output.pop("ModifyingSeconds") in range(1, 15)
    assert output.pop("Transitions") == len(tenant.states(execution["executionArn"]))
    assert output == {
        "SecretArn": tenant.secret_arn,
        # The console names an execution by a UUID, too.
        "VersionId": execution["name"],
        "UserId": tenant.user_id,
        "Username": tenant.username,
        "ChangedValues": 1,
        "EndpointsTested": 4 + 2,
        "NotTested": [],
        "ReplacedUnknownPassword": False,
    }


def test_what_states_pass_on_can_be_read_at_a_glance(world: World) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    assert 500 < tenant.largest(tenant.start()["executionArn"]) < 2000


def test_a_new_execution_with_the_same_input_is_a_run_by_hand(world: World) -> None:
    tenant = world.tenant()
    token = tenant.rotate()
    again = tenant.start(**json.loads(tenant.ended(f"{token}-1")["input"]))
    assert again["status"] == "SUCCEEDED"
    labels = tenant.labels()
    assert labels == {again["name"]: {"AWSCURRENT"}, token: {"AWSPREVIOUS"}}


@pytest.mark.parametrize("engine", ["redis", "valkey"])
def test_the_first_rotation_turns_an_inactive_user_on_and_the_second_keeps_both_in(
    world: World, engine: str
) -> None:
    # Valkey users have a password always: one that nobody knows stands in.
    password = None if engine == "redis" else "thrown-away-at-once-0123"
    tenant = world.tenant(
        Engine=engine, AccessString="off ~app:* +get", password=password, secret_password=None
    )
    tenant.serve("replicas", engine)
    assert_rotated(tenant, tenant.rotate(), None)
    first = tenant.value()["password"]
    if password:
        assert tenant.logins(password) == {False}
    assert_rotated(tenant, tenant.rotate(), first)


def test_a_user_in_several_groups_is_tested_on_every_cache(world: World) -> None:
    tenant = world.tenant()
    for kind in ("one node", "replicas"):
        tenant.serve(kind)
    token = tenant.rotate()
    assert_rotated(tenant, token, FIRST_PASSWORD)
    assert json.loads(tenant.ended(f"{token}-1")["output"])["EndpointsTested"] == 1 + 3


def test_names_with_slashes_and_capitals(world: World) -> None:
    name = f"Production/Sessions/{uuid.uuid4()}"
    tenant = world.tenant(name=name, user_name="AppUser", UserId=f"App-{uuid.uuid4().hex[:8]}")
    tenant.serve()
    assert_rotated(tenant, tenant.rotate(), FIRST_PASSWORD)


@pytest.mark.parametrize("bound_by", ["name", "ARN"])
def test_by_name_and_by_arn(world: World, bound_by: str) -> None:
    tenant = world.tenant()
    if bound_by == "ARN":
        world.elasticache.add_tags_to_resource(
            ResourceName=tenant.user()["ARN"],
            Tags=[{"Key": "rotation-secret", "Value": tenant.secret_arn}],
        )
    execution = tenant.start(
        SecretId=tenant.secret_arn if bound_by == "ARN" else tenant.secret_name
    )
    assert execution["status"] == "SUCCEEDED", execution.get("cause")


def test_a_user_without_a_cache_rotates(world: World) -> None:
    tenant = world.tenant()
    token = tenant.rotate()
    assert_rotated(tenant, token, FIRST_PASSWORD)
    execution = tenant.ended(f"{token}-1")
    assert json.loads(execution["output"])["EndpointsTested"] == 0


def test_copies_of_the_password_follow_and_all_else_in_the_secret_survives(world: World) -> None:
    url = f"rediss://app:{FIRST_PASSWORD}@redis.internal:6379"
    more = {"zuletzt": "größer — 大", "nested": {"b": [1, 2.50, None], "url": url}, "host": "x"}
    tenant = world.tenant(more=more)
    before = world.secrets.get_secret_value(SecretId=tenant.secret_arn)["SecretString"]
    output = json.loads(tenant.ended(f"{tenant.rotate()}-1")["output"])
    assert output["ChangedValues"] == 2
    after = world.secrets.get_secret_value(SecretId=tenant.secret_arn)["SecretString"]
    assert after == before.replace(FIRST_PASSWORD, tenant.value()["password"])


def test_a_manual_rotation_leaves_secrets_manager_ready_for_a_scheduled_one(world: World) -> None:
    tenant = world.tenant()
    manual = json.loads(tenant.start()["output"])["VersionId"]
    scheduled = tenant.rotate()
    assert {"AWSCURRENT"} <= tenant.labels()[scheduled]
    assert tenant.labels()[manual] == {"AWSPREVIOUS"}
    assert tenant.start()["status"] == "SUCCEEDED"


def test_a_dry_run_checks_and_changes_nothing(world: World) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    before = (tenant.labels(), tenant.user(), tenant.value())
    execution = tenant.start(DryRun=True)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert (tenant.labels(), tenant.user(), tenant.value()) == before
    states = tenant.states(execution["executionArn"])
    assert states.count("Check Endpoint") == 3
    assert states[-1] == "Dry Run Passed"


def test_rotate_immediately_false_is_a_dry_run_that_can_be_looked_at(world: World) -> None:
    tenant = world.tenant()
    tenant.serve()
    before = (tenant.labels(), tenant.user(), tenant.value())
    token = world.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )["VersionId"]
    execution = tenant.ended(f"{token}-dry-run-1")
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    eventually(lambda: token not in tenant.labels(), "the test version to be removed")
    assert (tenant.labels(), tenant.user(), tenant.value()) == before
    assert tenant.rotate() in tenant.labels()


def test_secrets_manager_hears_of_success_only_after_the_promotion(world: World) -> None:
    tenant = world.tenant()
    token = tenant.rotate()
    described = eventually(
        lambda: (
            found
            if (found := world.secrets.describe_secret(SecretId=tenant.secret_arn)).get(
                "LastRotatedDate"
            )
            else None
        ),
        "LastRotatedDate",
    )
    assert "AWSCURRENT" in described["VersionIdsToStages"][token]


def test_ten_rotations_at_once(world: World) -> None:
    tenants = [world.tenant() for _ in range(10)]
    arns = [
        world.step_functions.start_execution(
            stateMachineArn=world.stack.state_machine_arn,
            input=json.dumps({"SecretId": tenant.secret_name}),
        )["executionArn"]
        for tenant in tenants
    ]
    for tenant, arn in zip(tenants, arns, strict=True):
        execution = tenant.ended(arn.rsplit(":", 1)[1])
        assert execution["status"] == "SUCCEEDED", execution.get("cause")
