"""P8: a supplier's accreditation is a switch that costs one row and hides or shows all goods at once."""

import json

import pytest

from pipelines import steps
from pipelines.errors import OperatorError
from pipelines.model import Accreditation


@pytest.fixture
def offers(house, load, feed):
    """Two published offers of supplier `a`; gives a way to see rows, versions included, and what buyers see."""
    load(feed({"1": 10, "2": 20}))

    def look() -> tuple[list[tuple], list[str]]:
        with house.database.connect() as conn:
            rows = conn.execute("SELECT o.*, xmin, ctid::text FROM offers o ORDER BY sku_key").fetchall()
            seen = [sku for (sku,) in conn.execute("SELECT sku FROM visible_offers ORDER BY sku_key")]
            return rows, seen

    return look


def test_P8_losing_it_hides_everything_at_once_without_touching_the_goods(house, offers):
    rows, seen = offers()
    assert seen == ["1", "2"]
    for status in (Accreditation.REVOKED, Accreditation.NONE, Accreditation.APPLIED, Accreditation.REFUSED):
        steps.accredit(house, "a", "main", status, who="Иванов")
        assert offers() == (rows, [])
    before, visible = steps.accredit(house, "a", "main", Accreditation.GRANTED, who="Иванов")
    assert (before, visible) == (Accreditation.REFUSED, 2)
    assert offers() == (rows, ["1", "2"])


def test_P8_the_switch_is_recorded_with_who_when_and_why(house, offers):
    steps.accredit(house, "a", "main", Accreditation.REVOKED, who="Иванов", why="жалобы")
    steps.accredit(house, "a", "main", Accreditation.REVOKED, who="Петров")  # so already
    steps.accredit(house, "a", "main", Accreditation.GRANTED, who="Петров")
    standing = steps.accreditation(house, "a", "main")
    assert standing["status"] == "granted"
    assert [(h["before"], h["after"], h["who"], h["why"]) for h in standing["history"]] == [
        ("revoked", "granted", "Петров", None),
        ("granted", "revoked", "Иванов", "жалобы"),
    ]
    first, last = (h["at"] for h in standing["history"])
    assert first > last
    assert last.tzinfo is not None


def test_P8_loads_go_on_unseen_and_show_when_it_is_given_back(house, offers, load, feed):
    steps.accredit(house, "a", "main", Accreditation.REVOKED, who="x")
    assert load(feed({"1": 11, "2": 20, "3": 30})).counts["created"] == 1
    assert offers()[1] == []
    assert steps.offer_statistics(house, "main", "a")["published"] == 3
    steps.accredit(house, "a", "main", Accreditation.GRANTED, who="x")
    assert offers()[1] == ["1", "2", "3"]


def test_P8_another_supplier_and_another_shop_are_not_touched(house, offers, load, feed):
    load(feed({"9": 10}), supplier="b")
    steps.accredit(house, "a", "main", Accreditation.REVOKED, who="x")
    assert offers()[1] == ["9"]
    with pytest.raises(OperatorError, match="shop other does not know supplier a"):
        steps.accredit(house, "a", "other", Accreditation.REVOKED, who="x")


def test_the_command_shows_and_changes(house, offers, monkeypatch):
    from click.testing import CliRunner

    from pipelines.cli import cli

    monkeypatch.setenv("CATALOG_FEEDS_HOME", str(house.settings.home_path))
    monkeypatch.setenv("CATALOG_FEEDS_DATABASE_URL", house.database.catalog_url)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["accreditation", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run("a", "revoked", "--why", "жалобы") == "a in main: granted → revoked; buyers see 0 of its offers\n"
    assert run("a", "revoked") == "a in main: revoked already; buyers see 0 of its offers\n"
    assert json.loads(run("a", "--json"))["history"][0]["why"] == "жалобы"
    assert "revoked" in run("a")
    assert run("a", "granted") == "a in main: revoked → granted; buyers see 2 of its offers\n"
    assert CliRunner().invoke(cli, ["accreditation", "a", "perhaps"]).exit_code != 0
