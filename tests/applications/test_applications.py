"""Applications as docs/applications.md has them: three rotations go by, and no one notices."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from aws_lambda_powertools.utilities.parameters import base
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.client import nodes
from local.deploy import deploy
from local.instance import LocalAws
from tests.applications.clients import Application, Clock, Work, glided, tasked, threaded
from tests.rotation.world import FIRST_PASSWORD, Tenant, World

WITH_A_HOOK = {"redis_py": threaded, "redis_py_asyncio": tasked, "valkey_py": threaded}
#: The clock stands still during a rotation, and goes on for two hours after each.
ROTATIONS, BETWEEN, LOOKS = 3, 120, 4
HOUR, FOR_EVER = 3600, 10**9


@dataclass
class Story:
    """What the clients of one cache of two nodes went through."""

    tenant: Tenant
    #: Each with an open connection, and with a new one each time; the cache lives for ever.
    outdated: dict[str, tuple[Work, Work]]
    #: New connections; the cache lives for one hour.
    timely: dict[str, Work]
    #: The open connection of valkey-glide.
    glide: Work
    #: Which password the timely ones had in their cache just after each rotation.
    cached: dict[str, list[str]]
    #: AWSCURRENT's passwords, in turn.
    passwords: list[str]
    #: What a client was told that has read the secret once, at its first reconnect afterwards.
    once: list[str]


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


async def told(tenant: Tenant, clock: Clock) -> Story:
    world, certificate = tenant.world, tenant.world.aws.environment["LOCAL_CA_FILE"]
    first, second = (
        (tenant.secret_arn, each["Address"], each["Port"])
        for each in nodes(world.aws, tenant.caches[0]).values()
    )

    def plain(**options: Any) -> redis.Redis:
        host, port = first[1:]
        options |= {"ssl": True, "ssl_ca_certs": certificate, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis(host=host, port=port, username=tenant.username, **options)

    operator = plain(password=FIRST_PASSWORD)
    outdated, timely = {}, {}
    for name, made in WITH_A_HOOK.items():
        application = Application(name, world.secrets, clock, MAX_AGE=FOR_EVER)
        outdated[name] = (
            made(application, *first, anew=False, ssl_ca_certs=certificate),
            made(application, *second, anew=True, ssl_ca_certs=certificate),
        )
        application = Application(name, world.secrets, clock, MAX_AGE=HOUR)
        timely[name] = made(application, *first, anew=True, ssl_ca_certs=certificate)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        application = Application("valkey_glide", world.secrets, clock, INTERVAL=HOUR)
        how: Any = (application, stack, lambda connection: operator.client_kill_filter(connection))
        pem = Path(certificate).read_bytes()
        glide = await glided(*how, *first, anew=False, certificate=pem)
        timely["valkey_glide"] = await glided(*how, *first, anew=True, certificate=pem)
        cached: dict[str, list[str]] = {name: [] for name in timely}
        found = Story(tenant, outdated, timely, glide, cached, [FIRST_PASSWORD], [])
        works = [*timely.values(), glide, *(each for two in outdated.values() for each in two)]
        tasks = [group.create_task(each.go_on()) for each in works]
        # Another one on the same pool.
        tasks += [group.create_task(each.go_on()) for each in works if each is not glide]

        async def all_go_on() -> None:
            before = {id(each): each.rounds for each in works}
            while any(each.rounds < before[id(each)] + 2 for each in works):
                await asyncio.sleep(0.01)

        await all_go_on()
        for _ in range(ROTATIONS):
            await asyncio.to_thread(tenant.rotate)
            found.passwords.append(tenant.value()["password"])
            await all_go_on()
            for name, work in timely.items():
                cached[name].append(work.application.passwords[-1])
            try:
                found.once.append(str(plain(password=FIRST_PASSWORD).ping()))
            except redis.AuthenticationError as error:
                found.once.append(str(error))
            for _ in range(LOOKS):
                await clock.advance(minutes=BETWEEN / LOOKS)
                await all_go_on()
        for task in tasks:
            task.cancel()
    return found


CLIENTS = (*WITH_A_HOOK, "valkey_glide")


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
        assert work.application.refused == 0


@pytest.mark.parametrize("client", WITH_A_HOOK)
def test_a_cache_that_outlives_two_rotations_is_read_again_when_refused(
    story: Story, client: str
) -> None:
    _, anew = story.outdated[client]
    assert anew.errors == []
    assert len(set(anew.connections)) > 40
    # Refused after the second rotation, with the first password: the third is accepted.
    assert anew.application.refused > 0
    assert set(anew.application.passwords) == {story.passwords[0], story.passwords[2]}


@pytest.mark.parametrize("client", CLIENTS)
def test_an_open_connection_stays(story: Story, client: str) -> None:
    work = story.glide if client == "valkey_glide" else story.outdated[client][0]
    assert work.errors == []
    assert len(work.connections) > 40
    assert len(set(work.connections)) == 1


def test_a_client_that_reads_once_is_refused_at_a_reconnect_after_two_rotations(
    story: Story,
) -> None:
    refused = "invalid username-password pair or user is disabled."
    assert story.once == ["True", refused, refused]
