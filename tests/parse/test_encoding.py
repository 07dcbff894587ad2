"""F6: the encoding is proven on the whole body; what is ambiguous is refused with its line."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.errors import SupplierError
from pipelines.model import Issue, ParseResult
from pipelines.parse.encoding import Proof, prove_encoding

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
RUSSIAN = "<name>Кабель силовой ВВГнг, «Завод» № 5 — чёрный</name>\n"


def prove(data: bytes, declared: str | None, bom: str | None = None) -> Proof:
    return prove_encoding(lambda: io.BytesIO(data), bom=bom, declared=declared)


def refused(data: bytes, declared: str | None, bom: str | None = None) -> int | None:
    with pytest.raises(SupplierError) as caught:
        prove(data, declared, bom)
    assert caught.value.code == "encoding_invalid"
    return caught.value.line


@pytest.mark.parametrize("declared", ["UTF-8", "utf8", None, "US-ASCII"])
def test_F6_utf8_needs_no_remark(declared: str | None) -> None:
    assert prove(RUSSIAN.encode(), declared) == Proof("utf-8")


@pytest.mark.parametrize(
    ("declared", "encoding", "remark"),
    [
        ("windows-1251", "windows-1251", False),
        ("Windows-1251", "windows-1251", False),
        ("cp1251", "windows-1251", False),
        ("win-1251", "windows-1251", True),
        ("CP-1251", "windows-1251", True),
        ("koi8-r", "koi8-r", False),
        ("KOI8R", "koi8-r", True),
    ],
)
def test_F6_names_of_encodings(declared: str, encoding: str, remark: bool) -> None:
    proof = prove(RUSSIAN.replace("«Завод» № 5 — ", "").encode(encoding), declared)
    assert proof.encoding == encoding
    issue = Issue("encoding_name_unknown", line=1, sent=declared, published=encoding)
    assert proof.issue == (issue if remark else None)


def test_F6_a_name_nobody_knows_is_refused_unless_the_body_is_utf8() -> None:
    assert refused(b"\n" + RUSSIAN.encode("windows-1251"), "martian") == 2
    proof = prove(RUSSIAN.encode(), "martian")
    assert (proof.encoding, proof.issue and proof.issue.code) == ("utf-8", "encoding_overridden")


@pytest.mark.parametrize("declared", ["UTF-8", None])
def test_F6_windows_1251_under_another_name_is_believed_by_the_whole_body(declared: str | None) -> None:
    data = b"ascii\n" * 300_000 + RUSSIAN.encode("windows-1251") * 100
    proof = prove(data, declared)
    assert proof.encoding == "windows-1251"
    assert proof.issue == Issue("encoding_overridden", line=300_001, sent="UTF-8", published="windows-1251")


def test_F6_utf8_declared_as_windows_1251() -> None:
    proof = prove(RUSSIAN.encode(), "windows-1251")
    assert proof == Proof("utf-8", Issue("encoding_overridden", line=1, sent="windows-1251", published="utf-8"))


def test_F6_few_sequences_may_be_a_coincidence() -> None:
    assert prove("ы°°°".encode(), "windows-1251").encoding == "utf-8"
    assert refused("°°°".encode(), "windows-1251") == 1
    assert prove(b"plain", "windows-1251") == Proof("windows-1251")


@pytest.mark.parametrize(
    "body",
    [
        RUSSIAN.encode() * 50 + b"\xff",  # one foreign byte in a UTF-8 file
        RUSSIAN.encode() * 50 + RUSSIAN.encode("windows-1251"),  # two files glued together
        RUSSIAN.encode("windows-1251") * 50 + b"\x98",  # a byte that windows-1251 has not
        "кабель силовой медный\n".encode("koi8-r") * 50,  # looks like capital letters
        "café, naïve, Düsseldorf\n".encode("latin-1") * 50,  # letters that stand alone
        "№ — «»\n".encode("windows-1251") * 50,  # no letters at all
        RUSSIAN.encode() + "й".encode()[:1],  # cut in a character
    ],
)
def test_F6_what_only_looks_like_windows_1251_is_refused(body: bytes) -> None:
    bad = next(i for i, line in enumerate(body.split(b"\n"), 1) if not _is_utf8(line))
    assert refused(body, "utf-8") == bad


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_F6_a_declared_windows_1251_with_an_undefined_byte_is_refused_at_its_line() -> None:
    body = RUSSIAN.encode("windows-1251") * 40_000 + b"\x98" + RUSSIAN.encode("windows-1251")
    assert refused(body, "windows-1251") == 40_001


def test_F6_a_byte_order_mark_wins() -> None:
    assert prove(b"\xef\xbb\xbf" + RUSSIAN.encode(), "windows-1251", bom="utf-8") == Proof("utf-8")
    assert refused(b"\xef\xbb\xbf\n\n" + RUSSIAN.encode("windows-1251"), "utf-8", bom="utf-8") == 3
    assert prove(b"\xff\xfe" + RUSSIAN.encode("utf-16-le"), "utf-8", bom="utf-16-le") == Proof("utf-16")
    assert refused(b"\xff\xfe" + RUSSIAN.encode("utf-16-le") + b"a", None, bom="utf-16-le") == 2


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [(e, True) for e in ("utf-8", "windows-1251", "koi8-r", "utf-16")]
    + [(e, False) for e in ("utf-8", "windows-1251", "utf-16")],
)
def test_F6_the_same_rows_in_every_encoding(
    read: Read, feed: Callable[..., bytes], encoding: str, declared: bool
) -> None:
    offers = "".join(f"<offer id='{i}'><name>Кабель чёрный {i}</name></offer>\n" for i in range(3_000))
    result, rows = read(feed(offers, encoding=encoding, declared=encoding if declared else None))
    assert result.encoding == encoding
    assert [r["name"] for r in rows] == [f"Кабель чёрный {i}" for i in range(3_000)]
    overridden = encoding == "windows-1251" and not declared
    assert [i.code for i in result.issues] == (["encoding_overridden"] if overridden else [])
