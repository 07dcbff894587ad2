"""How a link and its shop want files treated: typed, described, closed.

One list for `--set KEY=VALUE`, the links file and the docs (`docs/settings.md` is generated from the descriptions).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from pipelines.errors import OperatorError
from pipelines.logins import Login, login_from_text
from pipelines.model import RAW_SCALARS

# Fields whose place in JSON a link may name; in the other formats they have one place.
_JSON_FIELDS = frozenset({"sku", "pictures", "params", "regions", "outlets"})


class ShopOptions(BaseModel):
    """What one customer's store demands of every supplier's offers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required_fields: tuple[Literal["description", "vat", "vendor"], ...] = Field(
        default=("description", "vat", "vendor"),
        description="Поля, без которых товар не принимается; по умолчанию все три, как в инструкции (O4, O7, O12).",
    )
    show_unbound: bool = Field(
        default=True,
        description="Показывать ли покупателям товары, не привязанные к рубрике; скрытые хранятся (O16).",
    )

    rrp_policy: Literal["reject", "warn", "off"] = Field(
        default="reject",
        description="Что делать с товаром класса online_store дешевле рекомендованной цены: не принимать, "
        "предупреждать, не сверять (S3).",
    )

    @field_validator("required_fields", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(sorted({part.strip() for part in value.split(",") if part.strip()}))
        return value


class LinkOptions(BaseModel):
    """How the files of one link (or of a supplier's uploads) are read and published."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal["auto", "yml", "commerceml", "csv", "json"] = Field(
        default="auto", description="Какого формата ждать; файл другого формата отклоняется (F1)."
    )
    actualize: bool = Field(
        default=False,
        description="Скрывать товары, которых нет в файле: «Включить актуализацию остатков» (P5).",
    )
    default_unit: str | None = Field(default=None, description="Код ОКЕИ для товаров без единицы измерения (O5).")
    default_vat: str | None = Field(
        default=None, description="Ставка НДС для товаров без ставки: число процентов или NO_VAT (O7)."
    )
    vat_dialect: Literal["percent", "yandex"] = Field(
        default="percent", description="Что значит число в vat: процент или код Яндекса 1…7, VAT_20 (O7)."
    )
    available_false: Literal["on_order", "out_of_stock"] = Field(
        default="on_order", description='Что значит available="false": под заказ или закончился (O9).'
    )
    stock_class: Literal["marketplace", "online_store", "on_request"] | None = Field(
        default=None,
        description="Класс остатка всех товаров ссылки, если он не передан у товара: для маркетплейсов, для "
        "интернет-магазинов, цена по запросу (S2).",
    )
    price_type: str | None = Field(
        default=None,
        description="Вид цены CommerceML, по названию или Ид; не нужен, если в файле он один (O6).",
    )
    rrp_price_type: str | None = Field(
        default=None, description="Вид цены CommerceML с рекомендованной розничной ценой, по названию или Ид (S3)."
    )
    exclude_warehouses: tuple[str, ...] = Field(
        default=(), description="Склады CommerceML, остатки которых не считаются, по названию или Ид (O10)."
    )
    picture_base_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Адрес папки, в которой лежат изображения CommerceML; без него имена файлов не публикуются (O14).",
    )
    json_items: str = Field(
        default="",
        description="Где в ответе JSON список товаров: имена полей через точку, например data.items; пусто, если "
        "список и есть весь ответ. Поля товара называет tags (S1).",
    )
    name_fallback: Literal["none", "sku"] = Field(
        default="none",
        description="Откуда взять наименование, если его нет: ниоткуда (товар отклоняется) или из артикула (O3).",
    )
    hold_hidden_share: Decimal = Field(
        default=Decimal("0.30"),
        ge=0,
        le=1,
        description="Доля видимых товаров, сверх которой скрытие ждёт подтверждения (P6).",
    )
    hold_hidden_count: int = Field(
        default=50, ge=0, description="Число видимых товаров, сверх которого скрытие ждёт подтверждения (P6)."
    )
    price_jump_limit: Decimal = Field(
        default=Decimal(10),
        gt=1,
        description="Во сколько раз в любую сторону должна измениться цена, чтобы товар сохранил прежнюю до "
        "подтверждения (P7).",
    )
    hold_price_ratio: Decimal = Field(
        default=Decimal(3),
        gt=1,
        description="Изменение цены во сколько раз в любую сторону считается скачком для всей загрузки (P7).",
    )
    hold_price_share: Decimal = Field(
        default=Decimal("0.20"),
        ge=0,
        le=1,
        description="Доля скачков цены среди известных товаров файла, сверх которой вся загрузка ждёт "
        "подтверждения (P7).",
    )
    hold_price_count: int = Field(
        default=10,
        ge=0,
        description="Число скачков цены, сверх которого (вместе с долей) вся загрузка ждёт подтверждения (P7).",
    )
    hold_factor_share: Decimal = Field(
        default=Decimal("0.90"),
        ge=0,
        le=1,
        description="При какой доле цен, изменившихся в одно число раз (×100, ×0,01, на НДС), вся загрузка ждёт "
        "подтверждения (P7).",
    )
    hold_factor_count: int = Field(
        default=20, ge=1, description="Не меньше скольких цен должно для этого измениться в одно число раз (P7)."
    )

    index: bool = Field(
        default=False,
        description="По ссылке не файл, а страница со списком файлов одного обмена CommerceML (*.xml, *.zip): все они "
        "загружаются вместе (F1).",
    )
    login: Login | None = Field(
        default=None,
        description="Вход на сервер поставщика: kind и поля своего вида, см. ниже; секреты только по именам (S1).",
    )
    stale_after_days: int = Field(
        default=9,
        ge=0,
        description="Через сколько дней без изменений файла напомнить о нём поставщику; 0 — не напоминать (R3).",
    )
    tags: dict[str, str] = Field(
        default_factory=dict,
        description="Из какой метки читать поле, если не из обычной: price:roznica,quantity:kol_vo (O6, O10). "
        "Обычная метка этого поля тогда не читается. В JSON — имена через точку, также для sku, pictures, params, "
        "regions, outlets: sku:code,price:prices.retail.",
    )

    @field_validator("exclude_warehouses", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("login", mode="before")
    @classmethod
    def _login(cls, value: object) -> object:
        return login_from_text(value)

    @field_validator("tags", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if isinstance(value, str):
            return dict(pair.partition(":")[::2] for pair in value.replace(" ", "").split(",") if pair)
        return value

    @field_validator("tags")
    @classmethod
    def _known_fields(cls, value: dict[str, str]) -> dict[str, str]:
        known = sorted({*RAW_SCALARS, *_JSON_FIELDS})
        if wrong := sorted(set(value) - set(known)):
            msg = f"no such fields: {', '.join(wrong)}; known: {', '.join(known)}"
            raise ValueError(msg)
        if len({tag.casefold() for tag in value.values()}) < len(value) or not all(value.values()):
            msg = "each field needs a tag of its own"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _fields_of_json(self) -> LinkOptions:
        if self.format != "json" and (named := sorted(_JSON_FIELDS & set(self.tags))):
            msg = f"tags of {', '.join(named)} are for JSON only: set format=json"
            raise ValueError(msg)
        return self

    @field_validator("default_vat", "default_unit", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        # YAML and the command line hand over numbers where we mean codes.
        return str(value) if isinstance(value, int) else value


class Options(BaseModel):
    """Everything that decides how one file is read: the link's options and its shop's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    link: LinkOptions = LinkOptions()
    shop: ShopOptions = ShopOptions()

    def with_settings(self, settings: dict[str, Any]) -> Options:
        """These options with some replaced; keys are names of link or shop options.

        Raises:
            OperatorError: unknown key or a value that does not fit; the message lists what fits.
        """
        link, shop = self.link.model_dump(), self.shop.model_dump()
        for key, value in settings.items():
            if key in LinkOptions.model_fields:
                link[key] = value
            elif key in ShopOptions.model_fields:
                shop[key] = value
            else:
                known = ", ".join(sorted([*LinkOptions.model_fields, *ShopOptions.model_fields]))
                msg = f"unknown setting {key!r}; known settings: {known}"
                raise OperatorError(msg)
        return parse_options(link, shop)


def parse_options(link: dict[str, Any], shop: dict[str, Any]) -> Options:
    """Options from plain values (YAML, JSON of the database, command line).

    Raises:
        OperatorError: naming each setting that does not fit and why.
    """
    try:
        return Options(link=LinkOptions.model_validate(link), shop=ShopOptions.model_validate(shop))
    except ValidationError as error:
        msg = f"bad settings: {'; '.join(map(_problem, error.errors()))}"
        raise OperatorError(msg) from error


def _problem(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    # Whoever wrote a password where its name belongs must not find it in a log.
    got = "" if "login" in error["loc"] else f" (got {error['input']!r})"
    return f"{where}: {error['msg']}{got}"
