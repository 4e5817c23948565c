"""Interpreters of state machines whose tasks are mocked, each in a process of its own.

``python -m tests.statemachine.engines embedded|ministack [--port N]`` prints its address, and lives
until its stdin ends or Ctrl-C. As Step Functions Local, each reads SFN_MOCK_CONFIG, and starts the
case NAME of it by StartExecution of ``<state machine ARN>#NAME``; waits take WAIT_TIME_SCALE of
their time.

Both, in embedded_engine.py and ministack_engine.py, are made to count as Step Functions Local 2.0.0
does: one count for each state of an execution, which each invocation advances, be it a retry, a
round of a loop or an item of a Map (https://github.com/floci-io/floci/issues/3254).
"""

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, Popen

from tests import preloaded

HERE = Path(__file__).parent
MOCK_CONFIG = HERE / "MockConfigFile.json"
ROOT = HERE.parents[1]
NAMES = ("embedded", "ministack")
#: An hour becomes 36 ms.
SCALE = 0.00001


@contextmanager
def started(name: str) -> Iterator[str]:
    """The address of an engine that runs meanwhile; raises RuntimeError if it does not start."""
    environment = {"SFN_MOCK_CONFIG": str(MOCK_CONFIG), "WAIT_TIME_SCALE": str(SCALE)}
    command = [preloaded.python(), "-m", "tests.statemachine.engines", name]
    with Popen(
        command, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=os.environ | environment, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"{name} did not start.")
        yield url


def main() -> None:
    """Serves until stdin ends."""
    from local.server import _bind

    parser = argparse.ArgumentParser(prog="python -m tests.statemachine.engines")
    parser.add_argument("engine", choices=NAMES)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    mocks = os.environ.setdefault("SFN_MOCK_CONFIG", str(MOCK_CONFIG))
    try:
        config = json.loads(Path(mocks).read_text())
        scale = float(os.environ.get("WAIT_TIME_SCALE", SCALE))
        gateway = _bind(options.port)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    gateway.listen(128)
    with tempfile.TemporaryDirectory() as tempfile.tempdir:
        serve = import_module(f"tests.statemachine.{options.engine}_engine").serve
        threading.Thread(target=serve, args=(gateway, config, scale), daemon=True).start()
        print(f"http://127.0.0.1:{gateway.getsockname()[1]}", flush=True)
        with suppress(KeyboardInterrupt):
            while os.read(0, 1024):
                pass
    os._exit(0)  # Executions have threads of their own.


if __name__ == "__main__":
    main()
