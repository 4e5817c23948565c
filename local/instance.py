"""The parent's side: starts AWS on this computer as one child process and ends it again."""

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import boto3
import botocore.session
from botocore.config import Config

from local.assumptions import Assumptions

ACCOUNT, REGION = "123456789012", "us-east-1"
ACCESS_KEY, SECRET_KEY = "local", "local"
# The services that are not ministack's, by boto3's name, with the variable that names each one's
# endpoint to an SDK.
# https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
MOTO_SERVICES = {
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "elasticache": "AWS_ENDPOINT_URL_ELASTICACHE",
    "stepfunctions": "AWS_ENDPOINT_URL_SFN",
}
#: AWS's, of an account that is not new.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
DEFAULT_CONCURRENCY = 1000
_STOP_SECONDS = 5.0
_ONE_AT_A_TIME = threading.Lock()


class LocalAwsError(Exception):
    """The local AWS cannot start or run; the text is one line that names the cause and the fix."""


class LocalAws:
    """One local AWS, kept in a directory; a context manager.

    `port` is where an SDK finds everything but Secrets Manager, ElastiCache and Step Functions; any
    free one by default. `modifying_seconds` is how long a user stays `modifying`, `assumptions` are
    Secrets Manager's, and `concurrency` is how many invocations of functions the account may have
    in progress at once.
    `environment`, once started, is what an SDK, the AWS CLI or our functions need to reach it.
    """

    #: What runs the child.
    python = sys.executable

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        modifying_seconds: float = 5.0,
        assumptions: Assumptions = Assumptions(),  # noqa: B008
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        self.environment: dict[str, str] = {}
        self._directory = directory.resolve()
        self._options = {
            "directory": str(self._directory),
            "port": port or 0,
            "modifying_seconds": modifying_seconds,
            "assumptions": asdict(assumptions),
            "concurrency": concurrency,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when every service answers; raises LocalAwsError."""
        if self._process is not None:
            raise LocalAwsError("This local AWS is started already: stop it first.")
        log = self._directory / "server.log"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            log_file = log.open("ab")
        except OSError as error:
            text = f"{self._directory}: {error.strerror}; give another --directory."
            raise LocalAwsError(text) from None
        with log_file:
            # Its own session, so that it and all it starts are one process group; stdin is the
            # child's sign of life of this process.
            process = self._process = subprocess.Popen(
                [self.python, "-m", "local.server", json.dumps(self._options)],
                cwd=Path(__file__).parent.parent,
                env=_child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                start_new_session=True,
            )
        assert process.stdout
        with process.stdout:
            ready: dict[str, Any] = json.loads(process.stdout.readline() or "{}")
        self._guard = threading.Thread(
            target=_outlive, args=(process, ready.get("scratch")), daemon=True
        )
        self._guard.start()
        if "environment" not in ready:
            self.stop()
            text = f"The local AWS did not start: see the end of {log}."
            raise LocalAwsError(ready.get("error") or text)
        self.environment = ready["environment"]

    def stop(self) -> None:
        """Ends the child and everything it started; does nothing when there is none."""
        if self._process is None or self._guard is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        self._guard.join(_STOP_SECONDS)
        if self._guard.is_alive():
            _kill_group(self._process.pid)
            self._guard.join()
        if self._process.stdin:
            self._process.stdin.close()
        self._process = self._guard = None

    def wait(self) -> int:
        """Blocks until the child ends and returns its exit status."""
        if self._process is None:
            raise LocalAwsError("This local AWS is not running: start it first.")
        return self._process.wait()

    def client(self, service: str) -> Any:
        """A boto3 client of the service, on this local AWS and nothing else."""
        return self._client(service, MOTO_SERVICES.get(service, "AWS_ENDPOINT_URL"))

    def deployment_client(self, service: str) -> Any:
        """A client of ministack's own edition of the service, where CloudFormation deploys to."""
        return self._client(service, "AWS_ENDPOINT_URL")

    def _client(self, service: str, variable: str) -> Any:
        if not self.environment:
            raise LocalAwsError("This local AWS is not running: start it first.")
        return make_client(service, self.environment[variable])


def make_client(
    service: str, endpoint: str, key: str = ACCESS_KEY, secret: str = SECRET_KEY, token: str = ""
) -> Any:
    """A boto3 client that takes nothing from the environment or from configuration files."""
    # Clients of one session share what it has parsed; a session serves one thread at a time.
    with _ONE_AT_A_TIME:
        return _session().client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token or None,
            config=Config(
                proxies={},
                # A Lambda may run for 15 minutes, and a caller that tries again would run it twice.
                read_timeout=1000,
                retries={"total_max_attempts": 1},
                max_pool_connections=100,
            ),
        )


@functools.cache
def _session() -> boto3.session.Session:
    nothing = (None, None, None, None)
    names = ("profile", "config_file", "credentials_file", "ca_bundle")
    core = botocore.session.Session(session_vars=dict.fromkeys(names, nothing))
    return boto3.session.Session(botocore_session=core)


def _child_environment() -> dict[str, str]:
    """What the child inherits: nothing that could lead to a real AWS, or through a proxy.

    Nor what would have each function's process compile all that it imports anew.
    """
    left_out = re.compile(r"AWS_.*|.*_proxy|PYTHONDONTWRITEBYTECODE", re.IGNORECASE)
    return {name: os.environ[name] for name in os.environ if not left_out.fullmatch(name)}


def _outlive(process: subprocess.Popen[bytes], scratch: str | None) -> None:
    """Waits for the child's end, and ends what it may have left: it can die without a clean-up."""
    process.wait()
    _kill_group(process.pid)
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
