"""valkey-py: each new connection reads the secret; a refused one reads it again."""

from typing import Any

import valkey
from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.parameters.exceptions import (
    GetParameterError,
    TransformParameterError,
)

MAX_AGE = 3600  # seconds in the cache; at most half of the shortest time between two rotations


class Secret(valkey.CredentialProvider):
    """The username and password of a secret."""

    def __init__(self, secret_id: str) -> None:
        self.secret_id = secret_id

    def get_credentials(self, *, force_fetch: bool = False) -> tuple[str, str]:
        """Called by valkey-py for each new connection."""
        how: Any = {"transform": "json", "max_age": MAX_AGE, "force_fetch": force_fetch}
        try:
            secret = get_secret(self.secret_id, **how)
            return secret["username"], secret["password"]
        except (GetParameterError, TransformParameterError, KeyError) as error:
            # With an error of its own, valkey-py closes the connection.
            raise valkey.ConnectionError(f"{self.secret_id} cannot be read") from error


class Connection(valkey.SSLConnection):
    """A connection of valkey-py that is opened once more if the password is refused."""

    def connect(self) -> None:
        """Called by valkey-py whenever it has need of it."""
        try:
            super().connect()
        except valkey.AuthenticationError:
            self.credential_provider.get_credentials(force_fetch=True)
            super().connect()


def connect(secret_id: str, host: str, port: int = 6379, **options: Any) -> valkey.Valkey:
    """Return a client with a pool of connections; options are those of valkey.SSLConnection."""
    how = {"credential_provider": Secret(secret_id), **options}
    pool = valkey.ConnectionPool(connection_class=Connection, host=host, port=port, **how)
    return valkey.Valkey.from_pool(pool)
