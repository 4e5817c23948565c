"""The parts of a definition: the parsed JSON, ``{"StartAt": name, "States": {name: state}}``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Definition = dict[str, Any]
State = dict[str, Any]
#: States that share the handler of another.
SAME_HANDLER = {"Find Endpoints Again": "Find Endpoints"}


@dataclass(frozen=True)
class Place:
    """A state; ``nested`` is true inside of a Map."""

    name: str
    state: State
    nested: bool

    @property
    def handler(self) -> str:
        """The name of the state's function, as in ``Log In``."""
        return SAME_HANDLER.get(self.name, self.name)


def places(definition: Definition, *types: str, nested: bool = False) -> Iterator[Place]:
    """Every state, also inside of Maps; only those of some types, if any are named."""
    for name, state in definition["States"].items():
        if not types or state["Type"] in types:
            yield Place(name, state, nested)
        if "ItemProcessor" in state:
            yield from places(state["ItemProcessor"], *types, nested=True)


def next_states(state: State) -> list[str]:
    """The states that a state leads to, by whichever way."""
    ways = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    found = [way["Next"] for way in ways if "Next" in way]
    return [*found, state["Default"]] if "Default" in state else found


def reached(definition: Definition, start: str, without: str = "") -> set[str]:
    """The states that a state leads to, and it itself; on ways that do not pass one state."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in {*found, without}:
            found.add(name)
            ahead.extend(next_states(definition["States"][name]))
    return found
