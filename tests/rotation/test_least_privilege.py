"""Every role allows what recorded rotations ask for, and nothing besides."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.access import Call, admits, allows
from local.deploy import deploy
from local.faults import ask, control
from local.instance import LocalAws, make_client
from tests.local.helpers import eventually
from tests.rotation.roles import as_list, policies
from tests.rotation.world import World

OTHER_ACCOUNT = "210987654321"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
#: AWS's own services ask for these with the role, and do not here: logs and traces of Lambda and
#: Step Functions, network interfaces of Lambda.
BY_AWS = ("logs:", "xray:", "ec2:")


@dataclass
class Recorded:
    world: World
    calls: dict[str, list[Call]]  # by the role's name
    policies: dict[str, list[dict[str, Any]]]  # the same


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Rotations of every kind of cache and of a user that is off, and failures of every kind."""
    with LocalAws(tmp_path_factory.mktemp("recorded"), modifying_seconds=0.2) as aws:
        world = World(aws, deploy(aws, {"KmsKeyArn": KEY}))
        url = aws.environment["LOCAL_CONTROL_URL"]
        for kind in ("one node", "cluster mode", "serverless"):
            tenant = world.tenant()
            world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=KEY)
            tenant.serve(kind)
            tenant.rotate()
        # Rolled back; released before anything has changed; stopped, and taken up by the next run.
        for fault in ("open-node:1:Log In", "deny:ModifyUser", "stop-at:Log In"):
            control(url, "POST", [fault])
            assert tenant.start()["status"] != "SUCCEEDED"
            control(url, "DELETE")
        assert tenant.start()["status"] == "SUCCEEDED"
        # Stopped; when Secrets Manager tries again, refused with the password that was left, and
        # the rotation Lambda looks why.
        control(url, "POST", ["stop-at:Log In", "deny:DescribeUserGroups:2-"])
        token = tenant.rotate()
        failed = tenant.ended(f"{token}-2")
        assert f"AWSPENDING stays on version {token}" in failed["cause"], failed["cause"]
        history = "states:GetExecutionHistory"
        eventually(lambda: history in [asked["action"] for asked in ask(f"{url}/calls")], history)
        control(url, "DELETE")
        assert world.tenant(AccessString="off ~app:* +get", password=None).start()["output"]
        calls: dict[str, list[Call]] = {}
        for asked in ask(f"{url}/calls"):
            calls.setdefault(asked["principal"].split("/")[1], []).append(Call(**asked))
        yield Recorded(world, calls, policies(aws))


def removals(documents: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each action and each resource that is allowed, with the documents without it."""
    for number, document in enumerate(documents):
        for index, statement in enumerate(document["Statement"]):
            for part in ("Action", "Resource"):
                for value in as_list(statement[part]):
                    if all(a.startswith(BY_AWS) for a in as_list(statement["Action"])):
                        continue
                    if part == "Action" and value.startswith(BY_AWS):
                        continue
                    without = copy.deepcopy(documents)
                    less = [each for each in as_list(statement[part]) if each != value]
                    if less:
                        without[number]["Statement"][index][part] = less
                    else:
                        del without[number]["Statement"][index]
                    yield f"{part} {value} of {statement['Action']}", without


def test_all_that_was_recorded_is_allowed(recorded: Recorded) -> None:
    assert sorted(recorded.calls) == sorted(recorded.policies)
    for role, calls in recorded.calls.items():
        assert [call for call in calls if not allows(recorded.policies[role], call)] == []


def test_no_action_or_resource_can_be_taken_away(recorded: Recorded) -> None:
    tried, superfluous = 0, []
    for role, documents in recorded.policies.items():
        for what, without in removals(documents):
            tried += 1
            if all(allows(without, call) for call in recorded.calls[role]):
                superfluous.append(f"{role}: {what}")
    assert tried > 80
    assert superfluous == [], "\n".join(superfluous)


def test_a_role_cannot_do_what_only_others_ask_for(recorded: Recorded) -> None:
    for role, documents in recorded.policies.items():
        own = {call.action for call in recorded.calls[role]}
        others = [call for calls in recorded.calls.values() for call in calls]
        foreign = {c.action for c in others if c.action not in own and allows(documents, c)}
        assert (role, foreign) == (role, set())
        assert any(c.action not in own for c in others)


def test_no_condition_can_be_taken_away(recorded: Recorded) -> None:
    seen = 0
    for role, documents in recorded.policies.items():
        for number, document in enumerate(documents):
            for index, statement in enumerate(document["Statement"]):
                if "Condition" not in statement:
                    continue
                seen += 1
                without = copy.deepcopy(documents)
                del without[number]["Statement"][index]["Condition"]
                [action, *_] = as_list(statement["Action"])
                call = next(each for each in recorded.calls[role] if each.action == action)
                bare = Call(call.principal, call.action, call.resource)
                assert not allows(documents, bare)
                assert allows(without, bare)
    assert seen >= 8


def test_another_accounts_secrets_manager_cannot_invoke_the_function(recorded: Recorded) -> None:
    world = recorded.world
    client, arn = world.aws.client("lambda"), world.stack.rotation_function_arn
    policy = json.loads(client.get_policy(FunctionName=arn)["Policy"])
    assert admits(policy, arn, "123456789012")
    assert not admits(policy, arn, OTHER_ACCOUNT)
    [statement] = policy["Statement"]
    client.remove_permission(FunctionName=arn, StatementId=statement["Sid"])
    permission = {
        "FunctionName": arn,
        "StatementId": "rotation",
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
    }
    client.add_permission(**permission, SourceAccount=OTHER_ACCOUNT)
    tenant = world.tenant()
    try:
        with pytest.raises(ClientError, match="cannot invoke the specified Lambda function"):
            tenant.rotate()
    finally:
        client.remove_permission(FunctionName=arn, StatementId="rotation")
        client.add_permission(**permission, SourceAccount="123456789012")
    tenant.rotate()


def test_an_operator_with_only_start_execution_cannot_read_a_password(recorded: Recorded) -> None:
    world, iam = recorded.world, recorded.world.aws.client("iam")
    iam.create_user(UserName="operator")
    statement = {
        "Effect": "Allow",
        "Action": "states:StartExecution",
        "Resource": world.stack.state_machine_arn,
    }
    iam.put_user_policy(
        UserName="operator",
        PolicyName="start",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    own = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    tenant = world.tenant()
    environment = world.aws.environment
    states = make_client("stepfunctions", environment["AWS_ENDPOINT_URL_SFN"], **own)
    started = states.start_execution(
        stateMachineArn=world.stack.state_machine_arn,
        input=json.dumps({"SecretId": tenant.secret_name}),
    )
    assert tenant.ended(started["executionArn"])["status"] == "SUCCEEDED"
    secrets = make_client("secretsmanager", environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"], **own)
    with pytest.raises(ClientError) as refused:
        secrets.get_secret_value(SecretId=tenant.secret_arn)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError, match="AccessDenied"):
        states.get_execution_history(executionArn=started["executionArn"])
