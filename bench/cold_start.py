"""What a handler's first invocation waits for: imports and clients, in a fresh process.

CPU seconds of the process, beyond those of a Python that does nothing: what else the machine does
counts less than on the clock. The least of a few runs is taken.
"""

import json
import re
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_FUNCTIONS = _ROOT / "functions"
#: The adapter whose client a handler makes, by boto3's name of the service.
_SERVICES = {
    "SecretsManager": "secretsmanager",
    "ElastiCache": "elasticache",
    "StepFunctions": "stepfunctions",
    "Topic": "sns",
}
_AUTH = "redis"


@dataclass(frozen=True)
class ColdStart:
    """CPU milliseconds of a handler's imports, with its clients; and of boto3's share alone."""

    handler: str
    milliseconds: float
    alone: float
    logs_in: bool

    @property
    def ratio(self) -> float:
        """How many times boto3 and one client of its service take alone."""
        return self.milliseconds / self.alone


def handlers() -> list[str]:
    """The names of the handlers' modules."""
    return sorted(path.stem for path in _FUNCTIONS.glob("*.py"))


def modules(handler: str) -> set[str]:
    """The top-level packages that a fresh process has after the import of the handler."""
    told = _python(
        f"import {handler}, sys, json; print(json.dumps([m.split('.')[0] for m in sys.modules]))"
    )
    return set(json.loads(told.splitlines()[-1]))


def measure(runs: int) -> list[ColdStart]:
    """Of each handler; all processes take turns, since a machine is faster at times."""
    services = {handler: _service(handler) for handler in handlers()}
    # The adapters make their clients at the first call, and keep them.
    clients = {each: f"boto3; boto3.client({each!r})" for each in services.values()}
    codes = {"nothing": "pass"}
    codes |= {service: f"import {client}" for service, client in clients.items()}
    codes |= {handler: f"import {handler}, {clients[each]}" for handler, each in services.items()}
    turns = [{name: _cpu(code) for name, code in codes.items()} for _ in range(runs)]
    least = {name: min(turn[name] for turn in turns) * 1000 for name in codes}
    nothing = least["nothing"]
    return [
        ColdStart(
            handler, least[handler] - nothing, least[each] - nothing, _AUTH in modules(handler)
        )
        for handler, each in services.items()
    ]


def package_kilobytes() -> tuple[float, float]:
    """Of functions/, and of the installed packages of the layer, as files on disk."""
    ours = sum(path.stat().st_size for path in _FUNCTIONS.rglob("*.py")) / 1024
    pinned = (_ROOT / "dependencies/requirements.txt").read_text()
    layer = 0.0
    from importlib import metadata

    for name in re.findall(r"^([a-z0-9-]+)==", pinned, re.MULTILINE):
        files = metadata.files(name) or []
        paths = [Path(str(each.locate())) for each in files if "__pycache__" not in str(each)]
        layer += sum(path.stat().st_size for path in paths if path.is_file()) / 1024
    return ours, layer


def as_json(found: list[ColdStart]) -> list[dict[str, object]]:
    """For the results."""
    return [asdict(each) | {"ratio": each.ratio} for each in found]


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
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=_FUNCTIONS,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
