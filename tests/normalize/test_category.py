"""O16 the category that goods are bound to."""

from types import MappingProxyType

import pytest

from pipelines.reference import Reference, load_reference

RUBRICATOR = "id,parent_id,name,level\n1,,Электрика,1\n2,1,Кабели,2\n3,2,Силовые,3\n4,2,Связи,3\n"
MAPPING = "code,name,parent_code,category_id\n007,Провод,,3\nК-1,Разное,007,\nК-2,Кабель,,2\nК-3,Старое,,99\n"


@pytest.fixture
def reference(tmp_path):
    """The shipped tables and those given as texts."""

    def tables(**texts):
        shipped = load_reference()
        folder = tmp_path / "tables"
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        files = {**shipped.files, **{name: folder / f"{name}.csv" for name in texts}}
        return Reference(MappingProxyType(files), MappingProxyType(dict.fromkeys(files, "")))

    return tables


CASES = [
    ({"b2b_category_id": "3"}, "3", []),
    ({"b2b_category_id": " 4\u00a0"}, "4", []),
    ({"category_id": "007"}, "3", []),
    ({"category_id": " 007 "}, "3", []),
    ({"b2b_category_id": "4", "category_id": "007"}, "4", []),
    ({"b2b_category_id": "", "category_id": "007"}, "3", []),
    ({"category_id": "7"}, None, []),  # codes are text
    ({"category_id": "К-1"}, None, []),  # known and not bound
    ({"category_id": "другая"}, None, []),
    ({}, None, []),
    ({"b2b_category_id": "5"}, None, [("category_unknown", "b2b_category_id", "5")]),
    ({"b2b_category_id": "2"}, None, [("category_not_leaf", "b2b_category_id", "2")]),
    ({"b2b_category_id": "1"}, None, [("category_not_leaf", "b2b_category_id", "1")]),
    ({"b2b_category_id": "5", "category_id": "007"}, None, [("category_unknown", "b2b_category_id", "5")]),
    # A mapping that is older than the rubricator.
    ({"category_id": "К-2"}, None, [("category_not_leaf", "categoryId", "К-2 → 2")]),
    ({"category_id": "К-3"}, None, [("category_unknown", "categoryId", "К-3 → 99")]),
]


@pytest.mark.parametrize(("sent", "bound", "issues"), CASES)
def test_O16_goods_are_bound_to_a_leaf_given_or_mapped_and_else_published_unbound(
    normalised, reference, sent, bound, issues
):
    result = normalised(sent, reference=reference(rubricator=RUBRICATOR, category_mapping=MAPPING))
    assert result.offer["category_id"] == bound
    assert [(i["code"], i["field"], i["sent"]) for i in result.issues] == issues
    assert {i["severity"] for i in result.issues} <= {"warning"}
    assert all(i["published"] is None and i["line"] > 10 for i in result.issues)


def test_O16_without_a_rubricator_the_id_is_carried_as_sent(normalised, reference):
    sent = [{"b2b_category_id": " 178618 ", "category_id": "01"}, {"category_id": "К-2"}]
    result = normalised(*sent)
    assert [(o["category_id"], o["supplier_category_id"]) for o in result.offers] == [("178618", "01"), (None, "К-2")]
    mapped = normalised(*sent, reference=reference(category_mapping=MAPPING))
    assert [o["category_id"] for o in mapped.offers] == ["178618", "2"]
    assert result.issues == mapped.issues == []


def test_O16_the_suppliers_own_category_is_kept_whatever_it_is_bound_to(normalised, reference):
    result = normalised({"category_id": "007"}, reference=reference(rubricator=RUBRICATOR, category_mapping=MAPPING))
    assert (result.offer["category_id"], result.offer["supplier_category_id"]) == ("3", "007")


def test_O16_without_a_mapping_only_the_given_id_binds(normalised, reference):
    result = normalised({"category_id": "3"}, {"b2b_category_id": "3"}, reference=reference(rubricator=RUBRICATOR))
    assert [o["category_id"] for o in result.offers] == [None, "3"]
