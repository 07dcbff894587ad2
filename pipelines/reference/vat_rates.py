"""VAT rates: which are accepted, and when (O7). A list is the whole table."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from pipelines.reference.proposal import Known, Proposal
from pipelines.reference.reading import Column, Faults, Findings, list_entries, quoted
from pipelines.reference.tables import Row, Rows, rows_of

KEY = "rate"
COLUMNS = (
    Column("rate", ("Ставка, %", "Ставка"), required=True),
    Column("accepted_from", ("Принимается с", "Действует с"), required=True),
    Column("accepted_to", ("Принимается по", "Действует по"), required=True),
    Column("enabled", ("Включена",), required=True),
    Column("note", ("Примечание",)),
)
_RATE = re.compile(r"[1-9]?\d(\.\d{1,2})?")
_ENABLED = {"yes": "yes", "да": "yes", "1": "yes", "no": "no", "нет": "no", "0": "no"}


def propose(file: Path, known: Known) -> Proposal:
    """The rates of a list; a rate that it does not remark on keeps the note it had.

    Raises:
        ReferenceFileError: not a rate or a day, a period that ends before it begins, or no rate that a spelling of
            suppliers means.
    """
    faults, remarks = Faults(file), Findings()
    rows: Rows = {}
    lines: dict[str, int] = {}
    for line, values in list_entries(file, COLUMNS, faults, remarks):
        try:
            row = _read(values)
        except ValueError as error:
            faults.add(str(error), line=line)
            continue
        rate = row["rate"]
        if rate in lines:
            faults.add(f"rate {rate} stands in line {lines[rate]} already", line=line)
        lines[rate] = line
        rows[rate] = {**row, "note": values.get("note", known.rows.get(rate, {}).get("note", ""))}
    faults.check()
    for spelled in rows_of(known.reference.path("vat_spellings")):
        if spelled["rate"] not in rows and spelled["rate"] != "NO_VAT":
            faults.note(f"rate {spelled['rate']} is missing, but {quoted(spelled['spelling'])} of suppliers means it")
    faults.check()
    return Proposal(rows, remarks)


def _read(values: Row) -> Row:
    rate = values["rate"].removesuffix("%").strip().replace(",", ".")
    if not _RATE.fullmatch(rate):
        msg = f"a rate is a percentage such as 20, not {quoted(values['rate'])}"
        raise ValueError(msg)
    begins, ends = _day(values["accepted_from"]), _day(values["accepted_to"])
    if begins and ends and begins > ends:
        msg = f"the period ends before it begins: {begins} to {ends}"
        raise ValueError(msg)
    enabled = _ENABLED.get(values["enabled"].casefold())
    if enabled is None:
        msg = f"«Включена» is yes or no, not {quoted(values['enabled'])}"
        raise ValueError(msg)
    return {"rate": rate, "accepted_from": begins, "accepted_to": ends, "enabled": enabled}


def _day(text: str) -> str:
    """A day in ISO 8601; empty for no limit."""
    if not text:
        return ""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    msg = f"not a day: {quoted(text)}; write 2026-01-31 or 31.01.2026"
    raise ValueError(msg)
