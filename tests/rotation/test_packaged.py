"""The template of `make package`, deployed with all that an organization may ask for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import STACK_NAME, Stack, change_stack, local_package
from local.instance import LocalAws
from local.package import packaged, read_template, without_sam
from local.step_functions import adopt_state_machines
from tests.rotation.roles import roles
from tests.rotation.world import World

KEYS = [f"arn:aws:kms:us-east-1:123456789012:key/{number}" for number in (1, 2)]
PATH = "/teams/cache/"
POLL = {"Delay": 0.1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(tmp_path_factory.mktemp("packaged"), modifying_seconds=0.2) as aws:
        sam_template, objects = packaged(read_template(), local_package(), "code", "rotation/")
        text = json.dumps(without_sam(sam_template)).encode()
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="code")
        for key, content in {**objects, "template.json": text}.items():
            s3.put_object(Bucket="code", Key=key, Body=content)
        parameters = {
            "SubnetIds": "subnet-1,subnet-2",
            "SecurityGroupIds": "sg-1",
            "AllFunctionsInVpc": "true",
            "SecretsManagerEndpoint": aws.environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"],
            "KmsKeyArns": ",".join(KEYS),
            "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
            "RolePath": PATH,
        }
        outputs = change_stack(
            aws.client("cloudformation"),
            STACK_NAME,
            {"TemplateURL": f"{s3.meta.endpoint_url}/code/template.json"},
            parameters,
            POLL,
        )
        adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))
        yield World(aws, Stack(outputs))


def functions(world: World) -> list[dict[str, Any]]:
    pages = world.aws.client("lambda").get_paginator("list_functions").paginate()
    return [function for page in pages for function in page["Functions"]]


def test_a_stack_with_everything_on_rotates(world: World) -> None:
    tenant = world.tenant()
    tenant.serve()
    world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=KEYS[1])
    execution = tenant.start()
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert tenant.logins(tenant.value()["password"]) == {True}


def test_every_role_has_the_path(world: World) -> None:
    assert len(functions(world)) == 12
    found = roles(world.aws)
    assert len(found) == 13
    assert {role["Path"] for role in found} == {PATH}
    assert all(f":role{PATH}" in function["Role"] for function in functions(world))


def test_parameters_that_do_not_go_together_are_refused(world: World) -> None:
    refused = [
        ({"SubnetIds": "", "SecurityGroupIds": "", "SecretsManagerEndpoint": ""}, "AllFunctions"),
        ({"KmsKeyArns": f"{KEYS[0]},alias/mine"}, "KmsKeyArns"),
        ({"RolePath": "teams"}, "RolePath"),
    ]
    client = world.aws.client("cloudformation")
    [stack] = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    names = [each["ParameterKey"] for each in stack["Parameters"]]
    for given, said in refused:
        keep = [{"ParameterKey": n, "UsePreviousValue": True} for n in names if n not in given]
        new = [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()]
        with pytest.raises(ClientError, match=said):
            client.update_stack(
                StackName=STACK_NAME,
                UsePreviousTemplate=True,
                Capabilities=["CAPABILITY_IAM"],
                Parameters=[*keep, *new],
            )
