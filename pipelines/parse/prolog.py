"""What stands before the root element: nothing of it is used, but it must be XML all the same (F5).

The reader is given a document from its root on, so a fault before it would go unseen. The prolog is small; it is parsed
by itself, before an empty root. An encoding is judged elsewhere, on the whole body, so its name is no matter here.
"""

from __future__ import annotations

import re

from lxml import etree

from pipelines.parse.document import STRICT
from pipelines.parse.malformed import supplier_error

_ENCODING_NAME = re.compile(rb"""(<\?xml[^<>]*?encoding[ \t\r\n]*=[ \t\r\n]*(["']))[^"'<>]*(\2)""")
# Where the rest of a DTD is: libxml2 would fetch it, whatever it was told of DTDs.
_PUBLIC = rb"[ \r\na-zA-Z0-9()+,./:=?;!*#@$_%-]"
_ELSEWHERE = re.compile(
    rb"""(<!DOCTYPE[ \t\r\n]+[^ \t\r\n>\["']+)[ \t\r\n]+"""
    rb"""(?:SYSTEM|PUBLIC[ \t\r\n]+(?:"(?:%s|')*"|'%s*'))[ \t\r\n]+(?:"[^"]*"|'[^']*')""" % (_PUBLIC, _PUBLIC)
)


def check_prolog(prolog: bytes, *, line: int) -> None:
    """Refuse a prolog that is not well-formed; it begins at `line`, in any encoding in which markup is ASCII.

    Raises:
        SupplierError: `xml_malformed`, `xml_limit`.
    """
    by_itself = _ELSEWHERE.sub(rb"\1", _ENCODING_NAME.sub(rb"\1UTF-8\3", prolog, count=1))
    try:
        by_itself.decode()
    except UnicodeDecodeError:
        by_itself = by_itself.decode("latin-1").encode()
    parser = etree.XMLPullParser(**STRICT)
    try:
        parser.feed(by_itself + b"<x/>")
        parser.close()
    except etree.XMLSyntaxError as error:
        raise supplier_error(parser, error, first_line=line, last_line=line, at_end=False) from error
