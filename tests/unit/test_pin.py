"""The one secret and the one user of a pinned stack."""

import pytest

from rotation.errors import ConfigurationError, SecretNotAllowedError
from rotation.pin import Pin
from tests.unit.fakes import SECRET_ARN, USERNAME


def test_a_pin_needs_both_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pin.from_env() is None
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN)
    with pytest.raises(ConfigurationError, match="variable USER_NAME is empty"):
        Pin.from_env()
    monkeypatch.setenv("USER_NAME", USERNAME)
    assert Pin.from_env() == Pin(SECRET_ARN, USERNAME)
    monkeypatch.setenv("SECRET_ARN", "")
    with pytest.raises(ConfigurationError, match="variable SECRET_ARN is empty"):
        Pin.from_env()


def test_another_secret_is_refused_with_the_parameter_that_would_change_it() -> None:
    pin = Pin(SECRET_ARN, USERNAME)
    pin.require_secret(SECRET_ARN)
    with pytest.raises(SecretNotAllowedError, match=f"{SECRET_ARN}.*{SECRET_ARN}x.*SecretArn"):
        pin.require_secret(f"{SECRET_ARN}x")
