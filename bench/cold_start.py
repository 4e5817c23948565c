"""What a fresh process of each handler takes until it could answer."""

import io
import os
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FUNCTIONS = Path(__file__).parent.parent / "functions"
#: The most that a handler may take, in multiples of boto3 with one client; logging in needs redis.
BUDGET = 1.3
LOGS_IN = ("check_endpoint", "log_in", "log_in_with_current")
#: The client that a handler makes first, by boto3's name, and how the handler makes it.
CLIENTS = {
    "secretsmanager": "from rotation.secrets_manager import SecretsManager as Adapter",
    "elasticache": "from rotation.elasticache import ElastiCache as Adapter",
    "stepfunctions": "from rotation.step_functions import StepFunctions as Adapter",
    "sns": "from rotation.topic import Topic as Adapter",
}
_TIMED = "import time; begun = time.process_time()\n{}\nprint(time.process_time() - begun)"


def measure(told: Callable[[str], None], repetitions: int) -> dict[str, Any]:
    """``{"handlers": [{"handler", "client", "seconds", "boto3_seconds"}], "package_bytes"}``.

    Seconds are of the processor, the median of fresh processes that take turns.
    """
    told(f"cold starts, {repetitions} of each handler ...")
    handlers = []
    for path in sorted(FUNCTIONS.glob("*.py")):
        client = client_of(path.read_text())
        ours = f"import {path.stem}\n{CLIENTS[client]}\nAdapter.connect()"
        plain = f"import boto3\nboto3.client({client!r})"
        pairs = [(_seconds(ours), _seconds(plain)) for _ in range(repetitions)]
        handlers.append(
            {
                "handler": path.stem,
                "client": client,
                "seconds": statistics.median(each for each, _ in pairs),
                "boto3_seconds": statistics.median(each for _, each in pairs),
            }
        )
    return {"handlers": handlers, "package_bytes": package_bytes()}


def package_bytes() -> int:
    """Of the functions, zipped."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(FUNCTIONS.rglob("*.py")):
            archive.write(path, path.relative_to(FUNCTIONS))
    return len(content.getvalue())


def client_of(handler: str) -> str:
    """The service of the first adapter that a handler's text connects to."""
    adapters = {line.split(" import ")[1].split(" as ")[0]: name for name, line in CLIENTS.items()}
    places = {name: handler.find(f"{adapter}.connect(") for adapter, name in adapters.items()}
    return min((place, name) for name, place in places.items() if place >= 0)[1]


def _seconds(code: str) -> float:
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    environment |= {"PYTHONPATH": str(FUNCTIONS), "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
