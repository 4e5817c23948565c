"""The report: one table of the claims, the local AWS's answers and the account's answers."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.aws.questions import Answer, Question

#: A generated password, or a version's id: AWS's messages may quote either.
_RANDOM = re.compile(r"[0-9a-f]{15,}[^\s'\"]*")
_VERDICTS = ("same", "different", "unexpected", "not asked")


def write(
    path: Path,
    head: Mapping[str, str],
    questions: Iterable[Question],
    local: Mapping[str, Answer],
    account: Mapping[str, Answer],
    ended: str,
) -> None:
    """Write the report.

    ``head`` says where and when, the answers are by the questions' names, and ``ended`` is why some
    have none, or empty.
    """
    rows = [_row(each, local.get(each.name), account.get(each.name)) for each in questions]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_markdown(head, rows, ended))


def _row(question: Question, *answers: Answer | None) -> dict[str, Any]:
    local, account = (
        json.loads(_RANDOM.sub("...", json.dumps(asdict(each or Answer(""))))) for each in answers
    )
    if not all(answers):
        verdict = "not asked"
    elif not (local["expected"] and account["expected"]):
        verdict = "unexpected"
    else:
        verdict = "same" if local["text"] == account["text"] else "different"
    row = {"name": question.name, "claim": question.claim, "source": question.source}
    return {**row, "local": local, "account": account, "verdict": verdict}


def _markdown(head: Mapping[str, str], rows: Sequence[Mapping[str, Any]], ended: str) -> str:
    verdicts = [row["verdict"] for row in rows]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in _VERDICTS)
    facts = {**head, "answers": counts, **({"ended early": ended} if ended else {})}
    texts = [
        (*(row[it] for it in ("name", "claim", "source")), *_of_both(row, "text"), row["verdict"])
        for row in rows
    ]
    measured = [(row["name"], *map(_listed, _of_both(row, "measured"))) for row in rows]
    lines = [
        "# What AWS answers\n",
        *(f"- {key}: {value}" for key, value in facts.items()),
        "",
        *_table("question | claim | source | local AWS | the account | verdict", texts),
        "\n## Measured\n",
        *_table("question | local AWS | the account", (row for row in measured if any(row[1:]))),
    ]
    return "\n".join(lines) + "\n"


def _of_both(row: Mapping[str, Any], key: str) -> tuple[Any, Any]:
    return row["local"][key], row["account"][key]


def _listed(measured: Mapping[str, Any]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in measured.items())


def _table(head: str, rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [f"| {head} |", "| --- " * (head.count("|") + 1) + "|"]
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return lines
