"""What the tests of `predict --output` write, type and read back."""

from __future__ import annotations

import csv

import pyarrow.parquet

SUFFIXES = ("jsonl", "csv", "parquet")
MANY, WAIT_SECONDS = 20_000, 120


def written(path, titles):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "title"])
        writer.writerows(enumerate(titles, 1))
    return path


def predict(model, data, output, *more):
    return ["predict", str(model), "--data", str(data), "--output", str(output), *more]


def beside(output):
    """What lies beside an output whose name begins like its own."""
    return sorted(path.name.removeprefix(output.name) for path in output.parent.glob(f"{output.name}?*"))


def read_back(path):
    """Rows as dicts, whatever the format: numbers as numbers, labels as lists, nothing as None."""
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    for row in rows:
        for name, cell in row.items():
            if cell is not None and (name in ("row", "colourful") or "_probability" in name):
                row[name] = float(cell)
        if row["error"] is None:
            row["tags"] = row["tags"].split("|") if row["tags"] else []
    return rows


def as_row(number, answer, probabilities=True):
    """The row that an answer becomes."""
    found = {
        "row": number,
        "colourful": answer["colourful"]["value"],
        "subject": answer["subject"]["label"],
        "subject_probability": answer["subject"]["probability"],
        "tags": answer["tags"]["labels"],
        "error": None,
    }
    for task in ("subject", "tags") if probabilities else ():
        found |= {f"{task}_probability_{label}": chance for label, chance in answer[task]["probabilities"].items()}
    return found
