"""The definition and its source.

Apart from test_definition.py, whose tests have to say what is wrong with a definition that its
source does not make: a mutant's.
"""

import pytest
from yaml import YAMLError

from statemachine.asl import DEFINITION, SOURCE, definition


def test_the_definition_is_that_of_its_source() -> None:
    assert DEFINITION.read_text() == definition(SOURCE.read_text()), "run make asl"


def test_anchors_are_put_in_and_the_keys_of_the_source_left_out() -> None:
    source = """
    x-shared: [&task {Type: Task, TimeoutSeconds: 45}]
    StartAt: Größe
    States: {Größe: {<<: *task, TimeoutSeconds: 5, x-ray: true}, Again: *task}
    """
    assert (
        definition(source)
        == """{
  "StartAt": "Größe",
  "States": {
    "Größe": {
      "Type": "Task",
      "TimeoutSeconds": 5,
      "x-ray": true
    },
    "Again": {
      "Type": "Task",
      "TimeoutSeconds": 45
    }
  }
}
"""
    )


@pytest.mark.parametrize(
    "source, problem",
    [
        ("States: {A: {Type: Pass}, B: {Type: Pass}, A: {Type: Fail}}", "key A is written twice"),
        ("States:\n  A: {Next: B, Next: C}\n", "line 2"),
        ("States: {A: *missing}", "undefined alias"),
        ("States: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("States: {A", "expected"),
    ],
)
def test_a_source_that_is_wrong_is_refused(source: str, problem: str) -> None:
    with pytest.raises(YAMLError, match=problem):
        definition(source)
