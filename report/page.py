"""A run as one HTML file that loads nothing: what happened, what to do, the graph, the states."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from markupsafe import Markup

from report.about import About
from report.definition import Definition, inner_of
from report.picture import TEMPLATES, appearance, css_class, graph
from report.remedy import Remedy, log_group, without_links
from report.run import Attempt, Run, Visit
from report.wording import SIGNS, cause_of, duration, headline, item_name, selected, when
from rotation.rules.message import console_host

_HERE = Path(__file__).parent
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_MOST_CHARACTERS = 20_000
_ORDER = ["succeeded", "aborted", "running", "caught", "timed-out", "failed"]
#: In the legend; "timed out" looks as "failed" does.
_WORDS = {"caught": "failed, and the run continued", "aborted": "stopped"}
_STATUS = {"SUCCEEDED": "succeeded", "RUNNING": "running", "ABORTED": "aborted"}


def html(run: Run, definition: Definition, remedy: Remedy | None) -> str:
    """The page; `definition` is the state machine's, or `observed`."""
    states = dict(_states(definition))
    about = About.of(run)
    rows = _rows(run, states, log_group(about) if remedy else "")
    by_name = {row["name"]: row for row in rows}
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    meaning = [("What it means", _inline(remedy.meaning))] if remedy else []
    left = [(f"{name[0].upper()}{name[1:]}", fact) for name, fact in remedy.left] if remedy else []
    return TEMPLATES.get_template("page.html.j2").render(
        run=run,
        remedy=remedy,
        headline=headline(run),
        status_class=_STATUS.get(run.status, "failed"),
        about=about,
        when=when(run),
        facts=[("Cause", run.cause), *meaning, *(("Note", note) for note in run.notes)],
        left=[*left, ("Execution", about.arn), ("Input", run.input), ("Output", run.output)],
        todo=Markup(_MARKDOWN.render(without_links(remedy.todo))) if remedy else "",  # noqa: S704
        retried=_inline(remedy.retried) if remedy else "",
        **graph(run, definition),
        alone="",
        legend=[
            (_WORDS.get(name, name), sign, css_class(name))
            for name, (sign, _) in SIGNS.items()
            if name != "timed out"
        ],
        rows=rows,
        by_name=by_name,
        not_entered=[name for name in states if name not in by_name],
        script=Markup(script),  # noqa: S704
        script_hash=f"sha256-{base64.b64encode(digest).decode()}",
    )


def _states(definition: Definition) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        for inner in inner_of(state):
            if inner.get("States"):
                yield from _states(inner)


def _rows(run: Run, states: Mapping[str, Any], group: str) -> list[dict[str, Any]]:
    """A row for each state that was entered, in the order of their first visits."""
    outcomes = run.outcomes()
    rows = []
    for number, (name, visits) in enumerate(run.by_state().items(), 1):
        shown = selected([[visit] for visit in visits])
        rows.append(
            {
                **appearance(run, visits, outcomes[name]),
                "id": f"state-{number}",
                "name": name,
                "depth": visits[0].within is not None,
                "open": run.failed is not None and name == run.failed.name,
                "comment": states.get(name, {}).get("Comment", ""),
                "segments": _segments(run, visits),
                "visits": [_visit(run, visit, group) for [visit] in shown],
                "more": len(visits) - len(shown),
            }
        )
    return rows


def _segments(run: Run, visits: Sequence[Visit]) -> list[dict[str, Any]]:
    """The bars of a state's timeline, in percent of the run; those that touch are joined."""
    segments: list[dict[str, Any]] = []
    whole = run.seconds or 1
    for visit in visits:
        left = (visit.entered - run.started).total_seconds() / whole * 100
        right = (visit.ended(run) - run.started).total_seconds() / whole * 100
        css = css_class(visit.outcome)
        last = segments[-1] if segments else None
        if last and last["css"] == css and left <= last["left"] + last["width"] + 0.1:
            last["width"] = round(max(last["width"], right - last["left"]), 2)
        else:
            segments.append(
                {"css": css, "left": round(left, 2), "width": round(max(right - left, 0), 2)}
            )
    # The most severe outcome is on top.
    return sorted(segments, key=lambda segment: _ORDER.index(segment["css"]))


def _visit(run: Run, visit: Visit, group: str) -> dict[str, Any]:
    took = (visit.ended(run) - visit.entered).total_seconds()
    title = f"Item {visit.iteration}: {item_name(visit)}" if visit.iteration is not None else ""
    after = duration((visit.entered - run.started).total_seconds())
    at = f"{visit.entered.astimezone(UTC):%H:%M:%S} UTC"
    facts = f"at {at}, after {after}, for {duration(took)}"
    if visit.iterations:
        counted = Counter(visit.iterations.values())
        facts += ", items: " + ", ".join(f"{count} {name}" for name, count in counted.items())
    return {
        "css": css_class(visit.outcome),
        "title": title or visit.outcome,
        "facts": facts,
        "attempts": [_attempt(attempt, run, group) for attempt in visit.attempts],
        "pieces": [("Input", _pretty(visit.input)), ("Output", _pretty(visit.output))],
    }


def _attempt(attempt: Attempt, run: Run, group: str) -> dict[str, Any]:
    took = (attempt.ended - attempt.started).total_seconds() if attempt.ended else None
    return {
        "css": css_class(attempt.outcome),
        "outcome": attempt.outcome,
        "took": "" if took is None else duration(took),
        "error": attempt.error,
        "cause": cause_of(attempt),
        "log": _log(attempt, run, group),
        "pieces": [
            ("Task input", _pretty(attempt.input)),
            ("Task output", _pretty(attempt.output)),
        ],
    }


def _log(attempt: Attempt, run: Run, group: str) -> str:
    """The link to a function's log in the CloudWatch console; empty for other resources.

    `group` is the log group if it is not the default, /aws/lambda/NAME (Lambda guide, "Log
    groups"). The console's links are quoted twice, with "$" for "%".
    """
    arn = attempt.resource
    with suppress(ValueError, TypeError, KeyError):
        arn = str(json.loads(attempt.input)["FunctionName"])
    match = re.fullmatch(r"arn:([\w-]+):lambda:([\w-]+):\d+:function:([\w-]+)(:.+)?", arn)
    if not match:
        return ""
    partition, region, function, _ = match.groups()
    twice = quote(quote(group or f"/aws/lambda/{function}", safe=""), safe="").replace("%", "$")
    first = int(attempt.started.timestamp() * 1000) - 1000
    last = int((attempt.ended or run.stopped).timestamp() * 1000) + 1000
    return (
        f"{console_host(partition, region)}/cloudwatch/home?region={region}"
        f"#logsV2:log-groups/log-group/{twice}/log-events$3Fstart$3D{first}$26end$3D{last}"
    )


def _pretty(text: str) -> str:
    with suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}\n... and {len(text) - _MOST_CHARACTERS} more characters"


def _inline(markdown: str) -> Markup:
    return Markup(_MARKDOWN.renderInline(without_links(markdown)))  # noqa: S704
