"""What an operator is asked: the numbers, bars to scale, and nothing that a supplier wrote acting as markup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.model import LoadFacts, LoadStatus
from pipelines.report import question_title, render_question


def held_load(**held: Any) -> LoadFacts:
    return LoadFacts(
        id=11,
        link_id=1,
        link="a-main",
        supplier="a",
        shop="main",
        status=LoadStatus.PROCESSED,
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        held={"reason": "too_many_hidden", "message": "Скрылось бы слишком много.", **held},
    )


def test_P6_the_numbers_and_the_bars_of_hiding() -> None:
    body = render_question(held_load(visible=60, would_hide=48, share_limit="0.2"), "Отчёт")
    assert "| Видят покупатели сейчас | 60 |" in body
    assert "| Порог, доля | 0.2 |" in body
    bars = [line for line in body.splitlines() if "█" in line]
    assert [(line.count("█"), line.count("░")) for line in bars] == [(30, 0), (6, 24)]
    assert bars[1].startswith("| Останется |")
    assert bars[1].endswith("| 12 |")


def test_P7_the_bars_of_prices() -> None:
    body = render_question(held_load(compared=100, jumped=50), "")
    assert [line.count("█") for line in body.splitlines() if "Изменятся" in line] == [15]


@pytest.mark.parametrize("hostile", ["<script>x</script>", "[a](javascript:b)", "![](http://x)", "# big", "a|b"])
def test_what_a_supplier_wrote_is_only_shown(hostile: str) -> None:
    body = render_question(held_load(visible=1), f"Артикул {hostile}")
    assert f" {hostile}" not in body
    assert hostile in body.replace("\\", "")


def test_the_title_names_load_supplier_link_and_reason() -> None:
    assert question_title(held_load()) == "Загрузка 11 · a · a-main: Скрылось бы слишком много."
