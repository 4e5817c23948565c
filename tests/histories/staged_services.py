"""The services' side of `InProcess`: moto's backends and answers, on a stage's clock."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.session import get_session
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from local.faults.answers import CODES
from local.interpreter import LocalStepFunctionsResponse
from local.rotations import Rotation
from local.secret_requests import OPERATIONS, check_parameters
from local.secrets_manager import LocalSecretsManager, LocalSecretsManagerResponse
from tests.histories.memory_nodes import KilledError
from tests.histories.stage import Stage

ACCOUNT, REGION = "123456789012", "us-east-1"
START = datetime(2026, 1, 1, tzinfo=UTC)
#: Answers an operation's request.
Service = Callable[[str, dict[str, Any]], Any]


class SecretsManagerAnswers(LocalSecretsManagerResponse):
    """moto's answers, without HTTP, of one backend."""

    backend: Any = None
    stepfunction_backend: Any = None
    request: dict[str, Any]

    def _get_param(self, param_name: str, if_none: Any = None) -> Any:
        value = self.request.get(param_name, if_none)
        return b64encode(value).decode() if isinstance(value, bytes) else value


class StepFunctionsAnswers(LocalStepFunctionsResponse):
    backend: Any = None
    stepfunction_backend: Any = None
    _get_param = SecretsManagerAnswers._get_param


def answer_secret(backend: Any, operation: str, request: dict[str, Any], caller: str) -> Any:
    """Secrets Manager's answer to one request of the caller, by its ARN."""
    check_parameters(operation, request)
    if operation in OPERATIONS:
        return _with_dates(backend.call(operation, request, caller))
    return answer(SecretsManagerAnswers(), backend, operation, request)


def answer(answers: Any, backend: Any, operation: str, request: dict[str, Any]) -> Any:
    """The answer to one request, as boto3 would return it."""
    answers.backend = answers.stepfunction_backend = backend
    answers.current_account, answers.region = ACCOUNT, REGION
    answers.headers, answers.request = {}, request
    found = getattr(answers, xform_name(operation))()
    if isinstance(found, ActionResult):
        return found.result
    return _with_dates(json.loads(found or "{}"))


class StagedWorker(ExecutionWorker):  # type: ignore[misc]
    """The interpreter's thread, as an actor named after its execution."""

    stage: Stage
    #: When each execution has ended, on the stage's clock.
    ended: dict[str, datetime]

    def _execution_logic(self) -> None:
        arn = self._evaluation_details.execution_details.arn
        try:
            with self.stage.acting(arn):
                super()._execution_logic()
        finally:
            self.ended[arn] = START + timedelta(seconds=self.stage.now)
            self.stage.leave(arn)

    def start(self) -> None:
        self.stage.enter(self._evaluation_details.execution_details.arn)
        super().start()


@dataclass
class StagedCall:
    service: str
    operation: str
    user_id: str

    def refuse(self, kind: str, text: str) -> Any:
        raise JsonRESTError(CODES[kind][self.service][0], text)

    def kill(self) -> None:
        raise KilledError("Runtime.ExitError")

    def lose(self) -> Any:
        """Whether or not the call has counted."""
        raise ReadTimeoutError(endpoint_url="lost")


class Client:
    """What the adapters use of a boto3 client, over a function that answers any call."""

    def __init__(self, service: str, answer: Service) -> None:
        self._operations, errors = _model(service)
        self._answer = answer
        self.exceptions = SimpleNamespace(
            **{name: type(name, (ClientError,), {}) for name in errors}
        )

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            try:
                return self._answer(self._operations[method], request)
            except (JsonRESTError, ServiceException) as error:
                code = str(getattr(error, "error_type", "") or getattr(error, "code", ""))
                kind = getattr(self.exceptions, code, ClientError)
                status = {"HTTPStatusCode": 400}
                found = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": status}
                raise kind(found, method) from None

        return call

    def get_paginator(self, method: str) -> Any:
        def paginate(PaginationConfig: Any = None, **request: Any) -> "_OnePage":
            return _OnePage([getattr(self, method)(**request)])

        return SimpleNamespace(paginate=paginate)


class _OnePage(list[dict[str, Any]]):
    def build_full_result(self) -> dict[str, Any]:
        return self[0]


class StagedSecretsManager(LocalSecretsManager):
    """Its rotations are actors, and its time is the stage's."""

    stage: Stage

    def _clock(self) -> float:
        return START.timestamp() + self.stage.now

    def _sleep(self, seconds: float) -> None:
        self.stage.sleep(seconds)

    def _after(self, seconds: float, work: Callable[..., None], *arguments: Any) -> None:
        self.stage.after(seconds, work, *arguments)

    def _begin(self, secret: Any, token: str, function: str, *, only_test: bool = False) -> None:
        if (secret.arn, token) not in self._rotating:
            self.stage.enter(f"rotation {token}")
        super()._begin(secret, token, function, only_test=only_test)

    def _rotate(self, rotation: Rotation) -> None:
        self._acted(super()._rotate, rotation)

    def _test(self, rotation: Rotation) -> None:
        self._acted(super()._test, rotation)

    def _acted(self, work: Callable[[Rotation], None], rotation: Rotation) -> None:
        name = f"rotation {rotation.token}"
        try:
            with self.stage.acting(name):
                work(rotation)
        finally:
            self.stage.leave(name)


@cache
def _model(service: str) -> tuple[dict[str, str], list[str]]:
    """The names of its API by those of boto3's methods, and the names of its errors."""
    model = get_session().get_service_model(service)
    names = {xform_name(name): name for name in model.operation_names}
    return names, [shape.name for shape in model.error_shapes]


def _with_dates(shape: Any) -> Any:
    if isinstance(shape, list):
        return [_with_dates(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        key: datetime.fromtimestamp(value, UTC) if key.endswith("Date") else _with_dates(value)
        for key, value in shape.items()
    }
