"""Words that a fuzzer puts into its inputs: the trade's own, gathered from the seeds, and what is known to hurt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.columns import HEADERS

_LONGEST = 60
_TAG = re.compile(rb"<([^\s<>/!?\"'=&]{1,60})")
_ATTRIBUTE = re.compile(rb"[ \t\n]([^\s<>/\"'=&]{1,40}=)[\"']")
_FIELD = re.compile(rb'"([A-Za-z_.]{1,40})"[ ]*:')
_HURTFUL = (
    *("<!DOCTYPE ", "<!ENTITY ", " SYSTEM ", "<![CDATA[", "]]>", "<!--", "-->", "<?xml ", "?>", "<?php ", "xmlns:"),
    *("/>", "&amp;", "&nbsp;", "&#0;", "&#55357;", "&#x10FFFF;", "&#11;", "&", ";", "encoding='windows-1251'"),
    *("encoding='utf-16'", "xml:space=", "sep=;", '"', '""', "\r\n", "\r", "\t", "=HYPERLINK(", "1e999", "NaN", "-0"),
    *("null", "[{", "}]", "\ufeff", "\u2028", "\u0000", "\ufffd", "\U0001f600", "\\ud83d", "_x000D_", "true"),
)
_HURTFUL_BYTES = (
    *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\x98", b"\x1a", b"\x1f\x8b"),
    b"PK\x03\x04",
)


def words(seeds: Iterable[bytes]) -> list[bytes]:
    """Every tag, attribute and field of the seeds, every header of a table, and what hurts; each once."""
    found = [match[1] for seed in seeds for pattern in (_TAG, _ATTRIBUTE, _FIELD) for match in pattern.finditer(seed)]
    texts = (*_HURTFUL, *HEADERS.values())
    tags = (bracket + tag + b">" for tag in found for bracket in (b"<", b"</"))
    known = [*found, *tags, *_HURTFUL_BYTES, *(text.encode() for text in texts)]
    return [word for word in dict.fromkeys(known) if len(word) <= _LONGEST]


def write_dictionary(path: Path, seeds: Iterable[bytes]) -> None:
    """The words as a dictionary of libFuzzer."""
    lines = ('"' + "".join(f"\\x{octet:02X}" for octet in word) + '"' for word in words(seeds))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
