"""The page of a load's checks: one file that reads well offline, on a phone or a desk; no scripts, nothing remote."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.model import LoadFacts
from pipelines.quality.conditions import amount
from pipelines.quality.gate import Finding, GateResult
from pipelines.quality.suites import Gravity, Suite, Unit

_TEMPLATE = "quality.html.j2"


def render_page(load: LoadFacts, result: GateResult) -> str:
    """What was checked of a load, what came of it, and where it stands; in Russian.

    Everything a supplier wrote is escaped, and characters that would act instead of print are shown by code point.
    """
    made = [finding for finding in result.findings if finding.passed is not None]
    failed = [finding for gravity in Gravity for finding in result.failed(gravity)]
    facts = {
        "load": load,
        "tone": _tone(result),
        "verdict": _verdict(result),
        "made": len(made),
        "passed": len(made) - len(failed),
        "failed": failed,
        "sections": {suite: [f for f in result.findings if f.check.suite is suite] for suite in Suite},
        "comparable": result.usual.comparable,
        "past": result.usual.loads,
    }
    return _environment().get_template(_TEMPLATE).render(facts)


def load_template() -> None:
    """Compile the template now, rather than with the first page."""
    _environment().get_template(_TEMPLATE)


def _tone(result: GateResult) -> str:
    if result.failed(Gravity.CRITICAL):
        return "bad"
    return "warned" if result.failed(Gravity.WARNING) else "good"


def _verdict(result: GateResult) -> str:
    if result.broken_promises:
        return "Сбой на нашей стороне: подготовленные данные нарушают правила каталога. Загрузка не опубликована."
    if result.unlike_past:
        return "Файл слишком не похож на прошлые загрузки этой ссылки. Такая загрузка ждёт решения оператора."
    if result.failed(Gravity.WARNING):
        return "Загрузка может быть опубликована; на отмеченное ниже стоит посмотреть."
    return "Препятствий для публикации нет."


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.quality"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = functools.partial(amount, unit=Unit.NUMBER)
    environment.filters["mark"] = _mark
    return environment


def _mark(finding: Finding) -> str:
    """How a finding is marked: `good`, `none` where it was not made, else by its gravity."""
    if finding.passed is None:
        return "none"
    return "good" if finding.passed else finding.check.gravity.value


def _printed(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(c if c == " " or unicodedata.category(c)[0] != "C" else f"[U+{ord(c):04X}]" for c in value)
