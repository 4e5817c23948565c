"""The stack's roles, and what is deployed for each."""

import json
from collections.abc import Iterator
from typing import Any

from local.deploy import STACK_NAME
from local.instance import LocalAws


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def roles(aws: LocalAws) -> list[dict[str, Any]]:
    found = aws.client("iam").list_roles()["Roles"]
    return [role for role in found if role["RoleName"].startswith(STACK_NAME)]


def policies(aws: LocalAws) -> dict[str, list[dict[str, Any]]]:
    """The deployed documents of every role of the stack, by its name."""
    iam, found = aws.client("iam"), {}
    for name in (role["RoleName"] for role in roles(aws)):
        documents = [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            documents.append(document["PolicyVersion"]["Document"])
        found[name] = [json.loads(each) if isinstance(each, str) else each for each in documents]
    return found


def allowed(documents: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each action with each resource that it is allowed on."""
    for statement in (each for document in documents for each in document["Statement"]):
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield action, resource
