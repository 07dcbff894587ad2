"""What both object stores promise; each test runs on a folder and on a real S3 server."""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InternalError
from pipelines.objects import ObjectConflictError, ObjectNotFoundError, ObjectStore

# Three parts of a multipart upload and a bit.
BIG = 3 * (8 << 20) + 12_345


def enter(store: ObjectStore, key: str) -> None:
    with store.local(key):
        pass


def write_and_fail(store: ObjectStore, key: str) -> None:
    with store.writer(key) as file:
        file.write(b"half")
        raise ZeroDivisionError


def test_what_is_written_is_read(store: ObjectStore) -> None:
    store.put_bytes("loads/1/transform.json", b"{}")
    assert store.get_bytes("loads/1/transform.json") == b"{}"
    assert store.size("loads/1/transform.json") == 2
    assert store.exists("loads/1/transform.json")
    assert store.url("loads/1/transform.json").endswith("/loads/1/transform.json")


def test_an_object_may_be_empty(store: ObjectStore) -> None:
    store.put_bytes("empty", b"")
    assert store.exists("empty")
    assert store.size("empty") == 0
    assert store.get_bytes("empty") == b""
    with store.open("empty") as file:
        assert file.read() == b""


def test_a_later_write_replaces_the_earlier(store: ObjectStore) -> None:
    store.put_bytes("a", b"long before")
    store.put_bytes("a", b"after")
    assert store.get_bytes("a") == b"after"


def test_a_reader_keeps_what_it_opened(store: ObjectStore) -> None:
    store.put_bytes("a", b"before")
    with store.open("a") as file:
        store.put_bytes("a", b"after!")
        assert file.read() == b"before"


@pytest.mark.parametrize("act", ["open", "get_bytes", "get_versioned", "size", "local"])
def test_a_missing_object_is_named(store: ObjectStore, act: str) -> None:
    with pytest.raises(ObjectNotFoundError, match="'raw/none'") as caught:
        enter(store, "raw/none") if act == "local" else getattr(store, act)("raw/none")
    assert caught.value.key == "raw/none"
    assert not store.exists("raw/none")


def test_a_folder_is_not_an_object(store: ObjectStore) -> None:
    store.put_bytes("raw/a", b"1")
    assert not store.exists("raw")
    with pytest.raises(ObjectNotFoundError):
        store.get_bytes("raw")


def test_delete_is_repeatable(store: ObjectStore) -> None:
    store.put_bytes("a/b", b"1")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


def test_list_is_sorted_as_text_and_stays_in_its_folder(store: ObjectStore) -> None:
    keys = ["a/b", "a-1", "a.b", "a/b.c/d", "a/b-c", "a0", "loads/1/x", "loads/10/x", "loads/2/x", "Z"]
    for key in keys:
        store.put_bytes(key, b"")
    assert list(store.list()) == sorted(keys)
    assert list(store.list("loads/1")) == ["loads/1/x"]
    assert list(store.list("a")) == ["a/b", "a/b-c", "a/b.c/d"]
    assert list(store.list("nothing/here")) == []


def test_a_large_object_survives_in_parts(store: ObjectStore, tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * (BIG // (1 << 20)) + b"tail"
    source = tmp_path / "source"
    source.write_bytes(content)
    store.put_file("raw/big", source)
    assert source.read_bytes() == content
    assert store.size("raw/big") == len(content)
    with store.open("raw/big") as file:
        assert hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(content).digest()
        file.seek(-4, os.SEEK_END)
        assert file.read() == b"tail"


def test_local_is_a_path_to_the_content(store: ObjectStore) -> None:
    store.put_bytes("a", b"content")
    with store.local("a") as path:
        assert path.read_bytes() == b"content"
    assert store.get_bytes("a") == b"content"


def test_a_writer_that_fails_leaves_nothing(store: ObjectStore) -> None:
    with pytest.raises(ZeroDivisionError):
        write_and_fail(store, "a")
    assert not store.exists("a")
    assert list(store.list()) == []


def test_a_writer_that_fails_keeps_what_was_there(store: ObjectStore) -> None:
    store.put_bytes("a", b"good")
    with pytest.raises(ZeroDivisionError):
        write_and_fail(store, "a")
    assert store.get_bytes("a") == b"good"


def test_nothing_shows_before_the_writer_ends(store: ObjectStore, reopen: Callable[[], ObjectStore]) -> None:
    other = reopen()
    with store.writer("a") as file:
        file.write(b"half")
        file.flush()
        assert not other.exists("a")
        assert list(other.list()) == []
        file.write(b", whole")
    assert other.get_bytes("a") == b"half, whole"


def test_a_draft_finds_its_key_at_the_end(store: ObjectStore) -> None:
    with store.draft() as draft:
        draft.file.write(b"body")
        draft.file.seek(0)
        assert draft.file.read() == b"body"
        draft.commit("raw/1")
    with store.draft() as draft:
        draft.file.write(b"dropped")
    assert list(store.list()) == ["raw/1"]
    assert store.get_bytes("raw/1") == b"body"


def test_parquet_is_written_and_read_in_place(store: ObjectStore) -> None:
    table = pa.table({"sku": ["a", "b"]})
    with store.writer("t.parquet") as file, pq.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
    with store.open("t.parquet") as file:
        assert pq.read_table(file).equals(table)
    with store.local("t.parquet") as path:
        assert pq.read_table(path).equals(table)


def test_create_only(store: ObjectStore) -> None:
    etag = store.put_bytes_if("latest.json", b"1", None)
    with pytest.raises(ObjectConflictError, match=r"latest\.json"):
        store.put_bytes_if("latest.json", b"2", None)
    assert store.get_versioned("latest.json") == (b"1", etag)


def test_replace_only_if_unchanged(store: ObjectStore, reopen: Callable[[], ObjectStore]) -> None:
    store.put_bytes("latest.json", b"1")
    seen = store.get_versioned("latest.json").etag
    second = reopen().put_bytes_if("latest.json", b"2", seen)
    with pytest.raises(ObjectConflictError):
        store.put_bytes_if("latest.json", b"mine", seen)
    assert store.get_versioned("latest.json") == (b"2", second)
    store.put_bytes_if("latest.json", b"3", second)
    assert store.get_bytes("latest.json") == b"3"


def test_a_plain_write_counts_as_a_change(store: ObjectStore) -> None:
    seen = store.put_bytes_if("latest.json", b"1", None)
    store.put_bytes("latest.json", b"2")
    with pytest.raises(ObjectConflictError):
        store.put_bytes_if("latest.json", b"3", seen)


def test_replacing_what_vanished_is_a_conflict(store: ObjectStore) -> None:
    seen = store.put_bytes_if("latest.json", b"1", None)
    store.delete("latest.json")
    with pytest.raises(ObjectConflictError):
        store.put_bytes_if("latest.json", b"2", seen)
    assert not store.exists("latest.json")


def test_of_many_creators_one_wins(reopen: Callable[[], ObjectStore]) -> None:
    def create(number: int) -> int | None:
        try:
            reopen().put_bytes_if("latest.json", str(number).encode(), None)
        except ObjectConflictError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(8)) if number is not None]
    assert len(winners) == 1
    assert reopen().get_bytes("latest.json") == str(winners[0]).encode()


def test_no_conditional_write_is_lost(reopen: Callable[[], ObjectStore]) -> None:
    reopen().put_bytes_if("count", b"0", None)

    def count(times: int) -> None:
        store = reopen()
        while times:
            seen = store.get_versioned("count")
            try:
                store.put_bytes_if("count", str(int(seen.data) + 1).encode(), seen.etag)
            except ObjectConflictError:
                continue
            times -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, [15] * 4))
    assert reopen().get_bytes("count") == b"60"


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "../a", "/etc/passwd", ".hidden", "a/.b", "-a"),
        *(
            "a b",
            "a\nb",
            "a\n",
            "a\\b",
            "a\x00b",
            "ключ",
            "a?b",
            "a%2e",
            "a:b",
            "~",
            "x" * 201,
            "/".join(["x" * 100] * 8),
        ),
    ],
)
def test_keys_are_a_closed_alphabet(store: ObjectStore, key: str) -> None:
    for act in (store.open, store.get_bytes, store.exists, store.size, store.delete):
        with pytest.raises(InternalError, match="not a key"):
            act(key)
    with pytest.raises(InternalError, match="not a key"):
        store.put_bytes(key, b"")
    with pytest.raises(InternalError, match="not a key"):
        store.put_bytes_if(key, b"", None)
    with pytest.raises(InternalError, match="not a key"), store.draft() as draft:
        draft.commit(key)
    if key:
        for list_or_show in (lambda: list(store.list(key)), lambda: store.url(key)):
            with pytest.raises(InternalError, match="not a key"):
                list_or_show()


def test_the_longest_key_is_accepted(store: ObjectStore) -> None:
    key = "/".join(["x" * 200] * 3 + ["y" * 197])
    store.put_bytes(key, b"1")
    assert list(store.list()) == [key]


def test_a_large_object_does_not_pass_through_memory(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(100 << 20)
    store.put_bytes("warm", b"x" * (20 << 20))
    with store.open("warm") as file:
        file.read(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    store.put_file("big", source)
    with store.open("big") as file:
        assert sum(len(block) for block in iter(lambda: file.read(1 << 20), b"")) == 100 << 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < 60 << 20
