"""Reference tables seen from outside: the command line, and loads that name what they used."""

import json
import os
import pty
import subprocess
import sys

import pytest

from pipelines import steps
from pipelines.cli import main
from pipelines.reference import Library, load_reference

RATES = "Ставка;Принимается с;Принимается по;Включена\n" + "".join(f"{r};;;да\n" for r in (0, 5, 7, 10, 18, 20, 22, 21))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An installation for the command line."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def rates(tmp_path):
    """A list of rates that adds 21 %, and changes six."""
    file = tmp_path / "rates.csv"
    file.write_text(RATES, encoding="cp1251")
    return file


def run(capsys, *arguments):
    """Exit code and output of a command."""
    try:
        main(list(arguments))
        code = 0
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    return code, told.out, told.err


def in_force(capsys):
    return {row["table"]: row for row in json.loads(run(capsys, "reference", "list", "--json")[1])}


def test_an_import_shows_first_and_applies_only_when_told(home, rates, capsys):
    code, out, _ = run(capsys, "reference", "import", "vat_rates", str(rates))
    assert code == 0
    assert "vat_rates: 7 rows now, 8 after" in out
    assert "  1 added\n    21 · yes\n" in out
    assert "nothing was changed; add --yes to apply this" in out
    assert in_force(capsys)["vat_rates"]["source"] == "shipped"
    code, out, _ = run(capsys, "reference", "import", "vat_rates", str(rates), "--yes")
    assert code == 0
    row = in_force(capsys)["vat_rates"]
    assert (row["rows"], row["source"]) == (8, "rates.csv")
    assert f"vat_rates is version {row['version']} from now on" in out
    _, out, _ = run(capsys, "reference", "import", "vat_rates", str(rates), "--yes")
    assert "nothing differs; nothing was changed" in out
    history = json.loads(run(capsys, "reference", "list", "--history", "--json")[1])
    assert [(entry["number"], entry["table"], entry["replaced"]) for entry in history] == [(1, "vat_rates", None)]


@pytest.mark.parametrize(("answer", "rows"), [(b"y\n", 8), (b"n\n", 7), (b"\n", 7)])
def test_on_a_terminal_the_operator_is_asked(home, rates, capsys, answer, rows):
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-c", "from pipelines.cli import main; main()"]
    with subprocess.Popen(
        [*command, "reference", "import", "vat_rates", str(rates)], stdin=terminal, stdout=subprocess.PIPE
    ) as process:
        os.write(keyboard, answer)
        out, _ = process.communicate(timeout=60)
    os.close(keyboard)
    os.close(terminal)
    assert "apply? [y/N]" in out.decode()
    assert process.returncode == 0
    assert in_force(capsys)["vat_rates"]["rows"] == rows


def test_a_faulty_file_is_our_users_exit_code_with_file_and_line(home, rates, capsys):
    rates.write_text(RATES + "1000;;;да\n", encoding="utf-8")
    code, out, err = run(capsys, "reference", "import", "vat_rates", str(rates), "--yes")
    assert (code, out) == (1, "")
    assert err.startswith("error: 'rates.csv': line 10: a rate is a percentage")
    assert in_force(capsys)["vat_rates"]["source"] == "shipped"


def test_an_export_is_a_file_here_unless_told_otherwise(home, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "reference", "export", "okei")[:2] == (0, "543 rows in okei.csv\n")
    assert (tmp_path / "okei.csv").stat().st_size > 10_000
    out = tmp_path / "regions.xlsx"
    assert run(capsys, "reference", "export", "regions", "--format", "xlsx", "--out", str(out))[0] == 0
    assert out.read_bytes().startswith(b"PK")
    assert run(capsys, "reference", "export", "rubricator")[0] == 1
    assert run(capsys, "reference", "export", "category_mapping")[0] == 1


def test_what_an_import_shows_cannot_colour_the_terminal(home, tmp_path, capsys):
    file = tmp_path / "positions.csv"
    file.write_text("Код;Наименование;\x1b[31m\n1;А;\n", encoding="utf-8")
    code, _, err = run(capsys, "reference", "import", "positions", str(file))
    assert code == 1
    assert "\x1b" not in err


def test_O7_a_load_uses_the_tables_in_force_and_names_them(house, load, feed, rates):
    offers = feed({"a": 100, "b": 200})
    offers.write_text(offers.read_text(encoding="utf-8").replace("<vat>20<", "<vat>21<"), encoding="utf-8")
    before = steps.outcome(house, load(offers).load_id)
    assert before.counts["warnings"] > 0
    steps.import_reference(house.settings, "vat_rates", rates, shop="main", supplier=None, agreed=lambda _: True)
    after = steps.outcome(house, load(offers).load_id)
    assert after.counts["warnings"] == 0
    manifests = [
        json.loads(house.store.get_bytes(f"loads/{outcome.load_id}/transform.json")) for outcome in (before, after)
    ]
    reference = load_reference(Library.at(house.store, house.settings.home_path))
    assert manifests[1]["reference_tables"] == dict(reference.versions)
    assert manifests[0]["reference_tables"]["vat_rates"] != reference.versions["vat_rates"]
    with house.database.connect() as conn:
        stamped = conn.execute("SELECT reference_version FROM loads ORDER BY id").fetchall()
    assert [version for (version,) in stamped] == [manifest["reference_version"] for manifest in manifests]
    assert stamped[1] == (reference.version,)


def test_a_load_taken_up_again_keeps_the_name_of_the_tables_it_was_made_with(house, load, feed, rates):
    """Transformed before an import, published after it: what counts is what the offers were read with."""
    first = load(feed({"a": 100}))
    with house.database.connect() as conn:
        before = conn.execute("SELECT reference_version FROM loads").fetchone()
        conn.execute("UPDATE loads SET status = 'failed'")
    steps.import_reference(house.settings, "vat_rates", rates, shop="main", supplier=None, agreed=lambda _: True)
    steps.process(house, first.load_id)
    with house.database.connect() as conn:
        assert conn.execute("SELECT reference_version FROM loads").fetchone() == before
