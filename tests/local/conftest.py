"""One local AWS for all tests of this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.assumptions import Assumptions
from local.instance import LocalAws
from tests.local.helpers import MODIFYING_SECONDS, any_role


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


@pytest.fixture(scope="session")
def elasticache(aws: LocalAws) -> Any:
    return aws.client("elasticache")


@pytest.fixture(scope="session")
def secretsmanager(aws: LocalAws) -> Any:
    return aws.client("secretsmanager")


@pytest.fixture(scope="session")
def stepfunctions(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")
