-- What holds in a buyer's place, what outlasts a file, and what a shop does not show.

-- A region's values stand together: what it did not say was taken from the offer when the file was read (O18).
CREATE FUNCTION effective_terms(
    regions jsonb, own_price numeric, own_price_without_vat numeric, own_availability text, own_quantity numeric,
    own_delivery_days integer, place text[]
)
RETURNS TABLE (
    region text, price numeric, price_without_vat numeric, availability text, quantity numeric, delivery_days integer
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT terms.region, terms.price, terms.price_without_vat, terms.availability, terms.quantity, terms.delivery_days
    FROM (
        SELECT
            step.rank,
            entry ->> 'code' AS region,
            (entry ->> 'price')::numeric AS price,
            (entry ->> 'price_without_vat')::numeric AS price_without_vat,
            entry ->> 'availability' AS availability,
            (entry ->> 'quantity')::numeric AS quantity,
            (entry ->> 'delivery_days')::integer AS delivery_days
        FROM jsonb_array_elements(regions) AS entry
        JOIN unnest(place) WITH ORDINALITY AS step (code, rank) ON step.code = entry ->> 'code'
        UNION ALL
        SELECT NULL, NULL, own_price, own_price_without_vat, own_availability, own_quantity, own_delivery_days
    ) AS terms
    ORDER BY terms.rank NULLS LAST
    LIMIT 1;
END;
COMMENT ON FUNCTION effective_terms IS
    'Цена и наличие для места покупателя: place — коды от самого точного; region пуст, если действует сам товар (N2)';

ALTER TABLE offers ADD COLUMN rest_hash text;
COMMENT ON COLUMN offers.rest_hash IS
    'Отпечаток карточки без полей, которые переживают файл: так узнаётся файл, где их больше нет (O17)';

ALTER TABLE loads ADD COLUMN bindings_kept bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN loads.bindings_kept IS
    'Товаров, сохранивших прежние коды позиций или аналогов, потому что в файле их нет (O17)';

CREATE OR REPLACE VIEW visible_offers AS
SELECT o.*
FROM offers o
JOIN accreditations a USING (shop_id, supplier_id)
JOIN shops s ON s.id = o.shop_id
WHERE o.status = 'published' AND a.status = 'granted'
    AND (o.category_id IS NOT NULL OR (s.options ->> 'show_unbound') IS DISTINCT FROM 'false');
COMMENT ON VIEW visible_offers IS
    'Что видят покупатели: опубликованное у аккредитованных поставщиков (P8), без рубрики — если магазин не скрывает (O16)';
