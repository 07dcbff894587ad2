"""One stage over one feed, in a process of its own: `python -m benchmarks.stages STAGE FEED FOLDER`.

Each stage does all that comes before it as well, so that the ratios of the table add up. `floor` is what the XML
library alone needs to read the file: `lxml.etree.iterparse` that clears what it has seen.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import peers

if TYPE_CHECKING:
    from pipelines.quality import Profile

SETTINGS = {
    "default_unit": "796",
    "default_vat": "20",
    "required_fields": "",
    "actualize": True,
    "price_type": "Розничная",  # of CommerceML
}


def floor(feed: Path, _folder: Path) -> None:
    """Read the file and do nothing with it."""
    from lxml import etree

    for _, element in etree.iterparse(str(feed), tag="offer", huge_tree=False):
        element.clear(keep_tail=False)
        while element.getprevious() is not None:
            del element.getparent()[0]


def parse(feed: Path, folder: Path) -> None:
    """Raw file to raw Parquet, every value as sent."""
    from pipelines.options import Options
    from pipelines.parse import parse as parse_feed

    options = Options().with_settings(SETTINGS).link
    parse_feed(lambda: feed.open("rb"), folder / "raw_offers.parquet", options=options)


def normalize(feed: Path, folder: Path) -> None:
    """Raw file to offers and issues; prints where the time of normalising went, over both of its threads."""
    from pipelines.normalize import normalize as normalize_offers
    from pipelines.options import Options
    from pipelines.parse import parse as parse_feed
    from pipelines.reference import load_reference

    raw = folder / "raw_offers.parquet"
    options = Options().with_settings(SETTINGS)
    parsed = parse_feed(lambda: feed.open("rb"), raw, options=options.link)
    seconds: dict[str, float] = {}
    normalize_offers(
        raw,
        folder,
        parsed=parsed,
        options=options,
        reference=load_reference(),
        today=date(2026, 11, 22),
        timed=seconds.__setitem__,
    )
    print(f"{feed.name}: {', '.join(f'{part} {spent:.2f}' for part, spent in sorted(seconds.items()))} s")


def gate(feed: Path, folder: Path) -> None:
    """Raw file to the verdict of the gate, compared with itself as its past; prints what the gate alone took."""
    import pyarrow.parquet as pq

    from pipelines.quality import Batch, examine
    from pipelines.reference import load_reference

    normalize(feed, folder)
    rejected = pq.read_metadata(folder / "rejected.parquet").num_rows
    read = rejected + pq.read_metadata(folder / "offers.parquet").num_rows
    batch = Batch(folder / "offers.parquet", folder / "issues.parquet", read=read, rejected=rejected)
    past: list[Profile] = []
    for name in ("gate, with its imports", "gate, again"):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            began = time.perf_counter()
            result = examine(batch, past=past, reference=load_reference(), scratch=Path(scratch))
            print(f"{feed.name}: {name}: {time.perf_counter() - began:.2f} s", file=sys.stderr)
        past = [result.profile] if result.profile else []


def load(feed: Path, folder: Path) -> None:
    """Raw file to catalog and report, with the embedded PostgreSQL and a folder as object store."""
    from pipelines import steps
    from pipelines.settings import Settings

    source = feed
    if tarfile.is_tarfile(feed):  # an exchange, as its supplier has it: a folder of files
        source = folder / "exchange"
        with tarfile.open(feed) as exchange:
            exchange.extractall(source, filter="data")
    with steps.open_house(Settings(home=str(folder / "home"))) as house:
        outcome = steps.load_source(house, str(source), supplier="bench", shop="main", settings=SETTINGS)
    if outcome.status not in ("processed", "held"):
        sys.exit(f"the load ended {outcome.status}: {outcome.message}")


STAGES: dict[str, Callable[[Path, Path], None]] = {
    "floor": floor,
    "parse": parse,
    "normalize": normalize,
    "gate": gate,
    "load": load,
    "pandas": peers.pandas,
    "xmltodict": peers.xmltodict,
    "xml2arrow": peers.xml2arrow,
    "rows": peers.rows,
}

if __name__ == "__main__":
    stage, feed_path, work = sys.argv[1:]
    STAGES[stage](Path(feed_path), Path(work))
