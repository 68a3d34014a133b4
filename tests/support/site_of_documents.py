"""The documentation site: the repository's pages and what they link to, laid out as they lie, and built by MkDocs.

`nox -s site` builds it into `.site/html`. Pages link to files of other folders (scripts, deployment files), so those are laid
beside them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "docs" / "mkdocs.yml"
#: Pages, and what they show or link to.
PAGES = ("*.md", "LICENSE", "docs/**/*", "*/README.md", "tests/**/*.md")
LINKED = (
    "sql/**/*",
    "dagster_defs/docs/*",
    "dagster_defs/deploy/*",
    "tests/benchmarks/*",
    "routing_etl/erp/profiles/*.toml",
    "workspace.yaml",
    "pyproject.toml",
)
#: Python files and folders are shown by the host of the repository, not by the site.
_LEFT_OUT = {".py", ".pyc"}


def lay_out(target: Path) -> None:
    """Copy pages and what they link to into an empty folder, each to its own place.

    Parameters
    ----------
    target : pathlib.Path
        The folder; what is in it is removed.
    """
    shutil.rmtree(target, ignore_errors=True)
    for pattern in (*PAGES, *LINKED):
        for path in ROOT.glob(pattern):
            if path.is_file() and path.suffix not in _LEFT_OUT and path != CONFIG:
                to = target / path.relative_to(ROOT)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site; every warning is an error.

    Parameters
    ----------
    folder : pathlib.Path
        Gets `source` and `html`.
    """
    lay_out(folder / "source")
    text = CONFIG.read_text(encoding="utf-8").replace("../.site/", "")
    (folder / "mkdocs.yml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(folder / "mkdocs.yml")]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


if __name__ == "__main__":
    done = build(ROOT / ".site")
    sys.stderr.write(done.stdout + done.stderr)
    sys.exit(done.returncode)
