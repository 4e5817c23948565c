"""A process to fork from: what it has imported, none of its forks imports again.

``ask`` runs in place of the fork, and imports next to nothing. The fork has its environment, folder
and standard streams. When one ends, so does the other.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

_LARGEST_MESSAGE = 1 << 20
_HANDED_ON = (signal.SIGTERM, signal.SIGINT)


def listen(path: str) -> socket.socket:
    """Where `serve` is asked: from here on `ask` waits for it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    return listener


def serve(
    listener: socket.socket, run: Callable[[list[str]], int], until: int, *, grouped: bool = False
) -> NoReturn:
    """Fork for each `ask`; ends this process when the file descriptor ``until`` ends.

    A fork ends with what ``run`` returns of the arguments; ``grouped`` gives each a process group,
    which ends with it.
    """
    ended, wake = socket.socketpair()
    for each in (ended, wake):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    selector = selectors.DefaultSelector()
    for readable in (listener, ended, until):
        selector.register(readable, selectors.EVENT_READ)
    connections: dict[int, socket.socket] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj == until:
                os._exit(0)
            if key.fileobj is ended:
                ended.recv(4096)
                _report_ends(connections, grouped)
                continue
            connection, _ = listener.accept()
            if pid := os.fork():
                connections[pid] = connection
                continue
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (listener, ended, wake, *connections.values()):
                other.close()
            _become(connection, run, grouped)


def _report_ends(connections: dict[int, socket.socket], grouped: bool) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if grouped:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            with connections.pop(pid) as connection, contextlib.suppress(OSError):
                connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(connection: socket.socket, run: Callable[[list[str]], int], grouped: bool) -> NoReturn:
    """In the fork: take over all that the asking process has, and run."""
    code = 1
    try:
        if grouped:
            os.setsid()
        message, descriptors, _, _ = socket.recv_fds(connection, _LARGEST_MESSAGE, 3)
        while not message.endswith(b"\n"):
            # Who has asked may be gone already.
            if not (more := connection.recv(_LARGEST_MESSAGE)):
                os._exit(1)
            message += more
        asked = json.loads(message)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        threading.Thread(target=_obey, args=(connection, grouped), daemon=True).start()
        code = run(asked["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _obey(connection: socket.socket, grouped: bool) -> None:
    """End with the process that has asked, and get the signals that it gets."""
    with contextlib.suppress(OSError):
        while number := connection.recv(1):
            os.kill(os.getpid(), number[0])
    if grouped:
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def ask(path: str, arguments: list[str]) -> NoReturn:
    """Have a process forked with what this one has, and end as it ends."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    for number in _HANDED_ON:
        signal.signal(number, lambda got, _: connection.sendall(bytes([got])))
    asked = {"environment": dict(os.environ), "folder": os.getcwd(), "arguments": arguments}
    message = f"{json.dumps(asked)}\n".encode()
    sent = socket.send_fds(connection, [message], [0, 1, 2])
    if sent < len(message):
        connection.sendall(message[sent:])
    code = int(connection.recv(16) or b"1")
    # One that was killed ends by a signal.
    if code < 0:
        for number in _HANDED_ON:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
