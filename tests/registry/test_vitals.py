"""The numbers by which an installation is watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Jsonb

from pipelines import registry
from pipelines.registry import Connection

pytestmark = pytest.mark.integration

DAY = 86_400


@pytest.fixture
def links(conn: Connection) -> list[int]:
    """Two links that were declared and never looked at; an upload and a link that is off are not watched."""
    registry.ensure_shop(conn, "main")
    registry.ensure_supplier(conn, "ada")
    registry.ensure_accreditation(conn, "ada", "main")
    for code in ("first", "second", "off"):
        registry.upsert_link(conn, code=code, supplier="ada", shop="main", url=f"https://ada.example/{code}.yml")
    conn.execute("UPDATE links SET enabled = false, failing_since = created_at - interval '9 days' WHERE code = 'off'")
    registry.upload_link(conn, supplier="ada", shop="main")
    return [registry.find_link(conn, code).id for code in ("first", "second")]


def test_nothing_waits_where_nothing_is(conn: Connection) -> None:
    signs = registry.vital_signs(conn)
    assert len(signs) == 9
    assert set(signs.values()) == {0.0}


def test_links_that_fail_are_silent_or_stay_old(conn: Connection, links: list[int]) -> None:
    now = datetime.now(UTC)
    registry.record_failure(conn, links[0], at=now - timedelta(days=2), error="timeout")
    registry.record_failure(conn, links[0], at=now - timedelta(days=1), error="timeout")
    conn.execute("UPDATE links SET changed_at = %s WHERE id = %s", [now - timedelta(days=3), links[1]])
    signs = registry.vital_signs(conn)
    assert (signs["links.enabled"], signs["links.failing"]) == (2, 1)
    assert signs["links.failing_longest_seconds"] == pytest.approx(2 * DAY, abs=600)
    assert signs["links.unseen_longest_seconds"] == pytest.approx(1 * DAY, abs=600)
    assert signs["links.unchanged_longest_seconds"] == pytest.approx(3 * DAY, abs=600)


def test_a_load_waits_until_it_is_decided_and_a_dry_run_never(conn: Connection, links: list[int]) -> None:
    finished = datetime.now(UTC) - timedelta(days=1)
    held = [registry.create_load(conn, links[0], source="feed", dry_run=dry_run) for dry_run in (False, False, True)]
    conn.execute(
        "UPDATE loads SET status = 'held', held = %s, finished_at = %s WHERE id = ANY(%s)",
        [Jsonb({"reason": "would_hide"}), finished, held],
    )
    assert registry.vital_signs(conn)["holds.waiting"] == 2
    assert registry.vital_signs(conn)["holds.oldest_seconds"] == pytest.approx(DAY, abs=600)
    conn.execute(
        "INSERT INTO decisions (load_id, verdict, who, why, at) VALUES (%s, 'approved', 'anna', 'sold', now())",
        [held[0]],
    )
    assert registry.vital_signs(conn)["holds.waiting"] == 1


def test_mails_wait_until_they_are_sent(conn: Connection, links: list[int]) -> None:
    queued = datetime.now(UTC) - timedelta(hours=5)
    registry.queue_mail(
        conn, name="one", supplier="ada", recipients=["a@ada.example"], message_key="mails/one.eml", at=queued
    )
    signs = registry.vital_signs(conn)
    assert signs["mails.waiting"] == 1
    assert signs["mails.oldest_seconds"] == pytest.approx(5 * 3600, abs=600)
    conn.execute("UPDATE mails SET sent_at = now()")
    assert registry.vital_signs(conn)["mails.waiting"] == 0
