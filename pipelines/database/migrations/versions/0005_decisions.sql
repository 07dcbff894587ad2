-- Guards on prices, decisions of operators, loads that undo or repeat others.

ALTER TABLE loads ADD COLUMN kind text NOT NULL DEFAULT 'file' CHECK (kind IN ('file', 'replay', 'rollback'));
COMMENT ON COLUMN loads.kind IS 'Файл, файл из архива ещё раз или отмена других загрузок (P10)';
ALTER TABLE loads ADD COLUMN origin_load_id bigint REFERENCES loads;
COMMENT ON COLUMN loads.origin_load_id IS 'Загрузка, которую эта повторяет или отменяет';
ALTER TABLE loads ADD COLUMN published boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN loads.published IS 'Товары загрузки попали в каталог, все или часть';
UPDATE loads SET published = true WHERE status IN ('processed', 'held') AND NOT dry_run;
ALTER TABLE loads ADD COLUMN undone_by bigint REFERENCES loads;
COMMENT ON COLUMN loads.undone_by IS 'Загрузка, которая отменила эту; пусто, если отмену саму отменили';

-- A load is decided once; it may be rolled back, put back and rolled back again.
CREATE TABLE decisions (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES loads,
    verdict text NOT NULL CHECK (verdict IN ('approved', 'rejected', 'lapsed', 'rolled_back')),
    who     text,
    why     text,
    by_load bigint REFERENCES loads,
    effect  jsonb NOT NULL DEFAULT '{}',
    at      timestamptz NOT NULL,
    CHECK ((verdict = 'lapsed') = (who IS NULL)),
    CHECK ((verdict IN ('lapsed', 'rolled_back')) = (by_load IS NOT NULL))
);
CREATE UNIQUE INDEX decisions_once ON decisions (load_id) WHERE verdict <> 'rolled_back';
CREATE INDEX decisions_load ON decisions (load_id, id);
COMMENT ON TABLE decisions IS 'Что решили о загрузке после её конца, кто и почему (P6, P7, P10)';
COMMENT ON COLUMN decisions.by_load IS 'Загрузка, с которой вопрос снялся сам, или та, что отменила эту';
COMMENT ON COLUMN decisions.effect IS 'Сколько товаров решение изменило';

ALTER TABLE changes DROP CONSTRAINT changes_kind_check;
ALTER TABLE changes ADD CHECK (kind IN ('created', 'changed', 'restored', 'hidden', 'withdrawn'));
ALTER TABLE changes ADD COLUMN origin jsonb;
COMMENT ON COLUMN changes.origin IS
    'Что было у товара кроме карточки до изменения: загрузка, строка, отпечаток; по нему отмена возвращает товар (P10)';
