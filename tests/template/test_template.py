"""The template: linted together with the state machine, its parameters, rules and names."""

import copy
import itertools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from local.package import Template, parse_template
from tools.asl.definition import Definition
from tools.template.cloudformation import circles, is_accepted

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE: Template = parse_template(TEXT)
PARAMETERS = TEMPLATE["Parameters"]
DEFINITION: Definition = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
MACHINE = "RotationStateMachine"
#: Values of a parameter that is on or off.
SWITCH = {"x": "true", "-": "false"}


def findings(template: str) -> list[str]:
    """What cfn-lint finds in a template's text, with its informational rules."""
    # Here, since it takes seconds, of every process that collects the tests.
    from cfnlint.api import lint

    found = lint(template, config={"regions": ["us-east-1"], "include_checks": ["I"]})
    return [f"{match.rule.id} {match.message}" for match in found]


def with_definition(definition: Definition) -> str:
    """A template of the definition alone, as CloudFormation sees it after deployment.

    cfn-lint looks neither behind a SAM DefinitionUri nor into a SAM Definition, so its
    resource is CloudFormation's own kind, with ARNs in the place of the substitutions.
    """
    text = json.dumps(definition).replace("${Partition}", "aws")
    text = re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:us-east-1:123456789012:function:\1", text)
    role = "arn:aws:iam::123456789012:role/machine"
    properties = {"Definition": json.loads(text), "RoleArn": role}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    return json.dumps({"Resources": {MACHINE: resource}})


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        (ROOT / "examples/cloudformation/template.yaml").read_text(),
        with_definition(DEFINITION),
    ],
    ids=["template", "example", "definition"],
)
def test_cfn_lint_finds_nothing(text: str) -> None:
    assert findings(text) == []


def test_cfn_lint_finds_what_is_broken_in_a_sam_template() -> None:
    function = {"Runtime": "python3.13", "Handler": {"Ref": "Nothing"}, "CodeUri": "functions/"}
    resource = {"Type": "AWS::Serverless::Function", "Properties": function}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Broken": resource}}
    assert "E1020" in {each.split()[0] for each in findings(json.dumps(template))}


def test_cfn_lint_finds_all_that_is_broken_in_a_definition() -> None:
    definition = copy.deepcopy(DEFINITION)
    states = definition["States"]
    inner = states["Test Authentication"]["ItemProcessor"]
    definition["StartAt"] = "Nowhere"
    inner["StartAt"] = "Elsewhere"
    del states["User Active?"]["Choices"]
    del states["Check Network"]["ItemProcessor"]
    states["Modify User"]["TimeOutSeconds"] = 45
    states["Promote Version"]["Resource"] = "${ Resource }"
    inner["States"]["Log In"]["Retires"] = []
    found = findings(with_definition(definition))
    assert {each.split()[0] for each in found} == {"E3601"}
    broken = ("Nowhere", "Elsewhere", "Choices", "ItemProcessor", "TimeOutSeconds", "${ Resource }")
    for each in (*broken, "Retires"):
        assert any(each in message for message in found), (each, found)


def test_no_resource_waits_for_itself() -> None:
    assert circles(TEMPLATE) == []


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": MACHINE},
        {"Fn::Sub": ["${Own}", {"Own": {"Fn::If": ["IsInVpc", {"Ref": MACHINE}, ""]}}]},
    ],
)
def test_a_circle_through_the_state_machine_is_seen(reference: dict[str, Any]) -> None:
    """It invokes the function, which is named in it: why the state machine has a fixed name."""
    template = copy.deepcopy(TEMPLATE)
    function = template["Resources"]["CheckTargetFunction"]["Properties"]
    function["Environment"]["Variables"]["STATE_MACHINE_ARN"] = reference
    assert {MACHINE, "CheckTargetFunction"} <= {source for source, *_ in circles(template)}


def test_the_partition_of_an_arn_is_not_written_out() -> None:
    """China and GovCloud have partitions of their own."""
    assert re.findall(r"arn:aws:\S*", TEXT) == []


def test_the_outputs_are_the_arns_that_a_secret_and_a_person_need() -> None:
    assert {name: output["Value"] for name, output in TEMPLATE["Outputs"].items()} == {
        "RotationFunctionArn": {"Fn::GetAtt": ["RotateSecretFunction", "Arn"]},
        "StateMachineArn": {"Ref": MACHINE},
        "OverdueCheckFunctionArn": {"Fn::GetAtt": ["CheckOverdueFunction", "Arn"]},
    }


# Parameters


def test_every_parameter_has_a_description_and_a_label() -> None:
    """And is in one group of the form: test_sam.py, of the table that is made of the groups."""
    labels = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"]
    assert labels.keys() == PARAMETERS.keys()
    assert all(label["default"] for label in labels.values())
    assert all(parameter["Description"] for parameter in PARAMETERS.values())


@pytest.mark.parametrize(
    "together, accepted",
    [
        (("SecretArn", "UserArn", "UserName"), {"---", "xxx"}),
        (("SubnetIds", "SecurityGroupIds", "SecretsManagerEndpoint"), {"---", "-x-", "xx-", "xxx"}),
        (
            ("SubnetIds", "SecurityGroupIds", "AllFunctionsInVpc", "Ipv6AllowedForDualStack"),
            {"----", "-x--", "xx--", "xxx-", "xx-x", "xxxx"},
        ),
    ],
)
def test_what_needs_another_parameter_is_refused_without_it(
    together: tuple[str, ...], accepted: set[str]
) -> None:
    """Before anything is deployed; ``x`` is a parameter that is set."""
    found = set()
    for chosen in itertools.product("x-", repeat=len(together)):
        values = {
            name: SWITCH[each] if "AllowedValues" in PARAMETERS[name] else each.strip("-")
            for name, each in zip(together, chosen, strict=True)
        }
        if is_accepted(TEMPLATE, values):
            found.add("".join(chosen))
    assert found == accepted


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
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])
    assert [each for each in good + bad if pattern.fullmatch(each)] == good


@pytest.mark.parametrize(
    "name, least, most", [("PasswordLength", 16, 128), ("MaxModifyingSeconds", 10, 43200)]
)
def test_a_whole_number_is_asked_for_where_the_functions_need_one(
    name: str, least: int, most: int
) -> None:
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])
    accepted = [number for number in range(most + 1000) if pattern.fullmatch(str(number))]
    assert accepted == [*range(least, most + 1)]
    assert PARAMETERS[name]["ConstraintDescription"] == f"a whole number from {least} to {most}"
    assert not any(pattern.fullmatch(text) for text in (f"{least}.0", f"0{least}", f"-{least}", ""))


# Names

#: How many characters a name may have, by the API references of CreateStateMachine, CreateLogGroup
#: and PublishLayerVersion, and by CloudFormation's (AWS::CloudWatch::Dashboard; CreateStack).
NAME_LIMITS = {
    "AWS::Serverless::StateMachine.Name": 80,
    "AWS::Logs::LogGroup.LogGroupName": 512,
    "AWS::Serverless::LayerVersion.LayerName": 140,
    "AWS::CloudWatch::Dashboard.DashboardName": 255,
}
STACK_NAME = 128
LONGEST_REGION = "ap-southeast-1"


def test_the_description_says_how_long_the_name_of_a_stack_may_be() -> None:
    """Names that CloudFormation gives by itself, to roles and such, it shortens."""
    longest = [STACK_NAME]
    for resource in TEMPLATE["Resources"].values():
        for name, value in resource.get("Properties", {}).items():
            if name.endswith("Name") and "${AWS::StackName}" in str(value):
                rest = value["Fn::Sub"].replace("${AWS::StackName}", "")
                rest = rest.replace("${AWS::Region}", LONGEST_REGION)
                longest.append(NAME_LIMITS[f"{resource['Type']}.{name}"] - len(rest))
    assert f"The stack's name may have {min(longest)} characters" in TEMPLATE["Description"]


def test_the_roles_arns_are_not_too_long() -> None:
    """A role's name has 64 characters at most; Step Functions takes an ARN of 256."""
    shape = Loader().load_service_model("stepfunctions", "service-2")["shapes"]["Arn"]
    longest = len("arn:aws-us-gov:iam::123456789012:role") + 64
    assert longest + PARAMETERS["RolePath"]["MaxLength"] <= shape["max"]


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
