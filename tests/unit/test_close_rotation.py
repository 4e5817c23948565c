"""Close Rotation, the handler; its rules are in test_closing.py."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import close_rotation
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.errors import ThrottlingError
from rotation.records.modification import Modification
from tests.unit.fakes import CURRENT, EXECUTION_ARN, NOW, PENDING, SECRET_ARN, World, make_target
from tests.unit.test_report_rotation import metrics_in

STATE: dict[str, Any] = {
    "Input": {"SecretId": SECRET_ARN},
    "Target": make_target().to_state(),
    "Generation": {"Generated": True, "WaitSeconds": 0, "LateSeconds": 45},
    "Modification": Modification.begun(NOW).to_state(),
    "Failure": {"Error": "UserBusyError", "Cause": "It is busy."},
}


def event(**more: Any) -> dict[str, Any]:
    return {"ExecutionArn": EXECUTION_ARN, "State": STATE | more}


def verified(*results: str) -> dict[str, Any]:
    return event(Verification=[{"Endpoint": "e", "Result": each} for each in results])


@pytest.fixture
def staged(world: World) -> World:
    world.stage()
    return world


def test_the_answer_is_what_the_execution_ends_with(staged: World) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = staged.call(close_rotation.handler, verified("LOGGED_IN"))
    assert before <= datetime.fromisoformat(answer["Current"].pop("At")) <= datetime.now(UTC)
    assert answer == {
        "Promoted": False,
        "Error": "UserBusyError",
        "Cause": (
            "It is busy. The user has the new password beside the current one. AWSCURRENT logs in "
            "on 1 of 1 endpoints."
        ),
        "User": "BOTH_PASSWORDS",
        "Pending": "REMOVED",
        "Clients": "NOT_LOCKED_OUT",
        "Current": {"LoggedIn": 1, "Of": 1, "NotTested": []},
    }
    assert staged.secrets.version_with(AWSPENDING) is None


def counted(text: str) -> list[str]:
    return [line["clients"] for line in metrics_in(text) if line["FailedRotations"] == [1.0]]


@pytest.mark.parametrize(
    "result,clients",
    [
        ("LOGGED_IN", "NOT_LOCKED_OUT"),
        ("EndpointUnreachableError", "UNKNOWN"),
        ("PasswordRefusedError", "LOCKED_OUT"),
    ],
)
def test_a_failed_rotation_is_counted_by_what_clients_have(
    staged: World, output: Callable[[], str], result: str, clients: str
) -> None:
    staged.call(close_rotation.handler, verified(result))
    assert counted(output()) == [clients]


def test_a_rotation_that_was_promoted_after_all_is_not_counted(
    staged: World, output: Callable[[], str]
) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert staged.call(close_rotation.handler, event())["Promoted"] is True
    assert metrics_in(output()) == []


def test_a_closing_that_is_tried_again_counts_once(
    staged: World, output: Callable[[], str]
) -> None:
    staged.secrets.faults.raise_at("move_label", ThrottlingError("too many"), after=True)
    with pytest.raises(ThrottlingError):
        staged.call(close_rotation.handler, event())
    staged.call(close_rotation.handler, event())
    assert counted(output()) == ["UNKNOWN"]
