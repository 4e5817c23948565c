"""Removes what runs have created. It is found by name, so it does not matter how far a run got."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.account import RUN, Account, owner


class NotRemovedError(Exception):
    """Something is left; the text names it and AWS's last error about it."""


#: Nothing in a stage depends on what is in an earlier one: a service, the call that lists its
#: resources, and the JMESPath of their names.
_STAGES = (
    (
        ("secretsmanager", "list_secrets", "SecretList[].Name"),
        ("elasticache", "describe_replication_groups", "ReplicationGroups[].ReplicationGroupId"),
        ("elasticache", "describe_serverless_caches", "ServerlessCaches[].ServerlessCacheName"),
        (
            "cloudformation",
            "describe_stacks",
            "Stacks[?!ends_with(StackName, '-network')].StackName",
        ),
    ),
    (("elasticache", "describe_user_groups", "UserGroups[].UserGroupId"),),
    (
        ("elasticache", "describe_users", "Users[].UserId"),
        ("cloudformation", "describe_stacks", "Stacks[].StackName"),
        ("s3", "list_buckets", "Buckets[].Name"),
        ("logs", "describe_log_groups", "logGroups[].logGroupName"),
    ),
)


def remove(account: Account, say: Callable[[str], None]) -> list[str]:
    """Remove all resources of the account's run, and wait until they are gone; their names.

    Each round removes what the earliest stage still has. A resource that cannot be removed yet,
    because another one depends on it or it is still being created, is tried again.

    Raises:
        NotRemovedError: something is still there after twice the account's patience.
    """
    removed: dict[str, str] = {}
    end = account.now() + 2 * account.patience
    for stage in _STAGES:
        while left := dict(chain.from_iterable(_left(account, *row) for row in stage)):
            for resource in left.keys() - removed.keys():
                say(f"removing {resource}")
            removed |= left
            if account.now() > end:
                raise NotRemovedError("; ".join(f"{name} ({why})" for name, why in left.items()))
            account.sleep(account.pause)
    return list(removed)


def _left(account: Account, service: str, call: str, names: str) -> Iterator[tuple[str, str]]:
    """The resources that are still there, and AWS's answer to their removal."""
    client, kind = account.client(service), call.partition("_")[2].removesuffix("s")
    try:
        for name in client.get_paginator(call).paginate().search(names):
            run = owner(name)
            if run and account.run in (run, RUN):
                yield f"{kind} {name}", _delete(client, kind, name, names.rpartition(".")[2])
    except (ClientError, BotoCoreError) as error:
        # What cannot be listed may still be there.
        yield call, str(error)


def _delete(client: Any, kind: str, name: str, parameter: str) -> str:
    """Delete the resource; AWS's answer."""
    try:
        if kind == "secret":
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        elif kind == "bucket":
            for item in client.list_objects_v2(Bucket=name).get("Contents", []):
                client.delete_object(Bucket=name, Key=item["Key"])
            client.delete_bucket(Bucket=name)
        else:
            getattr(client, f"delete_{kind}")(**{parameter: name})
    except (ClientError, BotoCoreError) as error:
        return str(error)
    return "is being removed"
