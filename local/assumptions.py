"""What AWS does not tell about a rotation, and what the local Secrets Manager does instead.

docs/local-aws.md says what is known of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

_PREFIX = "LOCAL_ROTATION_"


class AssumptionError(ValueError):
    """There is no such assumption, or it has no such value; the text is one line."""


@dataclass(frozen=True)
class Assumptions:
    """The defaults are the strictest reading, and fast; seconds are real ones.

    Each is also an environment variable: LOCAL_ROTATION_ATTEMPTS is `attempts`.
    """

    #: How often Secrets Manager tries a whole rotation.
    attempts: int = 3
    #: The pause between two attempts.
    retry_seconds: float = 2.0
    #: How long after a success Secrets Manager itself removes AWSPENDING; None is never.
    pending_removed_after: float | None = None
    #: Whether a version from which AWSPENDING was removed is tried again.
    retries_without_pending: bool = True
    #: Whether a RotateSecret that is refused starts the previous rotation again.
    refusal_reattempts: bool = True
    #: The step after which the pending version must be the rotation function's own; or "never".
    creator_checked_after: str = "createSecret"
    #: Whether CreatedDate of a staged version is when it was staged, not when it got its value.
    created_when_staged: bool = True
    #: Whether any new version abandons a rotation, not only a new AWSCURRENT.
    any_version_abandons: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Assumptions:
        """Those that the variables name; the defaults for the others.

        Raises:
            AssumptionError: the text names the variable.
        """
        names = {f"{_PREFIX}{each.name.upper()}": each.name for each in fields(cls)}
        found = cls()
        for variable in names.keys() & environment.keys():
            try:
                found = found.with_values({names[variable]: environment[variable]})
            except AssumptionError as error:
                raise AssumptionError(f"{variable}: {error}") from None
        return found

    def to_environment(self) -> dict[str, str]:
        """The variables that make `from_environment` return the same."""
        return {
            f"{_PREFIX}{each.name.upper()}": _written(getattr(self, each.name))
            for each in fields(self)
        }

    def with_values(self, values: Mapping[str, Any]) -> Assumptions:
        """The same, but for these values by name; each as it is, or as text ("never" is None).

        Raises:
            AssumptionError
        """
        for name, value in values.items():
            if name not in _READERS:
                raise AssumptionError(f"{name} is not one of {', '.join(_READERS)}.")
            what, read = _READERS[name]
            try:
                self = replace(self, **{name: read(_written(value))})
            except (ValueError, KeyError):
                raise AssumptionError(f"{name} is {what}, not {_written(value)}.") from None
        return self


def _written(value: Any) -> str:
    if value is None:
        return "never"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _attempts(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    if not 0 <= (number := float(text)) <= 86400:
        raise ValueError
    return number


def _checked_after(text: str) -> str:
    return {each: each for each in ("createSecret", "finishSecret", "never")}[text]


def _yes(text: str) -> bool:
    return {"true": True, "false": False}[text]


#: What a value is, in words, and from text, by the assumption's name.
_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "attempts": ("a number from 1", _attempts),
    "retry_seconds": ("0 to 86400 seconds", _seconds),
    "pending_removed_after": (
        "0 to 86400 seconds or never",
        lambda text: None if text == "never" else _seconds(text),
    ),
    "retries_without_pending": ("true or false", _yes),
    "refusal_reattempts": ("true or false", _yes),
    "creator_checked_after": ("createSecret, finishSecret or never", _checked_after),
    "created_when_staged": ("true or false", _yes),
    "any_version_abandons": ("true or false", _yes),
}
