"""A template for a shop's suppliers; the shop's settings say what must be filled in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pipelines import registry, template
from pipelines.errors import OperatorError
from pipelines.options import ShopOptions, parse_options
from pipelines.settings import Settings
from pipelines.steps.house import open_house
from pipelines.template import TemplateFormat


def write_template(
    settings: Settings, form: TemplateFormat, out: Path, *, shop: str | None, at: datetime
) -> list[Path]:
    """Write a template to `out` and say which files were written; without a shop, for a shop that set nothing.

    The catalog is opened only when a shop is named.

    Raises:
        OperatorError: there is no such shop, or the file cannot be written.
    """
    options = ShopOptions() if shop is None else _options_of(settings, shop)
    try:
        return template.write_template(form, out, options, at=at)
    except OSError as error:
        msg = f"cannot write {out}: {error.strerror}"
        raise OperatorError(msg) from error


def _options_of(settings: Settings, shop: str) -> ShopOptions:
    with open_house(settings) as house, house.database.connect() as conn:
        return parse_options({}, registry.find_shop(conn, shop).options).shop
