"""Each function's role allows the calls that its handler makes, and no other: IAM's own tests.

The calls are those of the handlers in the worlds of test_leaks.py, told by the fakes, whose methods
lead to API calls as test_error_codes.py finds them.
"""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from rotation.errors import RotationError
from rotation.user import BINDING_TAG
from tests.unit.fakes import (
    EXECUTION_ARN,
    OTHER,
    PENDING,
    SECRET_ARN,
    TOPIC_ARN,
    World,
    make_target,
)
from tests.unit.test_error_codes import ADAPTERS, methods_by_call
from tests.unit.test_leaks import HANDLERS, STAGES, STATE, prepare

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
RESOURCES = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
ROLES = [each for name, each in RESOURCES.items() if "Policies" in each["Properties"]]
#: IAM's prefix of each service, by boto3's name.
PREFIXES = {"stepfunctions": "states"}


def statements_of(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            condition, *cases = statement.get("Fn::If", ["", statement])
            # A statement for a key: what it allows is no call of ours.
            if condition != "HasKmsKey":
                yield from (each for each in cases if "Action" in each)


def allowed(function: str) -> set[str]:
    return {
        # By its tag, where an action is for stacks that are not pinned.
        action["Fn::If"][2] if isinstance(action, dict) else action
        for statement in statements_of(RESOURCES[f"{function}Role"])
        for action in statement["Action"]
    }


#: Ways on which the events of test_leaks.py do not lead.
MORE: dict[str, list[dict[str, Any]]] = {
    "check_target": [{"Input": {"SecretId": SECRET_ARN}}],
    "generate_password": [{"Target": make_target(version_id=OTHER).to_state()}],
    "modify_user": [{"Target": make_target(turn_on=True).to_state()}],
    "release_version": [{"State": {k: v for k, v in STATE.items() if k != "Generation"}}],
}


def called(monkeypatch: pytest.MonkeyPatch, module: str) -> set[str]:
    # Before the fakes take over, for these are real adapters'.
    calls = {service: methods_by_call(service) for service in ADAPTERS}
    handle = import_module(module).handler
    events = [event for handler, event in HANDLERS.values() if handler is handle]
    monkeypatch.setenv("TOPIC_ARN", TOPIC_ARN)
    methods: dict[str, set[str]] = {service: set() for service in calls}
    for event, stage, statuses in product(
        [*events, *MORE.get(module, [])], STAGES, (["SUCCEEDED"], ["FAILED"], [])
    ):
        world = World()
        prepare(world, stage)
        world.machine.machine.statuses[f"{PENDING}-1"] = [*statuses]
        world.take_over(monkeypatch)
        with suppress(RotationError):
            world.call(handle, {"ExecutionArn": EXECUTION_ARN, **event})
        for service, fake in (
            ("secretsmanager", world.secrets),
            ("elasticache", world.users),
            ("stepfunctions", world.machine),
            ("sns", world.topic),
        ):
            methods[service].update(name for name, _ in fake.faults.calls)
    return {
        f"{PREFIXES.get(service, service)}:{call}"
        for service, methods_of in calls.items()
        for call, by in methods_of.items()
        if methods[service] & set(by)
    }


@pytest.mark.parametrize("module", sorted(path.stem for path in FUNCTIONS.glob("*.py")))
def test_a_role_allows_what_its_function_calls_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    assert called(monkeypatch, module) == allowed(module.title().replace("_", ""))


def test_only_a_user_that_carries_the_tag_can_be_modified_unless_the_stack_is_pinned() -> None:
    tagged = {"Null": {f"aws:ResourceTag/{BINDING_TAG}": "false"}}
    conditions = [
        statement["Condition"]
        for role in ROLES
        for statement in statements_of(role)
        if "elasticache:ModifyUser" in statement["Action"]
    ]
    assert conditions == [{"Fn::If": ["IsPinned", {"Ref": "AWS::NoValue"}, tagged]}] * 2


def test_a_key_can_be_used_through_secrets_manager_only() -> None:
    service = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
    keys = [
        statement["Fn::If"][1]
        for role in ROLES
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Fn::If", [""])[0] == "HasKmsKey"
    ]
    assert len(keys) == 8
    for statement in keys:
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_what_logs_in_is_in_the_vpc() -> None:
    in_vpc = {
        name.removesuffix("Function")
        for name, resource in RESOURCES.items()
        if resource.get("Properties", {}).get("VpcConfig", {}).get("Fn::If", [""])[0] == "IsInVpc"
    }
    assert in_vpc == {"CheckEndpoint", "LogIn", "LogInWithCurrent"}
