"""Write the golden files of the release that pyproject.toml names: `python -m tests.releases`."""

import logging
import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tests.releases.golden import write

if __name__ == "__main__":
    logging.disable()
    release = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    with redirect_stdout(StringIO()):  # the functions' metrics
        write(release)
