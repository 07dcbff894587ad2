"""The words of the trade as types: offers, issues, loads. No I/O.

`OFFER_FIELDS` is the one list of what a published offer is made of. The Parquet schema, the catalog's table, the JSON
of `catalog-feeds offer` and the snapshot's comments are taken from it or compared with it in a test.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa


class LoadStatus(enum.StrEnum):
    """Status of a load; the value is stored, the label is what suppliers and operators read."""

    QUEUED = "queued"
    RUNNING = "running"
    PROCESSED = "processed"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """The status in Russian, as the platform's manual names it."""
        return _STATUS_LABELS[self]

    @property
    def finished(self) -> bool:
        """True when nothing more will happen to the load by itself."""
        return self not in (LoadStatus.QUEUED, LoadStatus.RUNNING)


_STATUS_LABELS = {
    LoadStatus.QUEUED: "Ожидает",
    LoadStatus.RUNNING: "Обрабатывается",
    LoadStatus.PROCESSED: "Обработан",
    LoadStatus.UNCHANGED: "Без изменений",
    LoadStatus.HELD: "Требуется подтверждение",
    LoadStatus.REJECTED: "Отклонён",
    LoadStatus.FAILED: "Сбой",
}


class Severity(enum.StrEnum):
    """Severity means consequence: not published, published with a change, worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class FeedFormat(enum.StrEnum):
    """Formats of a feed, recognised by content (F1)."""

    YML = "yml"
    COMMERCEML = "commerceml"
    CSV = "csv"  # a table by КИМ's columns, as text or as an Excel workbook
    JSON = "json"  # an array or lines of objects, read through the link's mapping


class Availability(enum.StrEnum):
    """Availability of an offer as buyers see it (O9)."""

    EXACT = "exact"
    MANY = "many"
    FEW = "few"
    ON_ORDER = "on_order"
    OUT_OF_STOCK = "out_of_stock"


class StockClass(enum.StrEnum):
    """Where a distributor lets its goods be sold, and at what price (S2); told by an offer, its stock or its link."""

    MARKETPLACE = "marketplace"
    ONLINE_STORE = "online_store"  # not below the recommended retail price (S3)
    ON_REQUEST = "on_request"  # listed without a price (S4)


# What buyers read in place of the price of goods that are listed without one (S4).
ON_REQUEST_PRICE = "цена по запросу"


class Accreditation(enum.StrEnum):
    """A supplier's standing in a shop; only `granted` goods are visible (P8)."""

    NONE = "none"
    APPLIED = "applied"
    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"


class ChangeKind(enum.StrEnum):
    """What a load (P2, P5) or a person did to an offer; the last three only a person does."""

    CREATED = "created"
    CHANGED = "changed"
    RESTORED = "restored"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"  # a rollback took away what the undone load had created (P10)
    EDITED = "edited"
    DRAFTED = "drafted"
    DELETED = "deleted"


class OfferStatus(enum.StrEnum):
    """Where an offer stands in the catalog; only published ones may be seen by buyers."""

    PUBLISHED = "published"
    HIDDEN = "hidden"
    DRAFT = "draft"  # taken aside by hand to be worked on; kept, and hidden to buyers
    DELETED = "deleted"  # by hand; kept for its history, shown nowhere and never counted

    @property
    def label(self) -> str:
        """The status in Russian."""
        return _OFFER_STATUS_LABELS[self]


_OFFER_STATUS_LABELS = {
    OfferStatus.PUBLISHED: "опубликован",
    OfferStatus.HIDDEN: "скрыт",
    OfferStatus.DRAFT: "черновик",
    OfferStatus.DELETED: "удалён",
}


class HoldReason(enum.StrEnum):
    """Closed list of reasons for which something of a load waits for an operator's decision (P6, P7)."""

    TOO_MANY_HIDDEN = "too_many_hidden"
    PRICE_JUMPS = "price_jumps"
    PRICE_FACTOR = "price_factor"
    UNLIKE_PAST = "unlike_past"
    PRICES_KEPT = "prices_kept"

    @property
    def label(self) -> str:
        """The reason in Russian, for suppliers and operators."""
        return _HOLD_LABELS[self]

    @property
    def publishes(self) -> bool:
        """Whether the rest of the load is published at once; otherwise nothing of it is, and nothing is hidden."""
        return self in (HoldReason.TOO_MANY_HIDDEN, HoldReason.PRICES_KEPT)

    @property
    def stops(self) -> bool:
        """Whether the load itself is `held`; single prices wait beside a load that is `processed`."""
        return self is not HoldReason.PRICES_KEPT


_HOLD_LABELS = {
    HoldReason.TOO_MANY_HIDDEN: "Из каталога скрылось бы слишком много товаров.",
    HoldReason.PRICE_JUMPS: "Слишком много цен изменилось в разы.",
    HoldReason.PRICE_FACTOR: "Почти все цены изменились в одно и то же число раз.",
    HoldReason.UNLIKE_PAST: "Файл слишком не похож на прошлые загрузки этой ссылки.",
    HoldReason.PRICES_KEPT: "Цены некоторых товаров изменились слишком сильно; показаны прежние.",
}


class LoadKind(enum.StrEnum):
    """Where a load comes from: a file, a file of the archive processed again, or the undoing of other loads (P10)."""

    FILE = "file"
    REPLAY = "replay"
    ROLLBACK = "rollback"


class DecisionVerdict(enum.StrEnum):
    """What became of a load afterwards: decided by a person, or overtaken by the next load of its link (P6, P10)."""

    APPROVED = "approved"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    ROLLED_BACK = "rolled_back"


MONEY = pa.decimal128(15, 2)
QUANTITY = pa.decimal128(18, 6)
MEASURE = pa.decimal128(18, 8)

PARAM = pa.struct(
    [
        ("sent_name", pa.string()),
        ("sent_value", pa.string()),
        ("sent_unit", pa.string()),
        ("name", pa.string()),
        ("value", pa.string()),
        ("unit", pa.string()),
        ("unit_okei", pa.string()),
    ]
)
REGION = pa.struct(
    [
        ("code", pa.string()),
        ("level", pa.string()),
        ("name", pa.string()),
        ("price", MONEY),
        ("price_without_vat", MONEY),
        ("availability", pa.string()),
        ("quantity", QUANTITY),
        ("delivery_days", pa.int32()),
    ]
)


@dataclass(frozen=True)
class OfferField:
    """One published field of an offer.

    Attributes:
        name: column name everywhere: Parquet, catalog, JSON, snapshot.
        type: Arrow type of the normalised value.
        label: what it is, in Russian, for people (column comments, reports).
        rule: id of the rule in the loading rules.
    """

    name: str
    type: pa.DataType
    label: str
    rule: str


# What buyers see of an offer. A difference in any of these is a change; nothing else is (P2, P3).
OFFER_FIELDS: tuple[OfferField, ...] = (
    OfferField("sku", pa.string(), "Артикул, как прислан в последний раз", "O1"),
    OfferField("name", pa.string(), "Наименование", "O3"),
    OfferField("description", pa.string(), "Описание (безопасный HTML)", "O4"),
    OfferField("vendor", pa.string(), "Производитель", "O12"),
    OfferField("vendor_code", pa.string(), "Артикул производителя", "O12"),
    OfferField("model", pa.string(), "Модель", "O12"),
    OfferField("price", MONEY, "Цена с НДС", "O6"),
    OfferField("price_without_vat", MONEY, "Цена без НДС", "O6"),
    OfferField("price_derived", pa.string(), "Какая из цен рассчитана по ставке НДС, а не прислана", "O6"),
    OfferField("vat_rate", pa.string(), "Ставка НДС в процентах или NO_VAT", "O7"),
    OfferField("currency", pa.string(), "Валюта (ISO 4217)", "O8"),
    OfferField("unit_okei", pa.string(), "Код единицы измерения по ОКЕИ", "O5"),
    OfferField("unit_name", pa.string(), "Единица измерения, как показана", "O5"),
    OfferField("availability", pa.string(), "Наличие", "O9"),
    OfferField("quantity", QUANTITY, "Количество", "O10"),
    OfferField("delivery_days", pa.int32(), "Срок поставки, дней", "O11"),
    OfferField("category_id", pa.string(), "Категория рубрикатора", "O16"),
    OfferField("supplier_category_id", pa.string(), "Категория поставщика", "O16"),
    OfferField("position_codes", pa.list_(pa.string()), "Коды позиций закупщика", "O17"),
    OfferField("analog_codes", pa.list_(pa.string()), "Коды аналогов", "O17"),
    OfferField("pictures", pa.list_(pa.string()), "Изображения", "O14"),
    OfferField("weight_kg", MEASURE, "Вес, кг", "O15"),
    OfferField("dimensions_cm", pa.list_(MEASURE), "Длина, ширина, высота, см", "O15"),
    OfferField("stock_class", pa.string(), "Класс остатка", "O19"),
    OfferField("rrp", MONEY, "Рекомендованная розничная цена", "O19"),
    OfferField("params", pa.list_(PARAM), "Характеристики, присланные и нормализованные", "O13"),
    OfferField("regions", pa.list_(REGION), "Цены и наличие по регионам", "O18"),
)

# A normalised offer on its way to the catalog: its identity and origin, the fields above, and their fingerprint.
OFFER_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),  # position in the file, from 0
        pa.field("part", pa.string()),  # the file of a set it stands in (CommerceML); null for a single file
        pa.field("line", pa.int64()),  # where the offer starts in that file, from 1
        pa.field("sku_key", pa.string()),  # identity: case-folded, spaces collapsed (O1)
        pa.field("external_id", pa.string()),  # its key in the supplier's own system (CommerceML Ид), if it has one
        *(pa.field(f.name, f.type) for f in OFFER_FIELDS),
        pa.field("content_hash", pa.string()),  # md5 over OFFER_FIELDS in canonical form (P3)
    ]
)

# An offer that was read and not accepted; its SKU is what protects the last good version from being hidden (P4).
REJECTED_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),
        pa.field("part", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("sku_key", pa.string()),  # null when no SKU was sent
        pa.field("sku", pa.string()),
        pa.field("name", pa.string()),
        pa.field("codes", pa.list_(pa.string())),  # the error codes that caused it
    ]
)

# Issues in file order. Load-level issues have no ordinal and come first.
ISSUE_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),
        pa.field("code", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("sku", pa.string()),
        pa.field("part", pa.string()),  # the file of a set; null for a single file
        pa.field("line", pa.int64()),
        pa.field("field", pa.string()),  # the tag or column as the supplier wrote it
        pa.field("sent", pa.string()),
        pa.field("published", pa.string()),
    ]
)

# Sent values quoted in issues are cut here; the raw file keeps the whole.
QUOTE_LIMIT = 500


@dataclass(frozen=True)
class Issue:
    """One coded remark about a whole load, or one row of `ISSUE_SCHEMA`.

    Severity, message and remedy belong to the code (`pipelines.issue_codes`) and are not repeated here.
    """

    code: str
    line: int | None = None
    field: str | None = None
    sent: str | None = None
    published: str | None = None
    sku: str | None = None
    ordinal: int | None = None
    part: str | None = None


# One offer as sent, whatever the format: text columns, null = the tag is absent, '' = it is there and empty.
# `<column>_line` is the line of that value in the raw file. The label is the tag of the YML dialect, used in issues
# when the supplier's own spelling is not known.
RAW_SCALARS: dict[str, str] = {
    "sku": "id",
    "name": "name",
    "type_prefix": "typePrefix",
    "vendor": "vendor",
    "vendor_code": "vendorCode",
    "model": "model",
    "description": "description",
    "unit_okei": "unitOkei",
    "units": "units",
    "unit_name": "unitName",
    "price": "price",
    "price_without_nds": "price_without_nds",
    "vat": "vat",
    "nds": "nds",
    "currency": "currencyId",
    "available": "available",
    "quantity": "quantity",
    "count": "count",
    "stock_quantity": "stock_quantity",
    "delivery_time": "delivery_time",
    "weight": "weight",
    "dimensions": "dimensions",
    "b2b_category_id": "b2b_category_id",
    "category_id": "categoryId",
    "position_codes": "idToImport",
    "analog_gid": "analogGID",
    "gid": "Gid",
    "stock_class": "stock_class",
    "rrp": "rrp",
    "stock_marketplace": "stock_marketplace",
    "stock_online_store": "stock_online_store",
    "stock_on_request": "stock_on_request",
}
# The same for one region of an offer (O18).
RAW_REGION_SCALARS: dict[str, str] = {
    "code": "id",
    "price": "price",
    "price_without_nds": "price_without_nds",
    "available": "available",
    "quantity": "quantity",
    "delivery_time": "delivery_time",
}


def _with_lines(columns: dict[str, str]) -> list[pa.Field]:
    return [f for c in columns for f in (pa.field(c, pa.string()), pa.field(f"{c}_line", pa.int64()))]


RAW_VALUE = pa.struct([("value", pa.string()), ("line", pa.int64())])
RAW_SCHEMA = pa.schema(
    [
        pa.field("ordinal", pa.int64()),  # position in the file, from 0
        # Where the offer starts, from 1, exact in files of any length. In a set of files lines run on from one part to
        # the next, here and in every `<column>_line`; `ParseResult.parts` takes them apart again.
        pa.field("line", pa.int64()),
        pa.field("external_id", pa.string()),  # key of the offer in the supplier's own system (CommerceML Ид)
        # A row of a table that cannot be trusted: code of the issue for which it is rejected, and what was found there.
        pa.field("row_fault", pa.string()),
        pa.field("row_fault_sent", pa.string()),
        *_with_lines(RAW_SCALARS),
        pa.field("pictures", pa.list_(RAW_VALUE)),
        pa.field("outlets", pa.list_(RAW_VALUE)),  # outlet@instock (O10)
        pa.field(
            "params",
            pa.list_(
                pa.struct(
                    [
                        ("name", pa.string()),
                        ("value", pa.string()),
                        ("unit", pa.string()),
                        ("line", pa.int64()),
                    ]
                )
            ),
        ),
        pa.field("regions", pa.list_(pa.struct(_with_lines(RAW_REGION_SCALARS)))),
        # Values of a tag that may stand once and stood again; the first one is used and this is said.
        pa.field(
            "repeated",
            pa.list_(pa.struct([("field", pa.string()), ("value", pa.string()), ("line", pa.int64())])),
        ),
    ]
)


@dataclass(frozen=True)
class Part:
    """One file of a set (CommerceML): its name, and where its first line is in the lines that run through the set."""

    name: str
    first_line: int


@dataclass(frozen=True)
class ParseResult:
    """What parsing learned about a file besides its offers.

    Attributes:
        format: recognised by content (F1).
        encoding: the encoding the bytes really have, IANA name in lower case.
        read: number of offers found; equals the rows of the raw Parquet.
        issues: load-level remarks (repairs, unknown tags), bounded in number.
        spellings: raw column -> the tag as the supplier wrote it first; complete, defaults filled in.
        parts: the files of a set in the order of their lines; empty for a single file.
        delta: the file says that it holds changes only (P6).
    """

    format: FeedFormat
    encoding: str
    read: int
    issues: tuple[Issue, ...]
    spellings: dict[str, str]
    parts: tuple[Part, ...] = ()
    delta: bool = False


@dataclass
class Counts:
    """The accounting of a load (P2). `errors`, `warnings`, `infos` count issues, the rest counts offers."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    created: int = 0
    changed: int = 0
    restored: int = 0
    unchanged: int = 0
    hidden: int = 0
    errors: int = 0
    warnings: int = 0
    infos: int = 0


class MailPolicy(enum.StrEnum):
    """Which reports a supplier wants by mail (R3)."""

    ALL = "all"
    ERRORS = "errors"  # unsubscribed from warnings: only what was not published, and what waits
    DIGEST = "digest"  # once a day in one mail; what cannot wait comes at once
    NONE = "none"


class WhyNot(enum.StrEnum):
    """Closed list of reasons for which actualisation did not run; the report says each in Russian."""

    NOT_REQUESTED = "not_requested"
    DELTA = "delta"
    NOTHING_ACCEPTED = "nothing_accepted"
    MOSTLY_REJECTED = "mostly_rejected"
    HELD = "held"
    REFUSED = "refused"  # an operator refused what was held, or the next load came before anyone decided
    FILE_REJECTED = "file_rejected"


@dataclass(frozen=True)
class Actualization:
    """Whether offers missing from the file were to be hidden, whether they were, and why not (P5, P6)."""

    requested: bool
    applied: bool = False
    why_not: WhyNot | None = None


@dataclass(frozen=True)
class PriceMoves:
    """How the prices of a load stand to those of the catalog (P7), in offers.

    Attributes:
        compared: offers of the file that the catalog knows, with a price on both sides or unchanged.
        jumped: of them, those whose price, or some regional price, moved by the load's ratio or more either way.
        factors: factor -> offers whose price moved by just that: `100`, `0.01`, and `vat`, `1/vat` by their own rate.
        examples: the widest moves: SKU, price before, price sent.
    """

    compared: int = 0
    jumped: int = 0
    factors: dict[str, int] = field(default_factory=dict)
    examples: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class PriceChange:
    """One price that a load changed."""

    sku: str
    name: str | None
    before: Decimal
    after: Decimal

    @property
    def percent(self) -> Decimal:
        """By how much, in percent of the price before."""
        return (self.after / self.before - 1) * 100


@dataclass(frozen=True)
class PriceChanges:
    """What a load did to prices.

    Attributes:
        up, down: offers whose price rose and fell.
        median: of the changes, in percent; None when there are none.
        histogram: offers by how much their price changed, between the `PRICE_STEPS`: one more than there are steps.
        widest: the widest moves either way, as ratios.
    """

    up: int
    down: int
    median: Decimal | None
    histogram: tuple[int, ...]
    widest: tuple[PriceChange, ...]


# Borders of the histogram of price changes, in percent; a change on a border belongs to the step above it.
PRICE_STEPS = (-50, -20, -10, -5, 0, 5, 10, 20, 50)


@dataclass
class LoadFacts:
    """What is known of one load; the row of the `loads` table as a value.

    Attributes:
        held: what waits, or waited, for an operator, with `reason` of `HoldReason`; None when nothing ever did.
        decision: what became of that: `verdict` of `DecisionVerdict`, `who`, `why`, `at`, `effect`, and `by_load`
            where another load came before anyone decided; None while it waits.
        delta: its file holds changes only (P6).
        published: its offers reached the catalog, wholly or in part; never true of a dry run.
        kind, origin: where it comes from, and the load it repeats or undoes.
        undone_by: the load that rolled it back, while that stands.
    """

    id: int
    link_id: int
    link: str
    supplier: str
    shop: str
    status: LoadStatus
    reason: str | None = None
    format: str | None = None
    encoding: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    source: str | None = None
    started_at: Any = None
    finished_at: Any = None
    dry_run: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    actualization: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Any] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    delta: bool = False
    decision: dict[str, Any] | None = None
    published: bool = False
    kind: LoadKind = LoadKind.FILE
    origin: int | None = None
    undone_by: int | None = None

    @property
    def waits(self) -> bool:
        """Whether something of the load still waits for an operator."""
        return self.held is not None and self.decision is None and not self.dry_run
