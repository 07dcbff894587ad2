"""O13 characteristics, O14 pictures, O15 measures, O17 codes."""

from decimal import Decimal

KEYS = ("sent_name", "sent_value", "sent_unit", "name", "value", "unit", "unit_okei")


def params(result):
    return [tuple(param[key] for key in KEYS) for param in result.offer["params"]]


def test_O13_order_and_the_sent_form_are_kept(normalised):
    result = normalised({"params": [("Цвет", "белый"), (" Длина\u00a0 троса", "21  см"), ("Вес", "1,5", "кг.")]})
    assert params(result) == [
        ("Цвет", "белый", None, "Цвет", "белый", None, None),
        (" Длина\u00a0 троса", "21  см", None, "Длина троса", "21 см", None, None),
        ("Вес", "1,5", "кг.", "Вес", "1.5", "кг", "166"),
    ]
    assert result.issues == []


def test_O13_a_unit_may_be_an_okei_code_or_unknown(normalised):
    result = normalised(
        {"params": [("A", "1", "006"), ("B", "1", "6"), ("C", "1", "попугай"), ("D", "1", "5784"), ("E", "1", " ")]}
    )
    assert [(p[5], p[6]) for p in params(result)] == [
        ("м", "006"),
        ("м", "006"),
        ("попугай", None),
        ("5784", None),
        (None, None),
    ]


def test_O13_empty_values_and_sentinels_are_dropped_and_named_once_per_offer(normalised):
    sent = [
        ("Цвет", ""),
        ("Длина", "-999 999 999,9"),
        ("Высота", "-999\u00a0999\u00a0999,9"),
        (None, "x"),
        ("Вид", None),
        ("Вес", "1"),
    ]
    result = normalised({"params": sent})
    assert [p[0] for p in params(result)] == ["Вес"]
    issue = result.issue("params_dropped")
    assert (issue["severity"], issue["sent"], issue["line"]) == ("info", "Цвет; Длина; Высота; ?; Вид", 70)


def test_O13_a_repeated_name_is_joined_in_its_first_place(normalised):
    sent = [("Цвет", "белый"), ("Вес", "1", "кг"), ("цвет", "чёрный"), ("Цвет", "белый"), ("Вес", "900", "г")]
    result = normalised({"params": sent})
    assert params(result) == [
        ("Цвет; цвет", "белый; чёрный; белый", None, "Цвет", "белый; чёрный", None, None),
        ("Вес", "1; 900", "кг; г", "Вес", "1; 0.9", "кг", "166"),
    ]
    issues = [issue for issue in result.issues if issue["code"] == "params_joined"]
    assert [(i["sent"], i["published"], i["severity"]) for i in issues] == [
        ("Цвет", "белый; чёрный", "info"),
        ("Вес", "1; 0.9", "info"),
    ]


def test_O13_what_is_measured_in_another_way_is_not_joined(normalised):
    result = normalised({"params": [("Обхват", "1", "м"), ("Обхват", "1", "кг")]})
    assert [(p[3], p[5]) for p in params(result)] == [("Обхват", "м"), ("Обхват", "кг")]


def test_O13_every_joined_name_is_said(normalised):
    result = normalised({"params": [("A", "1"), ("B", "1"), ("A", "2"), ("B", "2")]}, {"params": [("A", "1")]})
    assert [(i["ordinal"], i["line"], i["sent"], i["published"]) for i in result.issues] == [
        (0, 70, "A", "1; 2"),
        (0, 71, "B", "1; 2"),
    ]


def test_O13_any_number_of_characteristics_in_order(normalised):
    sent = [(f"Имя {n}", str(n)) for n in range(3000)]
    assert [p[0] for p in params(normalised({"params": sent}))] == [name for name, _ in sent]


A, B, C, D = (f"https://cdn.example.com/{n}.jpg" for n in "abcd")


ADDRESSES = [
    ([], []),
    ([""], []),
    ([A, B, C], [A, B, C]),
    ([f" {A} | {B} | {C} "], [A, B, C]),
    ([f"{A},{B}"], [A, B]),
    ([f"{A}, {B},"], [A, B]),
    ([f"{A}\n{B}"], [A, B]),
    (["HTTP://a.ru/x"], ["HTTP://a.ru/x"]),
    (["https://a.ru/w_100,h_200/1.jpg"], ["https://a.ru/w_100,h_200/1.jpg"]),
    (["https://a.ru/фото.jpg?a=1&b=2#x"], ["https://a.ru/фото.jpg?a=1&b=2#x"]),
]


def test_O14_addresses_in_one_field_are_told_apart(normalised):
    result = normalised(*[{"pictures": sent} for sent, _ in ADDRESSES])
    assert [offer["pictures"] for offer in result.offers] == [published for _, published in ADDRESSES]
    assert result.issues == []


def test_O14_three_are_kept_and_more_dropped_with_a_warning(normalised):
    result = normalised({"pictures": [A, f"{B},{C}", D, A]})
    assert result.offer["pictures"] == [A, B, C]
    issue = result.issue("pictures_over_limit")
    assert (issue["severity"], issue["sent"], issue["published"], issue["line"]) == ("warning", f"{D} {A}", "3", 62)


NO_ADDRESSES = [
    "ftp://a.ru/1.jpg",
    "/img/1.jpg",
    "1.jpg",
    "data:image/png;base64,AAAA",
    "file:///etc/passwd",
    "//a.ru/1.jpg",
    "https://",
    "https:///1.jpg",
    "javascript:alert(1)",
    'https://a.ru/"onerror="x',
    "https://a.ru/<b>",
    "https://a.ru/" + "x" * 2048,
]


def test_O14_what_is_no_http_address_is_dropped_with_a_warning(normalised):
    result = normalised(*[{"pictures": [sent, A]} for sent in NO_ADDRESSES])
    assert all(offer["pictures"] == [A] for offer in result.offers)
    assert [(i["code"], i["severity"], i["sent"], i["line"] % 100) for i in result.issues] == [
        ("picture_invalid", "warning", sent[:500], 60) for sent in NO_ADDRESSES
    ]


def test_O15_a_weight_is_positive_and_at_most_10_characters_long(normalised):
    sent = ["1.5", "6,1", " 10 ", "0.00000001", "9999999999", ""]
    result = normalised(*[{"weight": weight} for weight in sent])
    weights = ["1.5", "6.1", "10", "0.00000001", "9999999999"]
    assert [offer["weight_kg"] for offer in result.offers] == [*map(Decimal, weights), None]
    assert result.issues == []


def test_O15_any_other_weight_is_dropped_with_a_warning(normalised):
    wrong = ["0", "0.0", "-1", "99999999999", "0.000000012", "тяжёлый", "1 кг", "1e3"]
    result = normalised(*[{"weight": sent} for sent in wrong])
    assert {offer["weight_kg"] for offer in result.offers} == {None}
    assert [(i["code"], i["severity"], i["sent"]) for i in result.issues] == [
        ("weight_dropped", "warning", sent) for sent in wrong
    ]


def test_O15_dimensions_are_three_positive_numbers(normalised):
    result = normalised(*[{"dimensions": sent} for sent in ("1.05/2.2/3.5", " 1,05 / 2 /3", "", None)])
    assert [offer["dimensions_cm"] for offer in result.offers] == [
        [Decimal("1.05"), Decimal("2.2"), Decimal("3.5")],
        [Decimal("1.05"), Decimal(2), Decimal(3)],
        None,
        None,
    ]
    assert result.issues == []


def test_O15_bad_dimensions_are_dropped_as_a_whole(normalised):
    wrong = ["1/2", "1/2/3/4", "1/2/0", "1/2/", "10*20*30", "1/2/12345678901", "//", "10"]
    result = normalised(*[{"dimensions": sent} for sent in wrong])
    assert {offer["dimensions_cm"] for offer in result.offers} == {None}
    assert [(i["code"], i["severity"], i["sent"]) for i in result.issues] == [
        ("dimensions_dropped", "warning", sent) for sent in wrong
    ]


def test_O17_codes_are_told_apart_by_commas_each_once(normalised):
    result = normalised({"position_codes": "100, 200,,100", "analog_gid": "A,B", "gid": "B, C"})
    assert result.offer["position_codes"] == ["100", "200"]
    assert result.offer["analog_codes"] == ["A", "B", "C"]
    assert result.issues == []


def test_O17_a_repeated_position_code_is_said_and_the_last_wins(normalised):
    result = normalised({"position_codes": "300", "repeated": [("idToImport", "100"), ("price", "5")]})
    assert result.offer["position_codes"] == ["300"]
    assert [(i["code"], i["field"], i["sent"], i["published"], i["line"], i["severity"]) for i in result.issues] == [
        ("position_codes_repeated", "idToImport", "100", "300", 100, "warning"),
        ("value_repeated", "price", "5", None, 101, "warning"),
    ]
