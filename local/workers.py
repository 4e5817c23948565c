"""The Lambda workers' processes: forked from one that has imported what every function imports.

A worker of its own would spend 0.4 s of CPU on those imports, at each cold start. ``bootstrap`` is
what a function's package runs: it asks for a fork, and lives and dies with it, since ministack
knows no other process.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import threading

#: Where ``bootstrap`` finds the process to fork from.
SOCKET_VARIABLE = "LOCAL_WORKERS_SOCKET"
_LARGEST_REQUEST = 1 << 20


def serve(path: str) -> None:
    """Fork a worker for each connection, until the local AWS's process group is killed."""
    import aws_lambda_powertools.metrics  # noqa: F401
    import boto3
    import botocore.session
    import redis.connection  # noqa: F401

    # What boto3.client reads; it looks into the environment in the worker only.
    session = botocore.session.get_session()
    boto3.setup_default_session(botocore_session=session)
    loader = session.get_component("data_loader")
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in ("secretsmanager", "elasticache", "stepfunctions"):
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
            loader.load_service_model(service, kind)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    print("ready", flush=True)
    ended, wake = socket.socketpair()
    for each in (ended, wake):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(ended, selectors.EVENT_READ)
    connections: dict[int, socket.socket] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is ended:
                ended.recv(4096)
                _report_ends(connections)
                continue
            connection, _ = listener.accept()
            if pid := os.fork():
                connections[pid] = connection
                continue
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (listener, ended, wake, *connections.values()):
                other.close()
            _work(connection)


def _report_ends(connections: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with connections.pop(pid) as connection, contextlib.suppress(OSError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _work(connection: socket.socket) -> None:
    """In the fork: become the worker that was asked for."""
    try:
        request, descriptors, _, _ = socket.recv_fds(connection, _LARGEST_REQUEST, 2)
        while not request.endswith(b"\n"):
            request += connection.recv(_LARGEST_REQUEST)
        asked = json.loads(request)
        for number, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(asked["environment"])
        # By it local/faults knows who makes a call.
        os.environ["AWS_SDK_UA_APP_ID"] = f"pid-{os.getpid()}"
        os.chdir(asked["directory"])
        sys.path[0] = asked["directory"]
        sys.argv = ["awslambdaric", os.environ["_HANDLER"]]
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        from awslambdaric.__main__ import main

        main(sys.argv)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stderr.flush()
    os._exit(1)


def _end_with(connection: socket.socket) -> None:
    """The process that has asked was killed, as ministack ends its workers."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def bootstrap() -> None:
    """Ask for a worker with this process's environment and output, and end as it ends."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ[SOCKET_VARIABLE])
    asked = {"environment": dict(os.environ), "directory": os.getcwd()}
    request = f"{json.dumps(asked)}\n".encode()
    sent = socket.send_fds(connection, [request], [1, 2])
    connection.sendall(request[sent:])
    code = int(connection.recv(16) or b"1")
    # A worker that was killed ends by a signal, as its process would.
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else bootstrap()
