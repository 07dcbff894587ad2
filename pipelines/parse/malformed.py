"""libxml2's complaints in the supplier's language: which code, which line, what to say (F5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from lxml import etree

from pipelines.errors import SupplierError

_LIMIT_WORDS = ("excessive depth", "huge", "limit", "amplification", "too long", "out of memory", "maximum")
_Types = etree.ErrorTypes
_MESSAGES: dict[int, str] = {
    _Types.ERR_TAG_NAME_MISMATCH: "закрывающая метка не соответствует открытой",
    _Types.ERR_DOCUMENT_END: "после закрывающей метки корня есть ещё что-то",
    _Types.ERR_INVALID_CHAR: "знак, недопустимый в XML",
    _Types.ERR_INVALID_CHARREF: "числовая ссылка на недопустимый знак",
    _Types.ERR_INVALID_ENCODING: "байты не в объявленной кодировке",
    _Types.ERR_ENTITYREF_SEMICOL_MISSING: "после имени сущности нет точки с запятой",
    _Types.ERR_NAME_REQUIRED: "после знака < или & должно стоять имя",
    _Types.ERR_UNDECLARED_ENTITY: "сущность не объявлена",
    _Types.ERR_ATTRIBUTE_REDEFINED: "атрибут повторён в одной метке",
    _Types.ERR_ATTRIBUTE_WITHOUT_VALUE: "у атрибута нет значения",
    _Types.ERR_ATTRIBUTE_NOT_STARTED: "значение атрибута не в кавычках",
    _Types.ERR_ATTRIBUTE_NOT_FINISHED: "значение атрибута не закрыто кавычкой",
    _Types.ERR_LT_IN_ATTRIBUTE: "знак < внутри значения атрибута",
    _Types.ERR_GT_REQUIRED: "метка не закрыта знаком >",
    _Types.ERR_SPACE_REQUIRED: "между атрибутами нет пробела",
    _Types.ERR_RESERVED_XML_NAME: "объявление <?xml …?> стоит не в начале файла",
    _Types.ERR_HYPHEN_IN_COMMENT: "два дефиса внутри комментария",
    _Types.ERR_COMMENT_NOT_FINISHED: "комментарий не закрыт",
    _Types.ERR_CDATA_NOT_FINISHED: "CDATA не закрыта",
    _Types.ERR_MISPLACED_CDATA_END: "последовательность ]]> вне CDATA",
    _Types.ERR_PI_NOT_FINISHED: "инструкция <? не закрыта",
    _Types.ERR_LTSLASH_REQUIRED: "нет закрывающей метки",
    _Types.ERR_XMLDECL_NOT_FINISHED: "объявление <?xml …?> построено неверно",
    _Types.ERR_VERSION_MISSING: "в объявлении <?xml …?> нет версии",
    _Types.ERR_UNKNOWN_VERSION: "в объявлении <?xml …?> неизвестная версия",
    _Types.ERR_STANDALONE_VALUE: "в объявлении <?xml …?> значение standalone не yes и не no",
    _Types.ERR_EQUAL_REQUIRED: "после имени атрибута нет знака =",
    _Types.ERR_STRING_NOT_STARTED: "значение не в кавычках",
    _Types.ERR_STRING_NOT_CLOSED: "значение не закрыто кавычкой",
    _Types.ERR_DOCTYPE_NOT_FINISHED: "объявление DOCTYPE построено неверно",
    _Types.ERR_INT_SUBSET_NOT_FINISHED: "объявление DOCTYPE построено неверно",
    _Types.NS_ERR_QNAME: "двоеточие в имени стоит не на месте",
    _Types.NS_ERR_ATTRIBUTE_REDEFINED: "атрибут повторён в одной метке",
    _Types.NS_ERR_COLON: "двоеточие в имени стоит не на месте",
    _Types.NS_ERR_UNDEFINED_NAMESPACE: "префикс пространства имён не объявлен",
}
_COMPLAINTS_KEPT = 100
_QUOTED = 200
# Complaints at the end of the input that are not about its being cut short.
_NOT_TRUNCATION = frozenset(
    {
        _Types.ERR_DOCUMENT_END,
        _Types.ERR_TAG_NAME_MISMATCH,
        _Types.NS_ERR_UNDEFINED_NAMESPACE,
        _Types.NS_ERR_QNAME,
        _Types.NS_ERR_ATTRIBUTE_REDEFINED,
        _Types.NS_ERR_COLON,
    }
)


def supplier_error(
    parser: etree.XMLPullParser, error: etree.XMLSyntaxError, *, first_line: int, last_line: int, at_end: bool
) -> SupplierError:
    """The error a supplier is told, for a document whose root stands at `first_line` of the file.

    `at_end` says that the parser complained when it was told that there is no more input; `last_line` is where that
    was. Its exception is about its first complaint, which may be a remark about namespaces at the very root: told is
    the first one that is fatal.
    """
    fatal = next((entry for entry in _complaints(parser) if entry.level == etree.ErrorLevels.FATAL), None)
    code, lineno, text = (
        (fatal.type, fatal.line, fatal.message) if fatal else (getattr(error, "code", 0), error.lineno, error.msg)
    )
    line, text = first_line + (lineno or 1) - 1, str(text or "")
    if any(word in text.lower() for word in _LIMIT_WORDS):
        return SupplierError("xml_limit", line=line, detail=_limit(text))
    if at_end and code not in _NOT_TRUNCATION:
        return SupplierError("xml_truncated", line=last_line, detail="нет закрывающей метки корня")
    told = _MESSAGES.get(code) or f"разметка построена неверно ({text[:_QUOTED]})"
    # Where it was noticed, in characters; on the line of the root the parser does not know what stands before it.
    column = fatal.column if fatal and (lineno or 1) > 1 else 0
    return SupplierError("xml_malformed", line=line, detail=f"{told}, столбец {column}" if column else told)


def extra_content(line: int) -> SupplierError:
    """What stands at `line`, after the end of the document."""
    return SupplierError("xml_malformed", line=line, detail=_MESSAGES[_Types.ERR_DOCUMENT_END])


def only_namespace_names(parser: etree.XMLPullParser) -> bool:
    """Whether all that is wrong with a document is what it calls a namespace: 1C's own has a space in it.

    Names match by their local part (F7), so it does not matter. It is the parser that is asked, not its error: the log
    of an error also tells of other documents that failed in the same process. libxml2 keeps so many complaints and no
    more: where it may have dropped one, nobody can say.
    """
    found = [entry.type for entry in _complaints(parser)]
    return 0 < len(found) < _COMPLAINTS_KEPT and set(found) == {_Types.WAR_NS_URI}


def _complaints(parser: etree.XMLPullParser) -> Iterable[Any]:
    return cast("Iterable[Any]", parser.feed_error_log)


def _limit(text: str) -> str:
    if "depth" in text.lower():
        return "вложенность меток больше 256"
    return "слишком длинное значение, имя или метка"
