-- Work by hand in the catalog.

ALTER TABLE offers DROP CONSTRAINT offers_status_check;
ALTER TABLE offers ADD CHECK (status IN ('published', 'hidden', 'draft', 'deleted'));
-- The second check of the table, on two columns, has the table's name alone.
ALTER TABLE offers DROP CONSTRAINT offers_check;
ALTER TABLE offers ADD CHECK ((status = 'published') = (hidden_at IS NULL));
COMMENT ON COLUMN offers.status IS
    'published — опубликован, hidden — скрыт, draft — черновик, deleted — удалён вручную (хранится ради истории)';
COMMENT ON COLUMN offers.hidden_at IS 'С каких пор товар не опубликован';

CREATE TABLE edits (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop_id     text NOT NULL,
    supplier_id text NOT NULL,
    command     text NOT NULL CHECK (command IN ('set', 'hide', 'publish', 'draft', 'delete')),
    "values"    jsonb NOT NULL DEFAULT '{}',
    selection   jsonb NOT NULL,
    offers      bigint NOT NULL,
    who         text NOT NULL,
    why         text,
    at          timestamptz NOT NULL,
    FOREIGN KEY (shop_id, supplier_id) REFERENCES accreditations (shop_id, supplier_id)
);
COMMENT ON TABLE edits IS 'Правки каталога вручную: кто, когда, что, у каких товаров и почему (P9, P10)';
COMMENT ON COLUMN edits."values" IS 'Что задано полям, как введено';
COMMENT ON COLUMN edits.selection IS 'Как выбраны товары: артикулы или условия';
COMMENT ON COLUMN edits.offers IS 'Сколько товаров изменилось';

-- A change is made either by a load or by hand.
ALTER TABLE changes ALTER COLUMN load_id DROP NOT NULL;
ALTER TABLE changes ADD COLUMN edit_id bigint REFERENCES edits;
ALTER TABLE changes ADD CHECK (num_nonnulls(load_id, edit_id) = 1);
ALTER TABLE changes DROP CONSTRAINT changes_kind_check;
ALTER TABLE changes ADD CHECK (
    kind IN ('created', 'changed', 'restored', 'hidden', 'edited', 'drafted', 'deleted', 'withdrawn')
);
CREATE INDEX changes_by_hand ON changes (shop_id, supplier_id, sku_key, id) WHERE edit_id IS NOT NULL;
COMMENT ON TABLE changes IS 'История товаров: что изменила каждая загрузка и каждая правка вручную (P10)';

CREATE TABLE accreditation_changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop_id     text NOT NULL,
    supplier_id text NOT NULL,
    before      text NOT NULL,
    after       text NOT NULL,
    who         text NOT NULL,
    why         text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (shop_id, supplier_id) REFERENCES accreditations (shop_id, supplier_id)
);
COMMENT ON TABLE accreditation_changes IS 'Кто, когда и почему менял аккредитацию поставщика в магазине (P8)';

CREATE FUNCTION can_be_ordered(price numeric, price_without_vat numeric, availability text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT num_nonnulls(price, price_without_vat) > 0 AND availability IS DISTINCT FROM 'out_of_stock';
END;
COMMENT ON FUNCTION can_be_ordered IS 'Можно ли заказать на этих условиях: есть цена, и товар не закончился (O9, S4)';

CREATE OR REPLACE VIEW visible_offers AS
SELECT
    o.*,
    can_be_ordered(o.price, o.price_without_vat, o.availability) OR EXISTS (
        SELECT FROM jsonb_array_elements(o.regions) AS r
        WHERE can_be_ordered(
            (r ->> 'price')::numeric, (r ->> 'price_without_vat')::numeric, r ->> 'availability'
        )
    ) AS orderable
FROM offers o
JOIN accreditations a USING (shop_id, supplier_id)
JOIN shops s ON s.id = o.shop_id
WHERE o.status = 'published' AND a.status = 'granted'
    AND (o.category_id IS NOT NULL OR (s.options ->> 'show_unbound') IS DISTINCT FROM 'false');
COMMENT ON COLUMN visible_offers.orderable IS 'Можно ли заказать хотя бы где-нибудь: на общих условиях или в регионе';
