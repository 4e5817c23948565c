"""Who may do what: the roles, and what AWS itself asks of them.

Each action of our own: tests/unit/test_permissions.py. Who may assume a role or invoke the rotation
function: tests/rotation/test_least_privilege.py.
"""

import itertools
from typing import Any

import pytest

from local.package import read_template
from tools.template.cloudformation import (
    chosen,
    functions,
    leaves,
    of_type,
    statements,
    translated,
)

TEMPLATE = read_template()
MACHINES = of_type(TEMPLATE, "AWS::Serverless::StateMachine")
ROLES = of_type(TEMPLATE, "AWS::IAM::Role")
#: Which functions are in the VPC, and with which parameters.
IN_VPC: dict[str, dict[str, str]] = {
    "none": {},
    "those that log in": {"SubnetIds": "x", "SecurityGroupIds": "x"},
    "all": {"SubnetIds": "x", "SecurityGroupIds": "x", "AllFunctionsInVpc": "true"},
}
LOGGING_IN = {"CheckEndpointFunction", "LogInFunction", "LogInWithCurrentFunction"}

# What AWS's services ask for with a role, and no code of ours: no recorded run has it. Of a
# function: Lambda guide, "Defining permissions with an execution role", and "Giving Lambda
# functions access to a VPC"; of the state machine: Step Functions guide, "Logging to CloudWatch
# Logs".
OWN_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
NETWORK = {
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
OF_MACHINE = {
    *TRACES,
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
#: The Service Authorization Reference has no resource types for these. Of ours, GetRandomPassword
#: reads no secret, and ListSecrets returns no value.
ON_ANY_RESOURCE = {
    *("secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"),
    *(NETWORK | OF_MACHINE),
}


def role_of(properties: dict[str, Any]) -> str:
    role, attribute = properties["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(role)


def test_each_function_and_the_state_machine_has_a_role_of_its_own() -> None:
    users = {**functions(TEMPLATE), **MACHINES}
    assert sorted(map(role_of, users.values())) == sorted(ROLES)


def test_no_statement_says_what_is_not_allowed_or_allows_a_wildcard_of_actions() -> None:
    found = [statement for _, statement in statements(TEMPLATE)]
    assert {statement["Effect"] for statement in found} == {"Allow"}
    assert set[str]().union(*found) == {"Effect", "Action", "Resource", "Condition"}
    assert not [action for statement in found for action in statement["Action"] if "*" in action]


def test_only_what_has_no_resource_is_allowed_on_all_resources() -> None:
    assert {
        action
        for _, statement in statements(TEMPLATE)
        if "*" in leaves(statement["Resource"])
        for action in statement["Action"]
    } == ON_ANY_RESOURCE


def test_no_role_has_a_policy_of_aws_which_aws_may_widen() -> None:
    attached = [role.get("ManagedPolicyArns", []) for role in ROLES.values()]
    assert not [leaf for leaf in leaves(attached) if ":policy/" in leaf]


@pytest.mark.parametrize("which", IN_VPC)
def test_a_role_allows_what_services_of_aws_ask_for_no_less_and_no_more(which: str) -> None:
    """What our own code asks for: tests/rotation/test_least_privilege.py."""
    template = chosen(TEMPLATE, IN_VPC[which])
    for name, properties in {**functions(template), **MACHINES}.items():
        role = role_of(properties)
        policies = leaves(template["Resources"][role]["Properties"].get("ManagedPolicyArns", []))
        allowed = {
            action
            for owner, statement in statements(template)
            if owner in (role, *policies) and statement["Resource"]
            for action in statement["Action"]
            if action.split(":")[0] in ("logs", "xray", "ec2")
        }
        wanted = OF_MACHINE if name in MACHINES else OWN_LOGS | TRACES
        assert allowed == wanted | (NETWORK if "VpcConfig" in properties else set()), name


@pytest.mark.parametrize("which, ipv6", [*itertools.product(IN_VPC, (False, True))])
def test_those_functions_are_in_the_subnets_that_should_be(which: str, ipv6: bool) -> None:
    values = {**IN_VPC[which], "Ipv6AllowedForDualStack": str(ipv6).lower()}
    found = functions(chosen(TEMPLATE, values))
    inside = {"none": set(), "those that log in": LOGGING_IN, "all": {*found}}[which]
    config: dict[str, Any] = {name: {"Ref": name} for name in ("SubnetIds", "SecurityGroupIds")}
    config |= {"Ipv6AllowedForDualStack": ipv6}
    assert {name: each.get("VpcConfig") for name, each in found.items()} == {
        name: config if name in inside else None for name in found
    }


def test_each_role_has_the_path_and_the_boundary_of_the_stack() -> None:
    """Also those that SAM makes."""
    deployed = translated(TEMPLATE)
    path = {"Ref": "RolePath"}
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        found = of_type(deployed, kind)
        assert {each: found[each].get("Path") for each in found} == dict.fromkeys(found, path)
    for boundary, wanted in (("", None), ("x", {"Ref": "PermissionsBoundaryArn"})):
        values = {"PermissionsBoundaryArn": boundary}
        found = of_type(chosen(deployed, values), "AWS::IAM::Role")
        boundaries = {name: each.get("PermissionsBoundary") for name, each in found.items()}
        assert boundaries == dict.fromkeys(found, wanted)


def test_the_state_machine_may_invoke_the_functions_that_its_definition_names() -> None:
    named = leaves(MACHINES["RotationStateMachine"]["DefinitionSubstitutions"])
    [allowed] = [
        leaves(statement["Resource"])
        for name, statement in statements(TEMPLATE)
        if name == "RotationStateMachineRole" and "lambda:InvokeFunction" in statement["Action"]
    ]
    of_functions = [leaf for leaf in named if leaf.endswith("Function")]
    assert sorted(of_functions) == sorted(leaf for leaf in allowed if leaf != "Arn")
