"""The HTTP server of the services that are not ministack's, with IAM and the faults before them.

Below `CONTROL` in its path is what is no AWS API: how a test sets faults, and asks what happened.
"""

import argparse
import functools
import json
import logging
import re
import threading
from dataclasses import asdict
from typing import Any

from moto.core.request import Request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from local import interpreter, moments, secrets_manager
from local.access import Access
from local.assumptions import AssumptionError, Assumptions
from local.elasticache import ElastiCache, ElastiCacheResponse
from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS
from local.instance import ACCOUNT, REGION, make_client
from local.nodes import Fleet

CONTROL = "/local"

logger = logging.getLogger(__name__)


class _ServedRequest(Request):
    from_wsgi_server = True


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """A line for each request helps nobody."""


class Services:
    """Secrets Manager, ElastiCache and Step Functions."""

    def __init__(self, gateway_url: str, fleet: Fleet, options: argparse.Namespace) -> None:
        self._faults = faults = fleet.faults
        _secrets().assumptions = Assumptions(**options.assumptions)
        elasticache = ElastiCache(fleet, options.modifying_seconds)
        self._access = access = Access(
            ACCOUNT, REGION, lambda name: _secrets().secrets.get(name), elasticache.seen_by_iam
        )

        @functools.cache
        def machine_client(role_arn: str) -> Any:
            client = access.watch_invocations(make_client("lambda", gateway_url), role_arn)
            return faults.watch_invocations(client, STEP_FUNCTIONS)

        @functools.cache
        def rotation_client() -> Any:
            return faults.watch_invocations(make_client("lambda", gateway_url), SECRETS_MANAGER)

        interpreter.install(machine_client, faults.stops, _emit_status_change)
        secrets_manager.LocalSecretsManager.lambda_client = staticmethod(rotation_client)
        ElastiCacheResponse.service = elasticache
        self._responses: dict[str, Any] = {  # by the name with which a request is signed
            "secretsmanager": secrets_manager.LocalSecretsManagerResponse,
            "elasticache": ElastiCacheResponse,
            "states": interpreter.LocalStepFunctionsResponse,
        }
        faults.past = moments.served(
            elasticache, _secrets, lambda: interpreter.backends[ACCOUNT][REGION]
        )

    def serve(self) -> str:
        """Starts to answer; returns the URL."""
        server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=_QuietHandler
        )
        threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def _application(self, environ: Any, start_response: Any) -> Any:
        request = _ServedRequest(environ)
        if request.path.startswith(f"{CONTROL}/"):
            answer = self._control(request.path.removeprefix(f"{CONTROL}/"), request)
        else:
            answer = self._answer(request)
        return answer(environ, start_response)

    def _answer(self, request: Any) -> Response:
        """Of an AWS API."""
        signed = request.headers.get("Authorization", "")
        scope = re.search(r"Credential=[^,]*/([a-z]+)/aws4_request", signed)
        service = scope[1] if scope else ""
        if service not in self._responses:
            return Response(f"No such service here: {service!r}", 404)
        try:
            status, headers, body = self._faults.answer(
                service,
                request,
                lambda answer: self._access.answer(service, request, answer),
                lambda: self._responses[service].dispatch(request, request.url, request.headers),
            )
        except ConnectionAbortedError:
            raise  # by a fault: there is no answer
        except Exception:
            logger.exception("%s: %s", service, request.headers.get("X-Amz-Target"))
            status, headers, body = 500, {}, '{"__type": "InternalFailure"}'
        headers.pop("status", None)
        return Response(body, status, headers)

    def _control(self, path: str, request: Any) -> Response:
        body, backend = request.get_data(), _secrets()
        answer: Any = {}
        if path == "faults":
            status, text = self._faults.control(request.method, body)
            return Response(text, status)
        if path == "calls":
            answer = self._access.asked()
        elif path == "age":
            asked = json.loads(body)
            backend.age(asked["SecretId"], asked["Days"])
        elif path == "assumptions":
            try:
                backend.assumptions = backend.assumptions.with_values(json.loads(body) or {})
            except AssumptionError as error:
                return Response(str(error), 400)
            answer = asdict(backend.assumptions)
        elif path.startswith("rotations/"):
            answer = backend.progress(path.partition("/")[2])
        return Response(json.dumps(answer))


def _secrets() -> Any:
    return secrets_manager.backends[ACCOUNT][REGION]


def _emit_status_change(execution: dict[str, Any]) -> None:
    """Emits the "Execution Status Change" of an execution that ministack has not run itself."""
    from ministack.services.stepfunctions import _emit_execution_status_event

    dates = {key: execution[key].isoformat() for key in ("startDate", "stopDate")}
    _emit_execution_status_event({**execution, **dates})
