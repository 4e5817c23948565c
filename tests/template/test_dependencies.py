"""No resource waits for itself, in what SAM makes of the template for CloudFormation."""

import copy
from typing import Any

import pytest

from tests.template.dependencies import circle, needs, translated
from tests.template.test_template import TEMPLATE, at, resource

MACHINE = "RotationStateMachine"


def test_no_resource_waits_for_itself() -> None:
    assert circle(needs(translated(TEMPLATE))) == []


def test_the_references_of_every_kind_are_seen() -> None:
    """One of each function, and one that SAM has made."""
    needed = needs(translated(TEMPLATE))
    assert {"LogInFunction", "StateMachineLogGroup", f"{MACHINE}Role"} <= needed[MACHINE]
    assert {"ExecutionsFailedAlarm", MACHINE, "FunctionsLogGroup"} <= needed["RotationDashboard"]
    assert needed["NotifyFailureFunctionNotSucceeded"] == {MACHINE, "NotifyFailureFunction"}
    assert any(name.startswith("Dependencies") for name in needed["LogInFunction"])


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": MACHINE},
        {"Fn::GetAtt": [MACHINE, "Arn"]},
        {"Fn::Sub": f"${{{MACHINE}}}"},
        {"Fn::Sub": [f"${{{MACHINE}.Arn}} ${{Own}}", {"Own": "x"}]},
        {"Fn::Sub": ["${Own}", {"Own": {"Fn::If": ["IsInVpc", {"Ref": MACHINE}, ""]}}]},
    ],
)
def test_a_circle_through_the_state_machine_is_seen(reference: dict[str, Any]) -> None:
    """The machine invokes the function, which is named in it: why the machine has a fixed name."""
    template = copy.deepcopy(TEMPLATE)
    variables = ("Environment", "Variables", "STATE_MACHINE_ARN")
    resource("CheckTargetFunction", *variables, to=reference)(template)
    found = circle(needs(translated(template)))
    assert {"CheckTargetFunction", MACHINE} <= {*found}
    assert found[0] == found[-1]


def test_a_circle_by_depends_on_is_seen() -> None:
    template = copy.deepcopy(TEMPLATE)
    at("Resources", "LogInRole", "DependsOn", to=["LogInFunction"])(template)
    assert {*circle(needs(translated(template)))} == {"LogInRole", "LogInFunction"}
