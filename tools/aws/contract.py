"""What Secrets Manager accepts of a rotation function, and what it does besides.

The first questions are asked before all others: they need neither the stack nor a cache, and their
answers cost next to nothing. The last ones need time.
"""

import json
import secrets
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from botocore.exceptions import ClientError

from tools.aws.logs import trail_events
from tools.aws.questions import Answer, Questions, Reply, code
from tools.aws.trials import Trial

FIRST, LAST = Questions(), Questions()

_ACCEPTED = (
    ("with RotationToken", "It is accepted.", "[SM-T]"),
    ("without RotationToken", "Made by the rotation function itself, it is accepted.", "[SM-F]"),
    ("by another function", "Refused: it was not created by the rotation function.", "[SM-F]"),
    ("by another function, with RotationToken", "The token stands for the function.", "[SM-T]"),
    ("not made", "An empty version is refused.", "unverified"),
    ("labels moved by another function", "Who moves the labels does not matter.", "unverified"),
)
_FAILING = (
    ("fails", "Within the window, to midnight UTC: count, spacing."),
    ("fails, by the hour", "Within the window of an hour: count, spacing."),
    ("fails without AWSPENDING", "Whether a token is tried again that has lost its label."),
    ("fails, new AWSCURRENT", "Whether an abandoned rotation is tried again."),
)
_EVENTS = ("RotationStarted", "RotationSucceeded", "RotationFailed", "RotationAbandoned")


def accepted(trial: Trial) -> Answer:
    steps = trial.first_attempt()
    labels = trial.labels()
    rotated = "AWSCURRENT" in labels and steps[-1].name == trial.last_step
    names = ", ".join(step.name for step in steps) or "no step"
    errors = "".join(f"; {step.error}" for step in steps if step.error)
    return Answer(f"{'rotated' if rotated else 'not rotated'}: {names}{errors}", {"labels": labels})


for _plan, _claim, _source in _ACCEPTED:
    FIRST.add(f"a version: {_plan}", _source, _claim, plan=_plan)(accepted)


@FIRST.add("CreatedDate of a staged version", plan="with RotationToken")
def created_date(trial: Trial) -> Reply:
    """The date of staging, or that of its value."""
    step = trial.first_attempt()[0]
    [after] = step.after["created"]
    for before in step.before["created"]:
        text = "that of its value" if after - before > 1 else "that of staging"
        return Answer(text, {"seconds between": round(after - before, 3)})
    return "none before it has a value"


@FIRST.add("AWSPENDING after a success", plan="with RotationToken")
def removed_after(trial: Trial) -> Answer:
    """Removed some time after the last step."""
    ended, account = trial.first_attempt()[-1].time, trial.account
    if account.first(lambda: "AWSPENDING" not in trial.labels(), ended + account.quiet):
        return Answer("removed", {"seconds after the last step": round(account.now() - ended, 1)})
    return Answer(_awspending(trial), {"watched for": account.quiet})


def _awspending(trial: Trial) -> str:
    return "on the version" if "AWSPENDING" in trial.labels() else "removed"


@FIRST.add("the version of testSecret with RotateImmediately=false", "[API]", plan="tested")
def tested_version(trial: Trial) -> str:
    """A version that holds a copy of AWSCURRENT's value, and is then removed."""
    steps, account = trial.first_attempt(), trial.account
    names = ", ".join(step.name for step in steps)
    [value] = {step.before["value"] for step in steps}

    def is_gone() -> bool:
        versions = account.client("secretsmanager").list_secret_version_ids(
            SecretId=trial.arn, IncludeDeprecated=True
        )["Versions"]
        return trial.version not in [version["VersionId"] for version in versions]

    gone = account.first(is_gone, steps[-1].time + account.quiet)
    left = "was removed" if gone else "is still there"
    return f"{names}; its value: {value}; the version {left}"


def dates(trial: Trial) -> Answer:
    """NextRotationDate is the end of the window."""
    ended = trial.first_attempt()[-1].time
    found = trial.described()
    last: datetime | None = found.get("LastRotatedDate")
    following: datetime = found["NextRotationDate"]
    end = "the end" if f"{following.astimezone(UTC):%M:%S}" == "59:59" else "no end"
    measured: dict[str, Any] = {
        "RotationRules": found["RotationRules"],
        "NextRotationDate": following.isoformat(),
        "hours until then": round((following.timestamp() - ended) / 3600, 2),
    }
    if last:
        after = round(last.timestamp() - ended, 1)
        measured["LastRotatedDate, seconds after the last step"] = after
    text = f"LastRotatedDate {'set' if last else 'not set'}; NextRotationDate is {end} of an hour"
    return Answer(text, measured)


for _plan in ("with RotationToken", "succeeds, by the hour"):
    FIRST.add(f"dates after a rotation: {_plan}", plan=_plan)(dates)


@FIRST.add("LastRotatedDate after PutSecretValue", plan="succeeds, by the hour")
def put_by_a_person(trial: Trial) -> Answer:
    """It is the new version's date."""
    trial.first_attempt()
    before = trial.described().get("LastRotatedDate")
    manager = trial.account.client("secretsmanager")
    manager.put_secret_value(SecretId=trial.arn, SecretString=_new_value())
    created = manager.get_secret_value(SecretId=trial.arn)["CreatedDate"]
    after = trial.described().get("LastRotatedDate")
    measured = {"before": str(before), "after": str(after), "version": str(created)}
    return Answer("unchanged" if after == before else "changed", measured)


@FIRST.add("PutSecretValue while AWSPENDING is on a version", plan="fails, new AWSCURRENT")
def abandoned(trial: Trial) -> str:
    """A new AWSCURRENT removes AWSPENDING, another label does not."""
    trial.first_attempt()
    put, found = trial.account.client("secretsmanager").put_secret_value, []
    for label in ("PROBE", "AWSCURRENT"):
        put(SecretId=trial.arn, SecretString=_new_value(), VersionStages=[label])
        found.append(f"{label}: {_awspending(trial)}")
    trial.abandoned = trial.account.now()
    return "; ".join(found)


def _new_value() -> str:
    return json.dumps({"made by": secrets.token_hex(4)})


def retries(trial: Trial) -> Answer:
    account = trial.account
    trial.first_attempt()
    account.first(lambda: None, trial.started + account.watch)
    steps = trial.steps()
    failed = [step for step in steps if step.error]
    started = [step for step in steps if step.name == "createSecret"]
    versions = len({step.version for step in steps})
    each = "each" if len(started) == len(failed) else "not each"
    text = (
        f"{len(failed)} attempts with {versions} version{'s' * (versions != 1)}, "
        f"{each} from createSecret; AWSPENDING {_awspending(trial)}"
    )
    gaps = [round(later.time - earlier.time, 1) for earlier, later in pairwise(failed)]
    measured: dict[str, Any] = {"seconds between": gaps, "watched for": account.watch}
    if trial.abandoned:
        after = sum(step.time > trial.abandoned for step in started)
        text += f"; {'tried again' if after else 'nothing'} after the new AWSCURRENT"
        measured["attempts after the new AWSCURRENT"] = after
    return Answer(text, measured)


for _plan, _claim in _FAILING:
    LAST.add(f"retries: {_plan}", claim=_claim, plan=_plan)(retries)


@LAST.add("RotateSecret after a failed rotation", plan="fails")
def rotated_again(trial: Trial) -> Answer:
    """Refused; its message says that the old rotation is then tried again."""
    account, before, called = trial.account, len(trial.steps()), trial.account.now()
    try:
        account.client("secretsmanager").rotate_secret(SecretId=trial.arn)
        text = "accepted"
    except ClientError as error:
        text = f"refused: {code(error)}"
    if more := account.first(lambda: trial.steps()[before:], called + account.quiet):
        same = "the same" if more[0].version == trial.version else "another"
        seconds = round(more[0].time - called, 1)
        return Answer(f"{text}; then tried with {same} version", {"seconds after": seconds})
    return Answer(f"{text}; then nothing", {"watched for": account.quiet})


def in_cloudtrail(trial: Trial) -> Reply:
    """RotationFailed says why."""
    # The ARN is in additionalEventData or in serviceEventDetails; both forms were recorded.
    events = [
        event
        for event in trail_events(trial.account, _EVENTS, trial.started)
        if trial.arn in json.dumps(event)
    ]
    lines = [f"{event['eventName']} {event.get('errorMessage', '')}".strip() for event in events]
    return (
        Answer(events[-1]["eventName"], {"events": "; ".join(lines)}) if events else "nothing yet"
    )


for _plan, *_ in _ACCEPTED:
    LAST.add(f"CloudTrail: {_plan}", "[SM-T]", plan=_plan)(in_cloudtrail)
