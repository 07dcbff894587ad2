"""Reference tables are read and derived once for as long as they are the same."""

from dataclasses import replace

from pipelines.normalize import known_tables
from pipelines.reference import shipped_reference


def test_tables_are_derived_once_for_each_version(tmp_path):
    shipped = shipped_reference()
    file = tmp_path / "okei_aliases.csv"
    header, *rows = shipped.path("okei_aliases").read_text(encoding="utf-8").splitlines()
    alias = dict.fromkeys(header.split(","), "") | {"alias": "штукенция", "code": "796"}
    file.write_text("\n".join([header, *rows, ",".join(alias.values())]), encoding="utf-8")
    imported = replace(
        shipped,
        files={**shipped.files, "okei_aliases": file},
        versions={**shipped.versions, "okei_aliases": "another"},
    )

    known, other = known_tables(shipped), known_tables(imported)

    assert known_tables(shipped) is known
    assert "штукенция" not in known["unit_spellings"]["spelling"].to_pylist()
    assert "штукенция" in other["unit_spellings"]["spelling"].to_pylist()
    assert known["regions"].num_rows > 100
