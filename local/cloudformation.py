"""CloudFormation's types of Secrets Manager and ElastiCache, on the services that are here.

ministack deploys stacks, and has secrets and users of its own. Here, these types make the calls
that AWS's handlers make, as far as they are public:

- a secret, a rotation schedule, a user group: the calls that the type's schema has permissions for
  (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html);
- a user: ModifyUser gets every property as soon as one has changed. AWS's handler is not public;
  MemoryDB's does so (aws-cloudformation/aws-cloudformation-resource-providers-memorydb), and it is
  the strict reading: it takes the previous password off the user.

A stack keeps ``{{resolve:secretsmanager:...}}`` as it is written: a new value of the secret is no
change. It is resolved when a user is created or changed (CloudFormation user guide, "Get a secret
or secret value from Secrets Manager").
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import secretsmanager
from ministack.services.cloudformation import engine, provisioners, stacks

Properties = Mapping[str, Any]
#: Of AWS's handlers, more or less: stabilization times out.
_PATIENCE_SECONDS = 600
#: A resource's physical id, which Ref gives, and what Fn::GetAtt gives.
Made = tuple[str, dict[str, str]]


def install(secrets: Any, elasticache: Any) -> None:
    """Has ministack's stacks use these clients for secrets, schedules, users and user groups."""
    types = _Types(secrets, elasticache)
    handlers: dict[str, dict[str, Callable[..., Any]]] = {
        "AWS::SecretsManager::Secret": {
            "create": types.create_secret,
            "update": types.update_secret,
            "delete": types.delete_secret,
        },
        "AWS::SecretsManager::RotationSchedule": {
            "create": types.create_schedule,
            "update": types.update_schedule,
            "delete": types.delete_schedule,
        },
        "AWS::ElastiCache::User": {
            "create": types.create_user,
            "update": types.update_user,
            "delete": types.delete_user,
        },
        "AWS::ElastiCache::UserGroup": {
            "create": types.create_group,
            "update": types.update_group,
            "delete": types.delete_group,
        },
    }
    provisioners._RESOURCE_HANDLERS.update(handlers)
    blocks = stacks._runs_on_worker_thread
    # They call this very process, which answers on the thread that would wait.
    stacks._runs_on_worker_thread = lambda name: name in handlers or blocks(name)
    stacks._resolve_dynamic_references = lambda properties, *_, **__: (properties, {})
    secretsmanager.resolve_secret_string = types.read_secret


class _Types:
    """The handlers; ministack gives each one the properties, the former ones, and names."""

    def __init__(self, secrets: Any, elasticache: Any) -> None:
        self._secrets = secrets
        self._elasticache = elasticache

    def read_secret(self, secret_id: str, stage: str, version_id: str | None) -> str | None:
        """What a dynamic reference stands for; None for a secret or version that is not there."""
        version = {"VersionId": version_id} if version_id else {"VersionStage": stage}
        try:
            found = self._secrets.get_secret_value(SecretId=secret_id, **version)
        except ClientError:
            return None
        return str(found["SecretString"])

    def create_secret(self, logical_id: str, new: Properties, stack: str) -> Made:
        """CreateSecret; a generated value is GetRandomPassword's."""
        plain = {key: new[key] for key in ("Description", "KmsKeyId", "Tags") if key in new}
        created = self._secrets.create_secret(
            Name=new.get("Name", f"{stack}-{logical_id}"), **plain, **self._value(new)
        )
        return created["ARN"], {"Id": created["ARN"]}

    def update_secret(self, arn: str, old: Properties, new: Properties, stack: str) -> Made:
        """UpdateSecret, with a new value only where what it is made of has changed."""
        plain = {key: new[key] for key in ("Description", "KmsKeyId") if key in new}
        value = ("SecretString", "GenerateSecretString")
        changed = any(old.get(key) != new.get(key) for key in value)
        self._secrets.update_secret(SecretId=arn, **plain, **self._value(new) if changed else {})
        added, removed = _tag_changes(old, new)
        if added:
            self._secrets.tag_resource(SecretId=arn, Tags=added)
        if removed:
            self._secrets.untag_resource(SecretId=arn, TagKeys=removed)
        return arn, {"Id": arn}

    def delete_secret(self, arn: str, old: Properties) -> None:
        """DeleteSecret, for good."""
        self._secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def create_schedule(self, logical_id: str, new: Properties, stack: str) -> Made:
        """RotateSecret; the physical id is the secret's ARN."""
        return self._schedule(new)

    def update_schedule(self, arn: str, old: Properties, new: Properties, stack: str) -> Made:
        """RotateSecret again."""
        return self._schedule(new)

    def delete_schedule(self, arn: str, old: Properties) -> None:
        """CancelRotateSecret."""
        self._secrets.cancel_rotate_secret(SecretId=arn)

    def create_user(self, logical_id: str, new: Properties, stack: str) -> Made:
        """CreateUser."""
        user = self._elasticache.create_user(**_resolved(new))
        self._active_user(user["UserId"])
        return user["UserId"], {"Arn": user["ARN"], "Status": "active"}

    def update_user(self, user_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """ModifyUser with all properties, if one has changed; then the tags."""
        if _without(new, "Tags") != _without(old, "Tags"):
            self._elasticache.modify_user(**_resolved(_without(new, "Tags", "UserName")))
        arn = self._active_user(user_id)["ARN"]
        added, removed = _tag_changes(old, new)
        if added:
            self._elasticache.add_tags_to_resource(ResourceName=arn, Tags=added)
        if removed:
            self._elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=removed)
        return user_id, {"Arn": arn, "Status": "active"}

    def delete_user(self, user_id: str, old: Properties) -> None:
        """DeleteUser."""
        self._active_user(user_id)
        self._elasticache.delete_user(UserId=user_id)

    def create_group(self, logical_id: str, new: Properties, stack: str) -> Made:
        """CreateUserGroup."""
        group = self._elasticache.create_user_group(**new)
        return group["UserGroupId"], {"Arn": group["ARN"], "Status": group["Status"]}

    def update_group(self, group_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """ModifyUserGroup with who joins and who leaves."""
        before, after = set(old["UserIds"]), set(new["UserIds"])
        changes = {"UserIdsToAdd": [*after - before], "UserIdsToRemove": [*before - after]}
        changes = {key: users for key, users in changes.items() if users}
        if changes:
            self._elasticache.modify_user_group(UserGroupId=group_id, **changes)
        groups = partial(self._elasticache.describe_user_groups, UserGroupId=group_id)
        group = _active(lambda: groups()["UserGroups"][0])
        return group_id, {"Arn": group["ARN"], "Status": "active"}

    def delete_group(self, group_id: str, old: Properties) -> None:
        """DeleteUserGroup."""
        self._elasticache.delete_user_group(UserGroupId=group_id)

    def _value(self, properties: Properties) -> dict[str, str]:
        """SecretString, as it is written or generated; nothing for a secret without a value."""
        generate = dict(properties.get("GenerateSecretString", {}))
        if not generate:
            return {key: properties[key] for key in ("SecretString",) if key in properties}
        template = generate.pop("SecretStringTemplate", "")
        key = generate.pop("GenerateStringKey", "")
        password = self._secrets.get_random_password(**generate)["RandomPassword"]
        text = json.dumps({**json.loads(template), key: password}) if template else password
        return {"SecretString": text}

    def _schedule(self, properties: Properties) -> Made:
        arn = properties["SecretId"]
        self._secrets.rotate_secret(
            SecretId=arn,
            RotationLambdaARN=properties["RotationLambdaARN"],
            RotationRules=properties["RotationRules"],
            RotateImmediately=properties.get("RotateImmediatelyOnUpdate", True),
        )
        return arn, {"Id": arn}

    def _active_user(self, user_id: str) -> dict[str, Any]:
        users = partial(self._elasticache.describe_users, UserId=user_id)
        return _active(lambda: users()["Users"][0])


def _active(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is found, as soon as it is active."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while (found := look())["Status"] != "active":
        if time.monotonic() > end:
            raise TimeoutError(f"The user, or its group, stays {found['Status']}.")
        time.sleep(0.05)
    return found


def _resolved(properties: Properties) -> dict[str, Any]:
    found, _ = engine._resolve_dynamic_references(dict(properties))
    return dict(found)


def _without(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _tag_changes(old: Properties, new: Properties) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to set, and the keys of those to remove."""
    before, after = (
        {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])} for each in (old, new)
    )
    added = [{"Key": key, "Value": after[key]} for key in after if before.get(key) != after[key]]
    return added, [key for key in before if key not in after]
