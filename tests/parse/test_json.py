"""JSON feeds: arrays and lines of objects, through the link's mapping (F1, F5, S1)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import OperatorError, SupplierError
from pipelines.model import FeedFormat, ParseResult
from pipelines.options import LinkOptions, parse_options
from pipelines.parse import parse
from pipelines.parse.json_text import DEPTH_LIMIT, VALUE_LENGTH, VALUES_LIMIT, JsonText

OFFER = {"sku": "A1", "name": "Кабель"}


@pytest.fixture
def read(tmp_path: Path):
    """Parse a file under settings of its link; the result and its rows without empty columns."""

    def run(data: bytes | str, **settings: Any) -> tuple[ParseResult, list[dict[str, Any]]]:
        body = data.encode() if isinstance(data, str) else data
        out = tmp_path / "raw_offers.parquet"
        result = parse(lambda: io.BytesIO(body), out, options=LinkOptions(**settings))
        rows = pq.read_table(out).to_pylist()
        assert result.read == len(rows)
        return result, [{name: v for name, v in row.items() if v is not None and v != []} for row in rows]

    return run


@pytest.fixture
def refuse(tmp_path: Path):
    """Parse a file that must be rejected whole: code, line and detail. Nothing may be left behind."""
    folder = tmp_path / "refused"
    folder.mkdir()

    def run(data: bytes | str, **settings: Any) -> tuple[str, int | None, str]:
        body = data.encode() if isinstance(data, str) else data
        with pytest.raises(SupplierError) as caught:
            parse(lambda: io.BytesIO(body), folder / "raw_offers.parquet", options=LinkOptions(**settings))
        assert list(folder.iterdir()) == []
        return caught.value.code, caught.value.line, caught.value.detail or ""

    return run


def values(row: dict[str, Any]) -> dict[str, Any]:
    """The scalar values of a row as sent."""
    return {name: value for name, value in row.items() if isinstance(value, str)}


# --- the text of a document -------------------------------------------------------------------------------------------

_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=20
)


def as_sent(value: Any) -> Any:
    """Numbers as text, everything else as it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: as_sent(each) for name, each in value.items()}
    return [as_sent(each) for each in value] if isinstance(value, list) else str(value)


def cut(data: bytes, size: int):
    return (data[i : i + size] for i in range(0, len(data), size))


@given(st.lists(_VALUES, max_size=8), st.integers(1, 40), st.sampled_from([None, 2]), st.booleans())
def test_F5_any_array_is_read_as_the_standard_library_reads_it(items, size, indent, plain) -> None:
    """However the stream is cut; each element has the line it begins at."""
    document = json.dumps(items, indent=indent, ensure_ascii=plain)
    text = JsonText(cut(document.encode("utf-8", "surrogatepass" if plain else "strict"), size))
    found, lines = [], []
    for _ in text.elements():
        lines.append(text.line)
        found.append(text.value())
    text.end()
    assert found == [as_sent(item) for item in items]
    if indent:
        first = 2
        for line, item in zip(lines, items, strict=True):
            assert line == first
            first += json.dumps(item, indent=indent).count("\n") + 1
    assert text.passed <= len(document)


@given(st.lists(_VALUES, min_size=1, max_size=5), st.data(), st.integers(1, 40))
def test_F5_a_document_cut_anywhere_is_refused(items, data, size) -> None:
    document = json.dumps(items).encode()
    short = document[: data.draw(st.integers(0, len(document) - 1))]
    text = JsonText(cut(short, size))
    with pytest.raises(SupplierError) as caught:
        [text.value() for _ in text.elements()]
    assert caught.value.code in {"json_truncated", "json_malformed"}


def test_F5_what_is_not_asked_for_is_passed_over_whatever_its_length() -> None:
    long = {"a": [{"b": "x" * 1000}] * 6000, "c": [[]]}
    document = json.dumps([long, 1]).encode()
    assert len(document) > VALUE_LENGTH
    text = JsonText(cut(document, 1 << 16))
    seen = []
    for at, _ in enumerate(text.elements()):
        if at == 0:
            text.skip()
        else:
            seen.append(text.value())
    text.end()
    assert seen == ["1"]


def test_F5_a_value_of_four_megabytes_and_one_past_it() -> None:
    for length, refused in ((VALUE_LENGTH, False), (VALUE_LENGTH + 1, True)):
        text = JsonText(cut(b'\n"' + b"x" * (length - 2) + b'"', 1 << 16))
        if refused:
            with pytest.raises(SupplierError, match="json_limit at line 2"):
                text.value()
        else:
            assert len(text.value()) == length - 2


def test_F5_depth_and_number_of_values_are_limited() -> None:
    def nested(depth: int) -> JsonText:
        return JsonText(iter([b"[" * depth + b"]" * depth]))

    assert nested(DEPTH_LIMIT).value()
    for depth in (DEPTH_LIMIT + 1, 100_000):
        with pytest.raises(SupplierError, match="json_limit"):
            nested(depth).value()
    wide = [JsonText(iter([b"[" + b"1," * (n - 1) + b"1]"])) for n in (VALUES_LIMIT, VALUES_LIMIT + 1)]
    assert len(wide[0].value()) == VALUES_LIMIT
    with pytest.raises(SupplierError, match="json_limit"):
        wide[1].value()


# --- where the offers are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "settings", "lines"),
    [
        ('[{"sku": "A"}, {"sku": "B"}]', {}, [1, 1]),
        ('[\n {"sku":\n  "A"},\n\n {"sku": "B"}\n]\n', {}, [2, 5]),
        ('{"sku": "A"}\n{"sku": "B"}\n', {}, [1, 2]),
        ('\ufeff\n{"sku": "A"}\r\n{"sku": "B"}', {}, [2, 3]),
        ('{"status": "ok",\n"data": {"n": 2, "items": [{"sku": "A"},\n{"sku": "B"}], "z": [1]}, "end": null}',
         {"json_items": "data.items"}, [2, 3]),
    ],
    ids=["array", "pretty array", "lines", "lines of Windows", "inside an answer"],
)  # fmt: skip
def test_F1_offers_are_found_with_their_lines(read, data, settings, lines) -> None:
    result, rows = read(data, **settings)
    assert result.format is FeedFormat.JSON
    assert [(row["sku"], row["line"], row["sku_line"]) for row in rows] == [
        ("A", lines[0], lines[0]),
        ("B", lines[1], lines[1]),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251"])
def test_F6_the_encoding_is_proven(read, encoding: str) -> None:
    items = [{"sku": f"A{i}", "name": "Кабель силовой медный"} for i in range(5)]
    result, rows = read(json.dumps(items, ensure_ascii=False).encode(encoding))
    assert result.encoding == encoding
    assert rows[4]["name"] == "Кабель силовой медный"
    assert [issue.code for issue in result.issues] == ([] if encoding == "utf-8" else ["encoding_overridden"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('[{"sku": "A"},\n{"sku": }]', ("json_malformed", 2)),
        ('[{"sku": "A"}\n{"sku": "B"}]', ("json_malformed", 2)),
        ('[{"sku": "A"}]\n[]', ("json_malformed", 2)),
        ('[{"sku": "A\n"}]', ("json_malformed", 1)),
        ('[{"sku": "A"},\n"B"]', ("json_malformed", 2)),
        ("[{'sku': 'A'}]", ("json_malformed", 1)),
        ('[{"sku": "A"},\n\n{"sku": "B"', ("json_truncated", 3)),
        ('[{"sku": "A"},\n', ("json_truncated", 2)),
        ('{"sku": "A"}\n{"sku": "', ("json_truncated", 2)),
        ("[]", ("no_offers", None)),
        ('[{"sku": "' + "x" * VALUE_LENGTH + '"}]', ("json_limit", 1)),
        ('[{"price_list": 1}]', ("json_items_missing", 1)),
        ('{"items": [{"sku": "A"}]}', ("json_items_missing", 1)),
        ('\n{"error": {"text": "нет доступа"}}', ("answer_is_error", 2)),
        (b'[{"sku": "\x98\x81"}]', ("encoding_invalid", 1)),
    ],
)  # fmt: skip
def test_F5_a_file_that_is_not_whole_and_right_is_rejected(refuse, data, expected) -> None:
    assert refuse(data)[:2] == expected


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ('{"data": {"rows": []}}', "json_items_missing", "поля items нет; есть: rows"),
        ('{"data": {"items": {}}}', "json_items_missing", "data.items есть, но это не список"),
        ('{"data": []}', "json_items_missing", "вместо объекта другое"),
        ('[{"sku": "A"}]', "json_items_missing", "вместо объекта другое"),
        ('{"message": "x", "error": "token expired"}', "answer_is_error", "token expired"),
        ('{"data": {"items": [{"sku": "A"}]', "json_truncated", "документ не закрыт"),
        ('{"data": {"items": [{"sku": "A"}]}} {}', "json_malformed", "после конца документа"),
    ],
)
def test_F5_a_list_that_is_not_where_the_link_says(refuse, data, code, words) -> None:
    found = refuse(data, json_items="data.items")
    assert found[0] == code
    assert words in found[2]


def test_F5_quotes_are_bounded_and_printable(refuse) -> None:
    detail = refuse(json.dumps({"\x1b[31m" + "x" * 500 + str(i): 1 for i in range(50)}))[2]
    assert len(detail) < 600
    assert detail.isprintable()


# --- from an object to an offer ---------------------------------------------------------------------------------------


def test_S1_usual_names_are_raw_columns_and_yml_tags_in_any_case(read) -> None:
    item = {"SKU": "A", "vendorCode": "V", "vendor": "Завод", "idToImport": ["1", "2"], "Price": 1, "extra": {"a": 1}}
    result, (row,) = read(json.dumps([item]))
    assert values(row) == {"sku": "A", "vendor_code": "V", "vendor": "Завод", "position_codes": "1,2", "price": "1"}
    assert (result.spellings["vendor_code"], result.spellings["price"]) == ("vendorCode", "Price")
    assert [(i.code, i.field, i.sent, i.line) for i in result.issues] == [("unknown_tags", "extra", "1", 1)]


def test_S1_the_id_is_the_article_only_where_there_is_no_article(read) -> None:
    _, rows = read('[{"id": 7, "sku": "A"}, {"sku": "B", "id": 8}, {"id": 9}]')
    assert [row["sku"] for row in rows] == ["A", "B", "9"]
    assert not any("repeated" in row for row in rows)


def test_S1_the_link_names_fields_by_their_path(read) -> None:
    item = {
        "code": "A",
        "prices": {"retail": 10.5, "list": [{"value": 9}]},
        "price": 1,
        "a.b": "Завод",
        "photos": ["http://a/1.jpg", {"URL": "http://a/2.jpg"}, None],
    }
    tags = {
        "sku": "code",
        "price": "prices.retail",
        "rrp": "prices.list.0.value",
        "vendor": "a.b",
        "pictures": "photos",
    }
    result, (row,) = read(json.dumps([item]), format="json", tags=tags)
    assert values(row) == {"sku": "A", "price": "10.5", "rrp": "9", "vendor": "Завод"}
    assert [picture["value"] for picture in row["pictures"]] == ["http://a/1.jpg", "http://a/2.jpg"]
    assert result.spellings["price"] == "prices.retail"
    assert result.issues == ()  # the usual field of a named column is known, and not read


def test_S1_places_that_only_json_has_are_named_for_json_only() -> None:
    assert parse_options({"format": "json", "tags": "sku:code,price:prices.retail"}, {}).link.tags["sku"] == "code"
    with pytest.raises(OperatorError, match="format=json"):
        parse_options({"tags": {"sku": "code"}}, {})


def test_S1_a_path_that_leads_nowhere_is_an_absent_field(read) -> None:
    _, (row,) = read('[{"sku": "A", "p": {"q": null}, "l": [1], "s": "x"}]', format="json",
                     tags={"price": "p.q", "vat": "l.5", "rrp": "s.t", "model": "p.q.r"})  # fmt: skip
    assert values(row) == {"sku": "A"}


def test_O6_values_are_taken_as_sent(read) -> None:
    numbers = '"sku": 1.10, "price": 1200.50, "count": 1e3, "rrp": NaN, "quantity": 12345678901234567890.123456789'
    _, (row,) = read(f'[{{{numbers}, "available": true, "vat": null, "name": "", "model": {{"a": [1, false]}}}}]')
    assert values(row) == {
        "sku": "1.10",
        "price": "1200.50",
        "count": "1e3",
        "available": "true",
        "rrp": "NaN",
        "quantity": "12345678901234567890.123456789",
        "name": "",
        "model": '{"a": ["1", false]}',
    }


def test_O17_a_name_that_stands_twice_counts_once_and_is_said(read) -> None:
    _, (row,) = read('[{"sku": "A", "price": 1, "price": 2, "vendor_code": "x", "vendorCode": "y"}]')
    assert row["price"] == "1"
    assert [(r["field"], r["value"]) for r in row["repeated"]] == [("vendorCode", "y"), ("price", "2")]


@pytest.mark.parametrize(
    "params",
    [
        [{"name": "Длина", "value": 10, "unit": "м"}, {"Name": "Цвет", "Value": ["красный", "белый"]}],
        {"Длина": {"value": 10, "unit": "м"}, "Цвет": ["красный", "белый"]},
    ],
    ids=["list", "object"],
)
def test_O13_characteristics(read, params) -> None:
    _, (row,) = read(json.dumps([{**OFFER, "params": params}]))
    assert [(p["name"], p["value"], p["unit"], p["line"]) for p in row["params"]] == [
        ("Длина", "10", "м", 1),
        ("Цвет", "красный", None, 1),
        ("Цвет", "белый", None, 1),
    ]


@pytest.mark.parametrize(
    "regions",
    [[{"id": "77", "price": 5, "quantity": 2, "odd": 1}], {"77": {"price": 5, "quantity": 2, "odd": 1}}],
    ids=["list", "object"],
)
def test_O18_regions(read, regions) -> None:
    result, (row,) = read(json.dumps([{**OFFER, "regions": regions}]))
    (region,) = row["regions"]
    assert values(region) == {"code": "77", "price": "5", "quantity": "2"}
    assert [(i.code, i.field) for i in result.issues] == [("unknown_tags", "odd")]


def test_O10_stocks_of_warehouses(read) -> None:
    for outlets in ([5, {"instock": 7}], {"Москва": 5, "Тула": {"instock": 7, "name": "Тула"}}):
        _, (row,) = read(json.dumps([{**OFFER, "outlets": outlets}]))
        assert [outlet["value"] for outlet in row["outlets"]] == ["5", "7"]


def test_F6_characters_that_nothing_can_store_are_removed_and_counted(read) -> None:
    result, (row,) = read('[{"sku": "A\\u0000", "name": "\\ud800Кабель\\u0007",\n "\\udfff": 1}]')
    assert values(row) == {"sku": "A", "name": "Кабель"}
    issue, unknown = result.issues
    assert (issue.code, issue.sent, issue.field, issue.line) == ("control_characters_removed", "3", "U+0000", 1)
    assert unknown.code == "unknown_tags"


def test_F1_another_format_than_the_link_expects(tmp_path: Path) -> None:
    with pytest.raises(SupplierError, match="format_unexpected"):
        parse(lambda: io.BytesIO(b'[{"sku": "A"}]'), tmp_path / "out", expected=FeedFormat.YML)


def test_F3_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    script = (
        "import io, resource, sys\n"
        "from pathlib import Path\n"
        "from pipelines.parse import parse\n"
        "path = Path(sys.argv[1])\n"
        "print(parse(lambda: path.open('rb'), path.with_suffix('.out')).read,\n"
        "      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
    )

    def peak(offers: int) -> int:
        path = tmp_path / "feed.json"
        with path.open("w") as file:
            for i in range(offers):
                file.write(json.dumps({"sku": f"A{i}", "name": "x" * 500, "description": "y" * 500}) + "\n")
        run = subprocess.run(
            [sys.executable, "-c", script, path],
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
        read, peak_bytes = map(int, run.stdout.split())
        assert read == offers
        return peak_bytes

    assert peak(40_000) < peak(8_000) + 25 * 10**6
