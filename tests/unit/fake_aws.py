"""AWS in memory: Secrets Manager, ElastiCache and Step Functions, as far as the rules call them.

Each fake has its adapter's public methods with their signatures (``test_fakes.py`` checks that),
and ``faults``: exceptions to raise at the next calls, before or after they have had their effect.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rotation import errors
from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
    Version,
)
from rotation.adapters.step_functions import Execution, StepFunctions
from rotation.records.endpoint import Endpoint
from rotation.records.password import PasswordRules, is_valid
from rotation.records.schedule import Schedule
from rotation.records.secret import SecretValue
from rotation.records.user import User, user_id_in
from tests.unit.values import (
    ENDPOINT,
    FUNCTION_ARN,
    LONG_AGO,
    MACHINE_ARN,
    NEW_PASSWORD,
    NO_CLIENT,
    NOW,
    SECRET_ARN,
    SECRET_NAME,
    Json,
    entered,
)


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

    def secrets_rotated_by(self, function_arn: str) -> list[str]:
        with self.faults.at("secrets_rotated_by", function_arn):
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


@dataclass
class FakeMachine:
    """The executions: for each name, the statuses that the next calls find."""

    statuses: dict[str, list[str]] = field(default_factory=dict)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    running_by_hand: list[str] = field(default_factory=list)
    running_since: datetime = NOW
    error: str = "PasswordRefusedError"
    cause: str = "The new password does not log in."
    #: Newest first.
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
        with self.faults.at("history", execution_arn, with_data):
            yield from self.machine.history[:: 1 if newest_first else -1]

    def arn(self, name: str) -> str:
        return f"{MACHINE_ARN.replace(':stateMachine:', ':execution:')}:{name}"
