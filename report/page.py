"""The run as one HTML file."""

from collections.abc import Mapping
from typing import Any

from report.history import Run
from report.remedy import Remedy


def html(run: Run, definition: Mapping[str, Any], remedy: Remedy | None) -> str:
    """The page."""
    return ""
