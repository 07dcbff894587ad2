"""`docs/guards.md`: what the catalog does not let a file do by itself, from `pipelines.quality.guards`."""

from __future__ import annotations

import re

from pipelines.model import HoldReason
from pipelines.options import LinkOptions
from pipelines.quality.guards import GUARDS, Guard

_INTRODUCTION = """\
# Guards

Written from `pipelines/quality/guards.py` and `pipelines/options.py` by `python -m docs.generate`.

A guard stands between a file and the catalog: the file can be read, and its offers keep the rules, and yet it would do
what no supplier means. A guard either leaves hiding out, or makes something wait for an operator. Prices are compared
offer by offer with those in the catalog; an offer that the catalog does not know has nothing to be compared with.
"""
_DECIDING = """\
## What waits, and for how long

`catalog-feeds loads` names what waits; `loads show LOAD` tells the numbers, what was published and what was not, and
how many offers buyers would see after either decision.

| what happens | where the rest was published | where the whole load waits |
| --- | --- | --- |
| `loads approve` | offers are hidden, prices published | it is published, and hides what its file does not hold |
| `loads reject` | the catalog stays; `processed` | the catalog stays; `rejected` |
| the link's next file, good or held | the question lapses; that file asks its own | the same; `rejected` |
| a file that is rejected | the question stays | the question stays |

An approval compares the load with the catalog of that moment. Whatever changed since the load stays as it is, by
whomever: another link, an upload, or a hand; what another link of the supplier supplies by now is not hidden. Who
decided, when and why is kept with the load and told in its report.

A feed that recovers needs no operator: its next file publishes, and restores what is missing.

"""
_UNDO = """\
## When it got through all the same

`catalog-feeds loads rollback LOAD --why TEXT` brings the supplier's goods in the shop back to what they were before
the load, as a new load; `--through` undoes everything that came after it as well. Offers that did not exist are taken
away, their history stays. The undone file is not loaded again by itself; any other file of the link is. A rollback can
be rolled back.
"""


def guards() -> str:
    """Each guard with its defaults, what it does and why, and how to change it."""
    parts = [_INTRODUCTION, *map(_section, GUARDS), _DECIDING, _UNDO]
    return "\n".join(parts).rstrip() + "\n"


def _section(guard: Guard) -> str:
    kind = "waits" if isinstance(guard.reason, HoldReason) else "hiding is left out"
    label = f"\nReports say: «{guard.reason.label}»\n" if isinstance(guard.reason, HoldReason) else ""
    when = re.sub(r"\{(\w+)\}", lambda match: _default(match.group(1)), guard.when)
    lines = [
        f"## `{guard.reason.value}` ({guard.rule}): {kind}\n",
        f"**When.** {when}\n",
        f"**What happens.** {guard.does}\n",
        f"**Why.** {guard.why}\n{label}",
    ]
    if guard.options:
        lines.append("| setting of the link | default | meaning |\n| --- | --- | --- |")
        lines += [
            f"| `{name}` | {_value(name)} | {LinkOptions.model_fields[name].description} |" for name in guard.options
        ]
        lines.append("")
    return "\n".join(lines)


def _default(name: str) -> str:
    value = _value(name)
    return f"{float(value):.0%}" if name.endswith("_share") else value


def _value(name: str) -> str:
    return str(LinkOptions.model_fields[name].get_default())
