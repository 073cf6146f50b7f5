"""The words of boards, as people read them."""

from __future__ import annotations

from babel import Locale
from flask_babel import get_locale
from flask_babel import gettext as _

from network.labels import labels


def league_label(split_by: str | None, value: str) -> str:
    """How people call a league of a board split by an attribute of outlets."""
    if not value:
        return _("Non précisé")
    words = labels()
    if split_by in ("potential", "activity"):
        return words.level.get(value, value).capitalize()
    if split_by == "kind":
        return words.kind.get(value, value)
    if split_by == "brands":
        return words.brands.get(value, value)
    if split_by == "country":
        return str(Locale.parse(str(get_locale() or "fr")).territories.get(value, value))
    return value
