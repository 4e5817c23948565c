"""What a handler's first invocation waits for: imports and clients, in a fresh process.

In CPU seconds, less those of a Python that does nothing. The least of a few runs counts.
"""

import re
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_FUNCTIONS = _ROOT / "functions"
#: The adapter whose client a handler makes, by boto3's name of the service.
_SERVICES = {
    "SecretsManager": "secretsmanager",
    "ElastiCache": "elasticache",
    "StepFunctions": "stepfunctions",
    "Topic": "sns",
}


def measure(runs: int) -> list[dict[str, Any]]:
    """CPU milliseconds of each handler, and of boto3 with the client of its service alone.

    All processes take turns, since a computer is faster at times.
    """
    handlers = sorted(path.stem for path in _FUNCTIONS.glob("*.py"))
    services = {handler: _service(handler) for handler in handlers}
    # The adapters make their clients at the first call, and keep them.
    clients = {each: f"boto3; boto3.client({each!r})" for each in services.values()}
    codes = {"nothing": "pass"}
    codes |= {service: f"import {client}" for service, client in clients.items()}
    codes |= {handler: f"import {handler}, {clients[each]}" for handler, each in services.items()}
    turns = [{name: _cpu(code) for name, code in codes.items()} for _ in range(runs)]
    least = {name: min(turn[name] for turn in turns) * 1000 for name in codes}
    nothing = least["nothing"]
    return [
        {
            "handler": handler,
            "milliseconds": least[handler] - nothing,
            "alone": least[service] - nothing,
            "ratio": (least[handler] - nothing) / (least[service] - nothing),
            "logs_in": "True" in _python(f"import {handler}, sys; print('redis' in sys.modules)"),
        }
        for handler, service in services.items()
    ]


def package_kilobytes() -> tuple[float, float]:
    """Of functions/, and of the installed packages of the layer, as files on disk."""
    ours = sum(path.stat().st_size for path in _FUNCTIONS.rglob("*.py")) / 1024
    pinned = (_ROOT / "dependencies/requirements.txt").read_text()
    layer = 0.0
    for name in re.findall(r"^([a-z0-9-]+)==", pinned, re.MULTILINE):
        files = metadata.files(name) or []
        paths = [Path(str(each.locate())) for each in files if "__pycache__" not in str(each)]
        layer += sum(path.stat().st_size for path in paths if path.is_file()) / 1024
    return ours, layer


def _service(handler: str) -> str:
    text = (_FUNCTIONS / f"{handler}.py").read_text()
    for adapter, service in _SERVICES.items():
        if f"import {adapter}\n" in text or f"{adapter}.connect" in text:
            return service
    return "secretsmanager"


def _cpu(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _python(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _python(code: str) -> str:
    """Run the code in a fresh process; its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_FUNCTIONS,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
