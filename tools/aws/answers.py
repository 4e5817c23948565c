"""A claim about AWS, how the account is asked about it, and what an answer is."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.scene import Scene

_FOLDER = Path(__file__).parent.parent


@dataclass(frozen=True)
class Answer:
    """What is compared, and what was measured on the way: seconds, counts, texts.

    ``expected`` is False for an answer of a shape that its question does not know.
    """

    text: str
    measured: dict[str, Any] = field(default_factory=dict)
    expected: bool = True


@dataclass(frozen=True)
class Case:
    """A claim, where it is from, and the question that AWS answers.

    ``caches`` says whether the stack and its caches have to be there, and ``trials`` which plans of
    tools/aws/trials.py have to have begun.
    """

    name: str
    claim: str
    source: str
    ask: Callable[[Scene], Answer]
    caches: bool = True
    trials: tuple[str, ...] = ()


def answer(case: Case, scene: Scene) -> Answer:
    """Ask; whatever AWS answers is an answer, also when it was not the one that was hoped for."""
    scene.account.answers.clear()
    try:
        return case.ask(scene)
    except ClientError as error:
        return refused(error)
    except (TimeoutError, BotoCoreError) as error:
        return Answer(f"no answer: {type(error).__name__}", {"message": str(error)})
    except Exception as error:
        return unexpected(error, scene.account.answers)


def unexpected(error: Exception, answers: Any = ()) -> Answer:
    """A finding: where an answer was not understood, and the last answers' shapes.

    The error's own text may quote a value, and is left out.
    """
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_FOLDER)
    ]
    at = f"{Path(ours[-1].filename).name}: {ours[-1].line}" if ours else "elsewhere"
    name = type(error).__name__
    return Answer(
        f"an unexpected answer: {name}", {"at": at, "answers": list(answers)}, expected=False
    )


def refused(error: ClientError) -> Answer:
    """AWS's error, by its code."""
    message = error.response["Error"].get("Message", "")
    return Answer(f"refused: {code(error)}", {"message": message})


def code(error: ClientError) -> str:
    """What AWS calls the error."""
    return str(error.response["Error"]["Code"])
