"""Rosstat's official OKTMO file → the table of regions (N2).

The file lists municipalities that exist now and nothing about those that were: what disappeared from it stays in the
table with the day of the data as its end, and keeps the successor that is known. Subjects and their federal districts
are not in the file; they stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Faults, Findings, Record, file_records, quoted
from pipelines.reference.tables import Row, Rows

KEY = "code8"

_FIELDS = 13
_LENGTHS = (2, 3, 3, 3, 1, 1)  # TER KOD1 KOD2 KOD3 KC RAZDEL
_MUNICIPALITIES = "1"  # RAZDEL; 2 is localities
_DATA_DATE = re.compile(r"data-(\d{8})")

_HEADING_NAMES = re.compile(
    r"(Муниципальные|Городские округа|Городские поселения|Сельские поселения|Внутригородские"
    r"|Насел[её]нные пункты, входящие)\b",
    re.IGNORECASE,
)
_HEADING_KOD2 = {"100", "300", "400", "700"}
_OKRUG_HEADING_KOD1 = {"810", "850", "910", "950"}
_FEDERAL_CITIES = {"40", "45"}  # there 910 is a municipality
# Okrugs that are subjects inside another subject's number.
_OKRUGS = {"118", "718", "719"}

_KIND_BY_KOD1 = {
    "3": "внутригородское муниципальное образование",
    "5": "муниципальный округ",
    "6": "муниципальный район",
    "7": "городской округ",
}
_KIND_BY_KOD2 = {
    "1": "городское поселение",
    "3": "внутригородской район",
    "4": "сельское поселение",
    "7": "межселенная территория",
}
_KINDS = tuple(_KIND_BY_KOD1.values())
_KIND_WORDS = frozenset(word for kind in (*_KINDS, *_KIND_BY_KOD2.values()) for word in kind.split())


class Municipality(NamedTuple):
    """One live municipality of the file.

    Attributes:
        day: when it came into force, ISO 8601; empty where the file does not say.
    """

    line: int
    code: str
    name: str
    day: str


def propose(file: Path, known: Known) -> Proposal:
    """The table with the municipalities of the file in force and the others of its subjects ended.

    The day of the data is taken from the file's name (`data-YYYYMMDD…`), else today. A subject of which the file has
    nothing is left as it is.

    Raises:
        ReferenceFileError: not the layout of 13 fields, or no municipality at all.
    """
    faults, remarks = Faults(file), Findings()
    live: dict[str, Municipality] = {}
    for found in _municipalities(file, faults, remarks):
        if found.code in live and live[found.code].name != found.name:
            remarks.add(f"{found.code} stands again with another name, which is passed over", line=found.line)
        live.setdefault(found.code, found)
    faults.check()
    if not live:
        faults.stop("holds no municipalities: is this Rosstat's OKTMO file?")
    live = _with_subject(live, known.rows, remarks)
    rows = dict(known.rows)
    _end_missing(rows, live, _data_day(file, known.today, remarks), remarks)
    for found in live.values():
        rows[found.code] = _row(found, rows, live, remarks)
    ordered = sorted(rows.values(), key=lambda row: (row["tier"], row["code8"]))
    return Proposal({row["code8"]: row for row in ordered}, remarks)


def _municipalities(file: Path, faults: Faults, remarks: Findings) -> Iterator[Municipality]:
    for record in file_records(file, faults, delimiter=";"):
        fault = _layout_fault(record)
        if fault:
            faults.add(fault, line=record.line)
            continue
        ter, kod1, kod2, kod3, check, section, name = record.cells[:7]
        name = name.rstrip("/ ")
        if section != _MUNICIPALITIES or kod3 != "000" or _is_heading(ter, kod1, kod2, name):
            continue
        adopted, in_force = (_day(cell, record.line, remarks) for cell in record.cells[11:13])
        if adopted and in_force and adopted > in_force:
            remarks.add(f"in force on {in_force}, before it was adopted on {adopted}", line=record.line)
        code = ter + kod1 + kod2
        if check != check_digit(code):
            remarks.add(f"the check digit of {code} is {check_digit(code)}, not {check}", line=record.line)
        yield Municipality(record.line, code, name, in_force)


def _layout_fault(record: Record) -> str | None:
    cells = record.cells
    if len(cells) != _FIELDS:
        return f"{_FIELDS} fields separated by «;» are expected, not {len(cells)}"
    for cell, length in zip(cells, _LENGTHS, strict=False):
        if len(cell) != length or not (cell.isascii() and cell.isdigit()):
            return f"{quoted(cell)} is not a field of {length} digits"
    return None if cells[6] else "a municipality without a name"


def _is_heading(ter: str, kod1: str, kod2: str, name: str) -> bool:
    """Titles of groups have codes of their own between those of municipalities; their names are plural."""
    if kod1 == "000" or kod2 in _HEADING_KOD2:
        return True
    if kod2 == "000" and (kod1.endswith("00") or (kod1 in _OKRUG_HEADING_KOD1 and ter not in _FEDERAL_CITIES)):
        return True
    return _HEADING_NAMES.match(name) is not None


def check_digit(code: str) -> str:
    """The digit that OKTMO writes after a code: a weighted sum modulo 11, with shifted weights if that gives 10."""
    for shift in (0, 2):
        rest = sum(int(digit) * ((place + shift) % 10 + 1) for place, digit in enumerate(code)) % 11
        if rest < 10:
            return str(rest)
    return "0"


def subject_of(code: str) -> str:
    """The code of the subject that a municipality belongs to."""
    return f"{code[:3]}00000" if code[:3] in _OKRUGS else f"{code[:2]}000000"


def _with_subject(live: dict[str, Municipality], rows: Rows, remarks: Findings) -> dict[str, Municipality]:
    """Those whose subject the table knows; the federal district comes from there."""
    unknown = Counter(s for s in map(subject_of, live) if s not in rows)
    for subject, count in sorted(unknown.items()):
        remarks.note(f"subject {subject} is not in the table: its {count} municipalities are passed over")
    return {code: found for code, found in live.items() if subject_of(code) not in unknown}


def _data_day(file: Path, today: date, remarks: Findings) -> str:
    named = _DATA_DATE.search(file.name)
    try:
        day = datetime.strptime(named[1], "%Y%m%d").date() if named else today  # noqa: DTZ007 - a day has no zone
    except ValueError:
        day = today
    remarks.note(f"the data are taken to be of {day.isoformat()}{'' if named else ', today'}")
    return day.isoformat()


def _end_missing(rows: Rows, live: dict[str, Municipality], day: str, remarks: Findings) -> None:
    """End what stands in the table and no longer in the file, within the subjects that the file has."""
    covered = {subject_of(code) for code in live}
    left = sorted(code for code, row in rows.items() if row["tier"] == "0" and code not in covered)
    if left:
        remarks.note(f"nothing of {len(left)} subjects ({', '.join(left[:5])} …): they are left as they are")
    # A file of the first level says nothing about settlements.
    tiers = {"1" if code.endswith("000") else "2" for code in live}
    ended = 0
    for code, row in rows.items():
        in_force = row["tier"] in tiers and not row["valid_to"] and subject_of(code) in covered
        if in_force and code not in live:
            rows[code] = {**row, "valid_to": day}
            ended += 1
    remarks.note(f"{ended} municipalities are no longer in force")


def _row(found: Municipality, rows: Rows, live: dict[str, Municipality], remarks: Findings) -> Row:
    code, before = found.code, rows.get(found.code)
    subject = subject_of(code)
    tier = "1" if code.endswith("000") else "2"
    district = f"{code[:5]}000"
    parent = subject if tier == "1" or (district not in live and district not in rows) else district
    if tier == "2" and parent == subject:
        remarks.add(f"{code} has no district {district}; it is put under its subject", line=found.line)
    kind = (before or {}).get("kind") or _kind(code, tier, found.name)
    return {
        **(before or {}),
        "code8": code,
        "name_ru": _name(found.name, before),
        "level": "municipality",
        "parent_code8": parent,
        "federal_district": rows[subject]["federal_district"],
        "kind": kind,
        "tier": tier,
        "valid_from": before["valid_from"] if before else found.day,
        "valid_to": "",
        "replaced_by": "",
        "note": before["note"] if before else "",
    }


def _name(name: str, before: Row | None) -> str:
    """Rosstat names many city okrugs without their kind; a name that says the same and the kind as well stays."""
    if before is None:
        return name
    told, stored = (set(re.findall(r"\w+", text.lower())) for text in (name, before["name_ru"]))
    return before["name_ru"] if told <= stored and stored - told <= _KIND_WORDS else name


def _kind(code: str, tier: str, name: str) -> str:
    if tier == "2":
        return _KIND_BY_KOD2.get(code[5], "")
    by_name = (kind for kind in _KINDS if kind in name.lower())
    return _KIND_BY_KOD1.get(code[2]) or next(by_name, "")


def _day(cell: str, line: int, remarks: Findings) -> str:
    try:
        return datetime.strptime(cell, "%d.%m.%Y").date().isoformat() if cell else ""  # noqa: DTZ007 - a day has no zone
    except ValueError:
        remarks.add(f"not a day: {quoted(cell)}", line=line)
        return ""
