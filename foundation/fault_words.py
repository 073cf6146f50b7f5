"""What is wrong in a file, in words: English in a terminal, the reader's language on a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from babel.support import NullTranslations, Translations
from flask import has_request_context
from flask_babel import gettext

from foundation.catalogues import compile_catalogues

FOLDER = Path(__file__).parent.parent / "translations"


class Words:
    """A text with its values, `Words("écrivez au plus %(n)s", n=200)`, put into a language only when it is read.

    A file is read by commands and by pages, and by tests that have no application: who reads is not known before.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, /, **values: Any) -> None:
        self.text, self.values = text, values

    def __str__(self) -> str:
        if has_request_context():
            return gettext(self.text, **self.values)
        return _english().gettext(self.text) % self.values

    def __repr__(self) -> str:
        return f"Words({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Words) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.text, str(self.values)))


@cache
def _english() -> NullTranslations:
    compile_catalogues(FOLDER)
    return Translations.load(FOLDER, ["en"])
