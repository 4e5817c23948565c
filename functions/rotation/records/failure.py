"""The error and the cause that a Catch passes on."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """``error`` is the name that the state machine caught, ``sentence`` its cause for a person."""

    error: str
    sentence: str

    @classmethod
    def from_catch(cls, caught: dict[str, Any]) -> "Failure":
        """From a Catch's ``{"Error", "Cause"}``.

        The cause of a Lambda function's error is JSON with an errorMessage. Other causes are plain
        text or missing (Step Functions guide, "Handling errors").
        """
        error, cause = str(caught.get("Error", "unknown")), caught.get("Cause") or ""
        with suppress(ValueError, KeyError, TypeError):
            cause = json.loads(cause)["errorMessage"] or ""
        return cls(error, str(cause) or f"A state failed with {error} and gave no cause.")
