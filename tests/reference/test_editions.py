"""The living side: versions, the pointer, its history; kills, races, parties, damage."""

import json
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import InternalError, OperatorError
from pipelines.objects.folder import FolderStore
from pipelines.reference import (
    Library,
    apply_import,
    changes,
    load_reference,
    read_pointer,
    shipped_reference,
)

POSITIONS = "Код позиции;Наименование\n1208576;Папка\n"


def positions(*codes):
    return "Код позиции;Наименование\n" + "".join(f"{code};Позиция {code}\n" for code in codes)


def test_without_imports_the_tables_are_those_of_the_product(library):
    reference = load_reference(library, shop="main", supplier="a")
    assert (reference.files, reference.version) == (shipped_reference().files, shipped_reference().version)
    assert reference.find("rubricator") is None
    assert list(library.store.list()) == []


def test_an_import_is_in_force_named_and_recorded(library, put, rubricator, table, pointer):
    reference = load_reference(library)
    edition = read_pointer(library).tables["rubricator"]
    assert [row["level"] for row in table("rubricator")] == ["1", "2", "3", "3"]
    assert reference.versions["rubricator"] == edition.version
    assert reference.find("rubricator").is_relative_to(library.cache)
    assert (edition.rows, edition.source, edition.who) == (4, "list.csv", "operator@host")
    assert edition.imported_at == "2026-11-22T05:00:00+00:00"
    assert library.store.exists(f"reference/rubricator/{edition.version}.csv")
    assert pointer()["tables"]["rubricator"]["source_sha256"] == edition.source_sha256


def test_the_version_of_the_whole_changes_with_any_table_and_returns_with_it(library, put):
    before = load_reference(library).version
    first = put("positions", positions(1), shop="main")
    one = load_reference(library, shop="main").version
    put("positions", positions(1, 2), shop="main")
    two = load_reference(library, shop="main").version
    again = put("positions", positions(1), shop="main")
    assert again.edition.version == first.edition.version
    assert load_reference(library, shop="main").version == one
    assert len({before, one, two}) == 3
    assert load_reference(library).version == before


def test_O17_a_shop_sees_its_own_positions_only(library, put, table):
    put("positions", positions(1), shop="main")
    put("positions", positions(2), shop="a/b")
    assert [row["code"] for row in table("positions", shop="main")] == ["1"]
    assert [row["code"] for row in table("positions", shop="a/b")] == ["2"]
    assert table("positions", shop="a") is None
    assert table("positions") is None


def test_O16_a_mapping_belongs_to_a_supplier_in_a_shop(library, put, rubricator, table):
    text = "Код категорий;Наименование категории;Код родительской категории;ID категории B2B-Center\n{};Мыло;;178618\n"
    put("category_mapping", text.format("x"), shop="main", supplier="a")
    put("category_mapping", text.format("y"), shop="main", supplier="../../a")
    assert [row["code"] for row in table("category_mapping", shop="main", supplier="a")] == ["x"]
    assert [row["code"] for row in table("category_mapping", shop="main", supplier="../../a")] == ["y"]
    assert table("category_mapping", shop="other", supplier="a") is None
    assert table("category_mapping", shop="main") is None


def test_another_suppliers_mapping_does_not_change_the_version_a_load_sees(library, put, rubricator):
    text = "Код категорий;Наименование категории;Код родительской категории;ID категории B2B-Center\nx;Мыло;;178618\n"
    before = load_reference(library, shop="main", supplier="a").version
    put("category_mapping", text, shop="main", supplier="b")
    assert load_reference(library, shop="main", supplier="a").version == before


@pytest.mark.parametrize(
    ("table", "party", "missing"),
    [
        ("positions", {}, "--shop"),
        ("category_mapping", {"shop": "main"}, "--supplier"),
        ("category_mapping", {"supplier": "a"}, "--shop"),
    ],
)
def test_a_party_that_is_not_named_is_asked_for(plan, table, party, missing):
    with pytest.raises(OperatorError, match=missing):
        plan(table, POSITIONS, **party)


def test_an_unknown_table_is_refused_with_those_there_are(plan):
    with pytest.raises(OperatorError, match="oktmo, positions"):
        plan("currencies", "a\n1\n")


def test_planning_writes_nothing(library, plan):
    made = plan("positions", positions(1, 2), shop="main")
    assert (made.rows_before, made.difference.added) == (0, 2)
    assert list(library.store.list()) == []


def test_history_names_every_import_and_what_it_replaced(library, put):
    versions = [put("positions", positions(*range(n)), shop="main").edition.version for n in (1, 2, 3)]
    found = list(changes(library))
    assert [change.number for change in found] == [1, 2, 3]
    assert [change.edition.version for change in found] == versions
    assert [change.replaced for change in found] == [None, *versions[:2]]
    assert all(library.store.exists(f"reference/positions/{version}.csv") for version in versions)


def test_of_two_imports_of_one_table_the_second_is_told(library, plan, table):
    one, two = plan("positions", positions(1), shop="main"), plan("positions", positions(2), shop="main")
    apply_import(library, one)
    with pytest.raises(OperatorError, match="somebody else meanwhile"):
        apply_import(library, two)
    assert [row["code"] for row in table("positions", shop="main")] == ["1"]


def test_imports_of_many_tables_at_once_lose_none(library, plan):
    plans = [plan("positions", positions(n), shop=f"shop {n}", name=f"{n}.csv") for n in range(8)]

    def apply(made):
        apply_import(Library(FolderStore(Path(library.store.url())), library.cache), made)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(apply, plans))
    assert read_pointer(library).tables == {made.name: made.edition for made in plans}
    assert {change.table: change.edition for change in changes(library)} == read_pointer(library).tables
    assert [change.number for change in changes(library)] == list(range(1, 9))


def test_applying_the_same_plan_again_is_no_second_import(library, plan):
    """The answer to a conditional write may get lost: our own edition is recognised."""
    made = plan("positions", positions(1), shop="main")
    apply_import(library, made)
    apply_import(library, made)
    assert len(list(changes(library))) == 1


@pytest.mark.parametrize("moment", ["put_bytes", "_keep", "put_bytes_if"])
def test_a_killed_import_leaves_the_old_table_and_can_be_run_again(library, plan, table, write, moment):
    apply_import(library, plan("positions", positions(1), shop="main"))
    file = write(positions(1, 2), "new.csv")
    script = f"""
        import os, signal
        from datetime import UTC, datetime
        from pathlib import Path
        from pipelines.objects.folder import FolderStore
        from pipelines.reference import Library, apply_import, editions, plan_import

        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(editions if {moment!r} == "_keep" else FolderStore, {moment!r}, die)
        library = Library(FolderStore(Path({library.store.url()!r})), Path({str(library.cache)!r}))
        plan = plan_import(
            library, "positions", Path({str(file)!r}), who="x", now=datetime(2026, 11, 23, tzinfo=UTC), shop="main"
        )
        apply_import(library, plan)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, cwd=Path.cwd())
    assert ended.returncode == -9
    assert [row["code"] for row in table("positions", shop="main")] == ["1"]
    assert len(list(changes(library))) == 1
    apply_import(library, plan("positions", file, shop="main"))
    assert [row["code"] for row in table("positions", shop="main")] == ["1", "2"]
    assert len(list(changes(library))) == 2


def test_a_local_copy_is_made_once_and_may_be_deleted(library, put, table):
    put("positions", positions(1), shop="main")
    path = load_reference(library, shop="main").path("positions")
    made = path.stat().st_mtime_ns
    assert load_reference(library, shop="main").path("positions").stat().st_mtime_ns == made
    path.unlink()
    assert [row["code"] for row in table("positions", shop="main")] == ["1"]


def test_a_damaged_version_is_not_used(library, put):
    made = put("positions", positions(1), shop="main")
    library.store.put_bytes(f"reference/positions/{made.edition.version}.csv", b"code,name\n")
    with pytest.raises(InternalError, match="damaged"):
        load_reference(library, shop="main")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"tables": {"okei": {}}, "last": null}'])
def test_a_broken_pointer_is_named(library, content):
    library.store.put_bytes("reference/current.json", content)
    with pytest.raises(InternalError, match=r"current\.json is not a pointer"):
        load_reference(library)


def test_a_table_with_columns_of_another_release_is_asked_for_again(library, put, pointer):
    put("vat_rates", rates_with("0;;;да\n"))
    stored = pointer()
    content = b"rate,enabled\n20,yes\n"
    from pipelines.reference.tables import version_of

    stored["tables"]["vat_rates"]["version"] = version_of(content)
    library.store.put_bytes(f"reference/vat_rates/{version_of(content)}.csv", content)
    library.store.put_bytes("reference/current.json", json.dumps(stored).encode())
    with pytest.raises(OperatorError, match="vat_rates was imported for an earlier release"):
        load_reference(library)


def rates_with(first):
    return "Ставка;Действует с;Действует по;Включена\n" + first + "".join(f"{r};;;да\n" for r in (5, 7, 10, 18, 20, 22))
