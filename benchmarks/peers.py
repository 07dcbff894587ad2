"""What others do with the same YML file, each as far as it goes; stages of `make bench --stages`, none by default.

None of them tells lines, repairs anything, or refuses all that has to be refused. `pandas` and `xml2arrow`
read flat columns only, the latter UTF-8 only; `xmltodict` makes dicts and writes nothing; `rows` is what people write
first: an offer, a row, an insert.
"""

from __future__ import annotations

from pathlib import Path

COLUMNS = (
    "name",
    "price",
    "price_without_nds",
    "vat",
    "currencyId",
    "categoryId",
    "vendor",
    "vendorCode",
    "model",
    "description",
    "unitOkei",
    "units",
    "quantity",
    "delivery_time",
    "weight",
    "dimensions",
    "barcode",
    "url",
)


def pandas(feed: Path, folder: Path) -> None:
    """`pandas.read_xml` with `iterparse`, to Parquet."""
    from pandas import read_xml

    encoding = "windows-1251" if "1251" in feed.name else "utf-8"
    frame = read_xml(feed, iterparse={"offer": ["id", *COLUMNS]}, dtype=str, encoding=encoding, parser="lxml")
    frame.to_parquet(folder / "pandas.parquet")


def xmltodict(feed: Path, _folder: Path) -> None:
    """`xmltodict` in its streaming mode: a dict for each offer, dropped at once."""
    from xmltodict import parse

    with feed.open("rb") as source:
        parse(source, item_depth=4, item_callback=lambda _path, _offer: True)


def xml2arrow(feed: Path, folder: Path) -> None:
    """`xml2arrow`, the values of offers themselves, to Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import yaml
    from xml2arrow import XmlToArrowParser

    offers = "/yml_catalog/shop/offers"
    fields = [
        {"name": name.strip("@"), "xml_path": f"{offers}/offer/{name}", "data_type": "Utf8", "nullable": True}
        for name in ("@id", "@available", *COLUMNS)
    ]
    config = folder / "xml2arrow.yaml"
    tables = [{"name": "offers", "xml_path": offers, "levels": ["offer"], "fields": fields}]
    config.write_text(yaml.safe_dump({"tables": tables}))
    batches = XmlToArrowParser(str(config)).parse(str(feed))
    pq.write_table(pa.Table.from_batches([batches["offers"]]), folder / "xml2arrow.parquet")


def rows(feed: Path, folder: Path) -> None:
    """`lxml.etree.iterparse` and an insert of SQLAlchemy for each offer and its characteristics, into SQLite."""
    from lxml import etree
    from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert

    engine = create_engine(f"sqlite:///{folder / 'rows.sqlite'}")
    metadata = MetaData()
    offers = Table("offers", metadata, Column("n", Integer, primary_key=True), *(Column(c, String) for c in COLUMNS))
    params = Table("params", metadata, *(Column(c, String) for c in ("n", "name", "value", "unit")))
    metadata.create_all(engine)
    with engine.begin() as connection:
        for number, (_, offer) in enumerate(etree.iterparse(str(feed), tag="offer")):
            connection.execute(insert(offers), {"n": number} | {c: offer.findtext(c) for c in COLUMNS})
            found = [
                {"n": number, "name": p.get("name"), "value": p.text, "unit": p.get("unit")}
                for p in offer.iterfind("param")
            ]
            connection.execute(insert(params), found)
            offer.clear()
            while offer.getprevious() is not None:
                del offer.getparent()[0]
