"""Breaks each guard on purpose and shows which test fails: ``python -m tests.mutants [PART]...``.

The mutants are made from what is there, not written by hand: of the state machine, every Catch,
Retry, transition, bound and path; of the functions, every condition, comparison, raise, call,
except and staging label. PART selects those with it in their name. Exit status 1: one survived that
is not in EQUIVALENT, or one of EQUIVALENT did not.

mutmut (3.8) leaves decorated functions alone, which all handlers are, and wants sources in src/.
"""

import ast
import copy
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MACHINE = "statemachine/rotation.asl.json"
#: Tests that are quick enough for every mutant, the likeliest first.
OF_MACHINE = ("tests/statemachine/test_definition.py", "tests/docs", "tests/report/test_graph.py")
OF_FUNCTIONS = "tests/unit"
FUZZ = "tests/unit/test_fuzz.py"
MOST_SECONDS = 40
#: Imported once: each mutant's process is forked from this one.
LIBRARIES = (
    "aws_lambda_powertools",
    "boto3",
    "hypothesis",
    "redis.connection",
    "samtranslator.yaml_helper",
)

#: Survivors that break nothing, and why.
_TYPES = "For the types: neither None nor an empty text logs in or is a version."
_EXACT = "No moment is that exact."
EQUIVALENT: dict[str, str] = {
    'log_in: handler: pending or "" -> (pending)': _TYPES,
    "errors: __init__: super().__init__(*sentence) -> pass": "BaseException.__new__ keeps them.",
    "closing: _user: not run.staged or not run.target -> (not run.staged)": _TYPES,
    "log_in_with_current: handler: secrets.describe(target.secret_arn).version_with(AWSCURRENT) "
    'or "" -> (secrets.describe(target.secret_arn).version_with(AWSCURRENT))': _TYPES,
    'overdue: _pending: secret.version_with(AWSPENDING) or "" '
    "-> (secret.version_with(AWSPENDING))": _TYPES,
    "steps: run: self._remaining() < pause + MARGIN_SECONDS "
    "-> (self._remaining() <= pause + MARGIN_SECONDS)": _EXACT,
    "steps: run: waited + pause > PATIENCE_SECONDS -> (waited + pause >= PATIENCE_SECONDS)": _EXACT,
    "login: accepts: False -> True": "redis-py's health check, which is off without an interval.",
    "login: _connection_errors: isinstance(reason, OSError) and "
    "\"handshake\" in str(reason) -> ('handshake' in str(reason))": "Nothing else speaks of one.",
    'steps: _dry_run: self._machine.find(execution.arn.rsplit(":", 1)[1]) or execution '
    "-> (self._machine.find(execution.arn.rsplit(':', 1)[1]))": (
        "For the types: an execution that has been found does not vanish."
    ),
    "steps: _pause: self._remaining() < pause + MARGIN_SECONDS "
    "-> (self._remaining() <= pause + MARGIN_SECONDS)": _EXACT,
}


@dataclass(frozen=True)
class Mutant:
    """``name`` tells what is broken and where; ``text`` is the file's, so broken."""

    path: str
    name: str
    text: str

    @property
    def tests(self) -> tuple[str, ...]:
        """To be run in turn, until one fails."""
        if self.path == MACHINE:
            return OF_MACHINE
        return f"{OF_FUNCTIONS}/test_{Path(self.path).stem}.py", OF_FUNCTIONS


# The state machine


def of_machine() -> Iterator[Mutant]:
    machine = json.loads((ROOT / MACHINE).read_text())
    for path, value in _places(machine):
        for what, new in _instead(path, value, machine):
            if new == value:
                continue
            broken = copy.deepcopy(machine)
            at = broken
            for step in path[:-1]:
                at = at[step]
            if new is DROPPED:
                del at[path[-1]]
            else:
                at[path[-1]] = new
            where = "/".join(str(step) for step in path if step not in ("States", "ItemProcessor"))
            yield Mutant(MACHINE, f"machine: {where}: {what}", json.dumps(broken))


DROPPED = object()
Steps = tuple[Any, ...]


def _places(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key), child
        if isinstance(child, dict | list):
            yield from _places(child, (*path, key))


def _instead(path: Steps, value: Any, machine: Any) -> Iterator[tuple[str, Any]]:
    """What else could be at a place of the machine."""
    key, parent = path[-1], path[-2] if len(path) > 1 else ""
    if parent in ("Catch", "Retry", "Choices", "ErrorEquals") or key in ("Default", "Catch"):
        yield "dropped", DROPPED
    if key in ("TimeoutSeconds", "ErrorPath", "CausePath", "OutputPath", "ResultPath"):
        yield "dropped", DROPPED
    if key in ("ResultPath", "Variable", "ItemsPath", "SecondsPath", "ErrorPath", "CausePath"):
        yield "elsewhere", "$.Elsewhere"
    if key == "ErrorEquals":
        yield "widened", ["States.ALL"]
    if key in ("Next", "Default", "StartAt"):
        for state in _others(value, machine):
            yield f"to {state}", state
    if isinstance(key, str) and key.endswith(".$"):
        yield "dropped", DROPPED
        yield "elsewhere", re.sub(r"\$\.", "$.Elsewhere.", value, count=1)
    if key in ("NumericEquals", "BooleanEquals"):
        yield "flipped", not value
    if key == "StringEquals":
        yield "another", "unknown"
    if key in ("MaxAttempts", "MaxDelaySeconds", "BackoffRate", "JitterStrategy"):
        yield "dropped", DROPPED
    if key == "FunctionName":
        yield "another", "${CheckTargetFunction}"


def _others(name: str, machine: Any) -> Iterator[str]:
    """States to be at instead of one: the one after it, and both ends."""
    after = machine["States"].get(name, {})
    yield from dict.fromkeys(
        state
        for state in (after.get("Next"), after.get("Default"), "Rotation Failed", "Rotated")
        if state and state != name
    )


# The functions

_SWAPPED = {"AWSCURRENT": "AWSPENDING", "AWSPENDING": "AWSCURRENT", "AWSPREVIOUS": "AWSCURRENT"}
_SWAPPED_FIELDS = {
    "version_id": "current_version_id",
    "current_version_id": "version_id",
    "pending_version_at_check": "current_version_id",
}
_OPPOSITE: dict[type[ast.AST], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


def of_functions() -> Iterator[Mutant]:
    for file in sorted((ROOT / "functions").rglob("*.py")):
        path, text = str(file.relative_to(ROOT)), file.read_text()
        seen = set()
        for within, node in _nodes(ast.parse(text)):
            for new in _broken(node):
                start, end = _span(text, node)
                old = re.sub(r"\s+", " ", text[start:end])
                name = f"{file.stem}: {within}: {old[:90]} -> {new}"
                if (start, end, new) not in seen:
                    seen.add((start, end, new))
                    yield Mutant(path, name, text[:start] + new + text[end:])


def _nodes(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.AST]]:
    """All that a function does, with its name; what is outside of functions is data."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom | ast.Import | ast.arguments):
            continue
        here = node.name if isinstance(node, ast.FunctionDef) else within
        if within:
            yield here, node
        yield from _nodes(node, here)


def _broken(node: ast.AST) -> Iterator[str]:
    if getattr(node, "is_condition", False):
        yield from ("True", "False")
    if getattr(node, "is_caught", False):
        yield "ZeroDivisionError"
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield f"({ast.unparse(left)} {_OPPOSITE[type(operator)]} {ast.unparse(right)})"
        case ast.BoolOp(values=values):
            yield from (f"({ast.unparse(value)})" for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"({ast.unparse(operand)})"
        case ast.Raise() | ast.Expr(value=ast.Call()):
            yield "pass"
        case ast.Name(id=name) if name in _SWAPPED:
            yield _SWAPPED[name]
        case ast.Attribute(value=value, attr=name) if name in _SWAPPED_FIELDS:
            yield f"{ast.unparse(value)}.{_SWAPPED_FIELDS[name]}"
        case ast.Constant(value=bool() as value):
            yield str(not value)
    match node:
        case ast.If(test=test) | ast.IfExp(test=test):
            test.is_condition = True  # type: ignore[attr-defined]
        case ast.comprehension(ifs=[test]):
            test.is_condition = True  # type: ignore[attr-defined]
        case ast.ExceptHandler(type=ast.expr() as kind):
            kind.is_caught = True  # type: ignore[attr-defined]


def _span(text: str, node: Any) -> tuple[int, int]:
    lines = text.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        # Columns are of UTF-8.
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


# Running them


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
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            os.chdir(tree)
            sys.path[:] = [path for path in sys.path if path not in ("", str(ROOT))]
            for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
                del sys.modules[name]
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            failure = FirstFailure()
            # Of its own, whatever else the machine does; and of the clock, if it only waits.
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            signal.alarm(10 * MOST_SECONDS)
            options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"--ignore={FUZZ}"]
            code = pytest.main([*options, each], plugins=[failure])
            os.write(tell, (failure.name if code else "").encode())
            os._exit(code)
        os.close(tell)
        _, status = os.waitpid(child, 0)
        with os.fdopen(told) as answer:
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
        if failed := in_tree(trees[0], [OF_FUNCTIONS, *OF_MACHINE]):
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


def main(parts: Sequence[str]) -> int:
    mutants = [
        mutant
        for mutant in (*of_machine(), *of_functions())
        if not parts or any(part in mutant.path + mutant.name for part in parts)
    ]
    survived = []
    killed: Counter[str] = Counter()
    for mutant, killer in killers_of(mutants):
        print(f"{killer or 'SURVIVED':<60} {mutant.name}", flush=True)
        if killer:
            killed[killer.partition("[")[0]] += 1
        else:
            survived.append(mutant.name)
    print()
    for test, count in killed.most_common():
        print(f"{count:5} killed by {test}")
    unexplained = [name for name in survived if name not in EQUIVALENT]
    names = {mutant.name for mutant in mutants}
    stale = [name for name in EQUIVALENT if not parts or name in names if name not in survived]
    print(f"{len(mutants)} mutants, {len(survived) - len(unexplained)} survivors explained")
    print(*(f"SURVIVED unexplained: {name}" for name in unexplained), sep="\n")
    print(*(f"explained, but no survivor: {name}" for name in stale), sep="\n")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
