"""valkey-glide: it keeps one password for all its connections; a task keeps that up to date."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import glide
from aws_lambda_powertools.utilities.parameters import get_secret

INTERVAL = 300  # seconds; at most half of the shortest time between two rotations


async def read(secret_id: str) -> Any:
    """Return the secret, as it is now."""
    return await asyncio.to_thread(get_secret, secret_id, transform="json", force_fetch=True)


async def follow(client: glide.GlideClient, secret_id: str) -> None:
    """Give the client the password at intervals; its next connection logs in with it."""
    while True:
        await asyncio.sleep(INTERVAL)
        try:
            await client.update_connection_password((await read(secret_id))["password"])
        except Exception:  # whatever it is, the next time may be better
            logging.exception("the password of %s was not updated", secret_id)


@asynccontextmanager
async def connected(
    secret_id: str, host: str, port: int = 6379, **options: Any
) -> AsyncIterator[glide.GlideClient]:
    """Yield a client; options are those of GlideClientConfiguration."""
    secret = await read(secret_id)
    how = {
        "credentials": glide.ServerCredentials(secret["password"], secret["username"]),
        **options,
    }
    configuration = glide.GlideClientConfiguration([glide.NodeAddress(host, port)], True, **how)
    client = await glide.GlideClient.create(configuration)
    following = asyncio.create_task(follow(client, secret_id))
    try:
        yield client
    finally:
        following.cancel()
        await client.close()
