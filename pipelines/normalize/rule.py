"""What a rule is: columns computed from columns, and remarks about what was changed, guessed or dropped.

A rule reads a *row*: one offer, one region of an offer, one characteristic. Values as sent are columns `sent_<name>`
with `<name>_line` beside them; the load's options are columns `option_<name>`. What the rule publishes has the plain
name. Every piece of SQL here is a constant of this package: data is only ever compared or bound, never pasted in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """New columns, each an SQL expression over the columns of the row so far (not over each other)."""

    expressions: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it makes."""
        return tuple(self.expressions)

    def sql(self, source: str) -> str:
        """The rows of `source` with these columns added."""
        added = (f"{expression} AS {name}" for name, expression in self.expressions.items())
        return f"SELECT {', '.join(['*', *added])} FROM {source}"


@dataclass(frozen=True)
class Lookup:
    """New columns from a reference table; NULL where the key is not in it.

    Attributes:
        table: the table; its key is unique, so rows are never multiplied.
        key: column of the row that is looked up.
        match: column of the table that it must equal.
        columns: new column -> column of the table.
    """

    table: str
    key: str
    match: str
    columns: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it makes."""
        return tuple(self.columns)

    def sql(self, source: str) -> str:
        """The rows of `source` with these columns added."""
        added = ", ".join(f"found.{column} AS {name}" for name, column in self.columns.items())
        found = f"LEFT JOIN {self.table} AS found ON found.{self.match} = source.{self.key}"
        return f"SELECT source.*, {added} FROM {source} AS source {found}"


@dataclass(frozen=True)
class Remark:
    """An issue that a rule may raise.

    Attributes:
        code: a code of `pipelines.issue_codes`.
        when: SQL condition over the finished row.
        field: SQL for the raw column that the remark is about; the report shows the supplier's spelling of it.
        line: SQL for the line of the value; the offer's line where it is NULL.
        sent: SQL for the value as sent.
        published: SQL for what is published instead; NULL = nothing.
        each: a LIST column; one issue per element, and the pieces of SQL above may read the element as `entry`.
        once: raise it once per load, for the first offer, instead of for every offer.
        each_value: with `once`: once for each pair of values sent and published.
    """

    code: str
    when: str
    field: str
    line: str = "NULL"
    sent: str = "NULL"
    published: str = "NULL"
    each: str | None = None
    once: bool = False
    each_value: bool = False


def about(code: str, column: str, when: str, *, published: str = "NULL", once: bool = False) -> Remark:
    """A remark about one raw column: its spelling, its line, its value as sent."""
    return Remark(code, when, f"'{column}'", f"{column}_line", f"sent_{column}", published, once=once)


@dataclass(frozen=True)
class Rule:
    """One rule, or a tight family of them.

    Attributes:
        ids: rule ids of the loading rules.
        steps: as if computed in order, each seeing the columns of those before.
        remarks: judged when all steps of all rules of the row are done.
    """

    ids: tuple[str, ...]
    steps: tuple[Columns | Lookup, ...]
    remarks: tuple[Remark, ...] = ()


def rows_sql(source: str, rules: tuple[Rule, ...], columns: str = "*") -> str:
    """A query: these columns of `source` after the steps of all rules, each of which sees those before it."""
    layers = [f"layer_0 AS NOT MATERIALIZED (SELECT * FROM {source})"]
    for number, (computed, found) in enumerate(layers_of(rules), start=1):
        sql = computed.sql(f"layer_{number - 1}")
        for lookup in found:
            sql = lookup.sql(f"({sql})")
        layers.append(f"layer_{number} AS NOT MATERIALIZED ({sql})")
    return f"WITH {', '.join(layers)} SELECT {columns} FROM layer_{len(layers) - 1}"


def layers_of(rules: tuple[Rule, ...]) -> list[tuple[Columns, list[Lookup]]]:
    """The steps of some rules in layers: what does not read each other stands side by side.

    The engine makes room for all columns of every layer whenever a query is run, however few rows there are.
    """
    depth: dict[str, int] = {}  # of columns; those of the source lie at 0
    computed: defaultdict[int, dict[str, str]] = defaultdict(dict)
    lookups: defaultdict[int, list[Lookup]] = defaultdict(list)
    for step in (step for rule in rules for step in rule.steps):
        if isinstance(step, Lookup):
            at = 1 + depth.get(step.key, 0)
            lookups[at].append(step)
            depth |= dict.fromkeys(step.names, at)
        else:
            places = {name: 1 + _deepest(sql, depth) for name, sql in step.expressions.items()}
            for name, at in places.items():
                computed[at][name] = step.expressions[name]
            depth |= places
    return [(Columns(computed[at]), lookups[at]) for at in range(1, 1 + max(depth.values(), default=0))]


def _deepest(sql: str, depth: Mapping[str, int]) -> int:
    """How deep the columns lie that an expression may read; what it quotes it does not read."""
    return max((depth.get(word, 0) for word in re.findall(r"\w+", re.sub(r"'[^']*'", "", sql))), default=0)


def made_by(rules: tuple[Rule, ...]) -> list[str]:
    """Names of the columns that the steps of these rules make."""
    return [name for rule in rules for step in rule.steps for name in step.names]
