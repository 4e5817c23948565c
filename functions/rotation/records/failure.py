"""What a Catch hands on, as a sentence."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """``error`` is the name the state machine caught, ``sentence`` what a person reads."""

    error: str
    sentence: str

    @classmethod
    def from_catch(cls, caught: dict[str, Any]) -> "Failure":
        """From a Catch's ``{"Error", "Cause"}``.

        The cause of a Lambda function's error is JSON with an errorMessage, others are plain text
        or missing (Step Functions guide, "Handling errors").
        """
        error, cause = str(caught.get("Error", "unknown")), caught.get("Cause") or ""
        with suppress(ValueError, KeyError, TypeError):
            cause = json.loads(cause)["errorMessage"] or ""
        return cls(error, str(cause) or f"A state failed with {error} and gave no cause.")
