"""Write the golden files of the release that pyproject.toml names: ``python -m tests.releases``.

The samples of events/ with them. Golden files that are there are written anew while the release is
not out: ``[0.2.0] - unreleased`` in CHANGELOG.md.
"""

import logging
import shutil
import tomllib
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tests.releases.golden import RELEASES, event_files, payloads_of, write

if __name__ == "__main__":
    logging.disable()
    release = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    if f"[{release}] - unreleased" in Path("CHANGELOG.md").read_text():
        shutil.rmtree(RELEASES / release, ignore_errors=True)
    with redirect_stdout(StringIO()):  # the functions' metrics
        if not (RELEASES / release).exists():
            write(release)
    for path, text in event_files(payloads_of(release)).items():
        path.write_text(text)
