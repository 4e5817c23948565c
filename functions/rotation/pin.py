"""The one secret and the one user of a stack that rotates no others."""

import os
from dataclasses import dataclass

from rotation.errors import ConfigurationError, SecretNotAllowedError


@dataclass(frozen=True)
class Pin:
    """The one secret and the one user of a pinned stack."""

    secret_arn: str
    username: str

    @classmethod
    def from_env(cls) -> "Pin | None":
        """From SECRET_ARN and USER_NAME, as AWS's own function has them; None if both are empty.

        Raises:
            ConfigurationError: only one of them is set.
        """
        secret_arn, username = os.environ.get("SECRET_ARN", ""), os.environ.get("USER_NAME", "")
        if bool(secret_arn) != bool(username):
            missing = "USER_NAME" if secret_arn else "SECRET_ARN"
            raise ConfigurationError(
                f"Environment variable {missing} is empty. Set SECRET_ARN and USER_NAME, or none."
            )
        return cls(secret_arn, username) if secret_arn else None

    def require_secret(self, secret_arn: str) -> None:
        """Raises SecretNotAllowedError for another secret."""
        if secret_arn != self.secret_arn:
            raise SecretNotAllowedError(
                f"This stack rotates only {self.secret_arn}, not {secret_arn}. Deploy it with "
                "another SecretArn, or without one."
            )
