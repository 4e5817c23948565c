"""One guard that is broken on purpose."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = "statemachine/rotation.asl.json"
#: Tests that are quick enough for every mutant, the likeliest first.
OF_DEFINITION = (
    "tests/statemachine/test_definition.py",
    "tests/statemachine/test_retries.py",
    "tests/docs",
    "tests/report/test_graph.py",
    "tests/statemachine/test_paths.py",
)
OF_FUNCTIONS = "tests/unit"


@dataclass(frozen=True)
class Mutant:
    """``name`` says what is broken and where; ``text`` is the file's, so broken."""

    path: str
    name: str
    text: str

    @property
    def tests(self) -> tuple[str, ...]:
        """To be run in turn, until one fails."""
        if self.path == DEFINITION:
            return OF_DEFINITION
        return f"{OF_FUNCTIONS}/test_{Path(self.path).stem}.py", OF_FUNCTIONS
