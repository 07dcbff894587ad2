"""O18 prices and stock by region, N2 region codes. A bad region costs the region, never the offer.

The row here is one region of one offer, with its place `position`, the offer's values as `offer_<name>` beside it.
Prices, availability and delivery time are read by the very steps of the offer's rules.
"""

from __future__ import annotations

from pipelines.normalize import availability, delivery, price
from pipelines.normalize.rule import Columns, Lookup, Remark, Rule

# What a code leads to: itself, or its successor where it was replaced by one. Abbreviations and names of districts are
# codes too.
TABLES = """
CREATE TABLE regions AS
    WITH RECURSIVE followed AS (
        SELECT code8 AS code, code8 AS target, replaced_by, valid_to FROM oktmo
        UNION ALL
        SELECT followed.code, oktmo.code8, oktmo.replaced_by, oktmo.valid_to
        FROM followed JOIN oktmo ON oktmo.code8 = followed.replaced_by
    )
    SELECT followed.code, target, oktmo.level, oktmo.name_ru AS name
    FROM followed JOIN oktmo ON oktmo.code8 = target WHERE followed.valid_to IS NULL
    UNION
    SELECT lower(unnest(split(concat_ws('|', abbr, name, aliases), '|'))), abbr, 'district', name
    FROM federal_districts;
"""

# Okrugs that are subjects inside another subject's number.
MACROS = r"""
CREATE MACRO subject_code(code) AS
    CASE WHEN left(code, 3) IN ('118', '718', '719') THEN left(code, 3) || '00000' ELSE left(code, 2) || '000000' END;
"""

# What a code brings to each region that bears it.
OF_CODE = ("code", "level", "name", "code_rolled_up", "code_restored", "code_replaced")
# What a region takes from its offer when it does not say.
INHERITED = ("price", "price_without_vat", "availability", "quantity", "delivery_days")
# What else of its offer decides about a region: its class, its RRP and whether it is listed without a price (S3, S4).
OF_OFFER = {"on_request": "on_request", "rrp_controlled": "rrp_controlled", "offer_rrp": "rrp"}

CODE = Rule(
    ids=("N2",),
    steps=(
        Columns(
            {
                "code_key": "folded(sent_code)",
                "code_digits": "regexp_extract(replace(clean(sent_code), ' ', ''), '^\\d+$')",
            }
        ),
        Columns(
            {
                "code_padded": (
                    "CASE WHEN length(code_digits) IN (7, 10) THEN '0' || code_digits"
                    " WHEN length(code_digits) IN (8, 11) THEN code_digits END"
                )
            }
        ),
        Columns(
            {
                "code_municipality": "left(code_padded, 8)",
                "code_district": "left(code_padded, 5) || '000'",
                "code_subject": "CASE WHEN length(code_digits) IN (8, 11) THEN subject_code(code_padded) END",
            }
        ),
        *(
            Lookup("regions", f"code_{k}", "code", {f"{k}_{c}": c for c in ("target", "level", "name")})
            for k in ("municipality", "district", "subject", "key")
        ),
        Columns(
            {
                "code_found": (
                    "CASE WHEN key_target IS NOT NULL AND code_digits = '' THEN 'key'"
                    " WHEN municipality_target IS NOT NULL THEN 'municipality'"
                    " WHEN length(code_digits) = 7 THEN NULL"
                    " WHEN district_target IS NOT NULL THEN 'district'"
                    " WHEN subject_target IS NOT NULL THEN 'subject' END"
                )
            }
        ),
        Columns(
            {
                **{
                    column: (
                        "CASE code_found "
                        + " ".join(f"WHEN '{k}' THEN {k}_{c}" for k in ("municipality", "district", "subject", "key"))
                        + " END"
                    )
                    for column, c in (("code", "target"), ("level", "level"), ("name", "name"))
                },
                "code_rolled_up": (
                    "code_found IN ('district', 'subject') OR (code_found = 'municipality' AND length(code_digits) > 9)"
                ),
            }
        ),
        Columns(
            {
                "code_restored": "code IS NOT NULL AND length(code_digits) IN (7, 10)",
                "code_replaced": (
                    "code_found IN ('municipality', 'district') AND code <> CASE code_found"
                    " WHEN 'municipality' THEN code_municipality ELSE code_district END"
                ),
            }
        ),
    ),
)

# A missing field inherits the offer's. Availability and quantity go together: a quantity alone is an exact one; a state
# without one takes the offer's quantity; neither takes both.
_INHERIT_STOCK = (
    Columns(
        {
            "quantity_sent": (
                "CASE WHEN trimmed(sent_quantity) IS NOT NULL THEN trimmed(sent_quantity)"
                " WHEN trimmed(sent_available) IS NOT NULL THEN CAST(offer_quantity AS VARCHAR) END"
            ),
            "stock_sent": "trimmed(sent_quantity) IS NOT NULL OR trimmed(sent_available) IS NOT NULL",
        }
    ),
)

_FAULT = (
    "CASE WHEN code IS NULL THEN 'code' WHEN price_fault IS NOT NULL OR price_derived_too_large THEN 'price'"
    " WHEN price_without_vat_fault IS NOT NULL THEN 'price_without_nds'"
    " WHEN price_under_rrp AND option_rrp_policy = 'reject' THEN 'rrp' END"
)

REGION = Rule(
    ids=("O18",),
    steps=(
        *price.OF_REGION,
        *_INHERIT_STOCK,
        *availability.STEPS,
        *delivery.DELIVERY.steps,
        Columns({"price_under_rrp": "rrp_controlled AND coalesce(price, price_without_vat) < offer_rrp"}),
        Columns(
            {
                "region_fault": _FAULT,
                "price_sent": "price_own IS NOT NULL OR price_without_vat_own IS NOT NULL",
            }
        ),
        Columns(
            {
                "region_place": (
                    "CASE WHEN region_fault IS NULL THEN row_number() OVER ("
                    "PARTITION BY ordinal, region_fault IS NULL, code"
                    " ORDER BY coalesce(code_rolled_up, false), position) END"
                )
            }
        ),
    ),
    remarks=(
        Remark("region_unknown", "region_fault = 'code'", "'regions.code'", "code_line", "sent_code"),
        Remark(
            "region_price_dropped",
            "region_fault = 'price'",
            "'regions.price'",
            "price_line",
            "concat(sent_code, ': ', sent_price)",
        ),
        Remark(
            "region_price_dropped",
            "region_fault = 'price_without_nds'",
            "'regions.price_without_nds'",
            "price_without_nds_line",
            "concat(sent_code, ': ', sent_price_without_nds)",
        ),
        Remark("region_repeated", "region_place > 1", "'regions.code'", "code_line", "sent_code", "code"),
        Remark(
            "region_rolled_up",
            "region_place = 1 AND code_rolled_up",
            "'regions.code'",
            "code_line",
            "sent_code",
            "concat(code, ' ', name)",
        ),
        Remark(
            "region_replaced",
            "region_place = 1 AND code_replaced",
            "'regions.code'",
            "code_line",
            "sent_code",
            "concat(code, ' ', name)",
        ),
        Remark(
            "region_zero_restored",
            "region_place = 1 AND code_restored AND NOT code_rolled_up AND NOT code_replaced",
            "'regions.code'",
            "code_line",
            "sent_code",
            "concat(code, ' ', name)",
        ),
        *(
            Remark(
                "region_price_rounded",
                f"region_place = 1 AND {name}_rounded AND {name}_own IS NOT NULL",
                f"'regions.{raw}'",
                f"{raw}_line",
                f"concat(sent_code, ': ', sent_{raw})",
                f"CAST({name} AS VARCHAR)",
            )
            for name, raw in price.COLUMNS.items()
        ),
        *(
            Remark(
                code,
                condition,
                "CASE WHEN trimmed(sent_price) IS NOT NULL THEN 'regions.price' ELSE 'regions.price_without_nds' END",
                "coalesce(price_line, price_without_nds_line)",
                "concat(sent_code, ': ', coalesce(price, price_without_vat), ', РРЦ ', offer_rrp)",
                published,
            )
            for code, condition, published in (
                ("region_below_rrp_dropped", "region_fault = 'rrp'", "NULL"),
                (
                    "region_below_rrp_published",
                    "region_place = 1 AND price_under_rrp",
                    "CAST(coalesce(price, price_without_vat) AS VARCHAR)",
                ),
            )
        ),
        *(
            Remark(
                "price_not_published",
                f"region_place = 1 AND on_request AND trimmed(sent_{raw}) IS NOT NULL",
                f"'regions.{raw}'",
                f"{raw}_line",
                f"concat(sent_code, ': ', sent_{raw})",
            )
            for raw in price.COLUMNS.values()
        ),
        Remark(
            "region_prices_differ",
            "region_place = 1 AND price_given_apart",
            "'regions.price_without_nds'",
            "price_without_nds_line",
            "concat(sent_code, ': ', sent_price_without_nds)",
            "CAST(price_without_vat AS VARCHAR)",
        ),
        Remark(
            "region_stock_guessed",
            "region_place = 1 AND ((availability_key IS NOT NULL AND availability_stated IS NULL)"
            " OR (availability_stated = 'count' AND quantity IS NULL)"
            " OR (trimmed(sent_quantity) IS NOT NULL AND (quantity_unreadable OR quantity_negative)))",
            "'regions.available'",
            "coalesce(available_line, quantity_line)",
            "concat_ws(', ', sent_available, sent_quantity)",
            "availability",
        ),
        Remark(
            "region_delivery_dropped",
            "region_place = 1 AND trimmed(sent_delivery_time) IS NOT NULL AND delivery_days IS NULL",
            "'regions.delivery_time'",
            "delivery_time_line",
            "sent_delivery_time",
        ),
    ),
)

# The regions that are published, in no particular order: field -> SQL.
PUBLISHED = {
    "code": "code",
    "level": "level",
    "name": "name",
    "price": "CASE WHEN price_sent THEN price ELSE offer_price END",
    "price_without_vat": "CASE WHEN price_sent THEN price_without_vat ELSE offer_price_without_vat END",
    "availability": "CASE WHEN stock_sent THEN availability ELSE offer_availability END",
    "quantity": "CASE WHEN stock_sent THEN quantity ELSE offer_quantity END",
    "delivery_days": "coalesce(delivery_days, offer_delivery_days)",
}
PUBLISHED_ROWS = f"""
    SELECT ordinal, position, price_sent, {", ".join(f"{sql} AS {field}" for field, sql in PUBLISHED.items())}
    FROM region_rows WHERE region_place = 1"""
BY_OFFER = "SELECT ordinal, bool_or(price_sent) AS regions_priced FROM regions_published GROUP BY ordinal"

# The offer again, once its regions are known: a price must stand somewhere, unless it is listed without one (S4).
PRICED = Rule(
    ids=("O6", "O18"),
    steps=(Lookup("regions_by_offer", "ordinal", "ordinal", {"regions_priced": "regions_priced"}),),
    remarks=(
        Remark(
            "price_missing",
            "price_clean IS NULL AND price_without_vat_clean IS NULL AND regions_priced IS DISTINCT FROM true"
            " AND NOT on_request",
            "'price'",
            "coalesce(price_line, price_without_nds_line)",
        ),
    ),
)
