"""Wrappers: what is opened, what is refused, and what is counted (F3)."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import OperatorError, SupplierError
from pipelines.fetch import Fetched, FetchLimits, fetch_file, raw_key
from pipelines.fetch.unpack import GzipDamagedError, gunzip, open_package
from pipelines.objects import ObjectStore

FEED = b"<?xml version='1.0'?><yml_catalog><shop/></yml_catalog>"
LIMITS = FetchLimits()


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these members."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return package.getvalue()


def unzip(package: bytes, limits: FetchLimits = LIMITS) -> Iterator[bytes]:
    """The only price list of an archive."""
    with open_package(io.BytesIO(package), limits) as archive:
        assert not archive.is_workbook
        (member,) = archive.feeds()
        yield from archive.read(member)


def opened(package: bytes, limits: FetchLimits = LIMITS) -> bytes:
    return b"".join(unzip(package, limits))


def refusal(package: bytes, limits: FetchLimits = LIMITS) -> str:
    with pytest.raises(SupplierError) as caught:
        opened(package, limits)
    assert caught.value.code == "archive_invalid"
    return caught.value.detail or ""


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


# --- gzip -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.integers(1, 5000), st.integers(0, 600))
def test_F3_gunzip_is_the_inverse_of_gzip(bodies: list[bytes], size: int, padding: int) -> None:
    """Whatever the cutting; members that follow each other are one file; zeros at the end are padding."""
    stream = b"".join(gzip.compress(body) for body in bodies) + bytes(padding)
    assert b"".join(gunzip(pieces(stream, size), LIMITS)) == b"".join(bodies)


@given(st.binary(min_size=1, max_size=2000), st.data())
def test_F3_a_gzip_stream_cut_anywhere_is_truncated(body: bytes, data: st.DataObject) -> None:
    stream = gzip.compress(body)
    cut = data.draw(st.integers(1, len(stream) - 1))
    with pytest.raises(GzipDamagedError) as caught:
        list(gunzip([stream[:cut]], LIMITS))
    assert caught.value.truncated


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_F3_output_of_many_blocks_is_whole(size: int) -> None:
    body = b"".join(b"<offer id='%d'/>" % number for number in range(60_000)) + bytes(900_000)
    stream = gzip.compress(body)
    blocks = list(gunzip(pieces(stream + stream, size), FetchLimits(max_ratio=2000)))
    assert b"".join(blocks) == body + body
    assert max(map(len, blocks)) <= 256 << 10


@pytest.mark.parametrize("spoil", [-1, -5, 12], ids=["length", "checksum", "data"])
def test_F3_a_damaged_gzip_stream_is_found(spoil: int) -> None:
    stream = bytearray(gzip.compress(FEED))
    stream[spoil] ^= 0xFF
    with pytest.raises(GzipDamagedError):
        list(gunzip([bytes(stream)], LIMITS))


def test_F3_rubbish_after_a_gzip_stream_is_damage() -> None:
    with pytest.raises(GzipDamagedError):
        list(gunzip([gzip.compress(FEED) + b"rubbish"], LIMITS))


# --- the ratio --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", ["gzip", "zip"])
def test_F3_the_ratio_holds_beyond_the_first_megabyte(wrapper: str) -> None:
    for size in (10**6, 10**6 + 1):
        body = bytes(size)
        blocks = gunzip([gzip.compress(body)], LIMITS) if wrapper == "gzip" else unzip(packed(("a.xml", body)))
        if size == 10**6:
            assert sum(map(len, blocks)) == size
        else:
            with pytest.raises(SupplierError, match=r"archive_invalid.*200 : 1"):
                list(blocks)


@pytest.mark.parametrize(
    ("taken", "given", "refused"), [(5001, 10**6, False), (10, 10**6, False), (10, 10**6 + 1, True)]
)
def test_F3_the_first_megabyte_is_free(taken: int, given: int, refused: bool) -> None:
    assert LIMITS.inflated(taken, given) is refused


def test_F3_two_hundred_to_one_passes_and_one_past_it_does_not() -> None:
    assert not LIMITS.inflated(10_000, 2_000_000)
    assert LIMITS.inflated(10_000, 2_000_001)


# --- zip --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["price.xml", "PRICE.XML", "a/b/price.yml", "прайс.csv", "price", "price.txt"])
def test_F3_the_only_file_is_the_price_list(name: str, method: int) -> None:
    assert opened(packed((name, FEED), method=method)) == FEED


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_F3_a_large_price_list_comes_out_whole(method: int) -> None:
    body = os.urandom(3_000_000)
    blocks = list(unzip(packed(("price.xml", body), method=method)))
    assert b"".join(blocks) == body
    assert max(map(len, blocks)) <= 256 << 10


def test_F3_one_price_list_among_other_things_is_found() -> None:
    others = [("readme.txt", b"hello"), ("__MACOSX/._price.xml", b"attributes"), (".hidden.xml", b""), ("dir/", b"")]
    assert opened(packed(*others, ("dir/price.xml", FEED))) == FEED


def test_F3_no_price_list_is_refused() -> None:
    assert refusal(packed()) == "файла прайс-листа в архиве нет"
    assert refusal(packed(("dir/", b""))) == "файла прайс-листа в архиве нет"
    assert refusal(packed(("a.txt", b"1"), ("b.txt", b"2"))) == "файла прайс-листа в архиве нет: a.txt, b.txt"


def test_F3_what_is_quoted_of_names_is_bounded_and_printable() -> None:
    detail = refusal(packed(*((f"{i}\n\x1b[31m" + "x" * 300 + ".txt", b"") for i in range(50))))
    assert len(detail) < 300
    assert detail.isprintable()


@pytest.mark.parametrize(
    "name", ["../price.xml", "/etc/price.xml", "a/../../price.xml", "..\\price.xml", "C:\\price.xml"]
)
def test_F3_a_path_that_leads_outside_is_refused(name: str) -> None:
    assert "путь ведёт наружу" in refusal(packed((name, FEED)))
    assert "путь ведёт наружу" in refusal(packed(("price.xml", FEED), (name + ".txt", b"")))


def test_F3_a_locked_archive_is_refused() -> None:
    package = bytearray(packed(("price.xml", FEED)))
    package[6] |= 1  # the flag in the member's own header
    package[package.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    assert refusal(bytes(package)) == "архив закрыт паролем"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_F3_an_unusual_compression_is_refused(method: int) -> None:
    assert "способ сжатия" in refusal(packed(("price.xml", FEED), method=method))


def test_F3_a_false_length_in_the_directory_is_found() -> None:
    for difference in (-1, 1):
        package = bytearray(packed(("price.xml", FEED)))
        at = package.index(b"PK\x01\x02") + 24
        package[at : at + 4] = struct.pack("<I", len(FEED) + difference)
        refusal(bytes(package))


def test_F3_a_false_checksum_is_found() -> None:
    package = bytearray(packed(("price.xml", FEED)))
    at = package.index(b"PK\x01\x02") + 16
    package[at : at + 4] = struct.pack("<I", zlib.crc32(FEED) ^ 1)
    refusal(bytes(package))


def directory(members: int) -> bytes:
    """An archive that is a directory and nothing else."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    length = min(len(entry) * members, 0xFFFFFFFE)
    return entry * members + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *(members % 65536,) * 2, length, 0, 0)


def test_F3_a_directory_without_end_is_not_read_into_memory() -> None:
    assert "нет: a, a, a" in refusal(directory(1000))
    huge = directory(1_000_000)
    tracemalloc.start()
    try:
        assert "повреждён" in refusal(huge)
        assert tracemalloc.get_traced_memory()[1] < len(huge) + 5_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=400)
@given(st.data())
def test_F3_a_spoiled_zip_is_refused_or_read_but_never_crashes(data: st.DataObject) -> None:
    package = bytearray(packed(("price.xml", FEED * 20)))
    for _ in range(data.draw(st.integers(1, 6))):
        package[data.draw(st.integers(0, len(package) - 1))] = data.draw(st.integers(0, 255))
    package = package[: data.draw(st.integers(0, len(package)))] if data.draw(st.booleans()) else package
    with suppress(SupplierError):
        opened(bytes(package))


# --- into the archive, from a local file ------------------------------------------------------------------------------


def upload(tmp_path: Path, store: ObjectStore, body: bytes, limits: FetchLimits = LIMITS) -> Fetched:
    path = tmp_path / "upload"
    path.write_bytes(body)
    return fetch_file(path, store=store, limits=limits)


def test_F4_an_upload_is_archived(tmp_path: Path, store: ObjectStore) -> None:
    plain = upload(tmp_path, store, FEED)
    assert store.get_bytes(raw_key(plain.sha256)) == FEED
    assert plain.unpacked_from is None
    for body, wrapper in ((gzip.compress(FEED), "gzip"), (packed(("price.xml", FEED)), "zip")):
        wrapped = upload(tmp_path, store, body)
        assert (wrapped.sha256, wrapped.bytes, wrapped.unpacked_from) == (plain.sha256, len(FEED), wrapper)
    assert list(store.list()) == [raw_key(plain.sha256)]


def test_F4_a_body_shorter_than_any_magic_is_archived(tmp_path: Path, store: ObjectStore) -> None:
    assert upload(tmp_path, store, b"a").bytes == 1


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda body: packed(("a.xml", body))], ids=["", "gzip", "zip"])
def test_F3_the_limit_counts_what_is_inside(tmp_path: Path, store: ObjectStore, wrap: object) -> None:
    assert callable(wrap)
    limits = FetchLimits(max_bytes=10_000)
    assert upload(tmp_path, store, wrap(b"x" * 10_000), limits).bytes == 10_000
    with pytest.raises(SupplierError, match="file_too_large"):
        upload(tmp_path, store, wrap(b"x" * 10_001), limits)


def test_F3_an_archive_with_ballast_is_not_spooled_without_end(tmp_path: Path, store: ObjectStore) -> None:
    limits = FetchLimits(max_bytes=10_000, wrapping_bytes=1_000)
    ballast = packed(("a.txt", bytes(12_000)), ("a.xml", FEED), method=zipfile.ZIP_STORED)
    with pytest.raises(SupplierError, match="file_too_large"):
        upload(tmp_path, store, ballast, limits)
    assert list(store.list()) == []


@pytest.mark.parametrize("inner", [gzip.compress(FEED), packed(("a.xml", FEED))], ids=["gzip", "zip"])
@pytest.mark.parametrize("wrap", [gzip.compress, lambda body: packed(("a.xml", body))], ids=["in gzip", "in zip"])
def test_F3_an_archive_in_an_archive_is_refused(tmp_path: Path, store: ObjectStore, wrap: object, inner: bytes) -> None:
    assert callable(wrap)
    with pytest.raises(SupplierError, match="archive_invalid: внутри архива ещё один архив"):
        upload(tmp_path, store, wrap(inner))
    assert list(store.list()) == []


@pytest.mark.parametrize("body", [b"", gzip.compress(b""), packed(("a.xml", b""))], ids=["", "gzip", "zip"])
def test_F5_nothing_inside_is_an_empty_file(tmp_path: Path, store: ObjectStore, body: bytes) -> None:
    with pytest.raises(SupplierError, match="file_empty"):
        upload(tmp_path, store, body)
    assert list(store.list()) == []


def test_F3_a_truncated_gzip_file_is_the_suppliers(tmp_path: Path, store: ObjectStore) -> None:
    with pytest.raises(SupplierError, match=r"archive_invalid.*обрываются"):
        upload(tmp_path, store, gzip.compress(FEED)[:-1])


def test_a_file_that_is_not_there_is_the_operators(tmp_path: Path, store: ObjectStore) -> None:
    with pytest.raises(OperatorError, match="cannot read"):
        fetch_file(tmp_path / "none", store=store)
    with pytest.raises(OperatorError, match=r"no \.xml files"):
        fetch_file(tmp_path, store=store)
