"""Secrets Manager's rotations: which steps of which function are called, and what is tried again.

[ROTATE] below is
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html and [TROUBLE]
is https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot_rotation.html
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import JsonRESTError
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

from local.access import Call, admits, session_of
from local.assumptions import Assumptions
from local.rotation_schedule import next_rotation, with_days
from local.secret_versions import CURRENT, PENDING, attach, has_value, rules, version_with

logger = logging.getLogger(__name__)

_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclass(eq=False)
class Rotation:
    """One that is in progress: all attempts for a token, or the test of a function."""

    secret: FakeSecret
    token: str
    function: str
    abandoned: bool = False


class RotatingSecretsManager(SecretsManagerBackend):
    """moto's backend with AWS's rotations; `assumptions` may be replaced at any time."""

    lambda_client: ClassVar[Callable[[], Any]]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.assumptions = Assumptions()
        self._lock = threading.RLock()
        self._rotating: dict[tuple[str, str], Rotation] = {}  # by ARN and token
        # What became of each rotation, by its token; AWS has it in CloudTrail.
        self._messages: dict[str, list[str]] = {}
        self._ended: set[str] = set()
        self._latest = 0.0

    def _now(self) -> float:
        """Epoch seconds to the millisecond, and never the same twice.

        On AWS two calls about one secret are some milliseconds apart; here they may not be.
        """
        with self._lock:
            self._latest = round(max(self._clock(), self._latest + 0.001), 3)
            return self._latest

    # How time passes, to be replaced in a test.

    def _clock(self) -> float:
        return time.time()

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _after(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        timer = threading.Timer(seconds, work, arguments)
        timer.daemon = True
        timer.start()

    def progress(self, token: str) -> dict[str, Any]:
        """``{"messages": [line], "ended"}`` of the rotation with that token.

        An abandoned one has ended when its last invocation has.
        """
        return {"messages": self._messages.get(token, []), "ended": token in self._ended}

    def _log(self, level: int, rotation: Rotation, what: str) -> None:
        logger.log(level, "rotation %s %s %s", rotation.secret.name, rotation.token, what)
        self._messages.setdefault(rotation.token, []).append(what)

    def _begin(
        self, secret: FakeSecret, token: str, function: str, *, only_test: bool = False
    ) -> None:
        """Starts a rotation that is not in progress already."""
        key = (secret.arn, token)
        if key not in self._rotating:
            rotation = self._rotating[key] = Rotation(secret, token, function)
            self._ended.discard(token)
            work = self._test if only_test else self._rotate
            threading.Thread(target=work, args=(rotation,), daemon=True).start()

    def _abandon(self, secret: FakeSecret) -> None:
        """Removes AWSPENDING and tries nothing of the secret again; what runs goes on.

        RotationAbandoned in
        https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
        """
        attach(secret, PENDING, None)
        for rotation in self._rotating.values():
            if rotation.secret is secret and not rotation.abandoned:
                rotation.abandoned = True
                self._log(logging.WARNING, rotation, "abandoned")

    def _rotate(self, rotation: Rotation) -> None:
        try:
            for attempt in range(1, self.assumptions.attempts + 1):
                if attempt > 1:
                    self._sleep(self.assumptions.retry_seconds)
                    pending = version_with(rotation.secret, PENDING) == rotation.token
                    if not pending and not self.assumptions.retries_without_pending:
                        break
                secret = rotation.secret
                if not rotation.abandoned and (secret.is_deleted() or not secret.rotation_enabled):
                    rotation.abandoned = True
                    self._log(logging.WARNING, rotation, "abandoned")
                if rotation.abandoned:
                    return
                if self._run(rotation, _STEPS, f"attempt {attempt}"):
                    self._succeed(rotation, attempt)
                    return
            if not rotation.abandoned:
                self._log(logging.ERROR, rotation, "failed")
        finally:
            self._end(rotation)

    def _succeed(self, rotation: Rotation, attempt: int) -> None:
        with self._lock:
            if rotation.abandoned:
                return
            self._count_as_rotated(rotation.secret)
            seconds = self.assumptions.pending_removed_after
            if seconds == 0:
                self._remove_pending(rotation)
            elif seconds is not None:
                self._after(seconds, self._remove_pending, rotation)
        self._log(logging.INFO, rotation, f"attempt {attempt} succeeded")

    def _count_as_rotated(self, secret: FakeSecret) -> None:
        """Sets the dates and days that follow from the last rotation."""
        if secret.rotation_enabled:
            now = self._now()
            secret.last_rotation_date = now
            secret.next_rotation_date = next_rotation(rules(secret), now)
            secret.rotation_rules = with_days(rules(secret), now)

    def _remove_pending(self, rotation: Rotation) -> None:
        """As the backend does "on rotation completion" (aws-secrets-manager-rotation-lambdas 145).

        AWSPENDING of a rotation that has begun since then stays.
        """
        with self._lock:
            secret = rotation.secret
            if version_with(secret, PENDING) == version_with(secret, CURRENT) == rotation.token:
                attach(secret, PENDING, None)

    def _test(self, rotation: Rotation) -> None:
        """[ROTATE], RotateImmediately: only testSecret, on a version that exists for it alone."""
        try:
            if self._run(rotation, ["testSecret"], "test"):
                self._log(logging.INFO, rotation, "test succeeded")
        finally:
            with self._lock:
                rotation.secret.versions.pop(rotation.token, None)
                self._end(rotation)

    def _end(self, rotation: Rotation) -> None:
        with self._lock:
            self._rotating.pop((rotation.secret.arn, rotation.token), None)
            self._ended.add(rotation.token)

    def _run(self, rotation: Rotation, steps: Sequence[str], attempt: str) -> bool:
        """Whether every step's invocation ended without an error, and none was abandoned."""
        for step in steps:
            error = self._invoke(rotation, step)
            if not error and step == self.assumptions.creator_checked_after:
                error = self._foreign(rotation)
            if error:
                self._log(logging.WARNING, rotation, f"{attempt} step {step} failed: {error}")
            if error or rotation.abandoned:
                return False
        return True

    def _invoke(self, rotation: Rotation, step: str) -> str:
        """Calls the function; the name of its error, or nothing."""
        rotation_token = str(uuid.uuid4())
        with self._lock:
            version = rotation.secret.versions[rotation.token]
            version.setdefault("rotation_tokens", set()).add(rotation_token)
        event = {
            "Step": step,
            "SecretId": rotation.secret.arn,
            "ClientRequestToken": rotation.token,
            "RotationToken": rotation_token,
        }
        client = type(self).lambda_client()
        try:
            answer = client.invoke(FunctionName=rotation.function, Payload=json.dumps(event))
            if "FunctionError" not in answer:
                return ""
            # The message is left out: a careless function may put a password into it.
            return str(json.loads(answer["Payload"].read()).get("errorType", "Unhandled"))
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        except BotoCoreError as failed:
            return type(failed).__name__

    def _foreign(self, rotation: Rotation) -> str:
        """AWS's words, unless the rotation function has given the pending version its value.

        It has with its own credentials, or with the RotationToken of an event [TROUBLE].
        """
        version = rotation.secret.versions[rotation.token]
        if has_value(version) and (
            version.get("by_event") or version.get("caller") == self._session(rotation.function)
        ):
            return ""
        return (
            f"Pending secret version {rotation.token} for Secret {rotation.secret.arn} was not "
            f"created by Lambda {rotation.function}. Remove the AWSPENDING staging label and "
            "restart rotation"
        )

    def _session(self, function: str) -> str:
        """The ARN as which the function calls AWS; empty when it is gone."""
        try:
            found = type(self).lambda_client().get_function(FunctionName=function)["Configuration"]
        except ClientError:
            return ""
        return session_of(found["Role"], found["FunctionName"])

    def _check_function(self, function: str) -> None:
        """Raises what RotateSecret answers when Secrets Manager may not invoke the function.

        AWS says the same of a function that does not exist and of one whose policy refuses.
        """
        client = type(self).lambda_client()
        try:
            client.get_function(FunctionName=function)
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        except ClientError:
            policy = {"Statement": []}
        source = {"aws:sourceaccount": self.account_id}
        call = Call("secretsmanager.amazonaws.com", "lambda:InvokeFunction", function, source)
        if not admits(policy, call):
            raise JsonRESTError(
                "AccessDeniedException",
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
                "function policy grants access to the principal secretsmanager.amazonaws.com.",
            )
