"""What the product writes is its owner's alone, whatever the account's umask: prices, reports, mails, snapshots."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import registry, steps
from pipelines.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def careless() -> Iterator[None]:
    """An account that lets everybody write everything."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """Files and folders that others may read, write or list, with their modes; passing through is no harm."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        mode = path.lstat().st_mode
        if mode & (0o066 if path.is_dir() else 0o077):
            found[str(path.relative_to(folder))] = stat.filemode(mode)
    return found


def test_R4_files_of_the_installation_are_closed_to_others(careless, catalog, feed, tmp_path) -> None:
    home = tmp_path / "home"
    with catalog.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    with steps.open_house(Settings(home=str(home), database_url=catalog.catalog_url)) as house:
        steps.load_source(house, str(feed({"a": 1, "bad": 0})), supplier="a", shop="main", settings={})
        steps.write_snapshot(house, out=tmp_path / "copy.duckdb")
        steps.save_answer(house, "SELECT * FROM offers", tmp_path / "answer.csv", "csv")
    written = {path.suffix for path in home.rglob("*") if path.is_file()}
    assert written >= {".eml", ".html", ".txt", ".json", ".xlsx", ".csv", ".parquet", ".duckdb", ".xml"}
    assert open_to_others(home) == {}
    assert open_to_others(tmp_path / "copy.duckdb") == {}
    assert open_to_others(tmp_path / "answer.csv") == {}
