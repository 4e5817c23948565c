"""The functions' surroundings, in memory: what the rules need of AWS and of a cache.

Each fake has its adapter's public methods with their signatures (``test_fakes.py`` checks that),
and ``faults``: exceptions to raise at the next calls, before or after they have had their effect.
"""

import json
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotation import errors
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    Version,
)
from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.adapters.topic import Message, Topic
from rotation.records.endpoint import Endpoint
from rotation.records.execution_name import ExecutionName
from rotation.records.password import PasswordRules, is_valid
from rotation.records.schedule import Schedule
from rotation.records.secret import SecretValue
from rotation.records.target import Target
from rotation.records.user import User, user_id_in

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


class Faults:
    """What the next calls of a fake raise."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._queued: list[tuple[str, BaseException, bool]] = []

    def raise_at(self, method: str, error: BaseException, *, after: bool = False) -> None:
        """At the next call of the method; ``after`` it has had its effect: the answer is lost."""
        self._queued.append((method, error, after))

    @contextmanager
    def at(self, method: str, *arguments: Any) -> Iterator[None]:
        self.calls.append((method, arguments))
        self._raise(method, after=False)
        yield
        self._raise(method, after=True)

    def called(self, method: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.calls if name == method]

    def _raise(self, method: str, *, after: bool) -> None:
        for queued in self._queued:
            if queued[0] == method and queued[2] is after:
                self._queued.remove(queued)
                raise queued[1]


class FakeSecretsManager(SecretsManager):
    """One secret, with AWS's rules for staging labels; ``texts`` has None for "no value yet"."""

    def __init__(self) -> None:
        super().__init__(NO_CLIENT)
        self.faults = Faults()
        self.exists = True
        self.deleted = False
        self.texts: dict[str, str | bytes | None] = {}
        self.labels: dict[str, set[str]] = {}
        self.generated = NEW_PASSWORD
        self.kms_key = ""
        self.created: dict[str, datetime] = {}
        self.schedule = Schedule(
            function_arn=FUNCTION_ARN,
            enabled=True,
            after_days=30,
            last=NOW - timedelta(days=10),
            next=NOW + timedelta(days=20),
        )
        self.failed_replicas: dict[str, str] = {}

    def add(self, version_id: str, text: str | bytes | None, *labels: str) -> None:
        """Each version is newer than those before it, and older than the longest execution."""
        self.texts[version_id] = text
        self.created.setdefault(version_id, LONG_AGO + timedelta(minutes=len(self.created)))
        for label in labels:
            self._attach(label, version_id)

    def version_with(self, label: str) -> str | None:
        return next((version for version, labels in self.labels.items() if label in labels), None)

    def snapshot(self) -> dict[str, Any]:
        """Everything, to compare."""
        stages = {version: sorted(labels) for version, labels in self.labels.items() if labels}
        return {"texts": dict(self.texts), "labels": stages}

    def describe(self, secret_id: str) -> SecretDescription:
        with self.faults.at("describe", secret_id):
            if not self.exists or secret_id not in (SECRET_NAME, SECRET_ARN):
                raise errors.SecretNotFoundError(f"DescribeSecret on {secret_id}.")
            if self.deleted:
                raise errors.SecretDeletedError(f"Secret {secret_id} is marked for deletion.")
            labels = self.labels.items()
            stages = {version: frozenset(on_it) for version, on_it in labels if on_it}
        return SecretDescription(
            SECRET_ARN,
            SECRET_NAME,
            stages,
            self.schedule,
            failed_replicas=self.failed_replicas,
            kms_key=self.kms_key,
        )

    def rotated_by(self, function_arn: str) -> list[str]:
        with self.faults.at("rotated_by", function_arn):
            listed = self.exists and not self.deleted
            return [SECRET_ARN] if listed and self.schedule.function_arn == function_arn else []

    def read(self, secret_arn: str, version_id: str) -> SecretValue:
        with self.faults.at("read", secret_arn, version_id):
            if self.deleted:
                raise errors.SecretDeletedError(f"Secret {secret_arn} is marked for deletion.")
            if not version_id:
                raise errors.UnexpectedAwsError("GetSecretValue was not sent.")
            text = self.texts.get(version_id)
            if text is None:
                raise errors.VersionNotReadableError(f"Version {version_id} has no value.")
            if isinstance(text, bytes):
                raise errors.SecretFormatError(f"Version {version_id} is binary.")
        return SecretValue.parse(text, f"Version {version_id} of secret {secret_arn}")

    def versions(self, secret_arn: str) -> list[Version]:
        with self.faults.at("versions", secret_arn):
            versions = [Version(version_id, self.created[version_id]) for version_id in self.texts]
        return sorted(versions, key=lambda version: version.created, reverse=True)

    def put_pending(
        self, secret_arn: str, version_id: str, text: str, rotation_token: str = ""
    ) -> None:
        with self.faults.at("put_pending", secret_arn, version_id, rotation_token):
            if self.texts.get(version_id) not in (None, text):
                raise errors.RotationSupersededError(f"Version {version_id} has another value.")
            if self.texts.get(version_id) is None:
                self.add(version_id, text, AWSPENDING)

    def move_label(
        self, secret_arn: str, label: str, *, to: str | None, away_from: str | None
    ) -> None:
        with self.faults.at("move_label", secret_arn, label, to, away_from):
            for version in filter(None, (to, away_from)):
                if version not in self.texts:
                    raise errors.SecretNotFoundError(f"There is no version {version}.")
            holder = self.version_with(label)
            if holder != away_from:
                raise errors.RotationSupersededError(f"{label} is on {holder}, not on {away_from}.")
            if holder is not None:
                self.labels[holder].discard(label)
            if to is not None:
                self._attach(label, to)
            if label == AWSCURRENT and holder is not None:
                self._attach(AWSPREVIOUS, holder)

    def random_password(self, rules: PasswordRules) -> str:
        with self.faults.at("random_password", rules):
            return self.generated

    def _attach(self, label: str, version_id: str) -> None:
        for labels in self.labels.values():
            labels.discard(label)
        self.labels.setdefault(version_id, set()).add(label)


class FakeElastiCache(ElastiCache):
    """One user, whose passwords change at once unless ``status`` says that it is modifying."""

    def __init__(self, user: User, passwords: list[str]) -> None:
        super().__init__(NO_CLIENT)
        self.faults = Faults()
        self.found: User | None = user
        self.passwords = passwords
        self.its_tags = {"rotation-secret": SECRET_NAME}
        self.its_endpoints = [ENDPOINT]

    def change(self, **fields: Any) -> None:
        assert self.found
        self.found = replace(self.found, **fields)

    def snapshot(self) -> dict[str, Any]:
        return {"user": self.found, "passwords": list(self.passwords)}

    def user(self, user_arn: str) -> User:
        with self.faults.at("user", user_arn):
            if self.found is None or user_id_in(user_arn) != self.found.user_id:
                raise errors.UserNotFoundError(f"There is no user {user_arn}.")
            return self.found

    def users(self) -> list[User]:
        with self.faults.at("users"):
            return [self.found] if self.found else []

    def tags(self, user_arn: str) -> dict[str, str]:
        with self.faults.at("tags", user_arn):
            return dict(self.its_tags)

    def set_passwords(
        self, user_arn: str, passwords: list[str], *, access_string: str | None = None
    ) -> None:
        with self.faults.at("set_passwords", user_arn, list(passwords), access_string):
            # What AWS looks at itself is no call of ours.
            user = self.found
            if user is None or user_arn != user.arn:
                raise errors.UserNotFoundError(f"There is no user {user_arn}.")
            if user.status != "active":
                raise errors.UserBusyError(f"User {user_arn} has status {user.status}.")
            unique = list(dict.fromkeys(passwords))
            if len(unique) not in (1, 2) or not all(map(is_valid, unique)):
                raise errors.UnexpectedAwsError("ModifyUser answered InvalidParameterValue.")
            self.passwords = unique
            self.change(
                authentication="password",
                password_count=len(unique),
                access_string=access_string or user.access_string,
            )

    def endpoints(self, user: User) -> list[Endpoint]:
        with self.faults.at("endpoints", user.user_id):
            return list(self.its_endpoints)


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


@dataclass
class FakeMachine:
    """The executions: for each name, the statuses that the next calls find."""

    statuses: dict[str, list[str]] = field(default_factory=dict)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    running_by_hand: list[str] = field(default_factory=list)
    running_since: datetime = NOW
    error: str = "PasswordRefusedError"
    cause: str = "The new password does not log in."
    history: list[Json] = field(default_factory=lambda: [entered("Log In")])
    stopped_at: datetime = NOW


class FakeStepFunctions(StepFunctions):
    """Executions by name. One that is started is RUNNING until its next status is found."""

    def __init__(self) -> None:
        super().__init__(NO_CLIENT, MACHINE_ARN)
        self.faults = Faults()
        self.machine = FakeMachine()
        self.becomes = ["RUNNING"]

    def start(self, name: str, execution_input: dict[str, Any]) -> Execution | None:
        with self.faults.at("start", name, execution_input):
            running = self.machine.statuses.get(name, [])[:1] == ["RUNNING"]
            if name in self.machine.statuses:
                same = self.machine.inputs.get(name, execution_input) == execution_input
                return Execution(self.arn(name), "RUNNING") if running and same else None
            self.machine.statuses[name] = list(self.becomes)
            self.machine.inputs[name] = execution_input
        return Execution(self.arn(name), "RUNNING")

    def find(self, name: str) -> Execution | None:
        with self.faults.at("find", name):
            statuses = self.machine.statuses.get(name)
            if not statuses:
                return None
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            failure = (self.machine.error, self.machine.cause) if status == "FAILED" else ("", "")
            stopped_at = None if status == "RUNNING" else self.machine.stopped_at
            return Execution(self.arn(name), status, *failure, stopped_at)

    def running(self) -> dict[str, datetime]:
        with self.faults.at("running"):
            statuses = self.machine.statuses.items()
            arns = [self.arn(name) for name, next_ones in statuses if next_ones[:1] == ["RUNNING"]]
            arns += self.machine.running_by_hand
            return dict.fromkeys(arns, self.machine.running_since)

    def history(
        self, execution_arn: str, *, newest_first: bool = False, with_data: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        with self.faults.at("history", execution_arn):
            yield from self.machine.history

    def arn(self, name: str) -> str:
        return f"{MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"


class FakeTopic(Topic):
    """Keeps what is published."""

    def __init__(self) -> None:
        super().__init__(NO_CLIENT, TOPIC_ARN)
        self.faults = Faults()
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        with self.faults.at("publish", message.subject):
            self.messages.append(message)


class FakeCache:
    """The nodes behind a FakeElastiCache: they accept the logins that the user's ACL accepts."""

    def __init__(self, elasticache: FakeElastiCache) -> None:
        self.faults = Faults()
        self.elasticache = elasticache
        self.opened: list[tuple[Endpoint, str]] = []
        self.tried: list[str] = []
        self.refused: set[str] = set()

    @contextmanager
    def open(self, endpoint: Endpoint, username: str) -> Iterator[NodeConnection]:
        """Stands in for NodeConnection.open."""
        with self.faults.at("open", str(endpoint), username):
            self.opened.append((endpoint, username))
        yield FakeNodeConnection(self, endpoint, username)

    def lets_in(self, username: str, password: str) -> bool:
        user = self.elasticache.found
        if user is None or user.name != username or not user.enabled or password in self.refused:
            return False
        return user.authentication == "no-password" or password in self.elasticache.passwords


class FakeNodeConnection(NodeConnection):
    """Only the network is replaced: the rules about passwords are NodeConnection's own."""

    def __init__(self, cache: FakeCache, endpoint: Endpoint, username: str) -> None:
        super().__init__(endpoint, username, None)  # type: ignore[arg-type]
        self.cache = cache

    def accepts(self, password: str) -> bool:
        with self.cache.faults.at("accepts", self._username):
            self.cache.tried.append(password)
            return self.cache.lets_in(self._username, password)


@dataclass
class FakeContext:
    """The part of Lambda's context that the functions use."""

    function_name: str = "stack-Function"
    aws_request_id: str = "request-1"
    invoked_function_arn: str = FUNCTION_ARN
    remaining: float = 900.0

    slept: list[float] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining * 1000)

    def sleep(self, seconds: float) -> None:
        """Stands in for time.sleep: it takes of the remaining time, and no time."""
        self.slept.append(seconds)
        self.remaining -= seconds


class World:
    """A secret, its user, their caches and the state machine; and a way to call the handlers."""

    def __init__(self) -> None:
        self.secrets = FakeSecretsManager()
        self.secrets.add(PREVIOUS, secret_text(PREVIOUS_PASSWORD), AWSPREVIOUS)
        self.secrets.add(CURRENT, secret_text(CURRENT_PASSWORD), AWSCURRENT)
        self.users = FakeElastiCache(make_user(), [CURRENT_PASSWORD])
        self.machine = FakeStepFunctions()
        self.topic = FakeTopic()
        self.cache = FakeCache(self.users)
        self.context = FakeContext()

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From here on, the handlers get their adapters from this world."""
        monkeypatch.setattr(SecretsManager, "connect", lambda: self.secrets)
        monkeypatch.setattr(ElastiCache, "connect", lambda: self.users)
        monkeypatch.setattr(StepFunctions, "connect", lambda: self.machine)
        monkeypatch.setattr(Topic, "connect", lambda: self.topic)
        monkeypatch.setattr(NodeConnection, "open", self.cache.open)
        monkeypatch.setattr("time.sleep", self.context.sleep)

    def stage(self, text: str | bytes | None = secret_text(PENDING_PASSWORD)) -> None:
        """As after Generate Password; with None, as before createSecret."""
        self.secrets.add(PENDING, text, AWSPENDING)

    def modify(self) -> None:
        """As after Modify User."""
        self.users.passwords = [PENDING_PASSWORD, CURRENT_PASSWORD]
        self.users.change(authentication="password", password_count=2)

    def call(self, handler: Callable[[dict[str, Any], Any], Any], event: dict[str, Any]) -> Any:
        return handler(event, self.context)

    def current_password_logs_in(self) -> bool:
        """The promise of every rotation."""
        version = self.secrets.version_with(AWSCURRENT)
        text = self.secrets.texts[version or ""]
        assert isinstance(text, str)
        return self.cache.lets_in(USERNAME, json.loads(text)["password"])


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
