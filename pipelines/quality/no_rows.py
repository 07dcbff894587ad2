"""`expect_no_rows`: a query that must find nothing, answered by the number of rows that it finds.

The expectation that Great Expectations has for this fetches the rows besides, so that each query runs twice; what
breaks a check is looked up where it is shown (`evidence`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations import UnexpectedRowsExpectation


class ExpectNoRows(UnexpectedRowsExpectation):  # type: ignore[misc]  # Great Expectations is not typed for us
    """Counts the rows; Great Expectations knows it by its name from the moment on in which it is imported."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - as the base class has it
        execution_engine: object = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = metrics[self.metric_dependencies[0]]
        return {"success": found == 0, "result": {"observed_value": found}}
