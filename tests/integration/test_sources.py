"""Sources behind a login, from the links file to the catalog (S1), and folders of one exchange (F1)."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import zipfile
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines import registry, steps
from pipelines.errors import OperatorError
from pipelines.settings import secret_of_environment
from tests.integration.distributor import Distributor

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
USER, PASSWORD = "buyer-canary", "canary pass/&ж"
SECRETS = {"portal.login": USER, "portal.password": PASSWORD, "other.login": "second", "other.password": "p2"}

JSON_FEED = json.dumps(
    {"result": {"rows": [
        {"article": "a", "name": "Товар a", "prices": {"rub": 100.5}, "vat": 20, "vendor": "Завод",
         "description": "Описание", "unitOkei": 796, "available": True}
    ]}}
).encode()  # fmt: skip
JSON_SETTINGS = {"format": "json", "json_items": "result.rows", "tags": {"sku": "article", "price": "prices.rub"}}
CSV_FEED = (
    "Идентификатор продукта;Наименование;Цена;НДС;Производитель;Описание;Код ОКЕИ;Наличие товара\r\n"
    "a;Товар a;100,50;20;Завод;Описание;796;много\r\n"
).encode("utf-8-sig")


def exchange() -> dict[str, bytes]:
    """The files of one exchange of CommerceML with one offer, `a`."""
    root = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.09">{}</КоммерческаяИнформация>'
    )
    goods = (
        "<Каталог><Ид>c</Ид><Товары><Товар><Ид>1</Ид><Артикул>a</Артикул><Наименование>Товар a</Наименование>"
        '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница><Описание>Описание</Описание>'
        "<Изготовитель><Ид>m</Ид><Наименование>Завод</Наименование></Изготовитель>"
        "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога></СтавкиНалогов>"
        "</Товар></Товары></Каталог>"
    )
    offers = (
        "<ПакетПредложений><Ид>c#</Ид><ИдКаталога>c</ИдКаталога><ТипыЦен><ТипЦены><Ид>p</Ид><Наименование>Опт</Наименование>"
        "<Валюта>RUB</Валюта></ТипЦены></ТипыЦен><Предложения><Предложение><Ид>1</Ид><Цены><Цена><ИдТипаЦены>p</ИдТипаЦены>"
        "<ЦенаЗаЕдиницу>100.5</ЦенаЗаЕдиницу></Цена></Цены><Количество>5</Количество></Предложение></Предложения>"
        "</ПакетПредложений>"
    )
    return {"import.xml": root.format(goods).encode(), "offers.xml": root.format(offers).encode()}


def zipped(files: dict[str, bytes]) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return package.getvalue()


@pytest.fixture
def portal():
    """The distributor's server."""
    server = Distributor({USER: PASSWORD, "second": "p2"})
    yield server
    server.close()


@pytest.fixture
def shop(house):
    """The installation, which knows the secrets."""
    return dataclasses.replace(house, secrets=SECRETS.__getitem__)


@pytest.fixture
def declare(shop, portal, tmp_path):
    """Declare links by code: path at the portal and settings; all of them log in as `portal`."""

    def apply(**links: tuple[str, dict]) -> None:
        declared = [
            {"link": code, "supplier": "a", "shop": "main", "url": portal.url + path,
             "settings": {"login": portal.login()} | settings}
            for code, (path, settings) in links.items()
        ]  # fmt: skip
        file = tmp_path / "links.yaml"
        content = {"shops": {"main": {}}, "suppliers": {"a": {}}, "links": declared}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        steps.apply_links(shop, file)

    return apply


def cycle(house, code="dealer", now=NOW):
    """One hour of the link, as Airflow would run it."""
    looked = steps.poll(house, code, now=now)
    return steps.process(house, looked.load_id) if looked.status == "queued" else looked


@pytest.mark.parametrize("kind", ["yml", "commerceml", "csv", "json"])
def test_S1_a_feed_behind_a_login_loads_in_any_format(shop, portal, declare, feed, kind):
    bodies = {"yml": feed({"a": "100.50"}).read_bytes(), "csv": CSV_FEED, "json": JSON_FEED}
    portal.feeds["/feed"] = bodies.get(kind) or zipped(exchange())
    declare(dealer=("/feed", JSON_SETTINGS if kind == "json" else {"format": kind}))
    outcome = cycle(shop)
    assert (outcome.status, outcome.counts["created"]) == ("processed", 1)
    card = steps.offer(shop, shop="main", supplier="a", sku="a")
    assert [card[name] for name in ("name", "price", "vendor", "unit_okei")] == ["Товар a", "100.50", "Завод", "796"]
    assert len(portal.tokens) == 1
    assert cycle(shop, now=NOW + HOUR).status == "unchanged"


def test_S1_a_token_that_expires_among_the_parts_of_an_index(shop, portal, declare):
    page = "".join(f'<a href="{name}">{name}</a>' for name in exchange())
    portal.feeds = {"/1c/": page.encode()} | {f"/1c/{name}": body for name, body in exchange().items()}
    portal.good_for = 2
    declare(dealer=("/1c/", {"index": True}))
    assert cycle(shop).counts["created"] == 1
    assert len(portal.tokens) == 2
    assert [path for path in portal.requests if path.startswith("/1c/")] == [
        "/1c/", "/1c/import.xml", "/1c/offers.xml", "/1c/offers.xml"
    ]  # fmt: skip
    assert cycle(shop, now=NOW + HOUR).status == "unchanged"


def test_S1_requests_of_one_login_never_run_in_parallel(shop, portal, declare, feed):
    portal.seconds = 0.05
    paths = {f"dealer{i}": (f"/feed{i}", {}) for i in range(4)}
    portal.feeds = {path: feed({"a": i + 1}).read_bytes() for i, (path, _) in enumerate(paths.values())}
    declare(**paths)
    steps.run_cycle(shop)
    assert len(portal.tokens) == 4
    assert portal.most_at_once == 1


def test_S1_a_login_in_use_elsewhere_is_waited_for_and_then_left_for_the_next_hour(
    shop, portal, declare, feed, monkeypatch
):
    from pipelines.logins import login_identity
    from pipelines.options import parse_options
    from pipelines.registry import login_lock

    portal.feeds["/feed"] = feed({"a": 1}).read_bytes()
    declare(dealer=("/feed", {}))
    identity = login_identity(parse_options({"login": portal.login()}, {}).link.login)
    monkeypatch.setattr("pipelines.steps.sources.LOGIN_WAIT_SECONDS", 0.2)
    with login_lock(shop.database, identity, wait_seconds=1):
        outcome = cycle(shop)
        assert (outcome.status, outcome.load_id) == ("running", None)
        assert "login is in use" in outcome.message
        assert portal.requests == []
    assert cycle(shop).status == "processed"


def test_S1_a_login_that_is_refused_is_told_once_to_both_sides(shop, portal, declare, feed, caplog):
    portal.feeds["/feed"] = feed({"a": 1}).read_bytes()
    portal.logins[USER] = "changed"
    declare(dealer=("/feed", {}))
    first = cycle(shop)
    assert (first.status, first.reason) == ("rejected", "login_refused")
    assert "check the secrets portal.login, portal.password" in caplog.text
    assert "*** у ***" in steps.report_text(shop, first.load_id)
    again = cycle(shop, now=NOW + HOUR)
    assert (again.status, again.load_id) == ("rejected", None)
    portal.logins[USER] = PASSWORD
    assert cycle(shop, now=NOW + 2 * HOUR).status == "processed"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b'{"error": "token TOKEN has no access"}', "answer_is_error"),
        ("<html><title>Вход</title>".encode(), "login_refused"),
    ],
)
def test_S1_an_error_with_status_200_changes_nothing(shop, portal, declare, feed, catalog_dump, answer, reason):
    portal.feeds["/feed"] = feed({"a": 1, "b": 2}).read_bytes()
    declare(dealer=("/feed", {"actualize": True}))
    assert cycle(shop).counts["created"] == 2
    before = catalog_dump()
    portal.error = answer
    outcome = cycle(shop, now=NOW + HOUR)
    assert (outcome.status, outcome.reason) == ("rejected", reason)
    assert catalog_dump() == before


def test_S1_no_secret_is_written_anywhere(shop, portal, declare, feed, caplog):
    """A good load, an expired token, a wrong password and errors that repeat what was sent: then look everywhere."""
    caplog.set_level(logging.DEBUG)
    portal.feeds["/feed"] = feed({"a": 1}).read_bytes()
    declare(dealer=("/feed", {}))
    outcomes = [cycle(shop)]
    portal.error = b'{"error": "token TOKEN"}'
    outcomes.append(cycle(shop, now=NOW + HOUR))
    portal.error, portal.good_for = None, 0
    outcomes.append(cycle(shop, now=NOW + 2 * HOUR))
    portal.logins[USER] = "canary of tomorrow"
    outcomes.append(cycle(shop, now=NOW + 3 * HOUR))
    assert [o.status for o in outcomes] == ["processed", "rejected", "rejected", "rejected"]
    snapshot = steps.write_snapshot(shop)
    assert snapshot
    written = [caplog.text, repr(outcomes), repr(steps.list_links(shop)), repr(steps.list_loads(shop))]
    with shop.database.connect() as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert len(tables) > 5
        written += [str(row) for (table,) in tables for row in conn.execute(f'SELECT t::text FROM "{table}" t')]
    files = [path for path in shop.settings.home_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    written += [str(pq.read_table(path).to_pylist()) for path in files if path.suffix == ".parquet"]
    text = "\n".join([*written, *map(str, files)]).encode() + b"\n".join(path.read_bytes() for path in files)
    assert b"portal.password" in text  # names of secrets may stand there
    assert len(portal.tokens) >= 3
    for secret in (USER, PASSWORD, "canary pass", "canary-token", "canary of tomorrow"):
        assert secret.encode() not in text


def test_S1_a_secret_that_is_not_set_names_its_variable(house, portal, declare, monkeypatch):
    declare(dealer=("/feed", {}))
    with pytest.raises(OperatorError, match="CATALOG_FEEDS_SECRET_PORTAL_LOGIN"):
        steps.poll(house, "dealer", now=NOW)
    monkeypatch.setenv("CATALOG_FEEDS_SECRET_PORTAL_LOGIN", " value\n")
    assert secret_of_environment("portal.login") == "value"
    assert portal.requests == []


def test_S1_a_login_given_for_one_url_is_not_kept_for_others(shop, portal, feed):
    portal.feeds["/feed"] = feed({"a": 1}).read_bytes()
    login = json.dumps(portal.login())
    outcome = steps.load_source(
        shop, f"{portal.url}/feed", supplier="a", shop="main", settings={"login": login, "default_unit": "796"}
    )
    assert outcome.status == "processed"
    with shop.database.connect() as conn:
        assert registry.find_link(conn, outcome.link).options == {"default_unit": "796"}


def test_F1_a_folder_of_one_exchange_loads_as_its_zip_does(house, load, tmp_path):
    folder = tmp_path / "exchange"
    folder.mkdir()
    for name, content in exchange().items():
        (folder / name).write_bytes(content)
    first = load(folder)
    assert (first.status, first.counts["created"]) == ("processed", 1)
    package = tmp_path / "exchange.zip"
    package.write_bytes(zipped(exchange()))
    assert load(package).counts["unchanged"] == 1
    hashes = {row["sha256"] for row in steps.list_loads(house)}
    assert len(hashes) == 1
