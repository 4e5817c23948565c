"""Close Rotation, the handler; its rules are in test_closing.py."""

from datetime import UTC, datetime

import pytest

from close_rotation import handler
from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING
from rotation.errors import ThrottlingError
from tests.unit.conftest import Lines
from tests.unit.events import BY_TOKEN, FAILED
from tests.unit.fakes import World
from tests.unit.values import CURRENT, PENDING, SECRET_ARN, Json


def event(result: str = "LOGGED_IN") -> Json:
    verification = [{"Endpoint": "an endpoint", "Result": result}]
    return {"ExecutionArn": BY_TOKEN, "State": FAILED | {"Verification": verification}}


def test_the_answer_is_what_the_execution_ends_with(staged: World) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    answer = staged.call(handler, event())
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


@pytest.mark.parametrize(
    "result,clients",
    [
        ("LOGGED_IN", "NOT_LOCKED_OUT"),
        ("EndpointUnreachableError", "UNKNOWN"),
        ("PasswordRefusedError", "LOCKED_OUT"),
    ],
)
def test_a_failed_rotation_is_counted_once_by_what_clients_have(
    staged: World, metric_lines: Lines, result: str, clients: str
) -> None:
    staged.secrets.faults.raise_at("move_label", ThrottlingError("too many"), after=True)
    with pytest.raises(ThrottlingError):
        staged.call(handler, event(result))
    staged.call(handler, event(result))
    (line,) = metric_lines()
    assert (line["FailedRotations"], line["clients"]) == ([1.0], clients)


def test_a_rotation_promoted_after_all_is_not_counted(staged: World, metric_lines: Lines) -> None:
    staged.secrets.move_label(SECRET_ARN, AWSCURRENT, to=PENDING, away_from=CURRENT)
    assert staged.call(handler, event())["Promoted"] is True
    assert metric_lines() == []
