"""A handler imports nothing but what it uses, and nothing that Lambda does not have."""

import json
import os
import subprocess
import sys
from pathlib import Path

FUNCTIONS = Path(__file__).parents[2] / "functions"
#: In Lambda's Python runtime, and in the layer (dependencies/requirements.in).
DEPLOYED = [
    *("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"),
    *("aws_lambda_powertools", "typing_extensions"),
]
LOG_IN = ("check_endpoint", "log_in", "log_in_with_current")
HANDLERS = [path.stem for path in FUNCTIONS.glob("*.py")]
IMPORT = """
import json, sys
handlers, packages = (argument.split(",") for argument in sys.argv[1:])
class Finder:
    @staticmethod
    def find_spec(name, *_):
        top = name.partition(".")[0]
        if top not in packages and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Finder)
missing = {}
for handler in handlers:
    try:
        __import__(handler)
    except ModuleNotFoundError as error:
        missing[handler] = error.name
print(json.dumps(missing))
"""


def missing_with(*packages: str) -> dict[str, str]:
    """By handler, what a fresh Python misses that has only these packages, its own and ours."""
    known = ",".join([*packages, *HANDLERS, "rotation"])
    command = [sys.executable, "-c", IMPORT, ",".join(HANDLERS), known]
    environment = {**os.environ, "PYTHONPATH": str(FUNCTIONS)}
    missing: dict[str, str] = json.loads(subprocess.check_output(command, env=environment))
    return missing


def test_a_handler_needs_what_is_deployed_and_redis_only_to_log_in() -> None:
    assert missing_with(*DEPLOYED, "redis") == {}
    assert missing_with(*DEPLOYED) == dict.fromkeys(LOG_IN, "redis")
