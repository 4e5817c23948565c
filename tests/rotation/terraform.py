"""examples/terraform, read without terraform."""

from pathlib import Path
from typing import Any

import hcl2

EXAMPLES = Path(__file__).parents[2] / "examples"
MAIN = EXAMPLES / "terraform/main.tf"


def parsed(text: str = MAIN.read_text()) -> dict[str, Any]:
    """The file's blocks: by kind, then by type and name, or by name alone."""
    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    found: dict[str, Any] = {}
    for kind, blocks in hcl2.loads(text, serialization_options=options).items():
        for block in blocks:
            for label, body in block.items():
                found.setdefault(kind, {}).setdefault(label, {}).update(
                    body if isinstance(body, dict) else {"": body}
                )
    return found
