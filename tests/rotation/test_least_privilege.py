"""Every role allows what recorded rotations ask for, and nothing besides."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.access import Call, admits, allows
from local.deploy import Stack, deploy
from local.faults import ask, control
from local.instance import LocalAws, make_client
from tests.local.helpers import eventually
from tests.rotation.roles import as_list, policies, roles
from tests.rotation.world import Tenant, World

OTHER_ACCOUNT = "210987654321"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
#: AWS's own services ask for these with the role, and do not here: logs and traces of Lambda and
#: Step Functions, network interfaces of Lambda.
BY_AWS = ("logs:", "xray:", "ec2:")


@dataclass
class Recorded:
    world: World
    tenant: Tenant
    pinned: bool
    calls: dict[str, list[Call]]  # by the role's name
    policies: dict[str, list[dict[str, Any]]]  # the same


@pytest.fixture(scope="module", params=["bound by tag", "pinned"])
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorded]:
    """Rotations and failures of every kind, of a user in front of every kind of cache."""
    with LocalAws(tmp_path_factory.mktemp("recorded"), modifying_seconds=0.2) as aws:
        world = World(aws, Stack({}))
        pinned = request.param == "pinned"
        bound = {"bound_to": None} if pinned else {}
        tenant = world.tenant(AccessString="off ~app:* +get", password=None, **bound)
        pins = {
            "SecretArn": tenant.secret_arn,
            "UserArn": tenant.user()["ARN"],
            "UserName": tenant.username,
        }
        world.stack = deploy(
            aws, {"KmsKeyArns": KEY, "OverdueCheck": "true", **(pins if pinned else {})}
        )
        url = aws.environment["LOCAL_CONTROL_URL"]
        world.secrets.update_secret(SecretId=tenant.secret_arn, KmsKeyId=KEY)
        # A first rotation that is cut off: the next one looks for the password that it has set.
        control(url, "POST", ["stop-at:Wait For User"])
        assert tenant.start()["status"] != "SUCCEEDED"
        control(url, "DELETE")
        assert tenant.start()["status"] == "SUCCEEDED"
        tenant.serve("cluster mode")
        # By hand, by a name that its version does not tell; a token of Secrets Manager's later.
        started = world.step_functions.start_execution(
            stateMachineArn=world.stack.state_machine_arn,
            name="by-hand",
            input=json.dumps({"SecretId": tenant.secret_name}),
        )
        assert tenant.ended(started["executionArn"])["status"] == "SUCCEEDED"
        [old] = [v for v, labels in tenant.labels().items() if "AWSCURRENT" in labels]
        # Its first attempt fails and lets go of AWSPENDING, which the second one takes again.
        control(url, "POST", ["deny:DescribeUserGroups:1"])
        token = tenant.rotate()
        assert tenant.ended(f"{token}-2")["status"] == "SUCCEEDED"
        control(url, "DELETE")
        event = {"Step": "createSecret", "SecretId": tenant.secret_arn, "ClientRequestToken": old}
        answer = aws.client("lambda").invoke(
            FunctionName=world.stack.rotation_function_arn, Payload=json.dumps(event)
        )
        assert "RotationSupersededError" in answer["Payload"].read().decode()
        # Failed after the change; before it; stopped, and taken up by the next run.
        for fault in ("open-node:1:Log In", "deny:ModifyUser", "stop-at:Log In"):
            control(url, "POST", [fault])
            assert tenant.start()["status"] != "SUCCEEDED"
            control(url, "DELETE")
        assert tenant.start()["status"] == "SUCCEEDED"
        # Stopped; when Secrets Manager tries again, refused, and the rotation Lambda looks why.
        control(url, "POST", ["stop-at:Log In", "deny:DescribeUserGroups:2-"])
        token = tenant.rotate()
        tenant.ended(f"{token}-2")
        history = "states:GetExecutionHistory"
        eventually(lambda: history in [asked["action"] for asked in ask(f"{url}/calls")], history)
        control(url, "DELETE")
        tenant.serve("serverless")
        assert tenant.start()["status"] == "SUCCEEDED"
        # As a template does that sets its own password again: the check looks at all versions.
        mode = {"Type": "password", "Passwords": [tenant.value()["password"]]}
        world.elasticache.modify_user(UserId=tenant.user_id, AuthenticationMode=mode)
        check = world.stack.outputs["OverdueCheckFunctionArn"]
        answer = aws.client("lambda").invoke(FunctionName=check, Payload="{}")
        found = [each["Kind"] for each in json.loads(answer["Payload"].read())["Findings"]]
        assert found == ["PasswordsReplaced"]
        calls: dict[str, list[Call]] = {}
        for asked in ask(f"{url}/calls"):
            calls.setdefault(asked["principal"].split("/")[1], []).append(Call(**asked))
        yield Recorded(world, tenant, pinned, calls, policies(aws))


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


def test_no_condition_can_be_taken_away(recorded: Recorded) -> None:
    seen: dict[str, int] = {}
    for role, documents in recorded.policies.items():
        for number, document in enumerate(documents):
            for index, statement in enumerate(document["Statement"]):
                for operator, keys in statement.get("Condition", {}).items():
                    for key in keys:
                        seen[key] = seen.get(key, 0) + 1
                        without = copy.deepcopy(documents)
                        del without[number]["Statement"][index]["Condition"][operator][key]
                        for action in as_list(statement["Action"]):
                            call = next(c for c in recorded.calls[role] if c.action == action)
                            bare = replace(call, context={})
                            assert not allows(documents, bare), (role, key)
                            assert allows(without, bare), (role, key)
    tags = {} if recorded.pinned else {"aws:ResourceTag/rotation-secret": 1}
    assert seen == {"kms:ViaService": 8, **tags}


def elsewhere(call: Call) -> Iterator[Call]:
    """The same call on a resource of another account, of another region, through another service.

    On all resources, it is one that has none.
    """
    if call.resource == "*":
        return
    parts = call.resource.split(":")
    for number, other in ((3, "eu-west-1"), (4, OTHER_ACCOUNT)):
        yield replace(call, resource=":".join([*parts[:number], other, *parts[number + 1 :]]))
    if "kms:viaservice" in call.context:
        yield replace(call, context={"kms:viaservice": "s3.us-east-1.amazonaws.com"})
        yield replace(call, resource=f"{call.resource}0")


def test_nothing_is_allowed_elsewhere(recorded: Recorded) -> None:
    for role, calls in recorded.calls.items():
        others = [other for call in calls for other in elsewhere(call)]
        assert others
        assert [call for call in others if allows(recorded.policies[role], call)] == []


def test_a_pinned_stack_allows_nothing_on_another_secret_or_user(recorded: Recorded) -> None:
    """Nor on a secret whose name or ARN begins with the pinned one's."""
    name, suffix = recorded.tenant.secret_arn.rsplit("-", 1)
    secrets = (f"{name}-{suffix}0", f"{name}-2-{suffix}", f"{name}-AbCdEf", f"{name}*")
    user = recorded.tenant.user()["ARN"]
    users = (f"{user}-2", user[:-1], user.replace(":user:", ":usergroup:"))
    reached = set()
    for role, calls in recorded.calls.items():
        for call in calls:
            kind = call.resource.split(":")[2:6:3]
            for other in {"secretsmanager secret": secrets, "elasticache user": users}.get(
                " ".join(kind), ()
            ):
                # The user is tagged: in a stack that is bound by tags, that is what counts.
                if allows(recorded.policies[role], replace(call, resource=other)):
                    reached.add(other)
    within = {*secrets, *users[:2]}
    assert reached == (set() if recorded.pinned else within)


def test_a_role_is_assumed_by_one_service_and_the_machines_for_this_account(
    recorded: Recorded,
) -> None:
    for role in roles(recorded.world.aws):
        trust = role["AssumeRolePolicyDocument"]
        machine = "StateMachineRole" in role["RoleName"]
        for service in ("lambda", "states", "events", "secretsmanager"):
            for account in ("123456789012", OTHER_ACCOUNT):
                call = Call(
                    f"{service}.amazonaws.com",
                    "sts:AssumeRole",
                    role["Arn"],
                    {"aws:sourceaccount": account},
                )
                expected = (
                    (service, account) == ("states", "123456789012")
                    if machine
                    else service == "lambda"
                )
                assert admits(trust, call) is expected, call


def test_another_accounts_secrets_manager_cannot_invoke_the_function(recorded: Recorded) -> None:
    world = recorded.world
    client, arn = world.aws.client("lambda"), world.stack.rotation_function_arn
    policy = json.loads(client.get_policy(FunctionName=arn)["Policy"])
    call = Call("secretsmanager.amazonaws.com", "lambda:InvokeFunction", arn)
    assert admits(policy, replace(call, context={"aws:sourceaccount": "123456789012"}))
    assert not admits(policy, replace(call, context={"aws:sourceaccount": OTHER_ACCOUNT}))
    assert not admits(policy, call)
    assert not admits(policy, replace(call, principal="events.amazonaws.com"))
    [statement] = policy["Statement"]
    client.remove_permission(FunctionName=arn, StatementId=statement["Sid"])
    permission = {
        "FunctionName": arn,
        "StatementId": "rotation",
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
    }
    client.add_permission(**permission, SourceAccount=OTHER_ACCOUNT)
    tenant = recorded.tenant
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
    tenant, before = recorded.tenant, recorded.tenant.value()["password"]
    environment = world.aws.environment
    states = make_client("stepfunctions", environment["AWS_ENDPOINT_URL_SFN"], **own)
    started = states.start_execution(
        stateMachineArn=world.stack.state_machine_arn,
        input=json.dumps({"SecretId": tenant.secret_name}),
    )
    execution = tenant.ended(started["executionArn"])
    assert execution["status"] == "SUCCEEDED"
    secrets = make_client("secretsmanager", environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"], **own)
    functions = make_client("lambda", environment["AWS_ENDPOINT_URL"], **own)
    attempts: list[Callable[[], Any]] = [
        lambda: secrets.get_secret_value(SecretId=tenant.secret_arn),
        lambda: states.describe_execution(executionArn=started["executionArn"]),
        lambda: states.get_execution_history(executionArn=started["executionArn"]),
        lambda: functions.invoke(FunctionName=world.stack.rotation_function_arn),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    # Nor is there one for somebody who may read executions, too.
    seen = json.dumps([execution, tenant.history(started["executionArn"])], default=str)
    after = tenant.value()["password"]
    assert tenant.user_id in seen
    assert before not in seen
    assert after not in seen
    assert before != after
