"""F1, F5, F6: what a file is, and where its document starts."""

from __future__ import annotations

import importlib

import pytest

from pipelines.errors import SupplierError
from pipelines.model import FeedFormat
from pipelines.parse.sniff import HEAD_BYTES, JUNK_LIMIT, sniff

ROOT = "<yml_catalog><shop/></yml_catalog>"
XML = '<?xml version="1.0" encoding="windows-1251"?>'


def code_of(data: bytes, *, whole: bool = True) -> tuple[str, int | None, str | None]:
    with pytest.raises(SupplierError) as caught:
        sniff(data, whole=whole)
    return caught.value.code, caught.value.line, caught.value.detail


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (f"{XML}{ROOT}".encode(), FeedFormat.YML),
        (ROOT.encode(), FeedFormat.YML),
        (f"<!--a--><?pi?>\n<!DOCTYPE yml_catalog SYSTEM 'shops.dtd'>\n{ROOT}".encode(), FeedFormat.YML),
        (b"<y:yml_catalog xmlns:y='urn:x'/>", FeedFormat.YML),
        ("\ufeff<КоммерческаяИнформация Версия='2.04'>".encode(), FeedFormat.COMMERCEML),
        (f"{XML}<КоммерческаяИнформация>".encode("windows-1251"), FeedFormat.COMMERCEML),
        (f"{XML}\n{ROOT}".encode("utf-16"), FeedFormat.YML),
        ("Идентификатор продукта;Наименование;Цена\n1;x;2".encode("windows-1251"), FeedFormat.CSV),
        ("\ufeffНаименование,НДС\nx,20\n".encode(), FeedFormat.CSV),
        (b'\n [\n {"sku": 1}]', FeedFormat.JSON),
        ("\ufeff{}".encode(), FeedFormat.JSON),
        ('[{"name": "Товар"}]'.encode("utf-16"), FeedFormat.JSON),
    ],
)
def test_F1_the_format_is_what_the_content_says(data: bytes, expected: FeedFormat) -> None:
    assert sniff(data, whole=True).format is expected


@pytest.mark.parametrize("data", [b"", b"\n\n  ", b"\0\0\0"])
def test_F5_an_empty_file(data: bytes) -> None:
    assert code_of(data)[0] == "file_empty"


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"<!DOCTYPE html><html><head><title>\n 502  Bad\nGateway</title></head>", "502 Bad Gateway"),
        ("<html><title>Вход в систему</title>".encode("windows-1251"), "Вход в систему"),
        (b"\n<HTML><body>captcha</body>", "<HTML><body>captcha</body>"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x' 'y'>\n<html xmlns='z'><title>T</title>", "T"),
        (b"<!DOCTYPE html>\nnothing else", "<!DOCTYPE html> nothing else"),
    ],
)
def test_F5_a_web_page_is_quoted_by_its_title(data: bytes, title: str) -> None:
    assert code_of(data)[::2] == ("file_is_html", title)


def test_F5_a_quote_of_a_hostile_page_is_bounded_and_printable() -> None:
    detail = code_of(b"<html><title>" + b"\x1b[31m" * 100_000 + b"</title>")[2]
    assert detail is not None
    assert len(detail) <= 100
    assert detail.isprintable()


@pytest.mark.parametrize("data", [b"PK\x03\x04zip", b"[section]", b"<rss/>", b"plain words", "Цена;".encode()])
def test_F1_an_unknown_format(data: bytes) -> None:
    assert code_of(data)[0] == "format_unknown"


@pytest.mark.parametrize(
    "data", [b'<?xml version="1.0"?>\n', b"<?xml ", b"<!-- FEED\n", b"<?xml version='1.0'?><!DOCTYPE y"]
)
def test_F5_a_file_cut_before_its_root(data: bytes) -> None:
    assert code_of(data)[0] == "xml_truncated"


def test_F5_a_prolog_without_end_is_a_limit() -> None:
    assert code_of(b"<!--" + b"x" * (HEAD_BYTES - 4), whole=False)[0] == "xml_limit"


@pytest.mark.parametrize(
    "subset",
    [
        "<!ENTITY a 'b'>",
        "<!ELEMENT a ANY>\n<!ENTITY % p SYSTEM 'http://x/'> %p;",
        "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    ],
)
def test_F5_a_doctype_that_declares_entities(subset: str) -> None:
    for external in ("", ' SYSTEM "shops.dtd"', ' PUBLIC "a>b" "c[d"'):
        data = f"<?xml version='1.0'?>\n<!DOCTYPE yml_catalog{external} [\n{subset}]>{ROOT}".encode()
        code, line, _ = code_of(data)
        assert code == "xml_doctype_entities"
        assert line == 3 + subset[: subset.index("<!ENTITY")].count("\n")


def test_F5_a_doctype_is_never_given_to_the_parser() -> None:
    data = b"<!DOCTYPE yml_catalog SYSTEM 'shops.dtd' [ <!ELEMENT a ANY> ]\n>" + ROOT.encode()
    sniffed = sniff(data, whole=True)
    assert data[sniffed.root_offset :] == ROOT.encode()
    assert sniffed.root_line == 2


@pytest.mark.parametrize(
    ("junk", "reported"),
    [
        (b"\n", 1),
        (b"\xef\xbb\xbf", 0),
        (b"\xef\xbb\xbf\xef\xbb\xbf", 3),
        (b"<br />\n<b>Notice</b>: Undefined index in <b>/x.php</b><br />\n", 61),
        (b"<!-- made by hand -->", 21),
        (b" " * JUNK_LIMIT, JUNK_LIMIT),
    ],
)
def test_F6_bytes_before_the_declaration_are_cut_and_counted(junk: bytes, reported: int) -> None:
    data = junk + XML.encode() + b"\n" + ROOT.encode()
    sniffed = sniff(data, whole=True)
    assert data[sniffed.root_offset :] == ROOT.encode()
    assert sniffed.declared == "windows-1251"
    assert sniffed.junk == reported
    assert sniffed.root_line == 1 + data.count(b"\n")
    assert (sniffed.issue is not None) == bool(reported)


def test_F6_junk_past_the_limit_is_refused() -> None:
    assert code_of(b"x" * (JUNK_LIMIT + 1) + XML.encode() + ROOT.encode())[0] == "format_unknown"


def test_F6_junk_before_a_root_without_declaration() -> None:
    sniffed = sniff(b"Warning: x\n" + ROOT.encode(), whole=True)
    assert (sniffed.junk, sniffed.root_line) == (11, 2)


def test_F6_a_document_named_in_a_comment_is_not_the_document() -> None:
    data = f"<!-- {XML}<yml_catalog> --><yml_catalog>".encode()
    sniffed = sniff(data, whole=True)
    assert (sniffed.junk, sniffed.root_offset) == (0, data.rindex(b"<yml"))


def test_F6_beginnings_that_lead_nowhere_are_tried_so_often_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try may read the whole head: five thousand of them took most of a minute."""
    tried = []
    module = importlib.import_module("pipelines.parse.sniff")  # the package has a function of that name
    read_prolog = module._read_prolog

    def counted(view: bytes, start: int) -> object:
        tried.append(start)
        return read_prolog(view, start)

    monkeypatch.setattr(module, "_read_prolog", counted)
    with pytest.raises(SupplierError):
        sniff(b"x" + b"<?xml ?><!--" * 5_000 + b"a" * 900_000, whole=True)
    assert 1 < len(tried) <= 1 + module._MARKS_TRIED
