"""A handler imports nothing but what it uses, and nothing that Lambda does not have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
#: In Lambda's Python runtime, and in the layer (dependencies/requirements.in).
DEPLOYED = [
    *("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"),
    *("aws_lambda_powertools", "typing_extensions"),
]
LOGS_IN = {"check_endpoint", "log_in", "log_in_with_current"}
HANDLERS = {path.stem for path in FUNCTIONS.glob("*.py")}
OURS = [*HANDLERS, "rotation"]
IMPORT = """
import sys
handlers, packages = (each.split(",") for each in sys.argv[1:])
class Finder:
    @staticmethod
    def find_spec(name, *_):
        top = name.partition(".")[0]
        if top not in packages and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Finder)
for handler in handlers:
    __import__(handler)
"""


def imported(handlers: set[str], *packages: str) -> str:
    """What a fresh Python says that has only these packages besides its own and ours."""
    command = [sys.executable, "-c", IMPORT, ",".join(handlers), ",".join([*packages, *OURS])]
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS)}
    return subprocess.run(command, env=environment, capture_output=True, text=True).stderr


def test_what_does_not_log_in_does_without_redis() -> None:
    assert imported(HANDLERS - LOGS_IN, *DEPLOYED) == ""


@pytest.mark.parametrize("handler", sorted(LOGS_IN))
def test_what_logs_in_needs_redis_and_nothing_more(handler: str) -> None:
    assert imported({handler}, *DEPLOYED, "redis") == ""
    assert "ModuleNotFoundError: redis" in imported({handler}, *DEPLOYED)
