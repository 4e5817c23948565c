"""Lambda's workers: each has its own environment, and lives and dies with ministack's process."""

import json
import os
from functools import partial
from typing import Any

from local.instance import LocalAws
from tests.local.helpers import eventually, make_function

CODE = """
import os

def handler(event, context):
    if event:
        os._exit(7)
    return {"pid": os.getpid(), "mine": os.environ["MINE"], "id": os.environ["AWS_SDK_UA_APP_ID"]}
"""


def invoke(aws: LocalAws, function: str, event: Any) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_worker_has_its_own_environment_and_ends_with_its_function(aws: LocalAws) -> None:
    names = ("one", "other")
    functions = {
        name: make_function(aws, name, CODE, Environment={"Variables": {"MINE": name}})
        for name in names
    }
    answers = {name: invoke(aws, functions[name], {}) for name in names}
    assert [answers[name]["mine"] for name in names] == [*names]
    assert len({answers[name]["pid"] for name in names}) == 2
    for name in names:
        pid: int = answers[name]["pid"]
        assert answers[name]["id"] == f"pid-{pid}"
        aws.client("lambda").delete_function(FunctionName=functions[name])
        eventually(partial(ended, pid), "the worker to end")


def test_a_worker_that_exits_is_an_exit_of_the_function(aws: LocalAws) -> None:
    function = make_function(aws, "exits", CODE, Environment={"Variables": {"MINE": "exits"}})
    assert invoke(aws, function, {"exit": True})["errorType"] == "Runtime.ExitError"
    assert invoke(aws, function, {})["mine"] == "exits"
