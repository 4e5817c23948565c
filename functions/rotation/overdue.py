"""The daily look at every secret that this stack rotates, before somebody misses a rotation.

No secret's value is read. Which user belongs to a secret is told by the user's tag, or by the
stack that is pinned to both.
"""

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from rotation.elasticache import ElastiCache
from rotation.errors import (
    ConfigurationError,
    RotationError,
    ServiceUnavailableError,
    ThrottlingError,
    UserNotFoundError,
)
from rotation.executions import dry_run_of, running_execution_for
from rotation.message import Message
from rotation.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    SecretsManager,
)
from rotation.settings import required
from rotation.step_functions import StepFunctions
from rotation.user import BINDING_TAG, User

Kind = Literal[
    "Overdue",
    "RotationOff",
    "Blocked",
    "RunningTooLong",
    "UserNotActive",
    "UserMissing",
    "UserOff",
    "UserWithoutPassword",
    "UnexpectedPasswordCount",
    "NotLookedAt",
]

#: What may be so for a moment, and is told only if a second look finds it again: a version is
#: staged before its execution starts, and a user in transition has no tags.
PASSING: set[Kind] = {"Blocked", "UserNotActive", "UserMissing", "NotLookedAt"}
SECONDS_UNTIL_A_SECOND_LOOK = 5.0
#: Between two calls of ListExecutions, which has 2 calls a second in most regions, for the whole
#: account (Step Functions guide, "Quotas").
PAUSES_SECONDS = (2.0, 10.0, 30.0, 60.0)
#: All that an execution does besides waiting for the user, with every retry used up.
WORK = timedelta(hours=30)
#: A message may have 256 KiB (SNS API reference, Publish).
MOST_FINDINGS = 200


@dataclass(frozen=True)
class Finding:
    """A secret that somebody has to look at: its name, the kind, and what was found and to do."""

    secret: str
    kind: Kind
    told: str

    def to_state(self) -> dict[str, str]:
        """As JSON of the function's answer."""
        return {"Secret": self.secret, "Kind": self.kind, "Message": self.told}


@dataclass(frozen=True)
class Scope:
    """What is looked at: all secrets that the function rotates, or the one of a pinned stack."""

    function_arn: str
    secret_arn: str = ""
    user_arn: str = ""

    @classmethod
    def from_env(cls) -> "Scope":
        """From ROTATION_FUNCTION_ARN, SECRET_ARN and USER_ARN.

        Raises:
            ConfigurationError: the first is missing, or only one of the other two.
        """
        function = required("ROTATION_FUNCTION_ARN")
        secret, user = os.environ.get("SECRET_ARN", ""), os.environ.get("USER_ARN", "")
        if bool(secret) != bool(user):
            raise ConfigurationError("Set the environment variables SECRET_ARN and USER_ARN both.")
        return cls(function, secret, user)


@dataclass
class _Around:
    """What is the same for all secrets: the executions that run, and whose user is whose.

    ``unread`` are the users whose tags could not be read, with the reason.
    """

    running: dict[str, datetime]
    users: dict[str, list[User]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


class OverdueCheck:
    """One look at all secrets of a scope, and a second one at those where that may help.

    Args:
        bound: how long a user may be modifying, in seconds.
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
        bound: int,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._scope = scope
        self._secrets = secrets
        self._users = users
        self._machine = machine
        self._longest = timedelta(seconds=bound) + WORK
        self._now = now
        self._sleep = sleep
        self._tags: dict[str, dict[str, str]] = {}

    def run(self) -> tuple[int, list[Finding]]:
        """How many secrets were looked at, and what was found.

        Raises:
            AwsError: the secrets, the users or the executions could not be listed. What goes wrong
                with one secret alone is a finding.
        """
        pinned = self._scope.secret_arn
        arns = [pinned] if pinned else self._secrets.rotated_by(self._scope.function_arn)
        around = self._look_around()
        found = {arn: list(self._findings(arn, around)) for arn in arns}
        doubtful = {
            arn: kinds for arn in arns if (kinds := {each.kind for each in found[arn]} & PASSING)
        }
        if doubtful:
            self._sleep(SECONDS_UNTIL_A_SECOND_LOOK)
            around = self._look_around()
        for arn, kinds in doubtful.items():
            again = self._findings(arn, around)
            found[arn] = [each for each in again if each.kind not in PASSING - kinds]
        return len(arns), [each for arn in arns for each in found[arn]]

    def _look_around(self) -> _Around:
        around = _Around(self._running())
        if self._scope.user_arn:
            return around
        for user in self._users.users():
            # AWS's own, which no secret can have.
            if user.user_id == "default":
                continue
            try:
                if user.arn not in self._tags:
                    self._tags[user.arn] = self._users.tags(user.arn)
            except RotationError as error:
                around.unread[user.user_id] = str(error)
                continue
            bound_to = self._tags[user.arn].get(BINDING_TAG, "")
            around.users.setdefault(bound_to, []).append(user)
        return around

    def _running(self) -> dict[str, datetime]:
        for pause in PAUSES_SECONDS:
            try:
                return self._machine.running()
            except (ThrottlingError, ServiceUnavailableError):
                self._sleep(pause)
        return self._machine.running()

    def _findings(self, secret_arn: str, around: _Around) -> Iterator[Finding]:
        try:
            secret = self._secrets.describe(secret_arn)
        except RotationError as error:
            yield Finding(secret_arn, "NotLookedAt", f"Secret {secret_arn}: {error}")
            return
        pending = _pending(secret)
        execution = _execution_of(pending, around.running) if pending else None
        if execution:
            # What else there is to see changes while it runs.
            ran = self._now() - around.running[execution]
            if ran > self._longest:
                yield Finding(
                    secret.name,
                    "RunningTooLong",
                    f"The rotation of secret {secret.name} has been running for {_hours(ran)}: "
                    f"execution {execution}. Look at the state that it is in; stop it, and rotate "
                    "by hand.",
                )
            return
        users = self._users_of(secret, around)
        if isinstance(users, Finding):
            pinned = bool(self._scope.user_arn)
            if users.kind == "UserMissing" and not secret.schedule.enabled and not pinned:
                # Off, and no user names it any more: it has been taken out of this stack.
                return
            yield users
            users = []
        # Until its window ends, Secrets Manager may try a rotation again that has failed.
        blocked = bool(pending) and not secret.schedule.is_window_open(self._now())
        yield from self._of_the_schedule(secret, blocked=blocked)
        for user in users:
            yield from _of_a_user(user, secret, busy=bool(around.running))
        if blocked:
            yield _blocked(secret, pending)

    def _of_the_schedule(self, secret: SecretDescription, *, blocked: bool) -> Iterator[Finding]:
        schedule = secret.schedule
        if schedule.function_arn != self._scope.function_arn or not schedule.enabled:
            by = schedule.function_arn or "no function"
            how = "off" if schedule.function_arn == self._scope.function_arn else f"done by {by}"
            yield Finding(
                secret.name,
                "RotationOff",
                f"The rotation of secret {secret.name} is {how}. Switch it on with RotateSecret, "
                "or take the secret out: remove its user's tag "
                f"{BINDING_TAG}, or the stack that is pinned to it.",
            )
        elif schedule.is_overdue(self._now()) and not blocked:
            was = "never rotated"
            if schedule.last:
                was = f"last rotated or given a new value on {schedule.last:%Y-%m-%d}"
            yield Finding(
                secret.name,
                "Overdue",
                f"Secret {secret.name} was due by {schedule.due:%Y-%m-%d}, and was {was}. Look "
                "why its last execution failed, or why there was none; then rotate it.",
            )

    def _users_of(self, secret: SecretDescription, around: _Around) -> list[User] | Finding:
        """Who names the secret, or why nobody is known to."""
        if arn := self._scope.user_arn:
            try:
                return [self._users.user(arn.rsplit(":", 1)[1])]
            except RotationError as error:
                gone = isinstance(error, UserNotFoundError)
                kind: Kind = "UserMissing" if gone else "NotLookedAt"
                return Finding(secret.name, kind, f"The user of secret {secret.name}: {error}")
        users = around.users.get(secret.name, []) + around.users.get(secret.arn, [])
        if users:
            return users
        if around.unread:
            user_id, reason = next(iter(around.unread.items()))
            return Finding(
                secret.name,
                "NotLookedAt",
                f"The user of secret {secret.name} may be one of those whose tags cannot be read "
                f"({', '.join(around.unread)}). {user_id}: {reason}",
            )
        return Finding(
            secret.name,
            "UserMissing",
            f"No user names secret {secret.name} in its tag {BINDING_TAG}: it was deleted, or has "
            "lost the tag. Tag it again, or turn the rotation of the secret off.",
        )


def _pending(secret: SecretDescription) -> str:
    """The version that is being rotated to, or empty."""
    pending = secret.version_with(AWSPENDING) or ""
    return "" if pending == secret.version_with(AWSCURRENT) else pending


def _execution_of(pending: str, running: Iterable[str]) -> str | None:
    """The one that rotates to the version, or tests it: RotateImmediately=false stages one too."""
    names = (pending, dry_run_of(pending))
    return next(filter(None, (running_execution_for(name, running) for name in names)), None)


def _blocked(secret: SecretDescription, pending: str) -> Finding:
    """With Secrets Manager's own remedy (user guide, "Troubleshoot rotation")."""
    names = f"--secret-id {secret.name} --version-stage {AWSPENDING}"
    command = f"aws secretsmanager update-secret-version-stage {names}"
    return Finding(
        secret.name,
        "Blocked",
        f"Secret {secret.name} is blocked: {AWSPENDING} is on version {pending}, which is not "
        f"{AWSCURRENT}, and no execution rotates to it. Until the label is gone, Secrets Manager "
        "neither rotates the secret nor changes its schedule. Take it off, and rotate again: "
        f"`{command} --remove-from-version-id {shlex.quote(pending)}`.",
    )


def _of_a_user(user: User, secret: SecretDescription, *, busy: bool) -> Iterator[Finding]:
    def found(kind: Kind, what: str) -> Finding:
        return Finding(secret.name, kind, f"User {user.user_id} of secret {secret.name} {what}")

    # Another rotation may make a user of the same group busy.
    if user.status != "active" and not (user.status == "modifying" and busy):
        yield found(
            "UserNotActive",
            f"has status {user.status}. Look who changes it, and whether it becomes active: a user "
            "who is not cannot be rotated.",
        )
    if secret.schedule.last:
        if user.authentication != "password" or not user.password_count:
            yield found(
                "UserWithoutPassword",
                f"has no password (authentication type {user.authentication}), although its secret "
                "was rotated, or given a new value. Give it AWSCURRENT's password; if the secret "
                "has none yet, rotate it; or turn the rotation off.",
            )
        elif not user.enabled:
            yield found(
                "UserOff",
                "is off, although its secret was rotated, or given a new value. Turn it on with "
                '"on" in its access string, or turn the rotation off.',
            )
    # After a rotation two are right, and one after a first rotation or a leak.
    never = not secret.schedule.last and not secret.version_with(AWSPREVIOUS)
    if never and user.password_count > 1:
        yield found(
            "UnexpectedPasswordCount",
            f"has {user.password_count} passwords, although the secret was never rotated. If a "
            "rotation has failed, the second is its new one. Otherwise the first rotation takes "
            "away the one that is not in the secret: see that no client logs in with it.",
        )


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.0f} hours"


def message_of(findings: Sequence[Finding]) -> Message:
    """Of what the daily check has found."""
    secrets = len({finding.secret for finding in findings})
    more = len(findings) - MOST_FINDINGS
    return Message.of(
        f"{secrets} secret{'s' if secrets > 1 else ''} to look at: the daily check of rotations",
        *(f"{finding.kind}. {finding.told}" for finding in findings[:MOST_FINDINGS]),
        f"And {more} more, in the log of the function." if more > 0 else "",
        'What each means, and what to do: docs/troubleshooting.md, "What the daily check finds".',
    )
