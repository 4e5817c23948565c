"""The cases on Step Functions Local: ``python -m tools.asl.step_functions_local``.

Its container lives for as long as the tests run. Options are pytest's, and so is the exit status;
without Docker, its daemon or the image it is 69, EX_UNAVAILABLE of sysexits.h.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from urllib.error import HTTPError
from urllib.request import urlopen

from tools.asl.answers import MOCK_CONFIG, ROOT

#: The newest tag, of May 2024; its digest could not be looked up.
IMAGE = "amazon/aws-stepfunctions-local:2.0.0"
_PORT = 8083
_MOCK_CONFIG = "/home/StepFunctionsLocal/MockConfigFile.json"
_SETTINGS = {
    "SFN_MOCK_CONFIG": _MOCK_CONFIG,
    "WAIT_TIME_SCALE": "0",
    "AWS_ACCOUNT_ID": "123456789012",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    # A task without a mock must not reach an account.
    "LAMBDA_ENDPOINT": "http://127.0.0.1:1",
}
_START_SECONDS = 120
#: How the lines begin that docker adds to an error.
_HINTS = ("See ", "Run ")


class UnavailableError(Exception):
    """Step Functions Local could not be started; the text is one line."""


def main(options: Sequence[str]) -> int:
    """Starts it, runs the tests and removes it; the exit status."""
    try:
        container = _start()
        try:
            command = ["-m", "pytest", "tests/statemachine/test_paths.py", *options]
            endpoint = ["--stepfunctions-endpoint", _address(container)]
            return subprocess.run(
                [sys.executable, *command, *endpoint], cwd=ROOT, check=False
            ).returncode
        finally:
            _docker("rm", "--force", container)
    except UnavailableError as error:
        sys.stderr.write(f"error: no Step Functions Local: {error}\n")
        return os.EX_UNAVAILABLE


def _start() -> str:
    if not shutil.which("docker"):
        raise UnavailableError("there is no docker command; install Docker.")
    try:
        _docker("version", "--format", "{{.Server.Version}}")
    except UnavailableError as error:
        raise UnavailableError(f"{error} Start the daemon, or set DOCKER_HOST.") from None
    settings = [option for pair in _SETTINGS.items() for option in ("--env", "=".join(pair))]
    mount = f"type=bind,readonly,source={MOCK_CONFIG},destination={_MOCK_CONFIG}"
    publish = ("--publish", f"127.0.0.1::{_PORT}")
    return _docker("run", "--detach", "--rm", *publish, "--mount", mount, *settings, IMAGE)


def _address(container: str) -> str:
    url = f"http://{_docker('port', container, f'{_PORT}/tcp').splitlines()[0]}"
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline:
            raise UnavailableError(f"{IMAGE} does not answer after {_START_SECONDS} s.")
        time.sleep(0.2)
    return url


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5)
    except HTTPError:
        return True
    except OSError:
        return False
    return True


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line and line[:4] not in _HINTS]
        raise UnavailableError(lines[-1] if lines else f"docker {arguments[0]} failed.")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
