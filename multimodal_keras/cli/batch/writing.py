"""Answer records into a file, batch by batch."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

from multimodal_keras.cli.batch.formats import JSONLines
from multimodal_keras.cli.batch.meter import Meter
from multimodal_keras.cli.batch.unfinished import Unfinished
from multimodal_keras.data import Records
from multimodal_keras.runtime.predicting import Predictor


def write_answers(
    predictor: Predictor, records: Records, written: JSONLines, unfinished: Unfinished, batch_size: int, on_error: str
) -> None:
    """Answer what is not answered yet, and put the output in its place.

    Args:
        predictor: the model.
        records: all records.
        written: the output's format.
        unfinished: what is answered already.
        batch_size: records in a batch.
        on_error: `"raise"` or `"skip"`.

    Raises:
        DataError: names file, row and field of a record that cannot be used; the batches before it stay.
        ValueError: if records were skipped before, and none is to be skipped now.
    """
    if unfinished.skipped and on_error == "raise":
        raise ValueError(
            f"An unfinished output with {unfinished.skipped} skipped records goes on with --on-error skip. Received "
            "raise. Repeat the command as it was, or start over by --restart."
        )
    if unfinished.rows:
        print(f"going on after {unfinished.rows} records of {unfinished.lines}", file=sys.stderr)
    done = unfinished.rows
    left = Records(lambda: islice(records.attempts(), done, None), folder=records.folder)
    skipped: list[dict[str, Any]] = []
    stream = predictor.stream(left, batch_size, on_error, skipped)
    with Meter(_total(records), done) as meter:
        if not done:
            unfinished.add(written.header(), 0, [])
        while batch := list(islice(stream, batch_size)):
            lines = "".join(written.line({"row": origin.row, **answer}) for origin, answer in batch)
            unfinished.add(lines, len(batch), skipped)
            skipped.clear()
            meter.advance(len(batch))
    unfinished.put(written.finish(unfinished.lines))


def _total(records: Records) -> int | None:
    """How many there are. They are counted only for someone who watches: that reads them once more."""
    return len(records) if sys.stderr.isatty() else records.known_length
