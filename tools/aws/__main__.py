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
from tools.aws import contract, probes, report, rotations, trials
from tools.aws.account import RUN, Account, NotOursError, new_run
from tools.aws.cost import estimate
from tools.aws.environment import CACHES, Environment
from tools.aws.questions import Answer, Question, unexpected
from tools.aws.removal import NotRemovedError, remove

REPORT = Path(".local/test-aws.md")
CONSENT = "spend-money-in-"

say = partial(print, flush=True)


class RefusedError(Exception):
    """Nothing was done; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all was asked and removed, 1 when not, 2 when it was refused, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="only remove what killed runs left")
    parser.add_argument("--run", help="with --clean: only of this run, such as rotation-test-...")
    parser.add_argument("--local", action="store_true", help="ask a second local AWS instead")
    caches = f"default: {','.join(CACHES)}; none: ask Secrets Manager alone"
    parser.add_argument("--caches", default=",".join(CACHES), help=caches)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _clean(options.run) if options.clean else _ask(options.caches, options.local)
    except RefusedError as error:
        say(f"refused: {error}", file=sys.stderr)
        return 2
    except (
        *(LocalAwsError, PackageError, NotRemovedError, NotOursError),
        *(TimeoutError, ClientError, BotoCoreError),
    ) as error:
        say(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def kinds_of(caches: str) -> tuple[str, ...]:
    """The kinds of caches of an option's value; raises RefusedError."""
    kinds = () if caches == "none" else tuple(caches.split(","))
    if unknown := set(kinds) - set(CACHES):
        raise RefusedError(f"--caches {min(unknown)!r} is not one of {', '.join(CACHES)}.")
    return kinds


def questions_about(kinds: tuple[str, ...]) -> list[Question]:
    """All questions, in turn; without kinds of caches, those to Secrets Manager alone."""
    on_caches = [*rotations.QUESTIONS, *probes.QUESTIONS] if kinds else []
    asked = [each for each in on_caches if not each.kind or each.kind in kinds]
    return [*contract.FIRST, *asked, *contract.LAST]


def _ask(caches: str, local: bool) -> int:
    kinds = kinds_of(caches)
    questions, (minutes, dollars) = questions_about(kinds), estimate(kinds)
    cost = f"about ${dollars:.2f} and {minutes / 60:.1f} hours"
    with (
        tempfile.TemporaryDirectory(prefix="test-aws-") as directory,
        local_account(Path(directory) / "account") if local else _account(cost) as account,
    ):
        identity, region = account.identity()
        say(f"account {identity} in {region}; everything is named {account.run}-...")
        say("costs nothing" if local else cost)
        say("\nFirst on this computer")
        here: dict[str, Answer] = {}
        with local_account(Path(directory) / "local") as local_aws:
            ask_all(local_aws, kinds, questions, here)
        say(f"\nNow in account {identity}")
        head = {
            "account": identity + (", which is a second local AWS and not AWS" if local else ""),
            "region": region,
            "run": account.run,
            "started": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        }
        there: dict[str, Answer] = {}
        ended = "interrupted, or an error"
        try:
            # What takes twice as long as was said does not go on to cost more.
            ended = ask_all(account, kinds, questions, there, 2 * 60.0 * minutes)
        finally:
            report.write(REPORT, head, questions, here, there, ended)
            say(f"report: {REPORT}")
    return 1 if ended else 0


def ask_all(
    account: Account,
    kinds: tuple[str, ...],
    questions: Sequence[Question],
    answers: dict[str, Answer],
    seconds: float = math.inf,
) -> str:
    """Start the trials, ask, build before the first question about caches, and always remove.

    The answers are put in one by one. Asks nothing more after so many seconds, and nothing about
    caches if the stack could not be built. Returns why not all was asked, or an empty string.

    Raises:
        NotRemovedError: something is left.
    """
    end = account.now() + seconds
    reason, built = "", False
    try:
        plans = [question.plan for question in questions if question.plan]
        env = Environment(account, prefix=f"{account.run}-", trials=trials.start(account, plans))
        for question in questions:
            if account.now() > end:
                return f"after {seconds / 3600:.1f} hours"
            if not question.plan and not built:
                reason, built = _not_built(env, kinds), True
            if question.plan or not reason:
                answers[question.name] = question.answer(env)
                say(f"  {question.name}: {answers[question.name].text}")
        return reason
    finally:
        with _uninterrupted():
            remove(account, say)


def _not_built(env: Environment, kinds: tuple[str, ...]) -> str:
    """Build the stack and the caches; why it was not possible, or an empty string."""
    try:
        env.build(kinds)
    except (LocalAwsError, TimeoutError, ClientError, BotoCoreError) as error:
        return f"not built: {error}"
    except Exception as error:
        found = unexpected(error, env.account.shapes)
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


def _clean(run: str | None) -> int:
    if run and not re.fullmatch(RUN, run):
        raise RefusedError(f"--run {run} is not the name of a run, such as {new_run()}.")
    with _account("nothing") as account, _uninterrupted():
        account.run = run or RUN
        say("account {} in {}".format(*account.identity()))
        say(f"removed: {len(remove(account, say))}")
    return 0


@contextmanager
def _account(cost: str) -> Iterator[Account]:
    """The account of the credentials; raises RefusedError unless CONSENT names it."""
    consent = os.environ.get("CONSENT", "")
    if not re.fullmatch(CONSENT + r"\d{12}", consent):
        raise RefusedError(
            f"this costs {cost} in your AWS account; set CONSENT={CONSENT}ACCOUNT_ID, with the "
            "account's 12 digits, to allow it. Nothing was called."
        )
    account = Account(_aws_client, new_run(), lambda_package)
    identity, _ = account.identity()
    if consent != CONSENT + identity:
        raise RefusedError(
            f"the credentials are of account {identity}, and CONSENT is {consent}. "
            "Nothing was created."
        )
    yield account


def _aws_client(service: str) -> Any:
    return boto3.client(service, config=Config(retries={"mode": "standard", "max_attempts": 5}))


@contextmanager
def local_account(directory: Path) -> Iterator[Account]:
    """A new local AWS as the account."""
    with LocalAws(directory, modifying_seconds=0.5) as aws:
        yield account_on(aws)


def account_on(aws: LocalAws) -> Account:
    """A local AWS as the account."""

    def adopt() -> None:
        adopt_state_machines(aws.deployment_client("stepfunctions"), aws.client("stepfunctions"))

    # Quiet is longer than a function takes to start on a busy computer.
    return Account(aws.client, new_run(), local_package, adopt, 0.05, 120, quiet=10, watch=20)


if __name__ == "__main__":
    sys.exit(main())
