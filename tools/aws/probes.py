"""Questions of one answer: what a call does, or how it is refused."""

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from rotation.records.target import Target
from tests.rotation.world import Tenant
from tools.aws.environment import Environment
from tools.aws.logs import trail_events
from tools.aws.questions import Answer, Questions, Reply, code, refused
from tools.aws.rotations import executions

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


def _bad_password(passwords: Callable[[str], list[str]]) -> Callable[[Environment], None]:
    def ask(env: Environment) -> None:
        """Refused with InvalidParameterValue, at once."""
        user, valid = env.user(), secrets.token_hex(16)
        env.elasticache.modify_user(UserId=user.user_id, Passwords=passwords(valid))

    return ask


for _what, _source, _passwords in (
    *((f"with {it}", "[RBAC]", lambda valid, it=it: [valid + it]) for it in ',"/@'),
    ("of 15 characters", "[RBAC]", lambda valid: [valid[:15]]),
    ("of 129 characters", "[RBAC]", lambda valid: [(valid * 5)[:129]]),
    ("given twice", "unverified", lambda valid: [valid, valid]),
    ("too many (three)", "[RBAC]", lambda valid: [valid + it for it in "abc"]),
):
    QUESTIONS.add(f"a password {_what}", _source)(_bad_password(_passwords))


@QUESTIONS.add("access string as it is shown", "[RBAC]")
def _access_string(env: Environment) -> str:
    """`off +get ~keys*` is shown as `off ~keys* -@all +get`."""
    return str(env.user(AccessString="off +get ~keys*").user()["AccessString"])


@QUESTIONS.add("type of a user without a password", "[API]")
def _no_password(env: Environment) -> str:
    """`no-password`; samples also print `no_password`."""
    return str(env.user(inactive=True).user()["Authentication"]["Type"])


@QUESTIONS.add("a valkey user without a password", "[RBAC]")
def _valkey_user(env: Environment) -> None:
    """Users of engine valkey cannot be without a password."""
    env.user(inactive=True, Engine="valkey")


@QUESTIONS.add("AWS's own default user", "[RBAC]")
def _default_user(env: Environment) -> str:
    """On, with every command and no password."""
    [found] = env.elasticache.describe_users(UserId="default")["Users"]
    return f"{found['AccessString']}; {found['Authentication']['Type']}"


@QUESTIONS.add("a user that does not exist", "[API]")
def _no_user(env: Environment) -> None:
    """UserNotFound."""
    env.elasticache.describe_users(UserId=f"{env.prefix}nobody")


def _put(env: Environment, tenant: Tenant, version: str, text: str, label: str) -> None:
    env.secrets.put_secret_value(
        SecretId=tenant.secret_arn,
        ClientRequestToken=version,
        SecretString=text,
        VersionStages=[label],
    )


@QUESTIONS.add("PutSecretValue again, other value", "[API]")
def _put_twice(env: Environment) -> str:
    """ResourceExistsException; the same value is no change."""
    tenant, version = env.user(), secrets.token_hex(16)
    _put(env, tenant, version, "{}", "PROBE")
    _put(env, tenant, version, "{}", "PROBE")
    try:
        _put(env, tenant, version, '{"other": ""}', "PROBE")
    except ClientError as error:
        return f"same: accepted; other: {code(error)}"
    return "same: accepted; other: accepted"


@QUESTIONS.add("AWSCURRENT moved without RemoveFromVersionId", "[API]")
def _moved_without_current(env: Environment) -> None:
    """InvalidParameterException."""
    tenant, version = env.user(), secrets.token_hex(16)
    _put(env, tenant, version, "{}", "PROBE")
    env.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn, VersionStage="AWSCURRENT", MoveToVersionId=version
    )


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


@QUESTIONS.add("RotateSecret with AWSPENDING left over", "[API]")
def _left_over(env: Environment) -> Answer:
    """InvalidRequestException: a previous rotation isn't complete; its rules are not stored."""
    tenant = env.user()
    _put(env, tenant, secrets.token_hex(16), "{}", "AWSPENDING")
    answer = Answer("accepted")
    try:
        tenant.begin_rotation()
    except ClientError as error:
        answer = refused(error)
    keys = ("RotationEnabled", "RotationRules", "RotationLambdaARN")
    stored = ", ".join(key for key in keys if tenant.described().get(key)) or "nothing"
    return Answer(f"{answer.text}; stored: {stored}", answer.measured)


@QUESTIONS.add("RotateSecret with a function that does not admit Secrets Manager", "[API]")
def _not_admitted(env: Environment) -> None:
    """Refused when it is called."""
    prefix = env.stack.rotation_function_arn.rpartition(":")[0]
    function = f"{prefix}:{_modify_user_function(env)}"
    env.user().begin_rotation(RotationLambdaARN=function)


def _modify_user_function(env: Environment) -> str:
    found = env.aws.client("cloudformation").describe_stack_resource(
        StackName=f"{env.account.run}-rotates", LogicalResourceId="ModifyUserFunction"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


@QUESTIONS.add("StartExecution again with the name of a closed one", "[SFN]")
def _started_again(env: Environment) -> None:
    """ExecutionAlreadyExists."""
    last = executions(env.tenant_of())[-1]
    env.step_functions.start_execution(
        stateMachineArn=last["stateMachineArn"], name=last["name"], input=last["input"]
    )


@QUESTIONS.add("the code of a denied call")
def _denied(env: Environment) -> Reply:
    """Modify User may change users with the tag only: AccessDenied, a code of no model."""
    tenant = env.user(bound_to="")
    [current], pending = tenant.labels(), secrets.token_hex(16)
    value = {**tenant.value(), "password": secrets.token_hex(16)}
    _put(env, tenant, pending, json.dumps(value), "AWSPENDING")
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
    response = env.aws.client("lambda").invoke(
        FunctionName=_modify_user_function(env),
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
