"""A catalog at size: offers of many suppliers and their history, row for row as a first load would have left them.

PostgreSQL makes the rows itself and takes them at once: it writes no log of what begins and ends in one transaction
(`wal_level = minimal`), checks no foreign key, and sorts indexes at the end: 200,000 offers take 15 s. The
server goes back to the product's settings before anything is measured.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pipelines import steps
from pipelines.publish.changes import card
from pipelines.settings import Settings

_HURRY = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "off",
    "max_wal_size": "4GB",
    "fsync": "off",
    "shared_buffers": "1GB",
}
_PARTIES = """
    INSERT INTO shops (id, name) VALUES ('main', 'main');
    INSERT INTO suppliers (id, name) SELECT 's' || n, 'Поставщик ' || n FROM generate_series(1, {suppliers}) n;
    INSERT INTO accreditations (shop_id, supplier_id, status) SELECT 'main', id, 'granted' FROM suppliers;
    INSERT INTO links (code, supplier_id, shop_id, kind) SELECT 'l-' || id, id, 'main', 'upload' FROM suppliers;
    INSERT INTO loads (link_id, supplier_id, shop_id, status, finished_at, sha256)
        SELECT id, supplier_id, 'main', 'failed', now(), md5(code) FROM links ORDER BY id;
"""
# Ten characteristics; there are ten thousand sets of them, made and compressed once.
_PARAMS = """
    CREATE TEMP TABLE made AS
    SELECT n AS number, jsonb_agg(jsonb_build_object(
        'sent_name', 'Характеристика ' || (n + k) % 400, 'sent_value', ((n * k) % 5000)::text, 'sent_unit', 'мм',
        'name', CASE WHEN k < 4 THEN 'Длина' ELSE 'Характеристика ' || (n + k) % 400 END,
        'value', ((n * k) % 5000)::text, 'unit', 'мм', 'unit_okei', '003') ORDER BY k) AS params
    FROM generate_series(0, 9999) n, generate_series(1, 10) k GROUP BY n
"""
_OFFERS = """
    INSERT INTO offers (
        shop_id, supplier_id, sku_key, sku, name, description, vendor, price, price_without_vat, vat_rate, currency,
        unit_okei, unit_name, availability, quantity, params, regions, status, content_hash, load_id, line,
        first_seen_at, changed_at
    )
    SELECT 'main', l.supplier_id, 'sku-' || n, 'SKU-' || n, 'Товар номер ' || n || ' стальной оцинкованный',
        repeat('Описание товара ' || n % 977 || '. ', 8), 'Завод ' || n % 300, 100 + n % 9000, (100 + n % 9000) / 1.2,
        '20', 'RUB', '796', 'шт', 'many', n % 100, m.params,
        CASE WHEN n % 5 = 0 THEN jsonb_build_array(jsonb_build_object('code', '45000000', 'level', 'subject',
            'name', 'Москва', 'price', 100 + n % 9000, 'price_without_vat', null, 'availability', 'many', 'quantity', 1,
            'delivery_days', 2)) END,
        'published', md5(n::text), l.id, n, now(), now()
    FROM generate_series(1, {offers}) n
    JOIN loads l ON l.id = n % {suppliers} + 1
    JOIN made m ON m.number = n % 10000
"""
_CHANGES = f"""
    INSERT INTO changes (load_id, shop_id, supplier_id, sku_key, kind, fields, before, after, at)
    SELECT load_id, shop_id, supplier_id, sku_key, 'created', '{{}}', '{{}}', {card("o")}, changed_at FROM offers o
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'changes' AND indexdef NOT LIKE '%UNIQUE%'"


def fill(home: Path, offers: int, suppliers: int = 20) -> None:
    """Put so many published offers with ten characteristics each into a new state folder.

    Suppliers are `s1`, `s2` and so on in the shop `main`, each with one load; a fifth of the offers has a price for a
    region.
    """
    _execute(home, [f"ALTER SYSTEM SET {name} = '{value}'" for name, value in _HURRY.items()])
    with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
        conn.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        conn.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
        conn.execute(_PARTIES.format(suppliers=suppliers))
        conn.execute(_PARAMS)
        conn.execute("ANALYZE made, loads")
        conn.execute("TRUNCATE offers, changes")
        indexes = conn.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            conn.execute(f"DROP INDEX {name}")
        conn.execute(_OFFERS.format(suppliers=suppliers, offers=offers))
        conn.execute(_CHANGES)
        for _, definition in indexes:
            conn.execute(definition)
    _execute(home, ["VACUUM ANALYZE", "ALTER SYSTEM RESET ALL"])
    os.sync()  # or the first thing measured would wait for the disk


def _execute(home: Path, commands: Sequence[str]) -> None:
    with steps.open_house(Settings(home=str(home))) as house, house.database.connect(autocommit=True) as conn:
        conn.execute("SET statement_timeout = 0")
        for command in commands:
            conn.execute(command)
