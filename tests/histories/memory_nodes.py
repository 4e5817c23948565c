"""Cache nodes without sockets: what a Valkey node knows of its users."""

import hashlib
from collections.abc import Sequence
from typing import Any, cast

from local.faults import Faults
from rotation.adapters.login import NodeConnection
from rotation.records.endpoint import Endpoint


class KilledError(BaseException):
    """The process of a function has ended; the text is what Lambda then answers."""


class MemoryNode:
    def __init__(self, position: int) -> None:
        self.position = position
        self.users: dict[str, list[str]] = {}

    def listen(self, *, tls: bool = True) -> int:
        return id(self)

    def set_user(self, name: str, rules: Sequence[str]) -> None:
        self.users[name] = list(rules)

    def delete_user(self, name: str) -> None:
        self.users.pop(name, None)

    def lets_in(self, name: str, password: str) -> bool:
        rules = self.users.get(name, [])
        hashed = f"#{hashlib.sha256(password.encode()).hexdigest()}"
        switch = [rule.lower() for rule in rules if rule.lower() in ("on", "off")][-1:]
        return switch == ["on"] and ("nopass" in rules or hashed in rules)


class MemoryFleet:
    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.nodes: dict[int, MemoryNode] = {}
        faults.count_nodes = lambda: max((node.position for node in self.nodes.values()), default=0)

    def start_nodes(self, count: int) -> list[MemoryNode]:
        nodes = [MemoryNode(position) for position in range(1, count + 1)]
        self.nodes |= {node.listen(): node for node in nodes}
        return nodes

    def stop_nodes(self, nodes: Sequence[MemoryNode]) -> None:
        for node in nodes:
            del self.nodes[node.listen()]

    def check_rules(self, rules: Sequence[str]) -> None:
        """Accepts any: Valkey itself checks them on the local AWS."""


class MemoryNodeConnection(NodeConnection):
    def __init__(self, endpoint: Endpoint, username: str, node: MemoryNode, faults: Faults) -> None:
        super().__init__(endpoint, username, cast(Any, None))
        self._node = node
        self._faults = faults

    def accepts(self, password: str) -> bool:
        if {"kill-before", "kill-after"} & self._faults.due("AUTH").keys():
            raise KilledError("Runtime.ExitError")
        return self._node.lets_in(self._username, password)
