"""What only the folder store promises: private files, nothing left behind, names of its own hidden."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import OperatorError
from pipelines.objects import ObjectStore, open_store
from pipelines.settings import Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "objects"


@pytest.fixture
def store(root: Path) -> ObjectStore:
    return open_store(Settings(home=str(root.parent)))


def test_the_default_is_a_folder_under_home(store: ObjectStore, root: Path) -> None:
    store.put_bytes("raw/a", b"1")
    assert (root / "raw" / "a").read_bytes() == b"1"
    assert store.url("raw/a") == str(root / "raw" / "a")
    assert store.url() == str(root)


def test_a_file_url_names_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    store = open_store(Settings(home=str(tmp_path), objects_url=folder.as_uri()))
    store.put_bytes("a", b"1")
    assert (folder / "a").read_bytes() == b"1"


def test_files_are_private_to_the_user(store: ObjectStore, root: Path) -> None:
    loose = os.umask(0)
    try:
        store.put_bytes("loads/1/x", b"1")
        store.put_bytes_if("latest", b"1", None)
    finally:
        os.umask(loose)
    for folder in (root, root / "loads", root / "loads" / "1", root / ".spool"):
        assert mode(folder) == 0o700, folder
    for file in (root / "loads" / "1" / "x", root / "latest", root / ".lock"):
        assert mode(file) == 0o600, file


def test_nothing_is_left_in_the_spool(store: ObjectStore, root: Path) -> None:
    store.put_bytes("a", b"1")
    with store.draft() as draft:
        draft.file.write(b"dropped")
    assert list((root / ".spool").iterdir()) == []


def test_a_killed_writer_leaves_no_object_and_its_leftovers_go_after_a_day(store: ObjectStore, root: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pipelines.objects import open_store\n"
        "from pipelines.settings import Settings\n"
        "with open_store(Settings(home=sys.argv[1])).writer('a') as file:\n"
        "    file.write(b'half')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    repository = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", script, root.parent], cwd=repository, check=False)
    assert ended.returncode == -9
    assert not store.exists("a")
    assert list(store.list()) == []
    (leftover,) = (root / ".spool").iterdir()

    for age, stays in ((23 * 3600, True), (25 * 3600, False)):
        os.utime(leftover, (time.time() - age,) * 2)
        open_store(Settings(home=str(root.parent))).put_bytes("b", b"1")
        assert leftover.exists() is stays


def test_a_root_that_cannot_be_is_the_operators(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(Settings(home=str(tmp_path), objects_url=(tmp_path / "file").as_uri()))
    with pytest.raises(OperatorError, match="check its owner"):
        store.put_bytes("a", b"1")


def test_a_full_disk_is_the_operators(store: ObjectStore) -> None:
    with pytest.raises(OperatorError, match="No space left on device"):
        write_to_full_disk(store)
    assert not store.exists("a")


def write_to_full_disk(store: ObjectStore) -> None:
    with store.writer("a"), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")


@pytest.mark.parametrize("url", ["http://bucket/x", "s3://", "file://host/x", "file:relative", "/plain/path", ""])
def test_any_other_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(OperatorError, match="CATALOG_FEEDS_OBJECTS_URL"):
        open_store(Settings(home=str(tmp_path), objects_url=url))
