"""Invocations of functions that change, or go, meanwhile."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.instance import LocalAws
from tests.local.helpers import eventually, make_function

CODE = """
import os, pathlib, time

def handler(event, context):
    if event:
        pathlib.Path(event["here"]).touch()
        while not pathlib.Path(event["go"]).exists():
            time.sleep(0.01)
    return os.environ["EDITION"]
"""


def test_an_invocation_under_way_ends_with_the_settings_that_it_began_with(
    aws: LocalAws, tmp_path: Path
) -> None:
    client = aws.client("lambda")

    def edition(text: str) -> dict[str, Any]:
        return {"Environment": {"Variables": {"EDITION": text}}}

    name = make_function(aws, "changes", CODE, Timeout=60, **edition("first")).rpartition(":")[2]

    def invoke(event: dict[str, str]) -> Any:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    changes: dict[str, Callable[[], Any]] = {
        "second": lambda: client.update_function_configuration(
            FunctionName=name, **edition("second")
        ),
        "gone": lambda: client.delete_function(FunctionName=name),
    }
    now = "first"
    with ThreadPoolExecutor() as threads:
        for then, change in changes.items():
            event = {"here": str(tmp_path / f"{then}-here"), "go": str(tmp_path / f"{then}-go")}
            under_way = threads.submit(invoke, event)
            eventually(Path(event["here"]).exists, "the invocation")
            change()
            if then != "gone":
                assert invoke({}) == then
            Path(event["go"]).touch()
            assert under_way.result(60) == now
            now = then
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        invoke({})
