"""One local AWS for all tests of this folder."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.assumptions import Assumptions
from local.faults import control
from local.instance import ACCESS_KEY, MOTO_SERVICES, REGION, SECRET_KEY, LocalAws
from tests.local.helpers import MODIFYING_SECONDS, Arm, any_role
from tests.local.memory import Users
from tests.local.service import Service


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    instance = LocalAws(
        tmp_path_factory.mktemp("aws"),
        modifying_seconds=MODIFYING_SECONDS,
        assumptions=Assumptions(retry_seconds=0.1),
    )
    instance.start()
    any_role(instance)
    yield instance
    instance.stop()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture(scope="session")
def elasticache(aws: LocalAws) -> Any:
    return aws.client("elasticache")


@pytest.fixture(scope="session")
def secretsmanager(aws: LocalAws) -> Any:
    return aws.client("secretsmanager")


@pytest.fixture(scope="session")
def stepfunctions(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


@pytest.fixture
def arm(aws: LocalAws) -> Iterator[Arm]:
    """Sets faults, for this test only."""
    url = aws.environment["LOCAL_CONTROL_URL"]

    def arm(*faults: str) -> None:
        control(url, "POST", faults)

    yield arm
    control(url, "DELETE")


@pytest.fixture(scope="session")
def called(aws: LocalAws) -> Callable[..., Any]:
    """Clients whose calls look like a function's."""

    def client(service: str, key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> Any:
        return boto3.client(
            service,
            endpoint_url=aws.environment[MOTO_SERVICES[service]],
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(user_agent_appid=f"pid-{os.getpid()}", retries={"total_max_attempts": 1}),
        )

    return client
