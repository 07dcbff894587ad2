"""O4 the description: a small safe set of HTML, no links, a limit.

Published text is HTML, so that a bare `&` of the supplier becomes `&amp;`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import nh3
import pyarrow as pa

from pipelines.normalize.rule import Columns, Rule, about

LIMIT = 65_535  # characters of published HTML
LIMIT_CSV = 65_000

TAGS = frozenset(
    """p br hr div span ul ol li b strong i em u s sub sup h2 h3 h4 h5 h6 table thead tbody tr td th caption dl dt dd
    blockquote""".split()  # noqa: SIM905 - a list of twenty-eight quoted words is harder to read
)
ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    clean_content_tags={"script", "style"},
    url_schemes=set(),
    link_rel=None,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"«»]+", re.IGNORECASE)
_LINK = re.compile(r"<a[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)")
_OPEN_ENTITY = re.compile(r"&[#a-zA-Z0-9]*$")

CLEANED = pa.struct([("html", pa.string()), ("links", pa.int32()), ("tags", pa.string()), ("cut", pa.bool_())])


@dataclass(frozen=True)
class Cleaned:
    """A description as it may be shown.

    Attributes:
        html: safe HTML, empty when nothing is left.
        links: how many links and bare addresses were removed.
        tags: other tags that were removed, sorted; their text stays (that of scripts and styles does not).
        cut: whether it was longer than the limit.
    """

    html: str
    links: int = 0
    tags: tuple[str, ...] = ()
    cut: bool = False


def safe_html(text: str, limit: int = LIMIT) -> Cleaned:
    """A description reduced to the safe set, without addresses, within the limit (O4, N4).

    The text of a link stays, its address goes. Cutting happens at a space or between tags and closes what was open.
    """
    html = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
    html = html.strip()
    links = 0
    tags: tuple[str, ...] = ()
    if "<" in html:
        links = len(_LINK.findall(html))
        tags = tuple(sorted({tag.lower() for tag in _TAG.findall(html)} - TAGS - {"a"}))
    if "<" in html or "&" in html or ">" in html:
        html = _CLEANER.clean(html)
    if "://" in html or "www." in html.lower():
        html, bare = _ADDRESS.subn("", html)
        links += bare
    html = html.strip()
    if len(html) <= limit:
        return Cleaned(html, links, tags)
    return Cleaned(_cut(html, limit), links, tags, cut=True)


def _cut(html: str, limit: int) -> str:
    """The longest sensible beginning that stays within the limit once its open tags are closed."""
    room = limit
    while True:
        head = html[:room]
        if head.rfind("<") > head.rfind(">"):  # inside a tag
            boundary = head.rfind("<")
        else:
            boundary = max(head.rfind(" "), head.rfind("\n"), head.rfind(">") + 1)
        if boundary <= 0:  # one endless word
            entity = _OPEN_ENTITY.search(head)
            boundary = entity.start() if entity else len(head)
        closed = _CLEANER.clean(head[:boundary]).strip()
        if len(closed) <= limit:
            return closed
        room -= len(closed) - limit


def clean_descriptions(texts: pa.ChunkedArray, limits: pa.ChunkedArray) -> pa.Array:
    """The vectorised form of `safe_html` for the SQL engine: a column of texts into a column of `CLEANED`."""
    cleaned = [
        None if text is None else safe_html(text, limit)
        for text, limit in zip(texts.to_pylist(), limits.to_pylist(), strict=True)
    ]
    columns = [
        pa.array([None if row is None else row.html for row in cleaned], pa.string()),
        pa.array([None if row is None else row.links for row in cleaned], pa.int32()),
        pa.array([None if row is None else ", ".join(row.tags) for row in cleaned], pa.string()),
        pa.array([None if row is None else row.cut for row in cleaned], pa.bool_()),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(CLEANED))


DESCRIPTION = Rule(
    ids=("O4", "N4"),
    steps=(
        Columns({"description_cleaned": "clean_descriptions(sent_description, option_description_limit)"}),
        Columns(
            {
                "description": "nullif(description_cleaned.html, '')",
                "description_links": "description_cleaned.links",
                "description_tags": "description_cleaned.tags",
                "description_cut": "description_cleaned.cut",
            }
        ),
    ),
    remarks=(
        about("description_missing", "description", "description IS NULL AND option_description_required"),
        about("description_links_removed", "description", "description_links > 0", published="description"),
        about("description_tags_removed", "description", "description_tags <> ''", published="description_tags"),
        about("description_cut", "description", "description_cut", published="CAST(length(description) AS VARCHAR)"),
    ),
)
