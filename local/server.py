"""The child process: every emulated service, the cache nodes and the Lambda workers.

One server has Secrets Manager, ElastiCache, Step Functions and the Resource Groups Tagging API,
with IAM and the faults before them; ministack's has everything else. On
stdout it writes one line of JSON: {"environment": {...}, "scratch": path} once all answer, or
{"error": text}. It lives until SIGTERM, SIGINT, or the end of its stdin, which is its parent's end.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import functools
import json
import logging
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import trustme
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from local import forks, workers
from local.assumptions import AssumptionError, Assumptions
from local.faults import SECRETS_MANAGER, STEP_FUNCTIONS, Faults
from local.instance import ACCESS_KEY, MOTO_SERVICES, REGION, SECRET_KEY, make_client
from local.nodes import Fleet

ACCOUNT = "123456789012"
_READY_SECONDS = 30.0
_WORKERS = "workers.sock"
_CONTROL = "/local"  # what follows in the path is no AWS API
# What ministack loads and runs for no purpose of ours, or could find on the machine and use.
_MINISTACK_SETTINGS = {
    "MINISTACK_ACCOUNT_ID": ACCOUNT,
    "MINISTACK_REGION": REGION,
    "LAMBDA_EXECUTOR": "local",
    "AUTH": "true",
    "PERSIST_STATE": "0",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent/docker.sock",
}

logger = logging.getLogger("local.server")


def main() -> None:
    """Runs until told to stop; leaves by os._exit, since executions have threads of their own."""
    parser = argparse.ArgumentParser(prog="python -m local.server", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--modifying-seconds", type=float, default=5.0)
    parser.add_argument("--concurrency", type=int, required=True)
    options = parser.parse_args()
    stopped = threading.Event()
    orphaned = threading.Event()
    parent_input, parent_output = _take_standard_streams()
    try:
        Assumptions.from_environment(os.environ)
        lock = _lock(options.directory)
        gateway = _bind(options.port)
    except (OSError, AssumptionError) as error:
        _announce(parent_output, {"error": getattr(error, "strerror", None) or str(error)})
        os._exit(1)
    # A unix socket's path may have about 100 characters, so it cannot lie in a user's folder.
    scratch = Path(tempfile.mkdtemp(prefix="local-aws-", dir="/tmp"))
    listener = forks.listen(str(scratch / _WORKERS))
    # Before there are threads.
    if os.fork() == 0:
        for mine in (parent_output, lock, gateway.detach()):
            os.close(mine)
        workers.serve(listener, parent_input)
    listener.close()
    authority = trustme.CA()
    fleet = Fleet(authority, Faults(), scratch)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(
        target=_watch_parent, args=(parent_input, stopped, orphaned), daemon=True
    ).start()
    try:
        environment = _start(options, gateway, authority, fleet)
        _announce(parent_output, {"environment": environment, "scratch": str(scratch)})
        while not stopped.wait(1):
            pass
    finally:
        fleet.stop()
        os.close(lock)
        if orphaned.is_set():
            # Nobody else is left to end the Lambda workers.
            os.killpg(0, signal.SIGKILL)
        if sys.exc_info()[1]:
            logging.exception("the local AWS ended")
        os._exit(1 if sys.exc_info()[1] else 0)


def _start(
    options: argparse.Namespace, gateway: socket.socket, authority: trustme.CA, fleet: Fleet
) -> dict[str, str]:
    """Starts both emulators and returns the environment in which clients reach them."""
    directory: Path = options.directory
    authority_file = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    gateway_url = f"http://127.0.0.1:{gateway.getsockname()[1]}"
    # A folder of the user's own has another name: this one is emptied.
    temporary = directory / "server.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    # tempfile may have settled on the shared folder by now, whatever TMPDIR says.
    tempfile.tempdir = str(temporary)
    os.environ |= _MINISTACK_SETTINGS | {
        "GATEWAY_PORT": str(gateway.getsockname()[1]),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(temporary / "state"),
        "S3_DATA_DIR": str(temporary / "s3"),
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_ACCOUNT_CONCURRENCY": str(options.concurrency),
    }
    ministack = threading.Thread(target=_serve_ministack, args=(gateway,), daemon=True)
    ministack.start()
    moto_url = _serve_moto(gateway_url, fleet, options.modifying_seconds)
    environment = {
        "AWS_ENDPOINT_URL": gateway_url,
        **dict.fromkeys(MOTO_SERVICES.values(), moto_url),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "LOCAL_CA_FILE": str(authority_file),
    }
    # Lambda workers get this process's environment, and need the caches' authority as their own.
    os.environ |= environment | {
        "SSL_CERT_FILE": str(authority_file),
        workers.SOCKET_VARIABLE: str(fleet.directory / _WORKERS),
    }
    # Not for the workers: nothing that is tested knows that it can be made to fail.
    environment["LOCAL_CONTROL_URL"] = f"{moto_url}{_CONTROL}"
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with socket.create_connection(gateway.getsockname(), timeout=5):
                return environment
        except OSError:
            if time.monotonic() > deadline or not ministack.is_alive():
                raise
            time.sleep(0.01)


def _serve_ministack(gateway: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app

    from local import environments

    environments.install()
    load = app._get_module

    def load_service(name: str) -> Any:
        if name == "cloudformation":
            _install_cloudformation()
        return load(name)

    app._get_module = load_service
    config = Config()
    config.bind = [f"fd://{gateway.fileno()}"]
    config.keep_alive_timeout = 75

    async def run() -> None:
        await serve(app.app, config, shutdown_trigger=asyncio.Event().wait)

    asyncio.run(run())


@functools.cache
def _install_cloudformation() -> None:
    """When it is first asked for, as ministack does: loading it takes as long as all the rest."""
    from local import cloudformation

    services = ("secretsmanager", "elasticache")
    cloudformation.install(
        *(make_client(each, os.environ[MOTO_SERVICES[each]]) for each in services)
    )


def _serve_moto(gateway_url: str, fleet: Fleet, modifying_seconds: float) -> str:
    from moto.core.request import Request

    from local import interpreter, moments, secrets_manager
    from local.access import Access
    from local.elasticache import ElastiCache, ElastiCacheResponse
    from local.secrets_manager import LocalSecretsManager, LocalSecretsManagerResponse
    from local.tagging import Tagging

    faults = fleet.faults
    elasticache = ElastiCache(fleet, modifying_seconds)
    access = Access(
        ACCOUNT,
        REGION,
        lambda name: secrets_manager.backends[ACCOUNT][REGION].secrets.get(name),
        elasticache.seen_by_iam,
    )

    @functools.cache
    def machine_client(role_arn: str) -> Any:
        client = access.watch_invocations(make_client("lambda", gateway_url), role_arn)
        return faults.watch_invocations(client, STEP_FUNCTIONS)

    @functools.cache
    def rotation_client() -> Any:
        return faults.watch_invocations(make_client("lambda", gateway_url), SECRETS_MANAGER)

    interpreter.install(machine_client, faults.stops, _tell_event_bridge)
    LocalSecretsManager.lambda_client = staticmethod(rotation_client)
    ElastiCacheResponse.service = elasticache
    responses: dict[str, Any] = {  # by the name with which a request is signed
        "secretsmanager": LocalSecretsManagerResponse,
        "elasticache": ElastiCacheResponse,
        "states": interpreter.LocalStepFunctionsResponse,
        "tagging": Tagging(elasticache.tagged),
    }
    faults.past = moments.served(
        elasticache,
        lambda: secrets_manager.backends[ACCOUNT][REGION],
        lambda: interpreter.backends[ACCOUNT][REGION],
    )

    class ServedRequest(Request):
        from_wsgi_server = True

    def application(environ: Any, start_response: Any) -> Any:
        request = ServedRequest(environ)
        if request.path == f"{_CONTROL}/faults":
            code, text = faults.control(request.method, request.get_data())
            return Response(text, code)(environ, start_response)
        if request.path == f"{_CONTROL}/calls":
            return Response(json.dumps(access.asked()))(environ, start_response)
        if request.path == f"{_CONTROL}/age":
            asked = json.loads(request.get_data())
            secrets_manager.backends[ACCOUNT][REGION].age(asked["SecretId"], asked["Days"])
            return Response("{}")(environ, start_response)
        if request.path == f"{_CONTROL}/assumptions":
            return _assume(request.get_data())(environ, start_response)
        if request.path.startswith(f"{_CONTROL}/rotations/"):
            backend = secrets_manager.backends[ACCOUNT][REGION]
            progress = backend.progress(request.path.rpartition("/")[2])
            return Response(json.dumps(progress))(environ, start_response)
        scope = re.search(
            r"Credential=[^,]*/([a-z]+)/aws4_request", request.headers.get("Authorization", "")
        )
        service = scope[1] if scope else ""
        if service not in responses:
            answer = Response(f"No such service here: {service!r}", 404)
            return answer(environ, start_response)
        try:
            status, headers, body = faults.answer(
                service,
                request,
                lambda answer: access.answer(service, request, answer),
                lambda: responses[service].dispatch(request, request.url, request.headers),
            )
        except ConnectionAbortedError:
            raise  # by a fault: there is no answer
        except Exception:
            logger.exception("%s: %s", service, request.headers.get("X-Amz-Target"))
            status, headers, body = 500, {}, '{"__type": "InternalFailure"}'
        headers.pop("status", None)
        return Response(body, status, headers)(environ, start_response)

    class QuietHandler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _assume(values: bytes) -> Response:
    """Replaces Secrets Manager's assumptions by name, if any are given; answers with all."""
    from local import secrets_manager

    backend = secrets_manager.backends[ACCOUNT][REGION]
    try:
        given = json.loads(values or b"{}") or {}
        backend.assumptions = backend.assumptions.with_values(given)
    except AssumptionError as error:
        return Response(str(error), 400)
    return Response(json.dumps(asdict(backend.assumptions)))


def _tell_event_bridge(execution: dict[str, Any]) -> None:
    """Emits the "Execution Status Change" of an execution that ministack has not run itself."""
    from ministack.services.stepfunctions import _emit_execution_status_event

    dates = {key: execution[key].isoformat() for key in ("startDate", "stopDate")}
    _emit_execution_status_event({**execution, **dates})


def _take_standard_streams() -> tuple[int, int]:
    """Keeps the pipes to the parent private: nothing started or printed later may have them."""
    parent_input, parent_output = os.dup(0), os.dup(1)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return parent_input, parent_output


def _watch_parent(parent_input: int, stopped: threading.Event, orphaned: threading.Event) -> None:
    while os.read(parent_input, 1024):
        pass
    orphaned.set()
    stopped.set()


def _announce(parent_output: int, message: dict[str, Any]) -> None:
    os.write(parent_output, json.dumps(message).encode() + b"\n")
    os.close(parent_output)


def _lock(directory: Path) -> int:
    """Holds the directory for this process, for as long as the returned file is open."""
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{directory} is used by another local AWS: stop that one or use another directory.",
        ) from None
    return lock


def _bind(port: int) -> socket.socket:
    gateway = socket.socket()
    gateway.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        gateway.bind(("127.0.0.1", port))
    except OSError as error:
        raise OSError(
            error.errno,
            f"Port {port} cannot be used ({error.strerror}): stop what uses it or use another one.",
        ) from None
    return gateway


if __name__ == "__main__":
    main()
