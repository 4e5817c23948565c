"""Refused before anything has changed: the user, the secret and the nodes are as they were."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.histories.worlds import InProcessWorld
from tests.rotation.snapshots import snapshot
from tests.rotation.world import FIRST_PASSWORD, Tenant, World


def arm(tenant: Tenant, fault: str) -> None:
    tenant.world.control("POST", [fault])


def name_user(tenant: Tenant, user_id: str) -> None:
    """The secret has the ARN of another user."""
    tenant.edit(user_arn=tenant.user()["ARN"].replace(f":{tenant.user_id}", f":{user_id}"))


def delete_secret(tenant: Tenant) -> None:
    tenant.world.secrets.delete_secret(SecretId=tenant.secret_arn, RecoveryWindowInDays=7)


def delete_user(tenant: Tenant) -> None:
    arm(tenant, "keep-modifying:60")
    tenant.world.elasticache.delete_user(UserId=tenant.user_id)


def forget_password(tenant: Tenant) -> None:
    """The secret has no password, and that of its versions is not the user's."""
    tenant.edit(password=None)
    tenant.modify(Passwords=["of-nobody-0123456789"])


def keep_creating(tenant: Any) -> None:
    tenant.inside._users.users[tenant.user_id].status = "creating"


Break = Callable[[Tenant], object]
SECRETS: dict[str, tuple[str, Break, str]] = {
    "marked for deletion": ("SecretDeletedError", delete_secret, "deletion"),
    "binary": ("SecretFormatError", lambda t: t.put(b"{}"), "binary"),
    "not JSON": ("SecretFormatError", lambda t: t.put("{'username'"), "not valid JSON"),
    "too large": ("SecretFormatError", lambda t: t.edit(note="x" * 65_300), "bytes"),
}
USERS: dict[str, tuple[str, Break, str]] = {
    "another username": ("UserMismatchError", lambda t: t.edit(username="other"), '"username"'),
    "no such user": ("UserNotFoundError", lambda t: name_user(t, "nobody"), "nobody"),
    "AWS's own default": ("UserNotRotatableError", lambda t: name_user(t, "default"), "default"),
    "iam": (
        "UserNotRotatableError",
        lambda t: t.modify(AuthenticationMode={"Type": "iam"}),
        '"iam"',
    ),
    "disabled": (
        "UserDisabledError",
        lambda t: t.modify(AccessString="off ~app:* -@all +get"),
        "disabled",
    ),
    "being deleted": ("UserStatusError", delete_user, "deleting"),
    "being created": ("UserBusyError", keep_creating, "being created"),
    "without an endpoint that answers": (
        "EndpointUnreachableError",
        lambda t: arm(t, "drop-node:1"),
        "cannot be reached",
    ),
    "not bound": ("UserNotBoundError", Tenant.untag, "rotation-secret"),
    "no current password": ("CurrentPasswordUnknownError", forget_password, "lock out"),
}
NODES: dict[str, tuple[str, Break, str]] = {
    "does not verify": (
        "CertificateError",
        lambda t: arm(t, "wrong-certificate:1"),
        "local issuer certificate",
    ),
    "accepts any password": (
        "AnyPasswordAcceptedError",
        lambda t: arm(t, "open-node:1"),
        "made-up password",
    ),
}
# Where the first password was refused before the rotation, too.
NO_LOGINS = {"iam", "disabled", "no current password"}


@pytest.mark.parametrize("case", [*SECRETS, *USERS])
def test_refused_before_anything_has_changed(in_process: InProcessWorld, case: str) -> None:
    error, break_it, found = {**SECRETS, **USERS}[case]
    tenant = in_process.tenant()
    tenant.serve()
    break_it(tenant)
    before = snapshot(tenant)
    assert before["logs in"] == {case not in NO_LOGINS}
    refused(tenant, error, found)
    assert snapshot(tenant) == before


@pytest.mark.parametrize("case", NODES)
def test_an_untrusted_node_is_refused_before_any_change(world: World, case: str) -> None:
    error, break_it, found = NODES[case]
    tenant = world.tenant()
    tenant.serve()
    before = snapshot(tenant)
    with world.faults():
        break_it(tenant)
        refused(tenant, error, found)
    assert snapshot(tenant) == before


def refused(tenant: Tenant, error: str, found: str) -> None:
    cause = tenant.fails(error)
    assert found in cause
    assert "The user was not changed." in cause
    assert FIRST_PASSWORD not in cause


def test_a_denied_key_is_named_before_anything_has_changed(world: World) -> None:
    tenant = world.tenant()
    key = "arn:aws:kms:us-east-1:123456789012:key/of-another-team"
    world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=key)
    before = snapshot(tenant)
    refused(tenant, "AccessDeniedError", f"has key {key}. ")
    assert snapshot(tenant) == before


@pytest.mark.parametrize(
    "data", [{}, {"SecretID": "x"}, {"SecretId": 7}, {"SecretId": "x", "DryRun": "yes"}]
)
def test_invalid_input_is_explained(in_process: InProcessWorld, data: dict[str, object]) -> None:
    tenant, machines = in_process.tenant(), in_process.step_functions
    arn = machines.start_execution(input=json.dumps(data))["executionArn"]
    cause = tenant.fails("InvalidInputError", arn)
    assert f'"{[*(data or ["SecretId"])][-1]}"' in cause
    assert '{"SecretId": "<name or ARN of the secret>"}' in cause
    assert tenant.states(arn)[:3] == ["Read Input", "Check Target", "Close Rotation"]


def test_a_node_without_tls_is_waited_for_before_anything_has_changed(world: World) -> None:
    tenant = world.tenant()
    tenant.serve()
    before = tenant.labels(), tenant.user()
    with world.faults("plain-node:1"):
        arn = tenant.begin()
        errors = world.eventually(lambda: tenant.errors(arn), "a failed login")
        # While the fault lasts: after it, the run goes on at once.
        assert (tenant.labels(), tenant.user()) == before
    assert {*errors} == {"EndpointUnreachableError"}
    tenant.succeeds(arn)
