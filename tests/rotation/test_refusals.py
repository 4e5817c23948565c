"""Refused before anything has changed: the user, the secret and the nodes are as they were."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.faults import control
from tests.local.helpers import eventually
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

OTHER_PASSWORD = "other-password-0123456789"


def put(tenant: Tenant, text: str | bytes) -> None:
    form = "SecretString" if isinstance(text, str) else "SecretBinary"
    tenant.world.secrets.put_secret_value(SecretId=tenant.secret_arn, **{form: text})


def change(tenant: Tenant, **fields: Any) -> None:
    put(tenant, json.dumps({**tenant.value(), **fields}))


def move(tenant: Tenant, **parts: str) -> None:
    """Another ``user_arn``, with those parts replaced."""
    names = ("arn", "partition", "service", "region", "account", "resource", "user")
    arn = dict(zip(names, tenant.user()["ARN"].split(":"), strict=True))
    change(tenant, user_arn=":".join({**arn, **parts}.values()))


def modify(tenant: Tenant, **fields: Any) -> None:
    tenant.world.elasticache.modify_user(UserId=tenant.user_id, **fields)
    eventually(lambda: tenant.user()["Status"] == "active", "the user to be active")


def tag(tenant: Tenant, secret: str) -> None:
    tenant.world.elasticache.add_tags_to_resource(
        ResourceName=tenant.user()["ARN"], Tags=[{"Key": "rotation-secret", "Value": secret}]
    )


def untag(tenant: Tenant) -> None:
    tenant.world.elasticache.remove_tags_from_resource(
        ResourceName=tenant.user()["ARN"], TagKeys=["rotation-secret"]
    )


def delete_secret(tenant: Tenant) -> None:
    tenant.world.secrets.delete_secret(SecretId=tenant.secret_arn, RecoveryWindowInDays=7)


def delete_user(tenant: Tenant) -> None:
    arm(tenant, "keep-modifying:60")
    tenant.world.elasticache.delete_user(UserId=tenant.user_id)


def forget_password(tenant: Tenant) -> None:
    """The secret has no password, and that of its versions is not the user's."""
    change(tenant, password=None)
    tenant.world.elasticache.modify_user(UserId=tenant.user_id, Passwords=["of-nobody-0123456789"])
    eventually(lambda: tenant.user()["Status"] == "active", "the user to be active")


def arm(tenant: Tenant, fault: str) -> None:
    control(tenant.world.aws.environment["LOCAL_CONTROL_URL"], "POST", [fault])


Break = Callable[[Tenant], None]
SECRETS: dict[str, tuple[str, Break, str]] = {
    "marked for deletion": ("SecretDeletedError", delete_secret, "deletion"),
    "binary": ("SecretFormatError", lambda t: put(t, b"{}"), "binary"),
    "not JSON": ("SecretFormatError", lambda t: put(t, "{'username'"), "not valid JSON"),
    "not an object": ("SecretFormatError", lambda t: put(t, "[]"), "not a JSON object"),
    "a key twice": ("SecretFormatError", lambda t: put(t, '{"a": 1, "a": 2}'), "a key twice"),
    "no username": ("SecretFormatError", lambda t: put(t, '{"user_arn": "x"}'), '"username"'),
    "another type": ("SecretFormatError", lambda t: change(t, password=7), '"password"'),
    "too large": ("SecretFormatError", lambda t: change(t, note="x" * 65_300), "bytes"),
}
USERS: dict[str, tuple[str, Break, str]] = {
    "another username": ("UserMismatchError", lambda t: change(t, username="other"), '"username"'),
    "no ARN": ("UserMismatchError", lambda t: change(t, user_arn="user-1"), '"user_arn"'),
    "another account": ("UserMismatchError", lambda t: move(t, account="210987654321"), "account"),
    "another region": ("UserMismatchError", lambda t: move(t, region="eu-west-1"), "region"),
    "another partition": ("UserMismatchError", lambda t: move(t, partition="aws-cn"), "partition"),
    "no such user": ("UserNotFoundError", lambda t: move(t, user="nobody"), "nobody"),
    "AWS's own default": ("UserNotRotatableError", lambda t: move(t, user="default"), "default"),
    "iam": (
        "UserNotRotatableError",
        lambda t: modify(t, AuthenticationMode={"Type": "iam"}),
        '"iam"',
    ),
    "disabled": (
        "UserDisabledError",
        lambda t: modify(t, AccessString="off ~app:* -@all +get"),
        "disabled",
    ),
    "being deleted": ("UserStatusError", delete_user, "deleting"),
    "not bound": ("UserNotBoundError", untag, "rotation-secret"),
    "bound to another secret": ("UserNotBoundError", lambda t: tag(t, "another"), "another"),
    "no current password": (
        "CurrentPasswordUnknownError",
        forget_password,
        "locked out",
    ),
}
NODES: dict[str, tuple[str, Break, str]] = {
    "does not verify": (
        "CertificateError",
        lambda t: arm(t, "wrong-certificate:1"),
        "local issuer certificate",
    ),
    "takes any password": (
        "AnyPasswordAcceptedError",
        lambda t: arm(t, "open-node:1"),
        "made-up password",
    ),
}
# What cannot log in any more is the person's own doing, and is so before the rotation, too.
NO_LOGINS = {"iam", "disabled", "no current password"}


def everything(tenant: Tenant) -> dict[str, Any]:
    """The secret with all its versions, the user, and who gets in on the nodes."""
    secrets = tenant.world.secrets
    restored = bool(secrets.describe_secret(SecretId=tenant.secret_arn).get("DeletedDate"))
    if restored:
        secrets.restore_secret(SecretId=tenant.secret_arn)
    texts = {}
    for version in tenant.labels():
        found = secrets.get_secret_value(SecretId=tenant.secret_arn, VersionId=version)
        texts[version] = found.get("SecretString", found.get("SecretBinary"))
    if restored:
        delete_secret(tenant)
    return {
        "labels": tenant.labels(),
        "texts": texts,
        "user": tenant.user(),
        "logins": (tenant.logins(FIRST_PASSWORD), tenant.logins(OTHER_PASSWORD)),
    }


@pytest.mark.parametrize("case", [*SECRETS, *USERS, *NODES])
def test_refused_before_anything_has_changed(world: World, case: str) -> None:
    error, break_it, found = {**SECRETS, **USERS, **NODES}[case]
    tenant = world.tenant()
    tenant.serve()
    url = world.aws.environment["LOCAL_CONTROL_URL"]
    try:
        if case not in NODES:
            break_it(tenant)
        before = everything(tenant)
        if case in NODES:
            break_it(tenant)
        execution = tenant.start()
    finally:
        control(url, "DELETE")
    assert (execution["status"], execution["error"]) == ("FAILED", error)
    assert found in execution["cause"]
    assert "The user was not changed." in execution["cause"]
    assert FIRST_PASSWORD not in json.dumps(execution, default=str)
    assert before["logins"] == ({case not in NO_LOGINS}, {False})
    assert everything(tenant) == before


def test_a_key_that_the_stack_may_not_use_is_named_before_anything_has_changed(
    world: World,
) -> None:
    tenant = world.tenant()
    key = "arn:aws:kms:us-east-1:123456789012:key/of-another-team"
    world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=key)
    before = everything(tenant)
    execution = tenant.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "AccessDeniedError")
    assert f"has key {key}." in execution["cause"]
    assert "KmsKeyArns" in execution["cause"]
    assert "The user was not changed." in execution["cause"]
    assert everything(tenant) == before


def test_a_secret_without_awscurrent_is_refused(world: World) -> None:
    tenant = world.tenant()
    arn = world.secrets.create_secret(Name=f"{tenant.secret_name}-empty")["ARN"]
    empty = Tenant(world, tenant.user_id, tenant.username, arn, f"{tenant.secret_name}-empty")
    execution = empty.start()
    assert (execution["status"], execution["error"]) == ("FAILED", "VersionNotFoundError")
    assert "AWSCURRENT" in execution["cause"]
    assert "The user was not changed." in execution["cause"]
    assert empty.labels() == {}


@pytest.mark.parametrize("fault", ["drop-node:1", "plain-node:1"])
def test_a_node_that_cannot_be_reached_is_met_before_anything_has_changed(
    world: World, fault: str
) -> None:
    tenant = world.tenant()
    tenant.serve()
    before = everything(tenant)
    arm(tenant, fault)
    try:
        arn = tenant.begin()
        met = eventually(lambda: tenant.errors(arn), "a failed login")
    finally:
        control(world.aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    assert {*met} == {"EndpointUnreachableError"}
    assert everything(tenant) == before
    assert tenant.ended(arn)["status"] == "SUCCEEDED"
