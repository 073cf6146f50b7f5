"""Languages: French first, English complete. Numbers, dates and money as people write them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app, has_request_context, request, session
from flask_babel import Babel, format_date, format_datetime, format_decimal, get_locale, ngettext
from flask_login import current_user

LANGUAGES = {"fr": "Français", "en": "English"}
babel = Babel()


def choose_language() -> str:
    """The language asked for in this session, else the person's, else the browser's, else French."""
    if not has_request_context():
        return "fr"
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return chosen
    if getattr(current_user, "is_authenticated", False) and current_user.language in LANGUAGES:
        return current_user.language
    return request.accept_languages.best_match(list(LANGUAGES)) or "fr"


def language() -> str:
    """The language of the answer being written: "fr" or "en"."""
    locale = get_locale()
    return locale.language if locale is not None and locale.language in LANGUAGES else "fr"


def number(value: int) -> str:
    """1250 → 1 250 (fr), 1,250 (en)."""
    return format_decimal(value)


def euros(cents: int) -> str:
    """1250 → 12,50 € (fr), €12.50 (en)."""
    text = format_decimal(abs(cents) // 100) + ("," if language() == "fr" else ".") + f"{abs(cents) % 100:02d}"
    sign = "-" if cents < 0 else ""
    return f"{sign}{text}\u00a0€" if language() == "fr" else f"{sign}€{text}"


def points(value: int) -> str:
    """1250 → 1 250 pts."""
    return ngettext("%(points)s pt", "%(points)s pts", abs(value), points=number(value))


def _first(text: str) -> str:
    """A date in words whose first of the month is written as French people say it: 1er février."""
    return f"1er {text[2:]}" if text.startswith("1 ") and language() == "fr" else text


def day(value: date) -> str:
    """1er février 2026, 2 février 2026; the day is before the month in English too."""
    return _first(format_date(value, "d MMMM y"))


def month(value: date) -> str:
    """février 2026."""
    return format_date(value, "MMMM y")


def short_day(value: date) -> str:
    """1er févr. 2026, 2 févr. 2026."""
    return _first(format_date(value, "d MMM y"))


def moment(value: datetime, zone: ZoneInfo | None = None) -> str:
    """1 févr. 2026 à 14:05, in the given zone (default: the programme's)."""
    local = value.astimezone(zone or current_app.config["TIMEZONE"])
    return format_datetime(local, "d MMM y, HH:mm", rebase=False)
