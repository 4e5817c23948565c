"""The daily look at every secret that this stack rotates, before somebody misses a rotation.

No secret's value is read. Which user belongs to a secret is in the user's tag, or the stack is
pinned to both.
"""

from collections.abc import Callable, Iterable, Iterator
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
from rotation.records.user import BINDING_TAG, User
from rotation.rules import findings
from rotation.rules.executions import dry_run_of, running_execution_for
from rotation.rules.findings import PASSING, Finding, Kind
from rotation.rules.pin import Pin

SECONDS_UNTIL_A_SECOND_LOOK = 5.0
#: Between two calls of ListExecutions, which has 2 calls a second in most regions, for the whole
#: account (Step Functions guide, "Quotas").
PAUSES_SECONDS = (2.0, 10.0, 30.0, 60.0)
#: All that an execution does besides waiting for the user, with every retry used up.
WORK = timedelta(hours=30)


@dataclass(frozen=True)
class Scope:
    """What is looked at: all secrets that the function rotates, or the one of a pinned stack."""

    function_arn: str
    pin: Pin | None = None


@dataclass
class _Snapshot:
    """What is the same for all secrets.

    ``running`` are the executions and since when they run, ``users`` those that name each secret,
    and ``unread`` the ids of the users whose tags could not be read, with the reason.
    """

    running: dict[str, datetime]
    users: dict[str, list[User]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


class OverdueCheck:
    """One look at all secrets of a scope, and a second one at those where that may help.

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
        machine: StepFunctions,
        *,
        max_modifying_seconds: int,
        require_endpoints: bool,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._scope = scope
        self._secrets = secrets
        self._users = users
        self._machine = machine
        self._longest = timedelta(seconds=max_modifying_seconds) + WORK
        self._require_endpoints = require_endpoints
        self._now = now
        self._sleep = sleep
        self._tags: dict[str, dict[str, str]] = {}

    def run(self) -> tuple[int, list[Finding]]:
        """How many secrets were looked at, and what was found.

        Raises:
            AwsError: the secrets, the users or the executions could not be listed. What goes wrong
                with one secret alone is a finding.
        """
        pin = self._scope.pin
        arns = [pin.secret_arn] if pin else self._secrets.rotated_by(self._scope.function_arn)
        snapshot = self._take_snapshot()
        found = {arn: list(self._findings(arn, snapshot)) for arn in arns}
        doubtful = {
            arn: kinds
            for arn in arns
            if (kinds := {finding.kind for finding in found[arn]} & PASSING)
        }
        if doubtful:
            self._sleep(SECONDS_UNTIL_A_SECOND_LOOK)
            snapshot = self._take_snapshot()
        for arn, kinds in doubtful.items():
            again = self._findings(arn, snapshot)
            found[arn] = [finding for finding in again if finding.kind not in PASSING - kinds]
        return len(arns), [finding for arn in arns for finding in found[arn]]

    def _take_snapshot(self) -> _Snapshot:
        snapshot = _Snapshot(self._running())
        if self._scope.pin:
            return snapshot
        for user in self._users.users():
            # AWS's own, which no secret can have.
            if user.user_id == "default":
                continue
            try:
                if user.arn not in self._tags:
                    self._tags[user.arn] = self._users.tags(user.arn)
            except RotationError as error:
                snapshot.unread[user.user_id] = str(error)
                continue
            bound_to = self._tags[user.arn].get(BINDING_TAG, "")
            snapshot.users.setdefault(bound_to, []).append(user)
        return snapshot

    def _running(self) -> dict[str, datetime]:
        for pause in PAUSES_SECONDS:
            try:
                return self._machine.running()
            except (ThrottlingError, ServiceUnavailableError):
                self._sleep(pause)
        return self._machine.running()

    def _findings(self, secret_arn: str, snapshot: _Snapshot) -> Iterator[Finding]:
        name = secret_arn
        try:
            secret = self._secrets.describe(secret_arn)
            name = secret.name
            yield from self._look_at(secret, snapshot)
        except RotationError as error:
            yield Finding(name, "NotLookedAt", f"Secret {name}: {error}")
        except Exception as error:
            # A bug, or an answer of AWS that nobody expected: the other secrets are looked at.
            problem = f"{type(error).__name__} in the daily check"
            yield Finding(name, "NotLookedAt", f"Secret {name}: {problem}.")

    def _look_at(self, secret: SecretDescription, snapshot: _Snapshot) -> Iterator[Finding]:
        now = self._now()
        pending = _pending(secret)
        execution = _execution_of(pending, snapshot.running) if pending else None
        if execution:
            # What else there is to see changes while it runs.
            duration = now - snapshot.running[execution]
            if duration > self._longest:
                yield findings.running_too_long(secret, execution, duration)
            return
        users = self._users_of(secret, snapshot)
        if isinstance(users, Finding):
            pinned = self._scope.pin is not None
            if users.kind == "UserMissing" and not secret.schedule.enabled and not pinned:
                # Off, and no user names it any more: it has been taken out of this stack.
                return
            yield users
            users = []
        # Until its window ends, Secrets Manager may try a rotation again that has failed.
        blocked = bool(pending) and not secret.schedule.is_window_open(now)
        yield from findings.of_schedule(secret, self._scope.function_arn, now, blocked=blocked)
        for user in users:
            yield from findings.of_user(
                user,
                secret,
                lambda: self._secrets.versions(secret.arn),
                other_rotations=bool(snapshot.running),
                require_endpoints=self._require_endpoints,
            )
        yield from findings.of_replicas(secret)
        if blocked:
            yield findings.blocked(secret, pending)

    def _users_of(self, secret: SecretDescription, snapshot: _Snapshot) -> list[User] | Finding:
        """Who names the secret, or why nobody is known to."""
        if pin := self._scope.pin:
            try:
                return [self._users.user(pin.user_arn.rsplit(":", 1)[1])]
            except RotationError as error:
                gone = isinstance(error, UserNotFoundError)
                kind: Kind = "UserMissing" if gone else "NotLookedAt"
                return Finding(secret.name, kind, f"The user of secret {secret.name}: {error}")
        users = snapshot.users.get(secret.name, []) + snapshot.users.get(secret.arn, [])
        if users:
            return users
        if snapshot.unread:
            user_id, reason = next(iter(snapshot.unread.items()))
            return Finding(
                secret.name,
                "NotLookedAt",
                f"The user of secret {secret.name} may be one of those whose tags cannot be read "
                f"({', '.join(snapshot.unread)}). {user_id}: {reason}",
            )
        return findings.user_missing(secret)


def _pending(secret: SecretDescription) -> str:
    """The version that is being rotated to, or empty."""
    pending = secret.version_with(AWSPENDING) or ""
    return "" if pending == secret.version_with(AWSCURRENT) else pending


def _execution_of(pending: str, running: Iterable[str]) -> str | None:
    """The one that rotates to the version, or tests it: RotateImmediately=false stages one too."""
    names = (pending, dry_run_of(pending))
    return next(filter(None, (running_execution_for(name, running) for name in names)), None)
