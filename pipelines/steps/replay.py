"""Files of the archive with today's rules: processed again (P10), or only compared with what they once gave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines import normalize, registry
from pipelines.errors import OperatorError
from pipelines.fetch import raw_key
from pipelines.model import (
    OFFER_FIELDS,
    RAW_SCALARS,
    FeedFormat,
    LoadFacts,
    LoadKind,
    LoadStatus,
    ParseResult,
    Part,
)
from pipelines.options import Options
from pipelines.reference import Library, load_reference
from pipelines.steps.house import House, Outcome, Progress, load_key, options_of, silent
from pipelines.steps.manifest import Manifest, read_manifest
from pipelines.steps.process import process, queue_load

EXAMPLES = 5
_QUOTE = 120
_MEMORY = "512MB"
_MADE = ("raw_offers.parquet", "offers.parquet", "rejected.parquet")


def replay(house: House, load_id: int, *, dry_run: bool = False, progress: Progress = silent) -> Outcome:
    """Process a load's raw file again, with today's rules and the link's settings of today, as a new load (P10).

    Raises:
        OperatorError: the load has no file in the archive, or a newer file of its link stands in the catalog or waits:
            an older file never overwrites a newer one (P1).
    """
    with house.database.connect() as conn:
        load = registry.get_load(conn, load_id)
        if load.sha256 is None or not house.store.exists(raw_key(load.sha256)):
            msg = f"the archive has no file of load {load_id}"
            raise OperatorError(msg)
        if not dry_run and (newer := registry.superseded_by(conn, load)):
            msg = (
                f"load {newer} of {load.link} is newer, and an older file never overwrites a newer one: replay"
                f" {newer}, or roll back to before it first; --dry-run shows what load {load_id} would come to"
            )
            raise OperatorError(msg)
        link = registry.get_link(conn, load.link_id)
        again = queue_load(
            conn,
            link,
            options_of(conn, link),
            source=load.source or "",
            sha256=load.sha256,
            size=load.bytes,
            dry_run=dry_run,
            kind=LoadKind.REPLAY,
            origin=load_id,
        )
    return process(house, again, progress=progress)


@dataclass(frozen=True)
class Flips:
    """What today's rules would make of a load's raw offers, against what they were made into.

    Attributes:
        compared: offers of the file.
        now_rejected: code of an error -> offers that were accepted and would be rejected for it.
        now_accepted: the same for offers that were rejected for it and would be accepted.
        changed: field -> offers that stay accepted with another value of it.
        offers: how many offers flip or change, each counted once: `now_rejected`, `now_accepted`, `changed`.
        examples: some of them: `sku`, `line`, `what`, and for a field `before` and `after`.
    """

    load: int
    link: str
    supplier: str
    compared: int
    now_rejected: dict[str, int] = field(default_factory=dict)
    now_accepted: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    offers: dict[str, int] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def backtest(house: House, *, last: int, supplier: str | None = None, progress: Progress = silent) -> Iterator[Flips]:
    """Normalise the raw offers of the newest loads anew, and say which offers a rule that changed would flip.

    Rules and reference tables are those of today; settings and the date are those of the load, so that nothing but the
    rules differs. Nothing is written anywhere but into a scratch folder. Loads whose files were rejected whole, or are
    no longer kept, are passed over.

    Args:
        last: of so many loads, the newest ones.
    """
    with house.database.connect() as conn:
        found = registry.list_loads(conn, supplier=supplier, limit=last, kinds=(LoadKind.FILE, LoadKind.REPLAY))
    for number, load in enumerate(found):
        progress(f"load {load.id}", number / len(found))
        manifest = read_manifest(house, load.id) if load.status is not LoadStatus.FAILED else None
        if manifest and not manifest.whole and all(house.store.exists(load_key(load.id, name)) for name in _MADE):
            yield _flips(house, load, manifest)


def _flips(house: House, load: LoadFacts, manifest: Manifest) -> Flips:
    with ExitStack() as files, house.scratch() as folder:
        raw, offers, rejected = (files.enter_context(house.store.local(load_key(load.id, name))) for name in _MADE)
        parsed = ParseResult(
            format=FeedFormat(manifest.format or ""),
            encoding=manifest.encoding or "",
            read=load.counts.read,
            issues=(),
            spellings=RAW_SCALARS | manifest.spellings,
            parts=tuple(Part(**part) for part in manifest.parts),
            delta=manifest.delta,
        )
        library = Library.at(house.store, house.settings.home_path)
        normalize.normalize(
            raw,
            folder,
            parsed=parsed,
            options=Options.model_validate(load.options),
            reference=load_reference(library, shop=load.shop, supplier=load.supplier),
            today=load.started_at.date(),
        )
        made = {"offers": offers, "rejected": rejected}
        made |= {"new_offers": folder / "offers.parquet", "new_rejected": folder / "rejected.parquet"}
        return _compare(load, made, folder)


_FIELDS = [f.name for f in OFFER_FIELDS]
# Offers of one raw file are told apart by their place in it.
_KINDS = """
    CREATE VIEW now_rejected AS
        SELECT ordinal, r.sku, r.line, r.codes FROM new_rejected r SEMI JOIN offers o USING (ordinal);
    CREATE VIEW now_accepted AS
        SELECT ordinal, r.sku, r.line, r.codes FROM rejected r SEMI JOIN new_offers o USING (ordinal);
    CREATE TABLE changed AS
        SELECT ordinal FROM offers JOIN new_offers USING (ordinal)
        WHERE offers.content_hash <> new_offers.content_hash;
"""
_BY_CODE = "SELECT code, count(*) FROM (SELECT unnest(codes) AS code FROM {}) GROUP BY 1 ORDER BY 2 DESC, 1"
_DIFFERING = "FROM changed JOIN offers o USING (ordinal) JOIN new_offers n USING (ordinal)"


def _compare(load: LoadFacts, made: dict[str, Path], folder: Path) -> Flips:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "threads": 2,
        "temp_directory": str(folder),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        for name, path in made.items():
            connection.from_parquet(str(path)).create_view(name)
        connection.execute(_KINDS)
        counted = {name: _count(connection, name) for name in ("now_rejected", "now_accepted", "changed")}
        by_code = {
            name: dict(connection.execute(_BY_CODE.format(name)).fetchall())
            for name in ("now_rejected", "now_accepted")
        }
        differs = ", ".join(f"count(*) FILTER (WHERE o.{name} IS DISTINCT FROM n.{name})" for name in _FIELDS)
        ((*numbers,),) = connection.execute(f"SELECT {differs} {_DIFFERING}").fetchall()
        fields = {name: number for name, number in zip(_FIELDS, numbers, strict=True) if number}
        return Flips(
            load=load.id,
            link=load.link,
            supplier=load.supplier,
            compared=_count(connection, "offers") + _count(connection, "rejected"),
            changed=fields,
            offers=counted,
            examples=list(_examples(connection, fields)),
            **by_code,
        )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _examples(connection: duckdb.DuckDBPyConnection, fields: dict[str, int]) -> Iterator[dict[str, Any]]:
    for kind in ("now_rejected", "now_accepted"):
        rows = connection.execute(f"SELECT sku, line, codes FROM {kind} ORDER BY ordinal LIMIT {EXAMPLES}").fetchall()
        yield from ({"sku": sku, "line": line, "what": kind, "codes": codes} for sku, line, codes in rows)
    for name in fields:
        values = ", ".join(f"left(CAST({side}.{name} AS VARCHAR), {_QUOTE})" for side in ("o", "n"))
        rows = connection.execute(
            f"SELECT n.sku, n.line, {values} {_DIFFERING} WHERE o.{name} IS DISTINCT FROM n.{name}"
            f" ORDER BY ordinal LIMIT {EXAMPLES}"
        ).fetchall()
        yield from (
            {"sku": sku, "line": line, "what": name, "before": before, "after": after}
            for sku, line, before, after in rows
        )
