"""Python, and the AWS CLI, forked from a process that has imported what is slow to import.

The imports are most of what a short run of either costs. This project's own modules, and what reads
the environment when it is imported, are imported by each fork anew.
"""

import atexit
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

from local import forks

ROOT = Path(__file__).parents[1]
#: For the processes that the tests start: one serves them all.
_VARIABLE = "PRELOADED_FOLDER"
_MODULES = """
    aws_lambda_powertools.metrics boto3 hypercorn.asyncio jinja2 markdown_it
    moto.core.request moto.secretsmanager.responses moto.stepfunctions.responses
    redis rich.console samtranslator.translator.translator trustme
    werkzeug.serving
"""
_PROGRAM = """#!{python} -IS
import os, sys
if {name!r} != "aws" and sys.argv[1:2] != ["-m"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
sys.path.insert(0, {folder!r})
from forks import ask
ask({socket!r}, [{name!r}, *sys.argv[1:]])
"""


@cache
def folder() -> Path:
    """Where the programs are, ``python`` and ``aws``; they live as long as this process."""
    if _VARIABLE in os.environ:
        return Path(os.environ[_VARIABLE])
    made = tempfile.mkdtemp(prefix="preloaded-")
    atexit.register(shutil.rmtree, made)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded", made],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    # Its standard input ends with this process.
    _servers.append(server)
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    os.environ[_VARIABLE] = made
    return Path(made)


def python() -> str:
    """Instead of `sys.executable`, for ``-m MODULE``; it hands everything else on."""
    return str(folder() / "python")


_servers: list[subprocess.Popen[bytes]] = []


def _serve(made: Path) -> None:
    import awscli.clidriver
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    for name in _MODULES.split():
        __import__(name)
    # ANTLR keeps what it has learned of the grammar.
    AmazonStateLanguageParser.parse((ROOT / "statemachine/rotation.asl.json").read_text())
    loader = awscli.clidriver.create_clidriver().session.get_component("data_loader")
    for service in ("elasticache", "secretsmanager", "stepfunctions"):
        loader.load_service_model(service, "service-2")
    for name in ("python", "aws"):
        text = _PROGRAM.format(
            python=sys.executable,
            name=name,
            folder=str(Path(forks.__file__).parent),
            socket=f"{made}/socket",
        )
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    listener = forks.listen(f"{made}/socket")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    forks.serve(listener, partial(_run, made), sys.stdin.fileno(), grouped=True)


def _run(made: Path, arguments: list[str]) -> int:
    program, *rest = arguments
    if program == "aws":
        import awscli.clidriver

        # As its import has it.
        os.environ["AWS_DATA_PATH"] = os.pathsep.join(awscli._awscli_data_path)
        sys.argv = arguments
        return int(awscli.clidriver.main())
    _, module, *more = rest
    sys.argv = [module, *more]
    sys.path[0] = os.getcwd()
    # So that what it starts is forked, too.
    sys.executable = str(made / "python")
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
