"""CloudFormation's secrets, users and user groups; tests/rotation/test_examples.py rotates them."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.deploy import change_stack
from local.instance import LocalAws, LocalAwsError
from tests.local.helpers import eventually

POLL = {"Delay": 0.05, "MaxAttempts": 600}
TAGS = [{"Key": "team", "Value": "cache"}, {"Key": "stage", "Value": "test"}]


def user(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::ElastiCache::User",
        "Properties": {
            "UserId": name,
            "UserName": name,
            "Engine": "valkey",
            "AccessString": "on ~* -@all +get",
            "Passwords": [{"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:pass}}"}],
            "Tags": TAGS,
        },
    }


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": "of-a-stack",
                "Tags": TAGS,
                "SecretString": json.dumps({"pass": "a-password-of-a-stack"}),
            },
        },
        "One": user("stack-one"),
        "Other": user("stack-other"),
        "Group": {
            "Type": "AWS::ElastiCache::UserGroup",
            "Properties": {
                "UserGroupId": "stack-group",
                "Engine": "valkey",
                "UserIds": [{"Ref": "One"}],
            },
        },
    }
}


@pytest.fixture
def cloudformation(aws: LocalAws) -> Iterator[Any]:
    client = aws.client("cloudformation")
    yield client
    client.delete_stack(StackName="users")


def deploy(cloudformation: Any, template: dict[str, Any]) -> None:
    change_stack(cloudformation, "users", {"TemplateBody": json.dumps(template)}, {}, POLL)


def test_a_stack_is_made_changed_and_removed(
    cloudformation: Any, elasticache: Any, secretsmanager: Any
) -> None:
    deploy(cloudformation, TEMPLATE)
    changed = copy.deepcopy(TEMPLATE)
    resources = changed["Resources"]
    resources["Group"]["Properties"]["UserIds"] = [{"Ref": "Other"}]
    resources["One"]["Properties"]["Tags"] = [{"Key": "team", "Value": "web"}]
    resources["Secret"]["Properties"] |= {
        "Tags": TAGS[:1],
        "SecretString": json.dumps({"pass": "another-password-of-it"}),
    }
    deploy(cloudformation, changed)
    [group] = elasticache.describe_user_groups(UserGroupId="stack-group")["UserGroups"]
    assert group["UserIds"] == ["stack-other"]
    arn = elasticache.describe_users(UserId="stack-one")["Users"][0]["ARN"]
    tags = elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
    assert {"Key": "team", "Value": "web"} in tags
    assert "stage" not in [tag["Key"] for tag in tags]
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
    broken = {"Resources": {"One": user("stack-one")}}
    passwords = ["{{resolve:secretsmanager:nowhere:SecretString:pass}}"]
    broken["Resources"]["One"]["Properties"]["Passwords"] = passwords
    with pytest.raises(LocalAwsError, match=r"One: .*secret nowhere not found"):
        deploy(cloudformation, broken)
