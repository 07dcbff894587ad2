"""F5: what XML 1.0 says of each production, in documents of our own; `benchmarks.conformance` reads the W3C's.

Each is read alone, where it is no feed whatever it is, and as a part of a feed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.conformance import FORMS, Case, faults, read
from pipelines.issue_codes import ISSUE_CODES

NOT_WELL_FORMED = {
    "2.2 a character that is none": "<a>\ufffe</a>",
    "2.2 a control character in a comment before the root": "<!-- \x02 --><a/>",
    "2.3 a name that begins with a digit": "<1a/>",
    "2.3 a name that begins with a dot": "<.a/>",
    "2.3 a name with a character that none has": "<a\u00d7b/>",
    "2.4 the end of CDATA in text": "<a>]]></a>",
    "2.4 a bracket in text": "<a> < </a>",
    "2.5 two hyphens in a comment": "<a><!-- b -- c --></a>",
    "2.5 three hyphens at the end of a comment": "<a><!-- b ---></a>",
    "2.5 a comment without end": "<a><!-- b </a>",
    "2.5 two hyphens in a comment before the root": "<!-- -- --><a/>",
    "2.6 an instruction without a name": "<a><? ?></a>",
    "2.6 an instruction without end": "<a><?b ></a>",
    "2.6 an instruction called xml": "<a><?xml version='1.0'?></a>",
    "2.6 an instruction called XML before the root": "<?XML version='1.0'?><a/>",
    "2.7 CDATA without end": "<a><![CDATA[ </a>",
    "2.7 CDATA misspelt": "<a><![cdata[ ]]></a>",
    "2.7 space in the beginning of CDATA": "<a><![ CDATA[ ]]></a>",
    "2.8 a declaration without a version": "<?xml encoding='utf-8'?><a/>",
    "2.8 a version without quotes": "<?xml version=1.0?><a/>",
    "2.8 a version that is none": "<?xml version='one'?><a/>",
    "2.8 a declaration in another order": "<?xml encoding='utf-8' version='1.0'?><a/>",
    "2.8 something unknown in a declaration": "<?xml version='1.0' valid='no'?><a/>",
    "2.8 a declaration without end": "<?xml version='1.0'><a/>",
    "2.8 no space in a declaration": "<?xml version='1.0'encoding='utf-8'?><a/>",
    "2.8 a DOCTYPE without a name": "<!DOCTYPE SYSTEM 'a.dtd'><a/>",
    "2.8 a public identifier with a character that none has": "<!DOCTYPE a PUBLIC '[' 'a.dtd'><a/>",
    "2.8 two of DOCTYPE": "<!DOCTYPE a><!DOCTYPE a><a/>",
    "2.8 a DOCTYPE in lower case": "<!doctype a><a/>",
    "2.8 a DOCTYPE inside": "<a><!DOCTYPE a></a>",
    "2.8 a DTD of nonsense": "<!DOCTYPE a [ <!FOO a> ]><a/>",
    "2.8 a DTD with a declaration cut short": "<!DOCTYPE a [ <!ELEMENT a > ]><a/>",
    "2.8 an instruction after the root without end": "<a/><?b",
    "2.9 standalone is neither yes nor no": "<?xml version='1.0' standalone='YES'?><a/>",
    "3 an element without end": "<a><b></a>",
    "3 an end without an element": "<a></b></a>",
    "3 elements that overlap": "<a><b><c></b></c></a>",
    "3 another case in the end tag": "<a></A>",
    "3.1 no quotes around a value": "<a b=c/>",
    "3.1 quotes that differ": "<a b='c\"/>",
    "3.1 no value": "<a b/>",
    "3.1 a bracket in a value": "<a b='<'/>",
    "3.1 an attribute twice": "<a b='1' b='2'/>",
    "3.1 no space between attributes": "<a b='1'c='2'/>",
    "3.1 an attribute in an end tag": "<a></a b='1'>",
    "3.1 space before a name": "< a/>",
    "3.1 space before the end of an empty tag": "<a / >",
    "3.3 an attribute list of nonsense": "<!DOCTYPE a [ <!ATTLIST a b> ]><a/>",
    "4.1 a reference to a character that is none": "<a>&#0;</a>",
    "4.1 a reference to half a pair": "<a>&#55357;</a>",
    "4.1 a reference past the last character": "<a>&#x110000;</a>",
    "4.1 a name that nobody declared": "<a>&nobody;</a>",
    "4.1 a reference before the root": "<?xml version='1.0'?>&#32;<a/>",
    "4.1 entities that contain each other": "<!DOCTYPE a [ <!ENTITY b '&c;'><!ENTITY c '&b;'> ]><a>&b;</a>",
    "4.2 an entity of a file": "<!DOCTYPE a [ <!ENTITY b SYSTEM 'file:///etc/passwd'> ]><a>&b;</a>",
    "4.2 an entity of parameters": "<!DOCTYPE a [ <!ENTITY % b SYSTEM 'http://127.0.0.1/'> %b; ]><a/>",
    "namespaces, a prefix that nobody declared": "<a><b:c/></a>",
    "namespaces, one attribute under two prefixes": "<a xmlns:b='u' xmlns:c='u' b:d='1' c:d='2'/>",
    "namespaces, two colons": "<a:b:c xmlns:a='u'/>",
}
WELL_FORMED = {
    "a DTD without entities": "<!DOCTYPE a [ <!ELEMENT a ANY> <!ATTLIST a b CDATA #IMPLIED> ]><a b='1'/>",
    "a DTD elsewhere": "<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><a/>",
    "a public DTD": "<!DOCTYPE a PUBLIC '-//A//B' 'a.dtd'><a/>",
    "CDATA, comments and instructions": "<?b c?><!-- d --><a><![CDATA[ < & ]]]]><!-- > --><?xsl f?></a><!-- g -->",
    "names of any letters": "<имя_1.a-b атрибут='значение'/>",
    "references": "<a b='&lt;&#10;&#x41;'>&amp;&quot;&apos;&#x1F600;</a>",
    "space in tags": "<a\tb = '1'\n></a\n>",
    "standalone": "<?xml version='1.0' encoding='utf-8' standalone='yes' ?><a/>",
}


def case(name: str, kind: str) -> Case:
    return Case(name, Path(), kind, binding=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NOT_WELL_FORMED)
def test_F5_what_is_not_well_formed_is_refused_with_its_line(name: str, form: str, tmp_path: Path) -> None:
    reading = read(FORMS[form](NOT_WELL_FORMED[name].encode()), tmp_path)
    assert faults(case(name, "not-wf"), form, reading) is None
    if reading.outcome == "refused":
        assert reading.code in ISSUE_CODES
    else:  # what the rules repair, they report
        assert (form, reading.outcome) == ("in a feed", "repaired")


@pytest.mark.parametrize("name", WELL_FORMED)
def test_F5_what_is_well_formed_is_read(name: str, tmp_path: Path) -> None:
    document = WELL_FORMED[name].encode()
    assert read(FORMS["in a feed"](document), tmp_path).outcome == "read"
    assert read(document, tmp_path).code == "format_unknown"


def test_the_runner_finds_what_was_read_though_it_is_not_well_formed(tmp_path: Path) -> None:
    reading = read(FORMS["in a feed"](b"<a/>"), tmp_path)
    assert faults(case("a", "not-wf"), "in a feed", reading) is not None
    assert faults(case("a", "valid"), "in a feed", reading) is None


@pytest.mark.parametrize(
    "name", ["SYSTEM '{}'", 'SYSTEM\n"{}"', "PUBLIC '-//A//B' '{}'", 'PUBLIC "-//A//B"\t"{}" [<!ELEMENT a ANY>]']
)
def test_F5_a_dtd_elsewhere_is_never_fetched(name: str, tmp_path: Path) -> None:
    """If it were, it would be found to be nonsense."""
    dtd = tmp_path / "elsewhere" / "a.dtd"
    dtd.parent.mkdir()
    dtd.write_text("<!nonsense")
    (out := tmp_path / "out").mkdir()
    for place in (str(dtd), dtd.as_uri(), "http://127.0.0.1:1/a.dtd"):
        document = f"<!DOCTYPE a {name.format(place)}><a/>".encode()
        assert read(FORMS["in a feed"](document), out).outcome == "read"
