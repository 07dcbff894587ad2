"""Write the documents that are taken from the code: `python -m docs.generate`. A test compares them with what is here.

* `docs/guards.md` — what the catalog does not let a file do by itself, from `docs.guards`;
* `docs/hostile.md` — what comes from outside and which tests hold what we do about it, from `docs.hostile`;
* `docs/issues.md` — every issue code with severity, rule, message and remedies, from `pipelines.issue_codes` and
  `pipelines.remedies`;
* `docs/reliability.md` — what happens when something fails, from `docs.faults`;
* `docs/rules.md` — which tests and golden cases hold which loading rule, from `docs.rules`;
* `docs/settings.md` — the settings of links and shops from `pipelines.options`, of an installation from
  `pipelines.settings`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from docs.guards import guards
from docs.hostile import hostile
from docs.reliability import reliability
from docs.rules import rules
from pipelines.issue_codes import ISSUE_CODES, IssueCode
from pipelines.logins import LOGIN_KINDS
from pipelines.model import Severity
from pipelines.options import LinkOptions, ShopOptions
from pipelines.remedies import COMMERCEML, TABLE
from pipelines.settings import PREFIX, Settings

FOLDER = Path(__file__).parent

_SEVERITIES = {
    Severity.ERROR: ("Ошибки", "товар (или весь файл) не опубликован"),
    Severity.WARNING: ("Предупреждения", "опубликовано, но что-то изменено, угадано или пропущено"),
    Severity.INFO: ("Сведения", "полезно знать"),
}
_INTRODUCTION = """\
Составлено из `pipelines/issue_codes.py` и `pipelines/remedies.py` командой `python -m docs.generate`. Коды не
меняются и не используются повторно. `{sent}` — что прислано, `{published}` — что опубликовано, `{field}` — метка, как
она написана в файле.
"""
_LOGIN = """\
Under `login` of a link's settings, `kind` says which of these it is. Secrets are named, never written: `portal.login`
is the value of `CATALOG_FEEDS_SECRET_PORTAL_LOGIN`, or in Airflow the user of the Connection `portal`;
`portal.password`, or plainly `portal`, its password.

```yaml
login:
  kind: token
  url: https://api.example.com/get_token/
  fields: {login: portal.login, password: portal.password}
  answer: result.token
```
"""
_SCOPES = {"load": "файл", "offer": "товар"}


def documents() -> dict[Path, str]:
    """The generated documents: path -> text."""
    return {
        FOLDER / "guards.md": guards(),
        FOLDER / "hostile.md": hostile(),
        FOLDER / "issues.md": issues(),
        FOLDER / "settings.md": settings(),
        FOLDER / "reliability.md": reliability(),
        FOLDER / "rules.md": rules(),
    }


def issues() -> str:
    """All issue codes, by severity, in the order of the list."""
    parts = [
        "# Коды замечаний\n",
        _INTRODUCTION,
    ]
    for severity, (title, meaning) in _SEVERITIES.items():
        parts.append(f"## {title}\n\nЗначение: {meaning}.\n")
        parts.append(_table(("код", "о чём", "правило", "сообщение", "что сделать"), _rows(severity)))
    return "\n".join(parts)


def _rows(severity: Severity) -> list[tuple[str, ...]]:
    def row(code: IssueCode) -> tuple[str, ...]:
        return (f"`{code.code}`", _SCOPES[code.scope], code.rule, _text(code.message), _remedies(code))

    return [row(code) for code in ISSUE_CODES.values() if code.severity is severity]


def _remedies(code: IssueCode) -> str:
    """What to do, and how the formats that have other words say it."""
    others = {"В таблице": TABLE.get(code.code), "В CommerceML": COMMERCEML.get(code.code)}
    said = [code.remedy, *(f"{name}: {words}" for name, words in others.items() if words)]
    return "<br>".join(map(_text, said))


def settings() -> str:
    """Settings of links, shops and the installation, with their defaults."""
    parts = [
        "# Settings\n",
        "Written from `pipelines/options.py` and `pipelines/settings.py` by `python -m docs.generate`.\n",
        "## Of a link\n\nIn the links file under `settings`, or `catalog-feeds load --set KEY=VALUE`.\n",
        _options(LinkOptions),
        "## Login of a link\n",
        _LOGIN,
        *(part for kind in LOGIN_KINDS for part in (f"### `{_kind(kind)}`: {kind.__doc__}\n", _options(kind))),
        "## Of a shop\n\nGiven in the same places.\n",
        _options(ShopOptions),
        "## Of an installation\n\nEnvironment variables; `catalog-feeds doctor` shows those in force.\n",
        _table(
            ("variable", "default", "meaning"),
            [
                (f"`{PREFIX}{f.name.upper()}`", _value(f.default), _text(f.metadata["help"]))
                for f in dataclasses.fields(Settings)
            ],
        ),
    ]
    return "\n".join(parts)


def _options(model: type[BaseModel]) -> str:
    return _table(
        ("setting", "default", "meaning"),
        [
            (f"`{name}`", _value(field.get_default(call_default_factory=True)), _text(field.description))
            for name, field in model.model_fields.items()
            if field.description
        ],
    )


def _kind(login: type[BaseModel]) -> str:
    """The word that a links file has for a form: its kind, or the setting it stands under."""
    return get_args(login.model_fields["kind"].annotation)[0] if "kind" in login.model_fields else "send"


def _value(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ("", {}) or isinstance(default, BaseModel):
        return "–"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _text(text: str) -> str:
    """Text inside a cell of a table: tags stay visible, bars do not end the cell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
