"""Imported tables in the object store: content by version, one pointer to what is in force, and its history.

    reference/<table>/<version>.csv   content, never changed once written
    reference/current.json            the pointer: which version of which table is in force, and the last change
    reference/history/<number>.json   every change before the last one

A table takes effect by one conditional write of the pointer, so an import that is killed leaves everything as it was,
and of two at once none is lost. A change goes into the history before the pointer moves on from it; what is written
there follows from the pointer alone, so two writers write the same.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from pipelines.errors import InternalError, OperatorError
from pipelines.objects import ObjectConflictError, ObjectNotFoundError, ObjectStore
from pipelines.reference.tables import Reference, header, shipped_reference, version_of

_POINTER = "reference/current.json"
_HISTORY = "reference/history"

# Tables of a party stand under its name in the pointer; the rest is everybody's.
SHOP_TABLES = frozenset({"positions"})
SUPPLIER_TABLES = frozenset({"category_mapping"})


@dataclass(frozen=True)
class Library:
    """Where an installation keeps the tables it imported.

    Attributes:
        store: the object store, the truth.
        cache: a local folder for copies, each made once per version; may be deleted at any time.
    """

    store: ObjectStore
    cache: Path

    @classmethod
    def at(cls, store: ObjectStore, home: Path) -> Library:
        """The library of an installation by its object store and state folder."""
        return cls(store, home / "reference")


@dataclass(frozen=True)
class Edition:
    """One import of one table.

    Attributes:
        version: short hash of the content.
        rows: number of rows.
        imported_at: ISO 8601 with zone.
        source: name of the file it was read from, without its folder.
        source_sha256: SHA-256 of that file.
        who: account and machine of the import.
    """

    version: str
    rows: int
    imported_at: str
    source: str
    source_sha256: str
    who: str


@dataclass(frozen=True)
class Change:
    """What one import replaced by what.

    Attributes:
        number: counts the imports of this installation from 1.
        table: name of the table, with its party.
        replaced: version before; None when the shipped table, or none, was in force.
    """

    number: int
    table: str
    edition: Edition
    replaced: str | None


@dataclass(frozen=True)
class Pointer:
    """What is in force: table name (with its party) -> edition, and the change that led here.

    Attributes:
        tag: tag of the stored pointer for a conditional write; None when nothing was ever imported.
    """

    tables: Mapping[str, Edition] = field(default_factory=dict)
    last: Change | None = None
    tag: str | None = None


def qualified(table: str, *, shop: str | None = None, supplier: str | None = None) -> str:
    """The name of a table in the pointer: `okei`, `positions/<shop>`, `category_mapping/<shop>/<supplier>`.

    Raises:
        OperatorError: the table belongs to a party that is not named.
    """
    parties: list[tuple[str, str | None]] = []
    if table in SHOP_TABLES | SUPPLIER_TABLES:
        parties.append(("shop", shop))
    if table in SUPPLIER_TABLES:
        parties.append(("supplier", supplier))
    for party, name in parties:
        if not name:
            msg = f"{table} belongs to a {party}: name it by --{party}"
            raise OperatorError(msg)
    return "/".join([table, *(quote(name or "", safe="") for _, name in parties)])


def read_pointer(library: Library) -> Pointer:
    """What is in force now."""
    try:
        content, tag = library.store.get_versioned(_POINTER)
    except ObjectNotFoundError:
        return Pointer()
    try:
        stored = json.loads(content)
        tables = {name: Edition(**edition) for name, edition in stored["tables"].items()}
        return Pointer(tables, _change(stored["last"]), tag)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{library.store.url(_POINTER)} is not a pointer to reference tables: {error}"
        raise InternalError(msg) from error


def _change(stored: dict[str, Any]) -> Change:
    return Change(**{**stored, "edition": Edition(**stored["edition"])})


def publish(library: Library, name: str, content: bytes, edition: Edition, *, replaces: str | None) -> None:
    """Put an edition in force: at once, or not at all.

    Args:
        name: table name with its party, from `qualified`.
        content: the table in canonical form.
        replaces: version that the edition was made to replace; None for the shipped table or none.

    Raises:
        OperatorError: somebody else imported this table meanwhile; nothing was changed.
    """
    library.store.put_bytes(_content_key(name, edition.version), content)
    while True:
        pointer = read_pointer(library)
        present = pointer.tables.get(name)
        if present == edition:
            return  # our own write, whose answer got lost
        if (present.version if present else None) != replaces:
            msg = f"{name} was imported by somebody else meanwhile; nothing was changed, run the import again"
            raise OperatorError(msg)
        if pointer.last:
            _keep(library, pointer.last)
        change = Change(pointer.last.number + 1 if pointer.last else 1, name, edition, replaces)
        following = {"tables": {**pointer.tables, name: edition}, "last": change}
        data = json.dumps(following, ensure_ascii=False, indent=1, sort_keys=True, default=asdict).encode()
        try:
            library.store.put_bytes_if(_POINTER, data, pointer.tag)
        except ObjectConflictError:
            continue  # somebody imported another table, most likely: look again
        return


def _keep(library: Library, change: Change) -> None:
    data = json.dumps(asdict(change), ensure_ascii=False, indent=1, sort_keys=True).encode()
    library.store.put_bytes(f"{_HISTORY}/{change.number:08d}.json", data)


def changes(library: Library) -> Iterator[Change]:
    """Every import of this installation, oldest first."""
    last = read_pointer(library).last
    if last is None:
        return
    for number in range(1, last.number):
        yield _change(json.loads(library.store.get_bytes(f"{_HISTORY}/{number:08d}.json")))
    yield last


def load_reference(
    library: Library | None = None, *, shop: str | None = None, supplier: str | None = None
) -> Reference:
    """The tables in force: those of the product, replaced by what was imported.

    Args:
        library: where imported tables are; None leaves the product's.
        shop: also this shop's `positions`, if it has any.
        supplier: also this supplier's `category_mapping` for the shop, if there is one.

    Raises:
        OperatorError: an imported table has other columns than this release reads; it must be imported again.
    """
    reference = shipped_reference()
    if library is None:
        return reference
    tables = read_pointer(library).tables
    seen = {name: name for name in tables if "/" not in name}
    seen |= {table: qualified(table, shop=shop) for table in SHOP_TABLES if shop}
    seen |= {table: qualified(table, shop=shop, supplier=supplier) for table in SUPPLIER_TABLES if shop and supplier}
    versions = {table: tables[name].version for table, name in seen.items() if name in tables}
    files = {table: _local(library, table, version) for table, version in versions.items()}
    for table, path in files.items():
        shipped = reference.find(table)
        if shipped and header(shipped) != header(path):
            msg = f"reference table {table} was imported for an earlier release: import it again"
            raise OperatorError(msg)
    return replace(
        reference,
        files=MappingProxyType({**reference.files, **files}),
        versions=MappingProxyType({**reference.versions, **versions}),
    )


def _content_key(name: str, version: str) -> str:
    return f"reference/{name.partition('/')[0]}/{version}.csv"


def _local(library: Library, table: str, version: str) -> Path:
    """The content of a version as a local file that stays."""
    path = library.cache / table / f"{version}.csv"
    if path.exists():
        return path
    key = _content_key(table, version)
    content = library.store.get_bytes(key)
    if version_of(content) != version:
        msg = f"{library.store.url(key)} is damaged: its content has another hash"
        raise InternalError(msg)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)
    return path
