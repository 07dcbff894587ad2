"""The repository as files: what every test of the project's own shape looks at."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root folder."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """Every file that git tracks, and those about to be: what a clone would hold."""
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("what a clone would hold is known to git alone")
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    files = [root / name for name in listing.split("\0") if name and (root / name).is_file()]
    assert files
    return files


@pytest.fixture(scope="session")
def texts(tracked: list[Path]) -> dict[Path, str]:
    """Tracked files with their text; bytes that are no UTF-8 are replaced, since feeds come in any encoding."""
    return {path: path.read_bytes().decode(errors="replace") for path in tracked}


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    """pyproject.toml as a value."""
    return tomllib.loads((root / "pyproject.toml").read_text())
