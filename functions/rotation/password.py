"""What ElastiCache takes as a password, and what the stack asks of one."""

import os
from dataclasses import dataclass

from rotation.errors import ConfigurationError

#: Characters that ElastiCache refuses (guide, Clusters.RBAC, "Overview of setting up RBAC").
FORBIDDEN = ',"/@'
MIN_LENGTH = 16
MAX_LENGTH = 128


def is_valid(password: str) -> bool:
    """Whether ElastiCache takes it: 16-128 printable ASCII characters, none of ``, " / @``."""
    return (
        MIN_LENGTH <= len(password) <= MAX_LENGTH
        and password.isascii()
        and password.isprintable()
        and not set(password) & set(FORBIDDEN)
    )


@dataclass(frozen=True)
class PasswordRules:
    """The length of a new password, and the characters it is not to have besides FORBIDDEN."""

    length: int
    exclude: str

    @classmethod
    def from_env(cls) -> "PasswordRules":
        """From PASSWORD_LENGTH and PASSWORD_EXCLUDE_CHARACTERS.

        Raises:
            ConfigurationError: names the variable.
        """
        length = os.environ.get("PASSWORD_LENGTH", "")
        if not length.isdecimal() or not MIN_LENGTH <= int(length) <= MAX_LENGTH:
            raise ConfigurationError(
                f"Environment variable PASSWORD_LENGTH is not a number from {MIN_LENGTH} to "
                f"{MAX_LENGTH}."
            )
        return cls(int(length), os.environ.get("PASSWORD_EXCLUDE_CHARACTERS", ""))
