"""`python -m benchmarks.deid.show_leaks CORPUS OUTPUT`: what is left of the plants, by kind and place."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from benchmarks.deid.leaks import search_all


def main() -> None:
    """Print the leaks of one output folder."""
    corpus, output = Path(sys.argv[1]), Path(sys.argv[2])
    listing = json.loads((corpus / "plants.json").read_text(encoding="utf-8"))
    leaks, outputs = search_all(output, listing)
    print(f"{len(leaks)} leaks in {len(outputs)} outputs of {len(listing['files'])}")
    for (kind, where), count in Counter((leak.kind, leak.where[-8:]) for leak in leaks).most_common(60):
        example = next(leak for leak in leaks if leak.kind == kind and leak.where[-8:] == where)
        print(f"{count:6d} {kind:12s} {where:12s} {example.token!r} {example.file} {example.where}")


if __name__ == "__main__":
    main()
