"""The template as a table: CSV that Excel opens, or a workbook with a second sheet of explanations."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipelines.columns import COLUMNS, EXAMPLE_OFFERS, NUMBERED, Column
from pipelines.formulas import shielded
from pipelines.options import ShopOptions
from pipelines.template.explanations import explained, is_required, need

MEMBERS = 2  # numbered columns of each group in the template; a supplier adds as many as are needed
_GOODS, _EXPLANATIONS = "Товары", "Пояснения"
_WIDTH, _WIDE = 24, 90


def columns() -> Iterator[tuple[Column, int | None]]:
    """The columns of the template in their order; of a group, all of the first member, then all of the second."""
    written: set[str] = set()
    for column in COLUMNS:
        group = column.group
        if group not in NUMBERED:
            yield column, None
        elif group not in written:
            written.add(group)
            parts = [each for each in COLUMNS if each.group == group]
            yield from ((part, number) for number in range(1, MEMBERS + 1) for part in parts)


def header(shop: ShopOptions) -> list[str]:
    """The header row; what this shop requires is marked with an asterisk."""
    return [column.titled(number) + ("*" if is_required(column, shop) else "") for column, number in columns()]


def row(offer: int) -> list[str]:
    """An example offer, from 0."""
    return [column.values(offer)[number - 1 if number else 0] for column, number in columns()]


def write_csv(out: Path, shop: ShopOptions, _at: datetime) -> list[Path]:
    """Write the table to `out`, and the explanations as a text beside it."""
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(header(shop))
        writer.writerows([shielded(cell) for cell in row(offer)] for offer in range(EXAMPLE_OFFERS))
    beside = out.with_name(f"{out.stem}-пояснения.txt")
    lines = (f"{column.titled('N')}: {explained(column, shop)}" for column in COLUMNS)
    beside.write_text("\n\n".join(lines) + "\n", encoding="utf-8-sig")
    return [out, beside]


def write_xlsx(out: Path, shop: ShopOptions, _at: datetime) -> list[Path]:
    """Write the workbook to `out`. All cells are text, so that Excel leaves articles and codes as they are."""
    import xlsxwriter

    with xlsxwriter.Workbook(out) as book:
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"num_format": "@", "bold": True, "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        goods = book.add_worksheet(_GOODS)
        titles = header(shop)
        goods.set_column(0, len(titles) - 1, _WIDTH, text)
        goods.freeze_panes(1, 1)
        for place, title in enumerate(titles):
            goods.write_string(0, place, title, bold)
        for offer in range(EXAMPLE_OFFERS):
            for place, cell in enumerate(row(offer)):
                if cell:
                    goods.write_string(1 + offer, place, cell, text)
        notes = book.add_worksheet(_EXPLANATIONS)
        notes.set_column(0, 3, _WIDTH, wrapped)
        notes.set_column(2, 2, _WIDE, wrapped)
        notes.freeze_panes(1, 0)
        for place, title in enumerate(("Столбец", "Обязательность", "Что писать", "Метка YML")):
            notes.write_string(0, place, title, bold)
        for line, column in enumerate(COLUMNS, start=1):
            cells = (column.titled("N"), need(column, shop), column.explanation, column.tag)
            for place, cell in enumerate(cells):
                notes.write_string(line, place, cell, wrapped)
    return [out]
