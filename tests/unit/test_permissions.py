"""Each function's role allows the calls that its handler makes, and no other: IAM's own tests.

The calls are those of the handlers in the worlds of test_leaks.py, told by the fakes, whose methods
lead to API calls as test_error_codes.py finds them.
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
    make_target,
    secret_text,
)
from tests.unit.test_error_codes import ADAPTERS, methods_by_call
from tests.unit.test_leaks import HANDLERS, STAGES, STEP, prepare

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
RESOURCES = read_template()["Resources"]
ROLES = [each for name, each in RESOURCES.items() if "Policies" in each["Properties"]]
#: IAM's prefix of each service, by boto3's name.
PREFIXES = {"stepfunctions": "states"}


def statements_of(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            condition, *cases = statement.get("Fn::If", ["", statement])
            # A statement for a key: what it allows is no call of ours.
            if condition != "HasKmsKeys":
                yield from (each for each in cases if "Action" in each)


def allowed(function: str) -> set[str]:
    return {
        # By its tag, where an action is for stacks that are not pinned.
        action["Fn::If"][2] if isinstance(action, dict) else action
        for statement in statements_of(RESOURCES[f"{function}Role"])
        for action in statement["Action"]
    }


def as_it_is(world: World) -> None:
    pass


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


Way = tuple[dict[str, Any], Callable[[World], None]]
#: Where neither the events nor the worlds of test_leaks.py lead.
MORE: dict[str, list[Way]] = {
    "check_target": [
        ({"Input": {"SecretId": SECRET_ARN}}, change)
        for change in (pending_elsewhere, without_password)
    ],
    "generate_password": [
        ({"Target": make_target(pending_version_at_check="").to_state()}, without_pending),
        ({"Target": make_target().to_state()}, just_rotated),
    ],
    "modify_user": [({"Target": make_target(turn_on=True).to_state()}, as_it_is)],
    "close_rotation": [(HANDLERS["close_rotation"][1], without_pending)],
    "rotate_secret": [
        ({"Step": "createSecret", **STEP}, edited),
        ({"Step": "createSecret", **STEP, "ClientRequestToken": DERIVED}, left_by_hand),
    ],
}


def called(monkeypatch: pytest.MonkeyPatch, module: str) -> set[str]:
    # Before the fakes take over, for these are real adapters'.
    calls = {service: methods_by_call(service) for service in ADAPTERS}
    handle = import_module(module).handler
    ways = [(event, as_it_is) for handler, event in HANDLERS.values() if handler is handle]
    monkeypatch.setenv("TOPIC_ARN", TOPIC_ARN)
    methods: dict[str, set[str]] = {service: set() for service in calls}
    for (event, change), stage, statuses in product(
        [*ways, *MORE.get(module, [])], STAGES, (["SUCCEEDED"], ["FAILED"], [])
    ):
        world = World()
        prepare(world, stage)
        change(world)
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
    assert conditions == [{"Fn::If": ["IsPinned", {"Ref": "AWS::NoValue"}, tagged]}]


#: What a customer's own key is used for (user guide, "Secret encryption and decryption").
USES_KEY = {
    "secretsmanager:GetSecretValue": {"kms:Decrypt"},
    "secretsmanager:PutSecretValue": {"kms:Decrypt", "kms:GenerateDataKey"},
}


@pytest.mark.parametrize("module", sorted(path.stem for path in FUNCTIONS.glob("*.py")))
def test_whoever_reads_or_writes_values_can_use_the_key_through_secrets_manager_only(
    module: str,
) -> None:
    function = module.title().replace("_", "")
    keys = [
        statement["Fn::If"][1]
        for policy in RESOURCES[f"{function}Role"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Fn::If", [""])[0] == "HasKmsKeys"
    ]
    needed = set().union(*(USES_KEY.get(action, set()) for action in allowed(function)))
    assert {action for statement in keys for action in statement["Action"]} == needed
    service = {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}
    for statement in keys:
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": service}}
