"""The numbers by which an installation is watched: what waits, and for how long."""

from __future__ import annotations

from psycopg.rows import dict_row

from pipelines.registry.rows import Connection

_VITALS = """
WITH waiting AS (
    SELECT finished_at FROM loads AS l
    WHERE held IS NOT NULL AND NOT dry_run AND NOT EXISTS (SELECT FROM decisions AS d WHERE d.load_id = l.id)
),
queue AS (SELECT queued_at FROM mails WHERE sent_at IS NULL AND given_up_at IS NULL)
SELECT
    (SELECT count(*) FROM waiting) AS "holds.waiting",
    (SELECT extract(epoch FROM now() - min(finished_at)) FROM waiting) AS "holds.oldest_seconds",
    count(*) AS "links.enabled",
    count(failing_since) AS "links.failing",
    extract(epoch FROM now() - min(failing_since)) AS "links.failing_longest_seconds",
    extract(epoch FROM now() - min(coalesce(checked_at, created_at))) AS "links.unseen_longest_seconds",
    extract(epoch FROM now() - min(coalesce(changed_at, created_at))) AS "links.unchanged_longest_seconds",
    (SELECT count(*) FROM queue) AS "mails.waiting",
    (SELECT extract(epoch FROM now() - min(queued_at)) FROM queue) AS "mails.oldest_seconds"
FROM links
WHERE kind = 'link' AND enabled
"""


def vital_signs(conn: Connection) -> dict[str, float]:
    """What waits for a person, which links are silent or fail, which mails are stuck: counts and seconds, by name.

    A longest time is 0 where there is nothing to wait for.
    """
    found = conn.cursor(row_factory=dict_row).execute(_VITALS).fetchone() or {}
    return {name: float(value or 0) for name, value in found.items()}
