"""Countries of an article: how people write them, and how they are kept."""

from __future__ import annotations

import re

from foundation.fault_words import Words
from foundation.tables import Faults

_COUNTRY = re.compile(r"[A-Z]{2}")
_BETWEEN = re.compile(r"[\s,;|/]+")


def countries_kept(line: int, text: str, faults: Faults) -> str:
    """ISO codes between spaces, commas or bars, as they are kept: FR,BE."""
    codes = list(dict.fromkeys(code for code in _BETWEEN.split(text) if code))
    for code in codes:
        if not _COUNTRY.fullmatch(code):
            faults.add(
                line,
                "countries",
                repr(code[:60]),
                Words("écrivez des codes de deux lettres capitales comme FR BE, ou rien"),
            )
    if len(codes) > 60:
        faults.add(
            line, "countries", Words("%(n)s pays", n=len(codes)), Words("écrivez-en au plus 60, ou rien pour partout")
        )
    return ",".join(codes)
