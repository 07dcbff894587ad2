"""Reports by mail: whatever the server does, one mail arrives in the end (R3, P1)."""

import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from pipelines import registry, report, steps
from pipelines.model import MailPolicy
from pipelines.report.mail import compose
from pipelines.steps import mail
from tests.smtp_server import Inbox, serving

HOUR = timedelta(hours=1)


def with_server(house, url):
    """The same installation with another mail server."""
    return dataclasses.replace(house, settings=dataclasses.replace(house.settings, smtp_url=url))


@pytest.fixture
def later():
    """Moments an hour apart, from now on: the queue's clock."""
    now = datetime.now(UTC)
    return (now + n * HOUR for n in range(1, 1000))


@pytest.fixture
def queued(house):
    """An installation where one mail waits for a server; its only reader is price@a.example."""
    to = ["price@a.example"]
    envelope = report.Envelope(house.settings.mail_from, to)
    facts = {"name": "catalog-feeds-load-1", "thread": "link", "subject": "Прайс-лист", "date": None}
    message = compose(envelope, html="<p>Отчёт</p>", text="Отчёт", **facts)
    house.store.put_bytes("mails/load-1.eml", message.as_bytes())
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a")
        at = datetime.now(UTC)
        registry.queue_mail(
            conn, name=facts["name"], supplier="a", recipients=to, message_key="mails/load-1.eml", at=at
        )
    return house


def waiting(house):
    with house.database.connect() as conn:
        return registry.waiting_mails(conn)


def attempts(house):
    with house.database.connect() as conn:
        return [tuple(row) for row in conn.execute("SELECT attempts, last_error IS NOT NULL FROM mails ORDER BY id")]


def then_it_arrives_once(house, later):
    inbox = Inbox()
    with serving(inbox) as port:
        good = with_server(house, f"smtp://127.0.0.1:{port}")
        for _ in range(3):
            steps.send_due_mails(good, now=next(later))
    (received,) = inbox.messages
    assert received["Message-ID"] == "<catalog-feeds-load-1@localhost>"
    assert inbox.envelopes[0].rcpt_tos == ["price@a.example"]
    assert waiting(house) == 0


def test_P1_a_server_that_is_down_costs_nothing(house, feed, later):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    down = with_server(house, "smtp://127.0.0.1:1")
    loaded = steps.load_source(down, str(feed({"a": 100, "b": 0})), supplier="a", shop="main", settings={})
    assert loaded.status == "processed"
    assert attempts(house) == [(1, True)]
    then_it_arrives_once(house, later)


@pytest.mark.parametrize(
    "inbox",
    [
        Inbox(recipient="451 greylisted"),
        Inbox(recipient="550 no such user"),
        Inbox(data="452 full"),
        Inbox(data="554 spam"),
    ],
    ids=["greylisting", "unknown", "full", "spam"],
)
def test_P1_a_server_that_refuses_is_asked_again(queued, later, inbox):
    with serving(inbox) as port:
        refusing = with_server(queued, f"smtp://127.0.0.1:{port}")
        for _ in range(3):
            assert steps.send_due_mails(refusing, now=next(later)).sent == 0
    assert inbox.messages == []
    assert attempts(queued) == [(3, True)]
    then_it_arrives_once(queued, later)


def test_R3_a_server_that_asks_to_wait_for_one_reader_sends_the_mail_to_nobody_twice(house, feed, later):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["good@a.example", "late@a.example"])
    greylisting, inbox = Inbox(recipient="451 greylisted"), Inbox()
    with serving(greylisting) as port:
        steps.load_source(
            with_server(house, f"smtp://127.0.0.1:{port}"), str(feed({"a": 1})), supplier="a", shop="main", settings={}
        )
    with serving(inbox) as port:
        assert steps.send_due_mails(with_server(house, f"smtp://127.0.0.1:{port}"), now=next(later)).sent == 1
    assert [envelope.rcpt_tos for envelope in greylisting.envelopes + inbox.envelopes] == [
        ["good@a.example"],
        ["late@a.example"],
    ]


@contextmanager
def dying(after: bytes, *, silent: bool = False):
    """A server that hangs up, or falls silent, once it has read `after`."""
    answers = {b"EHLO": b"250 mail.example\r\n", b"MAIL": b"250 OK\r\n", b"RCPT": b"250 OK\r\n", b"DATA": b"354 go\r\n"}
    stop = threading.Event()

    def talk(listener):
        while not stop.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 mail.example\r\n")
                for line in lines:
                    if line.strip().upper().startswith(after):
                        if silent:
                            stop.wait(2)
                        break
                    client.sendall(answers.get(line[:4].upper(), b""))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk, args=[listener], daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("after", [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"SUBJECT:", b"."])
def test_P1_a_server_that_dies_in_the_middle(queued, later, after):
    with dying(after) as port:
        assert steps.send_due_mails(with_server(queued, f"smtp://127.0.0.1:{port}"), now=next(later)).sent == 0
    then_it_arrives_once(queued, later)


def test_P1_a_server_that_is_too_slow(queued, later, monkeypatch):
    monkeypatch.setattr("pipelines.report.transport._TIMEOUT", 0.3)
    with dying(b"MAIL", silent=True) as port:
        assert steps.send_due_mails(with_server(queued, f"smtp://127.0.0.1:{port}"), now=next(later)).sent == 0
    then_it_arrives_once(queued, later)


def test_P1_a_server_that_is_down_is_tried_for_a_few_mails_only(house, feed, later):
    with house.database.connect() as conn:
        for n in range(6):
            supplier = f"s{n}"
            registry.ensure_supplier(conn, supplier, emails=["price@a.example"])
            registry.queue_mail(
                conn, name=f"m{n}", supplier=supplier, recipients=["a@b.example"], message_key="mails/m", at=next(later)
            )
    house.store.put_bytes("mails/m", b"Message-ID: <m@x>\r\nFrom: a@b.example\r\n\r\nx")
    now = next(later)
    assert steps.send_due_mails(with_server(house, "smtp://127.0.0.1:1"), now=now).waiting == 6
    assert sum(tries for tries, _ in attempts(house)) == mail._FAILURES_IN_A_ROW
    inbox = Inbox()
    with serving(inbox) as port:
        assert steps.send_due_mails(with_server(house, f"smtp://127.0.0.1:{port}"), now=next(later)).sent == 6


def test_R3_old_news_is_given_up(queued, later):
    assert steps.send_due_mails(with_server(queued, "smtp://127.0.0.1:1"), now=next(later)).waiting == 1
    days_after = datetime.now(UTC) + mail.GIVE_UP_AFTER
    assert steps.send_due_mails(with_server(queued, "smtp://127.0.0.1:1"), now=days_after).given_up == 1
    assert waiting(queued) == 0


def test_P1_eight_workers_send_one_mail_each_once(house, later):
    data = "Message-ID: <m{}@x>\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\nx"
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a")
        for n in range(30):
            house.store.put_bytes(f"mails/m{n}", data.format(n).encode())
            registry.queue_mail(
                conn,
                name=f"m{n}",
                supplier="a",
                recipients=["c@d.example"],
                message_key=f"mails/m{n}",
                at=datetime.now(UTC),
            )
    inbox, now = Inbox(), next(later)
    with serving(inbox) as port, ThreadPoolExecutor(8) as pool:
        server = with_server(house, f"smtp://127.0.0.1:{port}")
        rounds = list(pool.map(lambda _: steps.send_due_mails(server, now=now), range(8)))
    assert sum(each.sent for each in rounds) == 30
    assert sorted(message["Message-ID"] for message in inbox.messages) == sorted(f"<m{n}@x>" for n in range(30))


def test_P1_a_worker_that_dies_before_its_note_sends_the_same_mail_again(queued, later, monkeypatch):
    inbox = Inbox()

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with serving(inbox) as port:
        server = with_server(queued, f"smtp://127.0.0.1:{port}")
        with monkeypatch.context() as patched:
            patched.setattr(registry, "mail_sent", killed)
            with pytest.raises(KeyboardInterrupt):
                steps.send_due_mails(server, now=next(later))
        steps.send_due_mails(server, now=next(later))
    first, second = (envelope.original_content for envelope in inbox.envelopes)
    assert first == second
    assert waiting(queued) == 0


def outbox(house):
    return {path.stem: message_from_bytes(path.read_bytes(), policy=policy.default) for path in house.outbox.iterdir()}


def test_R1_the_mail_brings_the_list_of_issues(house, load, feed):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    load(feed({"a": 100, "b": 0}))
    (message,) = outbox(house).values()
    (sheet,) = message.iter_attachments()
    assert sheet.get_filename() == "zamechaniya-1.xlsx"
    assert sheet.get_content() == house.store.get_bytes("loads/1/issues.xlsx")
    assert house.store.get_bytes("loads/1/issues.csv").startswith(b"\xef\xbb\xbf")
    assert b"price_not_positive" in house.store.get_bytes("loads/1/annotated.xml")


def test_R1_a_list_that_is_too_large_stays_behind_and_the_mail_says_where(house, load, feed, monkeypatch):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
    monkeypatch.setattr("pipelines.report.ATTACHMENTS_LIMIT_BYTES", 1_000)
    load(feed({"a": 100, "b": 0}))
    (message,) = outbox(house).values()
    assert house.store.size("loads/1/issues.xlsx") > 1_000
    assert list(message.iter_attachments()) == []
    assert "loads/1/issues.xlsx" in message.get_body(("plain",)).get_content()


def test_R3_a_digest_is_one_mail_for_the_days_loads(house, load, feed, later):
    with house.database.connect() as conn:
        registry.ensure_supplier(conn, "a", emails=["price@a.example"])
        registry.set_mail_policy(conn, "a", MailPolicy.DIGEST)
    load(feed({"a": 100}))
    load(feed({"a": 101}))
    load(feed({"a": 102}))
    assert set(outbox(house)) == {"catalog-feeds-load-1"}
    for _ in range(30):
        steps.mail_round(house, now=next(later))
    (digest,) = (message for name, message in outbox(house).items() if "digest" in name)
    text = digest.get_body(("plain",)).get_content().replace("\N{NO-BREAK SPACE}", " ")
    assert "За сутки: 2 загрузки." in text
    assert text.index("загрузка № 2") < text.index("загрузка № 3")
    assert digest["Subject"] == "Сводка за день: a"


LINKS = """
shops: {main: {}}
suppliers: {a: {name: Поставщик, emails: [price@a.example], mail: all}}
links: [{link: a-main, supplier: a, shop: main, url: "URL/price.xml"}]
"""


@pytest.fixture
def link(house, serve, feed, tmp_path):
    server = serve({"/price.xml": feed({"a": 100}).read_bytes()})
    (tmp_path / "links.yaml").write_text(LINKS.replace("URL", server.url), encoding="utf-8")
    steps.apply_links(house, tmp_path / "links.yaml")
    steps.run_cycle(house)
    return server


def test_R3_a_file_that_stays_old_is_told_once(house, link):
    now = datetime.now(UTC)
    told = [steps.mail_round(house, now=now + timedelta(days=days)).sent for days in (8, 9.1, 9.2, 20)]
    assert told == [0, 1, 0, 0]
    (message,) = (message for name, message in outbox(house).items() if "stale" in name)
    assert "не менялся 9\N{NO-BREAK SPACE}дней" in message.get_body(("plain",)).get_content()
    assert message["Subject"] == "Прайс-лист «a-main»"


def test_suppliers_are_called_by_their_names_and_answers_reach_the_operator(house, link, feed):
    answers = steps.House(
        dataclasses.replace(house.settings, mail_reply_to="operator@kim.example"), house.database, house.store
    )
    link.files["/price.xml"] = feed({"a": 200}).read_bytes()
    steps.run_cycle(answers)
    steps.mail_round(answers, now=datetime.now(UTC) + timedelta(days=9.1))
    mails = outbox(house)
    assert len(mails) == 3
    assert all("· Поставщик" in mail.get_body(("plain",)).get_content() for mail in mails.values())
    assert mails.pop("catalog-feeds-load-1")["Reply-To"] is None
    assert {mail["Reply-To"] for mail in mails.values()} == {"operator@kim.example"}
    assert all("operator@kim.example?subject=" in mail["List-Unsubscribe"] for mail in mails.values())


def test_R3_a_server_that_fails_for_a_day_is_told_once_and_its_recovery_too(house, link, feed):
    del link.files["/price.xml"]
    steps.run_cycle(house)
    now = datetime.now(UTC)
    assert [steps.mail_round(house, now=now + n * HOUR).sent for n in (1, 23, 25, 26, 60)] == [0, 0, 1, 0, 0]
    (message,) = (message for name, message in outbox(house).items() if "failing" in name)
    text = message.get_body(("plain",)).get_content()
    assert "Сервер не отдаёт прайс-лист с" in text
    assert "404" in text
    assert "Покупатели видят прежние данные" in text
