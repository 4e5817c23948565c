"""A claim about AWS, how the account is asked about it, and what an answer is.

Sources are AWS's documents, by the names that tests and pages use: [API] botocore's service models,
[RBAC] the ElastiCache guide's Clusters.RBAC, [USM] its User-Secrets-Manager, [SFN] the Step
Functions guide, and the Secrets Manager guide's pages [SM-L] "Rotation by Lambda function", [SM-F]
"Lambda rotation functions" and [SM-T] "Troubleshoot rotation". What none of them says is
"unverified".
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.environment import Environment

Ask = TypeVar("Ask", bound=Callable[[Any], Any])
_FOLDER = str(Path(__file__).parent)


@dataclass(frozen=True)
class Answer:
    """``text`` is compared; ``measured`` holds what else was found: seconds, counts, messages.

    ``expected`` is False for an answer of a shape that its question does not know.
    """

    text: str
    measured: dict[str, Any] = field(default_factory=dict)
    expected: bool = True


#: What asking returns: the answer, its text, or None for "accepted".
Reply = Answer | str | None


@dataclass(frozen=True)
class Question:
    """A claim, where it is from, and the function that asks AWS.

    With a ``plan`` (trials.py) the function gets its trial, and otherwise the environment, with the
    stack and the caches; ``kind`` is the kind of cache that is needed, if not any.
    """

    name: str
    claim: str
    source: str
    ask: Callable[[Any], Reply]
    plan: str = ""
    kind: str = ""

    def answer(self, env: Environment) -> Answer:
        """Ask. An error is an answer, too."""
        shapes = env.account.shapes
        shapes.clear()
        try:
            reply = self.ask(env.trial(self.plan) if self.plan else env)
        except ClientError as error:
            return refused(error)
        except (TimeoutError, BotoCoreError) as error:
            return Answer(f"no answer: {type(error).__name__}", {"message": str(error)})
        except Exception as error:
            return unexpected(error, shapes)
        return reply if isinstance(reply, Answer) else Answer(reply or "accepted")


class Questions(list[Question]):
    """Questions, in the order in which they are asked."""

    def add(
        self, name: str, source: str = "unverified", claim: str = "", **needs: str
    ) -> Callable[[Ask], Ask]:
        """A decorator of the function that asks; its docstring is the claim unless one is given."""

        def decorated(ask: Ask) -> Ask:
            self.append(Question(name, claim or str(ask.__doc__), source, ask, **needs))
            return ask

        return decorated


def unexpected(error: Exception, shapes: Iterable[str]) -> Answer:
    """The line that did not understand AWS, and the shapes of AWS's last responses.

    The error's own text may quote a value, and is left out.
    """
    frames = traceback.extract_tb(error.__traceback__)
    [*_, frame] = [frame for frame in frames if frame.filename.startswith(_FOLDER)]
    at = f"{Path(frame.filename).name}: {frame.line}"
    text = f"an unexpected answer: {type(error).__name__}"
    return Answer(text, {"at": at, "answers": list(shapes)}, expected=False)


def refused(error: ClientError) -> Answer:
    """AWS's error code, and its message."""
    message = error.response["Error"].get("Message", "")
    return Answer(f"refused: {code(error)}", {"message": message})


def code(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response["Error"]["Code"])
