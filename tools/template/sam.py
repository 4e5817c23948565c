"""Runs the real AWS SAM CLI against the local AWS, as the README and docs/operations.md say.

``python -m tools.template.sam COMMAND...`` (`make sam`): COMMAND runs the SAM CLI. Everything
happens in a copy of what is deployed, so that no samconfig.toml and no .aws-sam is left here.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.deploy import STACK_NAME
from local.instance import REGION, LocalAws
from local.package import parse_template

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ("template.yaml", "dependencies", "functions", "statemachine", "LICENSE", "README.md")
#: What the documentation tells people to type; tests/template/test_sam.py holds it to that.
BUILD, GUIDED, DEPLOY, DELETE = "sam build", "sam deploy --guided", "sam deploy", "sam delete"
ONCE = f"{DEPLOY} --parameter-overrides Alarms=true"
UNSAVED = f"{DEPLOY} --stack-name {STACK_NAME} --resolve-s3 --capabilities CAPABILITY_IAM"
UNSAVED_CHANGE = f"{UNSAVED} --parameter-overrides Alarms=true"
PACKAGE = "sam package --resolve-s3 --output-template-file packaged.yaml"
EXAMPLE = ROOT / "examples/samconfig.toml"
ENVIRONMENTS = {each: f"{DEPLOY} --config-env {each}" for each in ("staging", "production")}
DOCUMENTED = {BUILD, GUIDED, DEPLOY, ONCE, UNSAVED_CHANGE, DELETE, PACKAGE, *ENVIRONMENTS.values()}
TOLD = {"Alarms": "true", "OverdueCheck": "true", "Dashboard": "true"}
SURE = (
    f"Are you sure you want to delete the stack {STACK_NAME} in the region {REGION} ?",
    f"Are you sure you want to delete the folder {STACK_NAME} in S3 which contains the artifacts?",
)
# `Stack Name [sam-app]: `, at the end of what is on the screen.
_PROMPT = re.compile(r"([^\n\t]*?)\s*\[([^\]\n]*)\]: ?$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class UnexpectedOutcomeError(Exception):
    """The SAM CLI, or what it has deployed, is not as the documentation says; the text is why."""


@dataclass
class Terminal:
    """Where a person types commands of the SAM CLI; ``folder`` is the current one."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    #: What the last command asked, with the default that it showed.
    asked: dict[str, str] = field(default_factory=dict)

    def run(self, line: str, answers: Mapping[str, str] = {}, status: int = 0) -> str:
        """What the command writes; a question without an answer gets its default.

        Raises:
            UnexpectedOutcomeError: it has ended with another status.
        """
        began = time.monotonic()
        ended, text = self._type(line, answers)
        if ended != status:
            raise UnexpectedOutcomeError(f"`{line}` ended with {ended}:\n{text[-3000:]}")
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
        return text

    def _type(self, line: str, answers: Mapping[str, str]) -> tuple[int, str]:
        self.asked.clear()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*self.command, *line.split()[1:]],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        text, seen = "", 0
        for part in _read(ours):
            text += _COLOUR.sub("", part).replace("\r\n", "\n")
            if prompt := _PROMPT.search(text, seen):
                question, default = prompt[1].strip(), prompt[2]
                self.asked[question] = default
                os.write(ours, f"{answers.get(question, '')}\n".encode())
                seen = len(text)
        os.close(ours)
        return process.wait(), text


def _read(terminal: int) -> Iterator[str]:
    """What comes, as it comes, until the other side is closed."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that nobody writes any more
            return
        if not part:
            return
        yield part.decode(errors="replace")


@contextmanager
def watched(command: Sequence[str]) -> Iterator[tuple[LocalAws, Terminal]]:
    """A local AWS, and a terminal in a copy of the tree that sees nothing else of AWS."""
    with tempfile.TemporaryDirectory(prefix="sam-") as directory:
        folder = Path(directory, "tree")
        for name in DEPLOYED:
            copy: Any = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            folder.mkdir(exist_ok=True)
            copy(ROOT / name, folder / name)
        with LocalAws(Path(directory, "aws")) as aws:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
            environment |= {**aws.environment, "SAM_CLI_TELEMETRY": "0", "COLUMNS": "120"}
            yield aws, Terminal(command, folder, environment)


def watch(aws: LocalAws, sam: Terminal) -> None:
    """Deploy, change, upgrade and delete, and look at what has become of it each time.

    Raises:
        UnexpectedOutcomeError: something is not as the documentation says.
    """
    template = parse_template((sam.folder / "template.yaml").read_text())
    defaults = {name: str(each["Default"]) for name, each in template["Parameters"].items()}
    config = sam.folder / "samconfig.toml"

    sam.run("sam validate --lint")
    built = sam.run(BUILD)
    _expect("WARNING" not in built, f"`{BUILD}` warns:\n{built}")
    layer = {path.name for path in (sam.folder / ".aws-sam/build/Dependencies/python").iterdir()}
    _expect({"aws_lambda_powertools", "redis"} <= layer, f"The layer holds {layer}.")

    sam.run(GUIDED, {"Stack Name": STACK_NAME, "Parameter LogLevel": "DEBUG"})
    offered = {name: sam.asked.get(f"Parameter {name}") for name in defaults}
    _expect(offered == defaults, f"Asked for the parameters with the defaults {offered}.")
    now = {**defaults, "LogLevel": "DEBUG"}
    _is_deployed(aws, now)

    sam.run(ONCE)
    _is_deployed(aws, {**now, "Alarms": "true"})
    # The saved answers are sent again: what only a command line said is taken back.
    sam.run(DEPLOY)
    _is_deployed(aws, now)

    sam.run(GUIDED, {f"Parameter {name}": value for name, value in TOLD.items()})
    offered = {name: sam.asked.get(f"Parameter {name}") for name in defaults}
    _expect(offered == now, f"Guided mode offered {offered}, and not what it had saved.")
    now |= TOLD
    _is_deployed(aws, now)

    text = config.read_text()
    for parameter, old, new in (("Dashboard", "true", "false"), ("LogLevel", "DEBUG", "INFO")):
        # Two, since ministack's change sets overlook a resource whose condition alone has changed.
        saved, wanted = (f'{parameter}=\\"{value}\\"' for value in (old, new))
        _expect(saved in text, f"samconfig.toml does not have {saved}:\n{text}")
        text = text.replace(saved, wanted)
        now[parameter] = new
    config.write_text(text)
    sam.run(DEPLOY)
    _is_deployed(aws, now)

    unchanged = sam.run(DEPLOY, status=1)
    _expect("No changes to deploy" in unchanged, f"`{DEPLOY}` of nothing new says:\n{unchanged}")

    # An upgrade: other code, the same parameters.
    before = _code(aws)
    with (sam.folder / "functions/check_target.py").open("a") as source:
        source.write("# Another release.\n")
    sam.run(BUILD)
    sam.run(DEPLOY)
    _is_deployed(aws, now)
    _expect(_code(aws) != before, "The functions' code is what it was before the upgrade.")

    # Nothing saved, as in a pipeline: the stack itself keeps the parameters.
    config.rename(aside := config.with_suffix(".aside"))
    sam.run(f"{UNSAVED} --parameter-overrides Alarms=false Dashboard=true")
    now |= {"Alarms": "false", "Dashboard": "true"}
    _is_deployed(aws, now)
    sam.run(UNSAVED_CHANGE)
    now |= {"Alarms": "true"}
    _is_deployed(aws, now)
    aside.rename(config)

    sam.run(PACKAGE)
    published = parse_template((sam.folder / "packaged.yaml").read_text())["Metadata"]
    for url in ("LicenseUrl", "ReadmeUrl"):
        found = published["AWS::ServerlessRepo::Application"][url]
        _expect(found.startswith("s3://"), f"{url} of the package is {found}.")

    sam.run(DELETE, dict.fromkeys(SURE, "y"))
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    names = {each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"}
    _expect(STACK_NAME not in names, f"There is still a stack {STACK_NAME}.")

    watch_environments(aws, sam, defaults)


def watch_environments(aws: LocalAws, sam: Terminal, now: Mapping[str, str]) -> None:
    """Deploy what has been built as a pipeline does; on one computer, into one stack.

    Raises:
        UnexpectedOutcomeError: something is not as the documentation says.
    """
    shutil.copy(EXAMPLE, sam.folder / "samconfig.toml")
    for environment, command in ENVIRONMENTS.items():
        options = tomllib.loads(EXAMPLE.read_text())[environment]["deploy"]["parameters"]
        sam.run(command)
        now = {**now, **dict(each.split("=", 1) for each in options["parameter_overrides"])}
        _is_deployed(aws, now)
        [stack] = aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
        tags = {f"{each['Key']}={each['Value']}" for each in stack["Tags"]}
        _expect(tags >= {*options["tags"]}, f"The stack has the tags {tags}.")
        # A pipeline that has nothing to deploy.
        sam.run(command)


def _is_deployed(aws: LocalAws, parameters: Mapping[str, str]) -> None:
    """The stack has these parameters, and with them what they switch on, and nothing more."""
    [stack] = aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    found = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    _expect(found == dict(parameters), f"The stack has {found}, and not {dict(parameters)}.")
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    _expect(bool(alarms) == (parameters["Alarms"] == "true"), f"There are {len(alarms)} alarms.")
    boards = aws.client("cloudwatch").list_dashboards()["DashboardEntries"]
    _expect(
        bool(boards) == (parameters["Dashboard"] == "true"), f"There are {len(boards)} dashboards."
    )


def _code(aws: LocalAws) -> set[str]:
    pages = aws.client("lambda").get_paginator("list_functions").paginate()
    return {each["CodeSha256"] for page in pages for each in page["Functions"]}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnexpectedOutcomeError(otherwise)


def main() -> int:
    """The exit status is 0, or 1 after what was not as it should be."""
    with watched(sys.argv[1:]) as (aws, sam):
        try:
            watch(aws, sam)
        except UnexpectedOutcomeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print("All of it is as README.md and docs/operations.md say.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
