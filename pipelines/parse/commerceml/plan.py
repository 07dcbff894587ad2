"""Which records of an exchange make one offer, and what its article is: joins by key over narrow tables (O1).

DuckDB does this over what the store says of each record but its texts, and spills to disk beyond its memory limit.
"""

from __future__ import annotations

import duckdb

from pipelines.errors import SupplierError
from pipelines.parse.commerceml.store import GOODS, OFFER

# How many offers, and how many characters of the records they are made of, are put together at a time.
BATCH_OFFERS = 16_384
BATCH_SIZE = 3_000_000
# Goods repeated more often than this are looked at no further: each offer would be compared with all of them.
COPIES_LIMIT = 16
# Characters that offers may hold together; a large card shared by very many variants would fill the disk.
TOTAL_LIMIT = 3_000_000_000

# An offer of a key may be named in several sections: once each, they are parts of one. Named twice in one section it is
# two offers, for the rule of duplicates to judge (O2).
_RECORDS = f"""
CREATE TABLE items AS
    SELECT seq, kind, section, key, goods, short_key, deleted, size, line,
        filled(article) AS article, article_line, filled(code) AS code, code_line, filled(name) IS NOT NULL AS named
    FROM stored;
CREATE TABLE offer_items AS
    SELECT *, CASE WHEN key = '' THEN -1 - seq ELSE row_number() OVER (PARTITION BY key, section ORDER BY seq) END
        AS occurrence
    FROM items WHERE kind = {OFFER};
CREATE TABLE offers AS
    SELECT key, occurrence, any_value(goods) AS goods, any_value(short_key) AS short_key, min(seq) AS first_seq,
        min(line) AS line, bool_or(deleted) AS deleted, bool_or(named) AS named,
        arg_min(article, seq) AS article, arg_min(article_line, seq) FILTER (article IS NOT NULL) AS article_line,
        arg_min(code, seq) AS code, arg_min(code_line, seq) FILTER (code IS NOT NULL) AS code_line
    FROM offer_items GROUP BY key, occurrence;
CREATE TABLE goods_items AS
    SELECT * FROM items WHERE kind = {GOODS} AND key <> ''
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY seq) <= {COPIES_LIMIT};
CREATE TABLE cards AS
    SELECT key, bool_or(deleted) AS deleted,
        arg_min(article, seq) AS article, arg_min(article_line, seq) FILTER (article IS NOT NULL) AS article_line,
        arg_min(code, seq) AS code, arg_min(code_line, seq) FILTER (code IS NOT NULL) AS code_line
    FROM goods_items GROUP BY key;
"""

# A variant has an article of its own only if no other variant of the goods, nor the goods themselves, has the same.
_ARTICLES = """
CREATE TABLE matched AS
    SELECT o.*, o.key <> o.goods AS variant, card.key IS NOT NULL AS carded,
        o.deleted OR coalesce(own.deleted, false) OR coalesce(card.deleted, false) AS gone,
        coalesce(o.article, own.article) AS own_article,
        CASE WHEN o.article IS NULL THEN own.article_line ELSE o.article_line END AS own_article_line,
        coalesce(o.code, own.code) AS own_code,
        CASE WHEN o.code IS NULL THEN own.code_line ELSE o.code_line END AS own_code_line,
        card.article AS card_article, card.code AS card_code
    FROM offers AS o LEFT JOIN cards AS own ON own.key = o.key LEFT JOIN cards AS card ON card.key = o.goods;
CREATE TABLE shared_articles AS
    SELECT goods, own_article AS shared FROM matched WHERE variant AND own_article IS NOT NULL
    GROUP BY ALL HAVING count(DISTINCT key) > 1;
CREATE TABLE shared_codes AS
    SELECT goods, own_code AS shared FROM matched WHERE variant AND own_code IS NOT NULL
    GROUP BY ALL HAVING count(DISTINCT key) > 1;
CREATE TABLE named_offers AS
    WITH own AS (
        SELECT * EXCLUDE (own_article, own_code),
            CASE WHEN NOT variant OR (own_article IS DISTINCT FROM card_article AND (goods, own_article) NOT IN
                (SELECT (goods, shared) FROM shared_articles)) THEN own_article END AS own_article,
            CASE WHEN NOT variant OR (own_code IS DISTINCT FROM card_code AND (goods, own_code) NOT IN
                (SELECT (goods, shared) FROM shared_codes)) THEN own_code END AS own_code
        FROM matched WHERE NOT gone
    ), chosen AS (
        SELECT *, CASE
            WHEN key IN (SELECT external_id FROM given) THEN 'key'
            WHEN own_article IS NOT NULL THEN 'article'
            WHEN own_code IS NOT NULL THEN 'code'
            -- In a file of changes the article may be where nothing has changed: then the catalog knows it.
            WHEN NOT delta OR carded OR (variant AND named) THEN 'key' END AS source
        FROM own, choices
    )
    SELECT row_number() OVER (ORDER BY first_seq) - 1 AS ordinal, key, goods, occurrence, line,
        CASE source WHEN 'key' THEN short_key WHEN 'article' THEN own_article WHEN 'code' THEN own_code END AS sku,
        CASE source WHEN 'key' THEN line WHEN 'article' THEN own_article_line WHEN 'code' THEN own_code_line END
            AS sku_line
    FROM chosen ORDER BY first_seq;
CREATE TABLE members AS
    SELECT ordinal, 0 AS rank, seq, size FROM named_offers JOIN offer_items USING (key, occurrence)
    UNION ALL
    SELECT ordinal, 1, goods_items.seq, size FROM named_offers JOIN goods_items USING (key)
    UNION ALL
    SELECT ordinal, 2, goods_items.seq, size FROM named_offers JOIN goods_items ON goods_items.key = named_offers.goods
    WHERE named_offers.goods <> named_offers.key
    ORDER BY ordinal, rank, seq;
"""


def plan_offers(connection: duckdb.DuckDBPyConnection) -> None:
    """From the view `stored` make the tables `named_offers`, one row an offer, and `members`, the records of each.

    Raises:
        SupplierError: `xml_limit`, when variants make too much of large cards.
    """
    connection.execute(_RECORDS)
    connection.execute(_ARTICLES)
    ((total,),) = connection.execute("SELECT coalesce(sum(size), 0) FROM members").fetchall()
    if total > TOTAL_LIMIT:
        limit = f"карточки, общие для вариантов, занимают вместе больше {TOTAL_LIMIT // 10**9} ГБ"
        raise SupplierError("xml_limit", detail=limit)


def batches(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """(first, last) ordinals of offers that are put together at a time."""
    sizes = "SELECT ordinal, sum(size) FROM members GROUP BY ordinal ORDER BY ordinal"
    found: list[tuple[int, int]] = []
    first, last, size = 0, -1, 0
    cursor = connection.cursor().execute(sizes)
    while rows := cursor.fetchmany(BATCH_OFFERS):
        for ordinal, amount in rows:
            if last >= first and (size + amount > BATCH_SIZE or ordinal - first >= BATCH_OFFERS):
                found.append((first, last))
                first, size = ordinal, 0
            last = ordinal
            size += amount
    if last >= first:
        found.append((first, last))
    return found
