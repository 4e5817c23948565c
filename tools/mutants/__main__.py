"""Breaks each guard on purpose and shows which test fails: ``python -m tools.mutants [PART]...``.

The mutants are made from what is there, not written by hand. PART selects those with it in their
name. Exit status 1: one survived that is not in EQUIVALENT, or one of EQUIVALENT did not.

mutmut (3.8) leaves decorated functions alone, which all handlers are, and wants sources in src/.
"""

import sys
from collections.abc import Sequence

from tools.mutants.of_definition import of_definition
from tools.mutants.of_functions import of_functions
from tools.mutants.run import killers_of

#: Survivors that break nothing, and why.
_TYPES = "For the types: neither None nor an empty text logs in or is a version."
_EXACT = "No moment is that exact."
EQUIVALENT: dict[str, str] = {
    'logins: log_in: new or "" -> (new)': _TYPES,
    "errors: __init__: super().__init__(*sentence) -> pass": "BaseException.__new__ keeps them.",
    "closing: _user: not run.staged or not run.target -> (not run.staged)": _TYPES,
    "logins: log_in_with_current: secrets.describe(target.secret_arn).version_with(AWSCURRENT) "
    'or "" -> (secrets.describe(target.secret_arn).version_with(AWSCURRENT))': _TYPES,
    'overdue: _pending: secret.version_with(AWSPENDING) or "" '
    "-> (secret.version_with(AWSPENDING))": _TYPES,
    "steps: run: self._remaining() < pause + MARGIN_SECONDS "
    "-> (self._remaining() <= pause + MARGIN_SECONDS)": _EXACT,
    "steps: run: waited + pause > REPEAT_SECONDS -> (waited + pause >= REPEAT_SECONDS)": _EXACT,
    "login: accepts: False -> True": "redis-py's health check, which is off without an interval.",
    "login: _connection_errors: isinstance(reason, OSError) and "
    "\"handshake\" in str(reason) -> ('handshake' in str(reason))": "Nothing else speaks of one.",
    "steps: _dry_run: self._state_machine.find(execution.name) or execution "
    "-> (self._state_machine.find(execution.name))": (
        "For the types: an execution that has been found does not vanish."
    ),
    "secret: _places_in: not self._pattern.search(json.loads(literal)) -> False": (
        "It only saves time."
    ),
    "earlier_runs: seconds_until_earlier_runs_end: other > current_created "
    "-> (other >= current_created)": _EXACT,
    "attempts: newest: find() or newest -> (find())": (
        "For the types: an execution that has been found does not vanish."
    ),
    "steps: _pause: self._remaining() < pause + MARGIN_SECONDS "
    "-> (self._remaining() <= pause + MARGIN_SECONDS)": _EXACT,
}


def main(parts: Sequence[str]) -> int:
    mutants = [
        mutant
        for mutant in (*of_definition(), *of_functions())
        if not parts or any(part in mutant.path + mutant.name for part in parts)
    ]
    survived = []
    for mutant, killer in killers_of(mutants):
        print(f"{killer or 'SURVIVED':<60} {mutant.name}", flush=True)
        survived += [] if killer else [mutant.name]
    print()
    unexplained = [name for name in survived if name not in EQUIVALENT]
    names = {mutant.name for mutant in mutants}
    stale = [name for name in EQUIVALENT if not parts or name in names if name not in survived]
    print(f"{len(mutants)} mutants, {len(survived) - len(unexplained)} survivors explained")
    print(*(f"SURVIVED unexplained: {name}" for name in unexplained), sep="\n")
    print(*(f"explained, but no survivor: {name}" for name in stale), sep="\n")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
