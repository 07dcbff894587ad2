"""What is known to come from outside and do harm, each with the tests that hold what we do about it.

One place for it: `docs/hostile.md` is generated from here, and a test compares the names with the tests that exist. A
test is named by its file below `tests/` and its function without `test_`; a golden case by its folder.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """One thing that comes, what becomes of it, and the tests that say so."""

    comes: str
    ends: str
    tests: tuple[str, ...]


_READ, _REPAIR, _ENCODING = "parse/test_yml.py", "parse/test_repair.py", "parse/test_encoding.py"
_SNIFF, _HARD, _CUT = "parse/test_sniff.py", "parse/test_hardening.py", "parse/test_slices.py"
_CSV, _TABLE, _CML = "parse/test_csv.py", "parse/test_table.py", "parse/test_commerceml.py"
_HTTP, _GUARD, _LOGIN, _UNPACK = (f"fetch/test_{name}.py" for name in ("http", "guard", "login", "unpack"))
_MONEY, _STOCK, _DETAILS = (f"normalize/test_{name}.py" for name in ("money", "stock", "details"))
_IDENTITY, _TEXTS, _UNITS = (f"normalize/test_{name}.py" for name in ("identity", "texts", "units"))
_REGIONS, _GUARDS, _PAST = "normalize/test_regions.py", "quality/test_guards.py", "quality/test_gate_past.py"
_MAIL, _LOAD, _EXPORT = (f"integration/test_{name}.py" for name in ("mail", "load", "export"))
_PAGES, _HARMLESS = "report/test_pages.py", "report/test_hostile.py"
_LISTS, _WORDING, _KILL = "report/test_issue_list.py", "report/test_wording.py", "integration/test_kill.py"
_FAULTS, _LINKS, _CATALOG = "faults/test_matrix.py", "integration/test_links.py", "publish/test_catalog.py"
_STORE = "objects/test_store.py"

FEEDS = (
    Case("`&` that begins no reference", "escaped, counted", (f"{_REPAIR}::F6_repairs_of_text",)),
    Case(
        "names of HTML that XML does not know",
        "replaced by their characters, never dropped",
        (f"{_REPAIR}::F6_repairs_of_text",),
    ),
    Case("a reference cut off by the program that cut the text", "escaped", (f"{_REPAIR}::F6_repairs_of_text",)),
    Case(
        "control characters, as bytes or as references",
        "bytes removed and counted; references refused",
        (f"{_REPAIR}::F6_repairs_of_text", f"{_REPAIR}::F6_what_is_ambiguous_is_refused_at_its_line"),
    ),
    Case(
        "an emoji as two references to halves of it",
        "refused at its line",
        (f"{_REPAIR}::F6_what_is_ambiguous_is_refused_at_its_line",),
    ),
    Case(
        "windows-1251 that is declared UTF-8",
        "read as what the whole body proves",
        (
            f"{_ENCODING}::F6_windows_1251_under_another_name_is_believed_by_the_whole_body",
            "declares-utf8-is-windows-1251",
        ),
    ),
    Case(
        "UTF-8 that is declared windows-1251",
        "the same; a coincidence proves nothing",
        (f"{_ENCODING}::F6_utf8_declared_as_windows_1251", f"{_ENCODING}::F6_few_sequences_may_be_a_coincidence"),
    ),
    Case(
        "one byte late in the file that its encoding has not",
        "refused at its line, whatever was read before",
        (f"{_ENCODING}::F6_a_declared_windows_1251_with_an_undefined_byte_is_refused_at_its_line",),
    ),
    Case("a byte order mark and another declaration", "the mark counts", (f"{_ENCODING}::F6_a_byte_order_mark_wins",)),
    Case(
        "UTF-16 with its mark, and without",
        "read; else refused",
        (
            f"{_ENCODING}::F6_the_same_rows_in_every_encoding",
            "parse/test_lines.py::lines_of_utf16_are_those_of_the_text",
        ),
    ),
    Case(
        "encodings by names of their own, or by none",
        "known names are read, others only where the body is UTF-8",
        (
            f"{_ENCODING}::F6_names_of_encodings",
            f"{_ENCODING}::F6_a_name_nobody_knows_is_refused_unless_the_body_is_utf8",
        ),
    ),
    Case(
        "blank lines, a notice of PHP, comments or two marks before the document",
        "skipped and counted, so far and no further",
        (
            f"{_SNIFF}::F6_bytes_before_the_declaration_are_cut_and_counted",
            f"{_SNIFF}::F6_junk_past_the_limit_is_refused",
            f"{_SNIFF}::F6_junk_before_a_root_without_declaration",
            "junk-before-declaration",
        ),
    ),
    Case(
        "a second declaration inside, instructions of PHP",
        "a declaration is refused, instructions are no text",
        (f"{_CUT}::what_strict_parsing_refuses_is_never_proven", f"{_REPAIR}::F6_what_is_right_is_not_touched"),
    ),
    Case(
        "a web page with status 200",
        "refused with its title",
        (f"{_SNIFF}::F5_a_web_page_is_quoted_by_its_title", f"{_HTTP}::F4_html_is_archived_too_and_left_to_the_parser"),
    ),
    Case(
        "an empty file, blanks, a stub, a list without offers",
        "refused; nothing is hidden",
        (
            f"{_SNIFF}::F5_an_empty_file",
            f"{_READ}::F8_no_offers",
            f"{_LOAD}::F5_an_empty_upload_is_rejected_with_a_report",
        ),
    ),
    Case(
        "a file cut short on its way",
        "fetched again or refused; nothing of it is published",
        (
            f"{_HTTP}::F4_a_body_shorter_than_promised_is_never_archived",
            f"{_UNPACK}::F3_a_gzip_stream_cut_anywhere_is_truncated",
            f"{_LOAD}::F5_a_truncated_file_publishes_nothing_and_hides_nothing",
        ),
    ),
    Case("only the last closing tags are missing", "refused", (f"{_READ}::F5_a_file_cut_anywhere_is_refused",)),
    Case(
        "more after the root, two roots, no root, a comment without end",
        "refused",
        (
            "parse/test_after_root.py::F5_nothing_else_may_follow",
            f"{_CUT}::what_strict_parsing_refuses_is_never_proven",
            f"{_READ}::F5_what_is_not_well_formed_is_refused_at_its_line",
        ),
    ),
    Case(
        "tags in other letter case",
        "read where they match each other, else refused",
        (
            f"{_READ}::F7_tags_match_by_local_name_and_without_regard_to_case",
            f"{_READ}::F5_what_is_not_well_formed_is_refused_at_its_line",
        ),
    ),
    Case(
        "markup of HTML inside a description",
        "kept where it is well-formed",
        (f"{_READ}::O4_a_description_keeps_the_markup_inside_it", "file-with-raw-html"),
    ),
    Case(
        "the end of CDATA inside CDATA or text",
        "refused; split over two sections it is text",
        (
            f"{_CUT}::what_strict_parsing_refuses_is_never_proven",
            "parse/test_pieces.py::lines_do_not_depend_on_block_size_down_to_one_byte",
        ),
    ),
    Case(
        "CDATA everywhere, markup escaped twice",
        "as sent; a description becomes safe markup",
        (f"{_READ}::text_is_taken_as_sent", f"{_TEXTS}::O4_html_is_reduced_to_a_safe_set"),
    ),
    Case(
        "gzip, zip, several files, archives in archives, paths that lead outside, bombs",
        "opened by content, counted, or refused",
        (
            f"{_HTTP}::F3_a_gzip_file_is_unwrapped_by_content",
            f"{_UNPACK}::F3_an_archive_in_an_archive_is_refused",
            f"{_UNPACK}::F3_a_path_that_leads_outside_is_refused",
            f"{_UNPACK}::F3_the_ratio_holds_beyond_the_first_megabyte",
            "zip-several-price-lists",
        ),
    ),
    Case(
        "entities of files, addresses, parameters",
        "refused before a parser sees them",
        (f"{_HARD}::declared_entities_are_refused_in_any_encoding", "bom-doctype-entities"),
    ),
    Case(
        "entities that multiply",
        "refused before a parser sees them",
        (f"{_HARD}::declared_entities_are_refused_in_any_encoding",),
    ),
    Case(
        "depth, and texts, attributes and comments of megabytes",
        "limits of our own",
        (f"{_HARD}::depth", f"{_READ}::F5_depth", f"{_READ}::F5_one_value", f"{_READ}::F5_one_offer"),
    ),
    Case(
        "namespaces, and a prefix that nobody declared",
        "tags by local name; the prefix is refused",
        (
            f"{_READ}::F7_tags_match_by_local_name_and_without_regard_to_case",
            f"{_CUT}::what_strict_parsing_refuses_is_never_proven",
        ),
    ),
    Case(
        "one offer twice", "the first counts", (f"{_IDENTITY}::O2_of_identical_offers_the_first_counts", "duplicates")
    ),
    Case(
        "two goods under one article",
        "both are rejected",
        (f"{_IDENTITY}::O2_different_content_under_one_sku_rejects_all_and_names_the_other_lines",),
    ),
    Case(
        "articles that differ by case, spaces, or letters that look alike",
        "case and spaces are one article, look-alikes are two",
        (
            f"{_IDENTITY}::O1_identity_folds_case_and_spaces_and_the_form_sent_is_shown",
            f"{_TEXTS}::N4_homoglyphs_are_not_changed",
        ),
    ),
    Case(
        "no article, one too long, one for a thousand goods",
        "rejected, never cut",
        (
            f"{_IDENTITY}::O1_sku_is_required",
            f"{_IDENTITY}::O1_sku_of_20_characters_is_accepted_and_21_rejected_never_cut",
            f"{_IDENTITY}::O2_a_repeat_is_found_across_batches_and_many_lines_are_named_up_to_a_limit",
        ),
    ),
    Case(
        "articles that Excel spoiled",
        "rejected, zeros are kept",
        (f"{_IDENTITY}::O1_csv_takes_latin_letters_and_digits_and_stores_lower_case", "csv-sku"),
    ),
    Case(
        "prices in every notation, and words for prices",
        "read by one grammar, never guessed",
        (f"{_MONEY}::O6_prices_are_read_by_the_grammar", f"{_MONEY}::O6_what_is_no_price_is_rejected_and_quoted"),
    ),
    Case(
        "a price of nothing, below nothing, or none",
        "rejected; the last good version stays",
        (
            f"{_MONEY}::O6_what_is_no_price_is_rejected_and_quoted",
            f"{_MONEY}::O6_a_price_is_required_and_an_empty_one_is_none",
            f"{_LOAD}::P4_a_rejected_offer_keeps_its_last_good_version",
        ),
    ),
    Case(
        "huge prices, exponents, no numbers, many decimals",
        "rejected; decimals are rounded and said",
        (
            f"{_MONEY}::O6_what_is_no_price_is_rejected_and_quoted",
            f"{_MONEY}::O6_rounding_is_half_up_and_reported_only_when_it_changes_the_value",
        ),
    ),
    Case(
        "prices that jump, one or all",
        "wait for a person",
        (
            f"{_GUARDS}::P7_jumps_over_both_thresholds_hold_the_whole_load",
            f"{_GUARDS}::P7_one_factor_for_nearly_all_holds_the_whole_load",
            "integration/test_decisions.py::P7_a_single_price_that_jumps_waits_and_the_rest_is_published",
        ),
    ),
    Case(
        "two prices that do not fit the rate",
        "said beyond the tolerance",
        (f"{_MONEY}::O6_both_prices_may_differ_by_a_rouble_or_half_a_per_cent",),
    ),
    Case(
        "rates of VAT in every notation",
        "by table; others are not taxed, and that is said",
        (
            f"{_MONEY}::O7_accepted_rates_and_words",
            f"{_MONEY}::O7_any_other_value_is_published_as_not_taxed_with_a_warning",
            f"{_MONEY}::O7_the_yandex_dialect",
        ),
    ),
    Case(
        "quantities as words, signs, fractions, below nothing",
        "an amount, or a word for it with a warning",
        (f"{_STOCK}::O9_O10_availability_and_quantity",),
    ),
    Case(
        "availability that contradicts the quantity",
        "the quantity counts, and that is said",
        (f"{_STOCK}::O9_false_beside_a_quantity_is_a_contradiction", f"{_STOCK}::O9_O10_availability_and_quantity"),
    ),
    Case(
        "currencies by other names, none, or unknown ones",
        "roubles by any name; what is not known is rejected",
        (
            f"{_MONEY}::O8_accepted_currencies_and_blank_is_the_rouble",
            f"{_MONEY}::O8_other_spellings_of_the_rouble_are_read_and_said_once",
            f"{_MONEY}::O8_any_other_currency_is_rejected",
        ),
    ),
    Case(
        "codes of units that are unknown, blank, or of another unit than the text",
        "by rule, with the right code in the remedy",
        (
            f"{_UNITS}::O5_a_bad_code_with_a_text_shows_the_text_and_names_the_right_code",
            f"{_UNITS}::O5_a_code_overrules_a_text_that_means_something_else",
            f"{_UNITS}::O5_a_bad_code_alone_is_no_unit",
            f"{_UNITS}::N1_a_text_is_recognised_by_its_spelling",
        ),
    ),
    Case(
        "categories that are missing, circular, or no codes",
        "kept as text, bound only to a leaf of the rubricator",
        (
            "normalize/test_category.py::O16_goods_are_bound_to_a_leaf_given_or_mapped_and_else_published_unbound",
            "normalize/test_category.py::O16_the_suppliers_own_category_is_kept_whatever_it_is_bound_to",
            "reference/test_lists.py::O16_a_circle_with_stored_rows_is_found",
        ),
    ),
    Case(
        "a thousand characteristics, repeated names, empty values, sentinels",
        "any number in order; empty ones dropped, repeated ones joined",
        (
            f"{_DETAILS}::O13_any_number_of_characteristics_in_order",
            f"{_DETAILS}::O13_empty_values_and_sentinels_are_dropped_and_named_once_per_offer",
            f"{_DETAILS}::O13_a_repeated_name_is_joined_in_its_first_place",
        ),
    ),
    Case(
        "pictures too many, joined, or at addresses that lead inside",
        "three of http(s); none is ever fetched",
        (
            f"{_DETAILS}::O14_addresses_in_one_field_are_told_apart",
            f"{_DETAILS}::O14_three_are_kept_and_more_dropped_with_a_warning",
            f"{_DETAILS}::O14_what_is_no_http_address_is_dropped_with_a_warning",
        ),
    ),
    Case(
        "descriptions too long, empty, with scripts or links",
        "cut by characters, cleaned, or rejected where required",
        (
            f"{_TEXTS}::O4_a_description_over_the_limit_is_cut_by_characters",
            f"{_TEXTS}::O4_whatever_is_sent_the_result_is_safe_within_the_limit_and_stable",
            f"{_TEXTS}::O4_description_is_required_by_the_shop",
        ),
    ),
    Case(
        "weights and dimensions of nothing, below it, in other notations, in part",
        "read, or dropped; never the offer",
        (
            f"{_DETAILS}::O15_a_weight_is_positive_and_at_most_10_characters_long",
            f"{_DETAILS}::O15_any_other_weight_is_dropped_with_a_warning",
            f"{_DETAILS}::O15_bad_dimensions_are_dropped_as_a_whole",
        ),
    ),
    Case(
        "dates of the future or of long ago, or none; a date that is new and nothing else",
        "decides nothing; a file that stays old is told of",
        (
            f"{_LOAD}::F2_a_file_that_differs_only_in_date_and_comments_is_processed_with_an_empty_diff",
            f"{_MAIL}::R3_a_file_that_stays_old_is_told_once",
        ),
    ),
    Case(
        "an exchange of CommerceML whose parts do not match",
        "counted; only whole cards are published",
        (f"{_CML}::parts_that_do_not_match_are_counted", f"{_CML}::F8_goods_without_any_offer_are_no_offers"),
    ),
    Case(
        "a file of changes that says so in one place only, or lacks fields",
        "counts as one of changes, hides nothing, is completed",
        (
            f"{_CML}::P6_any_section_of_changes_makes_the_file_one_of_changes",
            "integration/test_commerceml.py::P6_a_file_that_calls_itself_changes_hides_nothing",
            "integration/test_deltas.py::a_missing_field_is_not_a_cleared_one_and_nothing_is_hidden",
        ),
    ),
    Case(
        "characters that were lost before they came to us",
        "published as sent: nobody knows what they were",
        (f"{_TEXTS}::N4_what_was_lost_before_it_came_is_left_as_sent",),
    ),
    Case(
        "codes of regions too short, too long, unknown, twice",
        "cost the region, not the offer",
        (
            f"{_REGIONS}::N2_codes_of_three_levels",
            f"{_REGIONS}::N2_an_unknown_code_costs_the_region_and_not_the_offer",
            f"{_REGIONS}::N2_the_same_place_twice_keeps_the_exact_code",
        ),
    ),
    Case(
        "redirects in a circle, an answer of 304 unasked, other types, own certificates, passwords in addresses",
        "bounded, refused, or no matter",
        (
            f"{_HTTP}::a_loop_of_redirects_ends",
            f"{_HTTP}::F2_a_304_nobody_asked_for_is_the_servers_fault",
            f"{_HTTP}::F1_content_type_and_extension_do_not_matter",
            f"{_HTTP}::a_certificate_nobody_vouches_for_is_refused_at_once",
            f"{_HTTP}::credentials_go_to_the_link_and_nowhere_else",
        ),
    ),
    Case(
        "a file that is a tenth of yesterday's, or ten times it",
        "hiding waits for a person; growth is remarked",
        (
            f"{_GUARDS}::P6_the_shrinks_found_in_the_wild_are_held_and_recover",
            f"{_PAST}::what_is_lost_holds_and_what_is_rarer_warns",
        ),
    ),
    Case(
        "tables with `sep=`, mixed ends of lines, runaway quotes, headers again, ragged rows, formulas",
        "each row by itself; what swallows rows costs one row",
        (
            f"{_CSV}::F1_a_sep_line_says_what_separates",
            f"{_CSV}::F5_lines_are_counted_whatever_ends_them",
            f"{_CSV}::F5_a_runaway_quote_costs_its_own_row_and_no_other",
            f"{_CSV}::F5_the_header_repeated_is_passed_over",
            f"{_CSV}::F5_a_row_with_more_cells_than_columns_is_rejected_with_its_line",
            f"{_CSV}::the_apostrophe_before_a_formula_is_no_part_of_the_text",
        ),
    ),
)

PROGRAMS = (
    Case(
        "a library that resolves entities by default",
        "every option is given by us",
        (f"{_HARD}::every_option_of_the_parser_is_given", f"{_HARD}::every_parser_is_made_with_these_options"),
    ),
    Case(
        "a document type elsewhere",
        "not fetched; the feed is read",
        (
            "parse/test_conformance.py::F5_a_dtd_elsewhere_is_never_fetched",
            f"{_SNIFF}::F5_a_doctype_is_never_given_to_the_parser",
        ),
    ),
    Case("an inclusion of another file", "a tag like any other", (f"{_HARD}::an_inclusion_is_a_tag_like_any_other",)),
    Case("markup hidden in UTF-7", "refused", (f"{_HARD}::markup_hidden_in_utf_7_is_text",)),
    Case(
        "half a million attributes", "refused", (f"{_HARD}::names_of_attributes_end_with_the_tag_that_may_hold_them",)
    ),
    Case(
        "names too long, and names without number",
        "refused; a process ends with its file, so that no name outlives it",
        (
            f"{_HARD}::a_name_may_be_as_long",
            f"{_READ}::F5_distinct_tags_are_bounded_wherever_they_are",
            "confinement/test_confinement.py::what_a_call_started_ends_with_it",
        ),
    ),
    Case(
        "megabytes of blanks between offers",
        "counted like any text: read with the lines right, or refused",
        (f"{_READ}::F5_blanks_between_offers_are_bounded_like_any_text",),
    ),
    Case(
        "half a surrogate, an overlong sequence",
        "refused",
        (
            f"{_CUT}::what_strict_parsing_refuses_is_never_proven",
            "parse/test_strictness.py::control_characters_and_what_is_not_utf_8_are_refused",
        ),
    ),
    Case(
        "a file cut at any twentieth",
        "publishes nothing, whatever was read before",
        (f"{_HARD}::a_file_cut_at_any_twentieth_publishes_nothing",),
    ),
    Case(
        "gzip that no header announces, gzip twice",
        "opened by content; twice is refused unless the transfer was one of them",
        (
            f"{_HTTP}::F3_a_gzip_file_is_unwrapped_by_content",
            f"{_HTTP}::F3_a_gzip_file_in_a_gzip_transfer_is_no_nesting",
            f"{_UNPACK}::F3_an_archive_in_an_archive_is_refused",
        ),
    ),
    Case(
        "a reader that crashes, hangs or eats the memory",
        "ends alone; the next file is read",
        (
            "integration/test_parsing_limits.py::F5_a_file_that_takes_too_much_is_rejected_and_the_next_one_is_read",
            "integration/test_parsing_limits.py::F5_a_reader_that_crashes_is_our_fault_and_the_next_file_is_read",
        ),
    ),
)
SERVERS = (
    Case(
        "a name that means another address when it is connected to",
        "the address that was reached is judged",
        (
            f"{_HTTP}::the_address_that_was_judged_is_the_one_that_is_reached",
            f"{_HTTP}::every_answer_of_a_name_server_is_judged_anew",
            f"{_HTTP}::a_socket_that_ended_elsewhere_is_closed_before_anything_is_sent",
        ),
    ),
    Case(
        "addresses of our own networks, in any family and notation",
        "refused before anything is sent",
        (
            f"{_GUARD}::not_public",
            f"{_GUARD}::an_address_in_another_coat_is_judged_as_itself",
            f"{_HTTP}::odd_spellings_of_loopback_are_refused",
            f"{_HTTP}::numbers_of_any_base_lead_nowhere_inward",
        ),
    ),
    Case(
        "other schemes, ports of other protocols",
        "refused",
        (
            f"{_HTTP}::a_link_that_is_no_http_address_is_the_operators",
            f"{_HTTP}::bad_redirects_are_refused",
            f"{_GUARD}::ports_of_other_protocols_are_refused_whatever_is_allowed",
        ),
    ),
    Case(
        "redirects without end, to http, or with a password",
        "five are followed, none of those",
        (
            f"{_HTTP}::five_redirects_are_followed_and_six_are_not",
            f"{_HTTP}::https_is_not_left_for_http",
            f"{_HTTP}::bad_redirects_are_refused",
        ),
    ),
    Case("a proxy in the environment", "not used", (f"{_HTTP}::the_environments_proxy_is_not_used",)),
    Case(
        "silence, drips, headers and bodies without end",
        "bounded by time, pace and size",
        (
            f"{_HTTP}::silence_is_a_transfer_error",
            f"{_HTTP}::a_body_that_drips_is_given_up_and_not_tried_again",
            f"{_HTTP}::headers_that_are_too_many_or_lie_lead_to_nothing",
            f"{_HTTP}::F3_an_endless_body_is_cut_off",
            f"{_HTTP}::everything_ends_at_the_deadline",
        ),
    ),
    Case(
        "many links on one server",
        "one request at a time",
        ("integration/test_polling.py::one_request_at_a_time_for_each_server",),
    ),
    Case(
        "pictures and links in what suppliers write",
        "shown, never fetched, never live",
        (
            f"{_DETAILS}::O14_what_is_no_http_address_is_dropped_with_a_warning",
            f"{_PAGES}::a_link_to_a_file_is_printed_not_acted_on",
            "report/test_mail.py::R1_charts_come_with_the_mail_and_nothing_is_fetched",
        ),
    ),
    Case(
        "secrets in addresses",
        "in no log, error, report, mail or table of Airflow",
        (
            f"{_HTTP}::secrets_of_a_link_are_in_no_log_and_no_error",
            "integration/test_sources.py::S1_no_secret_is_written_anywhere",
            "dags/test_live.py::S1_a_secret_of_a_link_is_nowhere",
        ),
    ),
    Case(
        "a limit that counts compressed bytes, or none without a length",
        "what really came is counted",
        (
            f"{_HTTP}::F3_the_limit_itself_passes_and_one_past_it_does_not",
            f"{_HTTP}::F3_a_bomb_is_stopped_by_its_ratio",
            f"{_HTTP}::a_compression_nobody_asked_for_is_refused",
        ),
    ),
    Case(
        "archives that lie about sizes, or have members without number",
        "refused",
        (
            f"{_UNPACK}::F3_a_false_length_in_the_directory_is_found",
            f"{_UNPACK}::F3_a_directory_without_end_is_not_read_into_memory",
            "fetch/test_sets.py::F3_small_files_do_not_add_up_to_a_bomb",
            "zip-bomb",
        ),
    ),
    Case(
        "a transfer that ends early and looks whole",
        "never archived; a part nobody asked for is refused",
        (
            f"{_HTTP}::F4_a_chunked_body_without_its_end_is_never_archived",
            f"{_HTTP}::F4_a_gzip_transfer_without_its_end_is_never_archived",
            f"{_HTTP}::part_of_a_file_nobody_asked_for_is_refused",
        ),
    ),
)
READERS = (
    Case(
        "texts that a spreadsheet would run",
        "texts in every cell",
        (
            f"{_EXPORT}::no_cell_of_the_csv_is_a_formula_and_excel_opens_it",
            f"{_EXPORT}::all_cells_of_the_workbook_are_text",
            f"{_LISTS}::R1_nothing_is_computed",
        ),
    ),
    Case(
        "markup, scripts, headers, directions of text in mails and pages",
        "shown, not acted on",
        (
            f"{_HARMLESS}::naughty_strings_are_harmless_everywhere",
            f"{_HARMLESS}::any_text_is_harmless_everywhere",
            "report/test_mail.py::a_link_cannot_write_headers",
            "integration/test_naughty.py::O3_O12_every_naughty_string_in_every_text_field",
        ),
    ),
    Case(
        "colours and ends of lines in a terminal or log",
        "printed",
        (
            f"{_WORDING}::plain_shows_what_would_act",
            "integration/test_reference.py::what_an_import_shows_cannot_colour_the_terminal",
        ),
    ),
    Case(
        "SQL in values, and hostile queries",
        "bound; a query reads one file and nothing else",
        (
            "normalize/test_engine.py::no_value_of_a_supplier_or_operator_can_reach_the_text_of_a_query",
            f"{_CATALOG}::hostile_text_round_trips",
            "integration/test_snapshot_stores.py::R4_hostile_queries_neither_read_nor_write",
        ),
    ),
    Case("names of files", "made of a closed alphabet", (f"{_STORE}::keys_are_a_closed_alphabet",)),
)
OURSELVES = (
    Case(
        "the death of a worker at any step",
        "the same catalog and one mail, once it is done again",
        (
            f"{_KILL}::P1_a_load_killed_before_any_of_its_effects_and_run_again_ends_the_same",
            f"{_FAULTS}::P1_a_fault_in_a_step_ends_as_written",
            f"{_MAIL}::P1_eight_workers_send_one_mail_each_once",
        ),
    ),
    Case(
        "two loads of one link at once",
        "one works, the other leaves it alone",
        (
            "integration/test_concurrency.py::P1_a_link_at_work_is_left_alone",
            f"{_LINKS}::P1_two_loads_of_one_link_never_run_together",
        ),
    ),
    Case(
        "an older load that ends later",
        "overwrites nothing",
        (f"{_CATALOG}::P1_an_older_load_never_overwrites_a_newer_one",),
    ),
    Case("clocks that jump or differ", "order nothing", (f"{_FAULTS}::P1_a_fault_in_all_steps_that_harms_none",)),
    Case(
        "tags and columns that come, go, or change their names",
        "listed once; what most offers lost is remarked or waits",
        (
            f"{_READ}::unknown_tags_are_counted_once_each_with_their_first_line",
            f"{_CSV}::O19_unknown_columns_are_counted_and_listed_once",
            f"{_PAST}::what_is_lost_holds_and_what_is_rarer_warns",
            f"{_TABLE}::F7_headers_as_suppliers_write_them",
        ),
    ),
    Case(
        "far fewer offers than before, none, or mostly bad ones",
        "nothing is hidden without a person",
        (
            f"{_GUARDS}::P6_held_over_both_thresholds",
            f"{_GUARDS}::P6_nothing_accepted_never_hides",
            f"{_GUARDS}::P6_more_than_half_rejected_never_hides",
            "integration/test_decisions.py::P6_an_approved_hold_hides_what_was_missing",
        ),
    ),
    Case(
        "an incident that lasts, remarks without end",
        "one mail; lists are bounded, numbers are not",
        (
            "integration/test_alerts.py::an_incident_is_one_mail_however_long_it_lasts",
            "normalize/test_characteristics.py::N3_fifty_remarks_of_a_kind_are_made_and_the_rest_counted",
            f"{_PAGES}::the_page_is_bounded_whatever_the_data",
        ),
    ),
    Case(
        "bytes that nobody thought of",
        "fuzzers, the suite of the W3C, naughty strings, real feeds, random lives",
        (
            "fuzz/test_fuzz.py::two_minutes_of_fuzzing_over_all_readers",
            "parse/test_conformance.py::F5_what_is_not_well_formed_is_refused_with_its_line",
            "integration/test_real_feeds.py::a_real_feed_ends_as_the_rules_say",
            "integration/test_model.py::P1_to_P10_random_lives_hold_what_the_model_holds",
        ),
    ),
)
SECTIONS = {
    "Feeds": FEEDS,
    "What XML can do to its reader": PROGRAMS,
    "Servers and archives": SERVERS,
    "Whoever reads what we write": READERS,
    "Ourselves": OURSELVES,
}
_INTRODUCTION = """\
# Hostile input, case by case

Written from `docs/hostile.py` by `python -m docs.generate`; a test compares the names with the tests that exist. What
fails on our side is in [reliability.md](reliability.md).
"""


def hostile() -> str:
    """The cases by section, each with its tests."""
    parts = [_INTRODUCTION]
    for title, cases in SECTIONS.items():
        rows = [f"| {comes} | {ends} | {', '.join(f'`{test}`' for test in tests)} |" for comes, ends, tests in cases]
        parts.append("\n".join([f"## {title}\n", "| comes | ends | tests |", "| --- | --- | --- |", *rows]) + "\n")
    return "\n".join(parts)
