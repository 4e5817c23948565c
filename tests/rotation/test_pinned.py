"""A stack that is pinned to one secret and one user, as AWS's own function is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.deploy import deploy
from local.instance import LocalAws
from tests.local.helpers import eventually
from tests.rotation.world import FIRST_PASSWORD, Tenant, World


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Tenant]]:
    with LocalAws(tmp_path_factory.mktemp("pinned"), modifying_seconds=0.2) as aws:
        world = World(aws, deploy(aws))
        tenant = world.tenant(bound_to=None)
        parameters = {
            "SecretArn": tenant.secret_arn,
            "UserArn": tenant.user()["ARN"],
            "UserName": tenant.username,
            "OverdueCheck": "true",
        }
        world.stack = deploy(aws, parameters)
        yield world, tenant


def test_its_user_rotates_without_a_tag(pinned: tuple[World, Tenant]) -> None:
    _, tenant = pinned
    token = tenant.rotate()
    assert "AWSCURRENT" in tenant.labels()[token]
    assert tenant.value()["password"] != FIRST_PASSWORD


def test_its_secret_and_user_are_looked_at_every_day(pinned: tuple[World, Tenant]) -> None:
    world, tenant = pinned
    arn = world.stack.outputs["OverdueCheckFunctionArn"]

    def checked() -> dict[str, Any]:
        answer = world.aws.client("lambda").invoke(FunctionName=arn, Payload="{}")
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    eventually(lambda: tenant.described().get("LastRotatedDate"), "the rotation's end")
    assert checked() == {"Checked": 1, "OverdueSecrets": 0, "Findings": []}
    world.secrets.cancel_rotate_secret(SecretId=tenant.secret_arn)
    [finding] = checked()["Findings"]
    assert (finding["Secret"], finding["Kind"]) == (tenant.secret_name, "RotationOff")


def test_another_secret_is_refused_by_iam(pinned: tuple[World, Tenant]) -> None:
    world, tenant = pinned
    for name in (None, f"{tenant.secret_name}-2"):  # the pin ends in the secret's own suffix
        other = world.tenant(name=name)
        execution = other.start()
        assert (execution["status"], execution["error"]) == ("FAILED", "AccessDeniedError")
        assert (
            f"secretsmanager:DescribeSecret on resource: {other.secret_arn}" in execution["cause"]
        )


@pytest.mark.parametrize("key", ["username", "user_arn"])
def test_another_user_is_refused_by_name(pinned: tuple[World, Tenant], key: str) -> None:
    """AWS's own function compares the name, and modifies the user of the ARN."""
    world, tenant = pinned
    value = tenant.value()
    other = world.tenant()
    before = (other.user(), other.labels())
    world.secrets.put_secret_value(
        SecretId=tenant.secret_arn,
        SecretString=json.dumps({**value, key: other.value()[key]}),
    )
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "SecretNotAllowedError")
    assert f'the "{key}" in secret' in execution["cause"]
    assert (other.user(), other.labels()) == before
    world.secrets.put_secret_value(SecretId=tenant.secret_arn, SecretString=json.dumps(value))
    assert tenant.start()["status"] == "SUCCEEDED"


def test_its_secret_need_not_say_whose_password_it_is(pinned: tuple[World, Tenant]) -> None:
    world, tenant = pinned
    value = tenant.value()
    del value["user_arn"]
    world.secrets.put_secret_value(SecretId=tenant.secret_arn, SecretString=json.dumps(value))
    token = tenant.rotate()
    assert "AWSCURRENT" in tenant.labels()[token]
    assert tenant.value().keys() == value.keys()
