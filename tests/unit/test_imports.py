"""No handler imports what it does not use: each first invocation would wait for it."""

import pytest

from bench.cold_start import handlers, modules

LOG_IN = {"check_endpoint", "log_in", "log_in_with_current"}
#: Slow to import, and of no use to a function; boto3 brings none of them.
NEVER = {"aws_xray_sdk", "jinja2", "moto", "pydantic", "requests", "rich", "yaml"}


def test_all_handlers_are_looked_at() -> None:
    assert set(handlers()) >= LOG_IN | {"rotate_secret", "describe_user"}


@pytest.mark.parametrize("handler", handlers())
def test_a_handler_imports_only_what_it_uses(handler: str) -> None:
    found = modules(handler)
    assert "boto3" in found
    assert ("redis" in found) == (handler in LOG_IN)
    assert found.isdisjoint(NEVER)
