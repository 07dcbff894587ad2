"""The document of the expectations, `docs/quality.md`: written from `expectations/` by `python -m docs.quality`."""

from __future__ import annotations

from pathlib import Path

from pipelines.quality.conditions import condition
from pipelines.quality.profile import COMPARED_FROM, PAST_LOADS
from pipelines.quality.suites import Check, Suite, read_checks

PATH = Path(__file__).parent / "quality.md"

_INTRODUCTION = f"""\
# Ожидания

Составлено из `expectations/*.json` командой `python -m docs.quality`. Каждая загрузка проверяется до публикации;
что проверено и что найдено, говорит её страница `loads/<id>/quality.html`.

| важность | следствие |
| --- | --- |
| критично: товары, характеристики, регионы | правила каталога нарушили мы: загрузка `failed`, как при любом сбое |
| критично: сравнение с прошлым | вся загрузка ждёт решения оператора (`held`, `unlike_past`) |
| предупреждение | замечание в отчёте поставщика |
| к сведению | только на странице загрузки |

`usual_…` — обычное значение: медиана последних успешных загрузок ссылки, не больше {PAST_LOADS}. Сравнение начинается,
когда обычно принимается хотя бы {COMPARED_FROM} товаров; если в самой загрузке их меньше, сравнивается только их число.
Файлы, в которых только изменения, не сравниваются и в расчёт не идут. `fill_…` — доля товаров, у которых поле
заполнено; `price_p50` — цена посередине списка. `currencies` и `vat_rates` — коды справочников, как и таблица `units`.
"""


def quality() -> str:
    """Every expectation with its gravity, meaning and condition, suite by suite."""
    parts = [_INTRODUCTION]
    for suite in Suite:
        rows = [_row(check) for check in read_checks() if check.suite is suite]
        head = ["| проверка | важность | что ожидается | условие | замечание |", "| --- | --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {suite.label}\n", *head, *rows]) + "\n")
    return "\n".join(parts)


def _row(check: Check) -> str:
    asked = f"ничего не находит `{_cell(check.query)}`" if check.query else condition(check)
    code = f"`{check.code}`" if check.code else "–"
    return f"| `{check.id}` | {check.gravity.label} | {check.title} | {asked} | {code} |"


def _cell(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}").replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(quality(), encoding="utf-8")
