from collections.abc import Iterator
from pathlib import Path

import pytest

from local.deploy import deploy
from local.instance import LocalAws
from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessWorld
from tests.rotation.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("aws")
    with LocalAws(directory, modifying_seconds=0.5) as aws:
        yield World(aws, deploy(aws))


@pytest.fixture
def in_process() -> Iterator[InProcessWorld]:
    with InProcess(modifying_seconds=0.5).set_up() as aws:
        yield InProcessWorld(aws)
