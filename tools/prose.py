"""Finds words that this project avoids, and sentences that are too long::

    python -m tools.prose README.md docs/*.md    # Markdown: words and sentences
    python -m tools.prose functions report       # Python: words of comments and texts
    python -m tools.prose Makefile template.yaml # other files: words

Code in Markdown is left out. Exit status 1: something was found.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

MAX_WORDS = 25
#: A pattern of what is avoided, and what to write instead.
AVOIDED = {
    r"tell(s|ing)?|told": "say, show, report, return or notify",
    r"chance": "random",
    r"holders?": "the running execution",
    r"patiently": "poll",
    r"doors?": "connection or login",
    r"(?<!state[\s-])machines?": "the state machine, or this computer",
    r"users?\s(who|whom)": "a user that",
    r"(to|must|can|cannot|not|will|would|may) rollback": "roll back, as a verb",
    r"(a|an|the|no|each|every) roll back": "rollback, as a noun",
    r"(takes?|taken|taking|took)\s([\w`]+\s){0,3}off": "remove",
    r"whoever|whomever": "anyone who, or the role or person",
    r"look\sbefore\syou\sleap": "check first",
    r"for\sever": "forever",
    r"all\salong": "the whole time",
    r"makes?\sno\ssense": "is not valid",
    r"at\swork": "running",
}
WORDS = {re.compile(rf"\b({avoided})\b", re.I): instead for avoided, instead in AVOIDED.items()}
#: The parts of a line of Markdown that are read. A name in backticks counts as one word.
TEXTS = {"text": "{.content}", "softbreak": "\n", "code_inline": "X"}

Found = Iterator[tuple[int, str]]


def in_text(text: str, first: int) -> Found:
    """Each avoided word of a text that begins on line ``first``."""
    for pattern, instead in WORDS.items():
        for match in pattern.finditer(text):
            yield first + text.count("\n", 0, match.start()), f'"{match[0]}": write {instead}'


def in_markdown(source: str) -> Found:
    for block in MarkdownIt().enable("table").parse(source):
        if block.type != "inline" or not block.map:
            continue
        text = "".join(TEXTS.get(part.type, "").format(part) for part in block.children or ())
        first = block.map[0] + 1
        yield from in_text(text, first)
        for sentence in re.finditer(r"\S.*?([.!?][\"')]*(?=\s)|\Z)", text, re.S):
            if (words := len(re.findall(r"\w\S*", sentence[0]))) > MAX_WORDS:
                line = first + text.count("\n", 0, sentence.start())
                yield line, f"a sentence of {words} words: {MAX_WORDS} at most"


def in_python(source: str) -> Found:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield from in_text(token.string, token.start[0])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield from in_text(node.value, node.lineno)


def in_file(path: Path) -> Found:
    source = path.read_text()
    match path.suffix:
        case ".py":
            return in_python(source)
        case ".md":
            return in_markdown(source)
    return in_text(source, 1)


def main(arguments: list[str]) -> int:
    """Print what is found in the files and folders; the exit status."""
    paths = [path for name in arguments for path in (*Path(name).rglob("*.py"), Path(name))]
    found = False
    for path in filter(Path.is_file, paths):
        for line, message in sorted(in_file(path)):
            print(f"{path}:{line}: {message}")
            found = True
    return int(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
