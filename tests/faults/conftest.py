"""An hour that can be stopped before each of its steps, copied there, and gone on with while something fails.

hour     the states of one hour before each step, what it moves in each, and what it leaves: built once
relived  an installation as it was before a step, behind wires, to go on from there
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from docs.faults import Fault, Step
from pipelines import steps
from pipelines.database import Database
from pipelines.fetch import fetch_url
from pipelines.fetch.limits import FetchLimits
from pipelines.objects import open_store
from pipelines.objects.folder import FolderStore
from pipelines.objects.s3 import S3Store
from pipelines.objects.store import Draft
from pipelines.settings import Settings
from pipelines.steps import sources
from pipelines.steps.polling import guarded
from tests.integration.conftest import FeedServer
from tests.s3_server import BUCKET, KEY_ID, SECRET
from tests.smtp_server import Inbox, serving
from tests.wire import Wire

# The package gives this name to the function.
processing = importlib.import_module("pipelines.steps.process")

LINK = "a-main"
LINKS = """
shops: {main: {}}
suppliers: {a: {name: Поставщик, emails: [price@a.example], mail: all}}
links: [{link: a-main, supplier: a, shop: main, url: "URL/price.xml", settings: {actualize: true}}]
"""
FIRST = {"kept": 10, "moved": 2, "gone": 3}
SECOND = {"kept": 10, "moved": 5, "new": 4, "bad": 0}
# Where a step of `process` begins.
ENTRANCES = {
    Step.PARSE: "_transform",
    Step.CHECK: "check_load",
    Step.PUBLISH: "publish_load",
    Step.REPORT: "report_load",
}
CATALOG = (
    "SELECT sku_key, to_jsonb(o) - 'load_id' - 'first_seen_at' - 'changed_at' - 'hidden_at' FROM offers o ORDER BY 1",
    "SELECT sku_key, kind, fields, before, after FROM changes ORDER BY sku_key, id",
)


class StoppedError(BaseException):
    """A worker that dies: nothing of ours catches it, as nothing catches SIGKILL."""


def price_list(offers: dict[str, int]) -> bytes:
    rows = "\n".join(
        f'<offer id="{sku}" available="true"><name>Товар {sku}</name><price>{price}</price><vat>20</vat>'
        f"<vendor>Завод</vendor><description>Описание</description><unitOkei>796</unitOkei></offer>"
        for sku, price in offers.items()
    )
    return f"<yml_catalog><shop><offers>\n{rows}\n</offers></shop></yml_catalog>".encode()


@dataclasses.dataclass
class Wires:
    """What stands between us and each server."""

    database: Wire
    store: Wire
    supplier: Wire
    mail: Wire

    def __iter__(self) -> Iterator[Wire]:
        return iter((self.database, self.store, self.supplier, self.mail))


@dataclasses.dataclass
class Moved:
    """What a step moves: bytes over each wire, and how many things that others can see it writes."""

    database: int
    store: int
    supplier: int
    mail: int
    effects: int


@dataclasses.dataclass
class Hour:
    """The second hour of an installation: its states, what it moves, and what it leaves."""

    wires: Wires
    inbox: Inbox
    objects: dict[Step, dict[str, bytes]]
    catalogs: dict[Step, str]
    moved: dict[Step, Moved]
    before: list[Any]
    after: list[Any]


class Effects:
    """Counts what is written for others to see, and stops the worker before the nth when it is told to."""

    def __init__(self) -> None:
        self.seen, self.left = 0, 0
        self.error: BaseException = StoppedError()

    def stop_before(self, nth: int, error: BaseException) -> None:
        self.left, self.error = nth, error


def _counted(effects: Effects, real: Callable[..., Any]) -> Callable[..., Any]:
    def effect(*arguments: Any, **keywords: Any) -> Any:
        effects.seen += 1
        if effects.left:
            effects.left -= 1
            if not effects.left:
                raise effects.error
        return real(*arguments, **keywords)

    return effect


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def effects(patch: pytest.MonkeyPatch) -> Effects:
    counted = Effects()
    for owner, name in (
        (Draft, "commit"),
        (S3Store, "put_bytes_if"),
        (FolderStore, "put_bytes_if"),
        (psycopg.Connection, "commit"),
    ):
        patch.setattr(owner, name, _counted(counted, getattr(owner, name)))
    return counted


class Entrances:
    """Tells when a step begins."""

    def __init__(self) -> None:
        self.tell: Callable[[Step], None] = lambda _: None


@pytest.fixture(scope="module")
def entrances(patch: pytest.MonkeyPatch) -> Entrances:
    told = Entrances()

    def announced(step: Step, real: Callable[..., Any]) -> Callable[..., Any]:
        def begin(*arguments: Any, **keywords: Any) -> Any:
            told.tell(step)
            return real(*arguments, **keywords)

        return begin

    for step, name in ENTRANCES.items():
        patch.setattr(processing, name, announced(step, getattr(processing, name)))
    return told


def go_on(
    house: steps.House, begin: Step, entrances: Entrances, *, now: datetime | None = None, load_id: int | None = None
) -> list[BaseException]:
    """The rest of the hour from a step on, as tasks that do not know of each other; what they raised.

    A snapshot is written only when the hour begins with it or with polling.
    """
    now = now or datetime.now(UTC)
    raised: list[BaseException] = []

    def task(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (Exception, StoppedError) as error:  # noqa: BLE001 - whatever it is, the next task has its turn
            raised.append(error)
            return None

    if begin is Step.POLL:
        entrances.tell(Step.POLL)
        looked = task(lambda: guarded(LINK, partial(steps.poll, house, LINK, now=now)))
        load_id = looked.load_id if looked and looked.status == "queued" else None
    if load_id is not None and begin not in (Step.MAIL, Step.SNAPSHOT):
        task(lambda: steps.process(house, load_id))
    if begin is not Step.SNAPSHOT:
        entrances.tell(Step.MAIL)
        task(lambda: steps.mail_round(house, now=now))
    if begin in (Step.POLL, Step.SNAPSHOT):
        entrances.tell(Step.SNAPSHOT)
        task(lambda: steps.write_snapshot(house))
    return raised


def catalog_of(database: Database) -> list[Any]:
    with database.connect() as conn:
        return [conn.execute(query).fetchall() for query in CATALOG]


@pytest.fixture(scope="module")
def servers(patch: pytest.MonkeyPatch, database: Database, s3_server: Any) -> Iterator[tuple[Wires, Inbox, FeedServer]]:
    """Real servers, each behind its wire."""
    patch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    inbox = Inbox()
    with ExitStack() as open_ones:
        feeds = FeedServer({"/price.xml": price_list(FIRST)})
        open_ones.callback(feeds.close)
        smtp = open_ones.enter_context(serving(inbox))
        ends = [
            (urlsplit(database.catalog_url).hostname, urlsplit(database.catalog_url).port),
            (urlsplit(s3_server.endpoint_url).hostname, urlsplit(s3_server.endpoint_url).port),
            (urlsplit(feeds.url).hostname, urlsplit(feeds.url).port),
            ("127.0.0.1", smtp),
        ]
        wires = Wires(*(open_ones.enter_context(Wire(host, port)) for host, port in ends))
        yield wires, inbox, feeds


def stop_at(step: Step, following: Step | None, begin: Callable[[], None], entered: Step) -> None:
    """Tell that a step begins, and stop before the following one."""
    if entered is step:
        begin()
    if entered is following:
        raise StoppedError


@contextmanager
def catalog_like(database: Database, template: str) -> Iterator[str]:
    """A copy of a catalog, gone afterwards; its name."""
    name = f"hour_{uuid.uuid4().hex}"
    with database.connect("postgres", autocommit=True) as server:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        server.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def house_at(
    database: Database, wires: Wires, home: Path, catalog: str, *, s3: bool = False, smtp: bool = True
) -> steps.House:
    """An installation behind the wires, with its objects in a folder or in S3, its mails to a server or an outbox."""
    settings = Settings(home=str(home), allow_private_hosts="1")
    if s3:
        settings = dataclasses.replace(
            settings,
            objects_url=f"s3://{BUCKET}/{uuid.uuid4().hex}",
            s3_endpoint_url=f"http://127.0.0.1:{wires.store.port}",
        )
    if smtp:
        settings = dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{wires.mail.port}")
    home.mkdir(exist_ok=True)
    url = urlsplit(database.url(catalog))
    through = url._replace(netloc=f"{url.netloc.rpartition(':')[0]}:{wires.database.port}").geturl()
    return steps.House(settings, Database(through), open_store(settings))


@pytest.fixture(scope="module")
def hour(
    servers: tuple[Wires, Inbox, FeedServer],
    effects: Effects,
    entrances: Entrances,
    database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hour]:
    """Live through the second hour once, stopping before every step."""
    wires, inbox, feeds = servers
    folder = tmp_path_factory.mktemp("hour")
    (folder / "links.yaml").write_text(
        LINKS.replace("URL", f"http://127.0.0.1:{wires.supplier.port}"), encoding="utf-8"
    )
    empty = database.catalog_url.rpartition("/")[2].partition("?")[0]
    with ExitStack() as kept:
        catalog = kept.enter_context(catalog_like(database, empty))
        direct = Database(database.url(catalog))
        house = house_at(database, wires, folder / "home", catalog, s3=True)
        steps.apply_links(house, folder / "links.yaml")
        assert go_on(house, Step.POLL, entrances) == []
        feeds.files["/price.xml"] = price_list(SECOND)
        objects: dict[Step, dict[str, bytes]] = {}
        catalogs: dict[Step, str] = {}
        moved: dict[Step, Moved] = {}
        before = catalog_of(direct)

        def keep(step: Step) -> None:
            objects[step] = {key: house.store.get_bytes(key) for key in house.store.list()}
            catalogs[step] = kept.enter_context(catalog_like(database, catalog))

        def counted() -> Counter[str]:
            names = [field.name for field in dataclasses.fields(Wires)]
            return Counter({n: getattr(wires, n).passed for n in names} | {"effects": effects.seen})

        def measured(step: Step, work: Callable[[], Any]) -> Any:
            keep(step)
            start = counted()
            result = work()
            moved[step] = Moved(**{name: number - start[name] for name, number in counted().items()})
            return result

        load_id = measured(Step.POLL, lambda: steps.poll(house, LINK)).load_id
        chain = list(ENTRANCES)
        for step, following in zip(chain, [*chain[1:], None], strict=True):
            keep(step)
            marks: list[Counter[str]] = []

            entrances.tell = partial(stop_at, step, following, lambda marks=marks: marks.append(counted()))
            with suppress(StoppedError):
                steps.process(house, load_id)
            entrances.tell = lambda _: None
            moved[step] = Moved(**{name: number - marks[0][name] for name, number in counted().items()})
        measured(Step.MAIL, lambda: steps.mail_round(house))
        measured(Step.SNAPSHOT, lambda: steps.write_snapshot(house))
        after = catalog_of(direct)
        assert before != after
        yield Hour(wires, inbox, objects, catalogs, moved, before, after)


@dataclasses.dataclass
class Relived:
    """An installation as it was before a step, and the way to it that is never disturbed."""

    house: steps.House
    direct: Database
    load_id: int | None

    def renew(self) -> None:
        """Let the next try be another process's: with connections of its own, and the patience of the moment."""
        self.house = dataclasses.replace(self.house, store=open_store(self.house.settings))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.direct.connect() as conn:
            return conn.execute(query).fetchall()


@pytest.fixture
def relive(
    hour: Hour, database: Database, entrances: Entrances, effects: Effects, tmp_path: Path
) -> Iterator[Callable[..., Relived]]:
    """Go back to before a step, any number of times."""
    with ExitStack() as kept:

        def back(step: Step, **kinds: bool) -> Relived:
            name = kept.enter_context(catalog_like(database, hour.catalogs[step]))
            house = house_at(database, hour.wires, tmp_path / name, name, **kinds)
            for key, data in hour.objects[step].items():
                house.store.put_bytes(key, data)
            hour.inbox.envelopes.clear()
            loads = Database(database.url(name))
            with loads.connect() as conn:
                (newest,) = conn.execute("SELECT max(id) FROM loads").fetchone()
            return Relived(house, loads, None if step is Step.POLL else newest)

        try:
            yield back
        finally:
            for wire in hour.wires:
                wire.mend()
            entrances.tell = lambda _: None
            effects.left = 0


@contextmanager
def impatience(fault: Fault) -> Iterator[None]:
    """Give up at once, where waiting and trying again would end the same; only who is silent needs short waits."""
    with pytest.MonkeyPatch.context() as patch:
        silence = 0.5 if fault is Fault.SILENT else 30.0
        limits = FetchLimits(read_seconds=silence, attempts=2)
        patch.setattr(sources, "fetch_url", partial(fetch_url, limits=limits, sleep=lambda _: None))
        patch.setattr("pipelines.report.transport._TIMEOUT", silence)
        patch.setattr("pipelines.objects.s3._READ_SECONDS", silence)
        if fault is not Fault.RESTARTS:
            patch.setattr("pipelines.objects.s3._ATTEMPTS", 1)
        yield


@contextmanager
def jumping_clock(patch: pytest.MonkeyPatch) -> Iterator[Callable[[timedelta], None]]:
    """Our clock, which can be put forward and back; everybody else's goes on."""
    offset = timedelta(0)

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetime)

    class Jumping(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + offset

    def jump(by: timedelta) -> None:
        nonlocal offset
        offset = by

    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.") and getattr(module, "datetime", None) is datetime:
            patch.setattr(module, "datetime", Jumping)
    yield jump
    jump(timedelta(0))
