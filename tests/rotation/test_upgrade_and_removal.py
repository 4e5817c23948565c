"""The stack changes, or goes, while rotations are in flight."""

from collections.abc import Iterator

import pytest

from local.deploy import STACK_NAME, deploy
from local.faults import ask
from local.instance import LocalAws
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

EVERYTHING = dict.fromkeys(("Alarms", "OverdueCheck", "Dashboard"), "true")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(tmp_path_factory.mktemp("changing"), modifying_seconds=0.2) as aws:
        yield World(aws, deploy(aws))


def in_flight(tenant: Tenant) -> str:
    """A rotation of Secrets Manager's that waits for its user; the new version's ID."""
    with tenant.world.faults("keep-modifying:4"):
        token = tenant.begin_rotation()
        tenant.world.eventually(lambda: tenant.user()["Status"] == "modifying", "the modification")
    return token


def test_a_rotation_in_flight_goes_on_while_the_stack_is_updated(world: World) -> None:
    tenant = world.tenant()
    tenant.serve()
    token = in_flight(tenant)
    world.stack = deploy(world.aws, {"LogLevel": "DEBUG", **EVERYTHING})
    tenant.succeeds(f"{token}-1")
    world.eventually(lambda: tenant.described().get("LastRotatedDate"), "the rotation's end")
    assert tenant.version("AWSCURRENT") == token
    assert tenant.current_logs_in()
    assert tenant.logins(FIRST_PASSWORD) == {True}


def test_a_stack_that_is_removed_leaves_users_secrets_and_passwords(world: World) -> None:
    world.stack = deploy(world.aws, EVERYTHING)
    tenant = world.tenant()
    tenant.serve()
    token = in_flight(tenant)
    # As docs/operations.md has it: switch off, wait for what runs, remove.
    world.secrets.cancel_rotate_secret(SecretId=tenant.secret_arn)
    tenant.ended(f"{token}-1")
    url = f"{world.aws.environment['LOCAL_CONTROL_URL']}/rotations/{token}"
    world.eventually(lambda: ask(url)["ended"], "the end of the rotation")
    before = tenant.labels(), tenant.value(), tenant.user()
    cloudformation = world.aws.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK_NAME)
    world.eventually(lambda: not functions(world), "the end of the functions")
    assert tenant.version("AWSCURRENT") == token
    assert (tenant.labels(), tenant.value(), tenant.user()) == before
    assert tenant.current_logs_in()
    iam, logs = world.aws.client("iam"), world.aws.client("logs")
    cloudwatch, events = world.aws.client("cloudwatch"), world.aws.client("events")
    left = [
        *(each["RoleName"] for each in iam.list_roles()["Roles"]),
        *(each["PolicyName"] for each in iam.list_policies(Scope="Local")["Policies"]),
        *(each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]),
        *(each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]),
        *(each["DashboardName"] for each in cloudwatch.list_dashboards()["DashboardEntries"]),
        *(each["Name"] for each in events.list_rules()["Rules"]),
    ]
    assert [name for name in left if STACK_NAME in name] == []


def functions(world: World) -> list[dict[str, str]]:
    pages = world.aws.client("lambda").get_paginator("list_functions").paginate()
    return list(pages.build_full_result()["Functions"])
