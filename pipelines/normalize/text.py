r"""N4: text as it is compared and shown; numbers as people write them. SQL macros that all rules share.

Spaces are all of Unicode's, NBSP and its narrow relatives included. Homoglyphs are not changed.

* `trimmed(s)` without surrounding spaces; NULL when nothing is left.
* `clean(s)` NFC, every run of spaces one plain space, trimmed; NULL when nothing is left.
* `folded(s)` `clean`, lower case, without closing dots: the form in which spellings are looked up.
* `number_text(s)` a number in plain form (digits, a dot, digits) or NULL. Read are `1200`, `1200.5`, `1200,5` and
  digits grouped by spaces. Signs, exponents, words and anything else are not numbers.
* `is_plain_number(s)` whether it is in that form already, as most are.
* `after_minus(s)` what follows a leading minus; NULL without one.
* `quantity_number(s)`, `measure_number(s)` that number as DECIMAL, rounded half-up to the scale; NULL when it does not
  fit.
"""

from __future__ import annotations

_SPACE = r"\s\x{0B}\x{1C}-\x{1F}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
# Most values need nothing: single plain spaces inside, and only characters that NFC never changes.
_UNUSUAL = r"^$|^ | $|  |[^ -~А-яЁё№«»°–—]"

MACROS = rf"""
CREATE MACRO trimmed(s) AS CASE WHEN regexp_matches(s, '^$|^[{_SPACE}]|[{_SPACE}]$')
    THEN nullif(regexp_replace(s, '^[{_SPACE}]+|[{_SPACE}]+$', '', 'g'), '') ELSE s END;
CREATE MACRO clean(s) AS CASE WHEN regexp_matches(s, '{_UNUSUAL}')
    THEN nullif(trim(regexp_replace(nfc_normalize(s), '[{_SPACE}]+', ' ', 'g')), '') ELSE s END;
CREATE MACRO folded(s) AS nullif(rtrim(lower(clean(s)), '. '), '');
CREATE MACRO is_plain_number(s) AS regexp_full_match(s, '\d+(\.\d+)?');
CREATE MACRO number_text(s) AS CASE WHEN is_plain_number(s) THEN s
    WHEN regexp_full_match(s, '[{_SPACE}]*(\d+|\d{{1,3}}([{_SPACE}]+\d{{3}})+)([.,]\d+)?[{_SPACE}]*')
    THEN replace(regexp_replace(s, '[{_SPACE}]+', '', 'g'), ',', '.') END;
CREATE MACRO after_minus(s) AS
    CASE WHEN regexp_matches(s, '^[-−–]') THEN regexp_extract(s, '^[-−–] ?(.*)$', 1) END;
CREATE MACRO quantity_number(s) AS TRY_CAST(number_text(s) AS DECIMAL(18, 6));
CREATE MACRO measure_number(s) AS TRY_CAST(number_text(s) AS DECIMAL(18, 8));
"""
