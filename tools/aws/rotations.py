"""Rotations by this project, on each kind of cache, and the ways in which one may end."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.rotation.world import Tenant
from tools.aws.environment import CACHES, Environment
from tools.aws.logs import log_events
from tools.aws.questions import Answer, Questions

QUESTIONS = Questions()
#: Of the log lines: these have no value of a secret.
_KEYS = ("message", "error", "reason", "platform")


def _shape(env: Environment, kind: str) -> Answer:
    """Cluster mode is on where it is meant to be, and its nodes are found otherwise."""
    found = env.described(kind, env.tenant_of(kind).caches[0])
    if kind == "serverless":
        ports = [found[key]["Port"] for key in ("Endpoint", "ReaderEndpoint")]
        return Answer("Endpoint, ReaderEndpoint", {"ports": ports})
    groups = found["NodeGroups"]
    members = [len(group["NodeGroupMembers"]) for group in groups]
    endpoints = {key for each in (found, *groups) for key in each if "Endpoint" in key}
    text = f"ClusterEnabled {found['ClusterEnabled']}; shards of {members} nodes; "
    measured = {key: found.get(key) for key in ("ClusterMode", "TransitEncryptionMode")}
    return Answer(text + ", ".join(sorted(endpoints)), measured)


def rotated(env: Environment, tenant: Tenant) -> Answer:
    """Have Secrets Manager rotate the secret."""
    version = tenant.begin_rotation()
    ended = at_end(env, version)
    labels = ", ".join(sorted(tenant.labels().get(version, []))) or "no label"
    user = tenant.user()
    text = (
        f"{ended.text}; the version has {labels}; the user is {user['AccessString'].split()[0]} "
        f"with {user['Authentication'].get('PasswordCount', 0)} passwords"
    )
    return Answer(text, ended.measured)


for _kind in CACHES:
    QUESTIONS.add(f"a cache's shape, {_kind}", "[API]", str(_shape.__doc__), kind=_kind)(
        lambda env, kind=_kind: _shape(env, kind)
    )
    for _name, _source, _claim in (
        ("first", "[USM]", "A user that is off, without a password, is turned on everywhere."),
        ("second", "[RBAC]", "Two passwords log in on every node; a made-up one does not."),
    ):
        QUESTIONS.add(f"{_name} rotation, {_kind}", _source, _claim, kind=_kind)(
            lambda env, kind=_kind: rotated(env, env.tenant_of(kind))
        )


def at_end(env: Environment, version: str) -> Answer:
    """How a rotation ended, with what the rotation function has logged unless all is well.

    It ends with its last step, or with one that fails; the execution ends earlier. If the log shows
    no last step for a while after that, none is waited for.
    """
    account, since = env.account, env.account.now()
    function = env.stack.rotation_function_arn.rpartition(":")[2]

    def look() -> Answer | None:
        found = _execution(env, f"{version}-1")
        if found and found["status"] == "RUNNING":
            return None
        answer = _ended(found) if found else Answer("no execution")
        events = log_events(account, f"/aws/lambda/{account.run}-rotates", since)
        steps = [line for line in events if line.get("function") == function]
        steps = [line for line in steps if version in line.values()]
        finished = any("finishSecret" in line.values() for line in steps)
        # An invocation whose time runs short fails as well, and its retry waits on.
        failed = {line.get("error", "") for line in steps} - {"", "RotationInProgressError"}
        if finished and answer.text == "SUCCEEDED":
            return answer
        if not finished and not failed:
            if not found or account.now() < found["stopDate"].timestamp() + account.quiet:
                return None
            answer.measured["its last step"] = "not seen to end"
        # A function that could not log for itself has lines of Lambda's own only.
        lines = steps or [line for line in events if "platform" in line]
        texts = [" ".join(str(line[key]) for key in _KEYS if line.get(key)) for line in lines]
        answer.measured["the rotation function"] = " / ".join(text[:400] for text in texts[-6:])
        return answer

    return account.eventually(look, f"the end of finishSecret of {version}")


def _execution(env: Environment, name: str) -> dict[str, Any] | None:
    executions = env.stack.state_machine_arn.replace(":stateMachine:", ":execution:")
    client = env.step_functions
    try:
        return dict(client.describe_execution(executionArn=f"{executions}:{name}"))
    except client.exceptions.ExecutionDoesNotExist:
        return None


def _ended(execution: Mapping[str, Any]) -> Answer:
    seconds = (execution["stopDate"] - execution["startDate"]).total_seconds()
    measured: dict[str, Any] = {"seconds": round(seconds, 1)}
    if cause := execution.get("cause"):
        measured["cause"] = cause
    return Answer(f"{execution['status']} {execution.get('error', '')}".strip(), measured)


@QUESTIONS.add("by hand", "docs/operations.md")
def _by_hand(env: Environment) -> Answer:
    """An operator who may only start executions can rotate."""
    return _ended(env.tenant_of().start())


@QUESTIONS.add("dry run", "docs/operations.md")
def _dry_run(env: Environment) -> Answer:
    """A dry run changes neither secret nor user."""
    tenant = env.tenant_of()
    before = tenant.user(), tenant.value(), tenant.labels()
    ended = _ended(tenant.start(DryRun=True))
    same = before == (tenant.user(), tenant.value(), tenant.labels())
    return Answer(f"{ended.text}; changed: {'nothing' if same else 'something'}", ended.measured)


@QUESTIONS.add("a failed rotation put right", "docs/troubleshooting.md")
def _put_right(env: Environment) -> Answer:
    """It fails while the user names another secret; once that is put right, the next works."""
    tenant, account = env.user(bound_to=f"{env.prefix}another"), env.account
    failed = rotated(env, tenant)

    def no_more_retries() -> bool:
        last = executions(tenant)[-1]["startDate"].timestamp()
        return account.now() > float(last) + account.quiet

    account.eventually(no_more_retries, "the end of all retries")
    attempts = len(executions(tenant))
    tenant.tag(tenant.secret_name)
    text = f"{failed.text}; put right: {rotated(env, tenant).text}"
    return Answer(text, {**failed.measured, "attempts until then": attempts})


def executions(tenant: Tenant) -> list[dict[str, Any]]:
    """DescribeExecution's responses about the executions of the tenant's secret, oldest first."""
    client, machine = tenant.world.step_functions, tenant.world.stack.state_machine_arn
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
    arns = pages.search("executions[].executionArn")
    described = [client.describe_execution(executionArn=arn) for arn in arns]
    secret = (tenant.secret_arn, tenant.secret_name)
    found = (each for each in described if json.loads(each["input"]).get("SecretId") in secret)
    return sorted(found, key=lambda each: each["startDate"])


@QUESTIONS.add("errors that were tried again")
def _tried_again(env: Environment) -> Answer:
    """Nodes may lag behind `active`, and reads behind writes: refused logins show it."""
    errors: Counter[str] = Counter()
    for tenant in (each for each in env.tenants.values() if isinstance(each, Tenant)):
        for execution in executions(tenant):
            if execution["status"] == "SUCCEEDED":
                errors.update(tenant.errors(execution["executionArn"]))
    return Answer(", ".join(sorted(errors)) or "none", dict(errors))
