"""The commands and choices of a deployment, as the docs describe them; `make sam` runs them."""

import re
import sys
from pathlib import Path

import pytest

from tests.template.test_template import ROOT, TEMPLATE
from tools.template.parameters import PAGE, with_table
from tools.template.sam import DOCUMENTED, Terminal, UnexpectedOutcomeError

ASKS = """
name = input("\\n\\tStack Name [sam-app]: ")
sure = input("\\tConfirm changes [y/N]: ")
print("deploys", name or "sam-app", sure or "N")
raise SystemExit(name == "broken")
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal([sys.executable, "-c", ASKS], tmp_path, {})


def test_every_documented_command_is_run() -> None:
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    command = re.compile(r"(?:^|`)(sam [a-z][^`\n]*)(?:`|$)", re.M)
    assert {found for text in texts for found in command.findall(text)} == DOCUMENTED


def test_the_table_of_parameters_is_that_of_the_template() -> None:
    assert PAGE.read_text() == with_table(PAGE.read_text(), TEMPLATE), "run `make parameters`"


def test_every_parameter_is_in_the_table() -> None:
    """The table follows the form's groups; that each parameter is in one is checked elsewhere."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.M)
    assert sorted(rows) == sorted(TEMPLATE["Parameters"])


def test_a_question_is_answered_or_gets_its_default(terminal: Terminal) -> None:
    assert "deploys mine N" in terminal.run("sam deploy", {"Stack Name": "mine"})
    assert terminal.asked == {"Stack Name": "sam-app", "Confirm changes": "y/N"}


def test_a_command_that_fails_is_reported_with_its_output(terminal: Terminal) -> None:
    with pytest.raises(UnexpectedOutcomeError, match=r"(?s)`sam deploy` ended with 1:.*deploys"):
        terminal.run("sam deploy", {"Stack Name": "broken"})
    assert "deploys broken" in terminal.run("sam deploy", {"Stack Name": "broken"}, status=1)
