"""AWS on this computer: ``python -m local up``, ``rotate`` and ``fault``."""

import argparse
import json
import os
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from local import shell
from local.assumptions import AssumptionError, Assumptions
from local.deploy import check_parameters, deploy
from local.faults import control, parse, table
from local.instance import DEFAULT_CONCURRENCY, LocalAws, LocalAwsError
from local.package import read_template
from local.rotate import NODES, Rotation, rotate, write_pages
from report import closed_pipe
from report.history import HistoryError
from report.source import SourceError

_NEXT = """
In another terminal, and only if the first line has worked:
  . {env}
  aws elasticache create-user --user-id user1 --user-name user1 --engine REDIS \\
    --no-password-required --access-string "off +get ~keys*"
  aws secretsmanager create-secret --name production/ec/user1 --secret-string \\
    '{{"user_arn": "arn:aws:elasticache:us-east-1:123456789012:user:user1", "username": "user1"}}'
  aws elasticache add-tags-to-resource --tags Key=rotation-secret,Value=production/ec/user1 \\
    --resource-name arn:aws:elasticache:us-east-1:123456789012:user:user1
  aws secretsmanager rotate-secret --secret-id production/ec/user1 \\
    --rotation-lambda-arn $ROTATION_FUNCTION_ARN --rotation-rules AutomaticallyAfterDays=30
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, or 1 after one line that says what is wrong."""
    listed = "--list-faults" in (sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace(run=_list_faults) if listed else _parser().parse_args(arguments)
    # A kill must clean up just as an interrupt does; a shell has what it starts with & ignore one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return closed_pipe()
    except (LocalAwsError, SourceError, HistoryError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _list_faults(_: argparse.Namespace) -> int:
    for written, does in table():
        print(f"{written:<42}{does}")
    return 0


def _fault(options: argparse.Namespace) -> int:
    url = shell.control_url(options.directory)
    for text in options.fault:
        parse(text)
    if options.clear:
        control(url, "DELETE")
    for fault in control(url, "POST", options.fault):
        print(f"{fault['fault']}: met {fault['met']} times")
    return 0


def _up(options: argparse.Namespace) -> int:
    _check(options)
    with _local_aws(options, options.directory, port=options.port) as aws:
        stack = deploy(aws, dict(options.parameter))
        env = options.directory / "env"
        # `RotationFunctionArn` is ROTATION_FUNCTION_ARN.
        outputs = {
            re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value
            for name, value in stack.outputs.items()
        }
        control(aws.environment["LOCAL_CONTROL_URL"], "POST", options.fault)
        shell.write(env, {**aws.environment, **outputs})
        try:
            # With a slash, or a shell looks for it on the PATH.
            shown = os.path.join(os.path.relpath(options.directory), "env")
            print("ready" + _NEXT.format(env=shlex.quote(shown)), flush=True)
            return aws.wait()
        finally:
            env.unlink(missing_ok=True)


def _check(options: argparse.Namespace, nodes: int = 0) -> None:
    """Refuses wrong options before anything is started; raises LocalAwsError."""
    for text in options.fault:
        parse(text, nodes)
    check_parameters(dict(options.parameter), read_template())


def _local_aws(options: argparse.Namespace, directory: Path, **more: Any) -> LocalAws:
    return LocalAws(
        directory,
        modifying_seconds=options.modifying_seconds,
        assumptions=Assumptions().with_values(dict(options.assume)),
        concurrency=options.concurrency,
        **more,
    )


def _rotate(options: argparse.Namespace) -> int:
    console = Console(stderr=options.json, highlight=False, soft_wrap=True, emoji=False)
    _check(options, NODES)
    with (
        tempfile.TemporaryDirectory(prefix="rotate-") as directory,
        _local_aws(options, Path(directory)) as aws,
    ):
        stack = deploy(aws, dict(options.parameter))
        rotation = Rotation()
        try:
            rotate(aws, stack, console, options.fault, rotation)
        except KeyboardInterrupt:
            _print_pages(write_pages(aws, rotation, Path(".local")), console)
            raise
        pages = write_pages(aws, rotation, Path(".local"))
    if options.json:
        print(json.dumps(rotation.as_json(), indent=2))
    if rotation.status == "SUCCEEDED":
        outcome = f"The rotation is {'verified' if rotation.proven else 'NOT verified'}."
    else:
        proof = "AWSCURRENT logs in." if rotation.proven else "AWSCURRENT's login is NOT verified."
        outcome = f"The rotation failed ({rotation.reason}). {proof}"
    # After a failure, what to do has to stay on the screen.
    if not rotation.failed:
        console.print()
    console.print(f"{outcome} Total time: {rotation.seconds} s.")
    _print_pages(pages, console)
    return 0 if rotation.proven and rotation.status == "SUCCEEDED" else 1


def _print_pages(written: list[Path], console: Console) -> None:
    if written:
        page, history = written
        console.print(f"The page of this execution: {page}")
        console.print(f"Again: .venv/bin/python -m report --history {history}")


def _assumption(text: str) -> tuple[str, str]:
    name, value = _key_value(text)
    try:
        Assumptions().with_values({name: value})
    except AssumptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name, value


def _directory(text: str) -> Path:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a folder")
    return Path(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0 to 3600")
    return seconds


def _number(kind: str, most: int, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not a {kind} from 1 to {most}")
    return int(text)


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text} is not of the form KEY=VALUE")
    return key, value


_REPEATED: dict[str, Any] = {"action": "append", "default": []}
_OPTIONS: dict[str, dict[str, Any]] = {
    "--directory": {"type": _directory, "default": Path(".local"), "help": "default: .local"},
    "--port": {"type": partial(_number, "port", 65535), "help": "of the gateway; default: free"},
    "--modifying-seconds": {
        "type": _seconds,
        "default": 1.0,
        "metavar": "N",
        "help": "how long a user is modifying; default: 1",
    },
    "--concurrency": {
        "type": partial(_number, "number", 1000),
        "default": DEFAULT_CONCURRENCY,
        "metavar": "N",
        "help": "invocations in progress at once in the whole account; default: 1000, a new "
        "account has 10",
    },
    "--assume": _REPEATED
    | {
        "type": _assumption,
        "metavar": "NAME=VALUE",
        "help": "what Secrets Manager does where AWS does not say, such as attempts=5 (see "
        "docs/local-aws.md); can be given again",
    },
    "--parameter": _REPEATED
    | {
        "type": _key_value,
        "metavar": "KEY=VALUE",
        "help": "a parameter of template.yaml; can be given again",
    },
    "--fault": _REPEATED
    | {
        "metavar": "FAULT",
        "help": "something to go wrong, such as throttle:ModifyUser:1-3; can be given again",
    },
    "--list-faults": {"action": "store_true", "help": "say what faults there are"},
    "--json": {"action": "store_true", "help": "print what was seen as JSON"},
    "fault": {"nargs": "*", "metavar": "FAULT", "help": "see --list-faults"},
    "--clear": {"action": "store_true", "help": "drop all faults first"},
}
_RUN = "--fault --list-faults --modifying-seconds --assume --concurrency --parameter"
#: What runs each command, what it does, and its options.
_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, str]] = {
    "up": (
        _up,
        "start it, deploy template.yaml, and run until stopped",
        f"--port --directory {_RUN}",
    ),
    "rotate": (_rotate, "show one rotation from end to end, and verify it", f"--json {_RUN}"),
    "fault": (
        _fault,
        "have a running `up` fail, or say how it does",
        "fault --clear --directory --list-faults",
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (run, what, options) in _COMMANDS.items():
        command = commands.add_parser(name, help=what)
        command.set_defaults(run=run)
        for option in options.split():
            command.add_argument(option, **_OPTIONS[option])
    return parser


if __name__ == "__main__":
    sys.exit(main())
