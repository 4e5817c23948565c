"""The clients of examples/applications, each as in a process of its own, and what they meet."""

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import glide
from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

EXAMPLES = Path(__file__).parents[2] / "examples/applications"
#: Between two things that a client does; the processor is shared.
PACE = 0.2


class Clock:
    """Stands in for `datetime` where a cache asks for the time."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1)
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    async def advance(self, **how: float) -> None:
        async with self._moved:
            self._now += timedelta(**how)
            self._moved.notify_all()

    async def sleep(self, seconds: float) -> None:
        """`asyncio.sleep`, by this clock."""
        due = self._now + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= due)


class Application:
    """One of the examples, imported anew, with a cache of secrets of its own."""

    def __init__(self, name: str, secrets: Any, clock: Clock, **constants: float) -> None:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec
        assert spec.loader
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.provider = SecretsProvider(boto3_client=secrets)
        self.refused = 0
        self.passwords: list[str] = []
        self.module.get_secret = self.get_secret
        if hasattr(self.module, "INTERVAL"):
            self.module.asyncio = _AsyncioBy(clock)
        for constant, value in constants.items():
            assert hasattr(self.module, constant)
            setattr(self.module, constant, value)

    def get_secret(self, name: str, **how: Any) -> Any:
        if how.get("force_fetch"):
            self.refused += 1
        secret: Any = self.provider.get(name, **how)
        self.passwords.append(secret["password"])
        return secret


class _AsyncioBy:
    def __init__(self, clock: Clock) -> None:
        self.sleep = clock.sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


@dataclass
class Work:
    """What one client does again and again, and what came of it."""

    application: Application
    step: Callable[[], Awaitable[int]]
    #: The ids that the node has given to its connections.
    connections: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    rounds: int = 0

    async def go_on(self) -> None:
        while True:
            try:
                self.connections.append(await self.step())
            except Exception as error:
                self.errors.append(error)
            self.rounds += 1
            await asyncio.sleep(PACE)


def threaded(application: Application, *where: Any, anew: bool, **options: Any) -> Work:
    """redis-py or valkey-py: on one connection, or each time on a new one of a pool."""
    client = application.module.connect(*where, single_connection_client=not anew, **options)

    def step() -> int:
        connection = int(client.client_id())
        if anew:
            client.connection_pool.disconnect(inuse_connections=False)
        return connection

    return Work(application, lambda: asyncio.to_thread(step))


def tasked(application: Application, *where: Any, anew: bool, **options: Any) -> Work:
    """The same with asyncio."""
    client = application.module.connect(*where, single_connection_client=not anew, **options)

    async def step() -> int:
        connection = int(await client.client_id())
        if anew:
            await client.connection_pool.disconnect(inuse_connections=False)
        return connection

    return Work(application, step)


async def glided(
    application: Application,
    stack: AsyncExitStack,
    kill: Callable[[int], None],
    *where: Any,
    anew: bool,
    certificate: bytes,
) -> Work:
    """valkey-glide, which opens a new connection when `kill` has closed the one that it has."""
    tls = glide.TlsAdvancedConfiguration(root_pem_cacerts=certificate)
    client = await stack.enter_async_context(
        application.module.connected(
            *where,
            request_timeout=30_000,
            advanced_config=glide.AdvancedGlideClientConfiguration(tls_config=tls),
        )
    )

    async def step() -> int:
        connection = int(await client.custom_command(["CLIENT", "ID"]))
        if anew:
            await asyncio.to_thread(kill, connection)
        return connection

    return Work(application, step)
