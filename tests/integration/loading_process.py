"""A process that works off the loads whose numbers it is sent. Not a test: `test_concurrency` starts some."""

from multiprocessing.connection import Connection

from pipelines import steps
from pipelines.settings import Settings

# What all of them need, and one process imports for them: it takes longer than their work.
PRELOADED = ("great_expectations", "duckdb_engine", "tests.integration.loading_process")


def work(settings: Settings, talk: Connection) -> None:
    """Answer each number with the status that the load has come to."""
    with steps.open_house(settings) as house:
        talk.send("ready")
        while True:
            talk.send(steps.process(house, talk.recv()).status)
