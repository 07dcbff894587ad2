-- Reports that wait to be mailed, the scores of price lists, and what mail suppliers want.

ALTER TABLE suppliers ADD COLUMN mail text NOT NULL DEFAULT 'all' CHECK (mail IN ('all', 'errors', 'digest', 'none'));
COMMENT ON COLUMN suppliers.mail IS
    'Какие отчёты слать: все, без предупреждений, сводкой раз в день, никаких (R3)';

ALTER TABLE loads ADD COLUMN score smallint CHECK (score BETWEEN 0 AND 100);
COMMENT ON COLUMN loads.score IS 'Оценка качества прайс-листа; пусто, если товары не прочитаны';

-- A row is queued together with the note that its load is reported, and lives on as the record of what was sent.
CREATE TABLE mails (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    supplier_id text NOT NULL REFERENCES suppliers,
    load_id     bigint REFERENCES loads,
    recipients  text[] NOT NULL CHECK (cardinality(recipients) > 0),
    message_key text NOT NULL,
    queued_at   timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    sent_at     timestamptz,
    given_up_at timestamptz,
    place       text,
    CHECK (num_nonnulls(sent_at, given_up_at) <= 1)
);
CREATE INDEX mails_due ON mails (due_at, id) WHERE sent_at IS NULL AND given_up_at IS NULL;
COMMENT ON TABLE mails IS 'Письма поставщикам: очередь и история';
COMMENT ON COLUMN mails.name IS 'О чём письмо; об одном и том же два письма не ставятся';
COMMENT ON COLUMN mails.recipients IS 'Кому ещё не доставлено; у отправленного — кому отправлено последним';
COMMENT ON COLUMN mails.message_key IS 'Готовое письмо в хранилище файлов';
COMMENT ON COLUMN mails.due_at IS 'Не раньше какого времени пробовать';
COMMENT ON COLUMN mails.place IS 'Куда отправлено: почтовый сервер или файл';

-- What waits for the day's one mail of suppliers that want no more.
CREATE TABLE digest_entries (
    name        text PRIMARY KEY,
    supplier_id text NOT NULL REFERENCES suppliers,
    recipients  text[] NOT NULL CHECK (cardinality(recipients) > 0),
    entry       jsonb NOT NULL,
    due_at      timestamptz NOT NULL,
    mail        text REFERENCES mails (name)
);
CREATE INDEX digest_entries_due ON digest_entries (due_at) WHERE mail IS NULL;
COMMENT ON TABLE digest_entries IS 'Отчёты, которые поставщик получает сводкой раз в день';
COMMENT ON COLUMN digest_entries.mail IS 'Сводка, в которую запись вошла; пусто, пока ждёт';
