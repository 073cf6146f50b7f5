"""What the address of an insight page asks for, and how dimensions and their values are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import format_date
from flask_babel import gettext as _

from insights.rules import DIMENSIONS, Key, Period, Selection, WrongSelection, preset

PRESETS = ("4w", "13w", "12m")
DEFAULT_PRESET = "4w"
FIRST_YEAR, LAST_YEAR = 1900, 2200
LONGEST_DAYS = 1_100


@dataclass(frozen=True)
class Filters:
    """The filters of the page as understood. `fault` says in words what was not, and what was used instead."""

    asked: Selection
    preset: str
    fault: str = ""

    @property
    def by(self) -> str:
        """The first dimension."""
        return self.asked.by[0]

    @property
    def then(self) -> str:
        """The second dimension, or ''."""
        return self.asked.by[1] if len(self.asked.by) > 1 else ""

    def address(self, by: str = "") -> dict[str, str]:
        """The arguments of an address that asks the same period; `by` cut otherwise."""
        return {
            "from": self.asked.since.isoformat(),
            "until": self.asked.until.isoformat(),
            "by": by or ",".join(self.asked.by),
        }


def read_filters(arguments: Mapping[str, str], today: date) -> Filters:
    """The filters of the page: a preset, or two dates; one or two dimensions. Faults fall back on the default."""
    dimensions = [arguments.get("by", "") or "region", arguments.get("then", "")]
    by = tuple(dict.fromkeys(name for name in dimensions if name in DIMENSIONS)) or ("region",)
    name = arguments.get("period", "")
    window = preset(name, today)
    fallback = preset(DEFAULT_PRESET, today)
    assert fallback is not None
    if window is None and (arguments.get("from") or arguments.get("until")):
        try:
            window = _dates(arguments)
            if window.days > LONGEST_DAYS:
                raise WrongSelection("longer than three years")
        except ValueError:
            fault = _(
                "Ces dates ne vont pas : la première ne suit pas la seconde, et la période fait trois ans au plus."
            )
            return Filters(Selection(fallback.since, fallback.until, by), DEFAULT_PRESET, fault)
        return Filters(Selection(window.since, window.until, by), "")
    if window is None:
        window, name = fallback, DEFAULT_PRESET
    return Filters(Selection(window.since, window.until, by), name)


def read_selection(arguments: Mapping[str, str]) -> Selection:
    """What a download asks for: from, until, by. Raises WrongSelection."""
    try:
        window = _dates(arguments)
    except WrongSelection:
        raise
    except ValueError as error:
        raise WrongSelection(_("from et until sont des dates comme 2026-02-04")) from error
    by = tuple(arguments.get("by", "").split(","))
    if not set(by) <= set(DIMENSIONS):
        raise WrongSelection(
            _("by est une liste, séparée par des virgules, de : %(known)s", known=", ".join(DIMENSIONS))
        )
    return Selection(window.since, window.until, by)


def _dates(arguments: Mapping[str, str]) -> Period:
    since = date.fromisoformat(arguments.get("from", ""))
    until = date.fromisoformat(arguments.get("until", ""))
    if since > until:
        raise WrongSelection(_("from est après until ; la première date d’abord"))
    if since.year < FIRST_YEAR or until.year > LAST_YEAR:
        raise WrongSelection(_("les dates vont de %(first)s à %(last)s", first=FIRST_YEAR, last=LAST_YEAR))
    return Period(since, until)


def dimension_labels() -> dict[str, str]:
    """The dimensions as people call them, in the order of DIMENSIONS."""
    return {
        "day": _("Jour"),
        "week": _("Semaine"),
        "month": _("Mois"),
        "country": _("Pays"),
        "region": _("Région"),
        "department": _("Département"),
        "outlet_kind": _("Nature du point de vente"),
        "channel": _("Canal"),
        "category": _("Catégorie"),
        "family": _("Famille"),
        "sku": _("Produit"),
        "customer": _("Client"),
        "age_band": _("Âge du client"),
    }


def preset_labels() -> dict[str, str]:
    """The ready-made periods."""
    return {"4w": _("4 semaines"), "13w": _("13 semaines"), "12m": _("12 mois")}


def value_labels() -> dict[str, dict[str, str]]:
    """The values of the dimensions that are words of ours."""
    return {
        "outlet_kind": {
            "distributor": _("Distributeur"),
            "reseller": _("Revendeur"),
            "franchisee": _("Franchisé"),
            "vdi": _("VDI"),
        },
        "channel": {
            "store": _("En boutique"),
            "online": _("En ligne"),
            "face_to_face": _("En face à face"),
            "meeting": _("En réunion"),
            "reorder": _("Réassort"),
        },
        "customer": {"new": _("Nouveau client"), "returning": _("Client fidèle")},
        "age_band": {
            "18-24": _("18 à 24 ans"),
            "25-34": _("25 à 34 ans"),
            "35-49": _("35 à 49 ans"),
            "50-64": _("50 à 64 ans"),
            "65+": _("65 ans et plus"),
        },
    }


def value_label(dimension: str, value: str) -> str:
    """One value of a dimension as people read it."""
    if not value:
        return _("Non précisé")
    if dimension == "day":
        return format_date(date.fromisoformat(value), "d MMM y")
    if dimension == "week":
        return _("sem. %(week)s, du %(day)s", week=int(value[6:]), day=format_date(monday_of(value), "d MMM y"))
    if dimension == "month":
        return format_date(date(int(value[:4]), int(value[5:]), 1), "MMMM y")
    return value_labels().get(dimension, {}).get(value, value)


def key_labels(by: tuple[str, ...], key: Key) -> list[str]:
    """The values of a cell as people read them."""
    return [value_label(name, value) for name, value in zip(by, key, strict=True)]


def monday_of(week: str) -> date:
    """The Monday of an ISO week such as 2026-W05."""
    return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)


def weeks_of(since: date, until: date) -> list[str]:
    """Every ISO week that has a day in the window."""
    monday = since - timedelta(days=since.weekday())
    weeks = []
    while monday <= until:
        year, week, _day = monday.isocalendar()
        weeks.append(f"{year:04d}-W{week:02d}")
        monday += timedelta(weeks=1)
    return weeks
