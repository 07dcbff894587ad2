"""Kill -9 in each step of a large load, run it again, and compare the catalog with one that was never disturbed (P1).

    python -m benchmarks.kill --megabytes 300

`tests/integration/test_kill.py` kills a small load before each of its effects; this does it in the middle of the long
steps of a large one, where buffers are full and files half written.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.__main__ import OUT, feed_of

STEPS = ("fetch", "parse", "normalize", "publish", "report")
# Into a step, in seconds: long enough that it is at work, short enough that it is not over. `fetch` and `report` are
# short even for a large feed.
INTO = {"fetch": 0.02, "parse": 1.0, "normalize": 1.0, "publish": 1.0, "report": 0.2}


def main() -> None:
    """Run what the arguments ask for; exits 1 if any catalog differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=300)
    asked = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    feed = feed_of(asked.megabytes, "utf-8")
    expected = _undisturbed(feed)
    print(f"undisturbed: {expected}")
    differing = 0
    for step in STEPS:
        home = _fresh_home()
        killed = _kill_in(step, feed, home)
        _load(feed, home)
        same = _fingerprint(home) == expected
        differing += not same
        print(f"killed in {step:<10} {killed:<28} run again: {'the same catalog' if same else 'ANOTHER CATALOG'}")
        shutil.rmtree(home)
    sys.exit(1 if differing else 0)


def _fresh_home() -> Path:
    home = OUT / "kill-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    return home


def _undisturbed(feed: Path) -> str:
    home = _fresh_home()
    _load(feed, home)
    return _fingerprint(home)


def _child(feed: Path, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.kill_child", str(feed), str(home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _load(feed: Path, home: Path) -> None:
    child = _child(feed, home)
    child.communicate()
    if child.returncode:
        sys.exit(f"the load of {feed} failed with {child.returncode}")


def _kill_in(step: str, feed: Path, home: Path) -> str:
    child = _child(feed, home)
    began = time.perf_counter()
    for line in child.stdout or ():
        if line.strip() == step:
            time.sleep(INTO[step])
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    after = time.perf_counter() - began
    return f"after {after:.1f} s" if child.returncode == -signal.SIGKILL else f"too late ({after:.1f} s)"


def _fingerprint(home: Path) -> str:
    """Of all offers and all history, without ids and times."""
    from pipelines import steps
    from pipelines.settings import Settings

    with steps.open_house(Settings(home=str(home))) as house, house.database.connect() as conn:
        rows = conn.execute(
            "SELECT (SELECT count(*) FROM offers), (SELECT count(*) FROM changes),"
            " (SELECT md5(string_agg(sku_key || status || content_hash || line, ',' ORDER BY sku_key)) FROM offers),"
            " (SELECT md5(string_agg(sku_key || kind || after::text, ',' ORDER BY sku_key, id)) FROM changes)"
        ).fetchone()
    return " ".join(map(str, rows or ()))


if __name__ == "__main__":
    main()
