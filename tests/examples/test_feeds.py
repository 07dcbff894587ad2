"""The example feeds are what suppliers copy from: each must be what it says it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from examples import server
from pipelines.declarations import LinksFile, read_links_file

ROOT = Path(__file__).parents[2]
FEEDS = ROOT / "examples" / "feeds"
BROKEN = FEEDS / "siz.yml"
WHOLE = sorted(f for f in FEEDS.rglob("*.*ml") if f != BROKEN)


@pytest.fixture(scope="module")
def links() -> LinksFile:
    return read_links_file(ROOT / "examples" / "links.yaml")


def _offers(file: Path) -> list[etree._Element]:
    return etree.parse(file, etree.XMLParser(no_network=True, resolve_entities=False)).findall("shop/offers/offer")


@pytest.mark.parametrize("file", WHOLE, ids=lambda f: str(f.relative_to(FEEDS)))
def test_a_whole_feed_parses_and_holds_offers(file: Path) -> None:
    assert len(_offers(file)) >= 8


def test_the_broken_feed_is_cut_in_the_middle_of_an_offer() -> None:
    with pytest.raises(etree.XMLSyntaxError, match="Premature end of data"):
        etree.parse(BROKEN)
    assert BROKEN.read_bytes().count(b"<offer ") == 1 + BROKEN.read_bytes().count(b"</offer>")


def test_one_feed_is_windows_1251_and_says_so() -> None:
    body = (FEEDS / "kantsmir.xml").read_bytes()
    assert body.startswith(b'<?xml version="1.0" encoding="windows-1251"?>')
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")


def test_the_faulty_feed_shows_a_fault_of_every_rule_from_O1_to_O15() -> None:
    comments = re.findall(r"<!-- (O\d+): ", (FEEDS / "elektrika.yml").read_text(encoding="utf-8"))
    assert set(comments) == {f"O{n}" for n in range(1, 16)}
    assert len(_offers(FEEDS / "elektrika.yml")) == 47


def test_links_name_their_own_suppliers_and_existing_feeds_but_one(links: LinksFile) -> None:
    assert len(links.links) >= 8
    assert {link.supplier for link in links.links} == set(links.suppliers)
    missing = []
    for link in links.links:
        assert link.link == f"{link.supplier}-{link.shop}"
        assert link.url.startswith(f"{server.ADDRESS}/")
        name = link.url.removeprefix(f"{server.ADDRESS}/")
        if not (FEEDS / name).exists() and not (FEEDS / Path(name).stem).is_dir():
            missing.append(link.link)
    assert missing == ["khimiya-main"]


def test_example_addresses_can_never_be_somebodys(links: LinksFile) -> None:
    """Hosts and mailboxes end in .example, which is reserved."""
    for supplier in links.suppliers.values():
        assert supplier.emails
        assert all(mail.endswith(".example") for mail in supplier.emails)
    for file in FEEDS.rglob("*.*ml"):
        text = file.read_bytes().decode("windows-1251" if file.name == "kantsmir.xml" else "utf-8", "replace")
        hosts = re.findall(r"(?:https?|ftp)://([^/<\"\s]+)", text)
        assert hosts
        assert all(host.endswith(".example") for host in hosts)


def test_versions_of_the_changing_feed_differ_as_they_say() -> None:
    first, second, third = (
        {offer.get("id"): etree.tostring(offer).strip() for offer in _offers(FEEDS / "zapchasti" / f"{n}.yml")}
        for n in (1, 2, 3)
    )
    assert first.keys() - second.keys() == {"AD-AF-3302"}
    assert second.keys() - first.keys() == {"AD-CL-10"}
    assert {sku for sku in first.keys() & second.keys() if first[sku] != second[sku]} == {
        *("AD-OF-914", "AD-SP-A17", "AD-BT-60")
    }
    assert third.keys() - second.keys() == {"AD-AF-3302"}
    assert third["AD-AF-3302"] == first["AD-AF-3302"]
    assert {sku for sku in second if second[sku] != third[sku]} == {"AD-LB-H4"}
