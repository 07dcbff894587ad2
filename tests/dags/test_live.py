"""Airflow as operators have it: scheduler, API and UI for real; one hour, one decision, and a secret that stays one."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from examples.local_airflow import METADATA, USER, LocalAirflow, free_port
from pipelines import steps
from pipelines.settings import load_settings

pytestmark = pytest.mark.integration

LOGIN, CANARY = "buyer", "kanareika-7f3a9d21"
HOURLY = "catalog_feeds_hourly"
DAGS = len(list((Path(__file__).parents[2] / "dags").glob("*.py")))
OFFER = (
    '<offer id="{sku}" available="true"><name>Товар {sku}</name><price>100</price><vat>22</vat><vendor>Завод</vendor>'
    "<description>Описание</description><unitOkei>796</unitOkei></offer>"
)


def feed(*skus: str) -> bytes:
    offers = "".join(OFFER.format(sku=sku) for sku in skus)
    return f'<?xml version="1.0"?><yml_catalog><shop><offers>{offers}</offers></shop></yml_catalog>'.encode()


class Portal(BaseHTTPRequestHandler):
    """Lets the buyer in at one address; at the other one repeats what it was sent, as bad servers do."""

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "")
        if sent != "Basic " + base64.b64encode(f"{LOGIN}:{CANARY}".encode()).decode():
            self.answer(401, b"who are you?")
        elif self.path == "/echo.yml":
            self.answer(401, f'{{"error": "{sent} {CANARY}"}}'.encode())
        else:
            self.answer(200, feed("s1", "s2"))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@dataclass
class Live:
    """A running installation and a client that is logged in."""

    house: steps.House
    airflow: LocalAirflow
    client: httpx.Client
    held: int

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v2/{path}").raise_for_status().json()

    def trigger(self, dag: str, run_id: str, **conf: Any) -> None:
        body = {"logical_date": None, "dag_run_id": run_id, "conf": conf}
        self.client.post(f"/api/v2/dags/{dag}/dagRuns", json=body).raise_for_status()

    def ended(self, dag: str, run_id: str) -> Any:
        """The run, once it has come to its end."""
        return until(lambda: self.over(dag, run_id), lambda: self.tasks(dag, run_id))

    def over(self, dag: str, run_id: str) -> Any:
        run = self.get(f"dags/{dag}/dagRuns/{run_id}")
        return run if run["state"] in ("success", "failed") else None

    def question(self, dag: str, run_id: str) -> Any:
        """What an operator sees under Required Actions: the question that is open, if there is one."""
        asked = f"dags/{dag}/dagRuns/{run_id}/taskInstances/ask"
        task = self.client.get(f"/api/v2/{asked}")
        if not task.is_success or task.json()["state"] != "awaiting_input":
            return None
        detail = self.get(f"{asked}/-1/hitlDetails")
        return None if detail["response_received"] else detail

    def tasks(self, dag: str, run_id: str) -> dict[str, str]:
        found = self.get(f"dags/{dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {" ".join(filter(None, (t["task_id"], t["rendered_map_index"]))): t["state"] for t in found}


def until(condition: Callable[[], Any], instead: Callable[[], Any] = lambda: None, seconds: float = 300) -> Any:
    """What `condition` finds at last; when it never does, the failure tells what there is `instead`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain; there is {instead()}"
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    # Not pytest's own folder: that is closed to other accounts, and root's PostgreSQL runs under one.
    home = Path(tempfile.mkdtemp(prefix="catalog-feeds-live-"))
    home.chmod(0o755)
    portal = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=portal.serve_forever, daemon=True).start()
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stack.callback(portal.server_close)
        stack.callback(portal.shutdown)
        for name in [name for name in os.environ if name.startswith(("CATALOG_FEEDS_", "AIRFLOW"))]:
            patch.delenv(name)
        patch.setenv("CATALOG_FEEDS_HOME", str(home))
        patch.setenv("CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS", "1")
        patch.setenv("AIRFLOW_CONN_PORTAL", f'{{"conn_type": "http", "login": "{LOGIN}", "password": "{CANARY}"}}')
        house = stack.enter_context(steps.open_house(load_settings()))
        held = declare(house, home, f"http://127.0.0.1:{portal.server_port}")
        airflow = LocalAirflow(home, house.database, free_port(0))
        airflow.migrate()
        stack.enter_context(airflow.components())
        client = stack.enter_context(httpx.Client(base_url=airflow.url, timeout=60))
        login = {"username": USER, "password": airflow.password()}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        until(lambda: client.get("/api/v2/dags").json()["total_entries"] == DAGS)
        yield Live(house, airflow, client, held)


def declare(house: steps.House, home: Path, address: str) -> int:
    """Two links behind a login, and an upload that waits for a decision; gives back its load."""
    login = "{kind: basic, user: portal.login, password: portal.password}"
    links = home / "links.yaml"
    links.write_text(
        "shops: {main: {}}\n"
        "suppliers: {a: {emails: [a@example.com]}}\n"
        "links:\n"
        f"  - {{link: a-main, supplier: a, shop: main, url: {address}/a.yml, settings: {{login: {login}}}}}\n"
        f"  - {{link: a-echo, supplier: a, shop: main, url: {address}/echo.yml, settings: {{login: {login}}}}}\n",
        encoding="utf-8",
    )
    steps.apply_links(house, links)
    path = home / "price.yml"
    settings = {"actualize": True, "hold_hidden_count": 1, "hold_hidden_share": "0.1"}
    for skus in (("u1", "u2", "u3", "u4"), ("u1",)):
        path.write_bytes(feed(*skus))
        outcome = steps.load_source(house, str(path), supplier="a", shop="main", settings=settings)
    assert outcome.load_id is not None
    assert steps.waiting_loads(house, [outcome.load_id]) == [outcome.load_id]
    return outcome.load_id


@pytest.fixture(scope="module")
def hour(live: Live) -> Any:
    """The run that the schedule makes for the hour that has passed."""
    run = until(lambda: next(iter(live.get(f"dags/{HOURLY}/dagRuns")["dag_runs"]), None))
    return live.ended(HOURLY, run["dag_run_id"])


def test_the_hour_is_green_named_and_summed_up_in_its_note(live: Live, hour: Any) -> None:
    tasks = live.tasks(HOURLY, hour["dag_run_id"])
    assert tasks == {
        "poll": "success",
        "load a · a-main": "success",
        "waiting": "success",
        "ask": "skipped",
        "mail": "success",
        "snapshot": "success",
        "roll_up": "success",
    }
    assert hour["note"].startswith("2 links: ")
    assert "offers and issues: 2 read, 2 accepted, 2 created" in hour["note"]


def test_a_load_has_links_to_its_files_for_whoever_is_logged_in(live: Live, hour: Any) -> None:
    task = f"dags/{HOURLY}/dagRuns/{hour['dag_run_id']}/taskInstances/load"
    links = live.get(f"{task}/links?map_index=0")["extra_links"]
    assert sorted(links) == sorted(["Отчёт", "Замечания", "Файл поставщика", "Что изменилось"])
    for name, start in {"Отчёт": b"<!DOCTYPE html>", "Замечания": b"PK", "Файл поставщика": b"<?xml"}.items():
        answer = live.client.get(links[name]).raise_for_status()
        assert answer.content.startswith(start)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert httpx.get(live.airflow.url + links[name]).status_code == 401
    assert live.client.get(links["Отчёт"]).headers["Content-Security-Policy"].endswith("sandbox")
    assert set(live.client.get(links["Что изменилось"]).text.splitlines()[1:]) == {
        "s1;created;name;;Товар s1",
        "s2;created;name;;Товар s2",
    }
    assert live.client.get("/catalog-feeds/loads/999999/report").status_code == 404
    assert live.client.get("/catalog-feeds/loads/1/offers").status_code == 404


def test_P6_an_operator_decides_by_form_and_is_named(live: Live) -> None:
    run_id, dag = f"load-{live.held}", "decide_held_load"
    live.trigger(dag, run_id, load_id=live.held)
    detail = until(lambda: live.question(dag, run_id), lambda: live.tasks(dag, run_id))
    assert f"Загрузка {live.held}" in detail["subject"]
    assert "| Из них нет в файле | 3 |" in detail["body"]
    answer = {"chosen_options": ["Подтвердить"], "params_input": {"reason": "сняты с продажи"}}
    asked = f"dags/{dag}/dagRuns/{run_id}/taskInstances/ask/-1/hitlDetails"

    def decided() -> Any:
        # Airflow may ask once more: an answer that comes while the asking task is still on its way out can be lost.
        if live.question(dag, run_id):
            live.client.patch(f"/api/v2/{asked}", json=answer)
        return live.over(dag, run_id)

    assert until(decided, lambda: live.tasks(dag, run_id))["state"] == "success"
    assert live.tasks(dag, run_id)["decide"] == "success"
    assert steps.outcome(live.house, live.held).counts["hidden"] == 3
    with live.house.database.connect() as conn:
        who, why = conn.execute("SELECT who, why FROM decisions WHERE load_id = %s", [live.held]).fetchone() or ("", "")
    assert (who, why) == (USER, "сняты с продажи")
    live.trigger(dag, "again", load_id=live.held)
    again = live.ended(dag, "again")
    assert again["state"] == "success"
    assert set(live.tasks(dag, "again").values()) == {"skipped"}
    assert "nothing of it waits" in again["note"]


def test_S1_a_secret_of_a_link_is_nowhere(live: Live, hour: Any) -> None:
    """In no table of either database, and in no name or content of a file: logs, mails, reports, loads."""
    with live.house.database.connect() as conn:
        codes = dict(conn.execute("SELECT code, last_error FROM links WHERE kind = 'link'").fetchall())
    assert codes["a-main"] is None
    assert codes["a-echo"].startswith("login_refused")
    spellings = [CANARY, base64.b64encode(f"{LOGIN}:{CANARY}".encode()).decode()]
    for database in (METADATA, live.house.database.catalog_url.rpartition("/")[2].partition("?")[0]):
        with live.house.database.connect(database) as conn:
            assert holders(conn, spellings) == []
    files = [path for path in live.airflow.home.rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert any("attempt=1.log" in path.name for path in files)
    assert any(path.suffix == ".eml" for path in files)
    assert [path for path in files if any(text in str(path) for text in spellings)] == []
    assert [path for path in files if any(text.encode() in path.read_bytes() for text in spellings)] == []


def holders(conn: psycopg.Connection[Any], texts: list[str]) -> list[str]:
    """Tables that hold one of the texts in any row."""
    tables = conn.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert len(tables) > 5
    found = []
    for schema, table in tables:
        query = sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(
            sql.Identifier(schema, table),
            sql.SQL(" OR ").join(sql.SQL("strpos(t::text, {}) > 0").format(sql.Literal(text)) for text in texts),
        )
        if (conn.execute(query).fetchone() or (0,))[0]:
            found.append(table)
    return found
