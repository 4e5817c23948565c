"""examples/: a user that infrastructure as code owns is rotated, updated, and rotated again."""

import copy
import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from local.deploy import change_stack
from local.package import parse_template
from tests.rotation.terraform import Terraform, parsed
from tests.rotation.world import Tenant, World

ROOT = Path(__file__).parents[2]
TEMPLATE = parse_template((ROOT / "examples/cloudformation/template.yaml").read_text())
SCHEDULE = {"schedule_expression": "cron(0 4 2 * ? *)", "window_duration": "2h"}
PERMISSIONS = "on ~other:* -@all +get"
numbers = count(1)


class Owner(Protocol):
    """A tool that owns a user."""

    #: How many passwords the user has after an update of its permissions.
    passwords_left: int

    def apply(self, **variables: str) -> None:
        """Bring about what the example says, with other values of variables."""

    def add_tag(self, key: str, value: str) -> None:
        """Change the example: one more tag of the user."""


class Stack:
    """A CloudFormation stack of the example."""

    passwords_left = 1

    def __init__(self, world: World, template: dict[str, Any]) -> None:
        self.template = template
        self._cloudformation = world.aws.client("cloudformation")
        self._name = f"owner-{next(numbers)}"
        self._parameters: dict[str, str] = {}

    def apply(self, **variables: str) -> None:
        self._parameters |= {
            name.title().replace("_", ""): value for name, value in variables.items()
        }
        change_stack(
            self._cloudformation,
            self._name,
            {"TemplateBody": json.dumps(self.template)},
            self._parameters,
            {"Delay": 0.1, "MaxAttempts": 300},
        )

    def add_tag(self, key: str, value: str) -> None:
        user = self.template["Resources"]["User"]
        user["Properties"]["Tags"].append({"Key": key, "Value": value})


class Module(Terraform):
    """The Terraform example, applied."""

    passwords_left = 2

    def __init__(self, world: World, configuration: dict[str, Any]) -> None:
        super().__init__(world.secrets, world.elasticache, configuration)

    def add_tag(self, key: str, value: str) -> None:
        self.configuration["resource"]["aws_elasticache_user"]["this"]["tags"][key] = value


def stack(world: World) -> Stack:
    return Stack(world, copy.deepcopy(TEMPLATE))


def module(world: World) -> Module:
    return Module(world, parsed())


def owned(world: World, owner: Owner) -> Tenant:
    """The user that the owner makes, and its secret."""
    user_id = f"owned-{next(numbers)}"
    owner.apply(user_id=user_id, rotation_function_arn=world.stack.rotation_function_arn)
    name = f"elasticache/{user_id}"
    arn = world.secrets.describe_secret(SecretId=name)["ARN"]
    return Tenant(world, user_id, user_id, arn, name)


def current(tenant: Tenant) -> set[str]:
    return {version for version, labels in tenant.labels().items() if "AWSCURRENT" in labels}


def await_dry_run(tenant: Tenant) -> None:
    """RotateSecret has asked for one; its version goes when it has ended."""
    tenant.world.eventually(
        lambda: not any("AWSPENDING" in labels for labels in tenant.labels().values()),
        "the end of the dry run",
    )


@pytest.mark.parametrize("make", [stack, module])
def test_a_user_outlives_the_updates_of_its_owner(
    world: World,
    make: Callable[[World], Owner],
) -> None:
    owner = make(world)
    tenant = owned(world, owner)
    cache = f"{tenant.user_id}-cache"
    world.elasticache.create_replication_group(
        ReplicationGroupId=cache,
        ReplicationGroupDescription="of an owned user",
        Engine="valkey",
        NumCacheClusters=1,
        UserGroupIds=[f"{tenant.user_id}-group"],
        TransitEncryptionEnabled=True,
    )
    tenant.caches.append(cache)
    first = tenant.value()
    assert first == {
        "username": tenant.user_id,
        "user_arn": tenant.user()["ARN"],
        "password": first["password"],
    }
    assert re.fullmatch(r"[A-Za-z0-9]{64}", first["password"])
    assert tenant.logins(first["password"]) == {True}

    await_dry_run(tenant)
    assert tenant.value() == first
    assert tenant.start()["status"] == "SUCCEEDED"
    assert tenant.start()["status"] == "SUCCEEDED"
    rotated, password = current(tenant), tenant.value()["password"]
    assert tenant.logins(first["password"]) == {False}

    untouched = tenant.user()
    owner.apply(**SCHEDULE)
    assert tenant.user() == untouched
    owner.add_tag("team", "cache")
    owner.apply(access_string=PERMISSIONS)
    assert (current(tenant), tenant.value()["password"]) == (rotated, password)
    assert tenant.logins(password) == {True}
    user = tenant.user()
    assert user["AccessString"] == PERMISSIONS
    assert user["Authentication"] == {"Type": "password", "PasswordCount": owner.passwords_left}
    tags = world.elasticache.list_tags_for_resource(ResourceName=user["ARN"])["TagList"]
    tag = {each["Key"]: each["Value"] for each in tags}
    assert (tag["rotation-secret"], tag["team"]) == (tenant.secret_name, "cache")
    rules = tenant.described()["RotationRules"]
    assert [rules["ScheduleExpression"], rules["Duration"]] == [*SCHEDULE.values()]

    await_dry_run(tenant)
    token = tenant.rotate()
    assert current(tenant) == {token}
    assert tenant.logins(tenant.value()["password"]) == {True}
    assert tenant.logins(password) == {True}


def test_a_template_of_an_inactive_user_is_put_right(world: World) -> None:
    """examples/README.md, "Users that start inactive"."""
    user_id = f"owned-{next(numbers)}"
    name = f"elasticache/{user_id}"
    arn = f"arn:aws:elasticache:us-east-1:123456789012:user:{user_id}"
    secret = {"Name": name, "SecretString": json.dumps({"username": user_id, "user_arn": arn})}
    user: dict[str, Any] = {
        "UserId": user_id,
        "UserName": user_id,
        "Engine": "redis",
        "NoPasswordRequired": True,
        "AccessString": "off ~app:* -@all +get",
        "Tags": [{"Key": "rotation-secret", "Value": name}],
    }
    resources = {
        "User": {"Type": "AWS::ElastiCache::User", "Properties": user},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": secret},
    }
    owner = Stack(world, {"Resources": resources})
    owner.apply()
    secret_arn = world.secrets.describe_secret(SecretId=name)["ARN"]
    tenant = Tenant(world, user_id, user_id, secret_arn, name)
    tenant.serve()
    assert tenant.start()["status"] == "SUCCEEDED"
    del user["NoPasswordRequired"]
    user["AccessString"] = "on ~app:* -@all +get +set"
    user["Passwords"] = [f"{{{{resolve:secretsmanager:{name}:SecretString:password}}}}"]
    owner.apply()
    assert tenant.logins(tenant.value()["password"]) == {True}
    assert tenant.logins("a-wrong-password-0123") == {False}
    assert tenant.start()["status"] == "SUCCEEDED"
    assert tenant.logins(tenant.value()["password"]) == {True}


def rotate_twice(tenant: Tenant) -> set[str]:
    """Two new passwords, as rotations put them; AWSCURRENT's version."""
    for number in range(2):
        value = {**tenant.value(), "password": f"a-new-password-{number}"}
        tenant.world.secrets.put_secret_value(
            SecretId=tenant.secret_arn,
            SecretString=json.dumps(value),
        )
    return current(tenant)


def without_label(version: dict[str, Any]) -> None:
    version["version_stages"].remove("FIRST")


def without_ignore_changes(version: dict[str, Any]) -> None:
    del version["lifecycle"]


def with_another_number(version: dict[str, Any]) -> None:
    version["secret_string_wo_version"] = 2


@pytest.mark.parametrize(
    "before, after, keeps",
    [
        (None, None, True),
        (without_label, None, False),
        (without_ignore_changes, None, False),
        (None, with_another_number, False),
    ],
)
def test_each_safeguard_of_the_module_is_needed(
    world: World,
    before: Callable[[dict[str, Any]], None] | None,
    after: Callable[[dict[str, Any]], None] | None,
    keeps: bool,
) -> None:
    owner = module(world)
    version = owner.configuration["resource"]["aws_secretsmanager_secret_version"]["first"]
    if before:
        before(version)
    tenant = owned(world, owner)
    await_dry_run(tenant)
    rotated = rotate_twice(tenant)
    if after:
        after(version)
    owner.apply()
    assert (current(tenant) == rotated) is keeps


def test_no_password_is_in_terraforms_state(world: World) -> None:
    owner = module(world)
    tenant = owned(world, owner)
    assert tenant.value()["password"] not in str(owner.state)
    await_dry_run(tenant)


@pytest.mark.parametrize(
    "resource, name, value, keeps",
    [
        ("Secret", "Description", "Another one", True),
        ("Secret", "GenerateSecretString", {"PasswordLength": 20}, False),
    ],
)
def test_only_another_way_to_generate_it_makes_a_new_password(
    world: World,
    resource: str,
    name: str,
    value: Any,
    keeps: bool,
) -> None:
    owner = stack(world)
    tenant = owned(world, owner)
    await_dry_run(tenant)
    rotated = rotate_twice(tenant)
    properties = owner.template["Resources"][resource]["Properties"]
    properties[name] = {**properties[name], **value} if isinstance(value, dict) else value
    owner.apply()
    assert (current(tenant) == rotated) is keeps
