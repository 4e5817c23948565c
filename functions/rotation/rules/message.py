"""The notification about a run that ended without success."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rotation.adapters.step_functions import Execution
from rotation.adapters.topic import Message
from rotation.errors import CurrentPasswordRefusedError
from rotation.rules.closing import (
    HAS_FIRST,
    LOCKED_OUT,
    MAY_HAVE_FIRST,
    NOT_LOCKED_OUT,
    UNKNOWN,
    UNTOUCHED,
)
from rotation.rules.run_history import Ending

#: The console's host, by partition (https://docs.aws.amazon.com/general/latest/gr/, "Endpoints";
#: https://docs.aws.eu/general/latest/gr/endpoints.html).
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
#: Statuses for which Step Functions gives no cause, or none that explains them.
_CUT_OFF = {
    "ABORTED": "Somebody stopped it.",
    "TIMED_OUT": "It took longer than the state machine's TimeoutSeconds.",
}
_AFTER_CUT_OFF = (
    "AWSPENDING may still be on the version, and RotateSecret may be refused until it is removed. "
    "Start an execution by hand, which makes a new version."
)
CLIENTS = {NOT_LOCKED_OUT: "not locked out", LOCKED_OUT: "LOCKED OUT", UNKNOWN: "unknown"}
_REFUSED = "AWSCURRENT was refused; the user was not changed"
_UNCHANGED = "the user was not changed"


def failure_message(execution: Execution, execution_input: Any, ending: Ending) -> Message:
    """The message about an execution that ended without success; its input may be any JSON."""
    fields = execution_input if isinstance(execution_input, dict) else {}
    secret = fields.get("SecretId")
    name = secret_name(secret) if isinstance(secret, str) else ""
    what = "dry run" if fields.get("DryRun") is True else "rotation"
    status = execution.status
    error = execution.error if status == "FAILED" and execution.error else status
    with_error = f", {error}" if error != status else ""
    _, _, _, region, account, *_ = execution.arn.split(":")
    user = f" of user {ending.user_id}" if ending.user_id else ""
    at = execution.stopped_at.astimezone(UTC) if execution.stopped_at else None
    return Message.of(
        # The name comes first, because a subject that is too long loses its end.
        f"{name or 'a secret without a name'}: {what} {status}{with_error}",
        clients_line(ending, execution.error),
        f"The {what} ended {status}{with_error}{f', at {at:%Y-%m-%d %H:%M:%S} UTC' if at else ''}.",
        f"{_CUT_OFF.get(status, '')} {execution.cause}".strip(),
        _AFTER_CUT_OFF if status in _CUT_OFF else "",
        f"Secret {name or 'without a name'}{user}, account {account}, {region}.",
        f"What this means, and what to do: docs/troubleshooting.md, {error}.",
        f"The execution: {execution.arn}",
        f"In the console: {console_url(execution.arn)}",
    )


def secret_name(secret_id: str) -> str:
    """The secret's name, from a name or from an ARN, which adds six random characters."""
    return re.sub(r"-[A-Za-z0-9]{6}$", "", secret_id.partition(":secret:")[2]) or secret_id


def clients_line(ending: Ending, error: str) -> str:
    """Whether clients that read AWSCURRENT are locked out, after a run that ended with the error.

    Without Close Rotation's codes that is unknown, unless the run did not reach the user.
    """
    codes = ending.codes
    clients, why = codes.get("Clients"), ""
    if clients in CLIENTS:
        why = _why(codes)
    elif error == CurrentPasswordRefusedError.__name__:
        clients, why = LOCKED_OUT, _REFUSED
    elif not ending.user_reached:
        clients, why = NOT_LOCKED_OUT, _UNCHANGED
    else:
        clients, why = UNKNOWN, "Close Rotation has not verified it"
    # Before Check Network, nothing has tried AWSCURRENT.
    by_this_run = " by this run" if why == _UNCHANGED else ""
    return f"Clients: {CLIENTS[clients]}{by_this_run} ({why})"


def _why(codes: Mapping[str, Any]) -> str:
    current, user = codes.get("Current", {}), codes.get("User")
    not_tested = ", ".join(current.get("NotTested", ()))
    if of := current.get("Of"):
        at = datetime.fromisoformat(current["At"]).astimezone(UTC)
        logged_in = f"AWSCURRENT logged in on {current['LoggedIn']} of {of} endpoints"
        left_out = f"; not tested: {not_tested}" if not_tested else ""
        return f"{logged_in} at {at:%H:%M} UTC{left_out}"
    if of == 0:
        return f"not tested: {not_tested}" if not_tested else "the user has no endpoint"
    if user == UNTOUCHED:
        return _REFUSED if codes["Clients"] == LOCKED_OUT else _UNCHANGED
    if user in (MAY_HAVE_FIRST, HAS_FIRST):
        first = codes["Clients"] == NOT_LOCKED_OUT
        return "no client uses the user yet" if first else "AWSCURRENT holds no password yet"
    return "whether AWSCURRENT logs in was not verified"


def console_url(execution_arn: str) -> str:
    """The URL of the execution in the console."""
    _, partition, _, region, *_ = execution_arn.split(":")
    host = console_host(partition, region)
    return f"{host}/states/home?region={region}#/v2/executions/details/{execution_arn}"


def console_host(partition: str, region: str) -> str:
    """The URL of the region's console."""
    return f"https://{region}.{_CONSOLES.get(partition, _CONSOLES['aws'])}"
