from collections.abc import Iterator

import pytest

from tests.histories.in_process import InProcess
from tests.histories.stage import Stage
from tests.histories.worlds import InProcessTenant, served


@pytest.fixture
def inside() -> Iterator[InProcess]:
    with InProcess().set_up() as aws:
        yield aws


@pytest.fixture
def stage(inside: InProcess) -> Stage:
    return inside.stage


@pytest.fixture
def tenant(request: pytest.FixtureRequest, inside: InProcess) -> InProcessTenant:
    """A user of a cache with three nodes, by default one that is on, and its secret."""
    return served(inside, "replicas", **getattr(request, "param", {}))


@pytest.fixture
def rotates_in_the_end(tenant: InProcessTenant, stage: Stage) -> Iterator[None]:
    """By hand and by Secrets Manager, whatever the history has left."""
    yield
    tenant.world.arm()
    stage.run()
    host = tenant.value().get("host")
    for how in ("by hand", "by Secrets Manager"):
        before = tenant.value().get("password")
        tenant.rotate_by(how)
        assert tenant.value()["password"] != before
        assert tenant.value().get("host") == host
        assert tenant.current_logs_in()
