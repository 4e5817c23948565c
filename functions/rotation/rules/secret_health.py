"""Which findings of the daily check a secret and its user give."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from rotation.adapters.secrets_manager import AWSPREVIOUS, SecretDescription, Version
from rotation.records.user import User
from rotation.rules import findings
from rotation.rules.findings import Finding, Kind


def of_secret(
    secret: SecretDescription, function_arn: str, now: datetime, *, blocked: bool
) -> Iterator[Finding]:
    """A rotation that is off or was missed, and replicas that failed.

    A ``blocked`` secret cannot be rotated, so it is not overdue as well.
    """
    schedule = secret.schedule
    if schedule.function_arn != function_arn or not schedule.enabled:
        yield findings.rotation_off(secret, function_arn)
    elif schedule.is_overdue(now) and not blocked:
        yield findings.overdue(secret)
    for region, reason in secret.failed_replicas.items():
        yield findings.replica_failed(secret, region, reason)


def of_user(
    user: User,
    secret: SecretDescription,
    versions: Callable[[], Sequence[Version]],
    *,
    other_rotations: bool,
    require_endpoints: bool,
) -> Iterator[Finding]:
    """What would make the next rotation fail, or shows that somebody else changed the user.

    Args:
        user: as DescribeUsers shows it.
        secret: the user's.
        versions: lists all versions of the secret; called only for a user with one password.
        other_rotations: whether executions run, which may make users of the same group busy.
        require_endpoints: whether the stack refuses a user without a cache.
    """
    kinds: list[Kind] = []
    if user.status != "active" and not (user.status == "modifying" and other_rotations):
        kinds.append("UserNotActive")
    if require_endpoints and not user.group_ids:
        kinds.append("UserWithoutGroup")
    rotated = secret.schedule.last
    if rotated and (user.authentication != "password" or not user.password_count):
        kinds.append("UserWithoutPassword")
    elif rotated and not user.enabled:
        kinds.append("UserOff")
    elif user.enabled and user.password_count == 1 and _was_rotated_twice(secret, versions()):
        kinds.append("PasswordsReplaced")
    if not rotated and not secret.version_with(AWSPREVIOUS) and user.password_count > 1:
        kinds.append("UnexpectedPasswordCount")
    yield from (findings.of_user(secret, user, kind) for kind in kinds)


def _was_rotated_twice(secret: SecretDescription, versions: Sequence[Version]) -> bool:
    """Whether there is a version before AWSPREVIOUS; a first rotation leaves one password.

    An edit makes a version, too: then this is true too early, until the next rotation leaves two
    passwords. Secrets Manager may delete versions without a staging label (API reference,
    DescribeSecret): then this is false too long.
    """
    previous = secret.version_with(AWSPREVIOUS)
    created = {version.version_id: version.created for version in versions}
    return previous in created and min(created.values()) < created[previous]
