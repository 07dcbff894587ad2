"""The platform's list of base characteristics and their base units (N3). The list wins over what was there.

A column that the list does not have keeps what is known of a characteristic; one that it has is the whole truth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column, Entry, Faults, Findings, list_entries, quoted
from pipelines.reference.tables import Row, Rows, header, rows_of

KEY = "name"
COLUMNS = (
    Column("name", ("Название", "Наименование", "Характеристика", "Базовая характеристика"), required=True),
    Column("base_unit_okei", ("Единица (ОКЕИ)", "Код ОКЕИ")),
    Column("base_unit", ("Единица измерения", "Единица", "ЕИ", "Базовая единица измерения")),
    Column("value_type", ("Тип значения",)),
    Column("synonyms", ("Синонимы",)),
    Column("group", ("Группа",)),
    Column("note", ("Примечание",)),
)
TYPES = {"number": "число", "text": "текст", "list": "список", "bool": "да/нет"}
_TYPES = {spelling: kind for kind, label in TYPES.items() for spelling in (kind, label)}
_NAME_LENGTH = 255
_SYNONYMS = re.compile(r"[|;]")


def propose(file: Path, known: Known) -> Proposal:
    """The characteristics of a list.

    One that is known, by its name or by a synonym of one that the list has no more, keeps what the list is silent of.

    Raises:
        ReferenceFileError: a unit that OKEI lacks, a type that there is not, or a name that two characteristics claim.
    """
    faults, remarks = Faults(file), Findings()
    units = _Units(known)
    entries: dict[str, Entry] = {}
    for entry in list_entries(file, COLUMNS, faults, remarks):
        name = entry.values["name"]
        if not name or len(name) > _NAME_LENGTH:
            faults.add(f"a name has 1 to {_NAME_LENGTH} characters, not {quoted(name)}", line=entry.line)
        elif _folded(name) in entries:
            first = entries[_folded(name)].line
            faults.add(f"{quoted(name)} stands in line {first} already", line=entry.line)
        else:
            entries[_folded(name)] = entry
    faults.check()
    if not entries:
        faults.stop("holds no characteristics")
    inherited = _inherited(entries, known.rows)
    blank = dict.fromkeys(header(known.reference.path("characteristics")), "")
    rows: Rows = {}
    for folded, entry in entries.items():
        before = inherited.get(folded, blank)
        row = {**before, **_read(entry, before, units, faults, remarks)}
        row["value_type"] = row["value_type"] or ("number" if row["base_unit"] else "text")
        rows[row["name"]] = row
    faults.check()
    _settle_synonyms(rows, entries, faults)
    faults.check()
    return Proposal(rows, remarks)


class _Units:
    """Units in force and their spellings."""

    def __init__(self, known: Known) -> None:
        rows = [row for row in rows_of(known.reference.path("okei")) if row["status"] == "active"]
        self.symbols = {row["code"]: row["symbol_ru"].partition(";")[0] or row["name_ru"].lower() for row in rows}
        self._codes = {row["alias"]: row["code"] for row in rows_of(known.reference.path("okei_aliases"))}
        self._codes |= {symbol: code for code, symbol in self.symbols.items() if symbol not in self._codes}

    def code_of(self, text: str) -> str | None:
        """The code of a spelling: empty for a known unit that OKEI lacks, None for an unknown one."""
        return self._codes.get(text, self._codes.get(text.lower().rstrip(".")))


def _read(entry: Entry, before: Row, units: _Units, faults: Faults, remarks: Findings) -> Row:
    """The cells of an entry as columns of the table; columns that the list lacks are left out."""
    row = dict(entry.values)
    if "value_type" in row:
        kind = _TYPES.get(row["value_type"].casefold(), "")
        if row["value_type"] and not kind:
            labels = ", ".join(TYPES.values())
            faults.add(f"a type of value is one of {labels}, not {quoted(row['value_type'])}", line=entry.line)
        row["value_type"] = kind
    if "synonyms" in row:
        row["synonyms"] = "|".join(dict.fromkeys(_synonyms(row["synonyms"])))
    if "base_unit_okei" in row or "base_unit" in row:
        row |= _unit(entry, before, units, faults, remarks)
    return row


def _unit(entry: Entry, before: Row, units: _Units, faults: Faults, remarks: Findings) -> Row:
    """The base unit: a code of OKEI, with the text that is shown; either may stand alone in either column."""
    code, text = entry.values.get("base_unit_okei", ""), entry.values.get("base_unit", "")
    if code and not (code.isascii() and code.isdigit()):
        code, text = "", text or code
    if code:
        code = code.zfill(3)  # tables drop leading zeros
        if code not in units.symbols:
            faults.add(f"OKEI has no unit {quoted(code)} in force", line=entry.line)
        return {"base_unit_okei": code, "base_unit": text or units.symbols.get(code, "")}
    if text == before["base_unit"]:
        return {}
    found = units.code_of(text) if text else ""
    if found is None:
        remarks.add(f"unit {quoted(text)} has no code of OKEI and is kept as text", line=entry.line)
    return {"base_unit_okei": found or "", "base_unit": text}


def _inherited(entries: dict[str, Entry], present: Rows) -> dict[str, Row]:
    """What is known of each characteristic of the list: by its own name, else by a synonym."""
    by_name = {_folded(row["name"]): row for row in present.values()}
    by_synonym = {
        synonym: row
        for folded, row in by_name.items()
        if folded not in entries  # one that stays itself lends nothing
        for synonym in _synonyms(row["synonyms"])
    }
    inherited = {}
    for folded, entry in entries.items():
        if folded in by_name:
            inherited[folded] = by_name[folded]
        elif folded in by_synonym:
            row = by_synonym[folded]
            inherited[folded] = {**row, "synonyms": f"{_folded(row['name'])}|{row['synonyms']}"}
            # Its other spellings follow the first who claims it.
            by_synonym = {synonym: other for synonym, other in by_synonym.items() if other is not row}
        if folded in inherited:
            inherited[folded] = {**inherited[folded], "name": entry.values["name"]}
    return inherited


def _settle_synonyms(rows: Rows, entries: dict[str, Entry], faults: Faults) -> None:
    """One meaning for each spelling: names first, then synonyms of the list, then those that were known before."""
    owners = {_folded(name): name for name in rows}
    for own_words in (True, False):
        for name, row in rows.items():
            entry = entries[_folded(name)]
            if ("synonyms" in entry.values) is not own_words:
                continue
            kept = []
            for synonym in dict.fromkeys(_synonyms(row["synonyms"])):
                if synonym == _folded(name):
                    continue
                owner = owners.setdefault(synonym, name)
                if owner == name:
                    kept.append(synonym)
                elif own_words:
                    faults.add(f"{quoted(synonym)} is {quoted(owner)} already", line=entry.line)
            row["synonyms"] = "|".join(kept)


def _synonyms(text: str) -> Iterator[str]:
    for part in _SYNONYMS.split(text):
        synonym = _folded(part)
        if synonym:
            yield synonym


def _folded(text: str) -> str:
    return " ".join(text.lower().split())
