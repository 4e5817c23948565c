"""The rules in the model: each promise holds with all of them, and not without one."""

import re
from pathlib import Path

import pytest

from tools.model.__main__ import all_rules, without
from tools.model.bounds import LEFT_OUT, SMALL

TABLE = Path(__file__).parents[2] / "docs/reliability.md"


@pytest.mark.parametrize("name", SMALL)
def test_no_interleaving_breaks_a_promise(name: str) -> None:
    result = all_rules(SMALL[name])
    assert result.found == {}
    assert result.ends


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_each_rule_is_needed(rule: str) -> None:
    assert without(rule).found


def test_the_documented_rules_are_the_models() -> None:
    section = TABLE.read_text().split("\n## The rules\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [*LEFT_OUT]
