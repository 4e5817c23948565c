"""Rotations by a small function of the run's own, which show what Secrets Manager accepts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from local.deploy import change_stack
from local.package import parse_template
from tools.aws.account import Account

_TEMPLATE = Path(__file__).with_name("contract.yaml")
_CODE = Path(__file__).with_name("function.py")
_OWN = {"put": "self", "token": True}
_DAYS = {"RotationRules": {"AutomaticallyAfterDays": 30}}
_HOURS = {"RotationRules": {"ScheduleExpression": "rate(4 hours)"}}

#: What the function does (function.py), and what RotateSecret is given.
PLANS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # Longer than the dates of a version are exact.
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
    "fails": ({**_OWN, "fails": "setSecret"}, _DAYS),
    "fails, by the hour": ({**_OWN, "fails": "setSecret"}, _HOURS),
    "fails without AWSPENDING": ({**_OWN, "fails": "setSecret", "drops": True}, _DAYS),
    "fails, new AWSCURRENT": ({**_OWN, "fails": "setSecret"}, _DAYS),
}


@dataclass(frozen=True)
class Step:
    """An invocation as the function has logged it; ``time`` is in seconds of the epoch.

    ``before`` and ``after`` are the version then: its labels, "created" (a list of at most one
    date), and whose "value" it has: none, its own, that of AWSCURRENT.
    """

    name: str
    time: float
    version: str
    keys: Sequence[str]
    new_token: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    error: str


@dataclass
class Trial:
    """A secret whose rotation was begun, and what became of it."""

    account: Account
    log_group: str
    last_step: str
    name: str
    arn: str
    version: str
    begun: float  # this and the next: in seconds of the epoch
    abandoned: float = 0.0  # when it was given a new AWSCURRENT

    def steps(self) -> list[Step]:
        """All so far, oldest first."""
        found = []
        for event in log_events(self.account, self.log_group, self.name, self.begun):
            line = as_object(event["message"])
            if line.get("secret") == self.name:
                found.append(_step(line, event["timestamp"] / 1000))
        return sorted(found, key=lambda step: step.time)

    def first_attempt(self) -> list[Step]:
        """The steps of the first attempt, once it has ended.

        It ends with its last step, with one that fails, or when no other has come for a while: that
        Secrets Manager has refused the version shows in nothing else but CloudTrail, much later.
        """

        def look() -> tuple[list[Step]] | None:
            steps = _first(self.steps())
            if steps and (steps[-1].error or steps[-1].name == self.last_step):
                return (steps,)
            last = max([self.begun, *(step.time for step in steps)])
            return (steps,) if self.account.now() > last + self.account.quiet else None

        return self.account.eventually(look, f"an end of {self.name}")[0]

    def has_begun(self) -> bool:
        """Whether a step was logged, or will hardly be any more."""
        return bool(self.steps()) or self.account.now() > self.begun + self.account.quiet

    def described(self) -> dict[str, Any]:
        """DescribeSecret's answer."""
        manager = self.account.client("secretsmanager")
        found: dict[str, Any] = manager.describe_secret(SecretId=self.arn)
        return found

    def labels(self) -> list[str]:
        """Those of the rotation's version, now."""
        return sorted(self.described()["VersionIdsToStages"].get(self.version, []))

    def watched(self, seconds: float) -> list[Step]:
        """All steps, so many seconds after the beginning at the earliest."""
        while self.account.now() < self.begun + seconds:
            self.account.sleep(self.account.pause)
        return self.steps()


def begin(account: Account, plans: Sequence[str]) -> dict[str, Trial | Exception]:
    """Deploy the function, and begin the rotations; what has failed is put in a trial's place.

    One after another has its first step: an account may have a concurrency of 10.
    """
    if not (plans := list(dict.fromkeys(plans))):
        return {}
    poll = {"Delay": account.pause, "MaxAttempts": int(account.patience / account.pause)}
    formation = account.client("cloudformation")
    name = f"{account.run}-contract"
    try:
        stack = change_stack(formation, name, {"TemplateBody": body()}, {"Run": account.run}, poll)
        secrets = {plan: _secret(account, f"{number}", plan) for number, plan in enumerate(plans)}
        ready = partial(_ready, account, stack["RotationFunctionArn"], secrets[plans[0]])
        account.eventually(ready, "the roles to be in effect")
    except Exception as error:
        return dict.fromkeys(plans, error)
    return {plan: _begun(account, stack, plan, arn) for plan, arn in secrets.items()}


def body() -> str:
    """The template, with the function's code in it."""
    template = parse_template(_TEMPLATE.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = {"ZipFile": _CODE.read_text()}
    return json.dumps(template)


def _secret(account: Account, number: str, plan: str) -> str:
    made = account.client("secretsmanager").create_secret(
        Name=f"{account.run}-trial-{number}",
        Description=json.dumps(PLANS[plan][0]),
        SecretString="{}",
    )
    return str(made["ARN"])


def _ready(account: Account, function: str, secret: str) -> bool:
    answered = account.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps({"SecretId": secret})
    )
    answered["Payload"].read()
    return "FunctionError" not in answered


def _begun(account: Account, stack: Mapping[str, str], plan: str, arn: str) -> Trial | Exception:
    _, given = PLANS[plan]
    begun = account.now()
    function, log_group = stack["RotationFunctionArn"], stack["LogGroupName"]
    last_step = "finishSecret" if given.get("RotateImmediately", True) else "testSecret"
    try:
        rotated = account.client("secretsmanager").rotate_secret(
            SecretId=arn, RotationLambdaARN=function, **given
        )
        names = (rotated["Name"], rotated["ARN"], rotated["VersionId"])
        trial = Trial(account, log_group, last_step, *names, begun)
        account.eventually(trial.has_begun, f"a step of {plan}")
        return trial
    except Exception as error:
        return error


def _step(line: Mapping[str, Any], time: float) -> Step:
    states = (line["before"], line["after"])
    return Step(
        line["step"], time, line["version"], line["keys"], line["new"], *states, line["error"]
    )


def _first(steps: Sequence[Step]) -> list[Step]:
    """Up to the next createSecret."""
    rest = takewhile(lambda step: step.name != "createSecret", steps[1:])
    return [*steps[:1], *rest]


def log_events(account: Account, group: str, term: str, since: float) -> list[dict[str, Any]]:
    """What CloudWatch Logs has of a text, since so many seconds of the epoch; in any order.

    Clocks may differ by a minute.
    """
    pages = account.client("logs").get_paginator("filter_log_events")
    begin = int((since - 60) * 1000)
    pattern = f'"{term}"' if term else ""
    found = pages.paginate(logGroupName=group, startTime=begin, filterPattern=pattern)
    return [event for page in found for event in page.get("events", [])]


def as_object(message: str) -> dict[str, Any]:
    """A log line's JSON object; empty for any other line."""
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def trail(account: Account, names: Sequence[str], since: float) -> list[dict[str, Any]]:
    """CloudTrail's events of these names, oldest first; it is up to 15 minutes behind."""
    pages = account.client("cloudtrail").get_paginator("lookup_events")
    found = [
        json.loads(event["CloudTrailEvent"])
        for name in names
        for page in pages.paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=datetime.fromtimestamp(since - 60, UTC),
        )
        for event in page["Events"]
    ]
    return sorted(found, key=lambda event: str(event.get("eventTime", "")))
