"""The command line as people and programs meet it: output, exit codes, messages."""

import json

import pytest

from pipelines.cli import main
from pipelines.model import Counts


@pytest.fixture
def run(house, monkeypatch, capfd):
    """Run a command; gives back exit code, stdout and stderr."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)
    monkeypatch.setenv("CATALOG_FEEDS_ALLOW_PRIVATE_HOSTS", "1")
    capfd.readouterr()

    def command(*arguments):
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return code, out, err

    return command


def test_load_prints_the_json_of_the_interface(run, feed):
    code, out, _ = run("load", feed({"a": 100, "b": 0}), "--supplier", "a", "--json")
    load = json.loads(out)
    assert code == 0
    assert load["load"]["status"] == "processed"
    promised = {"load", "counts", "actualization", "held", "issues", "causes", "files", "timings"}
    assert set(load) - promised == {"decision", "statistics", "since_last", "prices", "quality"}
    assert promised <= set(load)
    assert set(load["counts"]) == set(vars(Counts()))
    assert (load["counts"]["read"], load["counts"]["accepted"], load["counts"]["rejected"]) == (2, 1, 1)
    errors = [issue for issue in load["issues"] if issue["severity"] == "error"]
    assert [(issue["code"], issue["sku"], issue["line"], issue["sent"]) for issue in errors] == [
        ("price_not_positive", "b", 4, "0")
    ]
    assert errors[0]["message"]
    assert errors[0]["remedy"]
    assert {"fetch", "parse", "normalize", "check", "publish"} <= {
        k for k, v in load["timings"].items() if v is not None
    }
    shown = run("loads", "show", load["load"]["id"], "--json")
    assert json.loads(shown[1]) == load


def test_load_prints_the_report_for_people(run, feed):
    code, out, _ = run("load", feed({"a": 100}), "--supplier", "a")
    assert code == 0
    assert "Покупатели видят 1 товар" in out.replace("\N{NO-BREAK SPACE}", " ")


def test_a_rejected_file_exits_2(run, feed):
    code, out, _ = run("load", feed({"a": 100}, tail=""), "--supplier", "a")
    assert code == 2
    assert "</yml_catalog>" in out


def test_a_hold_exits_2(run, feed):
    run("load", feed({f"s{n}": 1 for n in range(100)}), "--supplier", "a", "--actualize")
    code, out, _ = run("load", feed({"s1": 1}), "--supplier", "a", "--json")
    assert code == 2
    assert json.loads(out)["load"]["status"] == "held"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["load", "absent.xml", "--supplier", "a"], "no file or folder at absent.xml"),
        (["load", __file__, "--supplier", "a", "--set", "x"], "not KEY=VALUE"),
        (["load", __file__, "--supplier", "a", "--set", "x=1"], "unknown setting 'x'"),
        (["load", __file__], "--supplier"),
        (["loads", "show", "7"], "unknown load 7"),
        (["offer", "x", "--supplier", "nobody"], "no offer 'x'"),
        (["links", "check", "nothing"], "unknown link 'nothing'"),
        (["links", "apply", "absent.yaml"], "no links file"),
        (["sql", "SELECT 1"], "no snapshot yet"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_use_exits_1_and_says_what_is_wrong(run, arguments, complaint):
    code, out, err = run(*arguments)
    assert code == 1
    assert complaint in err
    assert "Traceback" not in out + err


def test_our_own_failure_exits_1_without_a_traceback(run, feed, monkeypatch):
    monkeypatch.setattr("pipelines.normalize.normalize", lambda *_, **__: 1 / 0)
    code, out, err = run("load", feed({"a": 1}), "--supplier", "a")
    assert code == 1
    assert "our failure: ZeroDivisionError" in err
    assert "Traceback" not in out + err


def test_dry_run_changes_nothing(run, feed, catalog_dump):
    code, out, _ = run("load", feed({"a": 100}), "--supplier", "a", "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["load"]["dry_run"] is True
    assert json.loads(out)["counts"]["created"] == 1
    assert catalog_dump()["offers"] == []


def test_run_is_one_cycle_over_the_declared_links(run, feed, serve, tmp_path):
    server = serve({"/good.xml": feed({"a": 1}).read_bytes(), "/bad.xml": feed({"a": 1}, tail="").read_bytes()})
    file = tmp_path / "links.yaml"
    file.write_text(
        "shops: {main: {}}\nsuppliers: {a: {}, b: {}}\nlinks:\n"
        f"- {{link: a-main, supplier: a, shop: main, url: '{server.url}/good.xml'}}\n"
        f"- {{link: b-main, supplier: b, shop: main, url: '{server.url}/bad.xml'}}\n",
        encoding="utf-8",
    )
    code, out, _ = run("run", "--links", file, "--json")
    cycle = json.loads(out)
    assert code == 0, "a supplier's broken file is not our failure"
    assert {o["link"]: o["status"] for o in cycle["links"]} == {"a-main": "processed", "b-main": "rejected"}
    assert cycle["snapshot"].endswith(".duckdb")
    _, again, _ = run("run")
    assert again.count("unchanged") >= 2
    _, listed, _ = run("links", "list", "--json")
    assert {link["link"] for link in json.loads(listed)} == {"a-main", "b-main"}


def test_the_card_the_history_and_the_snapshot_can_be_asked_for(run, feed, tmp_path):
    run("load", feed({"a": 100}), "--supplier", "a")
    _, card, _ = run("offer", "A", "--supplier", "a", "--json")
    assert json.loads(card)["price"] == "100.00"
    _, loads, _ = run("loads", "--json")
    assert [load["status"] for load in json.loads(loads)] == ["processed"]
    code, out, _ = run("snapshot", "--out", tmp_path / "c.duckdb")
    assert (code, out.strip()) == (0, str(tmp_path / "c.duckdb"))
    _, rows, _ = run("sql", "SELECT sku, price FROM offers", "--json")
    assert json.loads(rows) == [{"sku": "a", "price": "100.00"}]


def test_a_supplier_cannot_move_the_operators_cursor(run, feed):
    run("load", feed({"a": 1}), "--supplier", "a\x1b[2J")
    _, out, _ = run("loads")
    assert "·[2J" in out, "the load is listed, with what it was called made visible"
    assert "\x1b" not in out


def test_doctor_finds_a_working_installation_ok(run):
    code, out, _ = run("doctor")
    assert code == 0, out
    for part in ("database", "objects", "mail", "disk", "reference"):
        assert f"ok    {part}" in out


def test_doctor_says_what_to_do_about_a_database_that_is_away(run, monkeypatch):
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", "postgresql://nobody:hush@127.0.0.1:1/none")
    code, out, err = run("doctor")
    assert code == 1
    assert "FAIL  database" in out
    assert "CATALOG_FEEDS_DATABASE_URL" in out
    assert "hush" not in out + err
