"""Each claim about AWS that this project rests on, and how the account is asked about it.

Sources are AWS's documents, by the names that tests and pages use: [API] botocore's
service models, [RBAC] the ElastiCache guide's Clusters.RBAC, [USM] its User-Secrets-Manager, [SM]
the Secrets Manager guide, [SFN] the Step Functions guide. "unverified" is what none of them tells.
"""

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rotation.target import Target
from tests.aws.scene import Scene
from tests.rotation.world import Tenant


@dataclass(frozen=True)
class Answer:
    """What is compared, and what was measured on the way: seconds, counts, texts."""

    text: str
    measured: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A claim, where it is from, and the question that AWS answers."""

    name: str
    claim: str
    source: str
    ask: Callable[[Scene], Answer]


def answer(case: Case, scene: Scene) -> Answer:
    """Ask; whatever AWS answers is an answer, also when it was not the one that was hoped for."""
    try:
        return case.ask(scene)
    except ClientError as error:
        return _refused(error)
    except (TimeoutError, BotoCoreError) as error:
        return Answer(f"no answer: {type(error).__name__}", {"message": str(error)})


def cases(kinds: tuple[str, ...], watch_seconds: float) -> list[Case]:
    """All of them, in turn. ``watch_seconds`` is how long a failing rotation's retries are counted.

    The first kind of cache serves those that need one and do not care which.
    """
    return [*_matrix(kinds), *_outcomes(kinds[0], watch_seconds), *_probes(kinds[0])]


# Rotations


def _matrix(kinds: tuple[str, ...]) -> Iterator[Case]:
    for kind in kinds:
        yield Case(
            f"first rotation, {kind}",
            "A user who is off and has no password is turned on, and logs in on every node.",
            "[USM]",
            lambda scene, kind=kind: _rotated(_of(scene, kind)),  # type: ignore[misc]
        )
        yield Case(
            f"second rotation, {kind}",
            "Two passwords log in on every node; a made-up one does not.",
            "[RBAC]",
            lambda scene, kind=kind: _rotated(_of(scene, kind)),  # type: ignore[misc]
        )


def _outcomes(kind: str, watch_seconds: float) -> Iterator[Case]:
    for by in ("name", "ARN"):
        yield Case(
            f"rotation by {by}",
            f"RotateSecret takes the secret's {by}, and the function gets the ARN.",
            "[API]",
            lambda scene, by=by: _rotated(_of(scene, kind), by=by),  # type: ignore[misc]
        )
    yield Case(
        "by hand",
        "An operator who may only start executions can rotate.",
        "docs/operations.md",
        lambda scene: _ended(_of(scene, kind).start()),
    )
    yield Case(
        "dry run",
        "A dry run changes neither secret nor user.",
        "docs/operations.md",
        lambda scene: _changed_nothing(_of(scene, kind), lambda it: it.start(DryRun=True)),
    )
    yield Case(
        "RotateImmediately=false",
        "Secrets Manager runs testSecret alone, and removes its version again.",
        "[API]",
        lambda scene: _changed_nothing(_of(scene, kind), _test_rotation),
    )
    yield Case(
        "retries of a failed rotation",
        "Count, spacing and token of Secrets Manager's retries.",
        "unverified",
        lambda scene: _retries(scene, watch_seconds),
    )
    yield Case(
        "AWSPENDING moved meanwhile",
        "A rotation whose label is taken away fails; the next one works.",
        "docs/troubleshooting.md",
        lambda scene: _superseded(_of(scene, kind)),
    )
    yield Case(
        "stopped half way",
        "The next rotation takes up what a stopped one has left.",
        "docs/operations.md",
        lambda scene: _stopped(_of(scene, kind)),
    )
    yield Case(
        "errors that were ridden out",
        "Nodes may lag behind `active`, and reads behind writes: refused logins show it.",
        "unverified",
        _ridden_out,
    )


def _of(scene: Scene, kind: str) -> Tenant:
    made = scene.tenants[kind]
    if isinstance(made, ClientError):
        raise made
    return made


def _rotated(tenant: Tenant, by: str = "name") -> Answer:
    """Secrets Manager's rotation, by the secret's name or ARN."""
    world = tenant.world
    begun = world.secrets.rotate_secret(
        SecretId=tenant.secret_name if by == "name" else tenant.secret_arn,
        RotationLambdaARN=world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    execution = tenant.ended(f"{begun['VersionId']}-1")
    labels = sorted(tenant.labels().get(begun["VersionId"], []))
    user = tenant.user()
    text = f"{_ended(execution).text}; the version has {', '.join(labels) or 'no label'}; " + (
        f"the user is {user['AccessString'].split()[0]} with "
        f"{user['Authentication'].get('PasswordCount', 0)} passwords"
    )
    return Answer(text, _ended(execution).measured)


def _ended(execution: dict[str, Any]) -> Answer:
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    measured: dict[str, Any] = {"seconds": round(seconds, 1)}
    if cause := execution.get("cause"):
        measured["cause"] = cause
    return Answer(f"{execution['status']} {execution.get('error', '')}".strip(), measured)


def _changed_nothing(tenant: Tenant, run: Callable[[Tenant], dict[str, Any]]) -> Answer:
    before = _state(tenant)
    ended = _ended(run(tenant))
    after = _state(tenant)
    changed = [what for what, was in before.items() if after[what] != was]
    return Answer(f"{ended.text}; changed: {', '.join(changed) or 'nothing'}", ended.measured)


def _state(tenant: Tenant) -> dict[str, Any]:
    """All that a rotation changes; each staging label with its version."""
    labels = {label: version for version, all_ in tenant.labels().items() for label in all_}
    known = dict.fromkeys(("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"))
    return {"the user": tenant.user(), "the value": tenant.value(), **known, **labels}


def _test_rotation(tenant: Tenant) -> dict[str, Any]:
    world = tenant.world
    token = world.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=world.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )["VersionId"]
    execution = tenant.ended(f"{token}-dry-run-1")
    world.eventually(lambda: token not in tenant.labels(), "the test version to be removed")
    return execution


def _retries(scene: Scene, watch_seconds: float) -> Answer:
    """The user names another secret, until no retry has come for a while; then it is put right."""
    tenant = scene.user(bound_to=f"{scene.prefix}another")
    tenant.rotate()
    account, found = scene.account, _executions(tenant)
    quiet_since = account.clock()
    while account.clock() - quiet_since < watch_seconds:
        account.sleep(account.pause)
        if len(seen := _executions(tenant)) != len(found):
            found, quiet_since = seen, account.clock()
    scene.elasticache.add_tags_to_resource(
        ResourceName=tenant.user()["ARN"],
        Tags=[{"Key": "rotation-secret", "Value": tenant.secret_name}],
    )
    tokens = {each["name"].rpartition("-")[0] for each in found}
    text = f"{len(found)} attempts with {len(tokens)} token; put right: {_rotated(tenant).text}"
    starts = [each["startDate"] for each in found]
    return Answer(text, {"seconds between": _gaps(starts), "watched for": watch_seconds})


def _executions(tenant: Tenant) -> list[dict[str, Any]]:
    """Those of the tenant's secret, oldest first."""
    client = tenant.world.step_functions
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=tenant.world.stack.state_machine_arn
    )
    described = [
        client.describe_execution(executionArn=each["executionArn"])
        for page in pages
        for each in page["executions"]
    ]
    wanted = {tenant.secret_arn, tenant.secret_name}
    return sorted(
        (each for each in described if json.loads(each["input"]).get("SecretId") in wanted),
        key=lambda each: each["startDate"],
    )


def _gaps(times: list[datetime]) -> list[float]:
    return [round((later - earlier).total_seconds(), 1) for earlier, later in pairwise(times)]


def _superseded(tenant: Tenant) -> Answer:
    execution = _while_modifying(tenant)
    [pending] = [
        version
        for version, labels in tenant.labels().items()
        if "AWSPENDING" in labels and "AWSCURRENT" not in labels
    ]
    tenant.world.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn, VersionStage="AWSPENDING", RemoveFromVersionId=pending
    )
    first = _ended(tenant.ended(execution))
    return Answer(f"{first.text}; then {_ended(tenant.start()).text}", first.measured)


def _stopped(tenant: Tenant) -> Answer:
    execution = _while_modifying(tenant)
    tenant.world.step_functions.stop_execution(executionArn=execution)
    first = _ended(tenant.ended(execution))
    return Answer(f"{first.text}; then {_ended(tenant.start()).text}")


def _while_modifying(tenant: Tenant) -> str:
    """Begin an execution, and wait until it has the user modified; its ARN."""
    execution = tenant.begin()
    tenant.world.eventually(
        lambda: tenant.user()["Status"] == "modifying", f"{tenant.user_id} to be modifying"
    )
    return execution


def _ridden_out(scene: Scene) -> Answer:
    met: Counter[str] = Counter()
    for made in scene.tenants.values():
        if isinstance(made, ClientError):
            continue
        for execution in _executions(made):
            if execution["status"] == "SUCCEEDED":
                met.update(made.errors(execution["executionArn"]))
    return Answer(", ".join(sorted(met)) or "none", dict(met))


# Single answers


def _probes(kind: str) -> Iterator[Case]:
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
        lambda scene: _neighbour(scene, _of(scene, kind)),
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
        lambda scene: _modifying(scene, _of(scene, kind)),
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
        "RotateSecret with AWSPENDING left over",
        "InvalidRequestException: a previous rotation isn't complete.",
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
        lambda scene: _started_again(scene, _of(scene, kind)),
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


#: A list of passwords, each built upon a random part.
_BAD_PASSWORDS: dict[str, Callable[[str], list[str]]] = {
    **{f"with {it}": (lambda good, it=it: [good + it]) for it in ',"/@'},  # type: ignore[misc]
    "of 15 characters": lambda good: [good[:15]],
    "of 129 characters": lambda good: [(good * 5)[:129]],
    "given twice": lambda good: [good, good],
    "too many (three)": lambda good: [good + each for each in "abc"],
}
_BURST = 100


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
        return _refused(error)
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
            met[_code(error)] += 1
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
        return Answer(f"same: accepted; other: {_code(error)}")
    return Answer("same: accepted; other: accepted")


def _moved_blindly(scene: Scene, tenant: Tenant) -> Answer:
    token = secrets.token_hex(16)
    value = {"SecretString": "{}", "VersionStages": ["PROBE"]}
    scene.secrets.put_secret_value(SecretId=tenant.secret_arn, ClientRequestToken=token, **value)
    scene.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn, VersionStage="AWSCURRENT", MoveToVersionId=token
    )
    return Answer("accepted")


def _left_over(scene: Scene, tenant: Tenant) -> Answer:
    scene.secrets.put_secret_value(
        SecretId=tenant.secret_arn,
        ClientRequestToken=secrets.token_hex(16),
        SecretString="{}",
        VersionStages=["AWSPENDING"],
    )
    scene.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=scene.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    return Answer("accepted")


def _not_admitted(scene: Scene, tenant: Tenant) -> Answer:
    prefix = scene.stack.rotation_function_arn.rpartition(":")[0]
    scene.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=f"{prefix}:{_function(scene, 'ModifyUserFunction')}",
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    return Answer("accepted")


def _started_again(scene: Scene, tenant: Tenant) -> Answer:
    last = _executions(tenant)[-1]
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
        pending_version_id=pending,
        previous_version_id="",
        user_id=tenant.user_id,
        username=tenant.username,
        access_string=tenant.user()["AccessString"],
        authentication="password",
        password_count=1,
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


def _refused(error: ClientError) -> Answer:
    return Answer(f"refused: {_code(error)}", {"message": error.response["Error"]["Message"]})


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
