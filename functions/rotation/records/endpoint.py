"""An address at which a user can log in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Endpoint:
    """``cache`` is the ID of a replication group or the name of a serverless cache."""

    cache: str
    address: str
    port: int

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Endpoint":
        """From JSON of the execution's state: ``{"Cache", "Address", "Port"}``."""
        return cls(state["Cache"], state["Address"], state["Port"])

    def to_state(self) -> dict[str, Any]:
        """The inverse of ``from_state``."""
        return {"Cache": self.cache, "Address": self.address, "Port": self.port}

    def __str__(self) -> str:
        return f"{self.address}:{self.port} of {self.cache}"
