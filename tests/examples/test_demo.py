"""`make run` and `make up` for real: the examples through Airflow, three times, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from examples.local_airflow import free_port
from pipelines import steps
from pipelines.settings import Settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
COUNTS = ("read", "accepted", "rejected", "created", "changed", "restored", "unchanged", "hidden")


class Installation:
    """A state folder, a copy of the feeds, and the demonstration on them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.feeds = folder / "feeds"
        self.port = str(free_port(0))  # one for all runs: another address would be news
        shutil.copytree(ROOT / "examples" / "feeds", self.feeds)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CATALOG_FEEDS_", "AIRFLOW"))}
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "examples.demo",
                "--feeds",
                str(self.feeds),
                "--port",
                self.port,
                *arguments,
            ],
            cwd=ROOT,
            env=inherited | {"CATALOG_FEEDS_HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> str:
        """Run the demonstration once to its end; gives back what it printed."""
        known = set(self._loads())
        process = self.start()
        output, _ = process.communicate(timeout=400)
        assert process.returncode == 0, output
        assert self.left_behind() == []
        assert f"http://127.0.0.1:{self.port}/" in (self.home / "links.yaml").read_text(encoding="utf-8")
        self.new = {row["link"]: row for number, row in self._loads().items() if number not in known}
        return output

    def counts(self, link: str) -> dict[str, int]:
        """What the last run did to a link's offers, without zeros."""
        return {name: self.new[link][name] for name in COUNTS if self.new[link][name]}

    def left_behind(self) -> list[str]:
        """Processes that belong to this installation, and the server's pid file."""
        found = []
        for process in psutil.process_iter():
            try:
                belongs = str(self.home) in (process.environ().get("CATALOG_FEEDS_HOME"), process.cwd())
                if belongs and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        postgres = self.home / "postgres"
        place = postgres / "location"
        data = (Path(place.read_text(encoding="utf-8")) if place.exists() else postgres) / "data"
        if (data / "postmaster.pid").exists():
            found.append(f"PostgreSQL in {data}")
        return found

    def _loads(self) -> dict[int, dict[str, Any]]:
        if not self.home.exists():
            return {}
        with steps.open_house(Settings(home=str(self.home))) as house:
            return {row["id"]: row for row in steps.list_loads(house, limit=1_000)}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    # Not pytest's own folder: that is closed to other accounts, and root's PostgreSQL runs under one.
    folder = Path(tempfile.mkdtemp(prefix="catalog-feeds-demo-"))
    folder.chmod(0o755)
    made = Installation(folder)
    # The product closes its state folder to others; open it before it exists, so that PostgreSQL stays inside.
    made.home.mkdir(mode=0o755)
    try:
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def test_the_examples_load_then_stay_then_change(installation: Installation) -> None:
    """First run: all new. Second: only the feed that changed. Third, after an edit: only the differences."""
    output = installation.run()
    assert {link: row["status"] for link, row in installation.new.items()} == {
        "elektrika-main": "processed",
        "kantsmir-office": "processed",
        "khimiya-main": "rejected",
        "krepezh-main": "processed",
        "siz-main": "rejected",
        "tekhnika-office": "processed",
        "truby-main": "processed",
        "zapchasti-main": "processed",
    }
    assert {link: installation.counts(link) for link in installation.new} == {
        "elektrika-main": {"read": 47, "accepted": 29, "rejected": 18, "created": 29},
        "kantsmir-office": {"read": 14, "accepted": 14, "created": 14},
        "khimiya-main": {},
        "krepezh-main": {"read": 24, "accepted": 24, "created": 24},
        "siz-main": {},
        "tekhnika-office": {"read": 8, "accepted": 8, "created": 8},
        "truby-main": {"read": 11, "accepted": 11, "created": 11},
        "zapchasti-main": {"read": 12, "accepted": 12, "created": 12},
    }
    assert {link: row["reason"] for link, row in installation.new.items() if row["reason"]} == {
        "khimiya-main": "link_unreachable",
        "siz-main": "xml_truncated",
    }
    for clean in ("krepezh-main", "kantsmir-office", "truby-main"):
        assert (installation.new[clean]["errors"], installation.new[clean]["warnings"]) == (0, 0), clean
    assert output.count("Обработан (processed)") == 6
    assert output.count("Отклонён (rejected)") == 2
    paths = [Path(line.split()[-1]) for line in output.splitlines() if line.startswith(("report", "mail", "snapshot"))]
    assert {suffix: sum(p.suffix == suffix for p in paths) for suffix in (".html", ".eml", ".duckdb")} == {
        ".html": 8,
        ".eml": 8,
        ".duckdb": 1,
    }
    assert all(path.stat().st_size for path in paths)

    output = installation.run()
    assert installation.new.keys() == {"zapchasti-main"}
    assert installation.counts("zapchasti-main") == {
        "read": 12,
        "accepted": 12,
        "created": 1,
        "changed": 3,
        "unchanged": 8,
        "hidden": 1,
    }
    assert output.count("Без изменений (unchanged)") == 6
    assert output.count("Отклонён (rejected)") == 1

    feed = installation.feeds / "krepezh.yml"
    text = feed.read_text(encoding="utf-8")
    assert text.count("<price>7.44</price>\n        <price_without_nds>6.10</price_without_nds>") == 1
    feed.write_text(text.replace("<price>7.44</price>", "<price>7.45</price>"), encoding="utf-8")
    installation.run()
    assert installation.new.keys() == {"krepezh-main", "zapchasti-main"}
    assert installation.counts("krepezh-main") == {"read": 24, "accepted": 24, "changed": 1, "unchanged": 23}
    assert installation.counts("zapchasti-main") == {
        "read": 13,
        "accepted": 13,
        "changed": 1,
        "restored": 1,
        "unchanged": 11,
    }


@pytest.mark.parametrize("end", ["interrupt", "terminate", "kill the child"])
def test_an_interrupted_run_leaves_nothing_behind(installation: Installation, end: str) -> None:
    process = installation.start()
    child: list[psutil.Process] = []

    def working() -> bool:
        assert process.poll() is None
        with contextlib.suppress(psutil.ZombieProcess):  # a helper of the database that has just ended
            child[:] = [c for c in psutil.Process(process.pid).children() if "dags" in c.cmdline()]
        return bool(child)

    _await(working)
    time.sleep(1)
    if end == "kill the child":
        child[0].kill()
    else:
        process.send_signal(signal.SIGINT if end == "interrupt" else signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == {"interrupt": 1, "terminate": 128 + signal.SIGTERM, "kill the child": 1}[end], output
    assert ("failed on our side" in output) == (end == "kill the child")
    assert installation.left_behind() == []


def test_up_serves_the_ui_behind_a_login_until_interrupted(installation: Installation) -> None:
    port = free_port(0)
    process = installation.start("--up", "--ui-port", str(port))
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    assert process.poll() is None, "".join(lines)
    url = f"http://127.0.0.1:{port}"
    passwords = installation.home / "airflow" / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    password = json.loads(passwords.read_text())["admin"]
    assert any(url in line for line in lines)
    assert any(password in line for line in lines)
    assert httpx.get(f"{url}/api/v2/dags", timeout=30).status_code == 401
    token = httpx.post(f"{url}/auth/token", json={"username": "admin", "password": password}, timeout=30).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    running = {(file.stem, False) for file in (ROOT / "dags").glob("*.py")}

    def shown() -> set[tuple[str, bool]]:
        dags = httpx.get(f"{url}/api/v2/dags", headers=headers, timeout=30).json()["dags"]
        return {(dag["dag_id"], dag["is_paused"]) for dag in dags}

    _await(lambda: shown() == running)
    ours = [p for p in psutil.process_iter(["pid"]) if p.pid in _family(process.pid)]
    addresses = {c.laddr.ip for p in ours for c in p.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    assert installation.left_behind() == []


def _family(pid: int) -> set[int]:
    return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
