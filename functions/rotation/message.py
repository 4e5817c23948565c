"""What people are told, by mail or chat, before they ask."""

import re
from dataclasses import dataclass
from typing import Any

from rotation.step_functions import Execution

#: Where the console is, by partition (https://docs.aws.amazon.com/general/latest/gr/, "Endpoints";
#: https://docs.aws.eu/general/latest/gr/endpoints.html).
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
#: Ends that Step Functions does not tell the cause of, or that need no error to happen.
_CUT_OFF = {
    "ABORTED": "Somebody has stopped it.",
    "TIMED_OUT": "It took longer than the state machine's TimeoutSeconds.",
}
_LEFT = (
    "The user may have the new password beside its current one, and AWSPENDING may be left on the "
    "version; AWSCURRENT has not moved. Start an execution by hand, which makes a new version: "
    "RotateSecret may be refused while AWSPENDING is left."
)


@dataclass(frozen=True)
class Message:
    """``subject`` is one line of at most 100 ASCII characters, as SNS wants it (API, Publish)."""

    subject: str
    text: str

    @classmethod
    def of(cls, subject: str, *paragraphs: str) -> "Message":
        """Paragraphs without any text are left out."""
        line = " ".join(re.sub(r"[^ -~]", " ", subject).split())
        shown = line if len(line) <= 100 else f"{line[:97]}..."
        return cls(shown, "\n\n".join(filter(None, paragraphs)))


def failure(execution: Execution, given: Any) -> Message:
    """Of an execution that has ended without success, with the input that it was given."""
    fields = given if isinstance(given, dict) else {}
    secret = fields.get("SecretId")
    what = "dry run" if fields.get("DryRun") is True else "rotation"
    named = secret if secret and isinstance(secret, str) else "without a name"
    what = f"{what} of {'secret' if named == secret else 'a secret'} {named}"
    status = execution.status
    error = execution.error if status == "FAILED" and execution.error else status
    with_error = f", with {error}" if error != status else ""
    return Message.of(
        f"{error}: {what}",
        f"The {what} ended {status}{with_error}.",
        f"{_CUT_OFF.get(status, '')} {execution.cause}".strip(),
        _LEFT if status in _CUT_OFF else "",
        f"What this means, and what to do: docs/troubleshooting.md, {error}.",
        f"The execution: {console_url(execution.arn)}",
    )


def console_url(execution_arn: str) -> str:
    """Where the console shows the execution."""
    _, partition, _, region, *_ = execution_arn.split(":")
    host = _CONSOLES.get(partition, _CONSOLES["aws"])
    return f"https://{region}.{host}/states/home?region={region}#/v2/executions/details/{execution_arn}"
