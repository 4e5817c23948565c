"""redis-py with asyncio: each new connection reads the secret; a refused one reads it again."""

import asyncio
from typing import Any

import redis.asyncio
from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.parameters.exceptions import (
    GetParameterError,
    TransformParameterError,
)
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

MAX_AGE = 3600  # seconds in the cache; at most half of the shortest time between two rotations


class Secret(redis.CredentialProvider):
    """The username and password of a secret."""

    def __init__(self, secret_id: str) -> None:
        self.secret_id = secret_id

    async def get_credentials_async(self, *, force_fetch: bool = False) -> tuple[str, str]:
        """Called by redis-py for each new connection."""
        how: Any = {"transform": "json", "max_age": MAX_AGE, "force_fetch": force_fetch}
        try:
            secret = await asyncio.to_thread(get_secret, self.secret_id, **how)
            return secret["username"], secret["password"]
        except (GetParameterError, TransformParameterError, KeyError) as error:
            # With an error of its own, redis-py connects again, by its option `retry`.
            raise redis.ConnectionError(f"{self.secret_id} cannot be read") from error

    async def log_in(self, connection: Any) -> None:
        """Do what redis-py does with a new connection."""
        try:
            await connection.on_connect()
        except redis.AuthenticationError:
            await self.get_credentials_async(force_fetch=True)
            raise  # redis-py connects again, by its option `retry`


def connect(secret_id: str, host: str, port: int = 6379, **options: Any) -> redis.asyncio.Redis:
    """Return a client with a pool of connections; options are those of redis.asyncio.Redis."""
    secret = Secret(secret_id)
    retry = Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), 3)
    hooks = {"credential_provider": secret, "redis_connect_func": secret.log_in, "retry": retry}
    return redis.asyncio.Redis(**{"host": host, "port": port, "ssl": True, **hooks, **options})
