"""A library in a folder store, and one-line imports into it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.objects.folder import FolderStore
from pipelines.reference import Library, apply_import, load_reference, plan_import, rows_of

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@pytest.fixture
def library(tmp_path):
    """An installation that has imported nothing."""
    return Library.at(FolderStore(tmp_path / "objects"), tmp_path / "home")


@pytest.fixture
def write(tmp_path):
    """Write a file and give its path; text is UTF-8 unless told otherwise."""

    def written(content: str | bytes, name: str = "list.csv", *, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


@pytest.fixture
def plan(library, write):
    """Plan the import of a text or a file: `plan("rubricator", "ID;…")`."""

    def planned(table, content, *, name="list.csv", now=NOW, **party):
        file = content if isinstance(content, Path) else write(content, name)
        return plan_import(library, table, file, who="operator@host", now=now, **party)

    return planned


@pytest.fixture
def put(library, plan):
    """Plan and apply; gives the plan."""

    def done(table, content, **options):
        made = plan(table, content, **options)
        apply_import(library, made)
        return made

    return done


@pytest.fixture
def table(library):
    """The rows of a table in force, as a party sees it; None when there is no such table."""

    def rows(name, **party):
        path = load_reference(library, **party).find(name)
        return None if path is None else list(rows_of(path))

    return rows


@pytest.fixture
def pointer(library):
    """The stored pointer as it is."""
    return lambda: json.loads(library.store.get_bytes("reference/current.json"))


RUBRICATOR = """ID категории;ID родительской категории;Наименование категории;Уровень
1;;Хозтовары;1
10;1;Мыло;2
178618;10;Мыло хозяйственное;3
178619;10;Мыло жидкое;3
"""


@pytest.fixture
def rubricator(put):
    """A rubricator in force: 1 > 10 > 178618, 178619."""
    put("rubricator", RUBRICATOR)
    return RUBRICATOR
