"""The supplier's report: one value for all its forms, the pages, the JSON and the mail (R1-R3)."""

from __future__ import annotations

from pipelines.report.document import write_json
from pipelines.report.issue_list import write_csv, write_xlsx
from pipelines.report.mail import compose_mail, deliver
from pipelines.report.pages import render_html, render_text
from pipelines.report.policy import wants_mail
from pipelines.report.summary import LoadReport, build

__all__ = [
    "LoadReport",
    "build",
    "compose_mail",
    "deliver",
    "render_html",
    "render_text",
    "wants_mail",
    "write_csv",
    "write_json",
    "write_xlsx",
]
