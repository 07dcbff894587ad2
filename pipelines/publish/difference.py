"""What a load would change in the catalog, found by fingerprints, without reading more than those of either side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv

from pipelines.errors import InternalError
from pipelines.model import OFFER_FIELDS

# Enough for the keys of millions of offers; beyond it DuckDB spills into the scratch folder.
_MEMORY_LIMIT = "512MB"
_THREADS = 2
# Rows of one batch on the way to PostgreSQL: an offer may have a description of 65 535 characters.
_BATCH_ROWS = 2048

# Fields that keep their value where a later file sends none (O17): lists of codes.
LASTING = ("position_codes", "analog_codes")

# What the fingerprint of an offer begins with whose price an earlier load was not allowed to change (P7): it is no hash
# of any file, so that the same file meets the guard again, until someone confirms the price.
KEPT = "kept:"

# What the catalog tells of an offer: lasting fields as JSON, and NULL where nothing lasts.
FINGERPRINTS = pa.schema([(n, pa.string()) for n in ("sku_key", "content_hash", "status", "rest_hash", *LASTING)])


@dataclass(frozen=True)
class Difference:
    """A load against the catalog, in offers of one supplier in one shop, before anything is written (P2).

    Attributes:
        created: in the file, not in the catalog.
        changed: published, and something of it differs.
        restored: hidden, and in the file again (P5).
        unchanged: published, and equal; costs no write (P3).
        missing: published and not in the file; what actualisation would hide. Neither an offer that is in the file but
            rejected (P4) nor one that another enabled link supplied (P5) is missing.
        visible_before: published before the load.
        bindings_kept: in the file without some lasting field that the catalog has and keeps (O17); counted above too.
    """

    created: int
    changed: int
    restored: int
    unchanged: int
    missing: int
    visible_before: int
    bindings_kept: int


class Comparison:
    """The files of a load beside the fingerprints of the catalog, in DuckDB. Made by `compare`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, offers: Path) -> None:
        self._connection = connection
        self._offers = str(offers)

    def difference(self) -> Difference:
        """The counts."""
        kinds = dict(self._connection.execute("SELECT kind, count(*) FROM difference GROUP BY kind").fetchall())
        visible = self._count("FROM catalog WHERE status = 'published'")
        kept = self._count(f"FROM file JOIN catalog USING (sku_key) WHERE {' OR '.join(map(_keeps, LASTING))}")
        names = ("created", "changed", "restored", "unchanged", "missing")
        return Difference(**{name: kinds.get(name, 0) for name in names}, visible_before=visible, bindings_kept=kept)

    def prices_were_kept(self) -> bool:
        """Whether the catalog has offers with a price that was kept (P7)."""
        return self._count(f"FROM catalog WHERE content_hash LIKE '{KEPT}%'") > 0

    def differing(self) -> Iterator[bytes]:
        """Offers to write, as CSV for COPY: keys, place, fingerprints, then the published fields.

        Lists are JSON. Every value is quoted and NULL is nothing at all, so that an empty text stays one. A fingerprint
        of the rest is made only for cards in which something lasts: it costs nearly as much as all the other values.
        """
        fields = ", ".join(_as_text(field.name, field.type) for field in OFFER_FIELDS)
        rest_hash = f"CASE WHEN sku_key IN (SELECT sku_key FROM bound) THEN {REST_HASH} END"
        return self._csv(
            f"SELECT sku_key, external_id, part, CAST(line AS VARCHAR), content_hash, {rest_hash}, {fields}"
            " FROM read_parquet($offers)"
            " WHERE sku_key IN (SELECT sku_key FROM difference WHERE kind IN ('created', 'changed', 'restored'))",
            {"offers": self._offers},
        )

    def missing(self) -> Iterator[bytes]:
        """Keys of the offers that are missing, as CSV for COPY."""
        return self._csv("SELECT sku_key FROM difference WHERE kind = 'missing'", {})

    def _count(self, rows: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) {rows}").fetchall()[0][0])

    def _csv(self, query: str, parameters: dict[str, str]) -> Iterator[bytes]:
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
        for batch in self._connection.execute(query, parameters).to_arrow_reader(_BATCH_ROWS):
            sink = pa.BufferOutputStream()
            pyarrow.csv.write_csv(batch, sink, options)
            yield sink.getvalue().to_pybytes()


@contextmanager
def compare(
    fingerprints: Path, *, offers: Path, rejected: Path, protected: Sequence[Path], scratch: Path
) -> Iterator[Comparison]:
    """Compare the offers of a load with the catalog.

    Args:
        fingerprints: CSV of the catalog's `FINGERPRINTS` for this supplier and shop, with a header, every value quoted.
        offers, rejected: Parquet of the load.
        protected: `offers.parquet` of other links' last good loads; their offers are not missing (P5).
        scratch: a folder for spilling.

    Raises:
        InternalError: the load holds a SKU twice, or one without a key or a fingerprint (O2 was not kept).
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY_LIMIT,
        "threads": _THREADS,
        "temp_directory": str(scratch),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection, _read_csv(fingerprints) as catalog:
        connection.register("fingerprints", catalog)
        codes = ", ".join(f"CAST({name}::JSON AS VARCHAR[]) AS {name}" for name in LASTING)
        connection.execute(f"CREATE TABLE catalog AS SELECT * REPLACE ({codes}) FROM fingerprints")
        codes = ", ".join(f"CASE WHEN len({name}) > 0 THEN {name} END AS {name}" for name in LASTING)
        connection.execute(
            f"CREATE TABLE file AS SELECT sku_key, content_hash, {codes} FROM read_parquet($offers)",
            {"offers": str(offers)},
        )
        bound = " OR ".join(f"{name} IS NOT NULL" for name in LASTING)
        sides = " UNION ".join(f"SELECT sku_key FROM {side} WHERE {bound}" for side in ("file", "catalog"))
        connection.execute(f"CREATE TABLE bound AS {sides}")
        twice = connection.execute(
            "SELECT count(*) FROM file WHERE sku_key IS NULL OR content_hash IS NULL"
            " UNION ALL SELECT count(*) - count(DISTINCT sku_key) FROM file"
        ).fetchall()
        if any(count for (count,) in twice):
            msg = "offers.parquet holds a SKU twice, or an offer without a key or a fingerprint"
            raise InternalError(msg)
        connection.execute(
            "CREATE TABLE kept AS SELECT DISTINCT sku_key FROM read_parquet($files) WHERE sku_key IS NOT NULL",
            {"files": [str(path) for path in (rejected, *protected)]},
        )
        # Sent in other words than the card's last version, and yet the same card, because what was left out is kept.
        # Whole cards are read only where something lasts and the fingerprints differ.
        connection.execute(
            f"""
            CREATE TABLE same AS
            WITH doubtful AS (
                SELECT sku_key, rest_hash FROM file JOIN catalog USING (sku_key)
                WHERE rest_hash IS NOT NULL AND catalog.content_hash <> file.content_hash
                    AND {" AND ".join(map(_lasts, LASTING))}
            )
            SELECT sku_key FROM read_parquet($offers) JOIN doubtful USING (sku_key) WHERE rest_hash = {REST_HASH}
            """,
            {"offers": str(offers)},
        )
        connection.execute(
            """
            CREATE TABLE difference AS
            SELECT
                coalesce(file.sku_key, catalog.sku_key) AS sku_key,
                CASE
                    WHEN catalog.sku_key IS NULL THEN 'created'
                    WHEN file.sku_key IS NULL THEN 'missing'
                    WHEN catalog.status <> 'published' THEN 'restored'
                    WHEN catalog.content_hash <> file.content_hash AND file.sku_key NOT IN (FROM same) THEN 'changed'
                    ELSE 'unchanged'
                END AS kind
            FROM file FULL JOIN catalog ON file.sku_key = catalog.sku_key
            WHERE file.sku_key IS NOT NULL
               OR (catalog.status = 'published' AND catalog.sku_key NOT IN (SELECT sku_key FROM kept))
            """
        )
        yield Comparison(connection, offers)


def _read_csv(path: Path) -> pa.csv.CSVStreamingReader:
    return pyarrow.csv.open_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        # Every value is quoted, so that NULL is nothing at all and differs from an empty text.
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=FINGERPRINTS, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def _as_text(expression: str, kind: pa.DataType) -> str:
    """SQL for a value as text: lists as JSON, decimals exact and with their scale."""
    if pa.types.is_list(kind):
        # Through text, because DuckDB would make floating-point numbers of decimals in JSON.
        return f"CAST(to_json(CAST({expression} AS {_text_type(kind)})) AS VARCHAR)"
    return f"CAST({expression} AS VARCHAR)"


def _text_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_text_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{field.name} {_text_type(field.type)}' for field in kind)})"
    return "INTEGER" if pa.types.is_integer(kind) else "VARCHAR"


def _keeps(name: str) -> str:
    """SQL for a lasting field that the file does not send and the catalog has."""
    return f"(file.{name} IS NULL AND catalog.{name} IS NOT NULL)"


def _lasts(name: str) -> str:
    """SQL for a lasting field that will be what it is: sent the same, or not sent."""
    return f"(file.{name} IS NULL OR file.{name} IS NOT DISTINCT FROM catalog.{name})"


# The card without its lasting fields. Compared by publishing alone, unlike `content_hash`, which covers what was sent.
REST_HASH = "md5(CAST(to_json([{}]) AS VARCHAR))".format(
    ", ".join(_as_text(field.name, field.type) for field in OFFER_FIELDS if field.name not in LASTING)
)
