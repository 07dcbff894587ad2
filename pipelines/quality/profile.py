"""The numbers of a load by which it is compared with the past of its link.

A profile is small, whatever the file: it is kept with each load, and the profiles of the last good loads tell what is
usual. Usual is the median of them: one strange load does not move it, a lasting change does after a few.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import duckdb
import pyarrow as pa

from pipelines.issue_codes import ISSUE_CODES
from pipelines.model import OFFER_FIELDS

# So many good loads of a link are its past; fewer will do.
PAST_LOADS = 5
# Below so many offers shares and medians say nothing.
COMPARED_FROM = 20

# Required of every offer, or no field of the supplier's.
_ALWAYS_FILLED = {"sku", "name", "currency", "unit_name", "availability"}
_NOT_SENT = {"price_derived"}
FILLED = tuple(f for f in OFFER_FIELDS if f.name not in _ALWAYS_FILLED | _NOT_SENT)
_QUANTILES = {"price_p10": 0.1, "price_p50": 0.5, "price_p90": 0.9}


@dataclass(frozen=True)
class Profile:
    """What a load was like.

    Attributes:
        accepted: number of accepted offers.
        rejected_share: rejected offers of those read.
        sold_out_share: offers that are out of stock, of those accepted.
        currency: the most frequent one; prices are of offers in it.
        prices: quantiles of the prices with VAT; None where no offer has one.
        fill: column -> share of accepted offers that have it.
        remarks: code of a remark -> share of the offers read that it was made about; every code of the closed list, so
            that one which was not known then is told from one that was not needed.
    """

    accepted: int
    rejected_share: float
    sold_out_share: float
    currency: str | None
    prices: dict[str, float | None]
    fill: dict[str, float]
    remarks: dict[str, float]

    def as_json(self) -> bytes:
        """The profile as it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, kept: bytes) -> Profile:
        """A profile that was kept."""
        return cls(**json.loads(kept))

    @property
    def counted(self) -> dict[str, float | None]:
        """The numbers that are compared however few offers were accepted."""
        return {"accepted": float(self.accepted), "rejected_share": self.rejected_share}

    @property
    def telling(self) -> bool:
        """Whether there are enough offers for shares and medians of them to mean something."""
        return self.accepted >= COMPARED_FROM

    @property
    def measures(self) -> dict[str, float | None]:
        """The numbers that are compared, by the names of the suite; codes of remarks are compared one by one."""
        return {
            **self.counted,
            "sold_out_share": self.sold_out_share,
            **self.prices,
            **{f"fill_{column}": share for column, share in self.fill.items()},
        }


# The columns of the one row that the suite `load` looks at.
MEASURES = (
    "accepted",
    "rejected_share",
    "sold_out_share",
    *_QUANTILES,
    *(f"fill_{f.name}" for f in FILLED),
)


def _filled(name: str, kind: pa.DataType) -> str:
    present = f"coalesce(len({name}) > 0, false)" if pa.types.is_list(kind) else f"{name} IS NOT NULL"
    return f"coalesce(avg(CAST({present} AS INTEGER)), 0)"


_FILL = f"SELECT {', '.join(_filled(f.name, f.type) for f in FILLED)} FROM offers"
_STOCK = "SELECT count(*), coalesce(avg(CAST(availability = 'out_of_stock' AS INTEGER)), 0) FROM offers"
_CURRENCY = "SELECT currency FROM offers GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1"
_PRICES = f"""
    SELECT {", ".join(f"CAST(quantile_disc(price, {share}) AS DOUBLE)" for share in _QUANTILES.values())}
    FROM offers WHERE currency = ?"""
_REMARKS = """
    SELECT code, count(*) FROM (SELECT DISTINCT code, ordinal FROM issues WHERE ordinal IS NOT NULL) GROUP BY code"""


def take_profile(connection: duckdb.DuckDBPyConnection, *, read: int, rejected: int) -> Profile:
    """The profile of a load, from its views `offers` and `issues`."""
    accepted, sold_out = connection.execute(_STOCK).fetchall()[0]
    found = connection.execute(_CURRENCY).fetchone()
    currency = found[0] if found else None
    remarks = dict(connection.execute(_REMARKS).fetchall())
    return Profile(
        accepted=accepted,
        rejected_share=rejected / read if read else 0.0,
        sold_out_share=sold_out,
        currency=currency,
        prices=dict(zip(_QUANTILES, connection.execute(_PRICES, [currency]).fetchall()[0], strict=True)),
        fill=dict(zip((f.name for f in FILLED), connection.execute(_FILL).fetchall()[0], strict=True)),
        remarks={code: remarks.get(code, 0) / read if read else 0.0 for code in ISSUE_CODES},
    )


@dataclass(frozen=True)
class Usual:
    """What is usual for a link.

    Attributes:
        loads: number of loads it is drawn from.
        measures: name -> the usual number; None where the past does not tell.
        remarks: code -> the usual share; without codes that the past does not know.
    """

    loads: int
    measures: dict[str, float | None]
    remarks: dict[str, float]

    @property
    def comparable(self) -> bool:
        """Whether there is a past to compare with, and large enough to mean something."""
        return (self.measures.get("accepted") or 0) >= COMPARED_FROM


def usual(past: Sequence[Profile], currency: str | None) -> Usual:
    """What is usual, by the last good loads.

    Args:
        past: their profiles, in any order.
        currency: that of the load to compare; prices in another one are no measure for it.
    """
    of_past = [
        {**profile.measures, **({} if profile.currency == currency else dict.fromkeys(_QUANTILES))} for profile in past
    ]
    measures = {name: _median([m.get(name) for m in of_past]) for name in MEASURES}
    remarks = {code: _median([profile.remarks.get(code) for profile in past]) for code in ISSUE_CODES}
    return Usual(len(past), measures, {code: share for code, share in remarks.items() if share is not None})


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None
