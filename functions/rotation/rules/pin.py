"""A stack that is pinned to one secret and one user."""

import os
from dataclasses import dataclass

from rotation.errors import ConfigurationError, SecretNotAllowedError
from rotation.records.secret import SecretValue


@dataclass(frozen=True)
class Pin:
    """The one secret and the one user of a pinned stack."""

    secret_arn: str
    user_arn: str
    username: str

    @classmethod
    def from_env(cls) -> "Pin | None":
        """From SECRET_ARN, USER_ARN and USER_NAME; None if all are empty.

        Raises:
            ConfigurationError: some are empty.
        """
        variables = {
            "SECRET_ARN": os.environ.get("SECRET_ARN", ""),
            "USER_ARN": os.environ.get("USER_ARN", ""),
            "USER_NAME": os.environ.get("USER_NAME", ""),
        }
        if not any(variables.values()):
            return None
        if empty := [name for name, value in variables.items() if not value]:
            raise ConfigurationError(
                f"Environment variable {empty[0]} is empty. Set {', '.join(variables)}, or none."
            )
        return cls(*variables.values())

    def require_secret(self, secret_arn: str) -> None:
        """Raises SecretNotAllowedError for another secret."""
        if secret_arn != self.secret_arn:
            raise SecretNotAllowedError(
                f"This stack rotates only {self.secret_arn}, not {secret_arn}. Deploy it with "
                "another SecretArn, or without one."
            )

    def require_user(self, value: SecretValue) -> None:
        """Raises SecretNotAllowedError for a secret that names another user."""
        # ElastiCache keeps IDs in lower case.
        same_arn = (value.user_arn or self.user_arn).lower() == self.user_arn.lower()
        if value.username != self.username or not same_arn:
            key = "user_arn" if value.username == self.username else "username"
            raise SecretNotAllowedError(
                f'This stack rotates only user {self.user_arn} with the name "{self.username}"; '
                f'the "{key}" in secret {self.secret_arn} is another.'
            )
