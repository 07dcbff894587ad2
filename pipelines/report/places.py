"""Where in the supplier's file a remark belongs: what a programmer pastes into an editor or an XPath tool (R2)."""

from __future__ import annotations

import re

from pipelines.model import FeedFormat

_NAME = re.compile(r"[^\W\d][\w.-]*")

# How one offer is found by its SKU. In CommerceML goods and their offers stand in different files under one article.
_OFFERS = {
    FeedFormat.YML: "/yml_catalog/shop/offers/offer[@id={sku}]",
    FeedFormat.COMMERCEML: "//*[Артикул={sku}]",
}
_YML_BY_POSITION = "/yml_catalog/shop/offers/offer[{position}]"


def xpath(feed_format: str | None, *, sku: str | None, ordinal: int | None, field: str | None) -> str | None:
    """An XPath to a value of one offer; None where the format has no such thing or the remark is about the whole file.

    Args:
        feed_format: value of `FeedFormat`.
        sku: as sent; an offer of YML without one is found by its position.
        ordinal: position of the offer in the file, from 0; None for a remark about the whole file.
        field: the tag as the supplier wrote it, `region/price` for a tag of a region; None points at the offer.
    """
    if ordinal is None or feed_format not in _OFFERS:
        return None
    if sku is not None:
        offer = _OFFERS[FeedFormat(feed_format)].format(sku=_literal(sku))
    elif feed_format == FeedFormat.YML:
        offer = _YML_BY_POSITION.format(position=ordinal + 1)
    else:
        return None
    return offer + (_step(field) if feed_format == FeedFormat.YML else "")


def _step(field: str | None) -> str:
    if field == "id":
        return "/@id"
    if field == "region/id":
        return "/regions/region/@id"
    names = [] if field is None else field.split("/")
    if not all(_NAME.fullmatch(name) for name in names):
        return ""
    return "".join(f"/{name}" for name in (["regions", *names] if names[:1] == ["region"] else names))


def _literal(text: str) -> str:
    """A string as XPath 1.0 writes it, which knows no escapes."""
    if '"' not in text:
        return f'"{text}"'
    if "'" not in text:
        return f"'{text}'"
    return "concat(" + ", '\"', ".join(f'"{piece}"' for piece in text.split('"')) + ")"
