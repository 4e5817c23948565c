"""The functions' surroundings, in memory: AWS, a topic and a cache's node."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from rotation.adapters.elasticache import ElastiCache
from rotation.adapters.login import NodeConnection
from rotation.adapters.secrets_manager import (
    AWSCURRENT,
    AWSPENDING,
    AWSPREVIOUS,
    SecretsManager,
)
from rotation.adapters.step_functions import StepFunctions
from rotation.adapters.topic import Message, Topic
from rotation.records.endpoint import Endpoint
from tests.unit.fake_aws import FakeElastiCache, FakeSecretsManager, FakeStepFunctions, Faults
from tests.unit.values import (
    CURRENT,
    CURRENT_PASSWORD,
    FUNCTION_ARN,
    NO_CLIENT,
    PENDING,
    PENDING_PASSWORD,
    PREVIOUS,
    PREVIOUS_PASSWORD,
    TOPIC_ARN,
    USERNAME,
    make_user,
    secret_text,
)


class FakeTopic(Topic):
    """Keeps what is published."""

    def __init__(self) -> None:
        super().__init__(NO_CLIENT, TOPIC_ARN)
        self.faults = Faults()
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        with self.faults.at("publish", message.subject):
            self.messages.append(message)


class FakeCache:
    """The nodes behind a FakeElastiCache: they accept the logins that the user's ACL accepts."""

    def __init__(self, elasticache: FakeElastiCache) -> None:
        self.faults = Faults()
        self.elasticache = elasticache
        self.opened: list[tuple[Endpoint, str]] = []
        self.tried: list[str] = []
        self.refused: set[str] = set()

    @contextmanager
    def open(self, endpoint: Endpoint, username: str) -> Iterator[NodeConnection]:
        """Stands in for NodeConnection.open."""
        with self.faults.at("open", str(endpoint), username):
            self.opened.append((endpoint, username))
        yield FakeNodeConnection(self, endpoint, username)

    def lets_in(self, username: str, password: str) -> bool:
        user = self.elasticache.found
        if user is None or user.name != username or not user.enabled or password in self.refused:
            return False
        return user.authentication == "no-password" or password in self.elasticache.passwords


class FakeNodeConnection(NodeConnection):
    """Only the network is replaced: the rules about passwords are NodeConnection's own."""

    def __init__(self, cache: FakeCache, endpoint: Endpoint, username: str) -> None:
        super().__init__(endpoint, username, None)  # type: ignore[arg-type]
        self.cache = cache

    def accepts(self, password: str) -> bool:
        with self.cache.faults.at("accepts", self._username):
            self.cache.tried.append(password)
            return self.cache.lets_in(self._username, password)


@dataclass
class FakeContext:
    """The part of Lambda's context that the functions use."""

    function_name: str = "stack-Function"
    aws_request_id: str = "request-1"
    invoked_function_arn: str = FUNCTION_ARN
    remaining: float = 900.0

    slept: list[float] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining * 1000)

    def sleep(self, seconds: float) -> None:
        """Stands in for time.sleep: it takes of the remaining time, and no time."""
        self.slept.append(seconds)
        self.remaining -= seconds


class World:
    """A secret, its user, their caches and the state machine; and a way to call the handlers."""

    def __init__(self) -> None:
        self.secrets = FakeSecretsManager()
        self.secrets.add(PREVIOUS, secret_text(PREVIOUS_PASSWORD), AWSPREVIOUS)
        self.secrets.add(CURRENT, secret_text(CURRENT_PASSWORD), AWSCURRENT)
        self.users = FakeElastiCache(make_user(), [CURRENT_PASSWORD])
        self.machine = FakeStepFunctions()
        self.topic = FakeTopic()
        self.cache = FakeCache(self.users)
        self.context = FakeContext()

    def take_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From here on, the handlers get their adapters from this world."""
        monkeypatch.setattr(SecretsManager, "connect", lambda: self.secrets)
        monkeypatch.setattr(ElastiCache, "connect", lambda: self.users)
        monkeypatch.setattr(StepFunctions, "connect", lambda: self.machine)
        monkeypatch.setattr(Topic, "connect", lambda: self.topic)
        monkeypatch.setattr(NodeConnection, "open", self.cache.open)
        monkeypatch.setattr("time.sleep", self.context.sleep)

    def stage(self, text: str | bytes | None = secret_text(PENDING_PASSWORD)) -> None:
        """As after Generate Password; with None, as before createSecret."""
        self.secrets.add(PENDING, text, AWSPENDING)

    def modify(self) -> None:
        """As after Modify User."""
        self.users.passwords = [PENDING_PASSWORD, CURRENT_PASSWORD]
        self.users.change(authentication="password", password_count=2)

    def call(self, handler: Callable[[dict[str, Any], Any], Any], event: dict[str, Any]) -> Any:
        return handler(event, self.context)

    def current_password_logs_in(self) -> bool:
        """The promise of every rotation."""
        version = self.secrets.version_with(AWSCURRENT)
        text = self.secrets.texts[version or ""]
        assert isinstance(text, str)
        return self.cache.lets_in(USERNAME, json.loads(text)["password"])
