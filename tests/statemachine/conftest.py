"""The engines that the cases run on."""

from collections.abc import Iterator

import pytest

from tests.statemachine.engines import NAMES, started


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        given = metafunc.config.getoption("stepfunctions_endpoint")
        metafunc.parametrize("engine", [given] if given else NAMES, indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Its name and its address."""
    if request.param in NAMES:
        with started(request.param) as url:
            yield request.param, url
    else:
        yield "endpoint", request.param
