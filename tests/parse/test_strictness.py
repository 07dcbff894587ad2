"""What the XML parser refuses wherever it stands, so that the bytes of a slice need not be searched for it."""

from __future__ import annotations

import pytest
from lxml import etree

from pipelines.parse.document import STRICT

PLACES = {
    "text": b"<a>%s</a>",
    "text after text": b"<a>\xd0\xb0bc %s d</a>",
    "an attribute": b'<a b="%s"/>',
    "an attribute with letters": b"<a b='\xd0\xb0%s\xd0\xb0'/>",
    "CDATA": b"<a><![CDATA[%s]]></a>",
    "CDATA among letters": b"<a><![CDATA[\xd0\xb0 %s x]]></a>",
    "a comment": b"<a><!--%s--></a>",
    "a comment among letters": b"<a><!-- \xd0\xb0%s --></a>",
    "an instruction": b"<a><?x %s?></a>",
    "a name": b"<a><b%s/></a>",
    "the name of an attribute": b"<a b%s='1'/>",
    "space in a tag": b"<a %s/>",
    "between tags": b"<a><b/>%s<b/></a>",
}
CONTROLS = [bytes([octet]) for octet in range(0x20) if octet not in b"\t\n\r"]
# Every lone octet; every lead with a continuation out of the range that it allows; sequences that stop too early.
NOT_UTF_8 = [
    *(bytes([octet]) + rest for octet in range(0x80, 0x100) for rest in (b"", b"a", b"\xd0\xb0")),
    *(bytes([lead, second]) + b"\x80\x80" for lead in (0xC0, 0xC1) for second in range(0x80, 0xC0)),
    *(bytes([0xE0, second, 0x80]) for second in range(0x80, 0xA0)),
    *(bytes([0xED, second, 0x80]) for second in range(0xA0, 0xC0)),
    *(bytes([0xF0, second, 0x80, 0x80]) for second in range(0x80, 0x90)),
    *(bytes([0xF4, second, 0x80, 0x80]) for second in range(0x90, 0xC0)),
    *(bytes([lead, 0x90, 0x80, 0x80]) for lead in range(0xF5, 0x100)),
    *(bytes([lead, 0x80]) + rest for lead in range(0xE0, 0xF5) for rest in (b"", b"a", b"\x80", b"\x80a")),
    *(bytes([lead, 0x90, 0x80]) + rest for lead in range(0xF0, 0xF5) for rest in (b"", b"a", b"\xc0")),
]
NO_REFERENCES = [b"&", b"& ", b"&;", b"&a", b"&nbsp;", b"&AMP;", b"&#;", b"&#x;", b"&#xg;", b"&#1a;", b"&amp", b"&a b;"]


def accepted(document: bytes) -> bool:
    parser = etree.XMLParser(**STRICT)
    try:
        parser.feed(document)
        parser.close()
    except etree.XMLSyntaxError:
        return False
    return True


def is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("place", PLACES)
def test_control_characters_and_what_is_not_utf_8_are_refused(place: str) -> None:
    wrong = [data for data in NOT_UTF_8 if not is_utf_8(data)]
    assert len(wrong) > 600
    for data in [*CONTROLS, *wrong]:
        document = PLACES[place].replace(b"%s", data)
        assert is_utf_8(document) is (data in CONTROLS)
        assert not accepted(document), data


@pytest.mark.parametrize("place", [p for p in PLACES if "text" in p or "an attribute" in p or "between" in p])
def test_what_is_no_reference_is_refused_where_repairs_are_made(place: str) -> None:
    for data in NO_REFERENCES:
        assert not accepted(PLACES[place].replace(b"%s", data)), data


@pytest.mark.parametrize("place", [p for p in PLACES if "name" not in p and "tag" not in p])
def test_the_places_are_well_formed_otherwise(place: str) -> None:
    assert accepted(PLACES[place].replace(b"%s", "ж".encode()))
