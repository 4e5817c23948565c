"""Alarms and the dashboard: on metrics that there are, and only where they are asked for."""

import ast
import itertools
import json
import re
from typing import Any

import pytest
from botocore.loaders import Loader

from local.package import read_template
from rotation.rules import closing
from rotation.rules.message import console_url
from tests.template.test_functions import SOURCES
from tools.template.cloudformation import chosen, is_deployed, of_type, resolved

TEMPLATE = read_template()
ALARMS = of_type(TEMPLATE, "AWS::CloudWatch::Alarm")
[DASHBOARD] = of_type(TEMPLATE, "AWS::CloudWatch::Dashboard").values()
#: A region of each partition that botocore knows.
PARTITIONS = {
    each["id"]: next(region for region in each["regions"] if "global" not in region)
    for each in Loader().load_data("partitions")["partitions"]
}
#: What is deployed only where its parameter asks for it.
SWITCHED = {
    "Alarms": ("false", "true"),
    "Dashboard": ("false", "true"),
    "NotificationTopicArn": ("", "arn:aws:sns:us-east-1:123456789012:on-call"),
    "OverdueCheck": ("false", "true"),
}
COMBINATIONS = [
    dict(zip(SWITCHED, each, strict=True)) for each in itertools.product(*SWITCHED.values())
]
#: The dimension of AWS's metrics, and their names (Step Functions guide, "Monitoring Step Functions
#: metrics using Amazon CloudWatch"; Lambda guide, "Types of metrics").
AWS_METRICS: dict[str, tuple[str, set[str]]] = {
    "AWS/States": (
        "StateMachineArn",
        {
            *("ExecutionTime", "ExecutionThrottled", "ExecutionsAborted", "ExecutionsFailed"),
            *("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsTimedOut"),
        },
    ),
    "AWS/Lambda": ("FunctionName", {"Duration", "Errors", "Invocations", "Throttles"}),
}
#: The dimensions of our metrics, beside the service.
DIMENSIONS = {"Logins": {"outcome"}, "FailedRotations": {"clients"}}
#: Of metrics of this stack.
OWNERS = ("RotationStateMachine", "RotateSecretFunction", "AWS::StackName")
TOPIC = {"Fn::If": ["HasTopic", [{"Ref": "NotificationTopicArn"}], {"Ref": "AWS::NoValue"}]}
EMITTED = {
    node.args[0].value
    for text in SOURCES.values()
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.Call)
    and ast.unparse(node.func) in ("metrics.add_metric", "counted", "count_by")
    and isinstance(node.args[0], ast.Constant)
}


def require_metric(namespace: str, name: str, dimensions: list[str]) -> None:
    """Fails unless somebody emits the metric with these dimensions."""
    if namespace == "ElastiCacheRotation":
        assert name in EMITTED
        assert {*dimensions} == {"service", *DIMENSIONS.get(name, ())}
    else:
        dimension, names = AWS_METRICS[namespace]
        assert name in names
        assert dimensions == [dimension]


def widgets(switches: dict[str, str]) -> list[dict[str, Any]]:
    body = chosen(TEMPLATE, switches)["Resources"]["RotationDashboard"]["Properties"]
    found: list[dict[str, Any]] = json.loads(resolved(body["DashboardBody"], switches))["widgets"]
    return found


def test_what_costs_something_by_itself_is_deployed_only_where_a_parameter_asks_for_it() -> None:
    off = {name: values[0] for name, values in SWITCHED.items()}
    assert {name: TEMPLATE["Parameters"][name]["Default"] for name in off} == off
    on_a_schedule = {
        name for name, each in TEMPLATE["Resources"].items() if "Events" in each["Properties"]
    }
    costly = {*ALARMS, "RotationDashboard", *on_a_schedule}
    assert {name for name in costly if is_deployed(TEMPLATE, name, off)} == set()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_on_a_metric_of_this_stack_and_notifies_the_topic(name: str) -> None:
    alarm = ALARMS[name]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    require_metric(alarm["Namespace"], alarm["MetricName"], [*dimensions])
    owner = dimensions.get("service") or next(iter(dimensions.values()))
    assert owner["Ref"] in OWNERS
    assert alarm["AlarmActions"] == TOPIC
    assert alarm["AlarmDescription"]
    assert alarm["TreatMissingData"] in ("missing", "notBreaching")
    # Missing data is then a reason to notify, too.
    assert alarm["TreatMissingData"] != "missing" or alarm["InsufficientDataActions"] == TOPIC


def test_an_execution_is_long_when_it_takes_longer_than_a_user_may_be_modifying() -> None:
    alarm = ALARMS["ExecutionsLongAlarm"]
    # Seconds, and three more digits: the metric has milliseconds.
    assert alarm["Threshold"] == {"Fn::Sub": "${MaxModifyingSeconds}000"}
    assert alarm["Statistic"] == "Maximum"


@pytest.mark.parametrize("switches", COMBINATIONS, ids=lambda each: "-".join(each.values()))
def test_the_dashboard_shows_metrics_that_there_are_side_by_side(switches: dict[str, str]) -> None:
    found = widgets(switches)
    assert any(each["type"] == "alarm" for each in found) == (switches["Alarms"] == "true")
    for each in found:
        assert each["x"] + each["width"] <= 24
        for path in each["properties"].get("metrics", []):
            namespace, name, *rest = [part for part in path if isinstance(part, str)]
            require_metric(namespace, name, rest[::2])
            assert "stat" in {*each["properties"], *path[-1]}
    for one, other in itertools.combinations(found, 2):
        assert any(
            one[start] >= other[start] + other[size] or other[start] >= one[start] + one[size]
            for start, size in (("x", "width"), ("y", "height"))
        ), "one lies on the other"


def test_the_dashboard_shows_every_outcome_that_a_login_can_have() -> None:
    shown = set(re.findall(r'"Logins", "outcome", "(\w+)"', str(DASHBOARD)))
    raised = set(re.findall(r"raise (\w+Error)\(", SOURCES["rotation/adapters/login.py"]))
    assert shown == {"Succeeded", "UnexpectedError", *raised}


def test_clients_that_are_locked_out_are_counted_by_the_code_that_close_rotation_gives() -> None:
    dimension = ALARMS["ClientsLockedOutAlarm"]["Dimensions"][0]
    assert dimension == {"Name": "clients", "Value": closing.LOCKED_OUT}
    assert f'"FailedRotations", "clients", "{closing.LOCKED_OUT}"' in str(DASHBOARD)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_dashboard_leads_to_the_console_that_messages_lead_to(partition: str) -> None:
    region = PARTITIONS[partition]
    values = {"AWS::Partition": partition, "AWS::Region": region}
    body = chosen(TEMPLATE, values)["Resources"]["RotationDashboard"]["Properties"]
    there = console_url(f"arn:{partition}:states:{region}:1:execution:a:b").split("/states/")[0]
    assert f"]({there}/" in resolved(body["DashboardBody"], values)
