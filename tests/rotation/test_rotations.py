"""Whole rotations: the real template, state machine and functions, Valkey servers behind TLS."""

from collections.abc import Sequence

import pytest

from local.faults import apis
from tests.rotation.world import FIRST_PASSWORD, Tenant, World


def assert_rotated(tenant: Tenant, version: str, previous: str | None) -> None:
    """The new password is AWSCURRENT and logs in everywhere, beside the previous one."""
    assert tenant.version("AWSCURRENT") == version
    user, new = tenant.user(), tenant.value()["password"]
    assert user["AccessString"].split()[0] == "on"
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 2 if previous else 1}
    assert new not in (previous, "a-wrong-password-0123")
    assert tenant.logins(new) == {True}
    assert tenant.logins("a-wrong-password-0123") == {False}
    if previous:
        assert tenant.logins(previous) == {True}


@pytest.mark.parametrize(
    "engine, kind", [("redis", "one node"), ("redis", "serverless"), ("valkey", "cluster mode")]
)
def test_a_scheduled_rotation(world: World, engine: str, kind: str) -> None:
    name, user = f"Production/Sessions/{engine}/{kind}".replace(" ", "-"), f"AppUser-{kind[:3]}"
    tenant = world.tenant(name=name, Engine=engine, UserId=user, UserName=user)
    tenant.serve(kind, engine)
    assert_rotated(tenant, tenant.rotate(), FIRST_PASSWORD)


def test_an_execution_by_hand_and_its_output(world: World) -> None:
    """Of a user of several caches, bound by its secret's ARN."""
    tenant = world.tenant(Engine="valkey")
    tenant.tag(tenant.secret_arn)
    for kind in ("replicas", "serverless"):
        tenant.serve(kind, "valkey")
    execution = tenant.start(SecretId=tenant.secret_arn)
    output = tenant.succeeds(execution["executionArn"])
    assert output.pop("ModifyingSeconds") in range(1, 15)
    assert output.pop("Transitions") == len(tenant.states(execution["executionArn"]))
    assert output == {
        "SecretArn": tenant.secret_arn,
        # The console, too, names an execution by a UUID.
        "VersionId": execution["name"],
        "UserId": tenant.user_id,
        "Username": tenant.username,
        "ChangedValues": 1,
        "EndpointsTested": 3 + 2,
        "NotTested": [],
        "ReplacedUnknownPassword": False,
    }
    assert_rotated(tenant, execution["name"], FIRST_PASSWORD)


def test_the_first_rotation_turns_a_user_on_and_the_next_keeps_it(world: World) -> None:
    # A user of engine valkey always has a password: one that nobody knows.
    off = {"AccessString": "off ~app:* +get", "password": "thrown-away-password-0123"}
    tenant = world.tenant(Engine="valkey", secret_password=None, **off)
    tenant.serve("one node", "valkey")
    assert_rotated(tenant, tenant.rotate(), None)
    assert tenant.logins(off["password"]) == {False}
    first = tenant.value()["password"]
    assert_rotated(tenant, tenant.rotate(), first)


def test_rotate_immediately_false_is_a_dry_run_that_can_be_looked_at(world: World) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    before = (tenant.labels(), tenant.user(), tenant.value())
    token = tenant.begin_rotation(RotateImmediately=False)
    execution = tenant.ended(f"{token}-dry-run-1")
    states = tenant.states(execution["executionArn"])
    assert states.count("Check Endpoint") == 3
    assert states[-1] == "Dry Run Passed"
    world.eventually(lambda: token not in tenant.labels(), "the test version to be removed")
    assert (tenant.labels(), tenant.user(), tenant.value()) == before
    tenant.succeeds()
    assert tenant.rotate() in tenant.labels()


# What a rotation gets over by itself


def of_each_call(kind: str) -> Sequence[str]:
    return [f"{kind}:{api}" for api in (*apis(), *(["Invoke"] if kind != "lose-reply" else []))]


@pytest.mark.parametrize(
    "faults, some",
    [
        *(
            (of_each_call(kind), (f"{kind}:ModifyUser", f"{kind}:PutSecretValue"))
            for kind in ("throttle", "error-500", "lose-reply")
        ),
        (
            ["busy-user:1", "lag-password:1:2", "slow-node:2:1", "stale:GetSecretValue:1"],
            ("lag-password:1:2", "slow-node:2:1"),
        ),
    ],
    ids=["each call is throttled", "each call fails", "each reply is lost", "user and nodes"],
)
def test_what_passes_by_itself(world: World, faults: list[str], some: tuple[str, ...]) -> None:
    tenant = world.tenant()
    tenant.serve("replicas")
    with world.faults(*faults) as met:
        tenant.succeeds()
    assert {*some} <= {*met}
    new = tenant.value()["password"]
    assert new != FIRST_PASSWORD
    assert tenant.logins(new) == {True}
