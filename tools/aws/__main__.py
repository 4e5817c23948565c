"""Asks a real AWS account what nobody could verify, beside the local AWS: ``make test-aws``."""

import argparse
import math
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.deploy import local_package
from local.instance import LocalAws, LocalAwsError
from local.package import PackageError, lambda_package
from local.step_functions import adopt_state_machines
from tools.aws import report
from tools.aws.account import RUN, Account, NotOursError, new_run
from tools.aws.answers import Answer, Case, answer, unexpected
from tools.aws.cases import cases
from tools.aws.cost import estimate
from tools.aws.removal import NotRemovedError, remove
from tools.aws.scene import CACHES, Scene, build, prepare

#: For how long a failing rotation's retries are watched at least: on AWS, on this computer.
WATCH_SECONDS, LOCAL_WATCH_SECONDS = 1800.0, 20.0
MODIFYING_SECONDS = 0.5
CONSENT = "spend-money-in-"

say = partial(print, flush=True)


class RefusedError(Exception):
    """Nothing was done; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all was asked and removed, 1 when not, 2 when it was refused, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.clean:
            return _clean(options)
        return _ask(options)
    except RefusedError as error:
        say(f"refused: {error}", file=sys.stderr)
        return 2
    except (
        LocalAwsError,
        PackageError,
        NotRemovedError,
        NotOursError,
        TimeoutError,
        ClientError,
        BotoCoreError,
    ) as error:
        say(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.aws", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="only remove what killed runs left")
    parser.add_argument("--run", help="with --clean: this run's only, such as rotation-test-...")
    parser.add_argument("--local", action="store_true", help="ask a second local AWS instead")
    parser.add_argument(
        "--caches",
        type=_caches,
        default=CACHES,
        help=f"default: {','.join(CACHES)}; none: ask Secrets Manager alone",
    )
    parser.add_argument("--watch-seconds", type=float, help="watch failing rotations so long")
    parser.add_argument("--directory", type=Path, default=Path(".local/test-aws"))
    return parser


def _caches(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    kinds = tuple(text.split(","))
    for kind in kinds:
        if kind not in CACHES:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(CACHES)}")
    return kinds


def _ask(options: argparse.Namespace) -> int:
    default = LOCAL_WATCH_SECONDS if options.local else WATCH_SECONDS
    watch = default if options.watch_seconds is None else options.watch_seconds
    expected = estimate(options.caches, watch)
    with (
        tempfile.TemporaryDirectory(prefix="test-aws-") as directory,
        _account(options, new_run(), Path(directory) / "account", str(expected)) as account,
    ):
        identity, region = account.identity()
        say(f"account {identity} in {region}; everything is named {account.run}-...")
        say(f"{expected}: {_bill(expected.dollars)}" if not options.local else "costs nothing")
        say("\nFirst on this machine")
        local: dict[str, Answer] = {}
        with _local(Path(directory) / "local", new_run()) as here:
            questions = cases(options.caches, LOCAL_WATCH_SECONDS)
            interview(here, options.caches, questions, local)
        say(f"\nNow in account {identity}")
        head = {"account": identity, "region": region, "run": account.run}
        head["begun"] = time.strftime("%Y-%m-%d %H:%M:%S%z")
        if options.local:
            head["account"] += ", which is a second local AWS and not AWS"
        found: dict[str, Answer] = {}
        ended = "interrupted, or an error"
        questions = cases(options.caches, watch)
        try:
            # What takes twice as long as was said does not go on to cost more.
            most = 2 * 60.0 * expected.minutes
            ended = interview(account, options.caches, questions, found, most)
        finally:
            for path in report.write(options.directory, head, questions, local, found, ended):
                say(f"report: {path}")
    return 1 if ended else 0


def interview(
    account: Account,
    caches: tuple[str, ...],
    questions: Sequence[Case],
    answers: dict[str, Answer],
    seconds: float = math.inf,
) -> str:
    """Begin, ask, build before the first question that needs it, and remove, whatever happens.

    The answers are put in one by one. Asks nothing more after so many seconds, and nothing that
    needs what could not be built; why not all was asked, or empty.

    Raises:
        NotRemovedError: something is left.
    """
    end = account.clock() + seconds
    reason, built = "", False
    try:
        scene = prepare(account, [plan for case in questions for plan in case.trials])
        for case in questions:
            if account.clock() > end:
                return f"after {seconds / 3600:.1f} hours"
            if case.caches and not built:
                reason, built = _not_built(scene, caches), True
            if case.caches and reason:
                continue
            answers[case.name] = answer(case, scene)
            say(f"  {case.name}: {answers[case.name].text}")
        return reason
    finally:
        with _uninterrupted():
            remove(account, say)


def _not_built(scene: Scene, caches: tuple[str, ...]) -> str:
    """Build the stack and the caches; why it was not possible, or empty."""
    try:
        build(scene, caches)
    except (LocalAwsError, TimeoutError, ClientError, BotoCoreError) as error:
        return f"not built: {error}"
    except Exception as error:
        found = unexpected(error, scene.account.answers)
        return f"not built: {found.text}, {found.measured}"
    return ""


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C does not leave behind what costs money."""

    def refuse(*_: object) -> None:
        say("removing; what a kill leaves behind is removed by make test-aws-clean")

    before = {number: signal.signal(number, refuse) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _clean(options: argparse.Namespace) -> int:
    run = options.run or RUN
    if options.run and not re.fullmatch(RUN, options.run):
        raise RefusedError(f"--run {options.run} is no run's name: they look like {new_run()}.")
    with _account(options, run, Path(), "nothing") as account:
        identity, region = account.identity()
        say(f"account {identity} in {region}")
        with _uninterrupted():
            removed = remove(account, say)
    say(f"removed: {len(removed)}")
    return 0


@contextmanager
def _account(
    options: argparse.Namespace, run: str, directory: Path, cost: str
) -> Iterator[Account]:
    """The account to ask; raises RefusedError unless CONSENT names it."""
    if options.local:
        with _local(directory, run) as account:
            yield account
        return
    consent = os.environ.get("CONSENT", "")
    if not re.fullmatch(CONSENT + r"\d{12}", consent):
        raise RefusedError(
            f"this costs {cost} in your AWS account; set CONSENT={CONSENT}ACCOUNT_ID, with the "
            "account's 12 digits, to allow it. Nothing was called."
        )
    account = Account(_aws_client, run, lambda_package)
    identity, _ = account.identity()
    if consent != CONSENT + identity:
        raise RefusedError(
            f"the credentials are of account {identity}, and CONSENT is {consent}. "
            "Nothing was made."
        )
    yield account


@contextmanager
def _local(directory: Path, run: str) -> Iterator[Account]:
    with LocalAws(directory, modifying_seconds=MODIFYING_SECONDS) as aws:
        yield local_account(aws, run)


def local_account(aws: LocalAws, run: str) -> Account:
    """A local AWS as the account."""

    def adopt() -> None:
        adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))

    # Longer than a function takes to start on a busy computer.
    return Account(aws.client, run, local_package, adopt, pause=0.05, patience=120, quiet=10)


def _aws_client(service: str) -> Any:
    return boto3.client(service, config=Config(retries={"mode": "standard", "max_attempts": 5}))


def _bill(dollars: dict[str, float]) -> str:
    return ", ".join(f"{what} ${price:.2f}" for what, price in dollars.items())


if __name__ == "__main__":
    sys.exit(main())
