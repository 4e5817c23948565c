"""examples/: a user that infrastructure as code owns is rotated, updated, and rotated again."""

import copy
import json
import re
from itertools import count
from typing import Any

import pytest

from local.deploy import change_stack
from local.package import parse_template
from tests.rotation.terraform import EXAMPLES, parsed
from tests.rotation.world import Tenant, World

TEMPLATE = parse_template((EXAMPLES / "cloudformation/template.yaml").read_text())
SCHEDULE = {"ScheduleExpression": "cron(0 4 2 * ? *)", "WindowDuration": "2h"}
PERMISSIONS = "on ~other:* -@all +get"
numbers = count(1)


class Stack:
    def __init__(self, world: World, template: dict[str, Any] = TEMPLATE) -> None:
        self.template = copy.deepcopy(template)
        self.resources = self.template["Resources"]
        self._world, self._name = world, f"owner-{next(numbers)}"
        self._parameters: dict[str, str] = {}

    def apply(self, **parameters: str) -> None:
        """Deploy the template with these parameters, and with earlier ones."""
        self._parameters |= parameters
        client, text = self._world.aws.client("cloudformation"), json.dumps(self.template)
        poll = {"Delay": 0.1, "MaxAttempts": 300}
        change_stack(client, self._name, {"TemplateBody": text}, self._parameters, poll)

    def tenant(self, user_id: str, **parameters: str) -> Tenant:
        self.apply(**parameters)
        name = f"elasticache/{user_id}"
        arn = self._world.secrets.describe_secret(SecretId=name)["ARN"]
        return self._world.made_tenant(user_id, user_id, arn, name)

    def owned(self) -> Tenant:
        """The user of the example, after the dry run that RotateSecret has begun."""
        user_id, function = f"owned-{next(numbers)}", self._world.stack.rotation_function_arn
        tenant = self.tenant(user_id, UserId=user_id, RotationFunctionArn=function)
        await_dry_run(tenant)
        return tenant


def await_dry_run(tenant: Tenant) -> None:
    """Its version goes when it has ended."""
    tenant.world.eventually(lambda: tenant.version("AWSPENDING") is None, "the dry run's end")


def test_a_user_outlives_the_updates_of_its_stack(world: World) -> None:
    owner = Stack(world)
    tenant = owner.owned()
    how = {"Engine": "valkey", "NumCacheClusters": 1}
    world.cache("one node", f"{tenant.user_id}-cache", f"{tenant.user_id}-group", how)
    tenant.caches.append(f"{tenant.user_id}-cache")
    first = tenant.value()
    assert (first["username"], first["user_arn"]) == (tenant.user_id, tenant.user()["ARN"])
    assert re.fullmatch(r"[A-Za-z0-9]{64}", first["password"])
    assert tenant.current_logs_in()
    for _ in range(2):
        tenant.succeeds()
    rotated, password = tenant.version("AWSCURRENT"), tenant.value()["password"]
    assert tenant.logins(first["password"]) == {False}

    untouched = tenant.user()
    owner.apply(**SCHEDULE)
    assert tenant.user() == untouched
    owner.resources["User"]["Properties"]["Tags"].append({"Key": "team", "Value": "cache"})
    owner.apply(AccessString=PERMISSIONS)
    assert (tenant.version("AWSCURRENT"), tenant.value()["password"]) == (rotated, password)
    assert tenant.current_logs_in()
    user = tenant.user()
    assert user["AccessString"] == PERMISSIONS
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 1}
    tags = world.elasticache.list_tags_for_resource(ResourceName=user["ARN"])["TagList"]
    tag = {each["Key"]: each["Value"] for each in tags}
    assert (tag["rotation-secret"], tag["team"]) == (tenant.secret_name, "cache")
    rules = tenant.described()["RotationRules"]
    assert [rules["ScheduleExpression"], rules["Duration"]] == [*SCHEDULE.values()]

    await_dry_run(tenant)
    assert tenant.rotate() == tenant.version("AWSCURRENT")
    assert tenant.current_logs_in()
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
    tenant = owner.tenant(user_id)
    tenant.serve()
    tenant.succeeds()
    user = owner.resources["User"]["Properties"]
    del user["NoPasswordRequired"]
    user["AccessString"] = "on ~app:* -@all +get +set"
    user["Passwords"] = [f"{{{{resolve:secretsmanager:{name}:SecretString:password}}}}"]
    owner.apply()
    assert tenant.current_logs_in()
    assert tenant.logins("a-wrong-password-0123") == {False}
    tenant.succeeds()
    assert tenant.current_logs_in()


@pytest.mark.parametrize(
    "name, value, keeps",
    [("Description", "Another one", True), ("GenerateSecretString", {"PasswordLength": 20}, False)],
)
def test_what_makes_a_new_password(world: World, name: str, value: Any, keeps: bool) -> None:
    owner = Stack(world)
    tenant = owner.owned()
    tenant.edit(password="a password that a rotation made")
    rotated = tenant.version("AWSCURRENT")
    properties = owner.resources["Secret"]["Properties"]
    properties[name] = {**properties[name], **value} if isinstance(value, dict) else value
    owner.apply()
    assert (tenant.version("AWSCURRENT") == rotated) is keeps


def test_the_terraform_module_has_each_safeguard_of_a_rotated_password() -> None:
    """Its comments say why. Terraform itself is not here."""
    module = parsed()
    resources, ephemeral = module["resource"], module["ephemeral"]
    [version] = resources["aws_secretsmanager_secret_version"].values()
    assert version["version_stages"] == ["AWSCURRENT", "FIRST"]
    assert version["lifecycle"] == [{"ignore_changes": ["version_stages"]}]
    assert version["secret_string_wo_version"] == 1
    made = "ephemeral.aws_secretsmanager_random_password.first.random_password"
    assert f"password = {made}" in version["secret_string_wo"]
    assert "user_arn = local.user_arn" in version["secret_string_wo"]
    [user] = resources["aws_elasticache_user"].values()
    assert user["passwords_wo_version"] == 1
    current = "ephemeral.aws_secretsmanager_secret_version.current.secret_string"
    assert user["passwords_wo"] == f"${{jsondecode({current}).password}}"
    assert user["tags"] == {"rotation-secret": "${local.name}"}
    [secret] = resources["aws_secretsmanager_secret"].values()
    assert secret["name"] == "${local.name}"
    [rotation] = resources["aws_secretsmanager_secret_rotation"].values()
    assert rotation["rotate_immediately"] is False
    # Only ephemeral values and write-only arguments hold a password: none is in a state.
    assert {*ephemeral} == {
        "aws_secretsmanager_random_password",
        "aws_secretsmanager_secret_version",
    }
    held = [
        name
        for blocks in resources.values()
        for block in blocks.values()
        for name, value in block.items()
        if "ephemeral." in str(value)
    ]
    assert held == ["secret_string_wo", "passwords_wo"]
