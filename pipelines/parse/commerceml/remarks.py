"""What is said of an exchange as a whole: each thing once, with how often, an example and the first line of it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from pipelines.model import Issue

_EXAMPLE_LENGTH = 100

# (code, element) -> how many offers or goods of the whole exchange it concerns, an example, the first line.
_OF_EXCHANGE = {
    ("offers_without_goods", "Предложение"): """
        SELECT count(*), arg_min(key, first_seq), min(line) FROM matched AS m
        WHERE NOT gone AND NOT carded AND key NOT IN (SELECT key FROM cards)""",
    ("goods_without_offers", "Товар"): """
        SELECT count(DISTINCT key), arg_min(key, seq), min(line) FROM goods_items
        WHERE NOT deleted AND key NOT IN (SELECT key FROM offers) AND key NOT IN (SELECT goods FROM offers)""",
    ("goods_repeated", "Товар"): """
        SELECT count(DISTINCT key), arg_min(key, seq), min(line) FROM (
            SELECT * FROM goods_items
            QUALIFY row_number() OVER (PARTITION BY key, section ORDER BY seq) > 1)""",
    ("goods_deleted", "ПометкаУдаления"): """
        SELECT count(*), arg_min(key, first_seq), min(line) FROM (
            SELECT key, first_seq, line FROM matched WHERE gone
            UNION ALL SELECT key, seq, line FROM goods_items
            WHERE deleted AND key NOT IN (SELECT key FROM offers) AND key NOT IN (SELECT goods FROM offers))""",
}

# The same of a batch of offers.
_OF_BATCH = {
    ("prices_converted", "Коэффициент"): """
        SELECT count(*), arg_min(concat(packed, ' → ', value), line), min(line)
        FROM chosen_prices WHERE packed IS NOT NULL""",
    ("property_values_unresolved", "ЗначенияСвойств"): """
        SELECT count(*), arg_min(concat_ws(' = ', name, sent), line), min(line)
        FROM named_params WHERE shown AND filled(sent) IS NOT NULL AND (name IS NULL OR value IS NULL)""",
}

# Code, element, how often, an example, the first line.
Remark = tuple[str, str, int, str | None, int | None]


class Remarks:
    """The tally of an exchange."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str | None, int | None]] = {}

    def add(self, code: str, field: str, count: int, example: str | None, line: int | None) -> None:
        """Count something; the first example and line stay."""
        if count:
            before, first, first_line = self._found.get((code, field), (0, example, line))
            self._found[code, field] = (before + count, first, first_line)

    def of_exchange(self, connection: duckdb.DuckDBPyConnection) -> None:
        """What the plan of the offers shows."""
        for remark in _asked(connection, _OF_EXCHANGE):
            self.add(*remark)

    def issues(self) -> Iterator[Issue]:
        """One issue for each thing, in a fixed order."""
        for (code, field), (count, example, line) in sorted(self._found.items()):
            shown = example[:_EXAMPLE_LENGTH] if example else None
            yield Issue(code, line=line, field=field, sent=str(count), published=shown)


def about_batch(connection: duckdb.DuckDBPyConnection) -> list[Remark]:
    """What the batch of offers shows that was just made."""
    return _asked(connection, _OF_BATCH)


def _asked(connection: duckdb.DuckDBPyConnection, queries: dict[tuple[str, str], str]) -> list[Remark]:
    found = []
    for (code, field), query in queries.items():
        ((count, example, line),) = connection.execute(query).fetchall()
        found.append((code, field, count, example, line))
    return found
