"""What the daily check can find of a secret and its user, in sentences that say what to do."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretDescription,
    Version,
)
from rotation.adapters.topic import Message
from rotation.records.user import BINDING_TAG, User

Kind = Literal[
    "Overdue",
    "RotationOff",
    "Blocked",
    "RunningTooLong",
    "ReplicaFailed",
    "UserNotActive",
    "UserMissing",
    "UserWithoutGroup",
    "UserOff",
    "UserWithoutPassword",
    "PasswordsReplaced",
    "UnexpectedPasswordCount",
    "NotLookedAt",
]

#: What may be so for a moment only, and counts if a second look finds it again: a version is
#: staged before its execution starts, a user in transition has no tags, and a rotation may end
#: between the look at the user and the look at its secret.
PASSING: set[Kind] = {
    "Blocked",
    "UserNotActive",
    "UserMissing",
    "PasswordsReplaced",
    "NotLookedAt",
}
#: A message may have 256 KiB (SNS API reference, Publish).
MOST_FINDINGS = 200


@dataclass(frozen=True)
class Finding:
    """``secret`` is a name, or an ARN where there is no name; ``message`` also says what to do."""

    secret: str
    kind: Kind
    message: str

    def to_state(self) -> dict[str, str]:
        """As JSON of the function's answer."""
        return {"Secret": self.secret, "Kind": self.kind, "Message": self.message}


def of_schedule(
    secret: SecretDescription, function_arn: str, now: datetime, *, blocked: bool
) -> Iterator[Finding]:
    """A rotation that is off or was missed; of a blocked secret only the former."""
    schedule = secret.schedule
    if schedule.function_arn != function_arn or not schedule.enabled:
        by = schedule.function_arn or "no function"
        how = "off" if schedule.function_arn == function_arn else f"done by {by}"
        yield Finding(
            secret.name,
            "RotationOff",
            f"The rotation of secret {secret.name} is {how}. Turn it on with RotateSecret, or take "
            f"the secret out: remove its user's tag {BINDING_TAG}, or the stack that is pinned to "
            "it.",
        )
    elif schedule.is_overdue(now) and not blocked:
        was = "never rotated"
        if schedule.last:
            was = f"last rotated or given a new value on {schedule.last:%Y-%m-%d}"
        yield Finding(
            secret.name,
            "Overdue",
            f"Secret {secret.name} was due by {schedule.due:%Y-%m-%d}, and was {was}. Find out why "
            "its last execution failed, or why there was none; then rotate it.",
        )


def of_replicas(secret: SecretDescription) -> Iterator[Finding]:
    """Replicas that Secrets Manager could not create or update."""
    for region, reason in secret.failed_replicas.items():
        yield Finding(
            secret.name,
            "ReplicaFailed",
            f"The replica of secret {secret.name} in {region} has failed: "
            f"{reason.rstrip('.') or 'Secrets Manager gives no reason'}. Clients that read it may "
            "get an old password, and only the current and the previous one log in. Remove the "
            "cause, and retry the replication in the console of the primary secret.",
        )


def blocked(secret: SecretDescription, pending: str) -> Finding:
    """With Secrets Manager's own remedy (user guide, "Troubleshoot rotation")."""
    names = f"--secret-id {secret.name} --version-stage {AWSPENDING}"
    command = f"aws secretsmanager update-secret-version-stage {names}"
    return Finding(
        secret.name,
        "Blocked",
        f"Secret {secret.name} is blocked: {AWSPENDING} is on version {pending}, which is not "
        f"{AWSCURRENT}, and no execution rotates to it. Until the label is removed, Secrets "
        "Manager neither rotates the secret nor changes its schedule. Remove it, and rotate again: "
        f"`{command} --remove-from-version-id {shlex.quote(pending)}`.",
    )


def running_too_long(secret: SecretDescription, execution: str, duration: timedelta) -> Finding:
    """Of an execution that all retries together cannot explain."""
    return Finding(
        secret.name,
        "RunningTooLong",
        f"The rotation of secret {secret.name} has been running for "
        f"{duration / timedelta(hours=1):.0f} hours: execution {execution}. Look at the state that "
        "it is in; stop it, and rotate by hand.",
    )


def user_missing(secret: SecretDescription) -> Finding:
    """No tag names the secret. Whom the secret means is in its value, which is not read."""
    return Finding(
        secret.name,
        "UserMissing",
        f"No user names secret {secret.name} in its tag {BINDING_TAG}. The user was deleted, or "
        "has lost the tag: an update by CloudFormation or Terraform may remove a tag that is not "
        "in the template that owns the user. Add the tag there. If the user's tag names another "
        "secret: a user's password is kept in one secret, so turn the rotation of this one off.",
    )


def of_user(
    user: User,
    secret: SecretDescription,
    versions: Callable[[], Sequence[Version]],
    *,
    other_rotations: bool,
    require_endpoints: bool,
) -> Iterator[Finding]:
    """What would make the next rotation fail, or shows that somebody else has changed the user.

    Args:
        user: as DescribeUsers shows it.
        secret: the user's.
        versions: all versions of the secret; asked only for a user with one password.
        other_rotations: whether executions run, which may make users of the same group busy.
        require_endpoints: whether the stack refuses a user without a cache.
    """

    def finding(kind: Kind, what: str) -> Finding:
        return Finding(secret.name, kind, f"User {user.user_id} of secret {secret.name} {what}")

    if user.status != "active" and not (user.status == "modifying" and other_rotations):
        yield finding(
            "UserNotActive",
            f"has status {user.status}. Find out what changes it, and whether it becomes active: "
            "a user that is not active cannot be rotated.",
        )
    if require_endpoints and not user.group_ids:
        yield finding(
            "UserWithoutGroup",
            "is in no user group, and this stack requires a cache to log in to "
            "(RequireEndpoints=true): its next rotation fails. An update by CloudFormation or "
            "Terraform may remove a user that the template of the group does not list. Add it "
            "there.",
        )
    rotated = secret.schedule.last
    if rotated and (user.authentication != "password" or not user.password_count):
        yield finding(
            "UserWithoutPassword",
            f"has no password (authentication type {user.authentication}), although its secret "
            "was rotated, or given a new value. Give it AWSCURRENT's password; if the secret has "
            "none yet, rotate it; or turn the rotation off.",
        )
    elif rotated and not user.enabled:
        yield finding(
            "UserOff",
            "is off, although its secret was rotated, or given a new value. An update by "
            'CloudFormation or Terraform turns it off again if its access string there says "off": '
            'change it to "on". Then turn the user on with "on" in its access string. If it is to '
            "stay off, turn the rotation off.",
        )
    elif (
        user.enabled
        and user.password_count == 1
        and _has_version_before_previous(secret, versions())
    ):
        yield finding(
            "PasswordsReplaced",
            "has one password, although a rotation leaves two. Probably an update by "
            "CloudFormation or Terraform has set its passwords again. Start an execution with "
            '"DryRun": true, which logs in with AWSCURRENT on every node. If that is refused, see '
            "CurrentPasswordRefusedError in docs/troubleshooting.md; otherwise rotate, "
            "which ends this finding. It is a false alarm if the secret was rotated only once and "
            "edited as well.",
        )
    if not rotated and not secret.version_with(AWSPREVIOUS) and user.password_count > 1:
        yield finding(
            "UnexpectedPasswordCount",
            f"has {user.password_count} passwords, although the secret was never rotated. If a "
            "rotation has failed, the second is its new one. Otherwise the first rotation removes "
            "the one that is not in the secret: make sure that no client logs in with it.",
        )


def _has_version_before_previous(secret: SecretDescription, versions: Sequence[Version]) -> bool:
    """Whether AWSPREVIOUS is not the secret's first version.

    It is after a first rotation, which leaves one password. An edit makes a version, too: then this
    is true too early, until the next rotation leaves two passwords. Secrets Manager may delete
    versions without a label (API reference, DescribeSecret): then this is false too long.
    """
    previous = secret.version_with(AWSPREVIOUS)
    created = next((each.created for each in versions if each.version_id == previous), None)
    return created is not None and any(each.created < created for each in versions)


def message_of(findings: Sequence[Finding]) -> Message:
    """The notification."""
    secrets = len({finding.secret for finding in findings})
    more = len(findings) - MOST_FINDINGS
    return Message.of(
        f"{secrets} secret{'s' if secrets > 1 else ''} to look at: the daily check of rotations",
        *(f"{finding.kind}. {finding.message}" for finding in findings[:MOST_FINDINGS]),
        f"And {more} more, in the log of the function." if more > 0 else "",
        'What each means, and what to do: docs/troubleshooting.md, "What the daily check finds".',
    )
