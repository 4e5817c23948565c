"""Mutants of the functions: every condition, comparison, raise, call, except and staging label."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from tools.mutants.mutant import ROOT, Mutant

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
