"""P1: killed at any moment and run again, the catalog is the same; two publications at once do not mix."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipelines import registry
from pipelines.database import Database
from pipelines.model import LoadStatus
from pipelines.publish import Publication, Standing

WORKER = """
import os, signal, sys
from pathlib import Path
from pipelines import registry
from pipelines.database import Database
from pipelines.publish import Publication, catalog

url, load_id, offers, rejected, scratch, deadly = sys.argv[1:]

def reached(point):
    if point == deadly:
        os.kill(os.getpid(), signal.SIGKILL)

def killing(function, point):
    def call(*arguments, **keywords):
        result = function(*arguments, **keywords)
        reached(point)
        return result
    return call

Publication._fill = killing(Publication._fill, "filled")
Publication._check = killing(Publication._check, "written")
catalog.registry.save_load = killing(registry.save_load, "saved")
catalog.registry.mark_processed = killing(registry.mark_processed, "marked")
with Database(url).connect() as conn:
    load = registry.get_load(conn, int(load_id))
    load.counts.read = load.counts.accepted = int(os.environ["ACCEPTED"])
    conn.commit()
    print("ready", flush=True)
    sys.stdin.readline()
    with Publication(conn, load) as publication:
        reached("entered")
        publication.stage(Path(offers), Path(rejected), [], Path(scratch))
        reached("staged")
        publication.apply(hide=True)
        reached("applied")
    reached("committed")
"""


@pytest.fixture
def worker(catalog: Database, tmp_path: Path):
    """Starts a process that publishes a load once it is told to, and kills itself at a point."""
    started = []

    def start(load_id: int, files: Any, deadly: str = "") -> subprocess.Popen:
        scratch = tmp_path / f"scratch-{len(started)}"
        scratch.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, catalog.url(), str(load_id), files.offers, files.rejected, scratch, deadly],
            env={**os.environ, "ACCEPTED": str(files.accepted)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def dump(conn: psycopg.Connection) -> list[Any]:
    """The catalog and its history without the clock."""
    offers = conn.execute(
        "SELECT sku_key, name, status, content_hash, load_id, line, hidden_at IS NULL FROM offers ORDER BY sku_key"
    ).fetchall()
    changes = conn.execute(
        "SELECT load_id, sku_key, kind, fields, before, after FROM changes ORDER BY load_id, sku_key"
    ).fetchall()
    conn.commit()
    return [offers, changes]


BEFORE = [{"sku": str(n), "name": "было"} for n in range(40)]
AFTER = [{"sku": str(n), "name": "стало" if n % 3 else "было"} for n in range(10, 60)]


@pytest.mark.parametrize(
    "deadly", ["entered", "filled", "staged", "written", "saved", "marked", "applied", "committed"]
)
def test_P1_killed_at_any_point_and_run_again_gives_the_same_catalog(
    conn, link, write_files, new_load, publish, worker, tmp_path, deadly
):
    a = link()
    publish(a, write_files(BEFORE))
    before, files = dump(conn), write_files(AFTER)
    load = new_load(a, files)
    process = worker(load.id, files, deadly)
    process.communicate("\n", timeout=60)
    assert process.returncode == -9
    assert (dump(conn) == before) == (deadly != "committed")

    with Publication(conn, load) as publication:  # waits until the server has noticed
        if deadly == "committed":
            assert publication.standing is Standing.PUBLISHED
        else:
            publication.stage(files.offers, files.rejected, [], tmp_path)
            publication.apply(hide=True)
    interrupted = dump(conn)
    counts = registry.get_load(conn, load.id).counts
    assert (counts.created, counts.changed, counts.unchanged, counts.hidden) == (20, 20, 10, 10)
    assert registry.get_link(conn, a.id).last_good_load_id == load.id

    # The same from the start in the same catalog, without an interruption; load ids count on.
    conn.execute("TRUNCATE offers, changes, loads CASCADE")
    conn.execute("ALTER SEQUENCE loads_id_seq RESTART")
    again = link()
    publish(again, write_files(BEFORE))
    publish(again, files, hide=True)
    assert dump(conn) == interrupted


def test_P1_two_processes_publish_one_supplier_at_once(conn, link, write_files, new_load, worker):
    """Two links of one supplier: one waits for the other, and both hold their promises."""
    mine, theirs = write_files([str(n) for n in range(300)]), write_files([str(n) for n in range(200, 500)])
    loads = [new_load(link("a-main"), mine), new_load(link("a-other"), theirs)]
    workers = [worker(load.id, files) for load, files in zip(loads, (mine, theirs), strict=True)]
    for process in workers:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in workers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    first, second = sorted((registry.get_load(conn, load.id) for load in loads), key=lambda load: load.finished_at)
    assert (first.status, second.status) == (LoadStatus.PROCESSED, LoadStatus.PROCESSED)
    assert (first.counts.created, first.counts.hidden) == (300, 0)
    assert (second.counts.created, second.counts.unchanged, second.counts.hidden) == (200, 100, 200)
    assert conn.execute("SELECT status, count(*) FROM offers GROUP BY 1 ORDER BY 1").fetchall() == [
        ("hidden", 200),
        ("published", 300),
    ]


def test_P1_one_load_published_by_two_processes_is_published_once(conn, link, write_files, new_load, worker):
    files = write_files(["1", "2"])
    load = new_load(link(), files)
    workers = [worker(load.id, files) for _ in range(2)]
    for process in workers:
        process.stdin.write("\n")
        process.stdin.flush()
    codes = sorted(process.wait(timeout=60) for process in workers)
    assert codes == [0, 1]  # the second one finds it published and is refused
    assert conn.execute("SELECT kind, count(*) FROM changes GROUP BY 1").fetchall() == [("created", 2)]
