"""Every fusion on the bundled records: trained alike with three seeds, exported, timed; its table in the README.

    python benchmarks/fusions.py --output runs/fusions --processes 2   # compares; goes on where it was stopped
    python benchmarks/fusions.py --table-only                          # writes the README's table from the stored JSON

What is found goes to `benchmarks/results/fusions.json`, and the README's table is made of that file alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from multimodal_keras.comparing import Comparison, clipart_run, compare

ROOT = Path(__file__).parents[1]
README, RESULTS = ROOT / "README.md", ROOT / "benchmarks" / "results"
STORED = RESULTS / "fusions.json"
BEGIN, END = "<!-- fusions:begin -->", "<!-- fusions:end -->"


def with_table(text: str, found: Comparison) -> str:
    """The README with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{found.markdown()}{END}{after}"


def main() -> None:
    """Compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="runs/fusions")
    parser.add_argument("--fusions", default="all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--table-only", action="store_true", help="compare nothing, write the table again")
    options = parser.parse_args()
    if options.table_only:
        found = Comparison.load(STORED)
    else:
        found = compare(
            clipart_run(),
            fusions=options.fusions,
            seeds=options.seeds,
            output=options.output,
            processes=options.processes,
        )
        RESULTS.mkdir(exist_ok=True)
        STORED.write_text(found.to_json(), encoding="utf-8")
        print(found)
    README.write_text(with_table(README.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
