"""The names by which a rotation fails."""

import inspect
import re

import pytest

from rotation import errors

CLASSES: dict[str, type[errors.RotationError]] = dict(inspect.getmembers(errors, inspect.isclass))
#: In the tree of the docstring: each class, and whether it is transient.
DOCUMENTED = re.findall(r"[├└│] *[─ ]*(\w+Error)\b *(\(transient\))?", errors.__doc__ or "")


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_has_a_docstring_and_is_found_by_its_name(name: str) -> None:
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


def test_the_tree_in_the_docstring_names_each_class_once_and_whether_it_is_transient() -> None:
    tree = {name: bool(transient) for name, transient in DOCUMENTED}
    classes = {name: kind.transient for name, kind in CLASSES.items() if name != "RotationError"}
    assert len(tree) == len(DOCUMENTED), "a class is in the tree twice"
    assert classes.keys() - tree.keys() == set(), "not in the tree of errors.py's docstring"
    assert tree == classes, "the tree has other classes, or another (transient)"
