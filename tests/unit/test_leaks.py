"""No password or RotationToken leaves a handler.

Not in an answer, an exception, its traceback or a log line of any level.
"""

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, quote_plus

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from rotation.errors import RotationError
from rotation.runtime.telemetry import entry_point, logger
from tests.unit.events import EVENTS, STAGES, call, world_at
from tests.unit.fake_aws import Faults
from tests.unit.fakes import FakeContext, World
from tests.unit.leaks import assert_no_leak
from tests.unit.values import CURRENT_PASSWORD, SENSITIVE, USER_ID, Json

FUNCTIONS = Path(__file__).parents[2] / "functions"
Run = Callable[[str, World], RotationError | None]


@pytest.fixture
def looked_through(monkeypatch: pytest.MonkeyPatch, output: Callable[[], str]) -> Run:
    """Calls the handler of a case, and looks through whatever comes out of it."""

    def run(name: str, world: World) -> RotationError | None:
        answer, error = None, None
        world.take_over(monkeypatch)
        try:
            answer = call(world, name)
        except RotationError as caught:
            error = caught
        assert_no_leak(SENSITIVE, answer=answer, error=error, output=output())
        return error

    return run


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", EVENTS)
def test_no_handler_leaks_a_password(looked_through: Run, name: str, stage: str) -> None:
    error = looked_through(name, world_at(stage))
    # Or the tests with these worlds would prove nothing.
    assert error is None or stage != "modified" or name == "finishSecret"


def test_every_handler_is_among_the_cases() -> None:
    assert {module for module, _ in EVENTS.values()} == {
        path.stem for path in FUNCTIONS.glob("*.py")
    }


class QuotingError(Exception):
    """A foreign exception that quotes the passwords."""

    def __init__(self) -> None:
        super().__init__(*SENSITIVE)
        self.add_note(SENSITIVE[0])
        self.__cause__ = ValueError(SENSITIVE[1])


@pytest.mark.parametrize("name", EVENTS)
def test_a_foreign_exception_leaks_no_password(looked_through: Run, name: str) -> None:
    reached = 0
    for stage in STAGES:
        looked_through(name, world := world_at(stage))
        faults = faults_of(world).items()
        calls = sorted({(adapter, call) for adapter, of_it in faults for call, _ in of_it.calls})
        for (adapter, method), after in product(calls, (False, True)):
            world = world_at(stage)
            faults_of(world)[adapter].raise_at(method, QuotingError(), after=after)
            reached += "QuotingError" in str(looked_through(name, world))
    assert reached, "no fault has reached the handler"


def faults_of(world: World) -> dict[str, Faults]:
    return {name: fake.faults for name, fake in vars(world).items() if hasattr(fake, "faults")}


#: Ways to plant a password in an exception, by the attribute.
PLANTED: Json = {
    "args": ({"nested": [CURRENT_PASSWORD]},),
    "__cause__": ValueError(CURRENT_PASSWORD),
    "__context__": ValueError(CURRENT_PASSWORD),
    "__notes__": [CURRENT_PASSWORD],
    "response": {"password": CURRENT_PASSWORD},
}


@pytest.mark.parametrize("attribute", PLANTED)
def test_a_password_in_an_exception_is_found(attribute: str) -> None:
    error = RuntimeError("harmless")
    assert_no_leak([CURRENT_PASSWORD], error=error)
    setattr(error, attribute, PLANTED[attribute])
    with pytest.raises(AssertionError, match="exception"):
        assert_no_leak([CURRENT_PASSWORD], error=error)


def test_a_password_in_a_line_of_the_traceback_is_found() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0 if "harmless" else 1
    with pytest.raises(AssertionError, match="exception"):
        assert_no_leak(["harmless"], error=caught.value)


#: With characters that have to be escaped.
PASSWORD = 'back\\slash"quote~and more'
RAW = PASSWORD.encode()
IN_JSON = json.dumps({"message": PASSWORD})


@pytest.mark.parametrize(
    "answer", [CURRENT_PASSWORD, {"a": [{"b": f"x{CURRENT_PASSWORD}y"}]}, {CURRENT_PASSWORD: 1}]
)
def test_a_password_in_an_answer_is_found(answer: Any) -> None:
    with pytest.raises(AssertionError, match="answer"):
        assert_no_leak(SENSITIVE, answer=answer)


@pytest.mark.parametrize(
    "text",
    [
        RAW.hex(),
        f"user app on #{sha256(RAW).hexdigest()} ~* +@all",
        base64.b64encode(RAW).decode(),
        *(base64.b64encode(b"x" * before + RAW + b"yz").decode() for before in range(4)),
        IN_JSON,
        json.dumps(IN_JSON),
        json.dumps(json.dumps(IN_JSON)),
        quote(PASSWORD),
        quote_plus(PASSWORD),
        repr([PASSWORD]),
    ],
)
def test_a_password_is_found_in_any_form(text: str) -> None:
    with pytest.raises(AssertionError, match="output"):
        assert_no_leak([PASSWORD], output=text)


@pytest.mark.parametrize(
    "plant",
    [
        lambda: logger.debug(f"new: {CURRENT_PASSWORD}"),
        lambda: logger.info("new", extra={"value": {"password": CURRENT_PASSWORD}}),
        lambda: print(CURRENT_PASSWORD),  # noqa: T201
    ],
)
def test_a_password_in_a_handlers_output_is_found(
    output: Callable[[], str], plant: Callable[[], None]
) -> None:
    @entry_point
    def handler(event: Json, context: LambdaContext) -> Json:
        plant()
        return {}

    handler({}, cast(LambdaContext, FakeContext()))
    with pytest.raises(AssertionError, match="output"):
        assert_no_leak([CURRENT_PASSWORD], output=output())


def test_what_is_no_leak_passes() -> None:
    assert_no_leak(SENSITIVE, answer={"UserId": USER_ID}, output=USER_ID)
