"""The names that the rotation function gives to executions."""

import re
import uuid
from dataclasses import dataclass, replace

#: What a name may hold (API reference, StartExecution).
_ALLOWED = re.compile(r"[A-Za-z0-9_.-]*")
#: A ClientRequestToken, which is the version's ID, has 32 to 64 characters (API reference,
#: RotateSecret). So the UUID that the console names an execution with is no attempt.
_ATTEMPT = re.compile(r"(?P<version>.{32,}?)(?P<dry_run>-dry-run)?-(?P<attempt>\d+)")


@dataclass(frozen=True)
class ExecutionName:
    """``VERSION-ATTEMPT``, or ``VERSION-dry-run-ATTEMPT`` where the version is only tested.

    ``version`` is the version's ID, or a UUID derived from an ID that has characters that names of
    executions cannot have.
    """

    version: str
    dry_run: bool = False
    attempt: int = 1

    @classmethod
    def first_attempt(cls, version_id: str, *, dry_run: bool = False) -> "ExecutionName":
        """The name of the first execution for the version."""
        if not _ALLOWED.fullmatch(version_id):
            version_id = str(uuid.uuid5(uuid.NAMESPACE_URL, version_id))
        return cls(version_id, dry_run)

    @classmethod
    def parse(cls, execution_arn: str) -> "ExecutionName | None":
        """The name in an execution's ARN; None for a name that a person or the console chose."""
        match = _ATTEMPT.fullmatch(name_in(execution_arn))
        return match and cls(match["version"], bool(match["dry_run"]), int(match["attempt"]))

    @property
    def next_attempt(self) -> "ExecutionName":
        """The name of the execution after this one."""
        return replace(self, attempt=self.attempt + 1)

    def is_attempt_for(self, version_id: str, *, dry_run: bool = False) -> bool:
        """Whether this is any attempt for the version."""
        return replace(self, attempt=1) == self.first_attempt(version_id, dry_run=dry_run)

    def __str__(self) -> str:
        return f"{self.version}{'-dry-run' if self.dry_run else ''}-{self.attempt}"


def name_in(execution_arn: str) -> str:
    """The execution's name, which ends its ARN."""
    return execution_arn.rsplit(":", 1)[-1]
