"""F5: nothing but comments and instructions may follow the root, whatever its namespace is called.

libxml2 takes 1C's own namespace, which has a space in it, for an error and says nothing of what follows the root then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.errors import SupplierError
from pipelines.model import ParseResult

Read = Callable[[bytes], tuple[ParseResult, list[dict[str, Any]]]]
Refuse = Callable[[bytes], SupplierError]

ROOT = "КоммерческаяИнформация"
OFFERS = "<Предложения><Предложение><Ид>1</Ид></Предложение></Предложения>"
WITH_SPACE = "urn:1C.ru:commerceml 2"


def exchange(ending: str, *, namespace: str = WITH_SPACE, more: str = "") -> bytes:
    """The root begins on line 1 and ends on line 2."""
    content = f"<ПакетПредложений>{OFFERS}</ПакетПредложений>{more}"
    return f'<{ROOT} xmlns="{namespace}">{content}\n</{ROOT}>{ending}'.encode()


@pytest.mark.parametrize("namespace", [WITH_SPACE, "urn:1C.ru:commerceml_2"])
@pytest.mark.parametrize(
    ("ending", "line", "words"),
    [
        *((f"\n{extra}", 3, "после закрывающей метки корня") for extra in ("<a>", "<a></a>", "</a>", "x", "&amp;")),
        (f"\n<!-- {'x' * 600_000} -->\n</{ROOT}>", 4, "после закрывающей метки корня"),
        ("\n<!-- a -- b -->", 3, "два дефиса"),
        ("\n<?xml version='1.0'?>", 3, "не в начале"),
    ],
)
def test_F5_nothing_else_may_follow(refuse: Refuse, namespace: str, ending: str, line: int, words: str) -> None:
    error = refuse(exchange(ending, namespace=namespace))
    assert error.code == "xml_malformed"
    assert words in (error.detail or "")
    assert error.line in {line, line - 1}  # libxml2 counts from where it looked for the next markup


@pytest.mark.parametrize("ending", ["", "\n", "\n<!-- 1C -->\n<?p x?>\n"])
def test_F5_comments_and_instructions_may(read: Read, ending: str) -> None:
    assert read(exchange(ending))[0].read == 1


def test_F5_what_is_told_is_the_fault_and_not_the_name_of_the_namespace(refuse: Refuse) -> None:
    error = refuse(exchange("", more="\n\n<a></b>"))
    assert (error.code, error.line) == ("xml_malformed", 3)
    assert error.detail == "закрывающая метка не соответствует открытой, столбец 8"
