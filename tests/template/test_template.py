"""The template: linted, together with the state machine, and checked as data."""

import copy
import functools
import json
import operator
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from local.package import parse_template
from rotation.rules import closing
from tests.template import checks
from tests.template.checks import Template
from tests.template.dependencies import translated
from tools.asl.definition import Definition

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE: Template = parse_template(TEXT)
DEFINITION: Definition = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
SOURCES = {
    str(path.relative_to(ROOT / "functions")): path.read_text()
    for path in (ROOT / "functions").rglob("*.py")
}

EMITTED = checks.emitted_metrics(SOURCES)

#: A region of each partition that botocore knows.
PARTITIONS = {
    each["id"]: next(region for region in each["regions"] if "global" not in region)
    for each in Loader().load_data("partitions")["partitions"]
}

Check = Callable[[Template], list[str]]
CHECKS: dict[str, Check] = {
    "parameters": checks.parameters,
    "rules": checks.rules,
    "names": checks.names,
    "consoles": lambda template: checks.consoles(template, PARTITIONS),
    "runtimes": checks.runtimes,
    "timeouts": lambda template: checks.timeouts(template, DEFINITION),
    "roles": checks.roles,
    "actions": checks.actions,
    "writers": checks.writers,
    "managed_policies": checks.managed_policies,
    "asked_by_aws": checks.asked_by_aws,
    "network": checks.network,
    "boundaries": lambda template: checks.boundaries(translated(template)),
    "trust": checks.trust,
    "invocations": checks.invocations,
    "permission": checks.permission,
    "log_groups": checks.log_groups,
    "outputs": checks.outputs,
    "environment": lambda template: checks.environment(template, SOURCES),
    "switches": checks.switches,
    "alarms": lambda template: checks.alarms(template, EMITTED),
    "dashboards": lambda template: checks.dashboards(template, EMITTED),
}


def findings(template: str) -> list[str]:
    """What cfn-lint finds in a template's text, with its informational rules."""
    # Here, since it takes seconds, of every process that collects the tests.
    from cfnlint.api import lint

    found = lint(template, config={"regions": ["us-east-1"], "include_checks": ["I"]})
    return [f"{match.rule.id} {match.message}" for match in found]


def with_definition(definition: Definition) -> str:
    """A template of the definition alone, as CloudFormation sees it after deployment.

    cfn-lint looks neither behind a SAM DefinitionUri nor into a SAM Definition, so the machine is
    CloudFormation's own kind, with ARNs in the place of the substitutions.
    """
    machine = TEMPLATE["Resources"]["RotationStateMachine"]["Properties"]
    text = json.dumps(definition)
    for name in machine["DefinitionSubstitutions"]:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        text = text.replace(f"${{{name}}}", "aws" if name == "Partition" else arn)
    role = "arn:aws:iam::123456789012:role/machine"
    properties = {"Definition": json.loads(text), "RoleArn": role}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return json.dumps({"Resources": {"RotationStateMachine": resource}})


def test_cfn_lint_finds_nothing_in_the_template() -> None:
    assert findings(TEXT) == []


def test_cfn_lint_finds_nothing_in_the_example() -> None:
    assert findings((ROOT / "examples/cloudformation/template.yaml").read_text()) == []


def test_cfn_lint_finds_nothing_in_the_state_machine() -> None:
    assert findings(with_definition(DEFINITION)) == []


def test_cfn_lint_finds_all_that_is_broken_in_a_template() -> None:
    broken = TEXT
    for good, bad in (
        ("!Ref SecretArn", "!Ref SecretName"),
        ("RetentionInDays:", "Retention:"),
        ("Runtime: python3.13", "Runtime: python2.7"),
    ):
        broken = broken.replace(good, bad)
    assert {each.split()[0] for each in findings(broken)} >= {"E1020", "E3002", "E2533"}


def test_cfn_lint_finds_all_that_is_broken_in_a_state_machine() -> None:
    definition = copy.deepcopy(DEFINITION)
    states = definition["States"]
    inner = states["Test Authentication"]["ItemProcessor"]
    definition["StartAt"] = "Nowhere"
    inner["StartAt"] = "Elsewhere"
    del states["User Active?"]["Choices"]
    del states["Check Network"]["ItemProcessor"]
    states["Modify User"]["TimeOutSeconds"] = 45
    states["Promote Version"]["Resource"] = "${Resource}"
    inner["States"]["Log In"]["Retires"] = []
    found = findings(with_definition(definition))
    assert {each.split()[0] for each in found} == {"E3601"}
    broken = ("Nowhere", "Elsewhere", "Choices", "ItemProcessor", "TimeOutSeconds", "${Resource}")
    for each in (*broken, "Retires"):
        assert any(each in message for message in found), (each, found)


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_is_wrong_with_the_template(name: str) -> None:
    assert CHECKS[name](TEMPLATE) == []


def test_it_can_be_told_which_function_needs_which_variable() -> None:
    assert checks.untraceable(SOURCES) == []


def test_the_regions_prefixes_of_arns_are_not_written_out() -> None:
    """China and GovCloud have partitions of their own."""
    assert re.findall(r"arn:aws:\S*", TEXT) == []


def resource(name: str, *path: str | int, to: Any = None) -> Callable[[Template], None]:
    """An edit that sets, or without ``to`` removes, a property of a resource."""
    return at("Resources", name, "Properties", *path, to=to)


def at(*path: str | int, to: Any = None) -> Callable[[Template], None]:
    """An edit that sets, or without ``to`` removes, what is at a path of the template."""

    def edit(template: Template) -> None:
        found: Any = template
        for step in path[:-1]:
            found = found[step]
        if to is None:
            del found[path[-1]]
        else:
            found[path[-1]] = to

    return edit


def in_dashboard(old: str, new: str) -> Callable[[Template], None]:
    """An edit of the dashboard's text."""

    def edit(template: Template) -> None:
        body = template["Resources"]["RotationDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        assert old in body[0]
        body[0] = body[0].replace(old, new)

    return edit


ALARM = "ExecutionsFailedAlarm"
LOCKED_OUT = "ClientsLockedOutAlarm"
FORM = ("Metadata", "AWS::CloudFormation::Interface")
POLICY = ("Policies", 0, "PolicyDocument", "Statement", 0)
TRUST = ("AssumeRolePolicyDocument", "Statement", 0)

BROKEN: list[tuple[str, Callable[[Template], Any], str]] = [
    ("parameters", at("Parameters", "LogLevel", "Description"), "LogLevel has no Description"),
    ("parameters", at(*FORM, "ParameterLabels", "LogLevel"), "LogLevel has no label"),
    ("parameters", at(*FORM, "ParameterGroups", 3, "Parameters", 1), "LogLevel is in 0 groups"),
    (
        "parameters",
        at(*FORM, "ParameterGroups", 2, "Parameters", to=["LogLevel", "PasswordLength"]),
        "LogLevel is in 2 groups",
    ),
    ("parameters", at("Parameters", "New", to={"Type": "String"}), "New is not used"),
    ("parameters", at("Parameters", "UserName"), "UserName is in the form and is no parameter"),
    ("rules", at("Rules", "PinnedByAllThree"), "['SecretArn'] is accepted"),
    ("rules", at("Rules", "PinnedUserNeedsItsSecret"), "['UserName'] is accepted"),
    ("rules", at("Rules", "SubnetsNeedSecurityGroups"), "['SubnetIds'] is accepted"),
    ("rules", at("Rules", "EndpointNeedsSubnets"), "['SecretsManagerEndpoint'] is accepted"),
    ("rules", at("Rules", "VpcNeedsSubnets"), "['AllFunctionsInVpc'] is accepted"),
    (
        "rules",
        at(
            "Rules",
            "PinnedByAllThree",
            "Assertions",
            0,
            "Assert",
            to={"Fn::Equals": [{"Ref": "UserName"}, ""]},
        ),
        "['SecretArn', 'UserArn', 'UserName'] is refused",
    ),
    (
        "names",
        resource("RotationStateMachine", "Name", "Fn::Sub", to="${AWS::StackName}-machine"),
        'does not say "The stack\'s name may have 72 characters"',
    ),
    (
        "names",
        resource("LogInFunction", "FunctionName", to={"Fn::Sub": "${AWS::StackName}-log-in"}),
        "nobody knows how long AWS::Serverless::Function.FunctionName may be",
    ),
    (
        "consoles",
        at("Conditions", "IsChina", "Fn::Equals", 1, to="aws"),
        "the dashboard in aws-cn does not lead to https://cn-north-1.console.amazonaws.cn",
    ),
    ("runtimes", resource("LogInFunction", "Runtime", to="python3.12"), "LogInFunction is not"),
    ("runtimes", at("Globals", "Function", "Architectures"), "LogInFunction is not"),
    ("runtimes", resource("Dependencies", "CompatibleRuntimes"), "Dependencies is not for"),
    (
        "runtimes",
        at("Resources", "Dependencies", "Metadata", "BuildArchitecture"),
        "Dependencies is not built for arm64",
    ),
    ("timeouts", resource("LogInFunction", "Timeout", to=45), "LogInFunction times out after 45"),
    ("timeouts", at("Globals", "Function", "Timeout"), "LogInFunction times out after 0"),
    ("timeouts", resource("RotateSecretFunction", "Timeout", to=720), "a Timeout of 900"),
    (
        "timeouts",
        resource(
            "GeneratePasswordFunction", "Environment", "Variables", "LATE_FUNCTION_SECONDS", to="40"
        ),
        "ModifyUserFunction may be at work after LATE_FUNCTION_SECONDS",
    ),
    (
        "roles",
        resource("LogInFunction", "Role", to={"Fn::GetAtt": ["CloseRotationRole", "Arn"]}),
        "has the role of",
    ),
    ("roles", resource("LogInFunction", "Role"), "LogInFunction has no role of this template"),
    ("roles", at("Resources", "LogInFunction"), "LogInRole is nobody's"),
    ("actions", resource("LogInRole", *POLICY, "Action", to="secretsmanager:*"), "allows"),
    ("actions", resource("LogInRole", *POLICY, "Resource", to="*"), 'GetSecretValue on "*"'),
    (
        "actions",
        resource("LogInRole", *POLICY, "Resource", "Fn::If", 2, to="*"),
        'GetSecretValue on "*"',
    ),
    ("actions", resource("LogInRole", *POLICY, "Effect", to="Deny"), "what is not allowed"),
    (
        "writers",
        resource("CloseRotationRole", *POLICY, "Action", 0, to="elasticache:ModifyUser"),
        "CloseRotationRole may elasticache:ModifyUser",
    ),
    (
        "writers",
        resource("PromoteVersionRole", *POLICY, "Action", to=["secretsmanager:GetSecretValue"]),
        "PromoteVersionRole may not secretsmanager:UpdateSecretVersionStage",
    ),
    (
        "managed_policies",
        resource("LogInRole", "ManagedPolicyArns", 0, to="arn:aws:iam::aws:policy/PowerUserAccess"),
        "LogInRole has the policy arn:aws:iam::aws:policy/PowerUserAccess",
    ),
    (
        "asked_by_aws",
        resource("LogInRole", "ManagedPolicyArns", 0),
        "LogInFunction may not logs:CreateLogStream",
    ),
    (
        "asked_by_aws",
        resource("LogInRole", "ManagedPolicyArns", 1),
        "LogInFunction may not ec2:CreateNetworkInterface",
    ),
    (
        "asked_by_aws",
        resource("CloseRotationRole", "ManagedPolicyArns", 0, to={"Ref": "VpcPolicy"}),
        "CloseRotationFunction may ec2:CreateNetworkInterface, unasked",
    ),
    (
        "network",
        at("Globals", "Function", "VpcConfig"),
        "ModifyUserFunction is not in the VPC with all",
    ),
    (
        "network",
        resource("LogInFunction", "VpcConfig"),
        "LogInFunction is not in the VPC with those that log in",
    ),
    (
        "network",
        resource("LogInFunction", "VpcConfig", "Fn::If", 1, "Ipv6AllowedForDualStack", to=False),
        "LogInFunction is not in the VPC with all, IPv6 True",
    ),
    (
        "boundaries",
        resource("RotationStateMachineRole", "PermissionsBoundary"),
        "RotationStateMachineRole has not the boundary 'x'",
    ),
    (
        "boundaries",
        resource("LogInRole", "PermissionsBoundary", to={"Ref": "PermissionsBoundaryArn"}),
        "LogInRole has not the boundary ''",
    ),
    (
        "boundaries",
        resource("NotifyFailureFunction", "Role"),
        "NotifyFailureFunctionRole is not in the path",
    ),
    ("boundaries", resource("VpcPolicy", "Path"), "VpcPolicy is not in the path"),
    (
        "trust",
        resource("RotationStateMachineRole", *TRUST, "Condition"),
        "RotationStateMachineRole can be assumed by others",
    ),
    (
        "trust",
        resource("LogInRole", *TRUST, "Principal", to={"AWS": "*"}),
        "LogInRole can be assumed by others",
    ),
    (
        "invocations",
        resource("RotationStateMachineRole", *POLICY, "Resource", 0),
        "may not invoke CheckTargetFunction",
    ),
    (
        "invocations",
        resource("RotationStateMachine", "DefinitionSubstitutions", "LogInFunction"),
        "may invoke LogInFunction and does not",
    ),
    ("permission", resource("RotateSecretPermission", "SourceAccount"), "has no SourceAccount"),
    ("permission", resource("RotateSecretPermission", "SourceArn", to="x"), "by its SourceArn"),
    ("permission", at("Resources", "RotateSecretPermission"), "Secrets Manager may not invoke"),
    ("log_groups", resource("FunctionsLogGroup", "RetentionInDays"), "has no retention"),
    ("log_groups", at("Resources", "FunctionsLogGroup", "DeletionPolicy"), "outlives the stack"),
    ("log_groups", at("Globals", "Function", "LoggingConfig"), "logs to no log group"),
    ("outputs", at("Outputs", "RotationFunctionArn"), "output RotationFunctionArn is not"),
    ("outputs", at("Outputs", "StateMachineArn", "Value", to="x"), "output StateMachineArn is not"),
    (
        "environment",
        resource("DescribeUserFunction", "Environment"),
        "DescribeUserFunction is not given MAX_MODIFYING_SECONDS",
    ),
    (
        "environment",
        resource("CheckTargetFunction", "Environment", "Variables", "USER_NAME"),
        "CheckTargetFunction is not given USER_NAME",
    ),
    (
        "environment",
        resource("LogInFunction", "Environment"),
        "LogInFunction is not given SECRETS_MANAGER_ENDPOINT",
    ),
    (
        "environment",
        resource(
            "CheckTargetFunction", "Environment", "Variables", "SECRETS_MANAGER_ENDPOINT", to="x"
        ),
        "CheckTargetFunction is given SECRETS_MANAGER_ENDPOINT and has no use for it",
    ),
    (
        "environment",
        at("Globals", "Function", "Environment", "Variables", "SECRETS_MANAGER_ENDPOINT", to="x"),
        "Globals: SECRETS_MANAGER_ENDPOINT is not for every function",
    ),
    (
        "environment",
        resource("LogInFunction", "Environment", to={"Variables": {"SECRET_ARN": "x"}}),
        "LogInFunction is given SECRET_ARN and has no use for it",
    ),
    (
        "environment",
        at("Globals", "Function", "Environment", "Variables", "DEBUG", to="1"),
        "Globals: DEBUG is not for every function",
    ),
    ("switches", at("Resources", ALARM, "Condition"), f"{ALARM} is deployed where nobody asks"),
    ("switches", at("Resources", "RotationDashboard", "Condition"), "RotationDashboard is"),
    ("switches", at("Resources", "CheckOverdueFunction", "Condition"), "CheckOverdueFunction is"),
    ("switches", at("Parameters", "Alarms", "Default", to="true"), "Alarms is on by default"),
    ("alarms", resource(ALARM, "MetricName", to="ExecutionFailed"), "has no ExecutionFailed"),
    ("alarms", resource(ALARM, "Namespace", to="AWS/Lambda"), "has no ExecutionsFailed"),
    ("alarms", resource(ALARM, "Dimensions", 0, "Name", to="Machine"), "not the dimensions"),
    ("alarms", resource(ALARM, "Dimensions", 0, "Value", to="x"), "something else than this"),
    ("alarms", resource(ALARM, "TreatMissingData"), "what missing data means"),
    ("alarms", resource(LOCKED_OUT, "Dimensions", 0, "Name", to="client"), "not the dimensions"),
    ("alarms", resource(LOCKED_OUT, "Dimensions", 1, "Value", to="x"), "something else than this"),
    ("alarms", resource("OverdueSecretsAlarm", "InsufficientDataActions"), "tells nobody"),
    ("alarms", resource("OverdueSecretsAlarm", "MetricName", to="Overdue"), "no function emits"),
    ("alarms", resource(ALARM, "AlarmActions"), "does not tell the topic"),
    ("alarms", resource(ALARM, "AlarmDescription"), "does not say what to do"),
    ("dashboards", in_dashboard('"type": "text",', '"type": "text"'), "is no JSON"),
    ("dashboards", in_dashboard("${AlarmWidget}", "${AlarmWidget},"), "is no JSON"),
    ("dashboards", in_dashboard("${AlarmWidget}", ""), "shows alarms that there are not"),
    ("dashboards", in_dashboard('"ModifyingSeconds"', '"Modifying"'), "emits Modifying"),
    ("dashboards", in_dashboard('"outcome", "Succeeded", ', ""), "Logins has not the dimensions"),
    ("dashboards", in_dashboard('"clients", "LOCKED_OUT", ', ""), "FailedRotations has not"),
    ("dashboards", in_dashboard('"Throttles"', '"Throttled"'), "AWS/Lambda has no Throttled"),
    ("dashboards", in_dashboard('"FunctionName"', '"Function"'), "Errors has not the dimensions"),
    ("dashboards", in_dashboard('"stat": "p50", ', ""), "has no statistic"),
    ("dashboards", in_dashboard('"x": 12, "y": 2', '"x": 11, "y": 2'), "lies on"),
    ("dashboards", in_dashboard('"x": 12, "y": 2', '"x": 13, "y": 2'), "is too wide"),
]


@pytest.mark.parametrize(
    "name, edit, problem",
    [pytest.param(*broken, id=f"{broken[0]}-{broken[2]}") for broken in BROKEN],
)
def test_what_is_wrong_is_told(name: str, edit: Callable[[Template], None], problem: str) -> None:
    template = copy.deepcopy(TEMPLATE)
    edit(template)
    assert any(problem in told for told in CHECKS[name](template)), CHECKS[name](template)


def part(name: str, *path: str | int) -> Any:
    """What is at a path of a resource's properties."""
    return functools.reduce(operator.getitem, path, TEMPLATE["Resources"][name]["Properties"])


BY_AWS = [
    (name, *path, index)
    for name, path in (
        ("TelemetryPolicy", ("PolicyDocument", "Statement", 0)),
        ("TelemetryPolicy", ("PolicyDocument", "Statement", 1)),
        ("VpcPolicy", ("PolicyDocument", "Statement", 0)),
        ("RotationStateMachineRole", ("Policies", 0, "PolicyDocument", "Statement", 1)),
    )
    for index in range(len(part(name, *path)["Action"]))
]


def test_nothing_that_aws_asks_for_can_be_taken_away() -> None:
    """What our own code asks for: tests/rotation/test_least_privilege.py."""
    assert len(BY_AWS) == 2 + 2 + 6 + 12
    for name, *path, index in BY_AWS:
        template = copy.deepcopy(TEMPLATE)
        resource(name, *path, "Action", index)(template)
        assert checks.asked_by_aws(template), (name, path, index)
        template = copy.deepcopy(TEMPLATE)
        resource(name, *path, "Resource")(template)
        assert checks.asked_by_aws(template), (name, path)


def test_every_check_is_seen_to_fail() -> None:
    assert {name for name, _, _ in BROKEN} == set(CHECKS)


def test_a_variable_that_the_package_reads_by_itself_is_told() -> None:
    sources = {
        "rotation/a.py": 'import os\nclass A:\n    def f(self): return os.environ["X"]\n',
        "rotation/b.py": "from rotation.a import A\nA.f()\n",
        "rotation/c.py": 'import os\ndef g(): return os.getenv("Y")\n',
    }
    assert checks.untraceable(sources) == [
        "g reads the environment and is no method",
        "rotation/b.py calls A.f",
    ]


def test_the_dashboard_shows_every_outcome_that_a_login_can_have() -> None:
    body = TEMPLATE["Resources"]["RotationDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    shown = set(re.findall(r'"Logins", "outcome", "(\w+)"', body))
    raised = set(re.findall(r"raise (\w+Error)\(", SOURCES["rotation/adapters/login.py"]))
    assert shown == {"Succeeded", "UnexpectedError", *raised}


def test_clients_that_are_locked_out_are_counted_by_the_code_that_close_rotation_gives() -> None:
    alarm = TEMPLATE["Resources"][LOCKED_OUT]["Properties"]
    assert alarm["Dimensions"][0] == {"Name": "clients", "Value": closing.LOCKED_OUT}
    body = TEMPLATE["Resources"]["RotationDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0]
    assert f'"FailedRotations", "clients", "{closing.LOCKED_OUT}"' in body


def test_the_service_of_each_log_line_and_metric_is_the_stack() -> None:
    shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert shared["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    assert not any("service=" in text for text in SOURCES.values())


def test_no_function_reserves_concurrency() -> None:
    """Secrets Manager asks for 10 at least or none (user guide, "Lambda rotation functions")."""
    assert "ReservedConcurrentExecutions" not in TEXT


def test_an_execution_is_long_when_it_takes_longer_than_a_user_may_be_modifying() -> None:
    alarm = TEMPLATE["Resources"]["ExecutionsLongAlarm"]["Properties"]
    # Seconds, and three more digits: the metric has milliseconds.
    assert alarm["Threshold"] == {"Fn::Sub": "${MaxModifyingSeconds}000"}
    assert alarm["Statistic"] == "Maximum"


KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("KmsKeyArns", ["", KEY], ["1234abcd", KEY.replace("key/", "alias/")]),
        (
            "PermissionsBoundaryArn",
            ["", "arn:aws:iam::123456789012:policy/a/b", "arn:aws-cn:iam::aws:policy/c"],
            ["boundary", "arn:aws:iam::123456789012:role/a"],
        ),
        ("RolePath", ["/", "/a/", "/a/b/"], ["", "a", "/a", "//", "/a b/"]),
    ],
)
def test_a_parameter_takes_only_what_it_can_use(name: str, good: list[str], bad: list[str]) -> None:
    """CloudFormation asks the whole value to match, and of a list each member."""
    pattern = re.compile(TEMPLATE["Parameters"][name]["AllowedPattern"])
    assert [each for each in good + bad if pattern.fullmatch(each)] == good


def test_the_roles_arns_are_not_too_long() -> None:
    """A role's name has 64 characters at most; Step Functions takes an ARN of 256."""
    shape = Loader().load_service_model("stepfunctions", "service-2")["shapes"]["Arn"]
    longest = len("arn:aws-us-gov:iam::123456789012:role") + 64
    assert longest + TEMPLATE["Parameters"]["RolePath"]["MaxLength"] <= shape["max"]


def test_it_can_be_published() -> None:
    """By the SAM guide, "Metadata section properties", and the API's CreateApplication."""
    application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    assert re.fullmatch(r"[a-zA-Z0-9\-]{1,140}", application["Name"])
    assert 1 <= len(application["Description"]) <= 256
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", application["Author"])
    assert len(application["Author"]) <= 127
    assert len(application["Labels"]) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", each) for each in application["Labels"])
    for url in ("LicenseUrl", "ReadmeUrl"):
        assert 0 < (ROOT / application[url]).stat().st_size <= 5 * 2**20
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert application["SpdxLicenseId"] == project["license"]
    assert application["SemanticVersion"] == project["version"]


@pytest.mark.parametrize(
    "name, least, most", [("PasswordLength", 16, 128), ("MaxModifyingSeconds", 10, 43200)]
)
def test_a_whole_number_is_asked_for_where_the_functions_need_one(
    name: str, least: int, most: int
) -> None:
    parameter = TEMPLATE["Parameters"][name]
    pattern = re.compile(parameter["AllowedPattern"])
    accepted = [number for number in range(most + 1000) if pattern.fullmatch(str(number))]
    assert accepted == [*range(least, most + 1)]
    assert parameter["ConstraintDescription"] == f"a whole number from {least} to {most}"
    assert not any(pattern.fullmatch(text) for text in (f"{least}.0", f"0{least}", f"-{least}", ""))
