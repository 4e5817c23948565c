"""What every test shares: fake credentials, processes to fork from, options, and a summary."""

import argparse
import os

import pytest
from hypothesis import settings

from local.instance import LocalAws
from tests import preloaded


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stepfunctions-endpoint",
        metavar="URL",
        type=_url,
        help="run the cases of tests/statemachine on the engine that answers there",
    )


class _Python:
    """`LocalAws.python`: started when a test has need of it."""

    def __get__(self, *_: object) -> str:
        return preloaded.python()


LocalAws.python = _Python()  # type: ignore[assignment]


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None):
        preloaded.folder()  # one for all workers


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text} is not http://HOST:PORT")
    return text


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how much of the state machine was passed, whichever process has measured it."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    for report in reports:
        if lines := dict(report.user_properties).get("asl_coverage"):
            name = "coverage of statemachine/rotation.asl.json, from the histories"
            terminalreporter.section(name)
            terminalreporter.write_line("\n".join(lines))


@pytest.fixture(autouse=True)
def _fake_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


# HYPOTHESIS_PROFILE=long looks further than `make test`, which runs the same examples every time.
settings.register_profile("quick", derandomize=True, database=None, deadline=None, max_examples=60)
settings.register_profile("long", deadline=None, max_examples=1000)
# redis-py has each connection load this computer's authorities, for 40 ms, before the local one.
os.environ["SSL_CERT_FILE"] = os.devnull
# A local AWS inherits it: what is tried again for minutes on AWS ends in seconds.
os.environ.setdefault("LOCAL_LONGEST_RETRY_SECONDS", "0.5")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
