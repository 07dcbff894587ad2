"""Causes: gathered, counted and ranked, whatever the number of issues (R2)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, Issue, Severity
from pipelines.report import causes
from pipelines.report.causes import CAUSE_LIMIT, find_causes

WriteIssues = Callable[[Iterable[Issue]], Path]


def codes(severity: Severity) -> list[str]:
    """Codes of a severity, those of offers first."""
    found = [entry for entry in ISSUE_CODES.values() if entry.severity is severity]
    return [entry.code for entry in sorted(found, key=lambda entry: entry.scope == "load")]


ERROR, OTHER_ERROR = codes(Severity.ERROR)[:2]
WARNING, INFO = codes(Severity.WARNING)[0], codes(Severity.INFO)[0]


def test_no_issues_no_causes(write_issues: WriteIssues) -> None:
    assert find_causes(write_issues([]), None) == causes.Causes((), 0)


def test_R2_a_hundred_thousand_issues_of_five_causes_rank_as_planted(write_issues: WriteIssues) -> None:
    planted = dict(zip(codes(Severity.ERROR)[:5], (50_000, 30_000, 15_000, 4_000, 1_000), strict=True))
    issues = [Issue(code, field="f", sent=str(n)) for code, size in planted.items() for n in range(size)]
    random.Random(1).shuffle(issues)  # noqa: S311 - an order, not a secret
    numbered = (Issue(i.code, field=i.field, sent=i.sent, ordinal=n, line=n + 1) for n, i in enumerate(issues))
    found = find_causes(write_issues(numbered), None)
    assert [(cause.code, cause.offers) for cause in found.ranked] == list(planted.items())
    assert found.total == 5


def test_R2_errors_come_before_warnings_before_infos(write_issues: WriteIssues) -> None:
    issues = [Issue(INFO, ordinal=n) for n in range(9)] + [Issue(WARNING, ordinal=n) for n in range(5)]
    issues += [Issue(ERROR, ordinal=0), Issue(ERROR)]
    found = find_causes(write_issues(issues), None).ranked
    assert [(cause.severity, cause.offers) for cause in found] == [("error", 1), ("warning", 5), ("info", 9)]


def test_an_error_of_the_whole_file_is_the_first(write_issues: WriteIssues) -> None:
    issues = [Issue(ERROR, ordinal=n) for n in range(9)] + [Issue(OTHER_ERROR)]
    found = find_causes(write_issues(issues), None).ranked
    assert [(cause.code, cause.offers) for cause in found] == [(OTHER_ERROR, 0), (ERROR, 9)]


def test_offers_are_counted_once_and_fields_apart(write_issues: WriteIssues) -> None:
    issues = [Issue(ERROR, ordinal=n // 3, field="price") for n in range(6)] + [Issue(ERROR, ordinal=0)]
    found = find_causes(write_issues(issues), None).ranked
    assert [(cause.field, cause.offers, cause.issues) for cause in found] == [("price", 2, 6), (None, 1, 1)]


def test_examples_differ_where_values_do(write_issues: WriteIssues, write_rejected: Callable[..., Path]) -> None:
    sent = ["от 1"] * 50 + ["от 2"] * 30 + ["до 3"]
    issues = [
        Issue(ERROR, ordinal=n, part="offers.xml", line=n + 1, sku=f"s{n}", sent=value) for n, value in enumerate(sent)
    ]
    cause = find_causes(write_issues(issues), write_rejected({0: "Болт", 50: "Гайка"})).ranked[0]
    assert [(e.sent, e.part, e.line, e.sku, e.name) for e in cause.examples] == [
        ("от 1", "offers.xml", 1, "s0", "Болт"),
        ("от 2", "offers.xml", 51, "s50", "Гайка"),
        ("до 3", "offers.xml", 81, "s80", None),
    ]
    assert not cause.uniform


def kinds(found: causes.Causes) -> list[tuple[int, set[str | None]]]:
    return [(cause.issues, {example.sent for example in cause.examples}) for cause in found.ranked]


def test_R2_a_word_is_a_cause_and_numbers_written_alike_are_one(write_issues: WriteIssues) -> None:
    sent = ["по запросу"] * 30 + ["от 1", "от 2 000", "от 3,50"] * 5 + ["1-2", "10-20", "3-4"] + ["договорная"] * 2
    issues = [Issue("price_invalid", ordinal=n, field="price", sent=value) for n, value in enumerate(sent)]
    assert kinds(find_causes(write_issues(issues), None)) == [
        (30, {"по запросу"}),
        (10, {"от 1", "от 2 000"}),
        (5, {"от 3,50"}),
        (3, {"1-2", "10-20", "3-4"}),
        (2, {"договорная"}),
    ]


@pytest.mark.parametrize(
    ("alike", "apart"),
    [
        (causes.KIND_ISSUES, [3, 20]),
        (causes.KIND_ISSUES - 1, [20 + causes.KIND_ISSUES - 1]),
    ],
)
def test_a_few_values_are_no_cause_of_their_own(write_issues: WriteIssues, alike: int, apart: list[int]) -> None:
    sent = [f"w{chr(97 + n)}" for n in range(20)] + ["да"] * alike
    issues = [Issue("vat_unknown", ordinal=n, sent=value) for n, value in enumerate(sent)]
    assert sorted(cause.issues for cause in find_causes(write_issues(issues), None).ranked) == apart


def test_R2_an_absent_tag_and_an_empty_one_have_one_cure(write_issues: WriteIssues) -> None:
    sent = [None] * 20 + [""] * 20
    issues = [Issue("vendor_missing", ordinal=n, field="vendor", sent=value) for n, value in enumerate(sent)]
    (cause,) = find_causes(write_issues(issues), None).ranked
    assert (cause.offers, cause.uniform) == (40, False)
    assert {example.sent for example in cause.examples} == {None, ""}


def test_hostile_numbers_of_values_are_bounded(write_issues: WriteIssues) -> None:
    sent = [chr(97 + n % 20) for n in range(400)]
    issues = [Issue("vat_unknown", ordinal=n, sent=value) for n, value in enumerate(sent)]
    assert len(find_causes(write_issues(issues), None).ranked) == causes.KIND_LIMIT + 1


def test_R2_what_one_change_brings_back_comes_first(write_issues: WriteIssues) -> None:
    both = [Issue(code, ordinal=n, field=code) for n in range(9) for code in ("price_missing", "name_missing")]
    alone = [Issue("name_missing", ordinal=n, field="name_missing") for n in range(10, 12)]
    vendor = [Issue("vendor_missing", ordinal=n, field="vendor_missing") for n in range(20, 23)]
    found = find_causes(write_issues([*both, *alone, *vendor]), None).ranked
    assert [(cause.code, cause.regained, cause.offers) for cause in found] == [
        ("vendor_missing", 3, 3),
        ("name_missing", 2, 11),
        ("price_missing", 0, 9),
    ]


def test_a_value_that_is_only_evidence_does_not_part_a_cause(write_issues: WriteIssues) -> None:
    assert set(causes._ONE_CURE) <= set(ISSUE_CODES)
    issues = [Issue("duplicate_conflict", ordinal=n, sent="12" if n % 2 else "строки 3-5, 8") for n in range(40)]
    assert len(find_causes(write_issues(issues), None).ranked) == 1


def test_R2_an_example_has_its_xpath(write_issues: WriteIssues) -> None:
    issues = [
        Issue("price_invalid", ordinal=4, sku="А-1", field="price", sent="x"),
        Issue("vendor_missing", ordinal=4, sku="А-1", field="vendor"),
        Issue("unknown_tags", field="kol"),
    ]
    found = find_causes(write_issues(issues), None, "yml").ranked
    assert {cause.code: cause.examples[0].xpath for cause in found} == {
        "price_invalid": '/yml_catalog/shop/offers/offer[@id="А-1"]/price',
        "vendor_missing": '/yml_catalog/shop/offers/offer[@id="А-1"]',
        "unknown_tags": None,
    }


def test_examples_of_one_value_are_the_first_three(write_issues: WriteIssues) -> None:
    issues = [Issue(ERROR, ordinal=n, line=n + 1, sent="x") for n in range(100)]
    cause = find_causes(write_issues(issues), None).ranked[0]
    assert [e.line for e in cause.examples] == [1, 2, 3]
    assert cause.uniform


@pytest.mark.parametrize("values", [[None, None], ["x", "x"], ["", ""]])
def test_one_value_is_uniform(write_issues: WriteIssues, values: list[str | None]) -> None:
    issues = [Issue(ERROR, ordinal=n, sent=value) for n, value in enumerate(values)]
    assert find_causes(write_issues(issues), None).ranked[0].uniform


@pytest.mark.parametrize("values", [["x", None], ["x", "y"], ["", None], ["x", "x "]])
def test_different_values_are_not_uniform(write_issues: WriteIssues, values: list[str | None]) -> None:
    issues = [Issue(ERROR, ordinal=n, sent=value) for n, value in enumerate(values)]
    assert not find_causes(write_issues(issues), None).ranked[0].uniform


def test_a_message_quotes_only_what_is_common(write_issues: WriteIssues) -> None:
    same = [Issue("format_unknown", ordinal=n, sent="x" * 500) for n in range(2)]
    differ = [Issue("file_is_html", ordinal=n, sent=str(n)) for n in range(2)]
    said = {cause.code: cause.message for cause in find_causes(write_issues(same + differ), None).ranked}
    assert said["file_is_html"] == "Вместо прайс-листа получена веб-страница: «…»."
    assert "xxx…xxx" in said["format_unknown"]
    assert len(said["format_unknown"]) < 150


def test_a_remedy_can_be_pasted_whole(write_issues: WriteIssues) -> None:
    issues = [Issue("price_rounded", ordinal=n, sent=f"{n}.555", published=f"{n}.56") for n in range(3)]
    cause = find_causes(write_issues(issues), None).ranked[0]
    assert cause.message == "Цена округлена до копеек: …"
    assert "<price>0.56</price>" in cause.remedy


def test_hostile_numbers_of_fields_are_bounded(write_issues: WriteIssues) -> None:
    issues = [Issue(ERROR, ordinal=n, field=f"f{n}") for n in range(CAUSE_LIMIT + 50)]
    found = find_causes(write_issues(issues), None)
    assert len(found.ranked) == CAUSE_LIMIT
    assert found.total == CAUSE_LIMIT + 50


def test_a_code_that_nobody_declared_is_our_bug(tmp_path: Path, write_issues: WriteIssues) -> None:
    table = pq.read_table(write_issues([Issue(ERROR, ordinal=0)]))
    path = tmp_path / "undeclared.parquet"
    pq.write_table(table.set_column(1, "code", [["undeclared"]]), path)
    with pytest.raises(InternalError, match="undeclared"):
        find_causes(path, None)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ERROR, OTHER_ERROR, WARNING, INFO]),
            st.one_of(st.none(), st.integers(0, 5)),
            st.sampled_from([None, "f", "g"]),
            st.sampled_from([None, "", "да", "нет", "1", "25"]),
        ),
        max_size=60,
    )
)
def test_every_issue_is_in_one_cause(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]) -> None:
    path = tmp_path_factory.mktemp("issues") / "issues.parquet"
    issues = [
        {"code": c, "severity": ISSUE_CODES[c].severity.value, "ordinal": o, "field": f, "sent": s}
        for c, o, f, s in rows
    ]
    pq.write_table(pa.Table.from_pylist(issues, ISSUE_SCHEMA), path)
    found = find_causes(path, None).ranked
    assert sum(cause.issues for cause in found) == len(rows)
    for (code, field), size in Counter((row[0], row[2]) for row in rows).items():
        mine = [cause for cause in found if (cause.code, cause.field) == (code, field)]
        assert sum(cause.issues for cause in mine) == size
        offers = {row[1] for row in rows if (row[0], row[2]) == (code, field)} - {None}
        assert max(cause.offers for cause in mine) <= len(offers) <= sum(cause.offers for cause in mine)
    for cause in found:
        assert len(cause.examples) == min(3, cause.issues)
        assert cause.uniform <= (len({example.sent for example in cause.examples}) == 1)
        assert cause.regained <= (cause.offers if cause.severity is Severity.ERROR else 0)
    faulty = {row[1] for row in rows if row[0] in {ERROR, OTHER_ERROR}} - {None}
    assert sum(cause.regained for cause in found) <= len(faulty)
