"""The state machine as data: of the very file that is deployed."""

import copy
import json
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.package import read_template
from rotation import errors
from rotation.adapters.step_functions import FAILURE_STATES
from rotation.records.failure import Failure
from rotation.records.modification import Modification
from rotation.records.target import Target
from rotation.rules.overdue import WORK
from tests.statemachine import checks, lambda_errors
from tests.statemachine.cases import USUAL, closed
from tests.statemachine.checks import Definition

ROOT = Path(__file__).resolve().parents[2]
DEFINITION: Definition = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
SOURCES = {
    str(path.relative_to(ROOT / "functions").with_suffix("")): path.read_text()
    for path in (ROOT / "functions").rglob("*.py")
}
LINES = {name: len(text.splitlines()) for name, text in SOURCES.items() if "/" not in name}
RUN_STATE = SOURCES["rotation/records/run_state"]

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.RotationError)
}
RAISED = {name for name, kind in CLASSES.items() if not kind.__subclasses__()}
TRANSIENT = set(re.findall(r"(\w+)\s+\(transient\)", errors.__doc__ or ""))


def provided() -> set[str]:
    template = read_template()
    properties = template["Resources"]["RotationStateMachine"]["Properties"]
    assert properties["DefinitionUri"] == "statemachine/rotation.asl.json"
    return set(properties["DefinitionSubstitutions"])


Check = Callable[[Definition], list[str]]
CHECKS: dict[str, Check] = {
    "dangling": checks.dangling,
    "unreachable": checks.unreachable,
    "transitions": checks.transitions,
    "endings": checks.endings,
    "size": checks.size,
    "choices": checks.choices,
    "tasks": checks.tasks,
    "substitutions": lambda definition: checks.substitutions(definition, provided()),
    "comments": checks.comments,
    "names": checks.names,
    "error_names": lambda definition: checks.error_names(definition, RAISED),
    "transient_errors": lambda definition: checks.transient_errors(definition, TRANSIENT),
    "catch_all": checks.catch_all,
    "retries": checks.retries,
    "catches": checks.catches,
    "detours": checks.detours,
    "results": lambda definition: checks.results(definition, RUN_STATE),
    "failures": checks.failures,
    "secrets": checks.secrets,
    "handlers": lambda definition: checks.handlers(definition, LINES),
    "events": lambda definition: checks.events(definition, SOURCES),
    "data": checks.data,
}


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_is_wrong_with_the_machine(name: str) -> None:
    assert CHECKS[name](DEFINITION) == []


def test_the_states_after_a_failure_are_those_that_the_rotation_function_passes_over() -> None:
    states = DEFINITION["States"]
    after = checks.reached(DEFINITION, "Wait For Promotion")
    # Where the run has succeeded after all.
    after -= checks.reached(DEFINITION, "Report Rotation")
    maps = [
        states[name]["ItemProcessor"]["States"] for name in after if states[name]["Type"] == "Map"
    ]
    assert {*FAILURE_STATES} == after.union(*maps)


def test_each_choice_takes_its_ways() -> None:
    """What it does not know takes the Default, which does no harm."""
    assert {
        place.name: [*map(list, map(dict.values, place.state["Choices"])), place.state["Default"]]
        for place in checks.places(DEFINITION, "Choice")
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


def test_an_endpoint_that_does_not_answer_is_looked_for_again() -> None:
    rule, _ = DEFINITION["States"]["Test Authentication"]["Catch"]
    assert rule["ErrorEquals"] == ["EndpointUnreachableError"]
    assert rule["Next"] == "Find Endpoints Again"


def test_no_key_of_the_file_is_written_twice() -> None:
    """Of two equal keys, JSON parsers silently keep the last."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    json.loads((ROOT / "statemachine/rotation.asl.json").read_text(), object_pairs_hook=once)


def test_errors_are_found_in_the_errors_module() -> None:
    assert {"UserBusyError", "ThrottlingError"} <= TRANSIENT <= RAISED
    assert "AwsError" not in RAISED


def test_the_result_selector_keeps_all_of_the_target() -> None:
    """A key that is not selected is missing from every later state, but fails only there."""
    selected = DEFINITION["States"]["Check Target"]["ResultSelector"]
    keys = {key.removesuffix(".$"): "" for key in selected}
    assert Target.from_state(keys).to_state().keys() == keys.keys()
    assert selected == {f"{key}.$": f"$.Payload.{key}" for key in keys}


CLOSING = closed(Failure("", ""))
_MODIFICATION = Modification.begun(datetime.now(UTC)).to_state().keys()


@pytest.mark.parametrize(
    "state, keys",
    [
        ("Generate Password", {"Generated", "WaitSeconds", "LateSeconds"}),
        ("Modify User", _MODIFICATION),
        ("Describe User", _MODIFICATION),
        ("Find Endpoints", {"Endpoints", "Count", "NotTested"}),
        ("Find Endpoints Again", {"Endpoints", "Count", "NotTested"}),
        ("Close Rotation", CLOSING.keys()),
    ],
)
def test_the_result_selector_keeps_all_of_the_answer(state: str, keys: Collection[str]) -> None:
    selected = DEFINITION["States"][state]["ResultSelector"]
    assert selected == {f"{key}.$": f"$.Payload.{key}" for key in keys}


def test_an_endpoint_that_was_not_verified_is_told_as_one_that_was() -> None:
    inside = DEFINITION["States"]["Verify Current Password"]["ItemProcessor"]["States"]
    told = inside["Current Password Not Verified"]["Parameters"]
    assert {key.removesuffix(".$") for key in told} == USUAL["Log In With Current"].keys()


def test_close_rotation_knows_the_failure_whatever_failed() -> None:
    known = checks.known_before(DEFINITION, "Close Rotation")
    assert {("Failure", "Error"), ("Failure", "Cause"), ("Input",), ("ExecutionArn",)} <= known
    # Check Target itself may be what failed.
    assert ("Target",) not in known


Edit = Callable[[dict[str, Any]], Any]


def put(*path: str | int, to: Any) -> Edit:
    """An edit that sets ``States.<path>`` of a definition."""

    def edit(definition: dict[str, Any]) -> None:
        at: Any = definition["States"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = to

    return edit


def drop(*path: str | int) -> Edit:
    """An edit that removes ``States.<path>`` of a definition."""

    def edit(definition: dict[str, Any]) -> None:
        at: Any = definition["States"]
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return edit


INNER = ("Test Authentication", "ItemProcessor", "States", "Log In")
NO_FAIL = {"Type": "Succeed", "Comment": "No."}

BROKEN: list[tuple[str, Edit, str]] = [
    ("dangling", put("Modify User", "Next", to="Nowhere"), "Modify User leads to 'Nowhere'"),
    ("dangling", put("Dry Run?", "Default", to="Nowhere"), "Dry Run? leads to"),
    ("dangling", put("Dry Run?", "Choices", 0, "Next", to="Nowhere"), "Dry Run? leads to"),
    ("dangling", put("Modify User", "Catch", 0, "Next", to="Nowhere"), "Modify User leads to"),
    ("dangling", put(*INNER[:2], "StartAt", to="Log Out"), "StartAt is 'Log Out'"),
    ("dangling", lambda definition: definition.update(StartAt="Nowhere"), "StartAt is 'Nowhere'"),
    ("unreachable", put("Alone", to={"Type": "Succeed"}), "Alone is never reached"),
    ("unreachable", put(*INNER[:3], "Alone", to={"Type": "Succeed"}), "Alone is never reached"),
    ("transitions", drop("Modify User", "Next"), "Modify User needs one of"),
    ("transitions", put("Modify User", "End", to=True), "Modify User needs one of"),
    ("transitions", put(*INNER, "End", to=False), "Log In needs one of"),
    ("transitions", put("Rotated", "Next", to="Rotation Failed"), "Rotated is a Succeed and has"),
    ("transitions", put("Dry Run?", "Next", to="Rotation Failed"), "Dry Run? is a Choice and has"),
    ("endings", put("Report Rotation", "End", to=True), "Report Rotation ends the execution"),
    (
        "endings",
        put("Rotation Not Closed", "Next", to="Rotation Not Closed"),
        "never comes to an end",
    ),
    (
        "size",
        lambda definition: definition["States"].update({f"State {letter}": {} for letter in "ABC"}),
        "31 states, more than 30",
    ),
    ("choices", drop("User Active?", "Default"), "User Active? has no Default"),
    ("choices", put("User Active?", "Choices", to=[]), "User Active? has no Choices"),
    ("tasks", drop("Modify User", "TimeoutSeconds"), "Modify User has no TimeoutSeconds"),
    ("tasks", drop(*INNER, "TimeoutSeconds"), "Log In has no TimeoutSeconds"),
    ("tasks", drop(*INNER, "OutputPath"), "Log In hands on more than the function's answer"),
    ("tasks", put("Modify User", "Resource", to="${ModifyUserFunction}"), "has Resource"),
    (
        "tasks",
        put("Modify User", "Parameters", "FunctionName", to="modify-user"),
        "is no substitution",
    ),
    (
        "substitutions",
        put("Modify User", "Parameters", "FunctionName", to="${NewFunction}"),
        "${NewFunction} is not in DefinitionSubstitutions",
    ),
    (
        "substitutions",
        put("Modify User", "Parameters", "FunctionName", to="${LogInFunction}"),
        "ModifyUserFunction is not used",
    ),
    ("comments", drop(*INNER, "Comment"), "Log In has no Comment"),
    ("comments", put("Dry Run?", "Comment", to=" "), "Dry Run? has no Comment"),
    ("comments", put("Dry Run?", "Comment", to="Is it a dry run?"), "only its name again"),
    ("comments", put("Modify User", "Comment", to="Modify the user."), "only its name again"),
    ("comments", lambda definition: definition.pop("Comment"), "the machine has no Comment"),
    ("names", put("modify user", to={"Type": "Task"}), "modify user is not in Title Case"),
    ("names", put("Active", to={"Type": "Choice"}), "Active: a Choice asks"),
    ("names", put("Rotated?", to={"Type": "Succeed"}), "Rotated?: a Choice asks"),
    ("names", put(*INNER[:3], "Rotated", to={"Type": "Succeed"}), "the name of two states"),
    (
        "error_names",
        put("Modify User", "Retry", 0, "ErrorEquals", to=["InvalidUserState"]),
        "InvalidUserState in its Retry is the name of no error",
    ),
    (
        "error_names",
        put("Modify User", "Retry", 0, "ErrorEquals", to=["AwsError"]),
        "AwsError in its Retry",
    ),
    (
        "error_names",
        put("Modify User", "Retry", 0, "ErrorEquals", to=["Lambda.Timeout"]),
        "Lambda.Timeout in its Retry",
    ),
    (
        "error_names",
        put("Modify User", "Catch", 0, "ErrorEquals", to=["States.Oops"]),
        "States.Oops in its Catch",
    ),
    (
        "transient_errors",
        put("Check Target", "Retry", 2, "ErrorEquals", to=["VersionNotReadableError"]),
        "VersionNotFoundError is transient",
    ),
    (
        "catch_all",
        put("Modify User", "Retry", 2, "ErrorEquals", to=["States.ALL"]),
        "Modify User retries States.ALL",
    ),
    (
        "catch_all",
        put("Modify User", "Catch", 0, "ErrorEquals", to=["States.ALL", "States.Timeout"]),
        "not alone in its Catch",
    ),
    (
        "catch_all",
        lambda definition: definition["States"]["Modify User"]["Catch"].append(
            {"ErrorEquals": ["States.Timeout"], "Next": "Close Rotation"}
        ),
        "not last in its Catch",
    ),
    ("retries", drop("Modify User", "Retry", 0, "MaxAttempts"), "MaxAttempts is not"),
    ("retries", put("Modify User", "Retry", 0, "MaxAttempts", to=99999999), "MaxAttempts is not"),
    ("retries", drop("Modify User", "Retry", 0, "MaxDelaySeconds"), "MaxDelaySeconds not below"),
    ("retries", drop("Modify User", "Retry", 0, "BackoffRate"), "BackoffRate is not above 1"),
    ("retries", put(*INNER, "Retry", 0, "JitterStrategy", to="NONE"), "JitterStrategy is not"),
    (
        "retries",
        put("Modify User", "Retry", 1, "ErrorEquals", to=["UserBusyError"]),
        "UserBusyError is twice",
    ),
    ("retries", drop("Promote Version", "Retry"), "does not retry Lambda.ServiceException"),
    ("retries", drop("Modify User", "Retry", 0), "Modify User does not retry UserBusyError"),
    (
        "retries",
        put("Modify User", "Retry", 0, "ErrorEquals", to=["PasswordRefusedError"]),
        "Modify User has no PasswordRefusedError to retry",
    ),
    ("catches", drop("Modify User", "Catch"), "Modify User does not catch States.ALL"),
    ("catches", drop("Test Authentication", "Catch"), "Test Authentication does not catch"),
    (
        "catches",
        put("Modify User", "Catch", 0, "ErrorEquals", to=["States.Timeout"]),
        "Modify User does not catch States.ALL",
    ),
    (
        "catches",
        put("Modify User", "Catch", 0, "Next", to="Rotation Failed"),
        "Modify User: its Catch leads to Rotation Failed, not to Verify Current Password",
    ),
    (
        "catches",
        put("Promote Version", "Catch", 0, "Next", to="Verify Current Password"),
        "leads to Verify Current Password, not to Wait For Promotion",
    ),
    (
        "catches",
        put("Report Rotation", "Catch", 0, "Next", to="Close Rotation"),
        "leads to Close Rotation, not to Rotated",
    ),
    (
        "catches",
        drop("Verify Current Password", *INNER[1:3], "Log In With Current", "Catch"),
        "Log In With Current does not catch States.ALL",
    ),
    (
        "detours",
        put("User Cannot Become Active", "Next", to="Close Rotation"),
        "a way leads from Modify User to Close Rotation past Verify Current Password",
    ),
    (
        "detours",
        put("Promote Version", "Catch", 0, "Next", to="Verify Current Password"),
        "a way leads from Promote Version to Verify Current Password past Wait For Promotion",
    ),
    (
        "detours",
        put("Generate Password", "Catch", 0, "Next", to="Rotation Failed"),
        "a way leads from Check Target to Rotation Failed past Close Rotation",
    ),
    (
        "detours",
        put("Close Rotation", "Next", to="Report Rotation"),
        "a way leads from Close Rotation to Report Rotation past Promoted After All?",
    ),
    (
        "detours",
        put("Promote Version", "Next", to="Rotated"),
        "a way leads from Check Target to Rotated past Report Rotation",
    ),
    (
        "detours",
        put("Test Authentication", "Catch", 0, "Next", to="Wait For Earlier Runs"),
        "Wait For User leads back to Modify User",
    ),
    (
        "results",
        put("Generate Password", "ResultPath", to="$.Elsewhere"),
        "Generate Password writes $.Elsewhere: nothing reads it",
    ),
    (
        "results",
        put("Test Authentication", "Catch", 0, "ResultPath", to="$.Network.Silent"),
        "nothing writes Network.Unreachable",
    ),
    ("results", drop("Generate Password", "ResultPath"), "nothing writes Generation"),
    ("results", drop("User Cannot Become Active", "Parameters", "Cause.$"), "tells no Cause"),
    ("results", drop("Rotation Not Closed", "Parameters", "Error.$"), "tells no Error"),
    ("catches", drop("Modify User", "Catch", 0, "ResultPath"), "replaces all that is known"),
    (
        "catches",
        put(*INNER, "Catch", to=[{"ErrorEquals": ["States.ALL"], "Next": "Log In"}]),
        "Log In is inside of a Map and has a Catch",
    ),
    ("failures", drop("Rotation Failed", "ErrorPath"), "Rotation Failed has no ErrorPath"),
    ("failures", drop("Rotation Failed", "CausePath"), "Rotation Failed has no CausePath"),
    ("failures", put("Rotation Failed", to=NO_FAIL), "there is no Fail"),
    (
        "secrets",
        put("Modify User", "Parameters", "Payload", "Password.$", to="$.Target.UserId"),
        "Modify User passes Password",
    ),
    (
        "secrets",
        put(*INNER, "Parameters", "Payload", "Value.$", to="$.Target.SecretString"),
        "Log In passes SecretString",
    ),
    (
        "secrets",
        put("User Cannot Become Active", "Parameters", "C.$", to="States.Format('{}', $.A.pwd)"),
        "passes pwd",
    ),
    ("handlers", put("Drop User", to={"Type": "Task"}), "functions/drop_user.py is missing"),
    ("handlers", drop("Modify User"), "functions/modify_user.py belongs to no state"),
    (
        "handlers",
        put("Modify User", "Parameters", "FunctionName", to="${LogInFunction}"),
        "Modify User invokes ${LogInFunction}",
    ),
    (
        "events",
        drop("Describe User", "Parameters", "Payload", "Modification.$"),
        "Describe User does not pass Modification",
    ),
    (
        "events",
        drop(*INNER, "Parameters", "Payload", "ExecutionArn.$"),
        "Log In does not pass ExecutionArn",
    ),
    (
        "events",
        put("Modify User", "Parameters", "Payload", "Network.$", to="$.Network"),
        "Modify User passes Network, which its handler does not read",
    ),
    (
        "data",
        put("Generate Password", "Parameters", "Payload", "M.$", to="$.Modification"),
        "Generate Password: Parameters reads $.Modification",
    ),
    (
        "data",
        put("Modify User", "Parameters", "Payload", "Since.$", to="$$.State.Entered"),
        "Modify User: Parameters reads $$.State.Entered, which no context has",
    ),
    (
        "events",
        drop("Report Rotation", "Parameters", "Payload", "State.$"),
        "Report Rotation does not pass State",
    ),
    (
        "events",
        drop("Find Endpoints Again", "Parameters", "Payload", "Network.$"),
        "Find Endpoints Again does not pass Network",
    ),
    ("data", put("Find Endpoints", "Next", to="Wait For User"), "reads $.Modification"),
    ("data", put("Find Endpoints", "ResultPath", to="$"), "reads $.Target"),
    ("data", drop("Check Target", "ResultSelector", "DryRun.$"), "reads $.Target.DryRun"),
    ("data", put("Modify User", "ResultPath", to=None), "SecondsPath reads $.Modification"),
    ("data", put("Check Network", "ItemsPath", to="$.Endpoints"), "reads $.Endpoints"),
    ("data", put("User Active?", "Choices", 0, "Variable", to="$.Status"), "reads $.Status"),
    ("data", drop("Check Network", "ItemSelector", "Target.$"), "Check Endpoint: Parameters reads"),
    ("data", put("Rotation Failed", "CausePath", to="$.Cause"), "CausePath reads $.Cause"),
    ("data", put("Modify User", "Catch", 0, "ResultPath", to="$.Oops"), "reads $.Failure"),
    ("data", put("Promote Version", "ResultSelector", "P.$", to="$.Answer.P"), "reads $.Answer"),
    (
        "data",
        put("Rotation Not Closed", "Parameters", "C.$", to="States.Format('{} $.In', $.No.Cause)"),
        "Rotation Not Closed: Parameters reads $.No.Cause",
    ),
]


@pytest.mark.parametrize(
    "name, edit, problem",
    [pytest.param(*broken, id=f"{broken[0]}-{broken[2]}") for broken in BROKEN],
)
def test_what_is_wrong_is_told(name: str, edit: Edit, problem: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    edit(definition)
    assert any(problem in told for told in CHECKS[name](definition)), CHECKS[name](definition)


def test_every_check_is_seen_to_fail() -> None:
    assert {name for name, _, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize("lines", [14, 51])
def test_a_handler_of_another_size_is_told(lines: int) -> None:
    problems = checks.handlers(DEFINITION, {**LINES, "log_in": lines})
    assert problems == [f"functions/log_in.py has {lines} lines, not 15 to 50"]


#: That a Map logs in to, 20 at a time.
NODES = 100


def slowest(state: dict[str, Any]) -> float:
    """Seconds that a task takes if it needs every retry, and each attempt that runs times out.

    Waits take their average: there are more than a thousand.
    """
    seconds = float(state["TimeoutSeconds"])
    for retry in state["Retry"]:
        seconds += checks.average_wait(retry)
        if not lambda_errors.REFUSED.issuperset(retry["ErrorEquals"]):
            seconds += retry["MaxAttempts"] * state["TimeoutSeconds"]
    return seconds


def test_no_execution_that_may_end_is_cut_off_or_told_to_run_too_long() -> None:
    """A TIMED_OUT execution leaves AWSPENDING. The waits for the user are bounded by a clock."""
    template = read_template()
    values = template["Parameters"]["MaxModifyingSeconds"]["ConstraintDescription"]
    most = int(values.rpartition(" to ")[2])
    work = 0.0
    for place in checks.places(DEFINITION, "Task"):
        work += slowest(place.state) * (NODES / 20 if place.nested else 1)
    assert work > 3600
    assert work < WORK.total_seconds()
    assert DEFINITION["TimeoutSeconds"] > 2 * most + work


def test_what_is_read_of_each_check_is_kept() -> None:
    inner = DEFINITION["States"]["Check Network"]["ItemProcessor"]["States"]["Check Endpoint"]
    readers = RUN_STATE + SOURCES["rotation/rules/first_rotation"]
    read = set(re.findall(r'each(?:\.get\(|\[)"(CurrentLogsIn|ProvenVersion)"', readers))
    assert {key.removesuffix(".$") for key in inner["ResultSelector"]} == read
    assert len(read) == 2
