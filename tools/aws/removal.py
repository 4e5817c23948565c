"""Removes what runs have made, as it is found by name: no matter how far a run has come."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.account import RUN, Account, owner

Say = Callable[[str], None]
#: A kind's name, how its resources are found, and how one is removed.
Kind = tuple[str, Callable[[], Iterator[str]], Callable[[str], object]]


class NotRemovedError(Exception):
    """Something is left; the text names it and AWS's last word about it."""


def remove(account: Account, say: Say) -> list[str]:
    """Remove all resources of the account's run, and look until they are gone; their names.

    Each round removes what the earliest stage has left, so that a refusal because of what still
    depends on it, or is still being made, is nothing but a reason to look again.

    Raises:
        NotRemovedError: something is still there after twice the account's patience.
    """
    removed: dict[str, str] = {}
    end = account.clock() + 2 * account.patience
    for stage in _stages(account):
        while left := dict(_left(account, stage)):
            for resource in left.keys() - removed.keys():
                say(f"removing {resource}")
            removed |= left
            if account.clock() > end:
                raise NotRemovedError("; ".join(f"{name} ({why})" for name, why in left.items()))
            account.sleep(account.pause)
    return list(removed)


def _left(account: Account, stage: list[Kind]) -> Iterator[tuple[str, str]]:
    """What the stage still has, and what removing it was answered."""
    for kind, find, delete in stage:
        try:
            for name in find():
                if not _belongs(name, account.run):
                    continue
                try:
                    delete(name)
                    answer = "is being removed"
                except (ClientError, BotoCoreError) as error:
                    answer = str(error)
                yield f"{kind} {name}", answer
        except (ClientError, BotoCoreError) as error:
            # Not seen is not gone.
            yield f"{kind}s", str(error)


def _belongs(name: str, run: str) -> bool:
    found = owner(name)
    return bool(found) and run in (found, RUN)


def _stages(account: Account) -> list[list[Kind]]:
    """Each stage depends on none of those before it being there."""
    elasticache, manager = account.client("elasticache"), account.client("secretsmanager")
    formation, s3, logs = map(account.client, ("cloudformation", "s3", "logs"))

    def stacks(*ends: str) -> Callable[[], Iterator[str]]:
        return lambda: (
            name
            for name in _names(formation, "describe_stacks", "Stacks", "StackName")
            if name.endswith(ends)
        )

    def delete_stack(name: str) -> None:
        formation.delete_stack(StackName=name)

    secrets: Kind = (
        "secret",
        lambda: _names(manager, "list_secrets", "SecretList", "Name"),
        lambda name: manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
    )
    caches, serverless, groups, users, log_groups = (
        _plain(*row)
        for row in (
            (elasticache, "replication_group", "ReplicationGroups", "ReplicationGroupId"),
            (elasticache, "serverless_cache", "ServerlessCaches", "ServerlessCacheName"),
            (elasticache, "user_group", "UserGroups", "UserGroupId"),
            (elasticache, "user", "Users", "UserId"),
            (logs, "log_group", "logGroups", "logGroupName"),
        )
    )
    buckets: Kind = (
        "bucket",
        lambda: (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
        lambda name: _delete_bucket(s3, name),
    )
    return [
        [secrets, caches, serverless, ("stack", stacks("-rotates", "-contract"), delete_stack)],
        [groups],
        [users, ("stack", stacks("-network"), delete_stack), buckets, log_groups],
    ]


def _plain(client: Any, resource: str, key: str, name: str) -> Kind:
    """One whose calls are named after it, and whose name is all that its removal asks for."""
    return (
        resource.replace("_", " "),
        lambda: _names(client, f"describe_{resource}s", key, name),
        lambda found: getattr(client, f"delete_{resource}")(**{name: found}),
    )


def _names(client: Any, call: str, key: str, name: str) -> Iterator[str]:
    pages = client.get_paginator(call).paginate()
    return (str(item[name]) for page in pages for item in page[key])


def _delete_bucket(s3: Any, name: str) -> None:
    found: Mapping[str, Any] = s3.list_objects_v2(Bucket=name)
    for item in found.get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)
