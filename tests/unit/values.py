"""The names and values of the unit tests."""

import json
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.records.endpoint import Endpoint
from rotation.records.execution_name import ExecutionName
from rotation.records.password import PasswordRules
from rotation.records.target import Target
from rotation.records.user import User

Json = dict[str, Any]
#: A fake calls no service.
NO_CLIENT: Any = None

SECRET_NAME = "redis/app"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redis/app-AbCdEf"
USER_ARN = "arn:aws:elasticache:us-east-1:123456789012:user:app-id"
USER_ID = "app-id"
USERNAME = "app"
TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:on-call"
MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:stack-rotation"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:stack-RotateSecretFunction"
EXECUTION_ARN = "arn:aws:states:us-east-1:123456789012:execution:stack-rotation:run-1"

# Version ids have 32 to 64 characters.
CURRENT = "11111111-1111-4111-8111-111111111111"
PENDING = "22222222-2222-4222-8222-222222222222"
PREVIOUS = "33333333-3333-4333-8333-333333333333"
OTHER = "44444444-4444-4444-8444-444444444444"

CURRENT_PASSWORD = "Current~Passw0rd~Kj8sQ2vX"
PENDING_PASSWORD = "Pending~Passw0rd~Zt5mW9rB"
PREVIOUS_PASSWORD = "Previous~Passw0rd~Lc3nH7yD"
OTHER_PASSWORD = "Other~Passw0rd~Uf6pE1gA"
NEW_PASSWORD = "Generated~Passw0rd~Vb4kT0xN"
ALL_PASSWORDS = (
    CURRENT_PASSWORD,
    PENDING_PASSWORD,
    PREVIOUS_PASSWORD,
    OTHER_PASSWORD,
    NEW_PASSWORD,
)
#: As in two public captures of Secrets Manager's events: letters, digits and hyphens.
ROTATION_TOKEN = "9f1c6e2a-Rotation-Token-Xq7-3b8d5f0e4c61"  # pragma: allowlist secret
#: No event, history, log, metric or exception holds these.
SENSITIVE = (*ALL_PASSWORDS, ROTATION_TOKEN)


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
ENDPOINT = Endpoint("cache-1", "node-1.cache.example", 6379)


def secret_text(password: str | None, **more: Any) -> str:
    fields: dict[str, Any] = {"username": USERNAME, "user_arn": USER_ARN, **more}
    return json.dumps(fields | ({"password": password} if password else {}))


def make_user(*, user_id: str = USER_ID, **fields: Any) -> User:
    return replace(
        User(
            arn=USER_ARN.replace(USER_ID, user_id),
            name=USERNAME,
            status="active",
            access_string="on ~* +@all",
            authentication="password",
            password_count=1,
            group_ids=("group-1",),
        ),
        **fields,
    )


def make_target(**fields: Any) -> Target:
    return replace(
        Target(
            secret_arn=SECRET_ARN,
            version_id=PENDING,
            current_version_id=CURRENT,
            pending_version_at_check=PENDING,
            user_arn=USER_ARN,
            username=USERNAME,
            authentication="password",
            turn_on=False,
            dry_run=False,
        ),
        **fields,
    )


#: Characters that a password may have.
PASSWORD_CHARACTERS = "".join(
    char for char in string.ascii_letters + string.digits + string.punctuation if char not in ',"/@'
)
#: What a stack asks of a new password by default.
RULES = PasswordRules(32, f"{string.ascii_letters}{string.digits}-_")


def execution_name(version_id: str, attempt: int) -> str:
    """The name of the version's ``attempt``-th execution."""
    return str(replace(ExecutionName.first_attempt(version_id), attempt=attempt))


def entered(state: str, data: object = None) -> Json:
    """An event of a history: a state is entered."""
    details = {"name": state} | ({} if data is None else {"input": json.dumps(data)})
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": details}


def exited(state: str, data: object) -> Json:
    """An event of a history: a state is left."""
    details = {"name": state, "output": json.dumps(data)}
    return {"type": "TaskStateExited", "stateExitedEventDetails": details}


def failed(error: str) -> Json:
    """An event of a history: a task fails."""
    return {"type": "TaskFailed", "taskFailedEventDetails": {"error": error}}
