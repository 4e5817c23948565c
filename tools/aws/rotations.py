"""Rotations by this project, on every kind of cache, and the ways in which one may end."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tools.aws.answers import Answer, Case
from tools.aws.scene import Rotation, Scene
from tests.rotation.world import Tenant


def matrix(kinds: tuple[str, ...]) -> Iterator[Case]:
    """Two rotations of each kind of cache."""
    for kind in kinds:
        yield Case(
            f"a cache's shape, {kind}",
            "Cluster mode is on where it is meant to be, and its nodes are found otherwise.",
            "[API]",
            lambda scene, kind=kind: _shape(scene, kind),  # type: ignore[misc]
        )
        yield Case(
            f"first rotation, {kind}",
            "A user that is off and has no password is turned on, and logs in on every node.",
            "[USM]",
            lambda scene, kind=kind: _rotated(scene, tenant_of(scene, kind)),  # type: ignore[misc]
        )
        yield Case(
            f"second rotation, {kind}",
            "Two passwords log in on every node; a made-up one does not.",
            "[RBAC]",
            lambda scene, kind=kind: _rotated(scene, tenant_of(scene, kind)),  # type: ignore[misc]
        )


def outcomes(kind: str) -> Iterator[Case]:
    """Other beginnings and other ends, on one kind."""
    for by in ("name", "ARN"):
        yield Case(
            f"rotation by {by}",
            f"RotateSecret takes the secret's {by}, and the function gets the ARN.",
            "[API]",
            lambda scene, by=by: _rotated(scene, tenant_of(scene, kind), by=by),  # type: ignore[misc]
        )
    yield Case(
        "by hand",
        "An operator who may only start executions can rotate.",
        "docs/operations.md",
        lambda scene: _ended(tenant_of(scene, kind).start()),
    )
    yield Case(
        "dry run",
        "A dry run changes neither secret nor user.",
        "docs/operations.md",
        lambda scene: _changed_nothing(
            tenant_of(scene, kind), lambda it: _ended(it.start(DryRun=True))
        ),
    )
    yield Case(
        "RotateImmediately=false",
        "Secrets Manager runs testSecret alone, and removes its version again.",
        "[API]",
        lambda scene: _changed_nothing(
            tenant_of(scene, kind), lambda it: _test_rotation(scene, it)
        ),
    )
    yield Case(
        "a failed rotation put right",
        "It fails while the user names another secret; once that is put right, the next works.",
        "docs/troubleshooting.md",
        _put_right,
    )
    yield Case(
        "AWSPENDING moved meanwhile",
        "A rotation whose label is taken away fails; the next one works.",
        "docs/troubleshooting.md",
        lambda scene: _superseded(tenant_of(scene, kind)),
    )
    yield Case(
        "stopped half way",
        "The next rotation takes up what a stopped one has left.",
        "docs/operations.md",
        lambda scene: _stopped(tenant_of(scene, kind)),
    )
    yield Case(
        "errors that were ridden out",
        "Nodes may lag behind `active`, and reads behind writes: refused logins show it.",
        "unverified",
        _ridden_out,
    )


def tenant_of(scene: Scene, kind: str) -> Tenant:
    """The user of that kind of cache; raises what has happened instead of making it."""
    made = scene.tenants[kind]
    if isinstance(made, Exception):
        raise made
    return made


def _shape(scene: Scene, kind: str) -> Answer:
    name = tenant_of(scene, kind).caches[0]
    if kind == "serverless":
        answer = scene.elasticache.describe_serverless_caches(ServerlessCacheName=name)
        [found] = answer["ServerlessCaches"]
        ports = [found[key]["Port"] for key in ("Endpoint", "ReaderEndpoint")]
        return Answer("Endpoint, ReaderEndpoint", {"ports": ports})
    found = scene.replication_group(name)
    members = [len(group["NodeGroupMembers"]) for group in found["NodeGroups"]]
    endpoints = {key for group in found["NodeGroups"] for key in group if "Endpoint" in key}
    endpoints |= {key for key in found if "Endpoint" in key}
    text = f"ClusterEnabled {found['ClusterEnabled']}; shards of {members} nodes; "
    measured = {key: found.get(key) for key in ("ClusterMode", "TransitEncryptionMode")}
    return Answer(text + ", ".join(sorted(endpoints)), measured)


def _rotated(scene: Scene, tenant: Tenant, by: str = "name") -> Answer:
    """Secrets Manager's rotation, by the secret's name or ARN."""
    begun = scene.secrets.rotate_secret(
        SecretId=tenant.secret_name if by == "name" else tenant.secret_arn,
        RotationLambdaARN=scene.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
    )
    token = begun["VersionId"]
    ended = _at_end(scene.rotation(token, f"{token}-1"))
    labels = sorted(tenant.labels().get(token, []))
    user = tenant.user()
    text = f"{ended.text}; the version has {', '.join(labels) or 'no label'}; " + (
        f"the user is {user['AccessString'].split()[0]} with "
        f"{user['Authentication'].get('PasswordCount', 0)} passwords"
    )
    return Answer(text, ended.measured)


def _at_end(rotation: Rotation) -> Answer:
    """How it ended; with what the rotation function has logged, unless all is well."""
    execution = rotation.execution
    ended = _ended(execution) if execution else Answer("no execution")
    if rotation.finished and execution and execution["status"] == "SUCCEEDED":
        return ended
    measured = {**ended.measured, "the rotation function": " / ".join(rotation.lines[-6:])}
    if not rotation.finished:
        measured["its last step"] = "not seen to end"
    return Answer(ended.text, measured)


def _ended(execution: Mapping[str, Any]) -> Answer:
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    measured: dict[str, Any] = {"seconds": round(seconds, 1)}
    if cause := execution.get("cause"):
        measured["cause"] = cause
    return Answer(f"{execution['status']} {execution.get('error', '')}".strip(), measured)


def _changed_nothing(tenant: Tenant, run: Callable[[Tenant], Answer]) -> Answer:
    before = _state(tenant)
    ended = run(tenant)
    after = _state(tenant)
    changed = [what for what, was in before.items() if after[what] != was]
    return Answer(f"{ended.text}; changed: {', '.join(changed) or 'nothing'}", ended.measured)


def _state(tenant: Tenant) -> dict[str, Any]:
    """All that a rotation changes; each staging label with its version."""
    labels = {label: version for version, all_ in tenant.labels().items() for label in all_}
    known = dict.fromkeys(("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"))
    return {"the user": tenant.user(), "the value": tenant.value(), **known, **labels}


def _test_rotation(scene: Scene, tenant: Tenant) -> Answer:
    token = scene.secrets.rotate_secret(
        SecretId=tenant.secret_arn,
        RotationLambdaARN=scene.stack.rotation_function_arn,
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )["VersionId"]
    ended = _at_end(scene.rotation(token, f"{token}-dry-run-1", "testSecret"))
    scene.eventually(lambda: token not in tenant.labels(), "the test version to be removed")
    return ended


def _put_right(scene: Scene) -> Answer:
    tenant = scene.user(bound_to=f"{scene.prefix}another")
    failed = _rotated(scene, tenant)
    attempts = scene.account.settled(lambda: executions(tenant))
    scene.elasticache.add_tags_to_resource(
        ResourceName=tenant.user()["ARN"],
        Tags=[{"Key": "rotation-secret", "Value": tenant.secret_name}],
    )
    text = f"{failed.text}; put right: {_rotated(scene, tenant).text}"
    return Answer(text, {**failed.measured, "attempts until then": len(attempts)})


def executions(tenant: Tenant) -> list[dict[str, Any]]:
    """DescribeExecution's answers, for those of the tenant's secret, oldest first."""
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
        if isinstance(made, Exception):
            continue
        for execution in executions(made):
            if execution["status"] == "SUCCEEDED":
                met.update(made.errors(execution["executionArn"]))
    return Answer(", ".join(sorted(met)) or "none", dict(met))
