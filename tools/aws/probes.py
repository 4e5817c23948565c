"""Questions of one answer: what a call does, or is told."""

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from rotation.records.target import Target
from tools.aws.answers import Answer, Case, code, refused
from tools.aws.rotations import executions, tenant_of
from tools.aws.scene import Scene
from tools.aws.trials import trail
from tests.rotation.world import Tenant


def probes(kind: str) -> Iterator[Case]:
    """All of them; those on a cache are asked of that kind."""
    yield Case(
        "ModifyUser with Passwords alone",
        "It makes a user without a password one with.",
        "unverified",
        _passwords_alone,
    )
    yield Case(
        "second ModifyUser on the user",
        "While it is modifying: InvalidUserState.",
        "[API]",
        lambda scene: _modified_twice(scene, (user := scene.user()).user_id, user.user_id),
    )
    yield Case(
        "ModifyUser on another user of its group",
        "While one is modifying, another user of the group may be refused.",
        "unverified",
        lambda scene: _neighbour(scene, tenant_of(scene, kind)),
    )
    yield Case(
        "time modifying, without a group",
        "Minutes (2-5 are reported).",
        "unverified",
        lambda scene: _modifying(scene, scene.user()),
    )
    yield Case(
        "time modifying, before a cache",
        "Minutes (2-5 are reported).",
        "unverified",
        lambda scene: _modifying(scene, tenant_of(scene, kind)),
    )
    yield Case(
        "tags while modifying",
        "ListTagsForResource may answer UserNotFound for a user that exists.",
        "unverified (hashicorp/terraform-provider-aws #34002, #47638)",
        lambda scene: _tags_while_modifying(scene, scene.user()),
    )
    for what, passwords in _BAD_PASSWORDS.items():
        yield Case(
            f"a password {what}",
            "Refused with InvalidParameterValue, at once.",
            "unverified" if what == "given twice" else "[RBAC]",
            lambda scene, passwords=passwords: _with_passwords(scene, passwords),  # type: ignore[misc]
        )
    yield Case(
        "access string as it is shown",
        '"off +get ~keys*" is shown as "off ~keys* -@all +get".',
        "[RBAC]",
        lambda scene: Answer(scene.user(AccessString="off +get ~keys*").user()["AccessString"]),
    )
    yield Case(
        "type of a user without a password",
        "`no-password`; samples also print `no_password`.",
        "[API]",
        lambda scene: Answer(scene.user(inactive=True).user()["Authentication"]["Type"]),
    )
    yield Case(
        "a valkey user without a password",
        "Users of engine valkey cannot be without a password.",
        "[RBAC]",
        lambda scene: _accepted(scene.user(inactive=True, Engine="valkey")),
    )
    yield Case(
        "AWS's own default user",
        "On, with every command and no password.",
        "[RBAC]",
        _default_user,
    )
    yield Case(
        "a user that does not exist",
        "UserNotFound.",
        "[API]",
        lambda scene: _accepted(scene.elasticache.describe_users(UserId=f"{scene.prefix}nobody")),
    )
    yield Case(
        "PutSecretValue again, other value",
        "ResourceExistsException; the same value is no change.",
        "[API]",
        lambda scene: _put_twice(scene, scene.user()),
    )
    yield Case(
        "AWSCURRENT moved without RemoveFromVersionId",
        "InvalidParameterException.",
        "[API]",
        lambda scene: _moved_blindly(scene, scene.user()),
    )
    yield Case(
        "AWSCURRENT moved where it is",
        "No change.",
        "unverified",
        lambda scene: _moved_nowhere(scene, scene.user()),
    )
    yield Case(
        "RotateSecret with AWSPENDING left over",
        "InvalidRequestException: a previous rotation isn't complete; its rules are not stored.",
        "[API]",
        lambda scene: _left_over(scene, scene.user()),
    )
    yield Case(
        "RotateSecret with a function that does not admit Secrets Manager",
        "Refused when it is called.",
        "[API]",
        lambda scene: _not_admitted(scene, scene.user()),
    )
    yield Case(
        "StartExecution again with the name of a closed one",
        "ExecutionAlreadyExists.",
        "[SFN]",
        lambda scene: _started_again(scene, tenant_of(scene, kind)),
    )
    yield Case(
        "the code of a denied call",
        "Modify User may change users with the tag only: AccessDenied, a code of no model.",
        "unverified",
        _denied,
    )
    yield Case(
        "the code of a throttled call",
        f"{_BURST} DescribeUsers at once: Throttling, a code of no model.",
        "unverified",
        _burst,
    )
    yield Case(
        "ModifyUser in CloudTrail",
        "The password that a rotation has set is not in it.",
        "unverified",
        lambda scene: _recorded(scene, kind),
    )


#: A list of passwords, each built upon a random part.
_BAD_PASSWORDS: dict[str, Callable[[str], list[str]]] = {
    **{f"with {it}": (lambda good, it=it: [good + it]) for it in ',"/@'},  # type: ignore[misc]
    "of 15 characters": lambda good: [good[:15]],
    "of 129 characters": lambda good: [(good * 5)[:129]],
    "given twice": lambda good: [good, good],
    "too many (three)": lambda good: [good + each for each in "abc"],
}
_BURST = 100
_LONGEST_RUN_SECONDS = 8 * 3600


def _with_passwords(scene: Scene, passwords: Callable[[str], list[str]]) -> Answer:
    user = scene.user()
    scene.elasticache.modify_user(UserId=user.user_id, Passwords=passwords(secrets.token_hex(16)))
    return Answer("accepted")


def _accepted(_: object) -> Answer:
    return Answer("accepted")


def _passwords_alone(scene: Scene) -> Answer:
    user = scene.user(inactive=True)
    scene.elasticache.modify_user(UserId=user.user_id, Passwords=[secrets.token_hex(16)])
    found = scene.settled(user)["Authentication"]
    return Answer(f"type {found['Type']}, {found.get('PasswordCount', 0)} passwords")


def _modified_twice(scene: Scene, first: str, second: str) -> Answer:
    """Modify the first user and, at once, the second."""
    client = scene.elasticache
    client.modify_user(UserId=first, AppendAccessString="~a:*")
    try:
        client.modify_user(UserId=second, AppendAccessString="~b:*")
    except ClientError as error:
        return refused(error)
    return Answer("accepted")


def _neighbour(scene: Scene, tenant: Tenant) -> Answer:
    scene.settled(tenant)
    [group] = tenant.user()["UserGroupIds"]
    [found] = scene.elasticache.describe_user_groups(UserGroupId=group)["UserGroups"]
    other = next(each for each in found["UserIds"] if each != tenant.user_id)
    given = _modified_twice(scene, tenant.user_id, other)
    scene.settled(tenant)
    return given


def _modifying(scene: Scene, tenant: Tenant) -> Answer:
    scene.settled(tenant)
    begun = scene.account.clock()
    scene.elasticache.modify_user(UserId=tenant.user_id, AppendAccessString="~c:*")
    scene.settled(tenant)
    return Answer("active again", {"seconds": round(scene.account.clock() - begun, 1)})


def _tags_while_modifying(scene: Scene, tenant: Tenant) -> Answer:
    arn = tenant.user()["ARN"]
    scene.elasticache.modify_user(UserId=tenant.user_id, AppendAccessString="~d:*")
    met: Counter[str] = Counter()

    def look() -> bool:
        try:
            found = scene.elasticache.list_tags_for_resource(ResourceName=arn)["TagList"]
            met["its tag" if found else "no tag"] += 1
        except ClientError as error:
            met[code(error)] += 1
        return bool(tenant.user()["Status"] == "active")

    scene.eventually(look, f"{tenant.user_id} to be active")
    return Answer(", ".join(sorted(met)), dict(met))


def _default_user(scene: Scene) -> Answer:
    [found] = scene.elasticache.describe_users(UserId="default")["Users"]
    return Answer(f"{found['AccessString']}; {found['Authentication']['Type']}")


def _put_twice(scene: Scene, tenant: Tenant) -> Answer:
    token = secrets.token_hex(16)

    def put(text: str) -> None:
        scene.secrets.put_secret_value(
            SecretId=tenant.secret_arn,
            ClientRequestToken=token,
            SecretString=text,
            VersionStages=["PROBE"],
        )

    put("{}")
    put("{}")
    try:
        put('{"other": ""}')
    except ClientError as error:
        return Answer(f"same: accepted; other: {code(error)}")
    return Answer("same: accepted; other: accepted")


def _moved_blindly(scene: Scene, tenant: Tenant) -> Answer:
    token = secrets.token_hex(16)
    value = {"SecretString": "{}", "VersionStages": ["PROBE"]}
    scene.secrets.put_secret_value(SecretId=tenant.secret_arn, ClientRequestToken=token, **value)
    scene.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn, VersionStage="AWSCURRENT", MoveToVersionId=token
    )
    return Answer("accepted")


def _moved_nowhere(scene: Scene, tenant: Tenant) -> Answer:
    [current] = tenant.labels()
    scene.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn,
        VersionStage="AWSCURRENT",
        MoveToVersionId=current,
        RemoveFromVersionId=current,
    )
    return Answer("accepted")


def _left_over(scene: Scene, tenant: Tenant) -> Answer:
    scene.secrets.put_secret_value(
        SecretId=tenant.secret_arn,
        ClientRequestToken=secrets.token_hex(16),
        SecretString="{}",
        VersionStages=["AWSPENDING"],
    )
    given = {"RotationLambdaARN": scene.stack.rotation_function_arn}
    answer = Answer("accepted")
    try:
        scene.secrets.rotate_secret(
            SecretId=tenant.secret_arn, RotationRules={"AutomaticallyAfterDays": 30}, **given
        )
    except ClientError as error:
        answer = refused(error)
    found = tenant.described()
    stored = [key for key in ("RotationEnabled", "RotationRules", *given) if found.get(key)]
    return Answer(f"{answer.text}; stored: {', '.join(stored) or 'nothing'}", answer.measured)


def _not_admitted(scene: Scene, tenant: Tenant) -> Answer:
    prefix = scene.stack.rotation_function_arn.rpartition(":")[0]
    scene.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=f"{prefix}:{_function(scene, 'ModifyUserFunction')}",
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    return Answer("accepted")


def _started_again(scene: Scene, tenant: Tenant) -> Answer:
    last = executions(tenant)[-1]
    scene.step_functions.start_execution(
        stateMachineArn=scene.stack.state_machine_arn, name=last["name"], input=last["input"]
    )
    return Answer("accepted")


def _function(scene: Scene, logical_id: str) -> str:
    found = scene.aws.client("cloudformation").describe_stack_resource(
        StackName=f"{scene.account.run}-rotates", LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _denied(scene: Scene) -> Answer:
    """Modify User itself, on a user without the tag: IAM is what stands in its way."""
    tenant = scene.user(bound_to="")
    current, pending = *tenant.labels(), secrets.token_hex(16)
    value = {**tenant.value(), "password": secrets.token_hex(16)}
    scene.secrets.put_secret_value(
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
        user_id=tenant.user_id,
        username=tenant.username,
        authentication="password",
        turn_on=False,
        dry_run=False,
    )
    answered = scene.aws.client("lambda").invoke(
        FunctionName=_function(scene, "ModifyUserFunction"),
        Payload=json.dumps({"Target": target.to_state()}),
    )
    told = json.loads(answered["Payload"].read())
    if "FunctionError" not in answered:
        return Answer("accepted")
    message = told["errorMessage"]
    found = re.search(r" answered (\w+)\.", message)
    code = f" ({found[1]})" if found else ""
    return Answer(f"{told['errorType']}{code}", {"message": message})


def _burst(scene: Scene) -> Answer:
    """What botocore's own retries would hide is seen in its events."""
    met: Counter[str] = Counter()

    def note(response: tuple[Any, dict[str, Any]] | None, **_: Any) -> None:
        if response and (code := response[1].get("Error", {}).get("Code")):
            met[code] += 1

    client = scene.elasticache
    event = "needs-retry.elasticache.DescribeUsers"
    client.meta.events.register(event, note)
    try:
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda _: client.describe_users(MaxRecords=20), range(_BURST)))
    finally:
        client.meta.events.unregister(event, note)
    return Answer(", ".join(sorted(met)) or f"none in {_BURST} calls", dict(met))


def _recorded(scene: Scene, kind: str) -> Answer:
    tenant = tenant_of(scene, kind)
    since = scene.account.now() - _LONGEST_RUN_SECONDS
    events = [
        event
        for event in trail(scene.account, ["ModifyUser"], since)
        if tenant.user_id == event["requestParameters"]["userId"]
    ]
    if not events:
        return Answer("nothing yet")
    shown = any(tenant.value()["password"] in json.dumps(event) for event in events)
    keys = ", ".join(sorted({key for event in events for key in event["requestParameters"]}))
    return Answer(f"the password is {'' if shown else 'not '}in it", {"keys": keys})
