"""The links file: what it may say, and how it is refused."""

import pytest

from pipelines.declarations import read_links_file
from pipelines.errors import OperatorError

GOOD = """
shops: {main: {name: Главный магазин, settings: {required_fields: [vat]}}}
suppliers: {krepezh: {name: ООО «Крепёж», emails: [price@krepezh.example]}}
links:
  - link: krepezh-main
    supplier: krepezh
    shop: main
    url: https://krepezh.example/price.yml
    settings: {actualize: true, default_unit: 796}
"""


@pytest.fixture
def links_file(tmp_path):
    def write(text):
        path = tmp_path / "links.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_links_file_is_read_whole(links_file):
    declared = read_links_file(links_file(GOOD))
    (link,) = declared.links
    assert declared.shops["main"].settings.required_fields == ("vat",)
    assert declared.suppliers["krepezh"].emails == ("price@krepezh.example",)
    assert (link.link, link.enabled, link.settings.actualize, link.settings.default_unit) == (
        "krepezh-main",
        True,
        True,
        "796",
    )


@pytest.mark.parametrize(
    ("replace", "by", "complaint"),
    [
        ("actualize: true", "actualise: true", "actualise"),
        ("shop: main", "shop: other", "shop other is not declared"),
        ("supplier: krepezh\n", "supplier: who\n", "supplier who is not declared"),
        ("https://krepezh", "ftp://krepezh", "url"),
        ("link: krepezh-main", "link: ../../etc", "links.0.link"),
        ("shops:", "shop:", "shop"),
        ("links:", "links: [", "not YAML"),
    ],
)
def test_a_mistake_is_named(links_file, replace, by, complaint):
    assert replace in GOOD
    with pytest.raises(OperatorError, match=complaint):
        read_links_file(links_file(GOOD.replace(replace, by)))


def test_a_link_declared_twice_is_refused(links_file):
    again = GOOD + "\n".join(GOOD.splitlines()[4:])
    with pytest.raises(OperatorError, match="krepezh-main is declared twice"):
        read_links_file(links_file(again))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OperatorError, match="no links file"):
        read_links_file(tmp_path / "absent.yaml")
