"""A function's settings, from environment variables."""

import os

from rotation.errors import ConfigurationError


def required(name: str) -> str:
    """The variable's value; raises ConfigurationError if it is missing or empty."""
    if value := os.environ.get(name):
        return value
    raise ConfigurationError(f"Environment variable {name} is missing.")


def seconds_from_env(name: str) -> int:
    """The variable's seconds; raises ConfigurationError if it is missing or not a number."""
    value = os.environ.get(name, "")
    if not value.isdecimal():
        raise ConfigurationError(f"Environment variable {name} is not a number of seconds.")
    return int(value)
