"""One store after the other: every test of the contract runs on a folder and on S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.objects import ObjectStore, open_store
from pipelines.settings import Settings


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.integration)])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ObjectStore]:
    """Opens the same store anew, as another process would; every test runs on a folder and on S3."""
    if request.param == "folder":
        settings = Settings(home=str(tmp_path / "home"))
    else:
        settings = request.getfixturevalue("s3_settings")
    return lambda: open_store(settings)


@pytest.fixture
def store(reopen: Callable[[], ObjectStore]) -> ObjectStore:
    """An empty store."""
    return reopen()
