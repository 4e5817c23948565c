"""Mutants of the state definition: every Catch, Retry, transition, bound and path."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from tools.mutants.mutant import DEFINITION, ROOT, Mutant


def of_definition() -> Iterator[Mutant]:
    definition = json.loads((ROOT / DEFINITION).read_text())
    for path, value in _places(definition):
        for what, new in _instead(path, value, definition):
            if new == value:
                continue
            broken = copy.deepcopy(definition)
            at = broken
            for step in path[:-1]:
                at = at[step]
            if new is DROPPED:
                del at[path[-1]]
            else:
                at[path[-1]] = new
            where = "/".join(str(step) for step in path if step not in ("States", "ItemProcessor"))
            yield Mutant(DEFINITION, f"definition: {where}: {what}", json.dumps(broken))


DROPPED = object()
Steps = tuple[Any, ...]


def _places(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key), child
        if isinstance(child, dict | list):
            yield from _places(child, (*path, key))


def _instead(path: Steps, value: Any, definition: Any) -> Iterator[tuple[str, Any]]:
    """What else could be at a place of the definition."""
    key, parent = path[-1], path[-2] if len(path) > 1 else ""
    if parent in ("Catch", "Retry", "Choices", "ErrorEquals") or key in ("Default", "Catch"):
        yield "dropped", DROPPED
    if key in ("TimeoutSeconds", "ErrorPath", "CausePath", "OutputPath", "ResultPath"):
        yield "dropped", DROPPED
    if key in ("ResultPath", "Variable", "ItemsPath", "SecondsPath", "ErrorPath", "CausePath"):
        yield "elsewhere", "$.Elsewhere"
    if key == "ErrorEquals":
        yield "widened", ["States.ALL"]
    if key in ("Next", "Default", "StartAt"):
        for state in _others(value, definition):
            yield f"to {state}", state
    if isinstance(key, str) and key.endswith(".$"):
        yield "dropped", DROPPED
        yield "elsewhere", re.sub(r"\$\.", "$.Elsewhere.", value, count=1)
    if key in ("NumericEquals", "BooleanEquals"):
        yield "flipped", not value
    if key == "StringEquals":
        yield "another", "unknown"
    if key in ("MaxAttempts", "MaxDelaySeconds", "BackoffRate", "JitterStrategy"):
        yield "dropped", DROPPED
    if key == "FunctionName":
        yield "another", "${CheckTargetFunction}"


def _others(name: str, definition: Any) -> Iterator[str]:
    """States to be at instead of one: the one after it, and both ends."""
    after = definition["States"].get(name, {})
    yield from dict.fromkeys(
        state
        for state in (after.get("Next"), after.get("Default"), "Rotation Failed", "Rotated")
        if state and state != name
    )
