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

# What every step of `safe_html` gives back letter by letter, so that none is taken: plain letters, and in them
# paragraphs, lists, line breaks and bold words, each closed before the next begins. Most descriptions are like that.
_INNER = r"!-%''-;=?-~А-яЁё№«»°–—…"
_ANY = rf"[\n\t {_INNER}]"
_WORDS = "|".join(f"{tag}>{_ANY}*</{tag}" for tag in ("b", "strong"))
_LINE = f"(?:{_ANY}|<(?:br|{_WORDS})>)*"
_LIST = rf"ul>[\n\t ]*(?:<li>{_LINE}</li>[\n\t ]*)*</ul"
_MARKED = f"<(?:br|{_WORDS}|p>{_LINE}</p|{_LIST})>"
_ENDS = f"(?:[{_INNER}]|{_MARKED})"
MACROS = f"""
CREATE MACRO is_safe_html(s) AS regexp_full_match(s, '{_ENDS}(?:(?:{_ANY}|{_MARKED})*{_ENDS})?')
    AND NOT contains(s, '//') AND NOT contains(s, 'w.') AND NOT contains(s, 'W.');
"""

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
    if "://" in html or "w." in html or "W." in html:
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
    sent = list(zip(texts.to_pylist(), limits.to_pylist(), strict=True))
    once = {(text, limit): safe_html(text, limit) for text, limit in dict.fromkeys(sent) if text is not None}
    cleaned = [once.get(row) for row in sent]
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
        Columns(
            {
                "description_safe": (
                    "is_safe_html(sent_description) AND length(sent_description) <= option_description_limit"
                )
            }
        ),
        Columns(
            {
                "description_cleaned": (
                    "CASE WHEN NOT description_safe"
                    " THEN clean_descriptions(sent_description, option_description_limit) END"
                )
            }
        ),
        Columns(
            {
                "description": (
                    "CASE WHEN description_safe THEN sent_description ELSE nullif(description_cleaned.html, '') END"
                ),
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
