"""What AWS does not document of a rotation, and what the local Secrets Manager does instead.

docs/local-aws.md says what is known of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self


class AssumptionError(ValueError):
    """There is no such assumption, or it has no such value; the text is one line."""


def _assumed(default: Any, kind: str, read: Callable[[str], Any]) -> Any:
    """A field with its default, what its values are, and how one is read from text."""
    return field(default=default, metadata={"kind": kind, "read": read})


def _attempts(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    if not 0 <= (number := float(text)) <= 86400:
        raise ValueError
    return number


def _switch(default: bool) -> Any:
    return _assumed(default, "true or false", {"true": True, "false": False}.__getitem__)


@dataclass(frozen=True)
class Assumptions:
    """The defaults are the strictest reading, and fast; seconds are real ones."""

    #: How often Secrets Manager tries a whole rotation.
    attempts: int = _assumed(3, "a number from 1", _attempts)
    #: The pause between two attempts.
    retry_seconds: float = _assumed(2.0, "0 to 86400 seconds", _seconds)
    #: How long after a success Secrets Manager itself removes AWSPENDING; None is never.
    pending_removed_after: float | None = _assumed(
        None,
        "0 to 86400 seconds or never",
        lambda text: None if text == "never" else _seconds(text),
    )
    #: Whether a version from which AWSPENDING was removed is tried again.
    retries_without_pending: bool = _switch(True)
    #: Whether a RotateSecret that is refused starts the previous rotation again.
    refusal_reattempts: bool = _switch(True)
    #: The step after which the pending version must be the rotation function's own; or "never".
    creator_checked_after: str = _assumed(
        "createSecret",
        "createSecret, finishSecret or never",
        {each: each for each in ("createSecret", "finishSecret", "never")}.__getitem__,
    )
    #: Whether CreatedDate of a staged version is when it was staged, not when it got its value.
    created_when_staged: bool = _switch(True)
    #: Whether any new version abandons a rotation, not only a new AWSCURRENT.
    any_version_abandons: bool = _switch(False)

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The same with these values; each as it is, or as text. Raises AssumptionError."""
        known = {each.name: each.metadata for each in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise AssumptionError(f"{name} is not one of {', '.join(known)}.")
            try:
                self = replace(self, **{name: known[name]["read"](_written(value))})
            except (ValueError, KeyError):
                text = f"{name} is {known[name]['kind']}, not {_written(value)}."
                raise AssumptionError(text) from None
        return self


def _written(value: Any) -> str:
    if value is None:
        return "never"
    return str(value).lower() if isinstance(value, bool) else str(value)
