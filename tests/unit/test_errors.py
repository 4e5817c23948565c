"""The names by which a rotation fails."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rotation import errors

MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
CLASSES = dict(inspect.getmembers(errors, inspect.isclass))
DOCUMENTED = errors.__doc__ or ""
#: Names of Lambda, Step Functions and the Lambda runtime.
OF_AWS = ("Lambda.", "States.", "Sandbox.", "Runtime.")


def error_names(state: Any) -> set[str]:
    """Every ErrorEquals and Error of the state machine, but those of AWS."""
    if isinstance(state, list):
        return set().union(*map(error_names, state))
    if not isinstance(state, dict):
        return set()
    error = state.get("Error")
    own = {*state.get("ErrorEquals", ()), *([error] if isinstance(error, str) else [])}
    return own.union(*map(error_names, state.values())) - {
        name for name in own if name.startswith(OF_AWS)
    }


NAMED = error_names(json.loads(MACHINE.read_text()))


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_has_a_docstring_a_remedy_of_a_sentence_and_is_found_by_its_name(
    name: str,
) -> None:
    kind = CLASSES[name]
    assert issubclass(kind, errors.RotationError)
    assert name.endswith("Error")
    assert kind.__doc__
    assert kind.remedy == "" or (kind.remedy[0].isupper() and kind.remedy.endswith("."))
    assert errors.error_named(name) is kind


@pytest.mark.parametrize("name", ["", "Exception", "ValueError", "rotationerror", "error_named"])
def test_no_other_name_finds_an_error(name: str) -> None:
    with pytest.raises(KeyError):
        errors.error_named(name)


def test_the_tree_in_the_docstring_names_each_class_once() -> None:
    named = re.findall(r"[├└│] *[─ ]*(\w+Error)\b", DOCUMENTED)
    assert sorted(named) == sorted(set(CLASSES) - {"RotationError"})


def test_the_state_machine_names_errors_that_exist_and_retries_those_that_are_transient() -> None:
    transient = {name for name, kind in CLASSES.items() if kind.transient}
    assert set(re.findall(r"(\w+Error) +\(transient\)", DOCUMENTED)) == transient
    assert transient <= NAMED <= set(CLASSES)
