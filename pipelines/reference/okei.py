"""Rosstat's OKEI file → names of units (N1). It has no symbols: those, and the aliases, stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Faults, Findings, file_records, quoted
from pipelines.reference.tables import Rows, header

KEY = "code"

_FIELDS = 4  # section, group, code, name
_SECTIONS = {"1": "международные", "2": "национальные", "3": "четырехзначные национальные"}
_GROUPS = {
    "1": "length",
    "2": "area",
    "3": "volume",
    "4": "mass",
    "5": "technical",
    "6": "time",
    "7": "economic",
    "8": "drug_dosage",
}
# Misprints of the file that the other lists do not share.
_MISPRINTS = (
    ("Киллограмм", "Килограмм"),
    ("Тонна-танид", "Тонно-танид"),
    ("на 1 киловатт-час", "на киловатт-час"),
)
_POWER = re.compile(r"\[(-?\d+)\*\]")
_BARE_POWER = re.compile(r"(?<=м)([23])\b")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def propose(file: Path, known: Known) -> Proposal:
    """The units with the names of the file; unknown codes join without a symbol, those that are gone are excluded.

    Raises:
        ReferenceFileError: not the layout of four fields, or no unit at all.
    """
    faults, remarks = Faults(file), Findings()
    listed: dict[str, tuple[int, str, str, str]] = {}
    for line, cells in file_records(file, faults, delimiter=";"):
        if len(cells) != _FIELDS:
            faults.add(f"{_FIELDS} fields separated by «;» are expected, not {len(cells)}", line=line)
            continue
        section, group, code, name = cells
        if not code:
            continue  # a heading
        if not re.fullmatch(r"[0-9]{3,4}", code) or section not in _SECTIONS or group not in _GROUPS or not name:
            faults.add(f"not a unit: {quoted(';'.join(cells))}", line=line)
        elif code in listed:
            faults.add(f"unit {code} stands twice", line=line)
        else:
            listed[code] = (line, section, group, plain_name(name))
    faults.check()
    if not listed:
        faults.stop("holds no units: is this Rosstat's OKEI file?")
    rows: Rows = {}
    for code, row in known.rows.items():
        if code in listed:
            rows[code] = {**row, "name_ru": listed[code][3], "status": "active"}
        else:  # units of the annex were never in the file
            rows[code] = {**row, "status": "excluded"} if row["status"] == "active" else row
    blank = dict.fromkeys(header(known.reference.path("okei")), "")
    for code, (line, section, group, name) in listed.items():
        if code not in rows:
            described = {"name_ru": name, "section": _SECTIONS[section], "group": _GROUPS[group]}
            rows[code] = {**blank, "code": code, **described, "status": "active", "sources": "R"}
            remarks.add(f"unit {code} {quoted(name)} is new and has no symbol: it is shown by its name", line=line)
    return Proposal(rows, remarks)


def plain_name(name: str) -> str:
    """A name without the file's notation: `^` breaks a line, `[3*]` is a power, `[*]` a footnote."""
    text = name.replace("[*]", "").replace("^", " ")
    text = _POWER.sub(lambda power: power[1].translate(_SUPERSCRIPTS), text)
    text = _BARE_POWER.sub(lambda power: power[1].translate(_SUPERSCRIPTS), text)
    for wrong, right in _MISPRINTS:
        text = text.replace(wrong, right)
    return " ".join(text.split())
