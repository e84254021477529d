"""Each line of the threat model names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_threat_has_its_test():
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    rows = [
        line for line in (ROOT / "docs" / "threats.md").read_text(encoding="utf-8").splitlines() if "`test_" in line
    ]
    assert len(rows) >= 15
    for row in rows:
        named = set(re.findall(r"`(test_\w+)`", row.split("|")[3]))
        assert named
        assert named <= defined, row
