"""What a file is, from its beginning: format by content (F1), where the document starts, what encoding it declares.

The head is read as markup, not searched for words: bytes before the document, then the prolog (declaration, comments,
DOCTYPE), then the root element, whose name is the format. The XML parser is later given the document from its root on,
so it never sees a DOCTYPE at all: nothing can be declared, loaded or defaulted there.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import islice

from pipelines.columns import Headers
from pipelines.errors import SupplierError
from pipelines.model import FeedFormat, Issue
from pipelines.parse.csv_header import find_table

# The prolog must end within this many bytes; what stands before the document, within the first `JUNK_LIMIT` (F6).
HEAD_BYTES = 1 << 20
JUNK_LIMIT = 64 << 10
# What looks like the beginning of a document is tried so often: each try may read the whole head.
_MARKS_TRIED = 50
_QUOTE_LENGTH = 100

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SPACE = b" \t\r\n"
_DECLARATION = re.compile(rb"<\?xml[ \t\r\n]([^<>]*?)\?>")
_ENCODING = re.compile(rb"""encoding[ \t\r\n]*=[ \t\r\n]*["']([^"']{1,100})["']""")
_MISC = re.compile(rb"[ \t\r\n]+|<!--.*?-->|<\?(?!xml[ \t\r\n]).*?\?>", re.DOTALL)
_DOCTYPE = re.compile(rb"""<!DOCTYPE[ \t\r\n]+([^ \t\r\n>\[]+)(?:"[^"]*"|'[^']*'|[^>\["'])*""", re.IGNORECASE)
_SUBSET_END = re.compile(rb"\][ \t\r\n]*>")
_ROOT = re.compile(rb"<([^ \t\r\n<>/!?=\"'&]{1,200})(?=[ \t\r\n/>])")
# Encodings in which a root of Russian letters may be written; ASCII is the same in all of them.
_ROOT_ENCODINGS = ("utf-8", "windows-1251", "koi8-r", "ibm866", "iso-8859-5")
_ROOTS = b"|".join(re.escape(r.encode(e)) for r in ("yml_catalog", "КоммерческаяИнформация") for e in _ROOT_ENCODINGS)
_DOCUMENT_MARK = re.compile(rb"<\?xml[ \t\r\n]|<(?:[\w.-]+:)?(?:%s)[ \t\r\n/>]" % _ROOTS)
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_JSON = re.compile(rb'[ \t\r\n]*(?:\[[ \t\r\n]*[{\]]|\{[ \t\r\n]*["}])')
_HTML_ROOTS = frozenset(
    {"html", "head", "body", "title", "meta", "script", "div", "p", "br", "b", "h1", "center", "pre"}
)
_ROOT_FORMATS = {"yml_catalog": FeedFormat.YML, "КоммерческаяИнформация": FeedFormat.COMMERCEML}
ZIP_MARK = b"PK\x03\x04"  # of zips, only Excel's workbooks are archived as they are
_WORKBOOK_FOLDER = b"xl/"
_OLE_MARK = bytes.fromhex("D0CF11E0A1B11AE1")  # Excel before 2007, or a workbook with a password


@dataclass(frozen=True)
class Sniffed:
    """The beginning of a file, understood.

    Attributes:
        format: what the root element (or the header line) says.
        bom: encoding that a byte order mark proves, or None.
        declared: encoding of the XML declaration as written, or None.
        junk: number of bytes that stood before the document and are not part of it (F6); white space counts only
            before an XML declaration, a single byte order mark never does.
        root_offset: where the root element starts in the raw file, bytes.
        root_line: its line, from 1.
    """

    format: FeedFormat
    bom: str | None
    declared: str | None
    junk: int
    root_offset: int
    root_line: int

    @property
    def issue(self) -> Issue | None:
        """The remark that bytes before the document were skipped."""
        return Issue("leading_bytes_skipped", line=1, sent=str(self.junk)) if self.junk else None


@dataclass(frozen=True)
class _Prolog:
    """A prolog that was read to the root: (`start`, `root`) are offsets in the view; `name` is None without a root."""

    start: int
    root: int
    name: bytes | None
    declared: bytes | None
    doctype: bytes | None
    unfinished: bool


def sniff(head: bytes, *, whole: bool) -> Sniffed:
    """Recognise a file by its first `HEAD_BYTES` bytes (F1); `whole` says that there is nothing after them.

    Raises:
        SupplierError: `file_empty`, `file_is_html`, `format_unknown`, `xml_truncated` before any root,
            `xml_doctype_entities`, `encoding_invalid` for a UTF-32 mark, `workbook_old`.
    """
    if not head.strip(_SPACE + b"\0"):
        raise SupplierError("file_empty")
    if head.startswith(ZIP_MARK) and _WORKBOOK_FOLDER in head:
        return Sniffed(FeedFormat.CSV, None, None, junk=0, root_offset=0, root_line=1)
    if head.startswith(_OLE_MARK):
        raise SupplierError("workbook_old")
    bom_bytes, bom = next(((mark, name) for mark, name in _BOMS if head.startswith(mark)), (b"", None))
    view = _ascii_view(head[len(bom_bytes) :], bom)
    prolog = _find_document(view)
    if prolog.name is None:
        return _not_xml(view, prolog, bom, offset=len(bom_bytes), whole=whole)
    name = _local(prolog.name)
    if name not in _ROOT_FORMATS:
        _refuse_markup(view, name, prolog)
    from pipelines.parse.prolog import check_prolog

    check_prolog(view[prolog.start : prolog.root], line=1 + view.count(b"\n", 0, prolog.start))
    prefix = view[: prolog.root]
    return Sniffed(
        format=_ROOT_FORMATS[name],
        bom=bom,
        declared=prolog.declared.decode("ascii", "replace") if prolog.declared is not None else None,
        junk=prolog.start,
        root_offset=len(bom_bytes) + _raw_length(prefix, bom),
        root_line=1 + prefix.count(b"\n"),
    )


def _ascii_view(data: bytes, bom: str | None) -> bytes:
    """The head in an encoding in which markup is ASCII."""
    if bom in {"utf-16-le", "utf-16-be"}:
        if bom == "utf-16-le" and data.startswith(b"\0\0"):
            raise SupplierError("encoding_invalid", line=1, detail="метка порядка байтов UTF-32")
        return data[: len(data) // 2 * 2].decode(bom, "replace").encode("utf-8", "replace")
    return data


def _raw_length(view: bytes, bom: str | None) -> int:
    return len(view.decode("utf-8").encode(bom)) if bom in {"utf-16-le", "utf-16-be"} else len(view)


def _find_document(view: bytes) -> _Prolog:
    """The document at the very beginning, or after bytes that do not belong to it (F6)."""
    at_start = _read_prolog(view, 0)
    if at_start.name is not None and _local(at_start.name) in _ROOT_FORMATS:
        return at_start
    for mark in islice(_DOCUMENT_MARK.finditer(view), _MARKS_TRIED):
        if mark.start() > JUNK_LIMIT:
            break
        found = _read_prolog(view, mark.start())
        if found.name is not None and _local(found.name) in _ROOT_FORMATS:
            return found
    return at_start


def _read_prolog(view: bytes, start: int) -> _Prolog:
    position = start
    declared = doctype = None
    declaration = _DECLARATION.match(view, position)
    if declaration:
        encoding = _ENCODING.search(declaration[1])
        declared = encoding[1] if encoding else None
        position = declaration.end()
    while True:
        misc = _MISC.match(view, position)
        if misc:
            position = misc.end()
            continue
        match = _DOCTYPE.match(view, position) if doctype is None else None
        if match is None:
            break
        doctype = match[1]
        position = _doctype_end(view, match.end())
    root = _ROOT.match(view, position)
    unfinished = root is None and view.startswith((b"<?xml", b"<!"), position)
    ended = root is None and (position >= len(view) or unfinished)
    seen_markup = declaration is not None or doctype is not None or unfinished
    return _Prolog(start, position, root[1] if root else None, declared, doctype, ended and seen_markup)


def _doctype_end(view: bytes, position: int) -> int:
    """The offset after a DOCTYPE whose external id ends at `position`; a subset that declares entities is refused."""
    if view[position : position + 1] != b"[":
        return position + 1
    end = _SUBSET_END.search(view, position)
    subset = view[position : end.end() if end else len(view)]
    if b"<!ENTITY" in subset:
        line = 1 + view.count(b"\n", 0, position + subset.index(b"<!ENTITY"))
        raise SupplierError("xml_doctype_entities", line=line)
    return position + len(subset)


def _local(name: bytes) -> str:
    """The local name of a tag, whatever its prefix (F7)."""
    local = name.rpartition(b":")[2]
    readings = [local.decode(encoding, "replace") for encoding in _ROOT_ENCODINGS]
    return next((reading for reading in readings if reading in _ROOT_FORMATS), readings[0])


def _refuse_markup(view: bytes, name: str, prolog: _Prolog) -> None:
    doctype = (prolog.doctype or b"").lower()
    if name.lower() in _HTML_ROOTS or doctype == b"html":
        title = _TITLE.search(view)
        line = 1 + view.count(b"\n", 0, prolog.root)
        raise SupplierError("file_is_html", line=line, detail=quote(title[1] if title else view))
    raise SupplierError("format_unknown", line=1 + view.count(b"\n", 0, prolog.root), detail=quote(view))


def _not_xml(view: bytes, prolog: _Prolog, bom: str | None, *, offset: int, whole: bool) -> Sniffed:
    if prolog.doctype is not None and prolog.doctype.lower() == b"html":
        _refuse_markup(view, "html", prolog)
    if prolog.unfinished:
        code = "xml_truncated" if whole else "xml_limit"
        raise SupplierError(code, line=1 + view.count(b"\n"), detail="корневая метка не найдена")
    if _JSON.match(view):
        return Sniffed(FeedFormat.JSON, bom, None, junk=0, root_offset=offset, root_line=1)
    if find_table(view, Headers()) is not None:
        return Sniffed(FeedFormat.CSV, bom, None, junk=0, root_offset=offset, root_line=1)
    raise SupplierError("format_unknown", line=1, detail=quote(view))


def quote(data: bytes, length: int = _QUOTE_LENGTH) -> str:
    """The beginning of bytes as one line of readable text, at most `length` characters."""
    sample = data[: 4 * length]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        text = sample.decode("windows-1251", "replace")
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:length]
