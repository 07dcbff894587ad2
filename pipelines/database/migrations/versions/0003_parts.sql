-- A load may be a set of files (CommerceML): the way back from an offer leads to one of them.

ALTER TABLE offers ADD COLUMN part text;
COMMENT ON COLUMN offers.part IS 'Файл набора, в котором стоит товар (CommerceML); пусто, если файл один';

ALTER TABLE offers ADD COLUMN external_id text;
COMMENT ON COLUMN offers.external_id IS 'Ключ товара в системе поставщика (Ид в CommerceML), если он передан';

ALTER TABLE links DROP CONSTRAINT links_format_check;
ALTER TABLE links ADD CHECK (format IN ('auto', 'yml', 'commerceml', 'csv', 'json'));
