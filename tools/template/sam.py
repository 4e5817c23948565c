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
#: The commands of the documentation; tests/template/test_sam.py holds it to that.
BUILD, GUIDED, DEPLOY, DELETE = "sam build", "sam deploy --guided", "sam deploy", "sam delete"
ONCE = f"{DEPLOY} --parameter-overrides Alarms=true"
UNSAVED = f"{DEPLOY} --stack-name {STACK_NAME} --resolve-s3 --capabilities CAPABILITY_IAM"
UNSAVED_CHANGE = f"{UNSAVED} --parameter-overrides Alarms=true"
PACKAGE = "sam package --resolve-s3 --output-template-file packaged.yaml"
EXAMPLE = ROOT / "examples/samconfig.toml"
ENVIRONMENTS = {each: f"{DEPLOY} --config-env {each}" for each in ("staging", "production")}
DOCUMENTED = {BUILD, GUIDED, DEPLOY, ONCE, UNSAVED_CHANGE, DELETE, PACKAGE, *ENVIRONMENTS.values()}
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
def terminal_beside_aws(command: Sequence[str]) -> Iterator[tuple[LocalAws, Terminal]]:
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


@dataclass
class Deployments:
    """The commands in the order in which people type them, each with what it has to come to.

    ``parameters`` are those that the stack should have. Each method raises UnexpectedOutcomeError
    if something is not as the documentation says.
    """

    aws: LocalAws
    sam: Terminal
    parameters: dict[str, str]

    def deploy(self, line: str, answers: Mapping[str, str] = {}, **changed: str) -> None:
        """The command changes these parameters, deploys what they switch on, and no more."""
        self.sam.run(line, answers)
        self.parameters |= changed
        found = {each["ParameterKey"]: each["ParameterValue"] for each in self.stack["Parameters"]}
        _expect(found == self.parameters, f"The stack has {found}, and not {self.parameters}.")
        cloudwatch = self.aws.client("cloudwatch")
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        boards = cloudwatch.list_dashboards()["DashboardEntries"]
        for name, there in (("Alarms", alarms), ("Dashboard", boards)):
            _expect(bool(there) == (found[name] == "true"), f"{name}: there are {len(there)}.")

    def guided(self, **answers: str) -> None:
        """Guided mode offers the parameters that the stack has."""
        offered = dict(self.parameters)
        asked = {f"Parameter {name}": value for name, value in answers.items()}
        self.deploy(GUIDED, {"Stack Name": STACK_NAME, **asked}, **answers)
        shown = {name: self.sam.asked.get(f"Parameter {name}") for name in offered}
        _expect(shown == offered, f"Guided mode offered {shown}.")

    @property
    def stack(self) -> dict[str, Any]:
        """What DescribeStacks answers."""
        stacks = self.aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
        found: dict[str, Any] = stacks[0]
        return found

    def build(self) -> None:
        """The layer holds what the functions import."""
        self.sam.run("sam validate --lint")
        built = self.sam.run(BUILD)
        _expect("WARNING" not in built, f"`{BUILD}` warns:\n{built}")
        layer = self.sam.folder / ".aws-sam/build/Dependencies/python"
        names = {path.name for path in layer.iterdir()}
        _expect({"aws_lambda_powertools", "redis"} <= names, f"The layer holds {names}.")

    def change(self) -> None:
        """Each way to change a parameter, on the command line and in samconfig.toml."""
        self.guided(LogLevel="DEBUG")
        self.deploy(ONCE, Alarms="true")
        # The saved answers are sent again: what only a command line said is taken back.
        self.deploy(DEPLOY, Alarms="false")
        self.guided(Alarms="true", OverdueCheck="true", Dashboard="true")
        config = self.sam.folder / "samconfig.toml"
        text = config.read_text()
        # Two, since ministack's change sets overlook a resource whose condition alone has changed.
        for parameter, old, new in (("Dashboard", "true", "false"), ("LogLevel", "DEBUG", "INFO")):
            saved, wanted = (f'{parameter}=\\"{value}\\"' for value in (old, new))
            _expect(saved in text, f"samconfig.toml does not have {saved}:\n{text}")
            text = text.replace(saved, wanted)
        config.write_text(text)
        self.deploy(DEPLOY, Dashboard="false", LogLevel="INFO")
        unchanged = self.sam.run(DEPLOY, status=1)
        _expect("No changes to deploy" in unchanged, f"`{DEPLOY}` says:\n{unchanged}")

    def upgrade(self) -> None:
        """Other code, the same parameters."""
        before = _code(self.aws)
        with (self.sam.folder / "functions/check_target.py").open("a") as source:
            source.write("# Another release.\n")
        self.sam.run(BUILD)
        self.deploy(DEPLOY)
        _expect(_code(self.aws) != before, "The functions' code is what it was before the upgrade.")

    def deploy_unsaved(self) -> None:
        """Without samconfig.toml, as in a pipeline: the stack itself keeps the parameters."""
        config = self.sam.folder / "samconfig.toml"
        config.rename(aside := config.with_suffix(".aside"))
        line = f"{UNSAVED} --parameter-overrides Alarms=false Dashboard=true"
        self.deploy(line, Alarms="false", Dashboard="true")
        self.deploy(UNSAVED_CHANGE, Alarms="true")
        aside.rename(config)

    def package_and_delete(self) -> None:
        """For the Serverless Application Repository; then nothing is left."""
        self.sam.run(PACKAGE)
        published = parse_template((self.sam.folder / "packaged.yaml").read_text())["Metadata"]
        for url in ("LicenseUrl", "ReadmeUrl"):
            found = published["AWS::ServerlessRepo::Application"][url]
            _expect(found.startswith("s3://"), f"{url} of the package is {found}.")
        self.sam.run(DELETE, dict.fromkeys(SURE, "y"))
        stacks = self.aws.client("cloudformation").describe_stacks()["Stacks"]
        names = {each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"}
        _expect(STACK_NAME not in names, f"There is still a stack {STACK_NAME}.")

    def deploy_environments(self) -> None:
        """What has been built, as a pipeline does; on one computer, into one stack."""
        shutil.copy(EXAMPLE, self.sam.folder / "samconfig.toml")
        for environment, command in ENVIRONMENTS.items():
            options = tomllib.loads(EXAMPLE.read_text())[environment]["deploy"]["parameters"]
            changed = dict(each.split("=", 1) for each in options["parameter_overrides"])
            self.deploy(command, **changed)
            tags = {f"{each['Key']}={each['Value']}" for each in self.stack["Tags"]}
            _expect(tags >= {*options["tags"]}, f"The stack has the tags {tags}.")
            # A pipeline that has nothing to deploy.
            self.sam.run(command)


def _code(aws: LocalAws) -> set[str]:
    pages = aws.client("lambda").get_paginator("list_functions").paginate()
    return {each["CodeSha256"] for page in pages for each in page["Functions"]}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnexpectedOutcomeError(otherwise)


def main() -> int:
    """The exit status is 0, or 1 after what was not as it should be."""
    with terminal_beside_aws(sys.argv[1:]) as (aws, sam):
        parameters = parse_template((sam.folder / "template.yaml").read_text())["Parameters"]
        defaults = {name: str(each["Default"]) for name, each in parameters.items()}
        stack = Deployments(aws, sam, dict(defaults))
        try:
            stack.build()
            stack.change()
            stack.upgrade()
            stack.deploy_unsaved()
            stack.package_and_delete()
            stack.parameters = defaults
            stack.deploy_environments()
        except UnexpectedOutcomeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print("All of it is as README.md and docs/operations.md say.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
