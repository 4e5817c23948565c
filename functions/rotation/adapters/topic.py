"""SNS: publishes notifications to one topic."""

import os
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3

from rotation.adapters.aws import CLIENT_CONFIG, translated
from rotation.errors import AccessDeniedError, ConfigurationError, RotationError, ThrottlingError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

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
    """``subject`` is one line of at most 100 ASCII characters (SNS API reference, Publish)."""

    subject: str
    text: str

    @classmethod
    def of(cls, subject: str, *paragraphs: str) -> "Message":
        """A message with the paragraphs that are not empty."""
        line = " ".join(re.sub(r"[^ -~]", " ", subject).split())
        line = line if len(line) <= 100 else f"{line[:97]}..."
        return cls(line, "\n\n".join(filter(None, paragraphs)))


class Topic:
    """One SNS topic."""

    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._arn = topic_arn

    @classmethod
    @cache
    def connect(cls) -> "Topic":
        """The function's own client, for the topic in TOPIC_ARN."""
        return cls(boto3.client("sns", config=CLIENT_CONFIG), os.environ.get("TOPIC_ARN", ""))

    def publish(self, message: Message) -> None:
        """Publish the message.

        Raises:
            ConfigurationError: there is no such topic.
            AccessDeniedError: the role may not publish, or not use the topic's key.
        """
        with translated("Publish", self._arn, _CODES):
            self._client.publish(TopicArn=self._arn, Subject=message.subject, Message=message.text)
