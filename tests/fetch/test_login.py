"""Sources behind a login: what is sent to whom, one new token on 401, and secrets that never show (S1)."""

from __future__ import annotations

import base64
import io
import json
import logging
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import TypeAdapter

from pipelines.errors import CatalogFeedsError, OperatorError, SupplierError
from pipelines.fetch import Fetched, FetchLimits, NotModified, TransferError, Validators, fetch_url, raw_key
from pipelines.logins import Login, login_identity
from pipelines.objects import ObjectStore

FEED = b"<?xml version='1.0'?><yml_catalog><shop/></yml_catalog>"
PASSWORD, USER, TOKEN = "pass word/&+ж", "user@example.com", "t0ken-canary-1"
SECRETS = {"portal.login": USER, "portal.password": PASSWORD, "api_token": TOKEN}
BASIC = {"kind": "basic", "user": "portal.login", "password": "portal.password"}
BEARER = {"kind": "bearer", "token": "api_token"}
FIELDS = {"login": "portal.login", "password": "portal.password"}

Site = Any


def declared(**login: Any) -> Login:
    found: Login = TypeAdapter(Login).validate_python(login)
    return found


def fetch(url: str, store: ObjectStore, login: dict[str, Any], **how: Any) -> Fetched | NotModified:
    how = {"allow_private": True, "sleep": lambda _: None, "secrets": SECRETS.__getitem__} | how
    return fetch_url(url, store=store, login=declared(**login), **how)


def fetched(url: str, store: ObjectStore, login: dict[str, Any], **how: Any) -> Fetched:
    answer = fetch(url, store, login, **how)
    assert isinstance(answer, Fetched)
    return answer


def refused(url: str, store: ObjectStore, login: dict[str, Any], **how: Any) -> SupplierError:
    """The error of a fetch that was not let in; nothing is archived, and nothing of the secrets is told."""
    with pytest.raises(SupplierError) as caught:
        fetch(url, store, login, **how)
    assert list(store.list()) == []
    for secret in (*SECRETS.values(), base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in str(caught.value)
    return caught.value


def headers_of(site: Site, path: str) -> list[dict[str, str]]:
    return [dict(r.headers) for r in site.requests if urlsplit(r.path).path == path]


# --- how a request is signed ------------------------------------------------------------------------------------------


def test_S1_basic(site: Site, store: ObjectStore) -> None:
    answer = fetched(site.gives("/feed", FEED), store, BASIC | {"headers": {"Accept": "application/xml"}})
    assert store.get_bytes(raw_key(answer.sha256)) == FEED
    (sent,) = headers_of(site, "/feed")
    assert base64.b64decode(sent["Authorization"].removeprefix("Basic ")).decode() == f"{USER}:{PASSWORD}"
    assert sent["Accept"] == "application/xml"


@pytest.mark.parametrize(
    ("send", "header", "value"),
    [
        ({}, "Authorization", f"Bearer {TOKEN}"),
        ({"header": "X-Api-Key", "prefix": ""}, "X-Api-Key", TOKEN),
        ({"prefix": "Token token="}, "Authorization", f"Token token={TOKEN}"),
    ],
)
def test_S1_bearer(site: Site, store: ObjectStore, send: dict[str, str], header: str, value: str) -> None:
    fetched(site.gives("/feed", FEED), store, BEARER | {"send": send})
    assert headers_of(site, "/feed")[0][header] == value


def test_S1_a_token_in_the_address(site: Site, store: ObjectStore) -> None:
    url = site.gives("/feed", FEED) + "?stock=all"
    fetched(url, store, BEARER | {"send": {"parameter": "api_key"}})
    assert parse_qs(urlsplit(site.requests[0].path).query) == {"stock": ["all"], "api_key": [TOKEN]}
    assert "Authorization" not in site.requests[0].headers


@pytest.mark.parametrize(
    ("how", "read"),
    [
        ({"body": "form"}, lambda request: parse_qs(request.sent.decode())),
        ({"body": "json"}, lambda request: {k: [v] for k, v in json.loads(request.sent).items()}),
        ({"method": "GET"}, lambda request: parse_qs(urlsplit(request.path).query)),
    ],
    ids=["form", "json", "address"],
)
def test_S1_a_token_is_asked_for_with_the_login(
    site: Site, store: ObjectStore, how: dict[str, str], read: Callable[[Any], dict[str, list[str]]]
) -> None:
    token_url = site.gives("/token", json.dumps({"result": {"token": TOKEN}}).encode())
    login = {"kind": "token", "url": token_url, "fields": FIELDS, "constants": {"grant": "password"}} | how
    fetched(site.gives("/feed", FEED), store, login | {"answer": "result.token"})
    asked, got = site.requests
    assert read(asked) == {"login": [USER], "password": [PASSWORD], "grant": ["password"]}
    assert got.headers["Authorization"] == f"Bearer {TOKEN}"


def test_F2_validators_work_behind_a_login(site: Site, store: ObjectStore) -> None:
    url = site.on("/feed", lambda exchange: exchange.reply(304))
    answer = fetch(url, store, BASIC, validators=Validators('"1"'))
    assert isinstance(answer, NotModified)


# --- tokens that expire -----------------------------------------------------------------------------------------------


class Portal:
    """A server that gives numbered tokens, each good for so many requests."""

    def __init__(self, site: Site, *, good_for: int) -> None:
        self.given = 0
        self.left = 0
        self.good_for = good_for
        self.site = site
        self.login = {"kind": "token", "url": site.on("/token", self._token), "fields": FIELDS}

    def _token(self, exchange: Any) -> None:
        self.given += 1
        self.left = self.good_for
        exchange.reply(200, {}, json.dumps({"token": f"{TOKEN}-{self.given}"}).encode())

    def gives(self, path: str, body: bytes) -> str:
        def answer(exchange: Any) -> None:
            good = exchange.headers.get("Authorization") == f"Bearer {TOKEN}-{self.given}" and self.left > 0
            self.left -= 1
            exchange.reply(200 if good else 401, {}, body if good else b"")

        return self.site.on(path, answer)


def test_S1_a_401_in_the_middle_asks_for_one_more_token(site: Site, store: ObjectStore) -> None:
    portal = Portal(site, good_for=2)
    part = "<КоммерческаяИнформация/>".encode()
    page = "".join(f'<a href="{name}.xml">{name}</a>' for name in "abc").encode()
    for name in "abc":
        portal.gives(f"/feed/{name}.xml", part)
    answer = fetched(portal.gives("/feed/", page), store, portal.login, index=True)
    assert answer.unpacked_from == "index"
    assert portal.given == 2
    portal.given, portal.left, portal.good_for = 0, 0, 1
    with pytest.raises(SupplierError, match="login_refused: HTTP 401") as caught:
        fetch(site.url + "/feed/", store, portal.login, index=True)
    assert portal.given == 2
    assert TOKEN not in str(caught.value)


def test_S1_a_401_that_stays_is_refused_after_one_more_login(site: Site, store: ObjectStore) -> None:
    portal = Portal(site, good_for=0)
    assert refused(portal.gives("/feed", FEED), store, portal.login).code == "login_refused"
    assert portal.given == 2
    assert len(headers_of(site, "/feed")) == 2


@pytest.mark.parametrize("login", [BASIC, BEARER], ids=["basic", "bearer"])
@pytest.mark.parametrize("status", [401, 403])
def test_S1_what_cannot_be_renewed_is_asked_once(
    site: Site, store: ObjectStore, login: dict[str, Any], status: int
) -> None:
    error = refused(site.on("/feed", lambda exchange: exchange.reply(status)), store, login)
    assert (error.code, len(site.requests)) == ("login_refused", 1)


def test_a_401_without_a_login_is_an_unreachable_link(site: Site, store: ObjectStore) -> None:
    url = site.on("/feed", lambda exchange: exchange.reply(401))
    with pytest.raises(SupplierError, match="link_unreachable: HTTP 401"):
        fetch_url(url, store=store, allow_private=True)


# --- refusals that look like answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda exchange: exchange.reply(403, {}, b'{"error": "wrong password"}'), "HTTP 403 Forbidden wrong password"),
        (lambda exchange: exchange.reply(302, {"Location": "/login"}), "HTTP 302"),
        (lambda exchange: exchange.reply(200, {}, b"<html>login</html>"), "в ответе нет токена"),
        (lambda exchange: exchange.reply(200, {}, b'{"error": {"code": 5}, "token": null}'), '"code": 5'),
        (lambda exchange: exchange.reply(200, {}, b'{"token": "two words"}'), "в ответе нет токена"),
        (lambda exchange: exchange.reply(200, {}, b'{"token": "' + b"x" * 9000 + b'"}'), "в ответе нет токена"),
        (lambda exchange: exchange.reply(200, {}, b" " * 2_000_000), "слишком длинный"),
        (lambda exchange: exchange.reply(403, {}, exchange.sent), "HTTP 403"),
    ],
)
def test_S1_a_login_that_gives_no_token(site: Site, store: ObjectStore, answer: Any, words: str) -> None:
    login = {"kind": "token", "url": site.on("/token", answer), "fields": FIELDS}
    error = refused(site.gives("/feed", FEED), store, login)
    assert error.code == "login_refused"
    assert words in (error.detail or "")
    assert len(site.requests) == 1


def test_S1_a_busy_login_server_is_tried_again(site: Site, store: ObjectStore) -> None:
    token_url = site.on(
        "/token",
        lambda exchange: exchange.reply(503),
        lambda exchange: exchange.reply(200, {}, json.dumps({"token": TOKEN}).encode()),
    )
    fetched(site.gives("/feed", FEED), store, {"kind": "token", "url": token_url, "fields": FIELDS})
    assert len(headers_of(site, "/token")) == 2


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b'{"error": "limit of requests"}', "answer_is_error", "limit of requests"),
        (b' {"status": 1, "errors": ["a", {"b": 1}]}', "answer_is_error", '["a", {"b": 1}]'),
        (f'{{"error": "{USER}: wrong {PASSWORD}"}}'.encode(), "answer_is_error", "***: wrong ***"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><title>\xd0\x92\xd1\x85\xd0\xbe\xd0\xb4</title>", "login_refused", "Вход"),
        (f"<html><title>{PASSWORD}</title>".encode(), "login_refused", "***"),
    ],
)
def test_S1_an_error_with_status_200_is_no_price_list(
    site: Site, store: ObjectStore, body: bytes, code: str, words: str
) -> None:
    error = refused(site.gives("/feed", body), store, BASIC)
    assert error.code == code
    assert words in (error.detail or "")


@pytest.mark.parametrize(
    "body", [b'{"items": [{"sku": 1}], "error": null}', b'{"sku": 1}\n{"error": 2}', b'[{"error": 1}]', FEED, b"a;b"]
)
def test_S1_a_price_list_is_not_taken_for_an_error(site: Site, store: ObjectStore, body: bytes) -> None:
    assert store.get_bytes(raw_key(fetched(site.gives("/feed", body), store, BASIC).sha256)) == body


def test_F5_a_web_page_without_a_login_is_left_to_the_parser(site: Site, store: ObjectStore) -> None:
    url = site.gives("/feed", b"<html>")
    assert isinstance(fetch_url(url, store=store, allow_private=True), Fetched)


# --- whom secrets may reach -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "login",
    [BASIC, BEARER | {"headers": {"X-Client": "1"}}, BEARER | {"send": {"parameter": "key"}}],
    ids=["basic", "bearer", "parameter"],
)
def test_S1_another_host_gets_no_credentials(
    site: Site, second_site: Site, store: ObjectStore, login: dict[str, Any]
) -> None:
    away = second_site.gives("/feed", FEED)
    fetched(site.on("/go", lambda exchange: exchange.reply(302, {"Location": away})), store, login)
    (stranger,) = second_site.requests
    assert stranger.path == "/feed"
    assert {"Authorization", "X-Client"}.isdisjoint(stranger.headers)


def test_S1_a_redirect_on_the_same_host_keeps_them(site: Site, store: ObjectStore) -> None:
    site.gives("/feed", FEED)
    fetched(site.on("/go", lambda exchange: exchange.reply(302, {"Location": "/feed"})), store, BASIC)
    assert "Authorization" in headers_of(site, "/feed")[0]


def test_S1_the_login_of_another_host_gets_the_password_and_the_link_the_token(
    site: Site, second_site: Site, store: ObjectStore
) -> None:
    token_url = second_site.gives("/token", json.dumps({"token": TOKEN}).encode())
    fetched(site.gives("/feed", FEED), store, {"kind": "token", "url": token_url, "fields": FIELDS})
    assert b"password=" in second_site.requests[0].sent
    assert headers_of(site, "/feed")[0]["Authorization"] == f"Bearer {TOKEN}"


def test_S1_the_guard_holds_for_the_login_server_too(site: Site, store: ObjectStore) -> None:
    login = {"kind": "token", "url": site.gives("/token", b"{}"), "fields": FIELDS}
    error = refused(site.gives("/feed", FEED), store, login, allow_private=False)
    assert "не в открытой сети" in (error.detail or "")
    assert site.requests == []


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 500])
@pytest.mark.parametrize("kind", ["basic", "bearer", "token", "parameter"])
def test_S1_secrets_stay_out_of_logs_and_errors(
    site: Site, store: ObjectStore, caplog: Any, status: int, kind: str
) -> None:
    """A server repeats all it is told in every place of its answer: none of it is logged or raised."""

    def echo(exchange: Any) -> None:
        told = exchange.headers.get("Authorization") or exchange.path
        headers = {"ETag": told, "Content-Encoding": told, "Location": f"http://[{told}"}
        exchange.reply(status, headers, told.encode() + exchange.sent)

    caplog.set_level(logging.DEBUG)
    login = {
        "basic": BASIC,
        "bearer": BEARER,
        "parameter": BEARER | {"send": {"parameter": "key"}},
        "token": {"kind": "token", "url": site.on("/token", echo), "fields": FIELDS},
    }[kind]
    with pytest.raises(CatalogFeedsError) as caught:
        fetch(site.on("/feed", echo), store, login, limits=FetchLimits(attempts=2))
    assert site.requests
    for secret in (PASSWORD, USER, TOKEN, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in caplog.text + str(caught.value)


def test_S1_a_validator_that_is_a_secret_is_not_kept(site: Site, store: ObjectStore) -> None:
    assert fetched(site.gives("/feed", FEED, ETag=f'"{TOKEN}"'), store, BEARER).validators == Validators()


def test_S1_a_secret_that_is_not_known_stops_before_anything_is_sent(site: Site, store: ObjectStore) -> None:
    def unknown(name: str) -> str:
        msg = f"no {name}"
        raise OperatorError(msg)

    with pytest.raises(OperatorError, match=r"no portal\.login"):
        fetch(site.gives("/feed", FEED), store, BASIC, secrets=unknown)
    assert site.requests == []


def test_S1_a_token_that_no_header_can_carry_is_the_operators(site: Site, store: ObjectStore) -> None:
    with pytest.raises(OperatorError, match="api_token") as caught:
        fetch(site.gives("/feed", FEED), store, BEARER, secrets=lambda _: "two words\r\nX: 1")
    assert "two words" not in str(caught.value)


def test_S1_one_way_to_log_in(site: Site, store: ObjectStore) -> None:
    url = site.gives("/feed", FEED).replace("http://", "http://user:secret@")
    with pytest.raises(OperatorError, match="leave one of them") as caught:
        fetch(url, store, BASIC)
    assert "secret" not in str(caught.value)


def test_S1_links_with_the_same_secrets_share_one_login() -> None:
    first = login_identity(declared(**BASIC))
    fields = {"l": "portal.login", "p": "portal.password"}
    assert login_identity(declared(kind="token", url="https://a/", fields=fields)) == first
    assert login_identity(declared(**BEARER)) != first


# --- an index of parts ------------------------------------------------------------------------------------------------

PART = "<?xml version='1.0'?><КоммерческаяИнформация/>".encode()
APACHE = """<html><head><title>Index of /1c</title></head><body><table>
<tr><th><a href="?C=N;O=D">Name</a></th></tr><tr><td><a href="/">Parent Directory</a></td></tr>
<tr><td><a href="import0_1.xml">import0_1.xml</a></td></tr><tr><td><a href="/1c/offers%20a.xml">offers</a></td></tr>
<tr><td><a href="goods/goods_1.XML#top">goods</a></td></tr><tr><td><a href="1.jpg">1.jpg</a></td></tr>
<tr><td><a href="../other/x.xml">x</a><a href="http://elsewhere.example/y.xml">y</a></td></tr>
<tr><td><a href="import0_1.xml">again</a><a href="http://[/z.xml">z</a></td></tr></table></body></html>"""


def index(url: str, store: ObjectStore, **how: Any) -> Fetched:
    how = {"allow_private": True, "sleep": lambda _: None} | how
    answer = fetch_url(url, store=store, index=True, **how)
    assert isinstance(answer, Fetched)
    return answer


def test_F1_the_parts_of_a_folder_index_are_one_set(site: Site, store: ObjectStore) -> None:
    for path in ("/1c/import0_1.xml", "/1c/offers%20a.xml", "/1c/goods/goods_1.XML"):
        site.gives(path, PART)
    answer = index(site.gives("/1c/", APACHE.encode(), ETag='"1"'), store)
    assert (answer.unpacked_from, answer.validators) == ("index", Validators())
    body = store.get_bytes(raw_key(answer.sha256))
    assert all(name in body for name in (b"goods/goods_1.XML", b"import0_1.xml", b"offers a.xml"))
    assert body.count(PART) == 3
    assert len(site.requests) == 4
    assert index(site.url + "/1c/", store, validators=Validators('"1"')).sha256 == answer.sha256


def test_F1_a_zip_in_an_index_is_opened(site: Site, store: ObjectStore) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("import.xml", PART)
        archive.writestr("offers.xml", PART)
    site.gives("/1c/all.zip", package.getvalue())
    site.gives("/1c/rests.xml", PART)
    answer = index(site.gives("/1c/", b'<a href="all.zip"></a><a href="rests.xml"></a>'), store)
    body = store.get_bytes(raw_key(answer.sha256))
    assert [name in body for name in (b"all.zip/import.xml", b"all.zip/offers.xml", b"rests.xml")] == [True] * 3


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<html>nothing here</html>", "нет ссылок"),
        (b'<a href="%2e%2e/%2e%2e/etc/a.xml"></a>', "нет ссылок|наружу"),
        (b"".join(b'<a href="%d.xml"></a>' % i for i in range(1001)), "больше 1000 файлов"),
        (b"x" * 1_000_001, "длиннее"),
    ],
)
def test_F3_an_index_that_is_none(site: Site, store: ObjectStore, page: bytes, words: str) -> None:
    with pytest.raises(SupplierError, match=words):
        index(site.gives("/1c/", page), store)
    assert list(store.list()) == []
    assert len(site.requests) == 1


def test_F3_the_limit_is_over_all_parts_of_an_index(site: Site, store: ObjectStore) -> None:
    page = site.gives("/1c/", b'<a href="a.xml"></a><a href="b.xml"></a>')
    for length, refused_ in ((10_000, False), (10_001, True)):
        site.gives("/1c/a.xml", PART)
        site.gives("/1c/b.xml", PART + b" " * (length - 2 * len(PART)))
        if refused_:
            with pytest.raises(SupplierError, match="file_too_large"):
                index(page, store, limits=FetchLimits(max_bytes=10_000))
        else:
            assert index(page, store, limits=FetchLimits(max_bytes=10_000))


def test_F4_a_part_that_breaks_off_is_fetched_again_or_nothing_is_archived(site: Site, store: ObjectStore) -> None:
    page = site.gives("/1c/", b'<a href="a.xml"></a><a href="b.xml"></a>')
    site.gives("/1c/a.xml", PART)
    broken = {"Content-Length": "1000"}
    site.on("/1c/b.xml", lambda e: e.reply(200, broken, PART[:9]), lambda e: e.reply(200, {}, PART))
    assert store.get_bytes(raw_key(index(page, store).sha256)).count(PART) == 2
    site.on("/1c/b.xml", lambda e: e.reply(200, broken, PART[:9]))
    known = list(store.list())
    with pytest.raises(TransferError):
        index(page, store)
    assert list(store.list()) == known
