"""No role can do what only another one is allowed: tried with its own credentials, call by call.

The calls are made from the deployed policies: every action and resource of every role, by each
role that does not have it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.access import Call, admits, allows
from local.deploy import STACK_NAME, deploy
from local.instance import MOTO_SERVICES, LocalAws, make_client
from local.package import read_template
from tests.rotation.roles import allowed, policies, roles
from tests.rotation.world import World

TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"
#: IAM's prefix of a service, where boto3 has another name for it.
SERVICES = {"states": "stepfunctions"}
#: IAM's name of an action, where the API has another one.
OPERATIONS = {"lambda:InvokeFunction": "Invoke"}
#: What cannot be tried by a call: IAM's evaluator is asked.
NOT_TRIED = {
    **dict.fromkeys(
        (
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
        ),
        "there is no API of that name",
    ),
    **dict.fromkeys(
        ("xray:GetSamplingRules", "xray:GetSamplingTargets"), "ministack answers without IAM"
    ),
    **dict.fromkeys(
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "ministack asks for the group's ARN without the stream's part, which AWS does not",
    ),
}
ROLES = [
    name.removesuffix("Role")
    for name, resource in read_template()["Resources"].items()
    if resource["Type"] == "AWS::IAM::Role"
]

Cell = tuple[str, str]  # an action, and the resource that a policy names


@dataclass(eq=False)
class Tried:
    aws: LocalAws
    documents: dict[str, list[dict[str, Any]]]  # each role's policies, by the function's name
    cells: dict[str, set[Cell]]  # what they allow, the same
    keys: dict[str, Any]  # each role's credentials, the same
    parameters: Mapping[str, Any]  # of any call, by the parameter's name

    @cache  # noqa: B019
    def client(self, role: str, service: str) -> Any:
        endpoint = self.aws.environment[MOTO_SERVICES.get(service, "AWS_ENDPOINT_URL")]
        own = self.keys[role]
        return make_client(
            service,
            endpoint,
            own["AccessKeyId"],
            own["SecretAccessKey"],
            own["SessionToken"],
        )

    def refused(self, role: str, action: str, resource: str) -> bool:
        """Whether IAM refuses that call; any other answer is one of the service."""
        if action in NOT_TRIED:
            return not allows(self.documents[role], Call(role, action, resource))
        prefix, _, name = action.partition(":")
        service = SERVICES.get(prefix, prefix)
        operation = OPERATIONS.get(action, name)
        given = {**self.parameters, "FunctionName": resource}
        takes = members(service, operation)
        assert takes["required"] <= {*given}, f"{action} needs {takes['required']}"
        request = {each: given[each] for each in takes["all"] if each in given}
        client = self.client(role, service)
        method = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        try:
            method(**request)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], str(error)
        else:
            return False
        if not re.search(r"AccessDenied|UnauthorizedOperation|AuthorizationError", code):
            return False
        assert action in message, message
        return True


@cache
def members(service: str, operation: str) -> dict[str, set[str]]:
    """The parameters of an operation, by botocore's model."""
    shape = get_session().get_service_model(service).operation_model(operation).input_shape
    return {"all": {*shape.members}, "required": {*shape.required_members}}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    with LocalAws(tmp_path_factory.mktemp("roles"), modifying_seconds=0.2) as aws:
        aws.client("sns").create_topic(Name=TOPIC.rpartition(":")[2])
        key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        parameters = {
            "KmsKeyArns": key,
            "NotificationTopicArn": TOPIC,
            "OverdueCheck": "true",
            "SubnetIds": "subnet-1",
            "SecurityGroupIds": "sg-1",
        }
        world = World(aws, deploy(aws, parameters))
        tenant = world.tenant()
        iam, sts = aws.client("iam"), aws.client("sts")
        deployed, documents, cells, keys = policies(aws), {}, {}, {}
        for role in roles(aws):
            name = role["RoleName"]
            short = re.fullmatch(rf"{STACK_NAME}-(\w+)Role-\w+", name)
            assert short, name
            documents[short[1]] = deployed[name]
            cells[short[1]] = set(allowed(deployed[name]))
            # Who may assume it is not what is tried here: only AWS's services may.
            trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}}
            statement = {**trust, "Action": "sts:AssumeRole"}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
            keys[short[1]] = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="tried")[
                "Credentials"
            ]
        given = {
            "SecretId": tenant.secret_arn,
            "SecretString": "{}",
            "VersionStage": "AWSPENDING",
            "UserId": tenant.user_id,
            "UserGroupId": "nobody",
            "ReplicationGroupId": "nobody",
            "CacheClusterId": "nobody",
            "ServerlessCacheName": "nobody",
            "ResourceName": tenant.user()["ARN"],
            "stateMachineArn": world.stack.state_machine_arn,
            "executionArn": world.stack.state_machine_arn.replace(":stateMachine:", ":execution:")
            + ":nobody",
            "InvocationType": "DryRun",
            "TopicArn": TOPIC,
            "Message": "tried",
            "KeyId": key,
            "CiphertextBlob": b"tried",
            "KeySpec": "AES_256",
            "logGroupName": f"/aws/lambda/{STACK_NAME}",
            "logStreamName": "tried",
            "logEvents": [{"timestamp": 0, "message": "tried"}],
            "policyName": "tried",
            "policyDocument": "{}",
            "TraceSegmentDocuments": ["{}"],
            "TelemetryRecords": [],
            "SamplingStatisticsDocuments": [],
            "SubnetId": "subnet-1",
            "NetworkInterfaceId": "eni-1",
        }
        yield Tried(aws, documents, cells, keys, given)


def test_every_role_is_tried(tried: Tried) -> None:
    assert sorted(tried.cells) == sorted(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_cannot_do_what_only_others_are_allowed(tried: Tried, role: str) -> None:
    others = set().union(*(cells for name, cells in tried.cells.items() if name != role))
    foreign = others - tried.cells[role]
    assert len(foreign) > 20
    assert [cell for cell in sorted(foreign) if not tried.refused(role, *cell)] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_not_refused_what_it_is_allowed(tried: Tried, role: str) -> None:
    own = tried.cells[role]
    # A key: through Secrets Manager only.
    key = {cell for cell in own if cell[0].startswith("kms:")}
    assert [cell for cell in sorted(own - key) if tried.refused(role, *cell)] == []
    assert [cell for cell in sorted(key) if not tried.refused(role, *cell)] == []


def test_a_service_invokes_a_function_only_with_its_source(tried: Tried) -> None:
    """Secrets Manager the rotation Lambda, of this account; EventBridge another, by its rule."""
    client = tried.aws.client("lambda")
    rules = [rule["Arn"] for rule in tried.aws.client("events").list_rules()["Rules"]]
    sources = {
        "secretsmanager.amazonaws.com": {"aws:sourceaccount": ["123456789012"]},
        "events.amazonaws.com": {"aws:sourcearn": rules},
    }
    admitted = {}
    for function in (
        client.get_paginator("list_functions").paginate().build_full_result()["Functions"]
    ):
        arn = function["FunctionArn"]
        try:
            policy = json.loads(client.get_policy(FunctionName=arn)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            continue  # no service may
        for service, keys in sources.items():
            call = Call(service, "lambda:InvokeFunction", arn)
            assert not admits(policy, call)
            for key, values in keys.items():
                assert not admits(policy, replace(call, context={key: f"{values[0]}0"}))
                if any(admits(policy, replace(call, context={key: each})) for each in values):
                    admitted[function["Description"].partition(":")[0]] = service
    assert admitted["The rotation Lambda"] == "secretsmanager.amazonaws.com"
    assert admitted["Notify Failure"] == "events.amazonaws.com"
    assert [*admitted.values()].count("secretsmanager.amazonaws.com") == 1
