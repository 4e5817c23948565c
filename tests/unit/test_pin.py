"""The one secret and the one user of a pinned stack."""

import pytest

from rotation.errors import ConfigurationError, SecretNotAllowedError
from rotation.rules.pin import Pin
from tests.unit.values import SECRET_ARN, USER_ARN, USERNAME

SETTINGS = {"SECRET_ARN": SECRET_ARN, "USER_ARN": USER_ARN, "USER_NAME": USERNAME}
PIN = Pin(*SETTINGS.values())


def test_a_pin_needs_all_settings_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pin.from_env() is None
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert Pin.from_env() == PIN
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, "")
        with pytest.raises(ConfigurationError, match=f"variable {name} is empty"):
            Pin.from_env()
        monkeypatch.setenv(name, value)


def test_another_secret_is_refused_with_the_parameter_that_would_change_it() -> None:
    PIN.require_secret(SECRET_ARN)
    with pytest.raises(SecretNotAllowedError, match=f"{SECRET_ARN}.*{SECRET_ARN}x.*SecretArn"):
        PIN.require_secret(f"{SECRET_ARN}x")
