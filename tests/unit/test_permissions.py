"""Each function's role allows the calls that its handler makes, and no other: IAM's own tests.

The calls are those of the handlers with the events and in the worlds of events.py. The fakes record
them, and test_error_codes.py finds which methods of an adapter make which call.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from local.package import read_template
from rotation.adapters.secrets_manager import AWSPENDING
from rotation.errors import RotationError
from rotation.records.user import BINDING_TAG
from rotation.rules.executions import version_of
from tests.unit.events import EVENTS, STAGES, Event, on_target, prepare, step
from tests.unit.fakes import (
    CURRENT,
    CURRENT_PASSWORD,
    EXECUTION_ARN,
    OTHER,
    OTHER_PASSWORD,
    PENDING,
    PENDING_PASSWORD,
    SECRET_ARN,
    TOPIC_ARN,
    World,
    secret_text,
)
from tests.unit.test_error_codes import ADAPTERS, methods_by_call

RESOURCES = read_template()["Resources"]
ROLES = [each["Properties"] for each in RESOURCES.values() if "Policies" in each["Properties"]]
MODULES = sorted(path.stem for path in Path(__file__).parents[2].glob("functions/*.py"))
#: IAM's prefix of each service, by boto3's name.
PREFIXES = {"stepfunctions": "states"}
Statement = dict[str, Any]


def conditional_statements(role: dict[str, Any]) -> Iterator[tuple[str, Statement]]:
    """Each statement of the role, with the condition under which it is there."""
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            condition, *cases = statement.get("Fn::If", ["", statement])
            yield from ((condition, case) for case in cases if "Action" in case)


def role_of(module: str) -> dict[str, Any]:
    role: dict[str, Any] = RESOURCES[f"{module.title().replace('_', '')}Role"]["Properties"]
    return role


def allowed(module: str) -> set[str]:
    return {
        # By its tag, where an action is for stacks that are not pinned.
        action["Fn::If"][2] if isinstance(action, dict) else action
        for condition, statement in conditional_statements(role_of(module))
        # What is allowed for a key is no call of ours.
        if condition != "HasKmsKeys"
        for action in statement["Action"]
    }


def as_it_is(world: World) -> None: ...


def pending_elsewhere(world: World) -> None:
    world.secrets.add(OTHER, secret_text(OTHER_PASSWORD), AWSPENDING)


def without_pending(world: World) -> None:
    world.secrets.labels[PENDING].clear()


def edited(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(CURRENT_PASSWORD, note="by hand")


def without_password(world: World) -> None:
    world.secrets.texts[CURRENT] = secret_text(None)


def just_rotated(world: World) -> None:
    world.secrets.created |= dict.fromkeys((CURRENT, PENDING), datetime.now(UTC))


#: The version of a run by hand whose name is no UUID.
DERIVED = version_of(EXECUTION_ARN)


def left_by_hand(world: World) -> None:
    world.secrets.add(DERIVED, secret_text(PENDING_PASSWORD), AWSPENDING)


BY_HAND: Event = {"ExecutionArn": EXECUTION_ARN, "Input": {"SecretId": SECRET_ARN}}
#: Where neither the events nor the worlds of events.py lead.
MORE: list[tuple[str, Event, Callable[[World], None]]] = [
    ("check_target", BY_HAND, pending_elsewhere),
    ("check_target", BY_HAND, without_password),
    (
        "generate_password",
        on_target(pending_version_at_check="") | {"ExecutionArn": EXECUTION_ARN},
        without_pending,
    ),
    ("generate_password", on_target(), just_rotated),
    ("modify_user", on_target(turn_on=True), as_it_is),
    ("close_rotation", EVENTS["close_rotation"][1], without_pending),
    ("rotate_secret", step("createSecret"), edited),
    ("rotate_secret", step("createSecret", ClientRequestToken=DERIVED), left_by_hand),
]


def called(monkeypatch: pytest.MonkeyPatch, module: str) -> set[str]:
    # Before the fakes take over, for these are real adapters'.
    calls = {service: methods_by_call(service) for service in ADAPTERS}
    cases = [*((name, event, as_it_is) for name, event in EVENTS.values()), *MORE]
    own = [(event, change) for name, event, change in cases if name == module]
    monkeypatch.setenv("TOPIC_ARN", TOPIC_ARN)
    methods: dict[str, set[str]] = {service: set() for service in calls}
    for (event, change), stage, statuses in product(own, STAGES, (["SUCCEEDED"], ["FAILED"], [])):
        world = World()
        prepare(world, stage)
        change(world)
        world.machine.machine.statuses[f"{PENDING}-1"] = [*statuses]
        world.take_over(monkeypatch)
        with suppress(RotationError):
            world.call(import_module(module).handler, event)
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


@pytest.mark.parametrize("module", MODULES)
def test_a_role_allows_what_its_function_calls_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    assert called(monkeypatch, module) == allowed(module)


def test_only_a_user_that_carries_the_tag_can_be_modified_unless_the_stack_is_pinned() -> None:
    tagged = {"Null": {f"aws:ResourceTag/{BINDING_TAG}": "false"}}
    conditions = [
        statement["Condition"]
        for role in ROLES
        for _, statement in conditional_statements(role)
        if "elasticache:ModifyUser" in statement["Action"]
    ]
    assert conditions == [{"Fn::If": ["IsPinned", {"Ref": "AWS::NoValue"}, tagged]}]


#: What a customer's own key is used for (user guide, "Secret encryption and decryption").
USES_KEY = {
    "secretsmanager:GetSecretValue": {"kms:Decrypt"},
    "secretsmanager:PutSecretValue": {"kms:Decrypt", "kms:GenerateDataKey"},
}


@pytest.mark.parametrize("module", MODULES)
def test_whoever_reads_or_writes_values_can_use_the_key_through_secrets_manager_only(
    module: str,
) -> None:
    statements = conditional_statements(role_of(module))
    keys = [statement for condition, statement in statements if condition == "HasKmsKeys"]
    needed = set().union(*(USES_KEY.get(action, set()) for action in allowed(module)))
    assert {action for statement in keys for action in statement["Action"]} == needed
    service = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
    for statement in keys:
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": service}}
