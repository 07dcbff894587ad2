"""The one data path, step by step. The only room that knows the others.

    links     a link → raw/<sha256> and a queued load       fetch
    intake    a file or URL of someone's choice → a load    fetch
    offers    a person's word → the catalog                 normalize, publish
    process   a load → the catalog                          parse, normalize, quality, publish
    reporting a finished load → report, a mail in the queue report
    mail      the queue → a mail server or the outbox       report
    snapshot  the catalog → the analyst's file and history  publish
    query     questions to that file
    reference a file → a reference table in force           reference
    template  a shop's settings → a template for suppliers  template
    inbox     files in the object store's inbox → loads    as intake
    holds     what an operator is asked about a load        report
    alerts    what failed on our side → one mail            report
    vitals    the catalog → the numbers it is watched by
    housekeeping  old files → nothing
    backup    the whole state → a folder → a new installation
    cycle     all of it for all links, without Airflow
    readiness what a fork of ours finds done               normalize, quality, report

Every step takes a load id (or a link's code) and finds the rest in the catalog and the object store. It writes its
results first and its manifest last, so that a step which was killed is simply run again (P1).
"""

from pipelines.steps.alerts import alert
from pipelines.steps.backup import Backup, back_up, restore
from pipelines.steps.cycle import Cycle, run_cycle
from pipelines.steps.decisions import Undone, approve, reject, require_reason, rollback
from pipelines.steps.history import changes_csv
from pipelines.steps.holds import Question, question, waiting_loads
from pipelines.steps.house import House, Outcome, Progress, account, file_key, open_house, outcome, silent
from pipelines.steps.housekeeping import Retention, Swept, sweep
from pipelines.steps.inbox import Upload, load_upload, waiting_uploads
from pipelines.steps.intake import check_link, load_source
from pipelines.steps.links import apply_links, due_links, list_links, poll
from pipelines.steps.mail import Mailing, mail_round, send_due_mails
from pipelines.steps.offers import (
    accredit,
    accreditation,
    export_offers,
    mark_offers,
    offer_statistics,
    select,
    set_offers,
)
from pipelines.steps.polling import poll_due
from pipelines.steps.process import process
from pipelines.steps.query import peek_snapshot, query_snapshot, save_answer, write_answer, write_page
from pipelines.steps.readiness import get_ready
from pipelines.steps.reference import (
    Imported,
    export_reference,
    import_reference,
    list_reference,
    reference_history,
)
from pipelines.steps.replay import Flips, backtest, replay
from pipelines.steps.reporting import annotate_load, list_loads, offer, report_json, report_text
from pipelines.steps.snapshot import LATEST, copy_history, snapshot_is_due, write_snapshot
from pipelines.steps.template import write_template
from pipelines.steps.vitals import vital_signs

__all__ = [
    "LATEST",
    "Backup",
    "Cycle",
    "Flips",
    "House",
    "Imported",
    "Mailing",
    "Outcome",
    "Progress",
    "Question",
    "Retention",
    "Swept",
    "Undone",
    "Upload",
    "account",
    "accredit",
    "accreditation",
    "alert",
    "annotate_load",
    "apply_links",
    "approve",
    "back_up",
    "backtest",
    "changes_csv",
    "check_link",
    "copy_history",
    "due_links",
    "export_offers",
    "export_reference",
    "file_key",
    "get_ready",
    "import_reference",
    "list_links",
    "list_loads",
    "list_reference",
    "load_source",
    "load_upload",
    "mail_round",
    "mark_offers",
    "offer",
    "offer_statistics",
    "open_house",
    "outcome",
    "peek_snapshot",
    "poll",
    "poll_due",
    "process",
    "query_snapshot",
    "question",
    "reference_history",
    "reject",
    "replay",
    "report_json",
    "report_text",
    "require_reason",
    "restore",
    "rollback",
    "run_cycle",
    "save_answer",
    "select",
    "send_due_mails",
    "set_offers",
    "silent",
    "snapshot_is_due",
    "sweep",
    "vital_signs",
    "waiting_loads",
    "waiting_uploads",
    "write_answer",
    "write_page",
    "write_snapshot",
    "write_template",
]
