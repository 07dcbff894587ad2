-- Loads that hold changes only.

ALTER TABLE loads ADD COLUMN delta boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN loads.delta IS 'Файл содержит только изменения: по нему нельзя судить о том, чего в нём нет (P6)';
