"""docs/security.md: each answer to a threat names tests that there are, and none is forgotten."""

import re

import pytest

from tests.docs.named_tests import ROOT, missing, named, names_in
from tests.template.test_template import TEMPLATE

PAGE = (ROOT / "docs/security.md").read_text()
THREATS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| threat"))
]
#: Whose every test is an answer.
WHOLLY = ("test_redirected",)


def test_every_named_test_is_there() -> None:
    assert missing(PAGE) == set()


def test_a_test_that_is_not_there_is_found() -> None:
    gone = ("tests/docs/test_security.py", "test_nothing")
    nowhere = ("tests/docs/test_nowhere.py", "test_nothing")
    assert missing(f"`{'::'.join(gone)}`, `{'::'.join(nowhere)}`") == {gone, nowhere}


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0][:40])
def test_every_threat_has_an_answer_and_its_proof(row: list[str]) -> None:
    threat, answer, proof = row
    assert threat
    assert answer
    assert named(proof)
    assert re.sub(r"`[^`]+`|,|\s", "", proof) == ""


def test_no_test_of_the_policies_is_forgotten() -> None:
    assert len(THREATS) > 10
    for name in WHOLLY:
        path = f"tests/rotation/{name}.py"
        assert names_in(path) - {test for file, test in named(PAGE) if file == path} == set()


def test_the_functions_that_read_a_value_are_told() -> None:
    told = re.search(r"^(CheckTarget,.+?)\ncan read a secret's value", PAGE, re.M | re.S)
    assert told
    readers = {
        name.removesuffix("Role")
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
        and "secretsmanager:GetSecretValue" in str(resource["Properties"]["Policies"])
    }
    assert {*re.findall(r"\w+", told[1].replace(" and ", " "))} == readers
