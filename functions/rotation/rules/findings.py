"""What the daily check can find, in sentences that say what to do."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from rotation.adapters.secrets_manager import AWSCURRENT, AWSPENDING, SecretDescription
from rotation.adapters.topic import Message
from rotation.errors import RotationError
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
    "NotChecked",
]

#: What may pass, and counts only if a second check finds it again: a version is staged before its
#: execution starts, a user in transition has no tags, and a rotation may end between the reads of
#: the user and of its secret.
MAY_PASS: set[Kind] = {
    "Blocked",
    "UserNotActive",
    "UserMissing",
    "PasswordsReplaced",
    "NotChecked",
}
#: A message may have 256 KiB (SNS API reference, Publish).
MOST_FINDINGS = 200


@dataclass(frozen=True)
class Finding:
    """``secret`` is a name, or an ARN if there is no name; ``message`` also says what to do."""

    secret: str
    kind: Kind
    message: str

    def to_state(self) -> dict[str, str]:
        """As JSON of the function's answer."""
        return {"Secret": self.secret, "Kind": self.kind, "Message": self.message}


def of_user(secret: SecretDescription, user: User, kind: Kind) -> Finding:
    """A finding about a user: `_USER_MESSAGES`."""
    what = _USER_MESSAGES[kind].format(user=user)
    return Finding(secret.name, kind, f"User {user.user_id} of secret {secret.name} {what}")


_USER_MESSAGES: dict[Kind, str] = {
    "UserNotActive": (
        "has status {user.status}. Find out what changes it, and whether it becomes active: "
        "a user that is not active cannot be rotated."
    ),
    "UserWithoutGroup": (
        "is in no user group, and this stack requires a cache to log in to "
        "(RequireEndpoints=true): its next rotation fails. An update by CloudFormation or "
        "Terraform may remove a user that the template of the group does not list. Add it there."
    ),
    "UserWithoutPassword": (
        "has no password (authentication type {user.authentication}), although its secret "
        "was rotated, or given a new value. Give it AWSCURRENT's password; if the secret has "
        "none yet, rotate it; or turn the rotation off."
    ),
    "UserOff": (
        "is off, although its secret was rotated, or given a new value. An update by "
        'CloudFormation or Terraform turns it off again if its access string there says "off": '
        'change it to "on". Then turn the user on with "on" in its access string. If it is to '
        "stay off, turn the rotation off."
    ),
    "PasswordsReplaced": (
        "has one password, although a rotation leaves two. Probably an update by "
        "CloudFormation or Terraform has set its passwords again. Start an execution with "
        '"DryRun": true, which logs in with AWSCURRENT on every node. If that is refused, see '
        "CurrentPasswordRefusedError in docs/troubleshooting.md; otherwise rotate, "
        "which ends this finding. It is a false alarm if the secret was rotated only once and "
        "edited as well."
    ),
    "UnexpectedPasswordCount": (
        "has {user.password_count} passwords, although the secret was never rotated. If a "
        "rotation has failed, the second is its new one. Otherwise the first rotation removes "
        "the one that is not in the secret: make sure that no client logs in with it."
    ),
}


def rotation_off(secret: SecretDescription, function_arn: str) -> Finding:
    """Automatic rotation is off, or calls a function other than ``function_arn``."""
    rotated_by = secret.schedule.function_arn
    how = "off" if rotated_by == function_arn else f"done by {rotated_by or 'no function'}"
    return Finding(
        secret.name,
        "RotationOff",
        f"The rotation of secret {secret.name} is {how}. Turn it on with RotateSecret, or remove "
        f"the secret from this stack: remove its user's tag {BINDING_TAG}, or the stack that is "
        "pinned to it.",
    )


def overdue(secret: SecretDescription) -> Finding:
    """A rotation was missed."""
    was = "never rotated"
    if secret.schedule.last:
        was = f"last rotated or given a new value on {secret.schedule.last:%Y-%m-%d}"
    return Finding(
        secret.name,
        "Overdue",
        f"Secret {secret.name} was due by {secret.schedule.due:%Y-%m-%d}, and was {was}. Find out "
        "why its last execution failed, or why there was none; then rotate it.",
    )


def replica_failed(secret: SecretDescription, region: str, reason: str) -> Finding:
    """Secrets Manager could not create or update a replica."""
    return Finding(
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
    """An execution has run longer than with all retries."""
    return Finding(
        secret.name,
        "RunningTooLong",
        f"The rotation of secret {secret.name} has been running for "
        f"{duration / timedelta(hours=1):.0f} hours: execution {execution}. Check the state that "
        "it is in; stop it, and rotate by hand.",
    )


def user_missing(secret: SecretDescription) -> Finding:
    """No tag names the secret. Its value names a user, but is not read."""
    return Finding(
        secret.name,
        "UserMissing",
        f"No user names secret {secret.name} in its tag {BINDING_TAG}. The user was deleted, or "
        "has lost the tag: an update by CloudFormation or Terraform may remove a tag that is not "
        "in the template that owns the user. Add the tag there. If the user's tag names another "
        "secret: a user's password is kept in one secret, so turn the rotation of this one off.",
    )


def pinned_user(secret: SecretDescription, kind: Kind, error: RotationError) -> Finding:
    """The user of a pinned stack could not be described."""
    return Finding(secret.name, kind, f"The user of secret {secret.name}: {error}")


def tags_unread(secret: SecretDescription, unread: Mapping[str, str]) -> Finding:
    """The user is unknown, because tags could not be read; ``unread`` has the reason by user ID."""
    user_id, reason = next(iter(unread.items()))
    return Finding(
        secret.name,
        "NotChecked",
        f"The user of secret {secret.name} may be one of those whose tags cannot be read "
        f"({', '.join(unread)}). {user_id}: {reason}",
    )


def message_of(findings: Sequence[Finding]) -> Message:
    """The notification."""
    secrets = len({finding.secret for finding in findings})
    more = len(findings) - MOST_FINDINGS
    return Message.of(
        f"{secrets} {'secrets need' if secrets > 1 else 'secret needs'} attention: the daily check",
        *(f"{finding.kind}. {finding.message}" for finding in findings[:MOST_FINDINGS]),
        f"And {more} more, in the log of the function." if more > 0 else "",
        'What each means, and what to do: docs/troubleshooting.md, "What the daily check finds".',
    )
