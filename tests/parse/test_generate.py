"""The generator: seeded, and a mutated feed differs in exactly the chosen offers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.generate import PARAM_NAMES, feed, param_name


def offers(seed: int, *, mutate: float = 0.0, encoding: str = "utf-8") -> dict[str, str]:
    data = b"".join(feed(seed, encoding=encoding, bytes_wanted=None, offers_wanted=2_000, mutate=mutate)).decode(
        encoding
    )
    found = re.findall(r'<offer id="([^"]+)".*?</offer>', data, re.DOTALL)
    texts = re.findall(r"<offer .*?</offer>", data, re.DOTALL)
    assert len(set(found)) == len(found) == len(texts)
    return dict(zip(found, texts, strict=True))


def test_one_seed_is_one_feed_in_any_encoding() -> None:
    assert offers(1) == offers(1, encoding="windows-1251")
    assert offers(1) != offers(2)


def test_a_mutated_feed_differs_in_the_wanted_share() -> None:
    plain, mutated = offers(1), offers(1, mutate=0.1)
    changed = [sku for sku in plain if mutated.get(sku) not in (None, plain[sku])]
    gone, new = plain.keys() - mutated.keys(), mutated.keys() - plain.keys()
    assert len(changed) + len(gone) + len(new) == pytest.approx(200, rel=0.25)
    prices = [s for s in changed if re.sub("<price.*", "", plain[s]) == re.sub("<price.*", "", mutated[s])]
    assert len(prices) == pytest.approx(140, rel=0.3)
    assert gone
    assert new


def test_a_mutated_feed_is_of_another_hour() -> None:
    heads = [next(feed(1, encoding="utf-8", bytes_wanted=None, offers_wanted=1, mutate=m)) for m in (0, 0.01)]
    assert [head.count(b'date="2026-01-15 1%d:00"' % hour) for head, hour in zip(heads, (2, 3), strict=True)] == [1, 1]
    assert heads[0].replace(b"12:00", b"13:00") == heads[1]


def test_skus_fit_the_rule_and_names_are_as_many_as_said() -> None:
    """O1: at most 20 characters."""
    assert all(len(sku) <= 20 for sku in offers(999, mutate=0.5))
    assert len({param_name(i) for i in range(PARAM_NAMES)}) == PARAM_NAMES


def test_a_feed_has_the_wanted_size(tmp_path: Path) -> None:
    size = sum(map(len, feed(1, encoding="utf-8", bytes_wanted=1_000_000, offers_wanted=None)))
    assert 1_000_000 < size < 1_030_000
