"""Rotations and failures of every kind, and which calls each role has made in them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.access import Call
from local.deploy import deploy
from local.faults import ask
from local.instance import LocalAws
from tests.rotation.roles import policies
from tests.rotation.world import Tenant, World

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
PARAMETERS = {"KmsKeyArns": KEY, "OverdueCheck": "true"}


@dataclass
class Grants:
    """What the roles of a stack allow, and what was asked for with them; by the role's name."""

    pinned: bool
    policies: dict[str, list[dict[str, Any]]]
    calls: dict[str, list[Call]]


@dataclass
class Recorded:
    """A stack, bound by tags at first, and in the end pinned to one secret and its user."""

    world: World
    tenant: Tenant
    grants: dict[str, Grants]


@contextmanager
def recorded_stack(directory: Path) -> Iterator[Recorded]:
    """The world as the recording has left it."""
    with LocalAws(directory, modifying_seconds=0.2) as aws:
        world = World(aws, deploy(aws, PARAMETERS))
        tenant = world.tenant(AccessString="off ~app:* +get", password=None)
        world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=KEY)
        rotate_in_every_way(tenant)
        tagged = Grants(False, policies(aws), calls_by_role(world))
        pins = {"SecretArn": tenant.secret_arn, "UserArn": tenant.user()["ARN"]}
        world.stack = deploy(aws, {**PARAMETERS, **pins, "UserName": tenant.username})
        tenant.untag()
        tenant.put(json.dumps({k: v for k, v in tenant.value().items() if k != "user_arn"}))
        tenant.succeeds(f"{tenant.rotate()}-1")
        check_after_a_template(tenant)
        later = calls_by_role(world)
        for role, made in later.items():
            later[role] = [call for call in made if not of_tags(role, call)]
        pinned = Grants(True, policies(aws), later)
        yield Recorded(world, tenant, {"bound by tag": tagged, "pinned": pinned})


def of_tags(role: str, call: Call) -> bool:
    """A pinned stack asks for no tags, and its daily check does not list what there is."""
    lists = "CheckOverdue" in role and call.resource.endswith("*")
    return lists or call.action == "elasticache:ListTagsForResource"


def calls_by_role(world: World) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for asked in asked_for(world):
        found.setdefault(asked["principal"].split("/")[1], []).append(Call(**asked))
    return found


def asked_for(world: World) -> list[dict[str, Any]]:
    return list(ask(f"{world.aws.environment['LOCAL_CONTROL_URL']}/calls"))


def rotate_in_every_way(tenant: Tenant) -> None:
    """Of a user before every kind of cache: each role makes each of its calls."""
    world = tenant.world
    # A first rotation that is cut off: the next one looks for the password that it has set.
    with world.faults("stop-at:Wait For User"):
        assert tenant.start()["status"] == "ABORTED"
    tenant.succeeds()
    tenant.serve("cluster mode")
    tenant.serve("serverless")
    # By a name from which its version does not follow.
    started = world.step_functions.start_execution(
        stateMachineArn=world.stack.state_machine_arn,
        name="by-hand",
        input=json.dumps({"SecretId": tenant.secret_name}),
    )
    tenant.succeeds(started["executionArn"])
    old = tenant.version("AWSCURRENT")
    # The first attempt fails and removes AWSPENDING, which the second one attaches again.
    with world.faults("deny:DescribeUserGroups:1"):
        token = tenant.rotate()
        tenant.succeeds(f"{token}-2")
    event = {"Step": "createSecret", "SecretId": tenant.secret_arn, "ClientRequestToken": old}
    answer = invoke(world, world.stack.rotation_function_arn, event)
    assert answer["errorType"] == "RotationSupersededError"
    check_after_a_template(tenant)
    # It is stopped; the second attempt fails, and the rotation Lambda looks why.
    with world.faults("stop-at:Log In", "deny:DescribeUserGroups:2-"):
        token = tenant.rotate()
        tenant.ended(f"{token}-2")
        looked = "states:GetExecutionHistory"
        world.eventually(lambda: looked in [each["action"] for each in asked_for(world)], looked)
    with world.faults("open-node:1:Log In"):
        tenant.fails("AnyPasswordAcceptedError")


def check_after_a_template(tenant: Tenant) -> None:
    """That has set its own password again: the daily check looks at all versions."""
    mode = {"Type": "password", "Passwords": [tenant.value()["password"]]}
    tenant.modify(AuthenticationMode=mode)
    [finding] = check(tenant.world)["Findings"]
    assert finding["Kind"] == "PasswordsReplaced"


def check(world: World) -> dict[str, Any]:
    return invoke(world, world.stack.outputs["OverdueCheckFunctionArn"], {})


def invoke(world: World, function: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = world.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return dict(json.loads(answer["Payload"].read()) or {})
