"""Bad input, made up by hypothesis: our own errors come out, without a value of the secret.

Quick and the same in every run; `make fuzz` looks further.
"""

import io
import json
import operator
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from itertools import product
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from hypothesis import assume, given, note
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.errors import RotationError, UnexpectedError
from rotation.runtime.telemetry import logger
from tests.unit import stubs
from tests.unit.events import BY_TOKEN, EVENTS, call, on_target, step, world_at
from tests.unit.leaks import assert_no_leak
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    MACHINE_ARN,
    PENDING,
    PREVIOUS,
    SECRET_NAME,
    SENSITIVE,
    Json,
    secret_text,
)

#: Lone surrogates, quotes and a password, in places where nobody expects them.
TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\ud800", '"', "\x00", "arn:aws:elasticache:us-east-1:123456789012:user:x", CURRENT_PASSWORD]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def near(value: Any, *, typed: bool = False) -> st.SearchStrategy[Any]:
    """The value with something in it missing, another or of another type.

    ``typed`` keeps the types, as botocore does with an answer's.
    """
    like: dict[type, st.SearchStrategy[Any]] = {str: TEXT, int: st.integers(), bool: st.booleans()}
    ways = [like.get(type(value), st.just(value)) if typed else JSON]
    if isinstance(value, dict):
        for key in value:
            rest = {other: value[other] for other in value if other != key}
            ways.append(st.just(rest))
            changed = st.fixed_dictionaries({key: near(value[key], typed=typed)})
            ways.append(changed.map(partial(operator.or_, rest)))
        if not typed:
            ways.append(st.dictionaries(TEXT, JSON, max_size=2).map(partial(operator.or_, value)))
    if isinstance(value, list) and value:
        ways.append(st.lists(near(value[0], typed=typed), max_size=3))
    return st.one_of(ways)


def run(
    name: str,
    event: Any = None,
    *,
    stage: str = "modified",
    texts: dict[str, str | bytes] = {},
    may_be_a_bug: bool = False,
    **adapters: Any,
) -> None:
    """Call the handler of a case: only our errors come out of it, and no value of the secret."""
    note(name)
    world, output, answer, error = world_at(stage), io.StringIO(), None, None
    world.secrets.texts |= texts
    vars(world).update(adapters)
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(output):
        monkeypatch.setattr(logger.registered_handler, "stream", output)
        world.take_over(monkeypatch)
        try:
            answer = call(world, name, event)
        except RotationError as caught:
            error = caught
    assert may_be_a_bug or not isinstance(error, UnexpectedError), error
    str(error).encode()
    assert_no_leak(SENSITIVE, answer=answer, error=error, output=output.getvalue())


def without_passwords(value: Any) -> Any:
    """Errors and logs show what Secrets Manager and a person send: no secret is in there."""
    assume(CURRENT_PASSWORD not in repr(value))
    return value


INPUT = {
    "SecretId": SECRET_NAME,
    "ClientRequestToken": PENDING,
    "Attempt": 1,
    "DryRun": True,
    "CreateSecretError": {"Error": "SecretFormatError", "Cause": "It is no JSON."},
}


@given(st.one_of(JSON, near(INPUT)))
def test_any_input_of_an_execution(data: Any) -> None:
    without_passwords(data)
    failure = {"Failure": {"Error": "InvalidInputError", "Cause": "{}"}}
    state = {"ExecutionArn": BY_TOKEN, "Input": data, **failure}
    for name in ("check_target", "close_rotation"):
        run(name, {**state, "State": state})


@given(st.one_of(JSON, near(step("createSecret")), near(step("testSecret"))))
def test_any_event_of_the_rotation_function(event: Any) -> None:
    run("createSecret", without_passwords(event))


#: Made once: what hypothesis works out about a strategy, it keeps with it.
NEAR_EVENTS = {name: near(event) for name, (_, event) in EVENTS.items()}


@pytest.mark.parametrize("name", EVENTS)
@given(data=st.data())
def test_any_event_of_a_state(name: str, data: st.DataObject) -> None:
    # The state machine has made it: what is wrong in there is a bug of this project.
    run(name, without_passwords(data.draw(NEAR_EVENTS[name])), may_be_a_bug=True)


SECRET = json.loads(secret_text(CURRENT_PASSWORD))
#: Texts of a SecretString, each with a password somewhere in it.
TEXTS = st.one_of(
    near(SECRET).map(json.dumps),
    near(SECRET).map(lambda value: json.dumps([CURRENT_PASSWORD, value])),
    st.builds("{}{}{}".format, TEXT, st.just(CURRENT_PASSWORD), TEXT),
    st.builds(
        lambda more, key: f"{secret_text(CURRENT_PASSWORD)[:-1]}, {json.dumps(key)}: {more}}}",
        st.sampled_from(["1e999", "-0", "9" * 5000, "NaN", "Infinity", '"\\ud800"', "1.0E+2"])
        | st.integers(800, 1100).map(lambda depth: "[" * depth + "]" * depth)
        | st.just("[" * 100_000 + "]" * 100_000),
        st.sampled_from(["note", "password", "username", "user_arn", "\ud800", ""]),
    ),
)


@given(
    text=TEXTS | TEXTS.map(lambda text: text.encode(errors="replace")),
    version=st.sampled_from([CURRENT, PENDING, PREVIOUS]),
    stage=st.sampled_from(["staged", "modified"]),
)
def test_any_text_of_a_secret(text: str | bytes, version: str, stage: str) -> None:
    for name in EVENTS:
        run(name, stage=stage, texts={version: text})


# What AWS answers, through botocore.

ENDPOINT = stubs.address("n")
ANSWERS: dict[str, Json] = {
    "DescribeUsers": stubs.described_user(AccessString="off ~* +@all"),
    "ListTagsForResource": {"TagList": [{"Key": "rotation-secret", "Value": SECRET_NAME}]},
    "ModifyUser": {},
    "DescribeUserGroups": stubs.user_group("cache-1", serverless=("cache-2",)),
    "DescribeReplicationGroups": stubs.replication_group("n", ClusterEnabled=True),
    "DescribeCacheClusters": stubs.clusters("n"),
    "DescribeServerlessCaches": stubs.serverless_cache(ENDPOINT, ENDPOINT),
}
NEAR_ANSWERS = st.fixed_dictionaries(
    {call: st.just(good) | near(good, typed=True) for call, good in ANSWERS.items()}
)
CONFIG = Config(retries={"total_max_attempts": 1}, region_name="us-east-1")


def client(service: str, answer: Callable[..., Any], event: str) -> Any:
    """A client of boto3 that gets its answers, parsed or as bytes, from a function."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    made = boto3.client(service, config=CONFIG, **keys)
    made.meta.events.register(event, answer)
    return made


@pytest.fixture(scope="module")
def answered() -> tuple[ElastiCache, Json]:
    answers: Json = {}

    def answer(model: Any, **_: Any) -> Any:
        return AWSResponse("", 200, {}, None), answers[model.name]

    return ElastiCache(client("elasticache", answer, "before-call")), answers


@given(drawn=NEAR_ANSWERS)
def test_any_answer_of_elasticache(answered: tuple[ElastiCache, Json], drawn: Json) -> None:
    adapter, answers = answered
    answers |= without_passwords(drawn)
    run("check_target", users=adapter)
    for name in ("find_endpoints", "describe_user", "modify_user"):
        run(name, EVENTS[name][1] | on_target(turn_on=True), users=adapter)


@pytest.fixture(scope="module")
def garbled() -> tuple[Json, Json]:
    """Adapters whose answers have this status and body."""
    sent: Json = {}

    def answer(request: Any, **_: Any) -> AWSResponse:
        raw = HTTPResponse(io.BytesIO(sent["body"]), preload_content=False)
        return AWSResponse(request.url, sent["status"], {}, raw)

    return {
        "secrets": SecretsManager(client("secretsmanager", answer, "before-send")),
        "users": ElastiCache(client("elasticache", answer, "before-send")),
        "machine": StepFunctions(client("stepfunctions", answer, "before-send"), MACHINE_ARN),
    }, sent


BODIES = (
    st.binary(max_size=20)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"<html>No gateway</html>", b"<a", b"", b"null", b"[]", b"<a/>"])
    | st.sampled_from([f'{{"SecretString": "{CURRENT_PASSWORD}"'.encode()])
)
#: Handlers that together make most calls.
CALLERS = [
    *("check_target", "generate_password_by_hand", "close_rotation"),
    *("createSecret", "finishSecret"),
]


@given(status=st.sampled_from([200, 302, 400, 403, 500, 503]), body=BODIES)
def test_an_answer_that_is_not_awss(garbled: tuple[Json, Json], status: int, body: bytes) -> None:
    adapters, sent = garbled
    sent |= {"status": status, "body": body}
    for name, (service, adapter) in product(CALLERS, adapters.items()):
        note(service)
        run(name, **{service: adapter})
