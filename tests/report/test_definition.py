"""A definition: what is wrong with it, its conditions in words, and the part that a run used."""

import re
from typing import Any

import pytest

from report.definition import (
    Definition,
    DefinitionError,
    check,
    condition,
    entered,
    inner_of,
    observed,
    transitions_of,
)
from report.history import run_of
from tests.report.foreign import DANGEROUS, ORDER, order

B_PRESENT = {"Variable": "$.B", "IsPresent": True}


@pytest.mark.parametrize(
    "rule, words",
    [
        ({"Variable": "$.A.B", "StringEquals": "x"}, "B = x"),
        ({"Variable": "$.B", "BooleanEquals": False}, "B = false"),
        ({"Variable": "$.B", "NumericLessThanEquals": 1.5}, "B ≤ 1.5"),
        ({"Variable": "$.B", "NumericGreaterThanPath": "$.C.Most"}, "B > Most"),
        ({"Variable": "$.B", "TimestampLessThan": "2026-01-01"}, "B < 2026-01-01"),
        ({"Variable": "$.B", "StringMatches": "log-*"}, "B matches log-*"),
        (B_PRESENT, "B is present"),
        ({"Variable": "$.B", "IsNull": False}, "B is not null"),
        ({"Not": B_PRESENT}, "not (B is present)"),
        ({"And": [B_PRESENT, {"Variable": "$.C", "StringEquals": ""}]}, "B is present and C = "),
        ({"Or": [B_PRESENT, {"Variable": "$.C", "IsNull": True}]}, "B is present or C is null"),
        ({"Condition": "{% $states.input.n > 1 %}"}, "$states.input.n > 1"),
        ({"Variable": "$.B", "NovelTest": 1}, "B"),
    ],
)
def test_a_condition_is_a_few_words(rule: dict[str, Any], words: str) -> None:
    assert condition({**rule, "Next": "A"}) == words


@pytest.mark.parametrize(
    "definition, problem",
    [
        ({}, "the definition has no States"),
        ({"StartAt": "A", "States": {}}, "the definition has no States"),
        ({"StartAt": "B", "States": {"A": {}}}, "has no state 'B', the target of StartAt"),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}},
            "has no state 'B', the target of state 'A'",
        ),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Map", "ItemProcessor": {}}}},
            "state 'A' has no States",
        ),
    ],
)
def test_a_definition_that_cannot_be_drawn_is_refused(
    definition: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DefinitionError, match=re.escape(problem)):
        check(definition)


def used(definition: Definition) -> set[tuple[str, str | None]]:
    """Every state, and every transition, at any depth."""
    found: set[tuple[str, str | None]] = set()
    for name, state in definition["States"].items():
        found |= {(name, None), *((name, to) for to, _, _ in transitions_of(state))}
        for inner in inner_of(state):
            found |= used(inner)
    return found


def test_the_part_that_a_run_used_has_the_states_and_transitions_of_its_history() -> None:
    run = run_of(order().events)
    found = used(entered(ORDER, run))
    assert found == used(observed(run))
    assert found < used(ORDER)
    assert {(DANGEROUS, "Is It Big?"), ("Both", "Order Failed"), ("Each Label", None)} < found
    assert ("Both", "Again?") not in found
