"""How each function runs, and which variables it is given."""

import inspect
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.package import read_template
from rotation.adapters.secrets_manager import SecretsManager
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Topic
from rotation.records.password import PasswordRules
from rotation.rules.pin import Pin
from statemachine.asl import DEFINITION
from tests.template.test_roles import IN_VPC
from tools.asl.definition import places
from tools.template.cloudformation import chosen, functions, of_type

FUNCTIONS_FOLDER = Path(__file__).parents[2] / "functions"
SOURCES = {
    str(path.relative_to(FUNCTIONS_FOLDER)): path.read_text()
    for path in FUNCTIONS_FOLDER.rglob("*.py")
}
TEMPLATE = read_template()
FUNCTIONS = functions(TEMPLATE)
#: What reads variables for the handlers that call it.
READERS: list[Callable[..., Any]] = [
    PasswordRules.from_env,
    Pin.from_env,
    SecretsManager.connect,
    StepFunctions.connect,
    Topic.connect,
]
#: An endpoint in a VPC has private addresses: no function outside of the VPC could reach it.
IN_VPC_ONLY = "SECRETS_MANAGER_ENDPOINT"
#: It reads the history by execution ARN.
NOT_NEEDED = {"ReportRotationFunction": {"STATE_MACHINE_ARN"}}


def variables(source: str) -> set[str]:
    """The environment variables that a source reads by their names."""
    read = r'(?:environ\.get|getenv|required|seconds_from_env)\(\s*"(\w+)"|environ\["(\w+)"\]'
    return {first or second for first, second in re.findall(read, source)}


def name_of(reader: Callable[..., Any]) -> str:
    return str(inspect.unwrap(reader).__qualname__)


def source_of(reader: Callable[..., Any]) -> str:
    return inspect.getsource(inspect.unwrap(reader))


def test_all_functions_and_their_layer_are_for_python_3_13_on_arm64() -> None:
    for function in FUNCTIONS.values():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    layer = TEMPLATE["Resources"]["Dependencies"]
    assert layer["Metadata"]["BuildArchitecture"] == "arm64"
    assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
    assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]


def test_a_function_ends_before_its_state_gives_it_up() -> None:
    """An invocation that outlived its state could write after the run has been closed."""
    late = FUNCTIONS["GeneratePasswordFunction"]["Environment"]["Variables"]
    for task in places(json.loads(DEFINITION.read_text()), "Task"):
        timeout = FUNCTIONS[f"{task.handler.replace(' ', '')}Function"]["Timeout"]
        assert 0 < timeout < task.state["TimeoutSeconds"]
        assert timeout < int(late["LATE_FUNCTION_SECONDS"])


def test_the_rotation_function_runs_for_as_long_as_lambda_lets_it() -> None:
    """ElastiCache guide, "User-Secrets-Manager": at least 12 minutes."""
    assert FUNCTIONS["RotateSecretFunction"]["Timeout"] == 900


def test_no_function_reserves_concurrency() -> None:
    """Secrets Manager asks for 10 at least or none (user guide, "Lambda rotation functions")."""
    assert not [name for name, each in FUNCTIONS.items() if "ReservedConcurrentExecutions" in each]


def test_logs_are_kept_as_long_as_the_parameter_says_and_go_away_with_the_stack() -> None:
    groups = of_type(TEMPLATE, "AWS::Logs::LogGroup")
    for name, group in groups.items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert TEMPLATE["Resources"][name]["DeletionPolicy"] == "Delete"
    for function in FUNCTIONS.values():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_the_service_of_each_log_line_and_metric_is_the_stack() -> None:
    shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    # Variables of every function: only Powertools reads them.
    assert shared == {
        "POWERTOOLS_LOG_LEVEL": {"Ref": "LogLevel"},
        "POWERTOOLS_SERVICE_NAME": {"Ref": "AWS::StackName"},
    }
    assert not any("service=" in text for text in SOURCES.values())


@pytest.mark.parametrize("name, which", [*itertools.product(FUNCTIONS, [*IN_VPC][1:])])
def test_a_function_is_given_the_variables_that_its_handler_reads(name: str, which: str) -> None:
    template = chosen(TEMPLATE, IN_VPC[which])
    function = functions(template)[name]
    source = SOURCES[f"{function['Handler'].removesuffix('.handler')}.py"]
    called = [source, *(source_of(each) for each in READERS if name_of(each) in source)]
    needed = variables("".join(called)) - NOT_NEEDED.get(name, set())
    if "VpcConfig" not in function:
        needed -= {IN_VPC_ONLY}
    own = template["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {})
    assert own.keys() == needed


def test_only_handlers_call_what_reads_variables() -> None:
    """So that it can be known who needs which."""
    shared = [text for path, text in SOURCES.items() if "/" in path]
    assert variables("".join(shared)) == variables("".join(map(source_of, READERS)))
    assert not [name_of(each) for each in READERS if any(name_of(each) in text for text in shared)]
