"""What a run of this project's state machine has left, and what to do about its error.

What to do is in docs/troubleshooting.md; without a checkout it is empty.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from report.about import About, is_rotation, output_of
from report.run import Run, Visit
from rotation.rules import closing
from rotation.rules.message import clients_line
from rotation.rules.run_history import Ending

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
Codes = Mapping[str, Any]
_UNKNOWN = "is unknown"
_SINCE_UNKNOWN = "Since then: unknown (not part of an execution's history)"
USER = {
    closing.UNTOUCHED: "was not changed",
    closing.MAY_HAVE_BOTH_PASSWORDS: "may have the new password beside the current one",
    closing.BOTH_PASSWORDS: "has the new password beside the current one",
    closing.MAY_HAVE_FIRST: "may have its first password",
    closing.HAS_FIRST: "has its first password",
}
PENDING = {
    closing.REMOVED: "was removed",
    closing.KEPT: "could not be removed from this run's version",
    closing.NOT_STAGED: "was not moved",
}


@dataclass(frozen=True)
class Remedy:
    """What the run has left, in sentences without their subject, and the error's entry."""

    current: str
    pending: str
    secret: str = ""  # in how many values it holds the password
    not_tested: str = ""  # caches that the stack does not log in to
    user: str = ""
    # Of a run that did not succeed, as a line:
    clients: str = ""  # whether they are locked out
    since: str = ""  # whether a later rotation succeeded
    # Its error's entry, as Markdown:
    heading: str = ""
    meaning: str = ""
    todo: str = ""
    retried: str = ""  # whether the next rotation will succeed without action

    @property
    def left(self) -> list[tuple[str, str]]:
        """What the run has left, with a name for each."""
        return [
            ("AWSCURRENT", self.current),
            ("AWSPENDING", self.pending),
            ("the secret", self.secret),
            ("not tested", self.not_tested),
            ("the user", self.user),
        ]


def remedy_of(run: Run) -> Remedy | None:
    """The remedy for a run of this project's state machine; None for any other.

    What is left is known from Close Rotation's codes; without them, from the states entered.
    """
    if not is_rotation(run):
        return None
    about, entered = About.of(run), {visit.name: visit for visit in run.top()}
    target, codes = about.target, output_of(run, "Close Rotation").get("Closing", {})
    current, pending = _current(entered, target, codes), _pending(run, entered, target, codes)
    not_tested = ", ".join(_not_tested(run))
    secret = _secret(run, target)
    if run.status in ("SUCCEEDED", "RUNNING"):
        return Remedy(current, pending, secret, not_tested)
    reached = "Modify User" in entered
    by_default = closing.MAY_HAVE_BOTH_PASSWORDS if reached else closing.UNTOUCHED
    user = USER.get(codes.get("User", by_default), _UNKNOWN)
    error = run.error if run.status == "FAILED" else run.status
    clients = clients_line(Ending(codes, reached), error)
    entry = map(about.filled, _entry(error))
    return Remedy(current, pending, secret, not_tested, user, clients, _SINCE_UNKNOWN, *entry)


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


def _current(entered: Mapping[str, Visit], target: Mapping[str, Any], codes: Codes) -> str:
    version, before = target.get("VersionId", ""), target.get("CurrentVersionId", "")
    promote = entered.get("Promote Version")
    if codes.get("Promoted") or (promote and promote.outcome == "succeeded"):
        return f"is version {version}, which this run set"
    unseen = codes.get("Promoted", False) is None
    if promote and (unseen or codes.get("Pending") != closing.REMOVED):
        return f"may be version {version}: it is unknown whether this run moved it"
    return f"was not moved: version {before}" if before else "was not moved by this run"


def _pending(
    run: Run, entered: Mapping[str, Visit], target: Mapping[str, Any], codes: Codes
) -> str:
    if "Pending" in codes:
        return PENDING.get(codes["Pending"], _UNKNOWN)
    if target.get("DryRun"):
        return "was not moved: a dry run changes nothing"
    done = {name for name, visit in entered.items() if visit.outcome == "succeeded"}
    if "Promote Version" in done:
        return "was removed"
    if run.status == "RUNNING":
        is_staged = "Generate Password" in done
        return f"is on version {target.get('VersionId')}" if is_staged else "was not moved"
    return "may be on this run's version: start an execution by hand"


def log_group(about: About) -> str:
    """The log group of all functions of the stack."""
    return f"/aws/lambda/{about.stack}" if about.stack else ""


def without_links(markdown: str) -> str:
    """The text without its links, which are relative to another page."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", markdown)


def _entry(error: str) -> tuple[str, str, str, str]:
    """The heading and the parts of the error's entry; empty if there is none."""
    entries = re.split(r"^### (.+)$", _text(), flags=re.M)
    for heading, text in zip(entries[1::2], entries[2::2], strict=True):
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
