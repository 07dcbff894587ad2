"""O4 the description: a small safe set of HTML, no links, a limit.

A description without `<`, `&` or an address needs only escaping and takes no detour; the others pass through nh3 in batches.
Published text is HTML, so that a bare `&` of the supplier becomes `&amp;`.
"""

from __future__ import annotations

import re
from typing import Any

import nh3
import pyarrow as pa

from pipelines.normalize.rule import Columns, Rule, about

LIMIT = 65_535  # characters of published HTML
LIMIT_CSV = 65_000

TAGS = frozenset(
    [
        "p",
        "br",
        "hr",
        "div",
        "span",
        "ul",
        "ol",
        "li",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "s",
        "sub",
        "sup",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "table",
        "thead",
        "tbody",
        "tr",
        "td",
        "th",
        "caption",
        "dl",
        "dt",
        "dd",
        "blockquote",
    ]
)
ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_CONTENT_DROPPED = {"script", "style"}

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"«»]+", re.IGNORECASE)
_LINK = re.compile(r"<a[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)")

CLEANED = pa.struct([("html", pa.string()), ("links", pa.int32()), ("tags", pa.string()), ("cut", pa.bool_())])


def safe_html(text: str, limit: int = LIMIT) -> tuple[str, int, list[str], bool]:
    """A description as it may be shown: (html, links removed, other tags removed, whether it was cut).

    The text of a link stays, its address goes; bare addresses go. Cutting happens at a space or between tags and closes
    what was open.
    """
    links = len(_LINK.findall(text))
    removed = sorted({tag.lower() for tag in _TAG.findall(text)} - TAGS - {"a"})
    html = _sanitised(text)
    html, bare = _ADDRESS.subn("", html)
    html = html.strip()
    cut = len(html) > limit
    if cut:
        html = _cut(html, limit)
    return html, links + bare, removed, cut


def _sanitised(text: str) -> str:
    return nh3.clean(
        text,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        clean_content_tags=_CONTENT_DROPPED,
        url_schemes=set(),
        link_rel=None,
    )


def _cut(html: str, limit: int) -> str:
    """The longest sensible beginning that stays within the limit once its open tags are closed."""
    room = limit
    while True:
        head = html[:room]
        inside_tag = head.rfind("<") > head.rfind(">")
        boundary = head.rfind("<") if inside_tag else max(head.rfind(" "), head.rfind(">") + 1, head.rfind("\n"))
        inside_entity = re.search(r"&[#a-zA-Z0-9]*$", head)
        if boundary <= 0:
            boundary = inside_entity.start() if inside_entity else len(head)
        closed = _sanitised(head[:boundary]).strip()
        if len(closed) <= limit:
            return closed
        room -= len(closed) - limit


def clean_descriptions(texts: pa.ChunkedArray, limits: pa.ChunkedArray) -> pa.Array:
    """The vectorised form of `safe_html` for the SQL engine: a column of texts into a column of `CLEANED`."""
    out: list[dict[str, Any] | None] = []
    for text, limit in zip(texts.to_pylist(), limits.to_pylist(), strict=True):
        if text is None:
            out.append(None)
            continue
        html, links, tags, cut = safe_html(text, limit)
        out.append({"html": html, "links": links, "tags": ", ".join(tags), "cut": cut})
    return pa.array(out, CLEANED)


DESCRIPTION = Rule(
    ids=("O4",),
    steps=(
        Columns({"description_text": "nfc_normalize(trimmed(sent_description))"}),
        Columns(
            {
                "description_plain": (
                    r"length(description_text) <= option_description_limit"
                    r" AND NOT regexp_matches(description_text, '(?i)[<>&]|https?://|www\.')"
                )
            }
        ),
        Columns(
            {
                "description_cleaned": (
                    "CASE WHEN NOT description_plain"
                    " THEN clean_descriptions(description_text, option_description_limit) END"
                )
            }
        ),
        Columns(
            {
                "description": (
                    "CASE WHEN description_plain THEN description_text ELSE trimmed(description_cleaned.html) END"
                )
            }
        ),
    ),
    remarks=(
        about("description_missing", "description", "description IS NULL AND option_description_required"),
        about(
            "description_links_removed",
            "description",
            "description_cleaned.links > 0",
            published="description",
        ),
        about(
            "description_tags_removed",
            "description",
            "description_cleaned.tags <> ''",
            published="description_cleaned.tags",
        ),
        about(
            "description_cut",
            "description",
            "description_cleaned.cut",
            published="CAST(length(description) AS VARCHAR)",
        ),
    ),
)
