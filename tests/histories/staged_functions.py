"""Lambda in one process: an invocation is a call of the handler, under Lambda's limits."""

import importlib
import io
import json
import math
import random
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.access import session_of
from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS, Faults, lambda_error
from tests.histories.memory_nodes import KilledError
from tests.histories.stage import Stage
from tests.histories.staged_services import ACCOUNT, START

FUNCTION_SECONDS, ROTATION_FUNCTION_SECONDS = 40, 900


class _Caller(threading.local):
    """Whose credentials the thread has: a function's while it is in the handler, or a person's.

    ``until`` is when Lambda ends the function.
    """

    arn = f"arn:aws:iam::{ACCOUNT}:root"
    until = math.inf


class StagedFunctions:
    def __init__(self, seed: int, concurrency: int) -> None:
        self.stage = Stage()
        self.faults = Faults(now=lambda: self.stage.now)
        self._random = random.Random(seed)
        self._concurrency, self._in_flight = concurrency, 0
        self._caller = _Caller()
        #: What Secrets Manager and Step Functions use of boto3's.
        self.lambda_client = SimpleNamespace(
            invoke=lambda **request: self._invoke(**request),
            get_function=lambda FunctionName: {"Configuration": _configuration(FunctionName)},
            get_policy=lambda **_: {"Policy": json.dumps({"Statement": [_PERMISSION]})},
        )

    def _invoke(self, FunctionName: str, Payload: str | bytes) -> dict[str, Any]:
        """As Lambda: the handler's answer, or its error's name and text."""
        event = json.loads(Payload)
        actor = self.stage.actor or event["ExecutionArn"]
        name = FunctionName.rsplit(":", 1)[-1].removesuffix("Function")
        rotates = name == "RotateSecret"
        with self.stage.acting(actor):
            asked = self.stage.now
            self.stage.park(name)
            # Secrets Manager names it by its ARN.
            by = SECRETS_MANAGER if FunctionName.startswith("arn:") else STEP_FUNCTIONS
            self.faults.invoked(FunctionName, by)
            # What a stopped execution has asked for, Lambda does without a delay.
            begun = asked if self._is_stopped(actor) else self.stage.now
            limit = ROTATION_FUNCTION_SECONDS if rotates else FUNCTION_SECONDS
            context = SimpleNamespace(
                function_name=name,
                memory_limit_in_mb=256,
                invoked_function_arn=FunctionName,
                aws_request_id=str(self._uuid()),
                get_remaining_time_in_millis=lambda: (begun + limit - self.stage.now) * 1000,
            )
            module = importlib.import_module(re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower())
            outside = self._caller.arn, self._caller.until
            self._caller.arn, self._caller.until = _session(FunctionName), begun + limit
            try:
                self._require_time()
                with self._slot():
                    answer, error = module.handler(event, context), {}
            except KilledError as killed:
                answer = {"errorType": str(killed), "errorMessage": "The process is no more."}
                error = {"FunctionError": "Unhandled"}
            except ClientError:
                raise
            except Exception as failed:
                answer = {"errorType": type(failed).__name__, "errorMessage": str(failed)}
                error = {"FunctionError": "Unhandled"}
            finally:
                self._caller.arn, self._caller.until = outside
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode()), **error}

    def _is_stopped(self, actor: str) -> bool:
        raise NotImplementedError

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """An invocation counts from its begin to its end, in the stage's time.

        Raises:
            ClientError: it is one too many.
        """
        if self._in_flight >= self._concurrency:
            reason = {"Reason": "ConcurrentInvocationLimitExceeded"}
            raise lambda_error("TooManyRequestsException", 429, "Rate Exceeded.", **reason)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def _patch_handlers(self, patch: pytest.MonkeyPatch, clock: Any) -> None:
        for name in ("modify_user", "describe_user", "generate_password", "close_rotation"):
            patch.setattr(importlib.import_module(name), "datetime", _clock(self.stage))
        patch.setattr(importlib.import_module("rotate_secret"), "time", clock)
        patch.setattr(importlib.import_module("rotate_secret"), "random", self._random)
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)

    def _require_time(self) -> None:
        """A function that has waited for its turn for too long is no more."""
        if self.stage.now > self._caller.until:
            raise KilledError("Sandbox.Timedout")

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._random.getrandbits(128), version=4)


def _configuration(function: str) -> dict[str, str]:
    """GetFunction's answer: each function has a role of its own."""
    name = function.rsplit(":", 1)[-1]
    return {"FunctionName": name, "Role": f"arn:aws:iam::{ACCOUNT}:role/{name}"}


def _session(function: str) -> str:
    found = _configuration(function)
    return session_of(found["Role"], found["FunctionName"])


def _clock(stage: Stage) -> type:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return START + timedelta(seconds=stage.now)

    return Clock


_PERMISSION = {"Effect": "Allow", "Principal": {"Service": "secretsmanager.amazonaws.com"}}
_ENVIRONMENT = {
    "MAX_MODIFYING_SECONDS": "1800",
    "PASSWORD_LENGTH": "32",
    # pragma: allowlist nextline secret
    "PASSWORD_CHARACTERS": "UrlSafe",
    "LATE_FUNCTION_SECONDS": "45",
    "EXECUTION_LOOK_SECONDS": "60",
}
