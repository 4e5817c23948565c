"""What only our machine's report has: what the run has left, and the page for whoever is called.

The page is docs/troubleshooting.md; without a checkout there is none, and no remedy.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from report.about import About, is_ours, output_of
from report.history import Run, Visit
from rotation.adapters.step_functions import Ending
from rotation.rules import closing
from rotation.rules.message import clients_line

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
Codes = Mapping[str, Any]
_UNKNOWN = "is unknown"
USER = {
    closing.UNTOUCHED: "was not changed",
    closing.MAY_HAVE_BOTH_PASSWORDS: "may have the new password beside the current one",
    closing.BOTH_PASSWORDS: "has the new password beside the current one",
    closing.MAY_HAVE_FIRST: "may have its first password",
    closing.HAS_FIRST: "has its first password",
}
PENDING = {
    closing.REMOVED: "was removed",
    closing.KEPT: "could not be taken off this run's version",
    closing.NOT_STAGED: "is as before",
}


@dataclass(frozen=True)
class Remedy:
    """What the run has left, as sentences without their subject, and the page's entry."""

    current: str
    pending: str
    secret: str = ""  # in how many values it holds the password
    not_tested: str = ""  # caches that the stack does not log in to
    user: str = ""
    clients: str = ""  # of a run that did not succeed: whether they are locked out, as a line
    since: str = ""  # whether a later rotation has succeeded, as a line
    heading: str = ""  # of the entry
    meaning: str = ""
    todo: str = ""  # Markdown, with commands
    retried: str = ""  # whether the next rotation gets past it

    @property
    def left(self) -> list[tuple[str, str]]:
        """What the run has left, each by its name."""
        return [
            ("AWSCURRENT", self.current),
            ("AWSPENDING", self.pending),
            ("the secret", self.secret),
            ("not tested", self.not_tested),
            ("the user", self.user),
        ]


def remedy_of(run: Run) -> Remedy | None:
    """The remedy of a run of our machine; None for any other machine's.

    What is left is told by Close Rotation's codes; without them, by where the run has come to.
    """
    if not is_ours(run):
        return None
    about, passed = About.of(run), {visit.name: visit for visit in run.top()}
    target, codes = about.target, output_of(run, "Close Rotation").get("Closing", {})
    current, pending = _current(passed, target, codes), _pending(run, passed, target, codes)
    not_tested = ", ".join(_not_tested(run))
    secret = _secret(run, target)
    if run.status in ("SUCCEEDED", "RUNNING"):
        return Remedy(current, pending, secret, not_tested)
    reached = "Modify User" in passed
    by_default = closing.MAY_HAVE_BOTH_PASSWORDS if reached else closing.UNTOUCHED
    user = USER.get(codes.get("User", by_default), _UNKNOWN)
    error = run.error if run.status == "FAILED" else run.status
    clients = clients_line(Ending(codes, reached), error)
    entry = map(about.filled, _entry(error))
    return Remedy(current, pending, secret, not_tested, user, clients, "", *entry)


def _not_tested(run: Run) -> list[str]:
    for name in ("Find Endpoints Again", "Find Endpoints"):
        with suppress(KeyError, TypeError):
            return list(output_of(run, name)["Network"]["NotTested"])
    return []


def _secret(run: Run, target: Mapping[str, Any]) -> str:
    if not (count := target.get("ChangedValues")):
        return ""
    done = run.status == "SUCCEEDED" and not target.get("DryRun")
    values = "1 value" if count == 1 else f"{count} values"
    return f"the new password {'is' if done else 'would be'} in {values}"


def _current(passed: Mapping[str, Visit], target: Mapping[str, Any], codes: Codes) -> str:
    version, found = target.get("VersionId", ""), target.get("CurrentVersionId", "")
    promote = passed.get("Promote Version")
    if codes.get("Promoted") or (promote and promote.outcome == "succeeded"):
        return f"is version {version}, which this run has set"
    unseen = codes.get("Promoted", False) is None
    if promote and (unseen or codes.get("Pending") != closing.REMOVED):
        return f"may be version {version}: whether this run has moved it is unknown"
    return f"was not moved: version {found}" if found else "was not moved by this run"


def _pending(run: Run, passed: Mapping[str, Visit], target: Mapping[str, Any], codes: Codes) -> str:
    if "Pending" in codes:
        return PENDING.get(codes["Pending"], _UNKNOWN)
    if target.get("DryRun"):
        return "is as before: a dry run changes nothing"
    done = {name for name, visit in passed.items() if visit.outcome == "succeeded"}
    if "Promote Version" in done:
        return "was removed"
    if run.status == "RUNNING":
        is_staged = "Generate Password" in done
        return f"is on version {target.get('VersionId')}" if is_staged else "is as before"
    return "may be on this run's version: start an execution by hand"


def log_group(about: About) -> str:
    """Where all functions of our machine's stack log: template.yaml names the two after it."""
    return f"/aws/lambda/{about.stack}" if about.stack else ""


def without_links(markdown: str) -> str:
    """The links' words alone: the page that they are relative to is elsewhere."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", markdown)


def _entry(error: str) -> tuple[str, str, str, str]:
    """The heading and the parts of the error's entry; empty when there is none."""
    found = re.split(r"^### (.+)$", _text(), flags=re.M)
    for heading, text in zip(found[1::2], found[2::2], strict=True):
        names = heading.split(" and ")
        if not any(re.fullmatch(re.escape(n).replace(r"\*", ".+"), error) for n in names):
            continue
        body = re.split(r"^## ", text, flags=re.M)[0]
        parts = dict(re.findall(r"^\*\*(.+?)\*\*(.*?)(?=^\*\*|\Z)", body, re.M | re.S))
        wanted = ("What it means.", "What to do.", "Will the next rotation succeed without action?")
        meaning, todo, retried = (parts.get(name, "").strip() for name in wanted)
        return heading, meaning, todo, retried
    return "", "", "", ""


@cache
def _text() -> str:
    with suppress(OSError):
        return PAGE.read_text(encoding="utf-8")
    return ""
