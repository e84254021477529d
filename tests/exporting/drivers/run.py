"""Prints the ids of every text, a line each: run.py TOKENIZER CONTRACT CASES."""

import base64
import json
import runpy
import sys
from pathlib import Path

source, contract, cases = sys.argv[1:]
Tokenizer = runpy.run_path(source)["Tokenizer"]
facts = json.loads(Path(contract).read_text(encoding="utf-8"))
for field, given in json.loads(Path(cases).read_text(encoding="utf-8")).items():
    tokenizer = Tokenizer(facts, field)
    for case in given:
        print(*tokenizer.ids(case["text"] if "text" in case else base64.b64decode(case["base64"])))
