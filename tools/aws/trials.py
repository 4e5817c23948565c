"""Rotations by a small function of the run's own, which show what Secrets Manager accepts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from local.deploy import change_stack
from local.package import parse_template
from tools.aws.account import Account
from tools.aws.logs import log_events

_TEMPLATE = Path(__file__).with_name("contract.yaml")
_CODE = Path(__file__).with_name("function.py")
_OWN = {"put": "self", "token": True}
_FAILS = {**_OWN, "fails": "setSecret"}
_DAYS = {"RotationRules": {"AutomaticallyAfterDays": 30}}
_HOURS = {"RotationRules": {"ScheduleExpression": "rate(4 hours)"}}

#: What the function does (function.py), and RotateSecret's parameters.
PLANS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # The pause is longer than the resolution of a version's dates.
    "with RotationToken": ({**_OWN, "pause": 1.5}, _DAYS),
    "without RotationToken": ({"put": "self"}, _DAYS),
    "by another function": ({"put": "other"}, _DAYS),
    "by another function, with RotationToken": ({"put": "other", "token": True}, _DAYS),
    "not made": ({"put": ""}, _DAYS),
    "labels moved by another function": (
        {**_OWN, "moves": "other", "moves in": "testSecret", "cleans": True},
        _DAYS,
    ),
    "tested": (_OWN, {**_DAYS, "RotateImmediately": False}),
    "succeeds, by the hour": (_OWN, _HOURS),
    "fails": (_FAILS, _DAYS),
    "fails, by the hour": (_FAILS, _HOURS),
    "fails without AWSPENDING": ({**_FAILS, "drops": True}, _DAYS),
    "fails, new AWSCURRENT": (_FAILS, _DAYS),
}


@dataclass(frozen=True)
class Step:
    """An invocation, as the function has logged it; ``time`` is in epoch seconds.

    ``before`` and ``after`` describe the version: its labels, "created" (a list of at most one
    date), and whose "value" it has: none, its own, that of AWSCURRENT.
    """

    time: float
    name: str
    version: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    error: str


@dataclass
class Trial:
    """A secret whose rotation was started, and what became of it; times are in epoch seconds."""

    account: Account
    log_group: str
    last_step: str
    name: str
    arn: str
    version: str
    started: float
    abandoned: float = 0.0  # when the secret got a new AWSCURRENT

    def steps(self) -> list[Step]:
        """All so far, oldest first."""
        events = log_events(self.account, self.log_group, self.started)
        ours = [event for event in events if event.get("secret") == self.name]
        return [Step(event["time"], **event["step"]) for event in ours]

    def first_attempt(self) -> list[Step]:
        """The steps of the first attempt, once it has ended.

        It ends with its last step, with one that fails, or when no other has come for a while: only
        CloudTrail, minutes later, says that Secrets Manager has refused the version.
        """

        def look() -> tuple[list[Step]] | None:
            steps = self.steps()
            # Up to the next attempt.
            steps[1:] = takewhile(lambda step: step.name != "createSecret", steps[1:])
            if steps and (steps[-1].error or steps[-1].name == self.last_step):
                return (steps,)
            last = max([self.started, *(step.time for step in steps)])
            return (steps,) if self.account.now() > last + self.account.quiet else None

        return self.account.eventually(look, f"the end of the first attempt of {self.name}")[0]

    def has_step(self) -> bool:
        """Whether a step was logged, or is no longer expected."""
        return bool(self.steps()) or self.account.now() > self.started + self.account.quiet

    def described(self) -> dict[str, Any]:
        """DescribeSecret's response."""
        return dict(self.account.client("secretsmanager").describe_secret(SecretId=self.arn))

    def labels(self) -> list[str]:
        """The labels of the rotation's version."""
        return sorted(self.described()["VersionIdsToStages"].get(self.version, []))


def start(account: Account, plans: Sequence[str]) -> dict[str, Trial | Exception]:
    """Deploy the function, and start the rotations; an error takes the trial's place.

    Each starts after the first step of the one before: an account may have a concurrency of 10.
    """
    if not (plans := list(dict.fromkeys(plans))):
        return {}
    manager, formation = map(account.client, ("secretsmanager", "cloudformation"))
    try:
        template = {"TemplateBody": template_body()}
        name, parameters = f"{account.run}-contract", {"Run": account.run}
        stack = change_stack(formation, name, template, parameters, account.poll)
        secrets = {
            plan: manager.create_secret(
                Name=f"{account.run}-trial-{number}",
                Description=json.dumps(PLANS[plan][0]),
                SecretString="{}",
            )["ARN"]
            for number, plan in enumerate(plans)
        }
        _wait_for_roles(account, stack["RotationFunctionArn"], secrets[plans[0]])
    except Exception as error:
        return dict.fromkeys(plans, error)
    return {plan: _started(account, stack, plan, arn) for plan, arn in secrets.items()}


def template_body() -> str:
    """The template, with the function's code in it."""
    template = parse_template(_TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = {"ZipFile": _CODE.read_text()}
    return json.dumps(template)


def _wait_for_roles(account: Account, function: str, secret: str) -> None:
    def look() -> bool:
        response = account.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps({"SecretId": secret})
        )
        response["Payload"].read()
        return "FunctionError" not in response

    account.eventually(look, "the roles to be in effect")


def _started(account: Account, stack: Mapping[str, str], plan: str, arn: str) -> Trial | Exception:
    parameters, now = PLANS[plan][1], account.now()
    last_step = "finishSecret" if parameters.get("RotateImmediately", True) else "testSecret"
    try:
        rotated = account.client("secretsmanager").rotate_secret(
            SecretId=arn, RotationLambdaARN=stack["RotationFunctionArn"], **parameters
        )
        names = (rotated["Name"], arn, rotated["VersionId"])
        trial = Trial(account, stack["LogGroupName"], last_step, *names, now)
        account.eventually(trial.has_step, f"a step of {plan}")
        return trial
    except Exception as error:
        return error
