"""The template of `make package`, deployed with all that an organization may ask for."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.access import Call, admits
from local.deploy import STACK_NAME, Stack, change_stack, local_package
from local.instance import LocalAws
from local.package import packaged, read_template, without_sam
from local.step_functions import adopt_state_machines
from tests.rotation.world import World

ACCOUNT = "123456789012"
KEYS = [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{number}" for number in (1, 2)]
PATH = "/teams/cache/"
POLL = {"Delay": 0.1, "MaxAttempts": 300}
PARAMETERS = {
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
    "AllFunctionsInVpc": "true",
    "KmsKeyArns": ",".join(KEYS),
    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "RolePath": PATH,
    "NotificationTopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:on-call",
    "OverdueCheck": "true",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(tmp_path_factory.mktemp("packaged"), modifying_seconds=0.2) as aws:
        sam_template, objects = packaged(read_template(), local_package(), "code", "rotation/")
        text = json.dumps(without_sam(sam_template)).encode()
        s3, endpoint = aws.client("s3"), aws.environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"]
        s3.create_bucket(Bucket="code")
        for key, content in {**objects, "template.json": text}.items():
            s3.put_object(Bucket="code", Key=key, Body=content)
        outputs = change_stack(
            aws.client("cloudformation"),
            STACK_NAME,
            {"TemplateURL": f"{s3.meta.endpoint_url}/code/template.json"},
            {**PARAMETERS, "SecretsManagerEndpoint": endpoint},
            POLL,
        )
        adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))
        yield World(aws, Stack(outputs))


def test_a_stack_with_everything_on_rotates(world: World) -> None:
    tenant = world.tenant()
    tenant.serve()
    world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=KEYS[1])
    tenant.succeeds()
    assert tenant.current_logs_in()


def test_a_service_invokes_a_function_only_with_its_source(world: World) -> None:
    """Secrets Manager the rotation Lambda, of this account; EventBridge another, by its rule."""
    client, events = world.aws.client("lambda"), world.aws.client("events")
    rules = events.list_rules()["Rules"]
    assert [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule] == [
        "rate(1 day)"
    ]
    sources = {
        "secretsmanager.amazonaws.com": {"aws:sourceaccount": [ACCOUNT]},
        "events.amazonaws.com": {"aws:sourcearn": [rule["Arn"] for rule in rules]},
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
    assert admitted == {
        "The rotation function": "secretsmanager.amazonaws.com",
        "Notify Failure": "events.amazonaws.com",
        "Check Overdue": "events.amazonaws.com",
    }
