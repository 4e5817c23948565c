"""What a run was about: the execution, and a rotation's secret and user."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from report.run import Run
from rotation.rules.message import console_url, secret_name

_FIRST_STATES = {"Read Input", "Check Target"}
#: What AWS's names and ARNs are made of. Anything else could be more than an argument in a shell.
_NAME = re.compile(r"[\w/+=.@:][\w/+=.@:-]*", re.ASCII)


@dataclass(frozen=True)
class About:
    """Empty where unknown; ``target`` is Check Target's, ``cache`` the one it failed at."""

    arn: str
    secret: str
    target: dict[str, Any]
    cache: str = ""

    @classmethod
    def of(cls, run: Run) -> About:
        """From the run's history."""
        if not is_rotation(run):
            return cls(run.arn, "", {})
        target = output_of(run, "Check Target").get("Target", {})
        secret = target.get("SecretArn") or secret_id(run.input)
        arn = run.arn or output_of(run, "Read Input").get("ExecutionArn", "")
        return cls(arn, secret, target, _cache(run))

    @property
    def user_id(self) -> str:
        """The user's id."""
        return str(self.target.get("UserId", ""))

    @property
    def place(self) -> tuple[str, str, str]:
        """The partition, the region and the account."""
        _, partition, _, region, account, *_ = [*self.arn.split(":"), *[""] * 5]
        return partition, region, account

    @property
    def machine_arn(self) -> str:
        """The state machine's ARN, from the execution's."""
        return self.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]

    @property
    def stack(self) -> str:
        """The stack's name; empty where the state machine is not named after one."""
        name = self.machine_arn.rpartition(":")[2]
        return name.removesuffix("-rotation") if name.endswith("-rotation") else ""

    @property
    def console(self) -> str:
        """The link to the execution in the console."""
        return console_url(self.arn) if self.arn else ""

    @property
    def line(self) -> str:
        """As a line: ``secret NAME of user ID, account 123456789012, us-east-1``."""
        user = f" of user {self.user_id}" if self.user_id else ""
        secret = f"secret {secret_name(self.secret)}{user}" if self.secret else ""
        _, region, account = self.place
        return ", ".join(filter(None, [secret, account and f"account {account}", region]))

    def filled(self, text: str) -> str:
        """The text with known values in place of SECRET_NAME, USER_ID and the like."""
        partition, region, account = self.place
        user_arn = f"arn:{partition}:elasticache:{region}:{account}:user:{self.user_id}"
        known = {
            # Without the target, it is unknown whether an ARN has its six random characters.
            "SECRET_NAME": secret_name(self.secret) if self.target else self.secret,
            "SECRET_ARN": self.secret if ":secret:" in self.secret else "",
            "USER_ID": self.user_id,
            "USER_ARN": user_arn if account and self.user_id else "",
            "CACHE": self.cache,
            "VERSION_ID": str(self.target.get("VersionId", "")),
            "EXECUTION_ARN": self.arn,
            "MACHINE_ARN": self.machine_arn,
            "STACK_NAME": self.stack,
        }

        def value(match: re.Match[str]) -> str:
            return known[match[1]] if _NAME.fullmatch(known[match[1]]) else match[1]

        return re.sub(rf"\b({'|'.join(known)})\b", value, text)


def is_rotation(run: Run) -> bool:
    """Whether this project's state machine made the run."""
    return {visit.name for visit in run.top()} >= _FIRST_STATES


def output_of(run: Run, name: str) -> dict[str, Any]:
    """The output of the state's last visit; empty if there is none."""
    for visit in reversed(run.top()):
        if visit.name == name:
            with suppress(ValueError, TypeError):
                return dict(json.loads(visit.output))
    return {}


def secret_id(execution_input: str) -> str:
    """The input's SecretId, a name or an ARN; empty for another state machine's input."""
    with suppress(ValueError):
        parsed = json.loads(execution_input or "{}")
        if isinstance(parsed, dict) and isinstance(parsed.get("SecretId"), str):
            return str(parsed["SecretId"])
    return ""


def _cache(run: Run) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(run.failed.input)["Endpoint"]["Cache"]) if run.failed else ""
    return ""
