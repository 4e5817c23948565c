"""A function's settings, which are environment variables."""

import os

from rotation.errors import ConfigurationError


def required(name: str) -> str:
    """The variable's text; raises ConfigurationError if it is missing or empty."""
    if value := os.environ.get(name):
        return value
    raise ConfigurationError(f"Environment variable {name} is missing.")


def seconds_from_env(name: str) -> int:
    """The variable's whole seconds; raises ConfigurationError if it is missing, or no number."""
    value = os.environ.get(name, "")
    if not value.isdecimal():
        raise ConfigurationError(f"Environment variable {name} is not a number of seconds.")
    return int(value)
