"""Trees given as item → parent."""

from __future__ import annotations

from collections.abc import Mapping

CIRCLE = 0


def depths(parents: Mapping[str, str]) -> dict[str, int]:
    """How deep each item stands: 1 when its parent is not an item, one more than its parent otherwise.

    Items whose parents lead into a circle have no depth: `CIRCLE`.
    """
    found: dict[str, int] = {}
    for start in parents:
        path, item = [], start
        while item in parents and item not in found:
            found[item] = CIRCLE  # until the way up is known; whoever meets it on that way stands in a circle
            path.append(item)
            item = parents[item]
        if found.get(item) == CIRCLE:
            continue
        depth = found.get(item, 0)
        for passed in reversed(path):
            depth += 1
            found[passed] = depth
    return found
