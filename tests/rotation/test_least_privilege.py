"""Every role allows what recorded rotations ask for, and nothing besides: by tag, and pinned."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.access import Call, admits, allows
from local.instance import make_client
from tests.rotation.recorded import Grants, Recorded, check, recorded_stack
from tests.rotation.roles import allowed, as_list, roles

OTHER_ACCOUNT = "210987654321"
#: AWS's own services ask for these with the role, and do not here: logs and traces of Lambda and
#: Step Functions, network interfaces of Lambda.
BY_AWS = ("logs:", "xray:", "ec2:")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with recorded_stack(tmp_path_factory.mktemp("recorded")) as found:
        yield found


@pytest.fixture(params=["bound by tag", "pinned"])
def grants(request: pytest.FixtureRequest, recorded: Recorded) -> Grants:
    return recorded.grants[request.param]


def removals(documents: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each action and each resource that is allowed, with the documents without it."""
    for number, document in enumerate(documents):
        for index, statement in enumerate(document["Statement"]):
            actions = as_list(statement["Action"])
            if all(action.startswith(BY_AWS) for action in actions):
                continue
            asked = [action for action in actions if not action.startswith(BY_AWS)]
            for part, values in (("Action", asked), ("Resource", as_list(statement["Resource"]))):
                for value in values:
                    without = copy.deepcopy(documents)
                    less = [each for each in as_list(statement[part]) if each != value]
                    if less:
                        without[number]["Statement"][index][part] = less
                    else:
                        del without[number]["Statement"][index]
                    yield f"{part} {value} of {statement['Action']}", without


def test_all_that_was_recorded_is_allowed(grants: Grants) -> None:
    assert sorted(grants.calls) == sorted(grants.policies)
    for role, calls in grants.calls.items():
        assert [call for call in calls if not allows(grants.policies[role], call)] == []


def test_no_action_or_resource_can_be_taken_away(grants: Grants) -> None:
    tried, superfluous = 0, []
    for role, documents in grants.policies.items():
        for what, without in removals(documents):
            tried += 1
            if all(allows(without, call) for call in grants.calls[role]):
                superfluous.append(f"{role}: {what}")
    assert tried > 80
    assert superfluous == [], "\n".join(superfluous)


def test_a_role_cannot_do_what_only_others_are_allowed(grants: Grants) -> None:
    """By IAM's rules: each action and resource of every other role, which this one has not."""
    cells = {role: set(allowed(documents)) for role, documents in grants.policies.items()}
    for role, documents in grants.policies.items():
        foreign = set().union(*cells.values()) - cells[role]
        assert len(foreign) > 20
        assert [cell for cell in foreign if allows(documents, Call(role, *cell))] == []


def test_no_condition_can_be_taken_away(grants: Grants) -> None:
    seen: dict[str, int] = {}
    for role, documents in grants.policies.items():
        for number, document in enumerate(documents):
            for index, statement in enumerate(document["Statement"]):
                for operator, keys in statement.get("Condition", {}).items():
                    for key in keys:
                        seen[key] = seen.get(key, 0) + 1
                        without = copy.deepcopy(documents)
                        del without[number]["Statement"][index]["Condition"][operator][key]
                        for action in as_list(statement["Action"]):
                            call = next(c for c in grants.calls[role] if c.action == action)
                            bare = replace(call, context={})
                            assert not allows(documents, bare), (role, key)
                            assert allows(without, bare), (role, key)
    tags = {} if grants.pinned else {"aws:ResourceTag/rotation-secret": 1}
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


def test_nothing_is_allowed_elsewhere(grants: Grants) -> None:
    for role, calls in grants.calls.items():
        others = [other for call in calls for other in elsewhere(call)]
        assert others
        assert [call for call in others if allows(grants.policies[role], call)] == []


def test_a_pinned_stack_allows_no_other_secret_or_user(recorded: Recorded, grants: Grants) -> None:
    """Nor on a secret whose name or ARN begins with the pinned one's."""
    name, suffix = recorded.tenant.secret_arn.rsplit("-", 1)
    secrets = (f"{name}-{suffix}0", f"{name}-2-{suffix}", f"{name}-AbCdEf", f"{name}*")
    user = recorded.tenant.user()["ARN"]
    users = (f"{user}-2", user[:-1], user.replace(":user:", ":usergroup:"))
    others = {"secretsmanager secret": secrets, "elasticache user": users}
    reached = {
        other
        for role, calls in grants.calls.items()
        for call in calls
        for other in others.get(" ".join(call.resource.split(":")[2:6:3]), ())
        # The user is tagged: in a stack that is bound by tags, that is what counts.
        if allows(grants.policies[role], replace(call, resource=other))
    }
    assert reached == (set() if grants.pinned else {*secrets, *users[:2]})


def test_a_role_is_assumed_by_one_service_of_this_account(recorded: Recorded) -> None:
    for role in roles(recorded.world.aws):
        is_state_machine = "StateMachineRole" in role["RoleName"]
        for service in ("lambda", "states", "events", "secretsmanager"):
            for account in ("123456789012", OTHER_ACCOUNT):
                context = {"aws:sourceaccount": account}
                call = Call(f"{service}.amazonaws.com", "sts:AssumeRole", role["Arn"], context)
                expected = service == "lambda"
                if is_state_machine:
                    expected = (service, account) == ("states", "123456789012")
                assert admits(role["AssumeRolePolicyDocument"], call) is expected, call


def test_an_operator_with_only_start_execution_cannot_read_a_password(recorded: Recorded) -> None:
    world, tenant = recorded.world, recorded.tenant
    iam, machine = world.aws.client("iam"), world.stack.state_machine_arn
    iam.create_user(UserName="operator")
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="operator", PolicyName="start", PolicyDocument=document)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    own = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    before, environment = tenant.value()["password"], world.aws.environment
    states = make_client("stepfunctions", environment["AWS_ENDPOINT_URL_SFN"], **own)
    execution_input = json.dumps({"SecretId": tenant.secret_name})
    arn = states.start_execution(stateMachineArn=machine, input=execution_input)["executionArn"]
    tenant.succeeds(arn)
    secrets = make_client("secretsmanager", environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"], **own)
    functions = make_client("lambda", environment["AWS_ENDPOINT_URL"], **own)
    attempts: list[Callable[[], Any]] = [
        lambda: secrets.get_secret_value(SecretId=tenant.secret_arn),
        lambda: states.describe_execution(executionArn=arn),
        lambda: states.get_execution_history(executionArn=arn),
        lambda: functions.invoke(FunctionName=world.stack.rotation_function_arn),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    # Nor is there one for somebody who may read executions, too.
    seen = json.dumps([tenant.ended(arn), tenant.history(arn)], default=str)
    after = tenant.value()["password"]
    assert tenant.user_id in seen
    assert before != after
    assert before not in seen
    assert after not in seen


# A pinned stack, as AWS's own function is


def test_another_secret_is_refused_by_iam(recorded: Recorded) -> None:
    # The pin ends in the secret's own suffix.
    for name in (None, f"{recorded.tenant.secret_name}-2"):
        other = recorded.world.tenant(name=name)
        cause = other.fails("AccessDeniedError")
        assert f"secretsmanager:DescribeSecret on resource: {other.secret_arn}" in cause


@pytest.mark.parametrize("key", ["username", "user_arn"])
def test_another_user_is_refused_by_name(recorded: Recorded, key: str) -> None:
    """AWS's own function compares the name, and modifies the user of the ARN."""
    tenant, other = recorded.tenant, recorded.world.tenant()
    before, value = (other.user(), other.labels()), tenant.value()
    tenant.edit(**{key: other.value()[key]})
    assert f'the "{key}" in secret' in tenant.fails("SecretNotAllowedError")
    assert (other.user(), other.labels()) == before
    tenant.put(json.dumps(value))


def test_a_pinned_secret_and_user_are_checked_every_day(recorded: Recorded) -> None:
    world, tenant = recorded.world, recorded.tenant
    tenant.succeeds()
    assert check(world) == {"Checked": 1, "OverdueSecrets": 0, "Findings": []}
    world.secrets.cancel_rotate_secret(SecretId=tenant.secret_arn)
    [finding] = check(world)["Findings"]
    assert (finding["Secret"], finding["Kind"]) == (tenant.secret_name, "RotationOff")
