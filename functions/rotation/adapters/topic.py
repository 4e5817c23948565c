"""SNS, as far as somebody is to be told."""

import os
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import AccessDeniedError, ConfigurationError, RotationError, ThrottlingError

_CODES: dict[str, type[RotationError]] = {
    **dict.fromkeys(("NotFound", "InvalidParameter"), ConfigurationError),
    **dict.fromkeys(
        (
            "AuthorizationError",
            "KMSAccessDenied",
            "KMSDisabled",
            "KMSInvalidState",
            "KMSNotFound",
            "KMSOptInRequired",
        ),
        AccessDeniedError,
    ),
    "KMSThrottling": ThrottlingError,
}


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


class Topic:
    """One SNS topic."""

    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client = client
        self._arn = topic_arn

    @classmethod
    @cache
    def connect(cls) -> "Topic":
        """The function's own client, and the topic that TOPIC_ARN names."""
        return cls(boto3.client("sns", config=CLIENT_CONFIG), os.environ.get("TOPIC_ARN", ""))

    def publish(self, message: Message) -> None:
        """Send the message to all who are subscribed.

        Raises:
            ConfigurationError: there is no such topic.
            AccessDeniedError: also where the topic's key may not be used.
        """
        with translated("Publish", self._arn, _CODES):
            self._client.publish(TopicArn=self._arn, Subject=message.subject, Message=message.text)
