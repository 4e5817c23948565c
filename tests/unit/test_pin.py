"""The one secret and the one user of a pinned stack."""

import pytest

from rotation.errors import ConfigurationError, SecretNotAllowedError
from rotation.rules.pin import Pin
from tests.unit.fakes import SECRET_ARN, USER_ARN, USERNAME

SETTINGS = {"SECRET_ARN": SECRET_ARN, "USER_ARN": USER_ARN, "USER_NAME": USERNAME}


def test_a_pin_needs_all_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Pin.from_env() is None
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert Pin.from_env() == Pin(SECRET_ARN, USER_ARN, USERNAME)


@pytest.mark.parametrize("missing", SETTINGS)
def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(ConfigurationError, match=f"variable {missing} is empty"):
        Pin.from_env()


def test_another_secret_is_refused_with_the_parameter_that_would_change_it() -> None:
    pin = Pin(SECRET_ARN, USER_ARN, USERNAME)
    pin.require_secret(SECRET_ARN)
    with pytest.raises(SecretNotAllowedError, match=f"{SECRET_ARN}.*{SECRET_ARN}x.*SecretArn"):
        pin.require_secret(f"{SECRET_ARN}x")
