r"""O6 prices with and without VAT: read by an explicit grammar, exact in DECIMAL and kopecks, never in floating point.

How a price is read, spaces of all kinds being one:

* `1200`, `1200.5`, `12.345`: a dot is the decimal separator, as YML prescribes;
* `1200,50`, `0,125`, `1234,567`: so is a lone comma, unless it could group thousands;
* `1,200`: it could; thousands or decimals, nobody can tell: ambiguous, rejected;
* `1 200.50`, `1 200,50`: spaces group thousands, in threes;
* `1,200.50`, `1.200,50`: of two separators the last one is decimal; `1,200,500`: a repeated one groups.

Signs, words, ranges and exponents are no price. More than two decimals are rounded half-up.

What is listed `on_request` has no price: whatever stands there is not read (S4).
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.model import StockClass
from pipelines.normalize.rule import Columns, Lookup, Rule, about

PRICE_LIMIT = "9999999999999.99"
_INTEGER_DIGITS = 13
# Both prices given may differ by the larger of a rouble and half a per cent, in kopecks.
TOLERANCE_KOPECKS = 100
TOLERANCE_DIVISOR = 200

MACROS = r"""
CREATE MACRO price_text(s) AS CASE
    WHEN is_plain_number(s) THEN s
    WHEN regexp_full_match(s, '[1-9]\d{0,2},\d{3}') THEN NULL
    WHEN regexp_full_match(s, '\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}') THEN replace(s, ',', '')
    WHEN regexp_full_match(s, '\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}') THEN replace(replace(s, '.', ''), ',', '.')
    ELSE number_text(s) END;
CREATE MACRO kopecks(price) AS CAST(price * 100 AS BIGINT);
CREATE MACRO roubles(kopecks) AS CAST(CAST(kopecks AS DECIMAL(18, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(18, 2));
CREATE MACRO without_vat(price, percent) AS
    roubles((kopecks(price) * 200 + (100 + percent)) // (2 * (100 + percent)));
CREATE MACRO with_vat(price, percent) AS
    roubles((kopecks(price) * (100 + percent) * 2 + 100) // 200);
"""

# own column of the price -> raw column
COLUMNS = {"price": "price", "price_without_vat": "price_without_nds"}


def _reading(name: str, raw: str) -> tuple[dict[str, str], ...]:
    """Columns, step after step, that read one sum of money.

    They leave `<name>_own`, exact, or say in `<name>_fault` why it cannot be one. Three decimals are kept before
    rounding: the third alone decides half-up, so that nothing is rounded twice.
    """
    sent = f"CASE WHEN NOT on_request THEN clean(sent_{raw}) END" if name in COLUMNS else f"clean(sent_{raw})"
    return (
        {f"{name}_clean": sent},
        {f"{name}_after_minus": f"after_minus({name}_clean)"},
        {f"{name}_unsigned": f"price_text(coalesce({name}_after_minus, {name}_clean))"},
        {
            f"{name}_text": f"CASE WHEN {name}_after_minus IS NULL THEN {name}_unsigned END",
            f"{name}_negative": f"{name}_after_minus IS NOT NULL AND {name}_unsigned IS NOT NULL",
        },
        {
            f"{name}_whole": f"ltrim(split_part({name}_text, '.', 1), '0')",
            f"{name}_decimals": f"left(rpad(split_part({name}_text, '.', 2), 3, '0'), 3)",
        },
        {
            f"{name}_read": (
                f"CASE WHEN length({name}_whole) <= {_INTEGER_DIGITS} THEN"
                f" CAST(CAST(concat('0', {name}_whole, '.', {name}_decimals) AS DECIMAL(18, 3))"
                " AS DECIMAL(18, 2)) END"
            )
        },
        {
            f"{name}_fault": (
                f"CASE WHEN {name}_clean IS NULL THEN NULL"
                f" WHEN {name}_negative OR {name}_read = 0 THEN 'not_positive'"
                f" WHEN {name}_read <= {PRICE_LIMIT} THEN NULL"
                f" WHEN regexp_full_match({name}_clean, '[1-9]\\d{{0,2}},\\d{{3}}') THEN 'ambiguous'"
                f" WHEN {name}_text IS NULL THEN 'invalid'"
                " ELSE 'too_large' END"
            ),
            f"{name}_rounded": f"regexp_matches({name}_text, '\\.\\d\\d\\d*[1-9]')",
        },
        {f"{name}_own": f"CASE WHEN {name}_fault IS NULL THEN CAST({name}_read AS DECIMAL(18, 2)) END"},
    )


def _read(columns: Mapping[str, str]) -> tuple[Columns, ...]:
    """Steps that read several sums side by side: own column -> raw column."""
    together = zip(*(_reading(name, raw) for name, raw in columns.items()), strict=True)
    return tuple(Columns({name: sql for each in step for name, sql in each.items()}) for step in together)


_DERIVE = (
    Columns(
        {
            "price_full": "coalesce(price_own, with_vat(price_without_vat_own, vat_percent))",
            "price_net": "coalesce(price_without_vat_own, without_vat(price_own, vat_percent))",
            "price_derived": (
                "CASE WHEN vat_percent IS NULL THEN NULL"
                " WHEN price_own IS NULL AND price_without_vat_own IS NOT NULL THEN 'price'"
                " WHEN price_own IS NOT NULL AND price_without_vat_own IS NULL THEN 'price_without_vat' END"
            ),
            "price_given_apart": (
                "abs(kopecks(price_own) - kopecks(with_vat(price_without_vat_own, vat_percent)))"
                f" * {TOLERANCE_DIVISOR} > greatest({TOLERANCE_KOPECKS * TOLERANCE_DIVISOR}, kopecks(price_own))"
            ),
        }
    ),
    Columns({"price_derived_too_large": f"price_full > {PRICE_LIMIT}"}),
    Columns(
        {
            "price": "CASE WHEN NOT price_derived_too_large THEN CAST(price_full AS DECIMAL(15, 2)) END",
            "price_without_vat": (
                f"CASE WHEN price_net BETWEEN 0.01 AND {PRICE_LIMIT} THEN CAST(price_net AS DECIMAL(15, 2)) END"
            ),
        }
    ),
)

# Of a region and of an offer; both have a column `on_request`. The RRP of an offer is read by the same grammar.
OF_REGION = (*_read(COLUMNS), *_DERIVE)
_OF_OFFER = (*_read(COLUMNS | {"rrp": "rrp"}), *_DERIVE)

# «По запросу» in place of a number: a class of stock that was told in the wrong place. Only an offer is told so.
_WORDS: tuple[Columns | Lookup, ...] = (
    Columns({f"{name}_words": f"CASE WHEN {name}_fault = 'invalid' THEN folded({name}_clean) END" for name in COLUMNS}),
    *(Lookup("stock_classes", f"{name}_words", "spelling", {f"{name}_class": "class"}) for name in COLUMNS),
    Columns({f"{name}_asks": f"{name}_class IS NOT DISTINCT FROM '{StockClass.ON_REQUEST}'" for name in COLUMNS}),
)

_FAULTS = {
    "invalid": "price_invalid",
    "ambiguous": "price_ambiguous",
    "not_positive": "price_not_positive",
    "too_large": "price_too_large",
}

# A fault of any price that was sent rejects the offer: what the other one says is then doubtful too.
PRICE = Rule(
    ids=("O6",),
    steps=(*_OF_OFFER, *_WORDS),
    remarks=(
        *(
            about(code, raw, f"{name}_fault = '{fault}' AND NOT {name}_asks")
            for name, raw in COLUMNS.items()
            for fault, code in _FAULTS.items()
        ),
        *(about("price_on_request_unclassed", raw, f"{name}_asks") for name, raw in COLUMNS.items()),
        *(
            about(
                "price_rounded", raw, f"{name}_rounded AND {name}_own IS NOT NULL", published=f"CAST({name} AS VARCHAR)"
            )
            for name, raw in COLUMNS.items()
        ),
        about("price_too_large", "price_without_nds", "price_derived_too_large"),
        about(
            "prices_differ", "price_without_nds", "price_given_apart", published="CAST(price_without_vat AS VARCHAR)"
        ),
    ),
)
