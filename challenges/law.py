"""The figures of the law: what was known, since when, from which source; read by day, changed by adding a row.

Each figure is valid from a day to another. For one (country, name, valid_from) the row recorded last counts; the
earlier ones are its history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from challenges.models import LegalParameter
from foundation import audit, clock
from foundation.database import db

FRANCE = "FR"


@dataclass(frozen=True)
class Figure:
    """What a figure is measured in, and its bounds; `lowest` None: not a number but a text."""

    unit: str
    lowest: int | None = 0
    highest: int = 1_000_000


# Every figure the product knows; their values are in the table, their words in challenges/law_pages.py.
FIGURES: Mapping[str, Figure] = {
    "smic_monthly": Figure("EUR", lowest=1),
    "reward_free_band": Figure("%", highest=1_000),
    "reward_common_law_band": Figure("%", highest=1_000),
    "reward_contribution_rate": Figure("%", highest=100),
    "reward_statement_due": Figure("MM-DD", lowest=None),
    "das2_threshold": Figure("EUR"),
    "vdi_statement_months": Figure("months", lowest=1, highest=12),
    "hostess_budget_lowest": Figure("%", highest=100),
    "hostess_budget_highest": Figure("%", highest=100),
    "sponsorship_levels": Figure("levels", highest=2),
}


class Wrong(NamedTuple):
    """One thing wrong with a figure: the column, what is wrong, what would be right."""

    where: str
    wrong: str
    right: str


class WrongFigure(ValueError):
    """A figure that cannot be kept; `faults` are all the reasons, `where` and `right` those of the first."""

    def __init__(self, faults: Sequence[Wrong]) -> None:
        super().__init__("; ".join(f"{one.where}: {one.wrong}; {one.right}" for one in faults))
        self.faults = tuple(faults)
        self.where, self.right = faults[0].where, faults[0].right


# — reading —


def standing(name: str, country: str = FRANCE, *, on: date) -> LegalParameter | None:
    """The row of a figure that holds on a day; None when none does."""
    begun = db.session.scalars(
        select(LegalParameter)
        .where(LegalParameter.country == country, LegalParameter.name == name, LegalParameter.valid_from <= on)
        .order_by(LegalParameter.valid_from.desc(), LegalParameter.recorded_at.desc(), LegalParameter.id.desc())
        .limit(1)
    ).first()
    return begun if begun is not None and (begun.valid_to is None or begun.valid_to >= on) else None


def parameter(name: str, country: str = FRANCE, *, on: date) -> str | None:
    """The value of a figure on a day, as text in its unit; None when none is known for that day."""
    row = standing(name, country, on=on)
    return row.value if row is not None else None


def amount(name: str, country: str = FRANCE, *, on: date) -> Decimal | None:
    """The value of a numeric figure on a day."""
    value = parameter(name, country, on=on)
    return Decimal(value) if value is not None else None


def reward_bands(country: str = FRANCE, *, on: date) -> tuple[int, int] | None:
    """What an employee may receive in a calendar year before anything is due, and before common law applies, in cents.

    Shares of the monthly minimum wage (CSS art. L242-1-4), rounded to the cent; None when a figure is not known.
    """
    wage = amount("smic_monthly", country, on=on)
    shares = [amount(name, country, on=on) for name in ("reward_free_band", "reward_common_law_band")]
    if wage is None or None in shares:
        return None
    free, common = (int((wage * (share or 0)).quantize(Decimal(1), ROUND_HALF_UP)) for share in shares)
    return free, common


def latest_figures() -> Select[Any]:
    """For each country, figure and start, the row recorded last: by country, figure, latest start first."""
    later = aliased(LegalParameter)
    same = (
        (later.country == LegalParameter.country)
        & (later.name == LegalParameter.name)
        & (later.valid_from == LegalParameter.valid_from)
    )
    after = (later.recorded_at > LegalParameter.recorded_at) | (
        (later.recorded_at == LegalParameter.recorded_at) & (later.id > LegalParameter.id)
    )
    return (
        select(LegalParameter)
        .where(~select(later.id).where(same, after).exists())
        .order_by(LegalParameter.country, LegalParameter.name, LegalParameter.valid_from.desc())
    )


def history(rows: Sequence[LegalParameter]) -> dict[tuple[str, str, date], list[LegalParameter]]:
    """What was recorded before each of these rows for the same start, latest first: one select for all of them."""
    found: dict[tuple[str, str, date], list[LegalParameter]] = {}
    shown = {row.id for row in rows}
    earlier = db.session.scalars(
        select(LegalParameter)
        .where(LegalParameter.name.in_({row.name for row in rows}))
        .order_by(LegalParameter.recorded_at.desc(), LegalParameter.id.desc())
    )
    for row in earlier:
        if row.id not in shown:
            found.setdefault((row.country, row.name, row.valid_from), []).append(row)
    return found


# — changing —


def change_parameter(
    name: str,
    value: str,
    *,
    country: str = FRANCE,
    valid_from: date,
    valid_to: date | None = None,
    source: str,
    verified_by: str = "",
    verified_on: date | None = None,
    confirmed: bool = False,
    by: str,
    at: datetime,
) -> LegalParameter:
    """Record a figure. What was recorded before for the same start stays readable. Raises WrongFigure.

    `confirmed` needs to say who verified it, and when.
    """
    faults = list(
        wrong_in(
            name, value, country=country, valid_from=valid_from, valid_to=valid_to, source=source,
            verified_by=verified_by, verified_on=verified_on, confirmed=confirmed, at=at,
        )
    )  # fmt: skip
    if faults:
        raise WrongFigure(faults)
    figure = FIGURES[name]
    source, verified_by = source.strip(), verified_by.strip()
    row = LegalParameter(
        country=country,
        name=name,
        value=_plain(value),
        unit=figure.unit,
        valid_from=valid_from,
        valid_to=valid_to,
        source=source,
        verified_by=verified_by,
        verified_on=verified_on,
        confirmed=confirmed,
        recorded_at=at,
        recorded_by=by,
    )
    db.session.add(row)
    db.session.flush()
    audit.record("law.changed", f"{country} {name}", by=by, at=at, value=row.value, valid_from=valid_from.isoformat())
    return row


def wrong_in(
    name: str,
    value: str,
    *,
    country: str,
    valid_from: date | None,
    valid_to: date | None,
    source: str,
    verified_by: str,
    verified_on: date | None,
    confirmed: bool,
    at: datetime,
) -> Iterator[Wrong]:
    """Everything that keeps a figure from being recorded; a `valid_from` of None is left to whoever reads dates."""
    figure = FIGURES.get(name)
    if figure is None:
        yield Wrong(
            "name", _("le chiffre « %(name)s » est inconnu", name=name), _("un de : %(list)s", list=", ".join(FIGURES))
        )
    else:
        yield from _wrong_value(figure, _plain(value))
    if not re.fullmatch(r"[A-Z]{2}", country):
        yield Wrong(
            "country", _("« %(value)s » n’est pas un pays", value=country), _("deux lettres majuscules, comme FR")
        )
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        yield Wrong(
            "valid_to",
            _("la validité finirait avant de commencer"),
            _("une date à partir du %(start)s", start=valid_from),
        )
    if not source.strip() or len(source.strip()) > 300:
        yield Wrong(
            "source", _("la source manque ou est trop longue"), _("l’article ou le décret, en 300 caractères au plus")
        )
    if len(verified_by.strip()) > 200:
        yield Wrong("verified_by", _("le texte est trop long"), _("au plus %(n)s caractères", n=200))
    if confirmed and not verified_by.strip():
        yield Wrong("verified_by", _("un chiffre confirmé dit par qui"), _("qui l’a vérifié"))
    if confirmed and verified_on is None:
        yield Wrong("verified_on", _("un chiffre confirmé dit quand"), _("le jour de la vérification"))
    if verified_on is not None and verified_on > clock.days_after(at.date(), 1):
        yield Wrong("verified_on", _("ce jour est à venir"), _("le jour de la vérification"))


def _plain(text: str) -> str:
    """A value as it is kept: without spaces, numbers with a dot."""
    return re.sub(r"[\s\u202f\u00a0]", "", text).replace(",", ".")


def _wrong_value(figure: Figure, text: str) -> Iterator[Wrong]:
    if figure.lowest is None:
        try:
            date.fromisoformat(f"2000-{text}")
        except ValueError:
            yield Wrong(
                "value",
                _("« %(value)s » n’est pas un jour de l’année", value=text),
                _("le mois et le jour, comme 06-30"),
            )
    elif not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,4})?", text, re.ASCII) or not (
        figure.lowest <= Decimal(text) <= figure.highest
    ):
        yield Wrong(
            "value",
            _("« %(value)s » n’est pas possible", value=text),
            _("un nombre de %(lowest)s à %(highest)s", lowest=figure.lowest, highest=figure.highest),
        )
