"""CloudFormation's secrets, users and user groups; tests/rotation/test_examples.py rotates them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.deploy import change_stack
from local.instance import LocalAws, LocalAwsError
from tests.local.helpers import eventually

POLL = {"Delay": 0.05, "MaxAttempts": 600}
TAGS = [{"Key": "team", "Value": "cache"}, {"Key": "stage", "Value": "test"}]
PASSWORD = "{{resolve:secretsmanager:${Secret}:SecretString:pass}}"


def resource(service_and_type: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{service_and_type}", "Properties": properties}


def user(name: str, password: object) -> dict[str, Any]:
    names = {"UserId": name, "UserName": name, "Engine": "valkey", "Tags": TAGS}
    access = {"AccessString": "on ~* -@all +get", "Passwords": [password]}
    return resource("ElastiCache::User", **names, **access)


def template(member: str, tags: list[dict[str, str]], value: str) -> dict[str, Any]:
    """A secret, two users with its password, and a group of one of them."""
    secret = {"Name": "of-a-stack", "Tags": tags, "SecretString": json.dumps({"pass": value})}
    group = {"UserGroupId": "stack-group", "Engine": "valkey", "UserIds": [{"Ref": member}]}
    return {
        "Secret": resource("SecretsManager::Secret", **secret),
        "One": user("stack-one", {"Fn::Sub": PASSWORD}),
        "Other": user("stack-other", {"Fn::Sub": PASSWORD}),
        "Group": resource("ElastiCache::UserGroup", **group),
    }


@pytest.fixture
def cloudformation(aws: LocalAws) -> Iterator[Any]:
    client = aws.client("cloudformation")
    yield client
    client.delete_stack(StackName="users")


def deploy(cloudformation: Any, resources: dict[str, Any]) -> None:
    text = json.dumps({"Resources": resources})
    change_stack(cloudformation, "users", {"TemplateBody": text}, {}, POLL)


def test_a_stack_is_made_changed_and_removed(
    cloudformation: Any, elasticache: Any, secretsmanager: Any
) -> None:
    deploy(cloudformation, template("One", TAGS, "a-password-of-a-stack"))
    deploy(cloudformation, template("Other", TAGS[:1], "another-password-of-it"))
    [group] = elasticache.describe_user_groups(UserGroupId="stack-group")["UserGroups"]
    assert group["UserIds"] == ["stack-other"]
    secret = secretsmanager.describe_secret(SecretId="of-a-stack")
    assert len(secret["VersionIdsToStages"]) == 2
    assert "stage" not in [tag["Key"] for tag in secret["Tags"]]
    cloudformation.delete_stack(StackName="users")

    def left() -> list[str]:
        users = [user["UserId"] for user in elasticache.describe_users()["Users"]]
        secrets = [each["Name"] for each in secretsmanager.list_secrets()["SecretList"]]
        return [name for name in users + secrets if name.startswith(("stack-", "of-a-stack"))]

    eventually(lambda: not left(), "the end of what the stack has made")


def test_a_reference_to_no_secret_is_named(cloudformation: Any) -> None:
    password = PASSWORD.replace("${Secret}", "nowhere")
    with pytest.raises(LocalAwsError, match=r"One: .*secret nowhere not found"):
        deploy(cloudformation, {"One": user("stack-one", password)})
