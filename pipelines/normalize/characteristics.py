"""O13 characteristics: order kept, empties and sentinels dropped, a repeated name joined; N3 what they are called and
measured in. The sent form is always beside.

Names come first: one row is one way of naming a characteristic (its name and its unit as sent), looked up once for
all offers of a batch. The row after that is one characteristic of one offer, with its place `position`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import duckdb
import pyarrow as pa

from pipelines.normalize.rule import Columns, Lookup, Remark, Rule, rows_sql
from pipelines.normalize.typos import LONGEST_NAME, NAME_LIMIT, SHORTEST_WORD, find_typos
from pipelines.normalize.unit import resolve

# What accounting systems write for "not set".
SENTINELS = ("-999 999 999,9", "-999999999.9", "-999999999,9")
_SENTINEL_LIST = ", ".join(f"'{s}'" for s in SENTINELS)

# A converted number has six decimals; one that would lose more than the seventh digit of itself stays as sent.
NUMBER = "DECIMAL(14, 6)"
RATIO = pa.decimal128(20, 12)
_RATIO_STEP = Decimal(1).scaleb(-RATIO.scale)
_RATIO_LIMIT = 10 ** (RATIO.precision - RATIO.scale)
_RATIO_ERROR = Fraction(1, 10**7)
SMALLEST_ROUNDED = "0.1"

# * `name_folded(s)` the form in which names are looked up: lower case, ё as е, Latin letters as the Cyrillic ones they
#   look like, words and numbers alone.
# * `name_parts(s)` «Длина, м» and «Длина (м)» taken apart; NULL where the name does not end like that.
# * `number_parts(s)` a number and what follows it.
# * `signed_number(s)` a number with or without a sign.
MACROS = rf"""
CREATE MACRO name_folded(s) AS nullif(trim(regexp_replace(
    translate(lower(clean(s)), 'ёabcehkmoptxy', 'еавсенкмортху'), '[^\p{{L}}\p{{N}}]+', ' ', 'g')), '');
CREATE MACRO name_parts(s) AS CASE WHEN regexp_matches(clean(s), '[,(\[]') THEN regexp_extract(
    clean(s), '^(.*[^\s,(\[])\s*[,(\[]\s*([^\s,()\[\]:][^,()\[\]:]*)[)\]]?[\s:]*$', ['head', 'tail']) END;
CREATE MACRO number_parts(s) AS regexp_extract(
    s, '^([+−-]?[\d ]*\d(?:[.,]\d+)?)\s*([^\d\s.,+−-].*)$', ['number', 'tail']);
CREATE MACRO signed_number(s) AS TRY_CAST(CASE WHEN is_plain_number(s) THEN s ELSE
    concat(CASE WHEN s[1] IN ('-', '−') THEN '-' END, number_text(regexp_replace(s, '^[+−-]', ''))) END AS {NUMBER});
CREATE MACRO plain_number(n) AS regexp_replace(CAST(n AS VARCHAR), '\.?0+$', '');
"""

# Base characteristics, how they are spelt (their own names before synonyms; a spelling that means two means none), and
# misspelt names of the file, found before its offers.
TABLES = """
CREATE TABLE base_characteristics AS
    SELECT name, units.code AS okei FROM characteristics LEFT JOIN units ON units.code = base_unit_okei;
CREATE TABLE characteristic_spellings AS
    WITH spellings AS (
        SELECT name_folded(name) AS spelling, name, true AS own FROM characteristics
        UNION ALL
        SELECT name_folded(unnest(split(synonyms, '|'))), name, false FROM characteristics
    ), best AS (
        SELECT * FROM spellings WHERE spelling IS NOT NULL
        QUALIFY own = max(own) OVER (PARTITION BY spelling)
    )
    SELECT spelling, any_value(name) AS name, any_value(own) AS own FROM best
    GROUP BY spelling HAVING count(DISTINCT name) = 1;
CREATE TABLE characteristic_typos (spelling VARCHAR, name VARCHAR);
"""

NAME = Rule(
    ids=("N3",),
    steps=(
        Columns(
            {
                "name_text": "clean(sent_name)",
                "full_folded": "name_folded(sent_name)",
                "parts": "name_parts(sent_name)",
                "unit_sent": "clean(sent_unit)",
                "unit_code": "padded_code(sent_unit)",
            }
        ),
        Columns({"tail": "nullif(trim(parts.tail), '')", "head_folded": "name_folded(parts.head)"}),
        *resolve("unit_sent", "unit_resolved"),
        *resolve("tail", "tail_resolved"),
        Lookup("units", "unit_code", "code", {"unit_by_code": "code"}),
        Columns({"bare_folded": "CASE WHEN tail_resolved_known THEN head_folded END"}),
        Columns({"closest_folded": "coalesce(bare_folded, full_folded)"}),
        Lookup("characteristic_spellings", "full_folded", "spelling", {"full_name": "name", "full_own": "own"}),
        Lookup("characteristic_spellings", "bare_folded", "spelling", {"bare_name": "name", "bare_own": "own"}),
        Lookup("characteristic_typos", "closest_folded", "spelling", {"typo_name": "name"}),
        Columns(
            {
                "base_name": (
                    "CASE WHEN full_own THEN full_name WHEN bare_own THEN bare_name"
                    " ELSE coalesce(full_name, bare_name, typo_name) END"
                ),
                "recognized": (
                    "CASE WHEN full_own OR bare_own THEN 'exact' WHEN full_name IS NOT NULL OR bare_name IS NOT NULL"
                    " THEN 'synonym' WHEN typo_name IS NOT NULL THEN 'typo' END"
                ),
            }
        ),
        Lookup("base_characteristics", "base_name", "name", {"base_okei": "okei"}),
        Columns(
            {
                "param_name": "coalesce(base_name, name_text)",
                "param_key": "lower(coalesce(base_name, name_text))",
                "named_okei": (
                    "CASE WHEN unit_sent IS NOT NULL THEN coalesce(unit_by_code, unit_resolved)"
                    " WHEN base_name IS NOT NULL THEN tail_resolved END"
                ),
                "named_unit": (
                    "coalesce(unit_sent, CASE WHEN base_name IS NOT NULL AND tail_resolved_known THEN tail END)"
                ),
            }
        ),
    ),
    remarks=(
        Remark(
            "param_name_guessed",
            "recognized = 'typo'",
            "'params'",
            "param_line",
            "name_text",
            "param_name",
            once=True,
            each_value=True,
        ),
        Remark(
            "param_name_recognized",
            "recognized IN ('exact', 'synonym') AND param_name <> name_text",
            "'params'",
            "param_line",
            "name_text",
            "param_name",
            once=True,
            each_value=True,
        ),
    ),
)

CHARACTERISTIC = Rule(
    ids=("O13", "N1", "N3", "N4"),
    steps=(
        Columns(
            {"param_clean": f"CASE WHEN clean(sent_value) NOT IN ({_SENTINEL_LIST}) THEN clean(sent_value) END"},
        ),
        Columns(
            {
                "value_parts": (
                    "CASE WHEN base_okei IS NOT NULL AND NOT is_plain_number(param_clean)"
                    " THEN number_parts(param_clean) END"
                )
            }
        ),
        Columns({"value_tail": "nullif(value_parts.tail, '')"}),
        *resolve("value_tail", "tail_okei"),
        Columns(
            {
                # A unit in the value counts where none is given otherwise, or the same one is.
                "value_okei": "CASE WHEN named_unit IS NULL THEN tail_okei ELSE named_okei END",
                "value_number": (
                    "CASE WHEN value_tail IS NULL THEN signed_number(param_clean)"
                    " WHEN named_unit IS NULL OR named_okei = tail_okei THEN signed_number(value_parts.number) END"
                ),
            }
        ),
        Columns({"conversion": "concat(value_okei, '>', base_okei)"}),
        Lookup("unit_conversions", "conversion", "conversion", {"ratio": "ratio", "shift": "shift"}),
        Columns({"value_exact": "value_number * ratio + shift"}),
        Columns({"value_rounded": "round(value_exact, 6)"}),
        Columns(
            {"converted": f"coalesce(value_rounded = value_exact OR abs(value_rounded) >= {SMALLEST_ROUNDED}, false)"}
        ),
        Columns({"okei_before": "CASE WHEN converted THEN value_okei ELSE named_okei END"}),
        Columns({"param_okei": "CASE WHEN converted THEN base_okei ELSE okei_before END"}),
        Lookup("units", "param_okei", "code", {"unit_shown": "shown"}),
        Columns(
            {
                "param_value": "CASE WHEN converted THEN plain_number(value_rounded) ELSE param_clean END",
                "param_unit": "coalesce(unit_shown, named_unit)",
            }
        ),
        Columns(
            {
                "param_kept": "param_name IS NOT NULL AND param_value IS NOT NULL",
                "unit_before": (
                    "CASE WHEN converted AND value_okei <> base_okei THEN coalesce(named_unit, value_tail) END"
                ),
            }
        ),
    ),
)

CONVERTED = Rule(
    ids=("N3",),
    steps=(),
    remarks=(
        Remark(
            "param_converted",
            "true",
            "'params'",
            "param_line",
            "concat(param_name, ', ', unit_before)",
            "concat(param_name, ', ', param_unit)",
            once=True,
            each_value=True,
        ),
    ),
)


def typed_spellings(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The spellings that a misspelt name may mean, and the characteristic of each.

    Where a unit after it gives a name another meaning («упаковка» and «упаковка, шт»), a guess about the name alone
    would be a guess about both: such a name is left out, unless it is the characteristic's own, which needs no unit.
    """
    known = connection.execute("SELECT spelling, name, own FROM characteristic_spellings ORDER BY spelling").fetchall()
    with_units = dict(
        connection.execute(
            """
            SELECT name_folded(parts.head), name
            FROM (SELECT name, name_parts(unnest(split(synonyms, '|'))) AS parts FROM characteristics)
            WHERE trim(parts.tail) IN (SELECT alias FROM okei_aliases) ORDER BY ALL"""
        ).fetchall()
    )
    return {spelling: name for spelling, name, own in known if own or with_units.get(spelling, name) == name}


def find_misspelt(connection: duckdb.DuckDBPyConnection, raw: str = "raw") -> int:
    """Fill `characteristic_typos` from the names in a table of raw offers.

    Of names that are not known the most frequent `NAME_LIMIT` are looked at; their number is returned.
    """
    names = f"""(
        SELECT sent_name, NULL AS sent_unit, count(*) AS uses
        FROM (SELECT unnest(list_transform(params, lambda p: p.name)) AS sent_name FROM {raw}) GROUP BY sent_name)"""
    unknown = connection.execute(
        f"""
        SELECT closest_folded FROM ({rows_sql(names, (NAME,), "closest_folded, base_name, uses")})
        WHERE base_name IS NULL AND length(closest_folded) BETWEEN {SHORTEST_WORD} AND {LONGEST_NAME}
        GROUP BY closest_folded ORDER BY sum(uses) DESC, closest_folded LIMIT {NAME_LIMIT}"""
    ).fetchall()
    found = find_typos((name for (name,) in unknown), typed_spellings(connection))
    connection.execute("DELETE FROM characteristic_typos")
    _insert(connection, "characteristic_typos", pa.table({"spelling": list(found), "name": list(found.values())}))
    return len(unknown)


def all_looked_at(unknown: int) -> bool:
    """Whether all of so many unknown names are looked at: then what one of them means does not depend on the others."""
    return unknown < NAME_LIMIT


def write_conversions(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `unit_conversions`: how a number in a unit becomes one in a base unit of the same dimension.

    Factors divide as fractions; where the ratio is too large or too fine for `RATIO`, numbers stay as sent.
    """
    pairs = connection.execute(
        """
        SELECT concat(given.code, '>', base.code), given.factor, given.offset, base.factor, base.offset
        FROM okei_conversions AS given JOIN okei_conversions AS base USING (base_code, dimension)
        WHERE base.code IN (SELECT okei FROM base_characteristics) ORDER BY ALL"""
    ).fetchall()
    rows = []
    for conversion, *texts in pairs:
        factor, offset, base_factor, base_offset = (Fraction(text or "0") for text in texts)
        ratio, shift = factor / base_factor, (offset - base_offset) / base_factor
        if max(ratio, abs(shift)) < _RATIO_LIMIT:
            held = [
                (Decimal(n.numerator) / Decimal(n.denominator)).quantize(_RATIO_STEP, ROUND_HALF_UP)
                for n in (ratio, shift)
            ]
            if abs(Fraction(held[0]) - ratio) <= ratio * _RATIO_ERROR:
                rows.append((conversion, *held))
    schema = pa.schema([("conversion", pa.string()), ("ratio", RATIO), ("shift", RATIO)])
    connection.execute(
        "CREATE TABLE unit_conversions (conversion VARCHAR, ratio DECIMAL(20, 12), shift DECIMAL(20, 12))"
    )
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [pa.array(column, f.type) for column, f in zip(columns, schema, strict=True)]
    _insert(connection, "unit_conversions", pa.Table.from_arrays(arrays, schema=schema))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    connection.register("arriving", rows)
    connection.execute(f"INSERT INTO {table} FROM arriving")
    connection.unregister("arriving")


# A name repeated with the same unit is one characteristic whose distinct values are joined; the first gives the place.
# Few are repeated: only those take the way of grouping.
_SAME = "ordinal, param_key, coalesce(param_unit, '')"
REPEATED = f"SELECT * FROM (SELECT {_SAME} AS unit FROM param_rows WHERE param_kept) GROUP BY ALL HAVING count(*) > 1"
REPEATED_ROWS = f"SELECT * FROM param_rows WHERE param_kept AND ({_SAME}) IN (FROM params_repeated)"
JOINED_ROWS = f"""
    SELECT ordinal, min(position) AS position, arg_min(param_line, position) AS param_line,
        array_to_string(each_once(list(sent_name ORDER BY position)), '; ') AS sent_name,
        array_to_string(list(sent_value ORDER BY position), '; ') AS sent_value,
        array_to_string(each_once(list(sent_unit ORDER BY position) FILTER (sent_unit IS NOT NULL)), '; ') AS sent_unit,
        arg_min(param_name, position) AS param_name,
        array_to_string(each_once(list(param_value ORDER BY position)), '; ') AS param_value,
        arg_min(param_unit, position) AS param_unit,
        arg_min(param_okei, position) AS param_okei
    FROM params_repeated_rows GROUP BY {_SAME}"""
DROPPED_NAMES = """
    SELECT ordinal, min(param_line) AS param_line,
        array_to_string(list(left(coalesce(trimmed(sent_name), '?'), 60) ORDER BY position)[1:10], '; ')
            AS dropped_names
    FROM param_rows WHERE NOT param_kept GROUP BY ordinal"""
CONVERTED_UNITS = """
    SELECT min(ordinal) AS ordinal, min(param_line) AS param_line, param_name, unit_before, param_unit
    FROM params_converted_rows GROUP BY param_name, unit_before, param_unit, section_of(ordinal)"""
# field of a published characteristic -> column of its row
PUBLISHED = {
    **{column: column for column in ("sent_name", "sent_value", "sent_unit")},
    "name": "param_name",
    "value": "param_value",
    "unit": "param_unit",
    "unit_okei": "param_okei",
}
# What a name brings to each characteristic that bears it.
OF_NAME = ("param_name", "param_key", "named_unit", "named_okei", "base_okei")

JOINED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(Remark("params_joined", "true", "'params'", "param_line", "param_name", "param_value"),),
)
DROPPED = Rule(
    ids=("O13",),
    steps=(),
    remarks=(Remark("params_dropped", "true", "'params'", "param_line", "dropped_names"),),
)
