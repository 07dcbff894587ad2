"""The goods of `benchmarks.generate` as a table by КИМ's columns: `python -m benchmarks.tables OUT.csv --megabytes 30`.

One seed is the same goods in both forms, but for their articles, which in tables are letters and digits alone.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from lxml import etree

from benchmarks.generate import ENCODINGS, ROOM, offer_xml
from pipelines.columns import COLUMNS

PARAMS, REGIONS = 15, 4  # the most that the generator gives to one offer
_MEMBERS = {"params": PARAMS, "regions": REGIONS}


def header() -> list[str]:
    """All columns, those of groups with their numbers."""
    titles = [c.titled() for c in COLUMNS if not c.numbered]
    for group, members in _MEMBERS.items():
        titles += [c.titled(n) for n in range(1, members + 1) for c in COLUMNS if c.group == group]
    return titles


def row(seed: int, number: int) -> list[str]:
    """One offer."""
    offer = etree.fromstring(offer_xml(seed, number))
    cells = [_plain(offer, column.raw, column.tag) for column in COLUMNS if not column.numbered]
    params = [[p.get("name") or "", p.text or "", p.get("unit") or ""] for p in offer.iterfind("param")]
    regions = [
        [region.get("id") or "", *(region.findtext(tag) or "" for tag in _region_tags()[1:])]
        for region in offer.iterfind("regions/region")
    ]
    for members, most, width in ((params, PARAMS, 3), (regions, REGIONS, len(_region_tags()))):
        cells += [cell for member in members for cell in member]
        cells += [""] * (width * (most - len(members)))
    return cells


def _region_tags() -> list[str]:
    return [column.tag.rpartition("/")[2] for column in COLUMNS if column.group == "regions"]


def _plain(offer: etree._Element, raw: str, tag: str) -> str:
    if raw == "sku":
        return (offer.get("id") or "").replace("-", "").lower()
    if tag.startswith("offer@"):
        return offer.get(tag.partition("@")[2]) or ""
    return " ".join(child.text or "" for child in offer.iterfind(tag))


def table(seed: int, *, encoding: str, bytes_wanted: int) -> Iterator[bytes]:
    """A whole table in parts, as Excel saves it, until it has the wanted number of bytes."""
    size = 0
    yield _line(header()).encode(encoding)
    for number in count():
        part = _line(row(seed, number)).encode(encoding)
        yield part
        size += len(part)
        if size >= bytes_wanted:
            return


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=";").writerow(cells)
    return line.getvalue()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=float, required=True, help="size of the table, 10^6 bytes")
    parser.add_argument("--encoding", choices=ENCODINGS, default="utf-8")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with asked.out.open("wb") as out:
        out.writelines(table(asked.seed, encoding=asked.encoding, bytes_wanted=int(asked.megabytes * 1_000_000) - ROOM))
    print(f"{asked.out}: {asked.out.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
