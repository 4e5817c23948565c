"""How each failure of docs/troubleshooting.md is brought about on a local AWS of its own.

By the error's name: a function that sets it up, and starts the execution. It returns the ARN of the
execution that fails.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from local.deploy import ROOT, deploy, zipped
from local.faults import control
from local.package import files
from tests.local.helpers import eventually
from tests.rotation.test_refusals import NODES, SECRETS, USERS, Break, arm
from tests.rotation.world import Tenant, World
from tests.statemachine.checks import places

Failure = Callable[[World], str]
#: How often a state's task is invoked before an error that is retried has failed it, and how often
#: that makes a function call an API: an AWS SDK tries three times.
_TRIES, _CALLS = 7, 21
_HANGS = "import time\ndef handler(event, context): time.sleep(3600)\n"


def served(world: World, **user: Any) -> Tenant:
    tenant = world.tenant(**user)
    tenant.serve()
    return tenant


def broken(break_it: Break, world: World) -> str:
    tenant = served(world)
    break_it(tenant)
    return tenant.begin()


def faulty(fault: str, world: World) -> str:
    return broken(lambda tenant: arm(tenant, fault), world)


def deployed(parameters: dict[str, str], world: World) -> str:
    tenant = world.tenant()
    world.stack = deploy(world.aws, parameters)
    return tenant.begin()


def while_modifying(do: Callable[[Tenant], Any], world: World) -> str:
    """Something is done when the user has got its new password."""
    tenant = served(world)
    arm(tenant, "keep-modifying:6")
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    control(world.aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    do(tenant)
    return arn


def input_without_a_secret(world: World) -> str:
    machine = world.stack.state_machine_arn
    started = world.step_functions.start_execution(stateMachineArn=machine, input="{}")
    return str(started["executionArn"])


def unknown_secret(world: World) -> str:
    return Tenant(world, "", "", "", "production/sesions/app").begin()


def pinned_to_another(world: World) -> str:
    tenant, other = served(world), world.tenant()
    pin = {"SecretArn": tenant.secret_arn, "UserName": other.username}
    world.stack = deploy(world.aws, {**pin, "UserArn": other.user()["ARN"]})
    return tenant.begin()


def mistyped(world: World) -> str:
    return served(world, secret_password="mistyped-password-0123").begin()


def no_current_version(world: World) -> str:
    tenant = served(world)
    world.secrets.create_secret(Name="empty")
    return Tenant(world, tenant.user_id, tenant.username, "", "empty").begin()


def current_version_without_a_value(world: World) -> str:
    tenant = world.tenant()
    arm(tenant, "deny:PutSecretValue")
    token = tenant.rotate()
    control(world.aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    [current] = [version for version, labels in tenant.labels().items() if "AWSCURRENT" in labels]
    world.secrets.update_secret_version_stage(
        SecretId=tenant.secret_arn,
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=current,
        MoveToVersionId=token,
    )
    return tenant.begin()


def deleted_user(tenant: Tenant) -> None:
    eventually(lambda: tenant.user()["Status"] == "active", "the user to be active")
    arm(tenant, "keep-modifying:10")
    tenant.world.elasticache.delete_user(UserId=tenant.user_id)


def modified_for_too_long(world: World) -> str:
    world.stack = deploy(world.aws, {"MaxModifyingSeconds": "10"})
    tenant = served(world)
    arm(tenant, "keep-modifying:12")
    arn = tenant.begin()
    eventually(lambda: tenant.user()["Status"] == "modifying", "the user to be modifying")
    control(world.aws.environment["LOCAL_CONTROL_URL"], "DELETE")
    return arn


def second_run(world: World) -> str:
    arns = list[str]()
    while_modifying(lambda tenant: arns.append(tenant.begin()), world)
    return arns[0]


def no_answer_of_aws(world: World) -> str:
    """A proxy with a page of its own stands before Secrets Manager."""
    with _proxy() as url:
        tenant = served(world)
        network = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}
        world.stack = deploy(world.aws, {"SecretsManagerEndpoint": url, **network})
        arn = tenant.begin()
        tenant.ended(arn)
    return arn


@contextmanager
def _proxy() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Please log in.</html>")

        def log_message(self, *arguments: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def function_of(world: World, state: str) -> str:
    """The name of the function that a state invokes."""
    pages = world.aws.client("lambda").get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    [name] = [name for name in names if f"-{state.replace(' ', '')}Function" in name]
    return str(name)


def configured(state: str, world: World, **configuration: Any) -> str:
    """Somebody has edited a function by hand."""
    name, client = function_of(world, state), world.aws.client("lambda")
    if variables := configuration.get("Environment", {}).get("Variables"):
        found = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        configuration["Environment"] = {"Variables": {**found, **variables}}
    client.update_function_configuration(FunctionName=name, **configuration)
    return served(world).begin()


def coded(state: str, edit: Callable[[str], str], world: World) -> str:
    """A function has other code, such as that with a bug."""
    with tempfile.TemporaryDirectory() as directory:
        functions = Path(directory, "functions")
        shutil.copytree(ROOT / "functions", functions)
        handler = functions / f"{state.lower().replace(' ', '_')}.py"
        handler.write_text(edit(handler.read_text()))
        package = zipped(files(functions, "*.py"))
    world.aws.client("lambda").update_function_code(
        FunctionName=function_of(world, state), ZipFile=package
    )
    return served(world).begin()


def edited(edit: Callable[[dict[str, Any]], Any], world: World) -> None:
    """Somebody has edited the machine."""
    machine = world.stack.state_machine_arn
    found = world.step_functions.describe_state_machine(stateMachineArn=machine)
    definition = json.loads(found["definition"])
    edit(definition)
    world.step_functions.update_state_machine(
        stateMachineArn=machine, definition=json.dumps(definition)
    )


def stopped_by(edit: Callable[[dict[str, Any]], Any], world: World) -> str:
    edited(edit, world)
    return faulty("keep-modifying:60", world)


def tries(error: str) -> int:
    """How often a task is invoked at most that fails with that error."""
    definition = json.loads((ROOT / "statemachine/rotation.asl.json").read_text())
    return 1 + max(
        int(retry["MaxAttempts"])
        for place in places(definition, "Task")
        for retry in place.state["Retry"]
        if error in retry["ErrorEquals"]
    )


def of(name: str) -> Failure:
    """What test_refusals breaks so that this is the error; the first of several ways."""
    ways = {**SECRETS, **USERS, **NODES}.values()
    return partial(broken, next(break_it for error, break_it, _ in ways if error == name))


def bug(code: str) -> str:
    return re.sub(r"(def handler.*?\"\"\"\n)", r'\1    event["Targets"]\n', code, flags=re.S)


FAILURES: dict[str, Failure] = {
    "InvalidInputError": input_without_a_secret,
    "ConfigurationError": partial(
        configured,
        "Generate Password",
        Environment={"Variables": {"PASSWORD_LENGTH": "long"}},
    ),
    "UnexpectedError": partial(coded, "Check Target", bug),
    "SecretNotFoundError": unknown_secret,
    **{
        name: of(name)
        for name in (
            "SecretDeletedError",
            "SecretFormatError",
            "UserNotFoundError",
            "UserNotBoundError",
            "UserMismatchError",
            "UserNotRotatableError",
            "UserDisabledError",
            "CurrentPasswordUnknownError",
            "CertificateError",
            "AnyPasswordAcceptedError",
        )
    },
    "CurrentPasswordRefusedError": mistyped,
    "SecretNotAllowedError": pinned_to_another,
    "VersionNotFoundError": no_current_version,
    "VersionNotReadableError": current_version_without_a_value,
    "UserBusyError": partial(faulty, f"busy-user:1:1-{tries('UserBusyError')}"),
    "UserStatusError": partial(while_modifying, deleted_user),
    "UserModifyingTooLongError": modified_for_too_long,
    "NoEndpointError": partial(deployed, {"RequireEndpoints": "true"}),
    "EndpointUnreachableError": partial(faulty, "drop-node:1"),
    "PasswordRefusedError": partial(faulty, "lag-password:1:3600"),
    "RotationInProgressError": second_run,
    "RotationSupersededError": partial(while_modifying, lambda t: t.edit(note="by hand")),
    "ThrottlingError": partial(faulty, f"throttle:DescribeUsers:1-{_CALLS}"),
    "ServiceUnavailableError": partial(faulty, f"error-500:DescribeUserGroups:1-{_CALLS}"),
    "AccessDeniedError": partial(faulty, "deny:ModifyUser"),
    "UnexpectedAwsError": no_answer_of_aws,
    "Lambda.TooManyRequestsException": partial(
        faulty, f"throttle:Invoke:3-{2 + tries('Lambda.TooManyRequestsException')}"
    ),
    "Runtime.ExitError": partial(faulty, f"kill-before:PutSecretValue:1-{_TRIES}"),
    "Sandbox.Timedout": partial(coded, "Check Endpoint", lambda _: _HANGS),
    "ABORTED": partial(faulty, "stop-at:Wait For User"),
    "TIMED_OUT": partial(stopped_by, lambda definition: definition.update(TimeoutSeconds=10)),
}
