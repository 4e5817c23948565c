"""Functions' processes, and the logins that they make."""

import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.faults.armed import Faults

logger = logging.getLogger(__name__)


class Login:
    """The logins over one connection to a node, as the bytes pass by."""

    def __init__(self, faults: "Faults", node: int, peer: int) -> None:
        """`peer` is the client's port of 127.0.0.1."""
        self._faults, self._node, self._peer = faults, node, peer
        self._victim: int | None = None  # to be killed once the node has answered

    def request(self, data: bytes) -> bytes:
        """What goes to the node; raises ConnectionAbortedError if nothing must."""
        if b"AUTH" not in data or not self._faults.waits_for("AUTH"):
            return data
        if pid := _process_of(self._peer):
            due = self._faults.due("AUTH")
            if "kill-before" in due:
                kill(pid)
                raise ConnectionAbortedError
            if "kill-after" in due:
                self._victim = pid
        return data

    def answer(self, data: bytes) -> bytes:
        """What the node answers; raises ConnectionAbortedError if nothing must arrive."""
        if self._victim:
            kill(self._victim)
            raise ConnectionAbortedError
        if data.startswith(b"-WRONGPASS") and self._faults.strikes("open-node", self._node):
            return b"+OK\r\n"
        return data


def kill(pid: int) -> None:
    """Kills a function's process; any other process is left alone."""
    try:
        ours = os.getpgid(pid) == os.getpgrp() and pid != os.getpid()
    except ProcessLookupError:
        return
    if ours:
        os.kill(pid, signal.SIGKILL)
    else:
        logger.warning("process %d is no function of this local AWS and was not killed", pid)


def _process_of(port: int) -> int | None:
    """The process of this local AWS that has the port of 127.0.0.1; None for somebody else's."""
    sockets = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    wanted = {f"socket:[{each[9]}]" for each in sockets if each[1].endswith(f":{port:04X}")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            pid = int(process.name)
            if os.getpgid(pid) != os.getpgrp() or pid == os.getpid():
                continue
            if any(os.readlink(each) in wanted for each in (process / "fd").iterdir()):
                return pid
        except OSError:  # it has ended meanwhile
            continue
    return None
