"""`multimodal-keras compare`."""

from __future__ import annotations

import argparse
import json
import sys

from multimodal_keras.cli.train import override
from multimodal_keras.comparing import clipart_run, compare
from multimodal_keras.spec import read_spec


def run(options: argparse.Namespace) -> int:
    """Compare fusions, print the table; 1 if one of them failed."""
    # Without any records, those that come with the package.
    given = read_spec(options.spec) if options.spec else {}
    found = compare(
        override(given if given or options.data else clipart_run(), options),
        fusions=options.fusions,
        seeds=options.seeds,
        output=options.output,
        processes=options.processes,
        cores=options.cores,
        export=not options.no_export,
        reference=options.reference,
        restart=options.restart,
    )
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if options.json else found)
    print(found.folder, file=sys.stderr)
    return 1 if any(row.error for row in found.rows) else 0
