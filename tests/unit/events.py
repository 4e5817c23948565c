"""An event for each handler, and the worlds to call it in."""

import json
from importlib import import_module
from typing import Any

from tests.unit.fakes import World
from tests.unit.values import (
    ENDPOINT,
    EXECUTION_ARN,
    PENDING,
    ROTATION_TOKEN,
    SECRET_ARN,
    Json,
    make_target,
)

#: Executions that make the version PENDING: the rotation function's, and a person's.
BY_TOKEN, BY_HAND = (EXECUTION_ARN.replace("run-1", f"{PENDING}{end}") for end in ("-1", ""))
INPUT: Json = {"SecretId": SECRET_ARN, "ClientRequestToken": PENDING, "Attempt": 1}


def on_target(**fields: Any) -> Json:
    return {"ExecutionArn": BY_TOKEN, "Target": make_target(**fields).to_state()}


def at_endpoint(**fields: Any) -> Json:
    return on_target(**fields) | {"Endpoint": ENDPOINT.to_state()}


def step(name: str, **more: Any) -> Json:
    """As Secrets Manager sends it (user guide, "Rotation by Lambda function")."""
    return {
        "Step": name,
        "SecretId": SECRET_ARN,
        "ClientRequestToken": PENDING,
        "RotationToken": ROTATION_TOKEN,
        **more,
    }


MODIFICATION: Json = {
    "StartedAt": "2026-03-01T12:00:00+00:00",
    "Status": "modifying",
    "Seconds": 123,
    "WaitSeconds": 2,
}
CHECKS: list[Json] = [{"Endpoint": str(ENDPOINT), "CurrentLogsIn": True, "ProvenVersion": ""}]
#: What the run knows once the user is active.
STATE: Json = {
    "Input": INPUT,
    **on_target(),
    "Network": {"Endpoints": [ENDPOINT.to_state()], "Count": 1},
    "Checks": CHECKS,
    "Generation": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modification": MODIFICATION,
}
FAILURE = {"Error": "UserBusyError", "Cause": "It is busy."}
FAILED: Json = {
    **STATE,
    "Failure": FAILURE,
    "Verification": [{"Endpoint": str(ENDPOINT), "Result": "LOGGED_IN"}],
}
UNREACHABLE: Json = {"Endpoints": [], "Count": 0, "Unreachable": FAILURE}

#: By the name of the case: the handler's module and its event.
EVENTS: dict[str, tuple[str, Json]] = {
    "check_target": ("check_target", {"ExecutionArn": BY_TOKEN, "Input": INPUT}),
    "check_target_by_hand": (
        "check_target",
        {"ExecutionArn": EXECUTION_ARN, "Input": {"SecretId": SECRET_ARN}},
    ),
    "find_endpoints": ("find_endpoints", on_target()),
    "find_endpoints_again": ("find_endpoints", on_target() | {"Network": UNREACHABLE}),
    "check_endpoint": ("check_endpoint", at_endpoint()),
    "dry_run": ("check_endpoint", at_endpoint(dry_run=True)),
    "generate_password": ("generate_password", on_target()),
    "generate_password_by_hand": ("generate_password", on_target() | {"ExecutionArn": BY_HAND}),
    "modify_user": ("modify_user", on_target() | {"Checks": CHECKS}),
    "describe_user": ("describe_user", on_target() | {"Modification": MODIFICATION}),
    "log_in": ("log_in", at_endpoint()),
    "promote_version": ("promote_version", on_target()),
    "report_rotation": ("report_rotation", {"ExecutionArn": BY_TOKEN, "State": STATE}),
    "log_in_with_current": ("log_in_with_current", at_endpoint()),
    "close_rotation": ("close_rotation", {"ExecutionArn": BY_TOKEN, "State": FAILED}),
    "close_rotation_without_a_target": (
        "close_rotation",
        {"ExecutionArn": BY_TOKEN, "State": {"Input": INPUT, "Failure": FAILURE}},
    ),
    "notify_failure": (
        "notify_failure",
        {"detail": {"name": f"{PENDING}-1", "status": "FAILED", "input": json.dumps(INPUT)}},
    ),
    "check_overdue": ("check_overdue", {}),
    **{
        name: ("rotate_secret", step(name))
        for name in ("createSecret", "setSecret", "testSecret", "finishSecret")
    },
}
#: Before and after Generate Password, and after Modify User.
STAGES = ("staged", "generated", "modified")


def world_at(stage: str) -> World:
    world = World()
    world.stage(None) if stage == "staged" else world.stage()
    if stage == "modified":
        world.modify()
    world.machine.machine.statuses[f"{PENDING}-1"] = ["SUCCEEDED"]
    return world


def call(world: World, name: str, event: Any = None) -> Any:
    """Call the handler of a case with its event, or with another one."""
    module, own = EVENTS[name]
    return world.call(import_module(module).handler, own if event is None else event)
