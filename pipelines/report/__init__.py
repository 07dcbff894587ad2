"""The supplier's report: one value for all its forms, the pages, the tables, the JSON and the mails (R1-R3)."""

from __future__ import annotations

from pipelines.report.annotated import annotate
from pipelines.report.document import write_json
from pipelines.report.issue_list import write_csv, write_xlsx
from pipelines.report.mail import ATTACHMENTS_LIMIT_BYTES, Attachment, Envelope, compose_mail, mail_name
from pipelines.report.notices import Notice, compose_digest, compose_notice, digest_entry, failing_notice, stale_notice
from pipelines.report.pages import load_templates, render_html, render_text
from pipelines.report.policy import Delivery, how_to_mail
from pipelines.report.question import question_title, render_question
from pipelines.report.summary import SCORES, LoadReport, build
from pipelines.report.transport import Delivered, check_server, deliver

__all__ = [
    "ATTACHMENTS_LIMIT_BYTES",
    "SCORES",
    "Attachment",
    "Delivered",
    "Delivery",
    "Envelope",
    "LoadReport",
    "Notice",
    "annotate",
    "build",
    "check_server",
    "compose_digest",
    "compose_mail",
    "compose_notice",
    "deliver",
    "digest_entry",
    "failing_notice",
    "how_to_mail",
    "load_templates",
    "mail_name",
    "question_title",
    "render_html",
    "render_question",
    "render_text",
    "stale_notice",
    "write_csv",
    "write_json",
    "write_xlsx",
]
