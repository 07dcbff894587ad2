"""Airflow's api-server shows the files of loads to whoever may read the logs of the hourly DAG.

    /catalog-feeds/loads/<load>/report | issues | raw | changes

Files are what suppliers sent, or made of it: a page runs no script, everything else is only saved, never opened.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from pipelines import steps
from pipelines.errors import CatalogFeedsError
from pipelines.settings import load_settings

_BLOCK = 1 << 18
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_PAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
# Name in the address -> name of the file in the load's JSON, its type, and the name it is saved under.
_FILES = {
    "report": ("report_html", "text/html; charset=utf-8", None),
    "issues": ("issues_xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "issues.xlsx"),
    "raw": ("raw", "application/octet-stream", "feed"),
}

app = FastAPI(
    title="catalog-feeds",
    openapi_url=None,
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.TASK_LOGS, "catalog_feeds_hourly"))],
)


@app.get("/loads/{load_id}/changes")
def changes(load_id: int) -> StreamingResponse:
    """What the load changed in the catalog, as CSV."""

    def rows() -> Iterator[str]:
        with steps.open_house(load_settings()) as house:
            yield from steps.changes_csv(house, load_id)

    return StreamingResponse(rows(), media_type="text/csv; charset=utf-8", headers=_headers(f"changes-{load_id}.csv"))


@app.get("/loads/{load_id}/{name}")
def file(load_id: int, name: str) -> StreamingResponse:
    """A file of a load."""
    if name not in _FILES:
        raise HTTPException(404)
    kind, media_type, saved_as = _FILES[name]
    try:
        with steps.open_house(load_settings()) as house:
            key = steps.file_key(house, load_id, kind)
            if key is None or not house.store.exists(key):
                raise HTTPException(404, "this load has no such file")
            source = house.store.open(key)
    except CatalogFeedsError as error:
        raise HTTPException(404, str(error)) from error

    def blocks() -> Iterator[bytes]:
        with source:
            while block := source.read(_BLOCK):
                yield block

    headers = _headers(f"{load_id}-{saved_as}") if saved_as else _SAFE | {"Content-Security-Policy": _PAGE}
    return StreamingResponse(blocks(), media_type=media_type, headers=headers)


def _headers(saved_as: str) -> dict[str, str]:
    return _SAFE | {"Content-Disposition": f'attachment; filename="{saved_as}"'}


class LoadFiles(AirflowPlugin):
    """Mounts the pages."""

    name = "catalog_feeds_load_files"
    fastapi_apps = [  # noqa: RUF012 - as Airflow declares it
        {"app": app, "url_prefix": "/catalog-feeds", "name": "catalog-feeds"}
    ]
