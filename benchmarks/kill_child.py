"""The load that `benchmarks.kill` kills: it says each step it enters on stdout."""

from __future__ import annotations

import sys

from benchmarks.stages import SETTINGS
from pipelines import steps
from pipelines.settings import Settings


def main() -> None:
    """Load the feed of the first argument into the installation of the second."""
    feed, home = sys.argv[1:]
    entered = ""

    def say(step: str, _share: float | None) -> None:
        nonlocal entered
        if step != entered:
            entered = step
            print(step, flush=True)

    with steps.open_house(Settings(home=home)) as house:
        outcome = steps.load_source(house, feed, supplier="bench", shop="main", settings=SETTINGS, progress=say)
    if outcome.status not in ("processed", "held"):
        sys.exit(f"the load ended {outcome.status}: {outcome.message}")


if __name__ == "__main__":
    main()
