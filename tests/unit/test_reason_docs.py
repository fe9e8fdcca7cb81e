"""Every reason code is in the reference, and the reference has no others."""

import re
from pathlib import Path

from fasterapi.plan.reasons import TEXTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reasons.md"


def test_every_code_has_its_row():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    codes = [code for code, _, _ in rows]
    assert sorted(codes) == sorted(TEXTS)
