"""What Secrets Manager accepts of a rotation function, and what it does besides.

It is asked first: the answers cost next to nothing, and need neither the stack nor a cache.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from botocore.exceptions import ClientError

from tools.aws.answers import Answer, Case, code
from tools.aws.scene import Scene
from tools.aws.trials import Step, Trial, trail

#: [SM-L], [SM-F], [SM-T]: the guide's pages "Rotation by Lambda function", "Lambda rotation
#: functions" and "Troubleshoot rotation".
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
_EVENTS = (
    *("RotationStarted", "RotationSucceeded", "RotationFailed", "RotationAbandoned"),
    *("TestRotationStarted", "TestRotationSucceeded", "TestRotationFailed"),
)


def first() -> Iterator[Case]:
    """Those that are answered at once."""
    for plan, claim, source in _ACCEPTED:
        yield _of(plan, f"a version: {plan}", claim, source, _accepted)
    yield _of(
        "with RotationToken",
        "the event's keys",
        "Four, with another RotationToken in each step.",
        "[SM-L]",
        _keys,
    )
    yield _of(
        "with RotationToken",
        "CreatedDate of a staged version",
        "The date of staging, or that of its value.",
        "unverified",
        _created,
    )
    yield _of(
        "with RotationToken",
        "AWSPENDING after a success",
        "Taken off some time after the last step.",
        "unverified",
        _taken_off,
    )
    yield _of(
        "tested",
        "what testSecret is given by RotateImmediately=false",
        "A version that holds a copy of AWSCURRENT's value, and is then removed.",
        "[API]",
        _tested,
    )
    for plan in ("with RotationToken", "succeeds, by the hour"):
        yield _of(
            plan,
            f"dates after a rotation: {plan}",
            "NextRotationDate is the end of the window.",
            "unverified",
            _dates,
        )
    yield _of(
        "succeeds, by the hour",
        "LastRotatedDate after PutSecretValue",
        "It is the new version's date.",
        "unverified",
        _put_by_a_person,
    )
    yield _of(
        "fails, new AWSCURRENT",
        "PutSecretValue while AWSPENDING is out",
        "A new AWSCURRENT takes AWSPENDING off, another label does not.",
        "unverified",
        _abandoned,
    )


def last(watch_seconds: float) -> Iterator[Case]:
    """Those that need time; rotations that fail are watched for so many seconds at least."""
    for plan, claim in _FAILING:
        yield _of(
            plan,
            f"retries: {plan}",
            claim,
            "unverified",
            lambda trial: _retries(trial, watch_seconds),
        )
    yield _of(
        "fails",
        "RotateSecret after a failed rotation",
        "Refused; that the old rotation is then tried again, its message says.",
        "unverified",
        _rotated_again,
    )
    yield _of(
        "with RotationToken",
        "AWSPENDING after a success, at the end",
        "Taken off.",
        "unverified",
        lambda trial: Answer(_labels(trial), {"labels": trial.labels()}),
    )
    yield Case(
        "CloudTrail of these rotations",
        "RotationFailed tells why.",
        "[SM-T]",
        _told,
        caches=False,
        trials=tuple(plan for plan, *_ in _ACCEPTED),
    )


def _of(plan: str, name: str, claim: str, source: str, ask: Callable[[Trial], Answer]) -> Case:
    def of_trial(scene: Scene) -> Answer:
        return ask(_trial(scene, plan))

    return Case(name, claim, source, of_trial, caches=False, trials=(plan,))


def _trial(scene: Scene, plan: str) -> Trial:
    made = scene.trials[plan]
    if isinstance(made, Exception):
        raise made
    return made


def _accepted(trial: Trial) -> Answer:
    steps = trial.first_attempt()
    rotated = "AWSCURRENT" in trial.labels() and steps[-1].name == trial.last_step
    names = ", ".join(step.name for step in steps) or "no step"
    errors = "".join(f"; {step.error}" for step in steps if step.error)
    text = f"{'rotated' if rotated else 'not rotated'}: {names}{errors}"
    return Answer(text, {"labels": trial.labels()})


def _keys(trial: Trial) -> Answer:
    steps = trial.first_attempt()
    [keys] = {", ".join(step.keys) for step in steps}
    if "RotationToken" not in keys:
        return Answer(keys)
    new = sum(step.new_token for step in steps)
    return Answer(f"{keys}; {new} RotationTokens in {len(steps)} steps")


def _created(trial: Trial) -> Answer:
    step = trial.first_attempt()[0]
    [after] = step.after["created"]
    for before in step.before["created"]:
        seconds = after - before
        text = "that of its value" if seconds > 1 else "that of staging"
        return Answer(text, {"seconds between": round(seconds, 3)})
    return Answer("none before it has a value")


def _taken_off(trial: Trial) -> Answer:
    ended = trial.first_attempt()[-1]
    account = trial.account
    while account.now() < ended.time + account.quiet:
        if "AWSPENDING" not in trial.labels():
            seconds = round(account.now() - ended.time, 1)
            return Answer(_labels(trial), {"seconds after the last step": seconds})
        account.sleep(account.pause)
    return Answer(_labels(trial), {"watched for": account.quiet})


def _labels(trial: Trial) -> str:
    return "on the version" if "AWSPENDING" in trial.labels() else "taken off"


def _tested(trial: Trial) -> Answer:
    steps = trial.first_attempt()
    names = ", ".join(step.name for step in steps)
    [value] = {step.before["value"] for step in steps}

    def versions() -> set[str]:
        listed = trial.account.client("secretsmanager").list_secret_version_ids(
            SecretId=trial.arn, IncludeDeprecated=True
        )
        return {each["VersionId"] for each in listed["Versions"]}

    account = trial.account
    while trial.version in versions() and account.now() < steps[-1].time + account.quiet:
        account.sleep(account.pause)
    left = "is still there" if trial.version in versions() else "was removed"
    return Answer(f"{names}; its value: {value}; the version {left}")


def _dates(trial: Trial) -> Answer:
    ended = trial.first_attempt()[-1]
    found = trial.described()
    rotated: datetime | None = found.get("LastRotatedDate")
    following: datetime = found["NextRotationDate"]
    clock = f"{following.astimezone(UTC):%M:%S}"
    end = "the end of an hour" if clock == "59:59" else "no end of an hour"
    measured: dict[str, Any] = {"RotationRules": found["RotationRules"]}
    measured["NextRotationDate"] = following.isoformat()
    measured["hours until then"] = round((following.timestamp() - ended.time) / 3600, 2)
    if rotated:
        after = round(rotated.timestamp() - ended.time, 1)
        measured["LastRotatedDate, seconds after the last step"] = after
    text = f"LastRotatedDate {'set' if rotated else 'not set'}; NextRotationDate is {end}"
    return Answer(text, measured)


def _put_by_a_person(trial: Trial) -> Answer:
    trial.first_attempt()
    before = trial.described().get("LastRotatedDate")
    manager = trial.account.client("secretsmanager")
    manager.put_secret_value(SecretId=trial.arn, SecretString=_value())
    created = manager.get_secret_value(SecretId=trial.arn)["CreatedDate"]
    after = trial.described().get("LastRotatedDate")
    measured = {"before": str(before), "after": str(after), "version": str(created)}
    return Answer("unchanged" if after == before else "changed", measured)


def _abandoned(trial: Trial) -> Answer:
    trial.first_attempt()
    manager = trial.account.client("secretsmanager")
    told = []
    for label in ("PROBE", "AWSCURRENT"):
        manager.put_secret_value(SecretId=trial.arn, SecretString=_value(), VersionStages=[label])
        told.append(f"{label}: {_labels(trial)}")
    trial.abandoned = trial.account.now()
    return Answer("; ".join(told))


def _value() -> str:
    return json.dumps({"made by": secrets.token_hex(4)})


def _retries(trial: Trial, watch_seconds: float) -> Answer:
    trial.first_attempt()
    steps = trial.watched(watch_seconds)
    failed = [step for step in steps if step.error]
    begun = [step for step in steps if step.name == "createSecret"]
    versions = len({step.version for step in steps})
    text = f"{len(failed)} attempts with {versions} version{'s' * (versions != 1)}"
    each = "each" if len(begun) == len(failed) else "not each"
    text += f", {each} from createSecret; AWSPENDING {_labels(trial)}"
    measured: dict[str, Any] = {"seconds between": _gaps(failed), "watched for": watch_seconds}
    if trial.abandoned:
        after = sum(step.time > trial.abandoned for step in begun)
        text += f"; {'tried again' if after else 'nothing'} after the new AWSCURRENT"
        measured["attempts after the new AWSCURRENT"] = after
    return Answer(text, measured)


def _gaps(steps: list[Step]) -> list[float]:
    return [round(later.time - earlier.time, 1) for earlier, later in pairwise(steps)]


def _rotated_again(trial: Trial) -> Answer:
    """Whether the refused call itself has the old rotation tried again."""
    account, before = trial.account, len(trial.steps())
    asked = account.now()
    try:
        account.client("secretsmanager").rotate_secret(SecretId=trial.arn)
        text = "accepted"
    except ClientError as error:
        text = f"refused: {code(error)}"
    while account.now() < asked + account.quiet:
        if more := trial.steps()[before:]:
            same = "the same" if more[0].version == trial.version else "another"
            seconds = round(more[0].time - asked, 1)
            return Answer(f"{text}; then tried with {same} version", {"seconds after": seconds})
        account.sleep(account.pause)
    return Answer(f"{text}; then nothing", {"watched for": account.quiet})


def _told(scene: Scene) -> Answer:
    trials = {plan: it for plan, it in scene.trials.items() if isinstance(it, Trial)}
    begun = min(trial.begun for trial in trials.values())
    events = trail(scene.account, _EVENTS, begun)
    told: dict[str, list[str]] = {}
    for plan, trial in trials.items():
        # The ARN is in additionalEventData or in serviceEventDetails; both forms were recorded.
        for event in events:
            if trial.arn in json.dumps(event):
                message = event.get("errorMessage")
                line = event["eventName"] + (f" ({message})" if message else "")
                told.setdefault(plan, []).append(line)
    text = "; ".join(f"{plan}: {lines[-1].split(' (')[0]}" for plan, lines in told.items())
    return Answer(text or "nothing yet", {plan: "; ".join(it) for plan, it in told.items()})
