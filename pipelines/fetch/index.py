"""A page that lists the files of one exchange: which of its links are parts of the set (F1)."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import unquote

import httpx

from pipelines.errors import SupplierError
from pipelines.fetch.access import same_owner
from pipelines.fetch.limits import FetchLimits
from pipelines.fetch.unpack import part_name

_PART_SUFFIXES = (".xml", ".zip")


def read_page(body: Iterable[bytes], limits: FetchLimits) -> str:
    """The text of a page.

    Raises:
        SupplierError: `link_unreachable`, it is longer than a list of files can be.
    """
    page = b""
    for chunk in body:
        page += chunk
        if len(page) > limits.page_bytes:
            raise SupplierError(
                "link_unreachable", detail=f"страница со списком файлов длиннее {limits.page_bytes} байт"
            )
    return page.decode("utf-8", "replace")


def part_links(address: httpx.URL, page: str, limits: FetchLimits) -> list[tuple[str, httpx.URL]]:
    """The parts that a page at `address` lists, as servers list their folders: name in the set and address, by name.

    A part stands on the same server, in the folder of the page or below it, and ends in .xml or .zip; any other link
    is not one.

    Raises:
        SupplierError: `link_unreachable`, there are none; `archive_invalid`, too many, or a path that leads outside.
    """
    folder = address.path.rpartition("/")[0] + "/"
    found: dict[str, httpx.URL] = {}
    for reference in _references(page):
        try:
            target = address.join(reference)
        except httpx.InvalidURL:
            continue
        if not same_owner(address, target) or target.userinfo or not target.path.startswith(folder):
            continue
        name = part_name(unquote(target.path.removeprefix(folder)))
        if name.lower().endswith(_PART_SUFFIXES):
            found.setdefault(name, target.copy_with(fragment=None))
        if len(found) > limits.parts:
            raise SupplierError("archive_invalid", detail=f"больше {limits.parts} файлов в одном обмене")
    if not found:
        raise SupplierError("link_unreachable", detail="на странице нет ссылок на файлы *.xml или *.zip из этой папки")
    return sorted(found.items())


def _references(page: str) -> list[str]:
    links = _Links()
    links.feed(page)
    links.close()
    return links.found


class _Links(HTMLParser):
    """Where the links of a page lead, as written."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
