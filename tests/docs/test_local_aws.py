"""docs/local-aws.md: what is known of AWS has a test, or a reason why it has none."""

import re

import pytest

from tests.docs.named_tests import ROOT, missing, named

PAGE = (ROOT / "docs/local-aws.md").read_text()
KNOWN = PAGE.partition("\n## What is known of AWS")[2].partition("\n## ")[0]
HEAD = "| fact | how it is known | test |"
FACTS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for table in KNOWN.split(HEAD)[1:]
    for line in table.partition("\n\n")[0].splitlines()[2:]
]


def test_every_named_test_is_there() -> None:
    assert missing(PAGE) == set()


def test_secrets_manager_lambda_and_the_quotas_have_a_table() -> None:
    sections = KNOWN.split("\n### ")[1:]
    assert [each.partition("\n")[0] for each in sections if HEAD in each] == [
        "Secrets Manager",
        "Lambda",
        "Quotas of Step Functions",
    ]


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row[0][:40])
def test_every_fact_has_a_test_or_a_reason(row: list[str]) -> None:
    fact, known, test = row
    assert fact
    assert known
    if reason := re.fullmatch(r"None: (.+)", test):
        assert len(reason[1].split()) > 3
    else:
        assert named(test)
        assert re.sub(r"`[^`]+`|,|\s", "", test) == ""
