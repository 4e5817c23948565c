"""Runs the tests against mutants, in copies of this project."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from queue import Queue

import pytest

from tools.mutants.mutant import OF_DEFINITION, OF_FUNCTIONS, ROOT, Mutant

FUZZ = "tests/unit/test_fuzz.py"
MOST_SECONDS = 40
#: Imported once: each mutant's process is forked from this one.
LIBRARIES = (
    "aws_lambda_powertools",
    "boto3",
    "hypothesis",
    "moto.stepfunctions.responses",
    "redis.connection",
    "samtranslator.yaml_helper",
)


class FirstFailure:
    """A plugin of pytest: the test that failed first."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.name = self.name or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.name = self.name or f"{report.nodeid} (collection)"


def in_tree(tree: Path, tests: Sequence[str]) -> str:
    """Run these tests in turn until one fails, each time in a process of its own; its name."""
    for each in tests:
        if not (tree / each).exists():
            continue
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.chdir(tree)
            sys.path[:] = [path for path in sys.path if path not in ("", str(ROOT))]
            for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "tools")]:
                del sys.modules[name]
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            failure = FirstFailure()
            # Of its own, whatever else runs here; and of the clock, if it only waits.
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            signal.alarm(10 * MOST_SECONDS)
            options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"--ignore={FUZZ}"]
            code = pytest.main([*options, each], plugins=[failure])
            os.write(writer, (failure.name if code else "").encode())
            os._exit(code)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reader) as answer:
            failed = answer.read()
        if status:
            return failed or f"{each}: it does not end"
    return ""


def killers_of(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant and the test that fails; in parallel, in copies of this project."""
    for library in LIBRARIES:
        import_module(library)
    with tempfile.TemporaryDirectory() as directory:
        trees = [Path(directory, str(number)) for number in range(os.cpu_count() or 1)]
        shutil.copytree(ROOT, trees[0], ignore=shutil.ignore_patterns(".*", "__pycache__"))
        if failed := in_tree(trees[0], [OF_FUNCTIONS, *OF_DEFINITION]):
            raise SystemExit(f"error: {failed} fails without any mutant; run `make test` first.")
        # A mutant of the same second and size would be taken for what was compiled before.
        for cached in (trees[0] / "functions").rglob("__pycache__"):
            shutil.rmtree(cached)
        for tree in trees[1:]:
            shutil.copytree(trees[0], tree)
        sys.dont_write_bytecode = True
        free: Queue[Path] = Queue()
        for tree in trees:
            free.put(tree)

        def judge(mutant: Mutant) -> tuple[Mutant, str]:
            tree = free.get()
            right = (tree / mutant.path).read_text()
            (tree / mutant.path).write_text(mutant.text)
            try:
                return mutant, in_tree(tree, mutant.tests)
            finally:
                (tree / mutant.path).write_text(right)
                free.put(tree)

        with ThreadPoolExecutor(len(trees)) as pool:
            yield from pool.map(judge, mutants)
