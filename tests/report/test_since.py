"""What became of remarks since the last load (R2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import ISSUE_SCHEMA, Issue
from pipelines.report.since import compare

WriteIssues = Callable[[Iterable[Issue]], Path]


def test_R2_fixed_remaining_and_new_by_code(write_issues: WriteIssues) -> None:
    before = [Issue("price_missing", ordinal=n, sku=f"A{n}") for n in range(5)] + [Issue("vat_unknown_share")]
    now = [Issue("price_missing", ordinal=90 + n, sku=f"a{n}") for n in range(3, 7)]
    now += [Issue("name_cut", ordinal=n, sku=f"A{n}") for n in range(2)] + [Issue("unknown_tags", field="x")]
    found = compare(write_issues(now), write_issues(before))
    assert [(course.code, course.fixed, course.remaining, course.new) for course in found] == [
        ("price_missing", 3, 2, 2),
        ("vat_unknown_share", 1, 0, 0),
        ("name_cut", 0, 0, 2),
    ]


def test_an_offer_with_several_remarks_of_a_code_counts_once(write_issues: WriteIssues) -> None:
    regions = [Issue("region_price_dropped", ordinal=0, sku="a", line=n) for n in range(9)]
    (course,) = compare(write_issues(regions), write_issues(regions[:1]))
    assert (course.fixed, course.remaining, course.new) == (0, 1, 0)


@pytest.mark.parametrize(("one", "other"), [([], []), ([Issue("unknown_tags")], [])])
def test_nothing_to_tell(write_issues: WriteIssues, one: list[Issue], other: list[Issue]) -> None:
    assert compare(write_issues(one), write_issues(other)) == ()


REMARKS = st.sets(st.tuples(st.sampled_from(["price_missing", "vat_unknown"]), st.sampled_from("abcde")))


@settings(max_examples=25)
@given(REMARKS, REMARKS)
def test_every_remark_is_one_of_the_three(
    tmp_path_factory: pytest.TempPathFactory, now: set[tuple[str, str]], before: set[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("since")
    for name, remarks in (("now", now), ("before", before)):
        rows = [{"code": c, "sku": s, "ordinal": 0, "severity": ISSUE_CODES[c].severity.value} for c, s in remarks]
        pq.write_table(pa.Table.from_pylist(rows, ISSUE_SCHEMA), folder / name)
    for course in compare(folder / "now", folder / "before"):
        mine, old = ({s for c, s in remarks if c == course.code} for remarks in (now, before))
        assert (course.fixed, course.remaining, course.new) == (len(old - mine), len(old & mine), len(mine - old))
