"""Write `expected.json` of golden cases anew: `python tests/golden/update.py [CASE ...]`, all of them without a name.

A person then reads the difference (`git diff tests/golden`) line by line against the loading rules: what is written is
what the product does, and only the reader can say that it is right.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from golden import ROOT, outcome  # noqa: E402 - found by the path above

if __name__ == "__main__":
    for case in sorted(path for path in ROOT.iterdir() if any(path.glob("feed*"))):
        if len(sys.argv) == 1 or case.name in sys.argv[1:]:
            text = json.dumps(outcome(case), ensure_ascii=False, indent=1)
            (case / "expected.json").write_text(text + "\n", encoding="utf-8")
            print(case.name)
