"""Loads to publish: Parquet as normalising writes it, from a few words per offer."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import registry
from pipelines.model import OFFER_FIELDS, OFFER_SCHEMA, REJECTED_SCHEMA, Counts, LoadFacts
from pipelines.publish import Difference, Publication


@dataclass
class Files:
    """What a load leaves for publishing."""

    folder: Path
    accepted: int
    rejected_count: int

    @property
    def offers(self) -> Path:
        return self.folder / "offers.parquet"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected.parquet"


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[..., Files]:
    """Writes a load's Parquet; an offer is its SKU, or a mapping with `sku` and the fields that matter."""
    made = []

    def write(offers: Iterable[str | dict[str, Any]], rejected: Iterable[str | None] = ()) -> Files:
        folder = tmp_path / f"files-{len(made)}"
        folder.mkdir()
        made.append(folder)
        rows = []
        for ordinal, offer in enumerate(offers):
            fields = {field.name: None for field in OFFER_FIELDS}
            fields |= {"sku": offer} if isinstance(offer, str) else offer
            digest = hashlib.md5(repr([fields[f.name] for f in OFFER_FIELDS]).encode(), usedforsecurity=False)
            key = fields.pop("sku_key", fields["sku"].casefold())
            rows.append(
                {"ordinal": ordinal, "line": ordinal + 1, "sku_key": key, "content_hash": digest.hexdigest(), **fields}
            )
        pq.write_table(pa.Table.from_pylist(rows, OFFER_SCHEMA), folder / "offers.parquet")
        bad = [{"ordinal": n, "line": n, "sku_key": key, "sku": key, "codes": ["x"]} for n, key in enumerate(rejected)]
        pq.write_table(pa.Table.from_pylist(bad, REJECTED_SCHEMA), folder / "rejected.parquet")
        return Files(folder, len(rows), len(bad))

    return write


@pytest.fixture
def link(conn: psycopg.Connection) -> Callable[..., registry.Link]:
    """Declares a link of a supplier in a shop."""

    def declare(
        code: str = "a-main", *, supplier: str = "a", shop: str = "main", enabled: bool = True
    ) -> registry.Link:
        registry.ensure_shop(conn, shop)
        registry.ensure_supplier(conn, supplier)
        registry.ensure_accreditation(conn, supplier, shop)
        made = registry.upsert_link(conn, code=code, supplier=supplier, shop=shop, url=f"https://a.example/{code}")
        conn.commit()
        return made

    return declare


@pytest.fixture
def new_load(conn: psycopg.Connection) -> Callable[..., LoadFacts]:
    """A queued load of a link, with the counts of its files."""

    def create(link: registry.Link, files: Files, *, dry_run: bool = False) -> LoadFacts:
        load_id = registry.create_load(conn, link.id, source="test", sha256=f"{link.id:064}", dry_run=dry_run)
        load = registry.get_load(conn, load_id)
        conn.commit()
        load.counts = Counts(
            read=files.accepted + files.rejected_count, accepted=files.accepted, rejected=files.rejected_count
        )
        return load

    return create


@pytest.fixture
def begin(conn: psycopg.Connection, new_load, tmp_path: Path) -> Callable[..., Any]:
    """Opens a publication of a new load and stages it; yields it with the difference."""

    @contextmanager
    def run(
        link: registry.Link, files: Files, *, protected: Iterable[Files] = (), dry_run: bool = False
    ) -> Iterator[tuple[Publication, Difference]]:
        load = new_load(link, files, dry_run=dry_run)
        with Publication(conn, load) as publication:
            yield publication, publication.stage(files.offers, files.rejected, [f.offers for f in protected], tmp_path)

    return run


@pytest.fixture
def publish(begin) -> Callable[..., LoadFacts]:
    """Takes files through a whole publication; returns the finished load."""

    def run(
        link: registry.Link, files: Files, *, hide: bool = False, held: dict[str, Any] | None = None, **more: Any
    ) -> LoadFacts:
        with begin(link, files, **more) as (publication, _):
            publication.apply(hide=hide, held=held)
        return publication.load

    return run
