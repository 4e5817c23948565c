"""The report: one table of what was claimed, what the local AWS answers, and what AWS does."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.aws.answers import Answer, Case

# A generated password, or a version's id: AWS's words may quote either.
_RANDOM = re.compile(r"[0-9a-f]{15,}[^\s'\"]*")


def write(
    directory: Path,
    head: Mapping[str, str],
    cases: Sequence[Case],
    local: Mapping[str, Answer],
    account: Mapping[str, Answer],
    ended: str,
) -> list[Path]:
    """Write report.md and report.json; their paths.

    ``head`` says where and when, the answers are by the cases' names, and ``ended`` is why some
    have none, or empty.
    """
    rows = [_row(case, local.get(case.name), account.get(case.name)) for case in cases]
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / "report.md", directory / "report.json"]
    paths[0].write_text(_markdown(head, rows, ended))
    paths[1].write_text(json.dumps({**head, "ended": ended, "rows": rows}, indent=2) + "\n")
    return paths


def _row(case: Case, local: Answer | None, account: Answer | None) -> dict[str, Any]:
    """``verdict`` is same, different, unexpected or not asked."""
    return {
        "name": case.name,
        "claim": case.claim,
        "source": case.source,
        "local": _shape(local),
        "account": _shape(account),
        "verdict": _verdict(local, account),
    }


def _verdict(local: Answer | None, account: Answer | None) -> str:
    if not local or not account:
        return "not asked"
    if not (local.expected and account.expected):
        return "unexpected"
    return "same" if _shape(local)["text"] == _shape(account)["text"] else "different"


def _shape(answer: Answer | None) -> dict[str, Any]:
    shape: dict[str, Any] = json.loads(_RANDOM.sub("...", json.dumps(asdict(answer or Answer("")))))
    return shape


def _markdown(head: Mapping[str, str], rows: Sequence[Mapping[str, Any]], ended: str) -> str:
    verdicts = [row["verdict"] for row in rows]
    counts = [
        f"{verdicts.count(it)} {it}" for it in ("same", "different", "unexpected", "not asked")
    ]
    lines = ["# What AWS answers", "", *(f"- {key}: {value}" for key, value in head.items())]
    lines += [f"- answers: {', '.join(counts)}"]
    if ended:
        lines += [f"- ended early: {ended}"]
    lines += ["", "| question | claim | source | local AWS | the account | |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = [row["name"], row["claim"], row["source"], row["local"]["text"]]
        cells += [row["account"]["text"], row["verdict"]]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    lines += [
        "",
        "## Measured",
        "",
        "| question | local AWS | the account |",
        "| --- | --- | --- |",
    ]
    for row in rows:
        if row["local"]["measured"] or row["account"]["measured"]:
            cells = [row["name"], *(_said(row[of]["measured"]) for of in ("local", "account"))]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _said(measured: Mapping[str, Any]) -> str:
    said = "; ".join(f"{key}: {value}" for key, value in measured.items())
    return said.replace("|", "\\|").replace("\n", " ")
