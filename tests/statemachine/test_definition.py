"""The definition as data: of the very file that is deployed.

`make mutants` breaks each part of it: a test here, of its retries or of its paths has to fail.
"""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.package import read_template
from rotation.records.endpoint import Endpoint
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.target import Target
from rotation.rules.run_history import STATES_AFTER_FAILURE
from tools.asl.answers import USUAL, closed
from tools.asl.definition import Definition, Place, next_states, places, reached

ROOT = Path(__file__).resolve().parents[2]
DEFINITION: Definition = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
STATES = DEFINITION["States"]
PLACES = [*places(DEFINITION)]
TASKS = [*places(DEFINITION, "Task")]
MAPS = {name: state for name, state in STATES.items() if state["Type"] == "Map"}
#: The handlers that are no state's: Secrets Manager calls one, EventBridge the others.
OTHER_HANDLERS = {"check_overdue", "rotate_secret", "notify_failure"}
HANDLERS = {path.stem: path.read_text() for path in (ROOT / "functions").glob("*.py")}
RUN_STATE = (ROOT / "functions/rotation/records/run_state.py").read_text()

in_each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))


def snake(name: str) -> str:
    return name.lower().replace(" ", "_")


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def keys_of(name: str, source: str) -> set[str]:
    """The keys that a source reads of a dict of this name: by [], by get, or by asking for them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Subscript(ast.Name(holder), ast.Constant(str(key)))
                | ast.Call(ast.Attribute(ast.Name(holder), "get"), [ast.Constant(str(key)), *_])
                | ast.Compare(ast.Constant(str(key)), [ast.In()], [ast.Name(holder)])
            ) if holder == name:
                found.add(key)
    return found


# What a person reads in the console's graph


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.name))
def test_a_state_is_named_in_title_case_and_says_more_than_its_name(place: Place) -> None:
    assert re.fullmatch(r"[A-Z][a-z]*( [A-Z][a-z]*)*\??", place.name)
    # A Choice asks a question, and nothing else does.
    assert (place.state["Type"] == "Choice") == place.name.endswith("?")
    comment = place.state["Comment"]
    assert re.fullmatch(r"[A-Z].*\.", comment)
    more = {*re.findall(r"\w+", comment.lower())} - {*place.name.lower().strip("?").split()}
    assert len(more) >= 3


def test_the_state_machine_has_at_most_30_states_each_with_a_name_of_its_own() -> None:
    assert len(PLACES) == len({place.name for place in PLACES}) <= 30
    assert DEFINITION["Comment"]


# Functions


@in_each_task
def test_a_task_invokes_its_function_and_gives_it_up_after_45_seconds(task: Place) -> None:
    assert task.state["Resource"] == "arn:${Partition}:states:::lambda:invoke"
    function = f"${{{task.handler.replace(' ', '')}Function}}"
    assert task.state["Parameters"]["FunctionName"] == function
    assert task.state["TimeoutSeconds"] == 45


def test_each_task_has_its_handler_of_15_to_50_lines() -> None:
    assert HANDLERS.keys() == {snake(task.handler) for task in TASKS} | OTHER_HANDLERS
    lines = {name: len(text.splitlines()) for name, text in HANDLERS.items()}
    assert {name: count for name, count in lines.items() if not 15 <= count <= 50} == {}


def test_the_template_puts_in_what_the_definition_leaves_open() -> None:
    properties = read_template()["Resources"]["RotationStateMachine"]["Properties"]
    assert properties["DefinitionUri"] == "statemachine/rotation.asl.json"
    used = {name for text in strings(DEFINITION) for name in re.findall(r"\$\{([^}]*)\}", text)}
    assert used == properties["DefinitionSubstitutions"].keys()


@in_each_task
def test_a_task_passes_what_its_handler_reads_and_the_logs_tell(task: Place) -> None:
    source = HANDLERS[snake(task.handler)]
    read = keys_of("event", source)
    if "RunState.from_event(event)" in source:
        read |= keys_of("event", RUN_STATE)
    if task.name == "Find Endpoints":  # its handler asks for it in Find Endpoints Again
        read -= {"Network"}
    payload = task.state["Parameters"]["Payload"]
    assert {key.removesuffix(".$") for key in payload} == read | {"ExecutionArn", "Since"}
    # By its own name; an item of a Map has what its ItemSelector takes.
    own = {"State.$": "$", "Since.$": "$$.State.EnteredTime"}
    assert payload == {key: own.get(key, f"$.{key.removesuffix('.$')}") for key in payload}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_passes_each_endpoint_to_20_functions_at_once(name: str) -> None:
    assert MAPS[name]["ItemsPath"] == "$.Network.Endpoints"
    assert MAPS[name]["MaxConcurrency"] == 20
    assert MAPS[name]["ItemSelector"] == {
        "ExecutionArn.$": "$.ExecutionArn",
        "Target.$": "$.Target",
        "Endpoint.$": "$$.Map.Item.Value",
    }


_MODIFICATION = Modification.begun(datetime.now(UTC)).to_state()


@pytest.mark.parametrize(
    "state, answer",
    [
        ("Check Target", Target.from_state(dict.fromkeys(USUAL["Check Target"], "")).to_state()),
        ("Generate Password", USUAL["Generate Password"]),
        ("Modify User", _MODIFICATION),
        ("Describe User", _MODIFICATION),
        ("Find Endpoints", {"Endpoints": [], "Count": 0, "NotTested": []}),
        ("Find Endpoints Again", {"Endpoints": [], "Count": 0, "NotTested": []}),
        # Of hundreds of endpoints, in a state of at most 256 KiB.
        ("Check Endpoint", {"CurrentLogsIn": True, "ProvenVersion": ""}),
        ("Promote Version", USUAL["Promote Version"]),
        ("Close Rotation", closed(Failure("", ""))),
    ],
)
def test_the_result_selector_keeps_what_is_read_of_the_answer(
    state: str, answer: dict[str, Any]
) -> None:
    """A key that is not selected is missing from every later state, but fails only there."""
    [selected] = [task.state["ResultSelector"] for task in TASKS if task.name == state]
    needed = {f"{key}.$": f"$.Payload.{key}" for key in answer}
    assert selected == needed, f"ResultSelector of {state} in rotation.asl.yaml, then `make asl`"


def test_a_task_without_a_result_selector_keeps_the_answer_alone() -> None:
    whole = {task.name for task in TASKS if "ResultSelector" not in task.state}
    assert whole == {"Log In", "Report Rotation", "Log In With Current"}
    assert {task.state["OutputPath"] for task in TASKS if task.name in whole} == {"$.Payload"}


def test_an_endpoint_that_was_not_verified_is_reported_as_one_that_was() -> None:
    inside = STATES["Verify Current Password"]["ItemProcessor"]["States"]
    reported = inside["Current Password Not Verified"]["Parameters"]
    assert {key.removesuffix(".$") for key in reported} == USUAL["Log In With Current"].keys()
    used = re.findall(r"\$\.Endpoint\.(\w+)", reported["Endpoint.$"])
    assert {*used} == Endpoint("", "", 0).to_state().keys()


# Ways


def test_each_choice_takes_its_ways() -> None:
    """What it does not know takes the Default, which does no harm."""
    assert {
        place.name: [*map(list, map(dict.values, place.state["Choices"])), place.state["Default"]]
        for place in places(DEFINITION, "Choice")
    } == {
        "Dry Run?": [["$.Target.DryRun", False, "Generate Password"], "Dry Run Passed"],
        "User Active?": [
            ["$.Modification.Status", "active", "Find Endpoints Again"],
            ["$.Modification.Status", "modifying", "Wait For User"],
            "User Cannot Become Active",
        ],
        "Promoted After All?": [
            ["$.Closing.Promoted", True, "Report Rotation"],
            "Rotation Failed",
        ],
    }


def test_each_catch_takes_every_error() -> None:
    """Where each leads is seen in the cases: tools/asl/cases.py."""
    named = {
        place.name: [rule["ErrorEquals"] for rule in place.state["Catch"]]
        for place in PLACES
        if "Catch" in place.state
    }
    found_again = {"Test Authentication": [["EndpointUnreachableError"], ["States.ALL"]]}
    assert named == {name: [["States.ALL"]] for name in named} | found_again


@pytest.mark.parametrize(
    "start, end, by",
    [
        ("Modify User", "Close Rotation", "Verify Current Password"),
        ("Promote Version", "Verify Current Password", "Wait For Promotion"),
        ("Check Target", "Rotation Failed", "Close Rotation"),
        ("Close Rotation", "Report Rotation", "Promoted After All?"),
        ("Check Target", "Rotated", "Report Rotation"),
    ],
)
def test_no_way_leads_from_one_state_to_another_past_a_third(start: str, end: str, by: str) -> None:
    assert end in reached(DEFINITION, start)
    assert end not in reached(DEFINITION, start, without=by)


def test_a_run_writes_to_the_user_once() -> None:
    assert not [
        name
        for name in next_states(STATES["Modify User"])
        if "Modify User" in reached(DEFINITION, name)
    ]


def test_the_states_after_a_failure_are_those_that_the_rotation_function_passes_over() -> None:
    after = reached(DEFINITION, "Wait For Promotion")
    # Where the run has succeeded after all.
    after -= reached(DEFINITION, "Report Rotation")
    inside = [state["ItemProcessor"]["States"] for name, state in MAPS.items() if name in after]
    assert {*STATES_AFTER_FAILURE} == after.union(*inside)
