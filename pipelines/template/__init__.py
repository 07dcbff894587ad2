"""A filled-in price list for suppliers to start from: a table by КИМ's columns, or YML, with explanations in Russian.

Everything comes from `pipelines.columns`: the headers and tags, what is said of them, and the example offers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipelines.options import ShopOptions
from pipelines.template.table import write_csv, write_xlsx
from pipelines.template.yml import write_yml

__all__ = ["TemplateFormat", "write_template"]

TemplateFormat = Literal["csv", "xlsx", "yml"]
_WRITERS: dict[TemplateFormat, Callable[[Path, ShopOptions, datetime], list[Path]]] = {
    "csv": write_csv,
    "xlsx": write_xlsx,
    "yml": write_yml,
}


def write_template(form: TemplateFormat, out: Path, shop: ShopOptions, *, at: datetime) -> list[Path]:
    """Write a template for suppliers of a shop to `out`.

    Its example offers load without a remark under the shop's settings, and give the same cards in every form.

    Args:
        at: the moment that a YML file is dated by.

    Returns:
        The files written: the template, and for CSV, which has no room for them, the explanations beside it.
    """
    return _WRITERS[form](out, shop, at)
