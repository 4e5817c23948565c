"""The names by which a rotation fails."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rotation import errors

MACHINE = Path(__file__).parents[2] / "statemachine" / "rotation.asl.json"
CLASSES: dict[str, type[errors.RotationError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.RotationError)
}
#: Not classes of ours: Lambda's, Step Functions' and the Lambda runtime's own names.
ROUTED_BY_AWS = ("Lambda.", "States.", "Sandbox.", "Runtime.")


def error_names(state: Any) -> set[str]:
    """Every ErrorEquals and Error of the machine."""
    if isinstance(state, list):
        return set().union(*map(error_names, state))
    if not isinstance(state, dict):
        return set()
    own = set(state.get("ErrorEquals", ()))
    if isinstance(state.get("Error"), str):
        own.add(state["Error"])
    return own.union(*map(error_names, state.values()))


def test_all_are_rotation_errors_with_a_docstring() -> None:
    for name, kind in vars(errors).items():
        if inspect.isclass(kind):
            assert issubclass(kind, errors.RotationError), name
            assert kind.__doc__, name


def test_every_name_ends_in_error_as_the_documents_say() -> None:
    assert all(name.endswith("Error") for name in CLASSES)


def test_the_tree_in_the_docstring_names_each_class_once() -> None:
    named = re.findall(r"[├└│] *[─ ]*(\w+Error)\b", errors.__doc__ or "")
    assert sorted(named) == sorted(set(CLASSES) - {"RotationError"})


def test_every_error_that_the_machine_names_exists() -> None:
    named = error_names(json.loads(MACHINE.read_text()))
    own = {name for name in named if not name.startswith(ROUTED_BY_AWS)}
    assert own
    assert own <= set(CLASSES)


def test_the_errors_that_are_called_transient_are_retried_by_the_machine() -> None:
    transient = set(re.findall(r"(\w+Error) +\(transient\)", errors.__doc__ or ""))
    assert len(transient) >= 6
    assert transient <= error_names(json.loads(MACHINE.read_text()))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_is_found_by_its_name(name: str) -> None:
    assert errors.error_named(name) is CLASSES[name]


@pytest.mark.parametrize("name", ["", "Exception", "ValueError", "rotationerror", "error_named"])
def test_no_class_but_ours_has_a_name_here(name: str) -> None:
    with pytest.raises(KeyError):
        errors.error_named(name)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_remedy_is_a_sentence(name: str) -> None:
    remedy = CLASSES[name].remedy
    assert remedy == "" or (remedy[0].isupper() and remedy.endswith("."))
