"""The batch gate: the expectations of `expectations/` over a load's files, before anything of them is published.

Great Expectations gives the verdict, by SQL on DuckDB views over the load's Parquet, never row by row; it is imported
only here and only when a load is checked, since that alone takes seconds. What a failure means:

* critical, of offers or details: normalising promised otherwise, so the fault is ours and the load fails;
* critical, of the load against its past: the load is held whole (`HoldReason.UNLIKE_PAST`);
* warning: a remark of the report; info: kept on the page of the load.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import InternalError
from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import Issue
from pipelines.quality.conditions import amount, condition, instead
from pipelines.quality.evidence import Example, examples
from pipelines.quality.profile import MEASURES, Profile, Usual, take_profile, usual
from pipelines.quality.suites import Check, Gravity, Suite, Table, Unit, read_checks
from pipelines.reference import Reference

_LIMITS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 2,
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
}


@dataclass(frozen=True)
class Batch:
    """A load as the gate sees it.

    Attributes:
        offers: Parquet of `OFFER_SCHEMA`.
        issues: Parquet of `ISSUE_SCHEMA`.
        read, rejected: offers of the file.
        delta: the file holds changes only, so that its numbers are no measure of anything.
    """

    offers: Path
    issues: Path
    read: int
    rejected: int
    delta: bool = False


@dataclass(frozen=True)
class Finding:
    """What came of one check.

    Attributes:
        passed: None when it was not made: there is nothing to compare with.
        condition: what was asked, with its numbers, in Russian.
        observed: what was found, in Russian.
        broken: rows that break it.
        examples: the first of them.
    """

    check: Check
    passed: bool | None
    condition: str
    observed: str
    broken: int = 0
    examples: tuple[Example, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the check was made and failed."""
        return self.passed is False


@dataclass(frozen=True)
class GateResult:
    """All findings on a load, in the order of the suites, and what it was like.

    Attributes:
        profile: the numbers of the load; None for a delta, which is no measure for later loads.
        usual: what it was compared with.
    """

    findings: tuple[Finding, ...]
    profile: Profile | None
    usual: Usual

    def failed(self, gravity: Gravity) -> tuple[Finding, ...]:
        """The failed checks of one gravity."""
        return tuple(f for f in self.findings if f.failed and f.check.gravity is gravity)

    @property
    def broken_promises(self) -> tuple[Finding, ...]:
        """Critical failures of what normalising promises: a fault of ours."""
        return tuple(f for f in self.failed(Gravity.CRITICAL) if f.check.suite is not Suite.LOAD)

    @property
    def unlike_past(self) -> tuple[Finding, ...]:
        """Critical failures against the past of the link: a person must look."""
        return tuple(f for f in self.failed(Gravity.CRITICAL) if f.check.suite is Suite.LOAD)

    def issues(self, spellings: dict[str, str]) -> tuple[Issue, ...]:
        """Remarks on the load for its failed warnings.

        Args:
            spellings: raw column -> how the supplier writes it.
        """
        return tuple(issue for finding in self.failed(Gravity.WARNING) for issue in _remarks(finding, spellings))


def _remarks(finding: Finding, spellings: dict[str, str]) -> Iterable[Issue]:
    code = finding.check.code
    if code is None:
        msg = f"the warning {finding.check.id} has no issue code"
        raise InternalError(msg)
    if finding.check.table is Table.SHARES:
        for example in finding.examples:
            of_code, _, numbers = str(example.value).partition(": ")
            yield Issue(code, field=of_code, sent=numbers)
        return
    column, first = finding.check.sent_as, next(iter(finding.examples), None)
    yield Issue(
        code,
        field=None if column is None else spellings.get(column, column),
        sent=finding.observed if first is None or first.sku is not None else first.value,
        line=None if first is None else first.line,
        part=None if first is None else first.part,
    )


def examine(batch: Batch, *, past: Sequence[Profile], reference: Reference, scratch: Path) -> GateResult:
    """Check a load.

    Args:
        past: profiles of the link's last good loads; empty for a first load.
        reference: the reference tables it was normalised with.
        scratch: an empty place for files; may go afterwards.

    Raises:
        InternalError: a check could not be made.
    """
    database = scratch / "gate.duckdb"
    config = _LIMITS | {"temp_directory": str(scratch / "spilled")}
    with duckdb.connect(config=config) as connection:
        _open_views(connection, batch)
        _write_units(connection, reference)
        profile = take_profile(connection, read=batch.read, rejected=batch.rejected)
        habits = usual([] if batch.delta else past, profile.currency)
        told = _comparable(profile, habits)
        _write_comparison(connection, told, profile, habits)
        # The same views in a file, which is all that SQLAlchemy can open.
        connection.execute(f"ATTACH {_quoted(database)} AS gate; COPY FROM DATABASE memory TO gate; DETACH gate")
        empty = {table for table in (Table.PARAMS, Table.REGIONS) if not _has_rows(connection, table)}
        checks = [
            check
            for check in read_checks()
            if check.table not in empty
            and (habits.comparable or check.suite is not Suite.LOAD)
            and (check.table is not Table.PROFILE or check.column in told)
        ]
        parameters: dict[str, Any] = {f"usual_{name}": value or 0.0 for name, value in habits.measures.items()}
        answers = _ask(database, checks, parameters | _known_values(reference), config)
        findings = [_finding(connection, check, answers.get(check.id), told) for check in read_checks()]
    return GateResult(tuple(findings), None if batch.delta else profile, habits)


def _has_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    return connection.execute(f"SELECT 1 FROM {table.value} LIMIT 1").fetchone() is not None


def _quoted(path: Path) -> str:
    """The name of a file as SQL writes it, where it cannot be bound."""
    return "'" + str(path).replace("'", "''") + "'"


def _open_views(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """The tables that checks look at."""
    for name, path in (("offer_rows", batch.offers), ("issues", batch.issues)):
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({_quoted(path)})")
    for statement in (
        """
        CREATE VIEW offers AS SELECT *, len(pictures) AS pictures_number, len(dimensions_cm) AS dimensions_number,
            len(params) AS params_number, len(regions) AS regions_number FROM offer_rows""",
        """
        CREATE VIEW params AS SELECT ordinal, sku, part, line, unnest(entry)
            FROM (SELECT ordinal, sku, part, line, unnest(params) AS entry FROM offer_rows)""",
        """
        CREATE VIEW regions AS SELECT ordinal, sku, part, line, offer_price, unnest(entry)
            FROM (SELECT ordinal, sku, part, line, price AS offer_price, unnest(regions) AS entry FROM offer_rows)""",
        f"CREATE TABLE profile ({', '.join(f'{name} DOUBLE' for name in MEASURES)})",
        "CREATE TABLE shares (code VARCHAR, severity VARCHAR, share DOUBLE, usual DOUBLE)",
        "CREATE TABLE units (code VARCHAR)",
    ):
        connection.execute(statement)


def _write_units(connection: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """The codes of OKEI, as a table: a list of so many would be compared one by one for each row."""
    connection.execute("INSERT INTO units SELECT unnest(?)", [_codes(reference, "okei", "code")])


def _write_comparison(
    connection: duckdb.DuckDBPyConnection, told: dict[str, tuple[float, float]], profile: Profile, habits: Usual
) -> None:
    """The numbers of the load that can be compared: what is NULL is not."""
    connection.execute(
        f"INSERT INTO profile VALUES ({', '.join('?' * len(MEASURES))})",
        [told[name][0] if name in told else None for name in MEASURES],
    )
    shares = [
        [code, ISSUE_CODES[code].severity.value, profile.remarks[code], share]
        for code, share in habits.remarks.items()
        if profile.telling and profile.remarks[code] > 0
    ]
    if shares:
        connection.executemany("INSERT INTO shares VALUES (?, ?, ?, ?)", shares)


def _comparable(profile: Profile, habits: Usual) -> dict[str, tuple[float, float]]:
    """The numbers of a load that the past tells of, beside the usual ones; of a few offers only how many they are."""
    numbers = profile.measures if profile.telling else profile.counted
    pairs = {name: (value, habits.measures.get(name)) for name, value in numbers.items()}
    return {name: (now, before) for name, (now, before) in pairs.items() if now is not None and before is not None}


def _known_values(reference: Reference) -> dict[str, Any]:
    """The short closed lists of the reference tables, as parameters of the suites."""
    rates = {*_codes(reference, "vat_rates", "rate"), *_codes(reference, "vat_spellings", "rate")}
    return {"currencies": _codes(reference, "currencies", "code"), "vat_rates": sorted(rates)}


def _codes(reference: Reference, table: str, column: str) -> list[str]:
    with reference.path(table).open(encoding="utf-8", newline="") as rows:
        return sorted({row[column] for row in csv.DictReader(rows)})


@dataclass(frozen=True)
class _Answer:
    """What Great Expectations says of one check."""

    passed: bool
    kwargs: dict[str, Any]
    result: dict[str, Any]


def _ask(
    database: Path, checks: Sequence[Check], parameters: dict[str, Any], config: dict[str, Any]
) -> dict[str, _Answer]:
    """Have the checks made, table by table."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    from pipelines.quality import duckdb_dialect, no_rows  # noqa: F401 - the suites name what it brings

    duckdb_dialect.register()
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # Its own pages are not made: they draw their styles from the network.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars={"globally": False, "metric_calculations": False},
        ),
    )
    # The path travels beside the URL: characters of a folder's name mean something in one.
    source = context.data_sources.add_sql(
        name="load",
        connection_string="duckdb+gx:///load",
        kwargs={"connect_args": {"database": str(database), "config": config}},
    )
    answers: dict[str, _Answer] = {}
    try:
        for table, of_table in groupby(sorted(checks, key=_table), _table):
            whole = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table("whole")
            batch, asked = whole.get_batch(), list(of_table)
            # What is wrong is asked where something is: without it a question costs half as much.
            verdicts = _validate(batch, [check for check in asked if not check.measuring], parameters, "BOOLEAN_ONLY")
            telling = [check for check in asked if check.measuring or not verdicts[check.id].passed]
            answers |= verdicts | _validate(batch, telling, parameters, "BASIC")
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
    return answers


def _validate(
    batch: Any,  # noqa: ANN401 - Great Expectations is not typed for us
    checks: Sequence[Check],
    parameters: dict[str, Any],
    result_format: str,
) -> dict[str, _Answer]:
    """The answers to some checks of one table."""
    import great_expectations as gx

    if not checks:
        return {}
    expectations = [
        {"type": c.type, "kwargs": dict(c.kwargs), "severity": c.gravity.value, "meta": {"id": c.id}} for c in checks
    ]
    validated = batch.validate(
        gx.ExpectationSuite(name="checks", expectations=expectations),
        result_format={"result_format": result_format, "partial_unexpected_count": 0},
        expectation_parameters=parameters,
    )
    return dict(_answer(result) for result in validated.results)


def _table(check: Check) -> str:
    return check.table.value


def _answer(result: Any) -> tuple[str, _Answer]:  # noqa: ANN401 - Great Expectations is not typed for us
    config = result.expectation_config
    if result.exception_info and result.exception_info.get("raised_exception", True) is not False:
        msg = f"the check {config.meta['id']} could not be made: {result.exception_info}"
        raise InternalError(msg)
    return config.meta["id"], _Answer(bool(result.success), dict(config.kwargs), dict(result.result))


def _finding(
    connection: duckdb.DuckDBPyConnection,
    check: Check,
    answer: _Answer | None,
    told: dict[str, tuple[float, float]],
) -> Finding:
    if answer is None:
        why = "сравнивать не с чем" if check.suite is Suite.LOAD else "в файле их нет"
        return Finding(check, None, condition(check), why)
    asked = condition(check, answer.kwargs)
    if check.table is Table.PROFILE:
        said = instead(*told[str(check.column)], check.unit)
        return Finding(check, answer.passed, asked, said, 0 if answer.passed else 1)
    if check.measuring:
        return Finding(check, answer.passed, asked, amount(answer.result.get("observed_value") or 0, check.unit))
    if answer.passed:
        return Finding(check, True, asked, "исключений нет")
    broken = int(answer.result["unexpected_count" if check.query is None else "observed_value"])
    said = f"исключений: {amount(broken, Unit.NUMBER)}"
    if check.query is None:
        said += f" из {amount(answer.result['element_count'], Unit.NUMBER)}"
    return Finding(check, False, asked, said, broken, examples(connection, check, answer.kwargs))
