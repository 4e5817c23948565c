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
#: Between two things that a client does: the processor is shared.
PACE = 0.2


class Clock:
    """Stands in for `datetime` where a cache asks for the time."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1)
        self._moved = asyncio.Condition()
        self._alarms: list[datetime] = []

    def now(self) -> datetime:
        return self._now

    async def advance(self, **how: float) -> None:
        async with self._moved:
            self._now += timedelta(**how)
            self._moved.notify_all()

    async def sleep(self, seconds: float) -> None:
        """`asyncio.sleep`, by this clock."""
        alarm = self._now + timedelta(seconds=seconds)
        self._alarms.append(alarm)
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= alarm)
        self._alarms.remove(alarm)

    def asleep(self) -> int:
        """How many have begun to sleep, and are not to wake yet."""
        return sum(alarm > self._now for alarm in self._alarms)


class Application:
    """One of the examples, imported anew, with a cache of secrets of its own."""

    def __init__(self, name: str, secrets: Any, clock: Clock, **constants: float) -> None:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec
        assert spec.loader
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.passwords: list[str] = []
        self.reads_anew = 0
        self._provider = SecretsProvider(boto3_client=secrets)
        assert constants.keys() <= vars(self.module).keys()
        vars(self.module).update(constants, get_secret=self.get_secret, asyncio=_AsyncioBy(clock))

    def get_secret(self, name: str, **how: Any) -> Any:
        if how.get("force_fetch"):
            self.reads_anew += 1
        secret: Any = self._provider.get(name, **how)
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

    async def once(self) -> None:
        try:
            self.connections.append(await self.step())
        except Exception as error:
            self.errors.append(error)
        self.rounds += 1

    async def go_on(self, end: asyncio.Event) -> None:
        # Not until it is canceled: a client may swallow that.
        while not end.is_set():
            await self.once()
            await asyncio.sleep(PACE)


async def threaded(
    stack: AsyncExitStack,
    application: Application,
    *where: Any,
    anew: bool,
    certificate: str,
    **options: Any,
) -> Work:
    """redis-py or valkey-py: on the pool's connection, or each time on a new one."""
    options |= {"ssl_ca_certs": certificate, "socket_timeout": 30}
    connected = application.module.connect(*where, **options)
    client = stack.enter_context(connected)

    def step() -> int:
        connection = int(client.client_id())
        if anew:
            client.connection_pool.disconnect(inuse_connections=False)
        return connection

    return Work(application, lambda: asyncio.to_thread(step))


async def tasked(
    stack: AsyncExitStack,
    application: Application,
    *where: Any,
    anew: bool,
    certificate: str,
    **options: Any,
) -> Work:
    """The same with asyncio."""
    options |= {"ssl_ca_certs": certificate, "socket_timeout": 30}
    connected = application.module.connect(*where, **options)
    client = await stack.enter_async_context(connected)

    async def step() -> int:
        connection = int(await client.client_id())
        if anew:
            await client.connection_pool.disconnect(inuse_connections=False)
        return connection

    return Work(application, step)


async def glided(
    stack: AsyncExitStack, application: Application, *where: Any, anew: bool, certificate: str
) -> Work:
    """valkey-glide: on one connection, or each time on a new one, since it kills the other."""
    tls = glide.TlsAdvancedConfiguration(root_pem_cacerts=Path(certificate).read_bytes())
    advanced = glide.AdvancedGlideClientConfiguration(tls_config=tls)
    options = {"request_timeout": 30_000, "advanced_config": advanced}
    client = await stack.enter_async_context(application.module.connected(*where, **options))

    async def step() -> int:
        connection = int(await client.custom_command(["CLIENT", "ID"]))
        if anew:
            await client.custom_command(["CLIENT", "KILL", "ID", str(connection), "SKIPME", "no"])
        return connection

    return Work(application, step)
