from collections.abc import Iterator

import pytest

from tests.histories.in_process import InProcess
from tests.histories.worlds import InProcessTenant, served


@pytest.fixture
def inside() -> Iterator[InProcess]:
    with InProcess().set_up() as aws:
        yield aws


@pytest.fixture
def tenant(inside: InProcess) -> InProcessTenant:
    """A user of a cache with three nodes, and its secret."""
    return served(inside, "replicas")
