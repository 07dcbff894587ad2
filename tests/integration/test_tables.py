"""Uploaded tables through all steps, as a supplier sends them."""

import json

import pytest
import xlsxwriter

from pipelines import cli, steps
from pipelines.options import ShopOptions

pytestmark = pytest.mark.integration

HEAD = "Идентификатор продукта;Наименование;Описание;Цена;Код ОКЕИ;Производитель;НДС;Наличие товара"


@pytest.fixture
def table(tmp_path):
    """Write a table of rows, each (SKU, price) or a line as it is, and give its path."""

    def write(*rows, name="goods.csv", encoding="utf-8-sig"):
        lines = [r if isinstance(r, str) else f"{r[0]};Товар {r[0]};Описание;{r[1]};796;Завод;20;много" for r in rows]
        path = tmp_path / name
        path.write_bytes("\r\n".join([HEAD, *lines, ""]).encode(encoding))
        return path

    return write


def skus(house, status="published"):
    with house.database.connect() as conn:
        rows = conn.execute("SELECT sku_key FROM offers WHERE status = %s ORDER BY 1", [status]).fetchall()
    return [row[0] for row in rows]


def test_F1_an_uploaded_table_is_published_and_reported(load, table, house):
    outcome = load(table(("A1", "100,50"), ("A2", "1 200.50"), "A3;без цены", encoding="windows-1251"))
    assert (outcome.status, outcome.counts["accepted"], outcome.counts["rejected"]) == ("processed", 2, 1)
    report = json.loads("".join(steps.report_json(house, outcome.load_id)))
    assert (report["load"]["format"], report["load"]["encoding"]) == ("csv", "windows-1251")
    (issue,) = [i for i in report["issues"] if i["severity"] == "error"]
    assert (issue["code"], issue["line"], issue["sku"]) == ("table_row_too_short", 4, "a3")
    assert issue["message"].startswith("Строка таблицы короче")


def test_P5_goods_that_left_the_table_are_hidden_where_the_upload_says_so(load, table, house):
    """«Снимать с публикации ранее загруженные товары, отсутствующие в файле»."""
    load(table(("A1", 1), ("A2", 2)))
    load(table(("A1", 1)))
    assert skus(house) == ["a1", "a2"]
    load(table(("A1", 1), ("A3", 3)), actualize=True)
    assert (skus(house), skus(house, "hidden")) == (["a1", "a3"], ["a2"])


def test_P4_a_row_that_cannot_be_trusted_does_not_hide_its_offer(load, table, house):
    load(table(("A1", 1), ("A2", 2), ("A3", 3)))
    broken = 'A2;"Труба 1/2;Описание;2;796;Завод;20;много'
    outcome = load(table(("A1", 1), broken, ("A3", 4)), actualize=True)
    assert skus(house) == ["a1", "a2", "a3"]
    assert (outcome.counts["changed"], outcome.counts["hidden"]) == (1, 0)


def test_O1_tables_and_feeds_meet_in_the_article(load, table, feed, house):
    load(feed({"ABC1": 100}))
    outcome = load(table(("abc1", 100)))
    assert (outcome.counts["created"], skus(house)) == (0, ["abc1"])


def test_F1_a_workbook_is_a_table_too(load, tmp_path, house):
    path = tmp_path / "goods.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEAD.split(";"))
        sheet.write_row(1, 0, ["A1", "Товар", "Описание", 100.5, 796, "Завод", 20, "много"])
    outcome = load(path, format="csv")
    assert (outcome.status, outcome.counts["accepted"]) == ("processed", 1)
    card = steps.offer(house, shop="main", supplier="a", sku="A1", region=None)
    assert (card["price"], card["line"]) == ("100.50", 2)


def test_F5_a_truncated_table_publishes_and_hides_nothing(load, table, house):
    load(table(("A1", 1), ("A2", 2)))
    path = table(("A1", 5))
    path.write_bytes(path.read_bytes() + b"A2;Tovar")
    outcome = load(path, actualize=True)
    assert (outcome.status, skus(house)) == ("rejected", ["a1", "a2"])


def test_a_template_for_a_shop_is_written_by_the_command(load, table, house, tmp_path, monkeypatch, capsys):
    load(table(("A1", 1)), required_fields="vendor")
    monkeypatch.setattr("pipelines.steps.template.open_house", lambda _settings: _Open(house))
    out = tmp_path / "template.csv"
    cli.main(["template", "csv", "--shop", "main", "--out", str(out)])
    assert capsys.readouterr().out.splitlines() == [str(out), str(tmp_path / "template-пояснения.txt")]
    header = out.read_text(encoding="utf-8-sig").splitlines()[0].split(";")
    assert "Производитель*" in header
    assert "Описание" in header
    assert load(out).counts["accepted"] == 3
    assert ShopOptions().required_fields != ("vendor",)  # the mark is the shop's, not the default


def test_a_template_for_no_shop_we_know(house, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pipelines.steps.template.open_house", lambda _settings: _Open(house))
    with pytest.raises(SystemExit) as ended:
        cli.main(["template", "yml", "--shop", "nowhere", "--out", str(tmp_path / "t.yml")])
    assert ended.value.code == 1
    assert "unknown shop 'nowhere'" in capsys.readouterr().err


class _Open:
    """The test's installation where a command would open its own."""

    def __init__(self, house):
        self._house = house

    def __enter__(self):
        return self._house

    def __exit__(self, *_):
        """It stays open for the test."""
