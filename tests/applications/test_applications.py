"""Applications as docs/applications.md has them: three rotations go by, and no one notices."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio.retry
from aws_lambda_powertools.utilities.parameters import base
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.client import nodes
from local.deploy import deploy
from local.instance import LocalAws
from tests import preloaded
from tests.applications.clients import Application, Clock, Work, glided, tasked, threaded
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

PAGE = Path(__file__).parents[2] / "docs/applications.md"
WITH_A_HOOK = {"redis_py": threaded, "redis_py_asyncio": tasked, "valkey_py": threaded}
CLIENTS = {**WITH_A_HOOK, "valkey_glide": glided}
#: The clock stands still during a rotation, and goes on for two hours after each.
ROTATIONS, BETWEEN, LOOKS = 3, 120, 4
HOUR, FOR_EVER = 3600, 10**9


@dataclass
class Story:
    """What the clients of one cache of two nodes went through, by their names."""

    tenant: Tenant
    #: On one connection.
    still: dict[str, Work] = field(default_factory=dict)
    #: On new connections, with a cache of one hour.
    timely: dict[str, Work] = field(default_factory=dict)
    #: On new connections, with a cache that has no end, of those that read again when refused.
    outdated: dict[str, Work] = field(default_factory=dict)
    #: AWSCURRENT's passwords, in turn.
    passwords: list[str] = field(default_factory=lambda: [FIRST_PASSWORD])
    #: The password that a timely client had just after each rotation.
    cached: dict[str, list[str]] = field(default_factory=dict)
    #: What a client that has read the secret once was told when it connected then.
    once: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with (
        LocalAws(tmp_path_factory.mktemp("aws"), modifying_seconds=0.1) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        world, clock = World(aws, deploy(aws)), Clock()
        patch.setattr(base, "datetime", clock)
        tenant = world.tenant(Engine="valkey", AccessString="on ~* +@all")
        tenant.serve("replicas", "valkey", nodes=2)
        yield asyncio.run(told(tenant, clock))


def addresses(tenant: Tenant) -> list[tuple[str, str, int]]:
    """What a client takes to connect to each node: the secret, the host, the port."""
    found = nodes(tenant.world.aws, tenant.caches[0]).values()
    return [(tenant.secret_arn, each["Address"], each["Port"]) for each in found]


async def told(tenant: Tenant, clock: Clock) -> Story:
    world, story = tenant.world, Story(tenant)
    certificate = world.aws.environment["LOCAL_CA_FILE"]
    first, second = addresses(tenant)
    plans = (
        (story.still, HOUR, first, False),
        (story.timely, HOUR, first, True),
        (story.outdated, FOR_EVER, second, True),
    )
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group, ending() as end:
        for found, seconds, where, anew in plans:
            for name in CLIENTS if seconds == HOUR else WITH_A_HOOK:
                age = {"INTERVAL" if name == "valkey_glide" else "MAX_AGE": seconds}
                application = Application(name, world.secrets, clock, **age)
                how: Any = {"anew": anew, "certificate": certificate}
                found[name] = await CLIENTS[name](stack, application, *where, **how)
        works = [work for found, *_ in plans for work in found.values()]
        # Two at a time take connections from these pools.
        pooled = [story.timely["redis_py"], *story.outdated.values()]
        for each in (*works, *pooled):
            group.create_task(each.go_on(end))

        async def all_go_on() -> None:
            enough = {id(each): each.rounds + 2 for each in works}
            sleepers = sum("INTERVAL" in vars(each.application.module) for each in works)
            while clock.asleep() < sleepers or any(
                each.rounds < enough[id(each)] for each in works
            ):
                await asyncio.sleep(0.01)

        await all_go_on()
        for _ in range(ROTATIONS):
            await asyncio.to_thread(tenant.rotate)
            story.passwords.append(tenant.value()["password"])
            await all_go_on()
            for name, work in story.timely.items():
                story.cached.setdefault(name, []).append(work.application.passwords[-1])
            story.once.append(log_in_with(FIRST_PASSWORD, tenant.username, *first[1:], certificate))
            for _ in range(LOOKS):
                await clock.advance(minutes=BETWEEN / LOOKS)
                await all_go_on()
    return story


@asynccontextmanager
async def ending() -> AsyncIterator[asyncio.Event]:
    """An event that is set at the end, however that comes."""
    end = asyncio.Event()
    try:
        yield end
    finally:
        end.set()


def log_in_with(password: str, username: str, host: str, port: int, certificate: str) -> str:
    """What the node says."""
    how: Any = {"ssl": True, "ssl_ca_certs": certificate, "retry": Retry(NoBackoff(), 0)}
    with redis.Redis(host=host, port=port, username=username, password=password, **how) as client:
        try:
            return str(client.ping())
        except redis.AuthenticationError as error:
            return str(error)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_cache_of_half_the_time_between_rotations_is_never_refused(
    story: Story, client: str
) -> None:
    work = story.timely[client]
    assert work.errors == []
    assert len(set(work.connections)) > 40
    assert len(set(story.passwords)) == ROTATIONS + 1
    # Each time it still had the previous password, which logs in.
    assert story.cached[client] == story.passwords[:-1]
    if client in WITH_A_HOOK:
        assert work.application.reads_anew == 0


@pytest.mark.parametrize("client", WITH_A_HOOK)
def test_a_cache_that_outlives_two_rotations_is_read_again_when_refused(
    story: Story, client: str
) -> None:
    work = story.outdated[client]
    assert work.errors == []
    assert len(set(work.connections)) > 40
    # Refused with the first password from the second rotation on.
    assert work.application.passwords[0] == FIRST_PASSWORD
    assert work.application.passwords[-1] in story.passwords[-2:]
    assert work.application.reads_anew > 0


@pytest.mark.parametrize("client", CLIENTS)
def test_an_open_connection_stays(story: Story, client: str) -> None:
    work = story.still[client]
    assert work.errors == []
    assert len(work.connections) > 40
    assert len(set(work.connections)) == 1


def test_a_client_that_reads_once_is_refused_at_a_reconnect_after_two_rotations(
    story: Story,
) -> None:
    refused = "invalid username-password pair or user is disabled."
    assert story.once == ["True", refused, refused]


def errors_of(
    story: Story, client: str, get_secret: Callable[..., Any], **options: Any
) -> list[str]:
    """What a client of its own meets in two commands, when it reads the secret like that."""
    world = story.tenant.world
    application = Application(client, world.secrets, Clock(), MAX_AGE=HOUR)
    vars(application.module).update(get_secret=partial(get_secret, application.get_secret))

    async def errors() -> list[str]:
        async with AsyncExitStack() as stack:
            options.update(anew=True, certificate=world.aws.environment["LOCAL_CA_FILE"])
            where = addresses(story.tenant)[0]
            work: Work = await CLIENTS[client](stack, application, *where, **options)
            for _ in range(2):
                await work.once()
        return [type(each).__name__ for each in work.errors]

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


RETRY_ONCE: dict[str, dict[str, Any]] = {
    "redis_py": {"retry": Retry(NoBackoff(), 1)},
    "redis_py_asyncio": {"retry": redis.asyncio.retry.Retry(NoBackoff(), 1)},
    "valkey_py": {},
}
#: Reads past the cache, where the password stays wrong.
READS_ANEW = {"redis_py": 4, "redis_py_asyncio": 4, "valkey_py": 2}


@pytest.mark.parametrize("client", WITH_A_HOOK)
def test_a_password_that_stays_wrong_is_an_error_after_a_few_reads(
    story: Story, client: str
) -> None:
    reads = []

    def wrong(get_secret: Callable[..., Any], *name: str, **how: Any) -> Any:
        reads.append(how)
        return {**get_secret(*name, **how), "password": "a-wrong-password-0123"}

    refused = errors_of(story, client, wrong, **RETRY_ONCE[client])
    assert refused == ["AuthenticationError"] * 2
    assert sum(each["force_fetch"] for each in reads) == READS_ANEW[client]


def test_the_walk_through_of_the_page(story: Story) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    # The local AWS is here already.
    source, begin, client, rotate = blocks
    assert source == ". .local/env\n"
    client = client.removeprefix(source)
    world = story.tenant.world
    environment = {
        **world.aws.environment,
        "ROTATION_FUNCTION_ARN": world.stack.rotation_function_arn,
        "PATH": f"{preloaded.folder()}:{os.environ['PATH']}",
        "AWS_PAGER": "",
    }
    how: Any = {"cwd": PAGE.parents[1], "env": environment, "text": True}
    subprocess.run(["sh", "-euc", begin], check=True, stdout=subprocess.DEVNULL, **how)
    command = ["sh", "-euc", client.replace("python -c", "exec python -c")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, **how) as running:
        assert running.stdout
        assert running.stdout.readline().startswith("connection ")
        done = subprocess.run(["sh", "-euc", rotate], check=True, stdout=subprocess.PIPE, **how)
        running.terminate()
        told = running.stdout.read().splitlines()
    assert done.stdout.splitlines() == [f"rotation {number} is done" for number in (1, 2, 3)]
    assert running.returncode == -signal.SIGTERM
    assert len(set(told)) > 5
