"""Questions of one answer: what a call does, or how it is refused."""

import json
import re
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from rotation.records.target import Target
from tests.rotation.world import Tenant
from tools.aws.environment import Environment
from tools.aws.logs import trail_events
from tools.aws.questions import Answer, Questions, Reply, code, refused

QUESTIONS = Questions()
_BURST, _LONGEST_RUN_SECONDS = 100, 8 * 3600


@QUESTIONS.add("ModifyUser with Passwords alone")
def _passwords_alone(env: Environment) -> str:
    """It makes a user without a password one with."""
    user = env.user(inactive=True)
    env.elasticache.modify_user(UserId=user.user_id, Passwords=[secrets.token_hex(16)])
    found = env.active(user)["Authentication"]
    return f"type {found['Type']}, {found.get('PasswordCount', 0)} passwords"


@QUESTIONS.add("second ModifyUser on the user", "[API]")
def _modified_twice(env: Environment) -> None:
    """While it is modifying: InvalidUserState."""
    user = env.user().user_id
    _modify(env, user)
    _modify(env, user)


@QUESTIONS.add("ModifyUser on another user of its group")
def _neighbor(env: Environment) -> Reply:
    """While one is modifying, another user of the group may be refused."""
    tenant = env.tenant_of()
    [group] = env.active(tenant)["UserGroupIds"]
    members = env.described("user group", group)["UserIds"]
    _modify(env, tenant.user_id)
    try:
        _modify(env, next(member for member in members if member != tenant.user_id))
    except ClientError as error:
        return refused(error)
    finally:
        env.active(tenant)
    return None


def _modify(env: Environment, user_id: str) -> None:
    # Each time another access string: the same one may be no modification.
    key = secrets.token_hex(4)
    env.elasticache.modify_user(UserId=user_id, AppendAccessString=f"~{key}:*")


def _time_modifying(env: Environment, tenant: Tenant) -> Answer:
    env.active(tenant)
    started = env.account.now()
    _modify(env, tenant.user_id)
    env.active(tenant)
    return Answer("active again", {"seconds": round(env.account.now() - started, 1)})


for _where, _tenant in (
    ("without a group", Environment.user),
    ("before a cache", Environment.tenant_of),
):
    QUESTIONS.add(f"time modifying, {_where}", claim="Minutes (2-5 are reported).")(
        lambda env, tenant=_tenant: _time_modifying(env, tenant(env))
    )


@QUESTIONS.add("tags while modifying", "unverified (terraform-provider-aws 34002, 47638)")
def _tags_while_modifying(env: Environment) -> Answer:
    """ListTagsForResource may answer UserNotFound for a user that exists."""
    tenant = env.user()
    arn, answers = tenant.user()["ARN"], Counter[str]()
    _modify(env, tenant.user_id)

    def look() -> bool:
        try:
            tags = env.elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
            answers["its tag" if tags else "no tag"] += 1
        except ClientError as error:
            answers[code(error)] += 1
        return bool(tenant.user()["Status"] == "active")

    env.eventually(look, f"{tenant.user_id} to be active")
    return Answer(", ".join(sorted(answers)), dict(answers))


@QUESTIONS.add("a password given twice")
def _given_twice(env: Environment) -> None:
    """Refused with InvalidParameterValue, at once."""
    user, password = env.user(), secrets.token_hex(16)
    env.elasticache.modify_user(UserId=user.user_id, Passwords=[password, password])


@QUESTIONS.add("AWSCURRENT moved where it is")
def _moved_to_itself(env: Environment) -> None:
    """No change."""
    tenant = env.user()
    [current] = tenant.labels()
    env.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn,
        VersionStage="AWSCURRENT",
        MoveToVersionId=current,
        RemoveFromVersionId=current,
    )


@QUESTIONS.add("the code of a denied call")
def _denied(env: Environment) -> Reply:
    """Modify User may change users with the tag only: AccessDenied, a code of no model."""
    tenant = env.user(bound_to="")
    [current], pending = tenant.labels(), secrets.token_hex(16)
    value = {**tenant.value(), "password": secrets.token_hex(16)}
    env.secrets.put_secret_value(
        SecretId=tenant.secret_arn,
        ClientRequestToken=pending,
        SecretString=json.dumps(value),
        VersionStages=["AWSPENDING"],
    )
    target = Target(
        secret_arn=tenant.secret_arn,
        version_id=pending,
        current_version_id=current,
        pending_version_at_check=pending,
        user_arn=tenant.user()["ARN"],
        username=tenant.username,
        authentication="password",
        turn_on=False,
        dry_run=False,
    )
    function = env.aws.client("cloudformation").describe_stack_resource(
        StackName=f"{env.account.run}-rotates", LogicalResourceId="ModifyUserFunction"
    )
    response = env.aws.client("lambda").invoke(
        FunctionName=function["StackResourceDetail"]["PhysicalResourceId"],
        Payload=json.dumps({"Target": target.to_state()}),
    )
    payload = json.loads(response["Payload"].read())
    if "FunctionError" not in response:
        return None
    message = payload["errorMessage"]
    codes = re.findall(r" answered (\w+)\.", message)
    return Answer(
        " ".join([payload["errorType"], *(f"({it})" for it in codes)]), {"message": message}
    )


@QUESTIONS.add(
    "the code of a throttled call",
    claim=f"{_BURST} DescribeUsers at once: Throttling, a code of no model.",
)
def _throttled(env: Environment) -> Answer:
    codes: Counter[str] = Counter()

    def note(response: tuple[Any, dict[str, Any]] | None, **_: Any) -> None:
        if response and (code := response[1].get("Error", {}).get("Code")):
            codes[code] += 1

    client = env.elasticache
    # botocore's own retries hide the errors from the caller.
    event = "needs-retry.elasticache.DescribeUsers"
    client.meta.events.register(event, note)
    try:
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: client.describe_users(MaxRecords=20), range(_BURST)))
    finally:
        client.meta.events.unregister(event, note)
    return Answer(", ".join(sorted(codes)) or f"none in {_BURST} calls", dict(codes))


@QUESTIONS.add("ModifyUser in CloudTrail")
def in_cloudtrail(env: Environment) -> Reply:
    """The password that a rotation has set is not in it."""
    tenant = env.tenant_of()
    since = env.account.now() - _LONGEST_RUN_SECONDS
    found = trail_events(env.account, ["ModifyUser"], since)
    requests = [event["requestParameters"] for event in found]
    if not (ours := [it for it in requests if it["userId"] == tenant.user_id]):
        return "nothing yet"
    shown = tenant.value()["password"] in json.dumps(ours)
    keys = ", ".join(sorted({key for request in ours for key in request}))
    return Answer(f"the password is {'' if shown else 'not '}in it", {"keys": keys})
