"""Countries of an article: how people write them, and how they are kept."""

from __future__ import annotations

import re

from foundation.tables import Faults

_COUNTRY = re.compile(r"[A-Z]{2}")
_BETWEEN = re.compile(r"[\s,;|/]+")


def countries_kept(line: int, text: str, faults: Faults) -> str:
    """ISO codes between spaces, commas or bars, as they are kept: FR,BE."""
    codes = list(dict.fromkeys(code for code in _BETWEEN.split(text) if code))
    for code in codes:
        if not _COUNTRY.fullmatch(code):
            faults.add(
                line, "countries", repr(code[:60]), "write codes of two capital letters such as FR BE, or nothing"
            )
    if len(codes) > 60:
        faults.add(line, "countries", f"{len(codes)} countries", "write at most 60, or nothing for everywhere")
    return ",".join(codes)
