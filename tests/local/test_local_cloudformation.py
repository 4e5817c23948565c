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


def tags_of(elasticache: Any, user_id: str) -> dict[str, str]:
    arn = elasticache.describe_users(UserId=user_id)["Users"][0]["ARN"]
    found = elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in found}


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
    tags = tags_of(elasticache, "stack-one")
    assert tags["team"] == "web"
    assert "stage" not in tags
    secret = secretsmanager.describe_secret(SecretId="of-a-stack")
    assert len(secret["VersionIdsToStages"]) == 2
    assert "stage" not in {tag["Key"] for tag in secret["Tags"]}
    cloudformation.delete_stack(StackName="users")
    eventually(
        lambda: (
            not any(
                each["UserId"].startswith("stack-")
                for each in elasticache.describe_users()["Users"]
            )
        ),
        "the end of the users",
    )
    eventually(
        lambda: (
            not any(
                each["Name"] == "of-a-stack" for each in secretsmanager.list_secrets()["SecretList"]
            )
        ),
        "the end of the secret",
    )


def test_a_reference_to_no_secret_is_named(cloudformation: Any) -> None:
    broken = {"Resources": {"One": user("stack-one")}}
    broken["Resources"]["One"]["Properties"]["Passwords"] = [
        "{{resolve:secretsmanager:nowhere:SecretString:pass}}"
    ]
    with pytest.raises(LocalAwsError, match=r"One: .*secret nowhere not found"):
        deploy(cloudformation, broken)
