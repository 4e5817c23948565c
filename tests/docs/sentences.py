"""The sentences that functions/ and the state machine can say, as patterns."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.docs.pages import ROOT

ASL = json.loads((ROOT / "statemachine" / "rotation.asl.json").read_text())
SOURCES = {path: path.read_text() for path in (ROOT / "functions").rglob("*.py")}
SOURCE = "\n".join(SOURCES.values())
CODE = {path: ast.parse(text) for path, text in SOURCES.items()}
HOLE = "\0"


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value, itself included: states, their Retry and Catch, ..."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from objects_in(part)


def sentences(text: str) -> list[str]:
    after_a_hole = rf"(?<={HOLE}) (?=Execution:|Tried )"
    return re.split(rf"(?<=[.]) (?=[A-Z{HOLE}])|{after_a_hole}", text)


def pattern(sentence: str) -> re.Pattern[str]:
    hole = r"(?:(?!\. [A-Z]).)+?"
    return re.compile(hole.join(map(re.escape, sentence.split(HOLE))))


def text_of(node: ast.AST) -> str:
    """A text as it is in the source, with holes for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) for part in parts)
        case ast.FormattedValue():
            return HOLE
    return ""


def arguments_of(tree: ast.AST, name: str) -> list[str]:
    """The texts that are passed to the function or class of that name."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = [call for call in calls if ast.unparse(call.func) == name]
    return [text for call in called for each in call.args if (text := text_of(each))]


def formats(value: Any) -> list[str]:
    """The texts of States.Format in a part of the definition, with holes."""
    return re.findall(r"States\.Format\('(.*?)'", json.dumps(value).replace("{}", HOLE))


@cache
def texts_of(name: str) -> list[str]:
    """What an error of that class is made with."""
    found: list[str] = []
    for path, tree in CODE.items():
        # ``wrong(problem)`` puts the problem into a sentence. So does the code that catches
        # _InvalidSecretError.
        problems = [*arguments_of(tree, "wrong"), *arguments_of(tree, "_InvalidSecretError")]
        for problem in problems or [HOLE]:
            texts = arguments_of(tree, name)
            found += [text.replace(f" {HOLE}.", f" {problem}.", 1) for text in texts]
        if path.name == "aws.py":
            # ``raise kind(...)``, where the kind is by AWS's code.
            found += [text for node in ast.walk(tree) if " answered " in (text := text_of(node))]
    for parameters in objects_in(ASL):
        if parameters.get("Error") == name and "Cause.$" in parameters:
            found += formats(parameters["Cause.$"])
    return found


@cache
def all_patterns() -> list[re.Pattern[str]]:
    """Every sentence that a cause can be made of."""
    texts = [text_of(node) for tree in CODE.values() for node in ast.walk(tree)] + formats(ASL)
    found = {sentence for text in texts for sentence in sentences(text)}
    letters = {each: len(re.sub(r"[\W_]", "", each)) for each in found}
    # A few letters would fit anything, or are a part of a sentence if they have no full stop.
    return [pattern(each) for each, n in letters.items() if n >= (5 if each.endswith(".") else 9)]
