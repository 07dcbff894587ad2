"""O14 pictures: addresses, http(s) only, at most three. They are never fetched here."""

from __future__ import annotations

from pipelines.normalize.rule import Columns, Remark, Rule

PICTURES_LIMIT = 3
ADDRESS_LIMIT = 2048

# One field may hold several addresses. Spaces and pipes separate; a comma only before the next address or at the end,
# because an address may contain commas itself. Where none of these stands, there is one address.
MACROS = rf"""
CREATE MACRO addresses(s) AS CASE WHEN regexp_full_match(s, '[!-+\--{{}}~]+') THEN [s] ELSE list_filter(
    list_transform(
        regexp_split_to_array(regexp_replace(clean(s), ',(https?://)', ' \1', 'gi'), '[ |]+'),
        lambda a: rtrim(ltrim(a, ','), ',')),
    lambda a: a <> '') END;
CREATE MACRO is_address(s) AS
    length(s) <= {ADDRESS_LIMIT} AND regexp_full_match(s, '(?i)https?://[^/?#\s"<>\\^`{{}}]+([/?#][^\s"<>\\^`{{}}]*)?');
"""

PICTURES = Rule(
    ids=("O14",),
    steps=(
        Columns(
            {
                "picture_entries": (
                    "flatten(list_transform(sent_pictures, lambda p: list_transform(addresses(p.value),"
                    " lambda a: {'sent': a, 'published': CAST(NULL AS VARCHAR), 'line': p.line})))"
                )
            }
        ),
        Columns(
            {
                "picture_good": "list_filter(picture_entries, lambda e: is_address(e.sent))",
                "picture_bad": "list_filter(picture_entries, lambda e: NOT is_address(e.sent))",
            }
        ),
        Columns(
            {
                "pictures": f"coalesce(list_transform(picture_good[1:{PICTURES_LIMIT}], lambda e: e.sent), [])",
                "picture_extra": f"picture_good[{PICTURES_LIMIT + 1}:]",
            }
        ),
    ),
    remarks=(
        Remark("picture_invalid", "len(picture_bad) > 0", "'pictures'", "entry.line", "entry.sent", each="picture_bad"),
        Remark(
            "pictures_over_limit",
            "len(picture_extra) > 0",
            "'pictures'",
            "picture_extra[1].line",
            "array_to_string(list_transform(picture_extra[1:10], lambda e: e.sent), ' ')",
            f"CAST({PICTURES_LIMIT} AS VARCHAR)",
        ),
    ),
)
