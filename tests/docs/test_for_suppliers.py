"""What suppliers are told is what the product does."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.model import MailPolicy
from pipelines.options import LinkOptions
from pipelines.report.score import LABELS, WEIGHTS

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "for-suppliers.ru.md").read_text(encoding="utf-8")


def test_pictures_and_links_are_there_and_small() -> None:
    places = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len([place for place in places if place.endswith(".png")]) >= 5
    for place in places:
        assert (DOCS / place).is_file(), place
        assert not place.endswith(".png") or (DOCS / place).stat().st_size < 300_000, place


def test_the_score_is_explained_as_it_is_made() -> None:
    for name, label in LABELS.items():
        assert re.search(rf"\| {label}[^|]*\| {WEIGHTS[name]} \|", TEXT), label


def test_the_choices_of_mail_are_the_real_ones() -> None:
    for policy in set(MailPolicy) - {MailPolicy.ALL}:
        assert f"`{policy}`" in TEXT
    assert f"Файл не менялся {LinkOptions().stale_after_days} дней" in TEXT
