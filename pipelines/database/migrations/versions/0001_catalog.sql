-- The catalog and the bookkeeping around it. Comments on the columns of `offers` come from the model.

CREATE TABLE shops (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    options    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE shops IS 'Корпоративные магазины заказчиков';

CREATE TABLE suppliers (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    emails     text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE suppliers IS 'Поставщики';

CREATE TABLE accreditations (
    shop_id     text NOT NULL REFERENCES shops,
    supplier_id text NOT NULL REFERENCES suppliers,
    status      text NOT NULL CHECK (status IN ('none', 'applied', 'granted', 'refused', 'revoked')),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, supplier_id)
);
COMMENT ON TABLE accreditations IS 'Аккредитация поставщика в магазине; видны товары только аккредитованных (P8)';

CREATE TABLE links (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code              text NOT NULL UNIQUE,
    supplier_id       text NOT NULL,
    shop_id           text NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('link', 'upload')),
    url               text,
    format            text NOT NULL DEFAULT 'auto' CHECK (format IN ('auto', 'yml', 'commerceml', 'csv')),
    options           jsonb NOT NULL DEFAULT '{}',
    enabled           boolean NOT NULL DEFAULT true,
    emails            text[] NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT now(),
    -- what the last look at the address brought (F2)
    etag              text,
    last_modified     text,
    fetched_sha256    text,
    full_fetch_at     timestamptz,
    checked_at        timestamptz,
    changed_at        timestamptz,
    failing_since     timestamptz,
    last_error        text,
    -- what of it has reached the catalog
    processed_sha256  text,
    processed_options text,
    last_load_id      bigint,
    last_good_load_id bigint,
    FOREIGN KEY (shop_id, supplier_id) REFERENCES accreditations (shop_id, supplier_id),
    CHECK ((kind = 'link') = (url IS NOT NULL))
);
CREATE UNIQUE INDEX links_one_upload ON links (shop_id, supplier_id) WHERE kind = 'upload';
CREATE INDEX links_party ON links (shop_id, supplier_id);
COMMENT ON TABLE links IS 'Ссылки на прайс-листы поставщиков и каналы ручной загрузки';

CREATE TABLE loads (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    link_id           bigint NOT NULL REFERENCES links,
    supplier_id       text NOT NULL,
    shop_id           text NOT NULL,
    status            text NOT NULL CHECK (
        status IN ('queued', 'running', 'processed', 'unchanged', 'held', 'rejected', 'failed')
    ),
    reason            text,
    format            text,
    encoding          text,
    sha256            text,
    bytes             bigint,
    source            text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    finished_at       timestamptz,
    reported_at       timestamptz,
    dry_run           boolean NOT NULL DEFAULT false,
    options           jsonb NOT NULL DEFAULT '{}',
    "read"            bigint NOT NULL DEFAULT 0,
    accepted          bigint NOT NULL DEFAULT 0,
    rejected          bigint NOT NULL DEFAULT 0,
    created           bigint NOT NULL DEFAULT 0,
    changed           bigint NOT NULL DEFAULT 0,
    restored          bigint NOT NULL DEFAULT 0,
    unchanged         bigint NOT NULL DEFAULT 0,
    hidden            bigint NOT NULL DEFAULT 0,
    errors            bigint NOT NULL DEFAULT 0,
    warnings          bigint NOT NULL DEFAULT 0,
    infos             bigint NOT NULL DEFAULT 0,
    actualization     jsonb NOT NULL DEFAULT '{}',
    held              jsonb,
    timings           jsonb NOT NULL DEFAULT '{}',
    reference_version text,
    worker            text,
    FOREIGN KEY (shop_id, supplier_id) REFERENCES accreditations (shop_id, supplier_id)
);
CREATE INDEX loads_link ON loads (link_id, id DESC);
CREATE INDEX loads_supplier ON loads (supplier_id, id DESC);
COMMENT ON TABLE loads IS 'Загрузки: одна обработка одного файла; номер задаёт порядок';

ALTER TABLE links
    ADD FOREIGN KEY (last_load_id) REFERENCES loads,
    ADD FOREIGN KEY (last_good_load_id) REFERENCES loads;

CREATE TABLE offers (
    shop_id              text NOT NULL,
    supplier_id          text NOT NULL,
    sku_key              text COLLATE "C" NOT NULL,
    sku                  text NOT NULL,
    name                 text,
    description          text,
    vendor               text,
    vendor_code          text,
    model                text,
    price                numeric(15, 2),
    price_without_vat    numeric(15, 2),
    price_derived        text,
    vat_rate             text,
    currency             text,
    unit_okei            text,
    unit_name            text,
    availability         text,
    quantity             numeric(18, 6),
    delivery_days        integer,
    category_id          text,
    supplier_category_id text,
    position_codes       text[],
    analog_codes         text[],
    pictures             text[],
    weight_kg            numeric(18, 8),
    dimensions_cm        numeric(18, 8)[],
    stock_class          text,
    rrp                  numeric(15, 2),
    params               jsonb,
    regions              jsonb,
    status               text NOT NULL CHECK (status IN ('published', 'hidden')),
    content_hash         text NOT NULL,
    load_id              bigint NOT NULL,
    line                 bigint,
    first_seen_at        timestamptz NOT NULL,
    changed_at           timestamptz NOT NULL,
    hidden_at            timestamptz,
    PRIMARY KEY (shop_id, supplier_id, sku_key),
    FOREIGN KEY (shop_id, supplier_id) REFERENCES accreditations (shop_id, supplier_id),
    FOREIGN KEY (load_id) REFERENCES loads,
    CHECK ((status = 'hidden') = (hidden_at IS NOT NULL))
);
COMMENT ON TABLE offers IS 'Товары поставщиков: последняя хорошая версия каждого';

CREATE TABLE changes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id     bigint NOT NULL REFERENCES loads,
    shop_id     text NOT NULL,
    supplier_id text NOT NULL,
    sku_key     text COLLATE "C" NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('created', 'changed', 'restored', 'hidden')),
    fields      text[] NOT NULL,
    before      jsonb NOT NULL,
    after       jsonb NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX changes_load ON changes (load_id);
CREATE INDEX changes_offer ON changes (shop_id, supplier_id, sku_key, id);
COMMENT ON TABLE changes IS 'История товаров: что изменила каждая загрузка (P10)';
COMMENT ON COLUMN changes.before IS 'Прежние значения только тех полей, что изменились';
COMMENT ON COLUMN changes.after IS 'Новые значения тех же полей; у нового товара — вся карточка';

CREATE VIEW visible_offers AS
SELECT o.*
FROM offers o
JOIN accreditations a USING (shop_id, supplier_id)
WHERE o.status = 'published' AND a.status = 'granted';
COMMENT ON VIEW visible_offers IS 'Что видят покупатели: опубликованное у аккредитованных поставщиков (P8)';
