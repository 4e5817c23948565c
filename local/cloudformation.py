"""CloudFormation's types of Secrets Manager and ElastiCache, on the services that are here.

ministack deploys stacks, and has secrets and users of its own. Here, these types make the calls
that AWS's handlers make, as far as they are public:

- a secret, a rotation schedule, a user group: the calls that the type's schema has permissions for
  (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html);
- a user: ModifyUser gets every property as soon as one has changed. AWS's handler is not public;
  MemoryDB's does so (aws-cloudformation/aws-cloudformation-resource-providers-memorydb), and it is
  the strict reading: it removes the previous password from the user.

A stack keeps ``{{resolve:secretsmanager:...}}`` as it is written: a new value of the secret is no
change. It is resolved when a user is created or changed (CloudFormation user guide, "Get a secret
or secret value from Secrets Manager").
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import secretsmanager
from ministack.services.cloudformation import engine, provisioners, stacks

Properties = Mapping[str, Any]
#: A resource's physical id, which Ref gives, and what Fn::GetAtt gives.
Made = tuple[str, dict[str, str]]
#: Of AWS's handlers, more or less: stabilization times out.
_STABLE_SECONDS = 600


def install(secrets: Any, elasticache: Any) -> None:
    """Has ministack's stacks use these clients for secrets, schedules, users and user groups."""
    types: dict[str, Any] = {
        "AWS::SecretsManager::Secret": _Secret(secrets),
        "AWS::SecretsManager::RotationSchedule": _Schedule(secrets),
        "AWS::ElastiCache::User": _User(elasticache),
        "AWS::ElastiCache::UserGroup": _UserGroup(elasticache),
    }
    for name, kind in types.items():
        handlers = {"create": kind.create, "update": kind.update, "delete": kind.delete}
        provisioners._RESOURCE_HANDLERS[name] = handlers
    blocks = stacks._runs_on_worker_thread
    # They call this very process, which answers on the thread that would wait.
    stacks._runs_on_worker_thread = lambda name: name in types or blocks(name)
    stacks._resolve_dynamic_references = lambda properties, *_, **__: (properties, {})

    def read_secret(secret_id: str, stage: str, version_id: str | None) -> str | None:
        """What a dynamic reference stands for; None for a secret or version that is not there."""
        version = {"VersionId": version_id} if version_id else {"VersionStage": stage}
        try:
            return str(secrets.get_secret_value(SecretId=secret_id, **version)["SecretString"])
        except ClientError:
            return None

    secretsmanager.resolve_secret_string = read_secret


class _Type:
    """Makes, changes and removes resources; ministack gives the properties, and the former ones."""

    def __init__(self, client: Any) -> None:
        self._client = client


class _Secret(_Type):
    def create(self, logical_id: str, new: Properties, stack: str) -> Made:
        """CreateSecret; a generated value is GetRandomPassword's."""
        plain = _only(new, "Description", "KmsKeyId", "Tags")
        name = new.get("Name", f"{stack}-{logical_id}")
        arn = self._client.create_secret(Name=name, **plain, **self._value(new))["ARN"]
        return arn, {"Id": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """UpdateSecret, with a new value only where what it is made of has changed."""
        value = ("SecretString", "GenerateSecretString")
        changes = self._value(new) if _only(old, *value) != _only(new, *value) else {}
        plain = _only(new, "Description", "KmsKeyId")
        self._client.update_secret(SecretId=physical_id, **plain, **changes)
        client = self._client
        _change_tags(old, new, client.tag_resource, client.untag_resource, SecretId=physical_id)
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, old: Properties) -> None:
        """For good."""
        self._client.delete_secret(SecretId=physical_id, ForceDeleteWithoutRecovery=True)

    def _value(self, properties: Properties) -> dict[str, Any]:
        """SecretString, as it is written or generated; nothing for a secret without a value."""
        generate = dict(properties.get("GenerateSecretString", {}))
        if not generate:
            return _only(properties, "SecretString")
        template = generate.pop("SecretStringTemplate", "")
        key = generate.pop("GenerateStringKey", "")
        password = self._client.get_random_password(**generate)["RandomPassword"]
        text = json.dumps({**json.loads(template), key: password}) if template else password
        return {"SecretString": text}


class _Schedule(_Type):
    def create(self, logical_id: str, new: Properties, stack: str) -> Made:
        """RotateSecret; the physical id is the secret's ARN."""
        arn, immediately = new["SecretId"], new.get("RotateImmediatelyOnUpdate", True)
        rotation = _only(new, "RotationLambdaARN", "RotationRules")
        self._client.rotate_secret(SecretId=arn, RotateImmediately=immediately, **rotation)
        return arn, {"Id": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        return self.create("", new, stack)

    def delete(self, physical_id: str, old: Properties) -> None:
        self._client.cancel_rotate_secret(SecretId=physical_id)


class _User(_Type):
    def create(self, logical_id: str, new: Properties, stack: str) -> Made:
        user_id = self._client.create_user(**_resolved(new))["UserId"]
        return user_id, self._active(user_id)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """ModifyUser with all properties, if one has changed; then the tags."""
        if {**new, "Tags": 0} != {**old, "Tags": 0}:
            changes = {key: new[key] for key in new if key not in ("Tags", "UserName")}
            self._client.modify_user(**_resolved(changes))
        made, client = self._active(physical_id), self._client
        tags = (client.add_tags_to_resource, client.remove_tags_from_resource)
        _change_tags(old, new, *tags, ResourceName=made["Arn"])
        return physical_id, made

    def delete(self, physical_id: str, old: Properties) -> None:
        self._active(physical_id)
        self._client.delete_user(UserId=physical_id)

    def _active(self, user_id: str) -> dict[str, str]:
        return _active(lambda: self._client.describe_users(UserId=user_id)["Users"][0])


class _UserGroup(_Type):
    def create(self, logical_id: str, new: Properties, stack: str) -> Made:
        return self._active(self._client.create_user_group(**new)["UserGroupId"])

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """ModifyUserGroup with who joins and who leaves."""
        before, after = set(old["UserIds"]), set(new["UserIds"])
        changes = {"UserIdsToAdd": [*after - before], "UserIdsToRemove": [*before - after]}
        if before != after:
            changes = {key: users for key, users in changes.items() if users}
            self._client.modify_user_group(UserGroupId=physical_id, **changes)
        return self._active(physical_id)

    def delete(self, physical_id: str, old: Properties) -> None:
        self._client.delete_user_group(UserGroupId=physical_id)

    def _active(self, group_id: str) -> Made:
        groups = self._client.describe_user_groups
        return group_id, _active(lambda: groups(UserGroupId=group_id)["UserGroups"][0])


def _active(look: Callable[[], dict[str, Any]]) -> dict[str, str]:
    """The attributes of what is found, as soon as it is active."""
    end = time.monotonic() + _STABLE_SECONDS
    while (found := look())["Status"] != "active":
        if time.monotonic() > end:
            raise TimeoutError(f"The user, or its group, stays {found['Status']}.")
        time.sleep(0.05)
    return {"Arn": found["ARN"], "Status": "active"}


def _resolved(properties: Properties) -> dict[str, Any]:
    found, _ = engine._resolve_dynamic_references(dict(properties))
    return dict(found)


def _only(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: properties[name] for name in names if name in properties}


def _change_tags(
    old: Properties,
    new: Properties,
    add: Callable[..., object],
    remove: Callable[..., object],
    **resource: str,
) -> None:
    before, after = (
        {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])} for each in (old, new)
    )
    if added := [{"Key": key, "Value": value} for key, value in after.items() - before.items()]:
        add(Tags=added, **resource)
    if removed := [key for key in before if key not in after]:
        remove(TagKeys=removed, **resource)
