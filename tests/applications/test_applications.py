"""Applications as in docs/applications.md: three rotations go by, and disturb none of them."""

import asyncio
import os
import re
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio.retry
from aws_lambda_powertools.utilities.parameters import base
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.client import nodes
from local.deploy import deploy
from local.instance import LocalAws
from tests import preloaded
from tests.applications.clients import Application, Clock, Work, work_of
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

PAGE = Path(__file__).parents[2] / "docs/applications.md"
WITH_A_HOOK = ("redis_py", "redis_py_asyncio", "valkey_py")
CLIENTS = (*WITH_A_HOOK, "valkey_glide")
#: The clock stands still during a rotation, and goes on for two hours after each, in steps.
ROTATIONS, BETWEEN_MINUTES, CLOCK_STEPS = 3, 120, 4
HOUR, FOREVER = 3600, 10**9
LONGEST_SECONDS = 120


#: By name: how long a client's cache lives, and whether each round is on a new connection. Those
#: whose cache never ends read the secret again when they are refused.
PLANS = {"still": (HOUR, False), "timely": (HOUR, True), "outdated": (FOREVER, True)}


@dataclass
class Story:
    """What the clients of one cache of two nodes went through."""

    tenant: Tenant
    clock: Clock = field(default_factory=Clock)
    #: By the plan and the client.
    works: dict[tuple[str, str], Work] = field(default_factory=dict)
    #: AWSCURRENT's passwords, in turn.
    passwords: list[str] = field(default_factory=lambda: [FIRST_PASSWORD])
    #: The password that a timely client had just after each rotation.
    cached: dict[str, list[str]] = field(default_factory=dict)
    #: Whether the first password, of a client that has read the secret once, logged in then.
    once: list[set[bool]] = field(default_factory=list)

    async def work(
        self,
        stack: AsyncExitStack,
        client: str,
        plan: str = "timely",
        get_secret: Callable[..., Any] | None = None,
        **how: Any,
    ) -> Work:
        """The work of a new client; options are those of its library."""
        aws, (seconds, anew) = self.tenant.world.aws, PLANS[plan]
        first, second = nodes(aws, self.tenant.caches[0]).values()
        node, ca = second if plan == "outdated" else first, aws.environment["LOCAL_CA_FILE"]
        where = (self.tenant.secret_arn, node["Address"], node["Port"])
        secrets = self.tenant.world.secrets
        application = Application(client, secrets, self.clock, seconds, get_secret)
        return await work_of(stack, application, *where, anew=anew, ca=ca, **how)

    async def all_go_on(self) -> None:
        """Wait until each client has begun and ended a round, and each timer is set again."""
        enough = {key: work.rounds + 2 for key, work in self.works.items()}
        timers = sum(work.application.has_timer for work in self.works.values())
        async with asyncio.timeout(LONGEST_SECONDS):
            while self.clock.asleep() < timers or any(
                work.rounds < enough[key] for key, work in self.works.items()
            ):
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with (
        LocalAws(tmp_path_factory.mktemp("aws"), modifying_seconds=0.1) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        tenant = World(aws, deploy(aws)).tenant(Engine="valkey", AccessString="on ~* +@all")
        tenant.serve("replicas", "valkey", nodes=2)
        story = Story(tenant)
        patch.setattr(base, "datetime", story.clock)
        asyncio.run(rotate(story))
        yield story


async def rotate(story: Story) -> None:
    """Three rotations, while all clients work."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group, ending() as end:
        for plan in PLANS:
            for client in CLIENTS if plan != "outdated" else WITH_A_HOOK:
                work = story.works[plan, client] = await story.work(stack, client, plan)
                group.create_task(work.until(end))
                # Two at a time take connections from these pools.
                if plan == "outdated" or (plan, client) == ("timely", "redis_py"):
                    group.create_task(work.until(end))
        await story.all_go_on()
        for _ in range(ROTATIONS):
            await asyncio.to_thread(story.tenant.rotate)
            story.passwords.append(story.tenant.value()["password"])
            await story.all_go_on()
            for client in CLIENTS:
                cached = story.works["timely", client].application.passwords[-1]
                story.cached.setdefault(client, []).append(cached)
            story.once.append(story.tenant.logins(FIRST_PASSWORD))
            for _ in range(CLOCK_STEPS):
                story.clock.advance(minutes=BETWEEN_MINUTES / CLOCK_STEPS)
                await story.all_go_on()


@asynccontextmanager
async def ending() -> AsyncIterator[asyncio.Event]:
    """An event that is set at the end, however that comes."""
    end = asyncio.Event()
    try:
        yield end
    finally:
        end.set()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_cache_that_is_renewed_in_time_is_never_refused(story: Story, client: str) -> None:
    work = story.works["timely", client]
    assert work.errors == []
    assert len(set(work.connections)) > 40
    assert len(set(story.passwords)) == ROTATIONS + 1
    # Each time it still had the previous password, which logs in.
    assert story.cached[client] == story.passwords[:-1]
    if client in WITH_A_HOOK:
        assert work.application.reads_anew == 0


@pytest.mark.parametrize("client", WITH_A_HOOK)
def test_a_cache_that_is_outdated_is_read_again_when_refused(story: Story, client: str) -> None:
    work = story.works["outdated", client]
    assert work.errors == []
    assert len(set(work.connections)) > 40
    # Refused with the first password from the second rotation on.
    assert work.application.passwords[0] == FIRST_PASSWORD
    assert work.application.passwords[-1] in story.passwords[-2:]
    assert work.application.reads_anew > 0


@pytest.mark.parametrize("client", CLIENTS)
def test_an_open_connection_stays(story: Story, client: str) -> None:
    work = story.works["still", client]
    assert work.errors == []
    assert len(work.connections) > 40
    assert len(set(work.connections)) == 1


def test_a_client_that_reads_once_is_refused_after_two_rotations(story: Story) -> None:
    assert story.once == [{True}, {False}, {False}]


def errors_of(story: Story, client: str, get_secret: Callable[..., Any], **how: Any) -> list[str]:
    """The errors of a new client in two commands, when it reads the secret like that."""

    async def errors() -> list[str]:
        async with AsyncExitStack() as stack:
            work = await story.work(stack, client, get_secret=get_secret, **how)
            for _ in range(2):
                await work.once()
        return [type(error).__name__ for error in work.errors]

    return asyncio.run(errors())


@pytest.mark.parametrize("client", WITH_A_HOOK)
def test_a_connection_that_could_not_read_the_secret_is_closed(story: Story, client: str) -> None:
    answers = iter([GetParameterError("no answer")])

    def fails_once(get_secret: Callable[..., Any], *name: str, **how: Any) -> Any:
        for error in answers:
            raise error
        return get_secret(*name, **how)

    # redis-py tries again by itself. Neither goes on with a connection that is not logged in.
    expected = ["ConnectionError"] if client == "valkey_py" else []
    assert errors_of(story, client, fails_once) == expected


@pytest.mark.parametrize(
    "client, options, reads_anew",
    [
        ("redis_py", {"retry": Retry(NoBackoff(), 1)}, 4),
        ("redis_py_asyncio", {"retry": redis.asyncio.retry.Retry(NoBackoff(), 1)}, 4),
        ("valkey_py", {}, 2),
    ],
)
def test_a_password_that_stays_wrong_is_an_error_after_a_few_reads(
    story: Story, client: str, options: dict[str, Any], reads_anew: int
) -> None:
    reads = []

    def wrong(get_secret: Callable[..., Any], *name: str, **how: Any) -> Any:
        reads.append(how["force_fetch"])
        return {**get_secret(*name, **how), "password": "a-wrong-password-0123"}

    assert errors_of(story, client, wrong, **options) == ["AuthenticationError"] * 2
    assert sum(reads) == reads_anew


def test_the_walk_through_of_the_page(story: Story) -> None:
    # The local AWS is here already.
    source, begin, client, rotate = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert source == ". .local/env\n"
    client = client.removeprefix(source).replace("python -c", "exec python -c")
    world = story.tenant.world
    environment = {
        **world.aws.environment,
        "ROTATION_FUNCTION_ARN": world.stack.rotation_function_arn,
        "PATH": f"{preloaded.folder()}:{os.environ['PATH']}",
        "AWS_PAGER": "",
    }
    how: Any = {"cwd": PAGE.parents[1], "env": environment, "text": True}
    run = partial(
        subprocess.run, check=True, stdout=subprocess.PIPE, timeout=LONGEST_SECONDS, **how
    )
    run(["sh", "-euc", begin])
    with subprocess.Popen(["sh", "-euc", client], stdout=subprocess.PIPE, **how) as running:
        kill = threading.Timer(LONGEST_SECONDS, running.kill)
        kill.start()
        assert running.stdout
        assert running.stdout.readline().startswith("connection ")
        done = run(["sh", "-euc", rotate])
        running.terminate()
        lines = running.stdout.read().splitlines()
        kill.cancel()
    assert done.stdout.splitlines() == [f"rotation {number} is done" for number in (1, 2, 3)]
    assert running.returncode == -signal.SIGTERM
    assert len(set(lines)) > 5
