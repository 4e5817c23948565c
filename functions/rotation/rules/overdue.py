"""The daily check of every secret that this stack rotates.

It reads no secret's value. The user's tag names the user's secret, unless the stack is pinned to
both.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    SecretDescription,
    SecretsManager,
)
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import (
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
    UserNotFoundError,
)
from rotation.records.execution_name import ExecutionName
from rotation.records.user import BINDING_TAG, User
from rotation.rules import findings, secret_health
from rotation.rules.executions import running_execution_for
from rotation.rules.findings import MAY_PASS, Finding
from rotation.rules.pin import Pin

SECONDS_UNTIL_SECOND_CHECK = 5.0
#: Between two calls of ListExecutions: in most regions, the whole account has 2 a second (Step
#: Functions guide, "Quotas").
PAUSES_SECONDS = (2.0, 10.0, 30.0, 60.0)
#: The longest that an execution takes, besides waiting for the user, if it uses every retry.
WORK = timedelta(hours=30)


@dataclass(frozen=True)
class Scope:
    """What is checked: all secrets that the function rotates, or the one of a pinned stack."""

    function_arn: str
    pin: Pin | None = None


@dataclass
class _Snapshot:
    """What is read once for all secrets.

    Args:
        running: the start times of the running executions, by ARN.
        users: the users that name a secret in their tag, by that name.
        unread: why the tags of a user could not be read, by the user's ID.
    """

    running: dict[str, datetime]
    users: dict[str, list[User]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


class OverdueCheck:
    """Checks all secrets of a scope, and those with findings that may pass a second time.

    Args:
        max_modifying_seconds: how long a user may be modifying.
        require_endpoints: whether the stack refuses a user without a cache.
        now: the present time, with its zone.
        sleep: as time.sleep.
    """

    def __init__(
        self,
        scope: Scope,
        secrets: SecretsManager,
        users: ElastiCache,
        state_machine: StepFunctions,
        *,
        max_modifying_seconds: int,
        require_endpoints: bool,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._scope = scope
        self._secrets = secrets
        self._users = users
        self._state_machine = state_machine
        self._longest = timedelta(seconds=max_modifying_seconds) + WORK
        self._require_endpoints = require_endpoints
        self._now = now
        self._sleep = sleep
        self._tags: dict[str, dict[str, str]] = {}

    def run(self) -> tuple[int, list[Finding]]:
        """The number of secrets that were checked, and the findings.

        Raises:
            AwsError: the secrets, the users or the executions could not be listed. An error with
                one secret is a finding.
        """
        pin = self._scope.pin
        arns = (
            [pin.secret_arn] if pin else self._secrets.secrets_rotated_by(self._scope.function_arn)
        )
        snapshot = self._take_snapshot()
        by_secret = {arn: list(self._findings(arn, snapshot)) for arn in arns}
        may_pass = {
            arn: kinds
            for arn in arns
            if (kinds := {finding.kind for finding in by_secret[arn]} & MAY_PASS)
        }
        if may_pass:
            self._sleep(SECONDS_UNTIL_SECOND_CHECK)
            snapshot = self._take_snapshot()
        for arn, kinds in may_pass.items():
            again = self._findings(arn, snapshot)
            by_secret[arn] = [finding for finding in again if finding.kind not in MAY_PASS - kinds]
        return len(arns), [finding for arn in arns for finding in by_secret[arn]]

    def _take_snapshot(self) -> _Snapshot:
        snapshot = _Snapshot(self._running())
        if self._scope.pin:
            return snapshot
        for user in self._users.users():
            # AWS's own user, which cannot be rotated.
            if user.user_id == "default":
                continue
            try:
                if user.arn not in self._tags:
                    self._tags[user.arn] = self._users.tags(user.arn)
            except RotationError as error:
                snapshot.unread[user.user_id] = str(error)
                continue
            secret_name = self._tags[user.arn].get(BINDING_TAG, "")
            snapshot.users.setdefault(secret_name, []).append(user)
        return snapshot

    def _running(self) -> dict[str, datetime]:
        for pause in PAUSES_SECONDS:
            try:
                return self._state_machine.running()
            except (ThrottlingError, ServiceUnavailableError):
                self._sleep(pause)
        return self._state_machine.running()

    def _findings(self, secret_arn: str, snapshot: _Snapshot) -> Iterator[Finding]:
        name = secret_arn
        try:
            secret = self._secrets.describe(secret_arn)
            name = secret.name
            yield from self._check(secret, snapshot)
        except RotationError as error:
            yield Finding(name, "NotChecked", f"Secret {name}: {error}")
        except Exception as error:
            # A bug, or an unexpected response of AWS: the other secrets are still checked.
            problem = f"{type(error).__name__} in the daily check"
            yield Finding(name, "NotChecked", f"Secret {name}: {problem}.")

    def _check(self, secret: SecretDescription, snapshot: _Snapshot) -> Iterator[Finding]:
        now = self._now()
        pending = _pending(secret)
        execution = _execution_of(pending, snapshot.running)
        if execution:
            # Everything else may change while it runs.
            duration = now - snapshot.running[execution]
            if duration > self._longest:
                yield findings.running_too_long(secret, execution, duration)
            return
        users, problem = self._users_of(secret, snapshot)
        if problem:
            pinned = self._scope.pin is not None
            if problem.kind == "UserMissing" and not secret.schedule.enabled and not pinned:
                # Its rotation is off, and no user names it: it was removed from this stack.
                return
            yield problem
        # Until its window ends, Secrets Manager may retry a rotation that failed.
        blocked = bool(pending) and not secret.schedule.is_window_open(now)
        yield from secret_health.of_secret(secret, self._scope.function_arn, now, blocked=blocked)
        for user in users:
            yield from secret_health.of_user(
                user,
                secret,
                lambda: self._secrets.versions(secret.arn),
                other_rotations=bool(snapshot.running),
                require_endpoints=self._require_endpoints,
            )
        if blocked:
            yield findings.blocked(secret, pending)

    def _users_of(
        self, secret: SecretDescription, snapshot: _Snapshot
    ) -> tuple[list[User], Finding | None]:
        """The users that name the secret, or a finding if there is none."""
        if pin := self._scope.pin:
            try:
                return [self._users.user(pin.user_arn)], None
            except UserNotFoundError as error:
                return [], findings.pinned_user(secret, "UserMissing", error)
            except RotationError as error:
                return [], findings.pinned_user(secret, "NotChecked", error)
        users = snapshot.users.get(secret.name, []) + snapshot.users.get(secret.arn, [])
        if users:
            return users, None
        if snapshot.unread:
            return [], findings.tags_unread(secret, snapshot.unread)
        return [], findings.user_missing(secret)


def _pending(secret: SecretDescription) -> str:
    """The version that a rotation has staged, or empty."""
    pending = secret.version_with(AWSPENDING) or ""
    return "" if pending == secret.version_with(AWSCURRENT) else pending


def _execution_of(pending: str, running: Collection[str]) -> str | None:
    """The execution that rotates to the version, or only tests it (RotateImmediately=false)."""
    if rotating := running_execution_for(pending, running):
        return rotating
    names = ((arn, ExecutionName.parse(arn)) for arn in running)
    testing = (arn for arn, name in names if name and name.is_attempt_for(pending, dry_run=True))
    return next(testing, None)
