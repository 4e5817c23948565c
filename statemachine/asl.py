"""Writes the state machine's definition from its source: ``python -m statemachine.asl``.

The source is YAML, with anchors for what repeats and comments; the definition is JSON without
either. Keys of the outermost level that begin with ``x-`` are the source's own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).with_name("rotation.asl.yaml")
DEFINITION = SOURCE.with_suffix(".json")
_OWN = "x-"


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML's parsers silently keep the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                twice = f"the key {key.value} is written twice"
                raise yaml.MarkedYAMLError(problem=twice, problem_mark=key.start_mark)
            seen.add(key.value)
        return node


def load(source: str) -> dict[str, Any]:
    """The source with its anchors put in, its own keys included.

    Raises:
        yaml.YAMLError: it is no YAML, or has a key twice; names the line.
    """
    loaded: dict[str, Any] = yaml.load(source, _Loader)  # noqa: S506, a safe loader
    return loaded


def definition(source: str) -> str:
    """The text of the definition that a source stands for; raises as ``load`` does."""
    loaded = load(source)
    machine = {key: value for key, value in loaded.items() if not key.startswith(_OWN)}
    return json.dumps(machine, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    try:
        DEFINITION.write_text(definition(SOURCE.read_text()))
    except yaml.YAMLError as error:
        sys.exit(f"error: {SOURCE.name}: {error}")
