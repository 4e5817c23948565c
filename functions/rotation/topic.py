"""SNS, as far as somebody is to be told."""

import os
from functools import cache
from typing import Any

import boto3

from rotation.aws import CLIENT_CONFIG, translated
from rotation.errors import AccessDeniedError, ConfigurationError, RotationError, ThrottlingError
from rotation.message import Message

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
