"""Functions' processes: each has its own environment, and ends as on Lambda."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.instance import LocalAws
from tests.local.helpers import eventually, make_function

CODE = """
import os, pathlib, time

def handler(event, context):
    if "here" in event:
        pathlib.Path(event["here"]).touch()
        while not pathlib.Path(event["go"]).exists():
            time.sleep(0.01)
    return {"pid": os.getpid(), "mine": os.environ["MINE"], "id": os.environ["AWS_SDK_UA_APP_ID"]}
"""


def setting(text: str) -> dict[str, Any]:
    return {"Environment": {"Variables": {"MINE": text}}}


def invoke(aws: LocalAws, function: str, **event: Any) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def test_a_worker_has_its_own_environment_and_ends_with_its_function(aws: LocalAws) -> None:
    names = ("one", "other")
    functions = {name: make_function(aws, name, CODE, **setting(name)) for name in names}
    answers = {name: invoke(aws, functions[name]) for name in names}
    assert [answers[name]["mine"] for name in names] == [*names]
    assert len({answers[name]["pid"] for name in names}) == 2
    for name in names:
        assert answers[name]["id"] == f"pid-{answers[name]['pid']}"
        aws.client("lambda").delete_function(FunctionName=functions[name])
    processes = [Path(f"/proc/{answers[name]['pid']}") for name in names]
    eventually(lambda: not any(each.exists() for each in processes), "the workers to end")


def test_an_invocation_in_progress_ends_with_the_settings_that_it_began_with(
    aws: LocalAws, tmp_path: Path
) -> None:
    client = aws.client("lambda")
    name = make_function(aws, "changes", CODE, Timeout=60, **setting("first")).rpartition(":")[2]
    here, go = tmp_path / "here", tmp_path / "go"
    with ThreadPoolExecutor() as threads:
        in_progress = threads.submit(invoke, aws, name, here=str(here), go=str(go))
        eventually(here.exists, "the invocation")
        client.update_function_configuration(FunctionName=name, **setting("second"))
        assert invoke(aws, name)["mine"] == "second"
        client.delete_function(FunctionName=name)
        go.touch()
        assert in_progress.result(60)["mine"] == "first"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        invoke(aws, name)
