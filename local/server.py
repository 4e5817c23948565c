"""The child process: every emulated service, the cache nodes and the Lambda workers.

Its argument is the options of `LocalAws`, as JSON. On stdout it writes one line of JSON:
{"environment": {...}, "scratch": path} once all answer, or {"error": text}. It lives until SIGTERM,
SIGINT, or the end of its stdin, which is its parent's end.
"""

import asyncio
import fcntl
import functools
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import trustme

from local import forks, workers
from local.faults import Faults
from local.instance import ACCESS_KEY, ACCOUNT, MOTO_SERVICES, REGION, SECRET_KEY, make_client
from local.nodes import Fleet

_READY_SECONDS = 30.0
_WORKERS = "workers.sock"
# What ministack loads and runs for no purpose of ours, or could find on the computer and use.
_MINISTACK_SETTINGS = {
    "MINISTACK_ACCOUNT_ID": ACCOUNT,
    "MINISTACK_REGION": REGION,
    "MOTO_ACCOUNT_ID": ACCOUNT,
    "LAMBDA_EXECUTOR": "local",
    "AUTH": "true",
    "PERSIST_STATE": "0",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent/docker.sock",
}


def main() -> None:
    """Runs until stopped; leaves by os._exit, since executions have threads of their own."""
    options = Namespace(**json.loads(sys.argv[1]))
    directory = options.directory = Path(options.directory)
    parent_input, parent_output = _take_standard_streams()
    try:
        lock = _lock(directory)
        gateway = _bind(options.port)
    except OSError as error:
        _announce(parent_output, {"error": error.strerror or str(error)})
        os._exit(1)
    # A unix socket's path may have about 100 characters, so it cannot lie in a user's folder.
    scratch = Path(tempfile.mkdtemp(prefix="local-aws-", dir="/tmp"))
    listener = forks.listen(str(scratch / _WORKERS))
    # Before there are threads.
    if os.fork() == 0:
        for descriptor in (parent_output, lock, gateway.detach()):
            os.close(descriptor)
        workers.serve(listener, parent_input)
    listener.close()
    _run(options, gateway, scratch, parent_input, parent_output)


def _run(
    options: Namespace, gateway: socket.socket, scratch: Path, parent: int, output: int
) -> None:
    authority, stopped, orphaned = trustme.CA(), threading.Event(), threading.Event()
    fleet = Fleet(authority, Faults(), scratch)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(target=_watch_parent, args=(parent, stopped, orphaned), daemon=True).start()
    try:
        environment = _start(options, gateway, authority, fleet)
        _announce(output, {"environment": environment, "scratch": str(scratch)})
        while not stopped.wait(1):
            pass
    finally:
        fleet.stop()
        if orphaned.is_set():
            # Nothing else is left to end the Lambda workers.
            os.killpg(0, signal.SIGKILL)
        if sys.exc_info()[1]:
            logging.exception("the local AWS ended")
        os._exit(1 if sys.exc_info()[1] else 0)


def _start(
    options: Namespace, gateway: socket.socket, authority: trustme.CA, fleet: Fleet
) -> dict[str, str]:
    """Starts both emulators and returns the environment in which clients reach them."""
    authority_file = options.directory / "ca.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    port = gateway.getsockname()[1]
    _set_up_ministack(options.directory, port, options.concurrency)
    ministack = threading.Thread(target=_serve_ministack, args=(gateway,), daemon=True)
    ministack.start()
    # Loads moto, which takes as long as ministack needs to start.
    from local.services import CONTROL, Services

    gateway_url = f"http://127.0.0.1:{port}"
    moto_url = Services(gateway_url, fleet, options).serve()
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
    _wait_for(gateway, ministack)
    # Not for the workers: nothing that is tested knows that it can be made to fail.
    return environment | {"LOCAL_CONTROL_URL": f"{moto_url}{CONTROL}"}


def _set_up_ministack(directory: Path, port: int, concurrency: int) -> None:
    # A folder of the user's own has another name: this one is emptied.
    temporary = directory / "server.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    # tempfile may have settled on the shared folder by now, whatever TMPDIR says.
    tempfile.tempdir = str(temporary)
    os.environ |= _MINISTACK_SETTINGS | {
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(temporary / "state"),
        "S3_DATA_DIR": str(temporary / "s3"),
        "LAMBDA_ACCOUNT_CONCURRENCY": str(concurrency),
    }


def _wait_for(gateway: socket.socket, server: threading.Thread) -> None:
    """Returns once the gateway answers; raises OSError when it does not."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(gateway.getsockname(), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline or not server.is_alive():
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
    asyncio.run(serve(app.app, config, shutdown_trigger=asyncio.Event().wait))


@functools.cache
def _install_cloudformation() -> None:
    """When it is first asked for, as ministack does: loading it takes as long as all the rest."""
    from local import cloudformation

    services = ("secretsmanager", "elasticache")
    cloudformation.install(
        *(make_client(each, os.environ[MOTO_SERVICES[each]]) for each in services)
    )


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
    """Holds the directory for this process; raises OSError, whose text says who uses it."""
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        text = "is used by another local AWS: stop that one or use another directory."
        raise OSError(error.errno, f"{directory} {text}") from None
    return lock


def _bind(port: int) -> socket.socket:
    gateway = socket.socket()
    gateway.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        gateway.bind(("127.0.0.1", port))
    except OSError as error:
        text = f"cannot be used ({error.strerror}): stop what uses it or use another one."
        raise OSError(error.errno, f"Port {port} {text}") from None
    return gateway


if __name__ == "__main__":
    main()
