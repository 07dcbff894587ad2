"""The files of one CommerceML exchange become one body, whatever they come in (F3, F4)."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import OperatorError, SupplierError
from pipelines.fetch import Fetched, FetchLimits, fetch_file, raw_key
from pipelines.fetch.archive import archive_set
from pipelines.fetch.sets import Part, Pile, is_commerceml, packed
from pipelines.objects import ObjectStore

IMPORT = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.09"/>\n'.encode()
OFFERS = '<?xml version="1.0" encoding="windows-1251"?>\n<КоммерческаяИнформация/>\n'.encode("windows-1251")
YML = b"<?xml version='1.0'?><yml_catalog><shop/></yml_catalog>"
LIMITS = FetchLimits()
# A file's name never ends in a slash; a tar reader takes one for the sign of a folder.
_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
NAMES = st.text(_CHARACTERS, min_size=1, max_size=200).filter(lambda name: not name.endswith("/"))

Members = dict[str, bytes]


def zipped(members: Members, *, stamp: int = 1980, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these members in this order, all of the same year."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (stamp, 1, 1, 0, 0, 0)), content, method)
    return package.getvalue()


def upload(tmp_path: Path, store: ObjectStore, body: bytes, limits: FetchLimits = LIMITS) -> Fetched:
    path = tmp_path / "upload"
    path.write_bytes(body)
    return fetch_file(path, store=store, limits=limits)


def refusal(tmp_path: Path, store: ObjectStore, body: bytes, limits: FetchLimits = LIMITS) -> str:
    """Why an upload is refused; nothing may be archived."""
    with pytest.raises(SupplierError) as caught:
        upload(tmp_path, store, body, limits)
    assert list(store.list()) == []
    return f"{caught.value.code}: {caught.value.detail}"


def parts_of(body: bytes) -> Members:
    """The files of an archived set, in order."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r|") as archive:
        return {member.name: stream.read() for member in archive if (stream := archive.extractfile(member))}


def part(name: str, content: bytes) -> Part:
    return Part(name, len(content), lambda: iter([content]), lambda: content)


# --- the packing ------------------------------------------------------------------------------------------------------


@given(st.dictionaries(NAMES, st.binary(max_size=2000), min_size=1, max_size=8), st.randoms())
def test_F4_a_set_is_its_names_and_contents_and_nothing_else(members: Members, chance) -> None:
    """Any order gives the same bytes, and a tar reader finds every file as it was."""
    parts = [part(name, content) for name, content in members.items()]
    body = b"".join(packed(parts, LIMITS))
    chance.shuffle(parts)
    assert b"".join(packed(parts, LIMITS)) == body
    read = parts_of(body)
    assert list(read.items()) == sorted(members.items())


def test_F4_a_set_is_a_plain_posix_tar_without_times_and_owners() -> None:
    name = f"товары/{'x' * 150}.xml"
    body = b"".join(packed([part(name, b"1"), part("a.xml", b"")], LIMITS))
    assert body[257:262] == b"ustar"
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        members = archive.getmembers()
    assert [m.name for m in members] == ["a.xml", name]
    assert {(m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime, m.type) for m in members} == {
        (0o644, 0, 0, "", "", 0, tarfile.REGTYPE)
    }


def test_F3_a_thousand_files_and_one_more() -> None:
    parts = [part(f"{i}.xml", b"") for i in range(1001)]
    assert b"".join(packed(parts[:1000], LIMITS))
    with pytest.raises(SupplierError, match=r"archive_invalid.*больше 1000 файлов"):
        b"".join(packed(parts, LIMITS))


def test_F3_the_limit_counts_all_files_of_a_set_together() -> None:
    limits = FetchLimits(max_bytes=10_000)
    assert b"".join(packed([part("a", b"x" * 4_000), part("b", b"x" * 6_000)], limits))
    with pytest.raises(SupplierError, match="file_too_large"):
        b"".join(packed([part("a", b"x" * 4_000), part("b", b"x" * 6_001)], limits))


def test_F3_the_limit_holds_while_files_are_gathered() -> None:
    pile = Pile(io.BytesIO(), FetchLimits(max_bytes=10))
    pile.add("a", [b"123", b"456"])
    pile.add("b", [b"7890"])
    assert [(p.name, b"".join(p.read())) for p in pile.parts] == [("a", b"123456"), ("b", b"7890")]
    with pytest.raises(SupplierError, match="file_too_large"):
        pile.add("c", [b"1"])


def test_a_file_that_broke_off_leaves_nothing_in_a_pile() -> None:
    def broken():
        yield b"half"
        raise ConnectionError

    pile = Pile(io.BytesIO(), LIMITS)
    pile.add("a", [b"1"])
    with pytest.raises(ConnectionError):
        pile.add("b", broken())
    pile.add("b", [b"22"])
    assert [(p.name, b"".join(p.read()), p.head()) for p in pile.parts] == [("a", b"1", b"1"), ("b", b"22", b"22")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16"])
@pytest.mark.parametrize("tag", ["КоммерческаяИнформация", "КоммерческаяИнформация>", "ц:КоммерческаяИнформация\n"])
def test_F1_a_file_of_an_exchange_is_known_by_its_root(encoding: str, tag: str) -> None:
    assert is_commerceml(f"<?xml version='1.0'?>\n<!-- 1C -->\n<{tag} x='1'>".encode(encoding))


@pytest.mark.parametrize("head", [YML, b"", "КоммерческаяИнформация".encode(), "<КоммерческаяИнформация2>".encode()])
def test_F1_another_file_is_not_of_an_exchange(head: bytes) -> None:
    assert not is_commerceml(head)


# --- a zip of an exchange ---------------------------------------------------------------------------------------------


def test_F3_a_zip_of_an_exchange_is_archived_as_one_set(tmp_path: Path, store: ObjectStore) -> None:
    noise = {"import_files/1.jpg": b"\xff\xd8", "__MACOSX/._import.xml": b"x", "readme.txt": b"", "import_files/": b""}
    files = {"webdata/import0_1.xml": IMPORT, "webdata/offers___6ea1.xml": OFFERS, "goods\\1\\goods_1.xml": IMPORT}
    fetched = upload(tmp_path, store, zipped({**noise, **files}))
    assert fetched.unpacked_from == "zip"
    body = store.get_bytes(raw_key(fetched.sha256))
    assert fetched.bytes == len(body)
    assert list(parts_of(body).items()) == [
        ("goods/1/goods_1.xml", IMPORT),
        ("webdata/import0_1.xml", IMPORT),
        ("webdata/offers___6ea1.xml", OFFERS),
    ]


def test_F2_order_and_metadata_of_a_zip_do_not_make_it_another_file(tmp_path: Path, store: ObjectStore) -> None:
    first = upload(tmp_path, store, zipped({"import.xml": IMPORT, "offers.xml": OFFERS}))
    second = upload(
        tmp_path,
        store,
        zipped({"offers.xml": OFFERS, "a.jpg": b"", "import.xml": IMPORT}, stamp=2026, method=zipfile.ZIP_STORED),
    )
    assert second.sha256 == first.sha256
    assert upload(tmp_path, store, zipped({"import.xml": IMPORT, "offers2.xml": OFFERS})).sha256 != first.sha256


def test_F3_one_file_of_an_exchange_is_a_single_file(tmp_path: Path, store: ObjectStore) -> None:
    fetched = upload(tmp_path, store, zipped({"import.xml": IMPORT, "import_files/1.jpg": b""}))
    assert store.get_bytes(raw_key(fetched.sha256)) == IMPORT


@pytest.mark.parametrize(
    "other", [{"price.xml": YML}, {"price.csv": b"1;2"}, {"empty.xml": b""}, {"a.yml": IMPORT[:9]}]
)
def test_F3_several_price_lists_are_not_an_exchange(tmp_path: Path, store: ObjectStore, other: Members) -> None:
    detail = refusal(tmp_path, store, zipped({"import.xml": IMPORT, **other}))
    assert detail.startswith("archive_invalid: нужен один файл прайс-листа или один обмен CommerceML, а файлов 2")


def test_F3_an_archive_among_the_files_of_an_exchange_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    inner = zipped({"rests.xml": IMPORT})
    for name in ("rests.zip", "rests.xml"):
        detail = refusal(tmp_path, store, zipped({"import.xml": IMPORT, "offers.xml": OFFERS, name: inner}))
        assert "внутри архива ещё один архив" in detail


def test_F3_a_name_that_stands_twice_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    body = zipped({"a/import.xml": IMPORT, "b/import.xml": OFFERS}).replace(b"b/import.xml", b"a/import.xml")
    assert "имя файла стоит в архиве дважды: a/import.xml" in refusal(tmp_path, store, body)
    assert "дважды" in refusal(tmp_path, store, zipped({"a/import.xml": IMPORT, "a\\import.xml": OFFERS}))


def test_F3_a_link_in_an_archive_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        link = zipfile.ZipInfo("price.xml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "ссылка на другой файл: price.xml" in refusal(tmp_path, store, package.getvalue())


def test_F3_a_name_of_255_characters_and_one_more(tmp_path: Path, store: ObjectStore) -> None:
    assert upload(tmp_path, store, zipped({"a.xml": IMPORT, "x" * 251 + ".xml": IMPORT}))
    with pytest.raises(SupplierError, match="слишком длинное имя файла"):
        upload(tmp_path, store, zipped({"a.xml": IMPORT, "x" * 252 + ".xml": IMPORT}))


def test_F3_the_size_limit_is_over_all_files_of_the_zip(tmp_path: Path, store: ObjectStore) -> None:
    def exchange(size: int) -> bytes:
        return zipped({"a.xml": IMPORT, "b.xml": IMPORT + b" " * (size - 2 * len(IMPORT))})

    limits = FetchLimits(max_bytes=10_000)
    assert upload(tmp_path, store, exchange(10_000), limits).unpacked_from == "zip"
    with pytest.raises(SupplierError, match="file_too_large"):
        upload(tmp_path, store, exchange(10_001), limits)


def test_F3_small_files_do_not_add_up_to_a_bomb(tmp_path: Path, store: ObjectStore) -> None:
    """Each is below the first megabyte, which is free of the ratio; together they are not."""
    body = zipped({f"{i}.xml": IMPORT + bytes(990_000) for i in range(20)})
    assert "200 : 1" in refusal(tmp_path, store, body)


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_F4_a_folder_gives_the_same_set_as_the_zip_of_it(tmp_path: Path, store: ObjectStore) -> None:
    folder = tmp_path / "exchange"
    (folder / "goods").mkdir(parents=True)
    (folder / "offers.xml").write_bytes(OFFERS)
    (folder / "goods" / "GOODS.XML").write_bytes(IMPORT)
    (folder / ".hidden.xml").write_bytes(b"x")
    (folder / "1.jpg").write_bytes(b"x")
    (folder / "link.xml").symlink_to(folder / "offers.xml")
    fetched = fetch_file(folder, store=store)
    assert fetched.unpacked_from == "folder"
    assert fetched.sha256 == upload(tmp_path, store, zipped({"goods/GOODS.XML": IMPORT, "offers.xml": OFFERS})).sha256


def test_F3_a_folder_of_several_price_lists_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    for name in ("a.xml", "b.xml"):
        (folder / name).write_bytes(YML)
    with pytest.raises(SupplierError, match="нужен один файл прайс-листа"):
        fetch_file(folder, store=store)
    (folder / "a.xml").unlink()
    assert store.get_bytes(raw_key(fetch_file(folder, store=store).sha256)) == YML


def test_a_file_that_grows_while_it_is_packed_is_not_archived(tmp_path: Path, store: ObjectStore, monkeypatch) -> None:
    folder = tmp_path / "exchange"
    folder.mkdir()
    for name in ("import.xml", "offers.xml"):
        (folder / name).write_bytes(IMPORT)

    def grown(*args, **how):
        with (folder / "offers.xml").open("ab") as file:
            file.write(b" ")
        return archive_set(*args, **how)

    monkeypatch.setattr("pipelines.fetch.file.archive_set", grown)
    with pytest.raises(OperatorError, match="changed while it was read"):
        fetch_file(folder, store=store)
    assert list(store.list()) == []


# --- workbooks, and what is refused ----------------------------------------------------------------------------------


BOOK = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b"<s/>"}


def test_F1_a_workbook_is_archived_as_it_is(tmp_path: Path, store: ObjectStore) -> None:
    body = zipped({**BOOK, "xl/media/image1.png": b"\x89PNG"})
    fetched = upload(tmp_path, store, body)
    assert fetched.unpacked_from is None
    assert store.get_bytes(raw_key(fetched.sha256)) == body


def test_F1_another_office_document_is_refused(tmp_path: Path, store: ObjectStore) -> None:
    body = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"})
    assert refusal(tmp_path, store, body).startswith("format_unknown")


def test_F3_a_workbook_is_counted_before_anyone_trusts_it(tmp_path: Path, store: ObjectStore) -> None:
    sheet = {"xl/worksheets/sheet2.xml": b"x" * 20_000}
    assert refusal(tmp_path, store, zipped({**BOOK, **sheet}), FetchLimits(max_bytes=20_000)).startswith("file_too_lar")
    bomb = {"xl/worksheets/sheet2.xml": bytes(3_000_000)}
    assert "200 : 1" in refusal(tmp_path, store, zipped({**BOOK, **bomb}))
    many = {f"xl/{i}": b"" for i in range(10_000 - len(BOOK))}
    assert "слишком много частей" in refusal(tmp_path, store, zipped({**BOOK, **many, "xl/one-more": b""}))
    assert upload(tmp_path, store, zipped({**BOOK, **many})).unpacked_from is None


def test_F3_a_tar_is_not_taken_for_a_set_of_ours(tmp_path: Path, store: ObjectStore) -> None:
    """Only what we packed ourselves may look like it: a supplier's tar may hold links, devices and paths outside."""
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("import.xml"))
    body = package.getvalue()
    assert "tar" in refusal(tmp_path, store, body)
    assert "ещё один архив" in refusal(tmp_path, store, zipped({"a.xml": body}))
