"""`catalog-feeds loads`: decisions, undoing and replaying as people and programs meet them."""

import json

import pytest

from pipelines.cli import main


@pytest.fixture
def run(house, monkeypatch, capfd):
    """Run a command of `loads`; gives back exit code, stdout and stderr."""
    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)
    capfd.readouterr()

    def command(*arguments):
        code = 0
        try:
            main(["loads", *map(str, arguments)])
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return code, out, err

    return command


def test_a_hold_is_seen_approved_and_undone(run, load, feed, capfd):
    load(feed({f"s{n}": 100 for n in range(60)}), actualize=True)
    held = load(feed({"s0": 100})).load_id
    capfd.readouterr()
    assert "waits: too_many_hidden" in run()[1]

    code, _, err = run("approve", held)
    assert (code, "--why" in err) == (1, True)
    code, _, err = run("approve", held, "--why", " ")
    assert (code, "both are recorded" in err) == (1, True)

    code, out, _ = run("approve", held, "--why", "sold out", "--who", "anna", "--json")
    told = json.loads(out)
    assert (code, told["load"]["status"], told["counts"]["hidden"]) == (0, "processed", 59)
    assert "too_many_hidden: approved by anna" in run()[1]
    code, _, err = run("reject", held, "--why", "no")
    assert (code, "was approved by anna" in err) == (1, True)

    code, out, _ = run("rollback", held, "--why", "not sold out", "--json")
    told = json.loads(out)
    assert (code, told["counts"]["restored"]) == (0, 59)
    listed = {row["id"]: row for row in json.loads(run("--json")[1])}
    assert listed[held]["undone_by"] == told["load"]["id"]
    assert f"undone by {told['load']['id']}" in run()[1]


def test_replays(run, load, feed, capfd):
    first = load(feed({"a": 1, "b": 2})).load_id
    capfd.readouterr()
    code, out, _ = run("replay", first, "--json")
    assert (code, json.loads(out)["counts"]["unchanged"]) == (0, 2)
    code, _, err = run("replay", first)
    assert (code, "an older file never overwrites a newer one" in err) == (1, True)

    code, out, _ = run("replay", "--dry-run", "--rules-only", "--last", 2, "--json")
    assert (code, [(flips["compared"], flips["changed"]) for flips in json.loads(out)]) == (0, [(2, {}), (2, {})])
    code, out, _ = run("replay", "--dry-run", "--rules-only")
    assert (code, "2 loads, 4 offers: 0 now rejected, 0 now accepted, 0 changed" in out) == (0, True)
    for wrong in (("--rules-only",), (first, "--rules-only", "--dry-run"), ()):
        code, _, err = run("replay", *wrong)
        assert (code, bool(err)) == (1, True)
