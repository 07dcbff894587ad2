-- Who may do what in the catalog: three roles without a login, to be granted to logins of people and programs.
-- Run after every migration and every restore; it says the same however often it is run.
--
-- Roles belong to the whole server. Where the owner of the catalog may not make them, an administrator makes them
-- first, or makes them later and runs this file as the owner.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['catalog_loader', 'catalog_reader', 'catalog_analyst'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE 'CREATE ROLE ' || quote_ident(wanted) || ' NOLOGIN';
        END IF;
    END LOOP;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another catalog of this server was quicker
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'this account may not create roles: catalog_loader, catalog_reader, catalog_analyst';
END
$$;

DO $$
DECLARE
    this text := quote_ident(current_database());
BEGIN
    EXECUTE 'REVOKE ALL ON DATABASE ' || this || ' FROM PUBLIC';
    REVOKE ALL ON SCHEMA public FROM PUBLIC;

    -- The workers. History is written once: neither changes nor decisions are ever altered. Only offers are
    -- ever deleted, by a rollback that undoes their creation.
    IF to_regrole('catalog_loader') IS NOT NULL THEN
        EXECUTE 'GRANT CONNECT, TEMPORARY ON DATABASE ' || this || ' TO catalog_loader';
        GRANT USAGE ON SCHEMA public TO catalog_loader;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO catalog_loader;
        GRANT INSERT, UPDATE ON
            shops, suppliers, accreditations, links, loads, offers, mails, digest_entries
            TO catalog_loader;
        GRANT DELETE ON offers TO catalog_loader;
        GRANT INSERT ON changes, decisions, edits, accreditation_changes TO catalog_loader;
        GRANT UPDATE (offers) ON edits TO catalog_loader;
        -- To lock changes while their history is cut off, and to let the planner know of a catalog that grew.
        GRANT MAINTAIN ON changes, offers TO catalog_loader;
    END IF;

    -- The marketplace's pages: what buyers may see, and nothing of how it came.
    IF to_regrole('catalog_reader') IS NOT NULL THEN
        EXECUTE 'GRANT CONNECT ON DATABASE ' || this || ' TO catalog_reader';
        GRANT USAGE ON SCHEMA public TO catalog_reader;
        GRANT SELECT ON visible_offers, shops TO catalog_reader;
        GRANT SELECT (id, name) ON suppliers TO catalog_reader;
    END IF;

    -- People who ask questions: everything but addresses, which hold people and passwords, and the mails.
    IF to_regrole('catalog_analyst') IS NOT NULL THEN
        EXECUTE 'GRANT CONNECT ON DATABASE ' || this || ' TO catalog_analyst';
        GRANT USAGE ON SCHEMA public TO catalog_analyst;
        GRANT SELECT ON
            visible_offers, shops, offers, changes, loads, decisions, edits, accreditations, accreditation_changes
            TO catalog_analyst;
        GRANT SELECT (id, name, created_at, mail) ON suppliers TO catalog_analyst;
        GRANT SELECT (id, code, supplier_id, shop_id, kind, format, options, enabled, created_at, checked_at, changed_at,
                      full_fetch_at, failing_since, fetched_sha256, processed_sha256, last_load_id, last_good_load_id)
            ON links TO catalog_analyst;
    END IF;
END
$$;
