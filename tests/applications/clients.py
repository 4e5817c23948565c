"""The clients of examples/applications, each as in a process of its own, and what they meet."""

import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import glide
from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

EXAMPLES = Path(__file__).parents[2] / "examples/applications"
#: Between two rounds of a client: the processor is shared.
PAUSE = 0.2


class Clock:
    """Stands in for `datetime` where a cache asks for the time, and for `asyncio.sleep`."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1)
        self._alarms: dict[asyncio.Event, datetime] = {}

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        alarm = asyncio.Event()
        self._alarms[alarm] = self._now + timedelta(seconds=seconds)
        await alarm.wait()

    def advance(self, **how: float) -> None:
        self._now += timedelta(**how)
        for alarm in [alarm for alarm, time in self._alarms.items() if time <= self._now]:
            del self._alarms[alarm]
            alarm.set()

    def asleep(self) -> int:
        """How many sleep."""
        return len(self._alarms)


class Application:
    """One of the examples, imported anew, with a cache of secrets of its own.

    ``get_secret`` is called in place of the cache, with the cache's function as its first argument.
    """

    def __init__(
        self, name: str, secrets: Any, clock: Clock, seconds: int, get_secret: Any = None
    ) -> None:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec
        assert spec.loader
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.passwords: list[str] = []
        self.reads_anew = 0
        self._provider = SecretsProvider(boto3_client=secrets)
        [age] = vars(self.module).keys() & {"MAX_AGE", "INTERVAL"}
        self.has_timer = age == "INTERVAL"
        vars(self.module).update(
            {age: seconds},
            get_secret=partial(get_secret, self.get_secret) if get_secret else self.get_secret,
            asyncio=SimpleNamespace(**{**vars(asyncio), "sleep": clock.sleep}),
        )

    def get_secret(self, name: str, **how: Any) -> Any:
        self.reads_anew += how.get("force_fetch", False)
        secret: Any = self._provider.get(name, **how)
        self.passwords.append(secret["password"])
        return secret


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

    async def until(self, end: asyncio.Event) -> None:
        # Not until it is canceled: a client may swallow that.
        while not end.is_set():
            await self.once()
            await asyncio.sleep(PAUSE)


async def work_of(
    stack: AsyncExitStack,
    application: Application,
    *where: Any,
    anew: bool,
    ca: str,
    **options: Any,
) -> Work:
    """The work of a client on one connection, or each time on a new one."""
    if hasattr(application.module, "connected"):
        return await _work_of_glide(stack, application, *where, anew=anew, ca=ca)
    client = application.module.connect(*where, ssl_ca_certs=ca, socket_timeout=30, **options)
    disconnect = partial(client.connection_pool.disconnect, inuse_connections=False)
    is_async = hasattr(client, "aclose")

    async def call(function: Callable[[], Any]) -> Any:
        return await function() if is_async else await asyncio.to_thread(function)

    async def step() -> int:
        connection = int(await call(client.client_id))
        if anew:
            await call(disconnect)
        return connection

    stack.push_async_callback(call, client.aclose if is_async else client.close)
    return Work(application, step)


async def _work_of_glide(
    stack: AsyncExitStack, application: Application, *where: Any, anew: bool, ca: str
) -> Work:
    tls = glide.TlsAdvancedConfiguration(root_pem_cacerts=Path(ca).read_bytes())
    advanced = glide.AdvancedGlideClientConfiguration(tls_config=tls)
    options = {"request_timeout": 30_000, "advanced_config": advanced}
    client = await stack.enter_async_context(application.module.connected(*where, **options))

    async def step() -> int:
        connection = int(await client.custom_command(["CLIENT", "ID"]))
        if anew:
            await client.custom_command(["CLIENT", "KILL", "ID", str(connection), "SKIPME", "no"])
        return connection

    return Work(application, step)
