"""What the law makes of rewards, a line per status of people, as those who prepare a challenge read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from challenges.definition import Definition
from challenges.facts import Facts
from challenges.linter import INDEPENDENTS, bound_for_one
from foundation.localisation import euros, number
from network.labels import labels
from rewards.contribution import Bands, Figures, split


class StatusLine(NamedTuple):
    """People of one status: who and how many, how much, and what the law makes of it."""

    who: str
    amount: str
    law: str


def before_launch(definition: Definition, facts: Facts) -> list[StatusLine]:
    """What one person of each status in the audience can receive at most, and what is then due."""
    bands = None if facts.bands is None or facts.contribution is None else Bands(*facts.bands, facts.contribution)
    figures = Figures(definition.ends_on.year, bands, facts.das2_cents)
    most = bound_for_one(definition, facts)
    counts = {
        "employee": facts.employees, "independent": facts.independents, "vdi": facts.home_sellers, "staff": facts.staff,
    }  # fmt: skip
    return [
        StatusLine(_who(status, people), _at_most(most), " ".join(_of_one(status, most, figures)))
        for status, people in counts.items()
        if people and most != 0
    ]


def _at_most(most: int | None) -> str:
    return _("sans limite") if most is None else _("au plus %(most)s par personne", most=euros(most))


def _of_one(status: str, most: int | None, figures: Figures) -> Iterator[str]:
    if status == "staff":
        yield _("Un salaire dès le premier euro : à transmettre à la paie.")
    elif status == "vdi":
        yield _("Listé par trimestre pour la paie de l’entreprise (à confirmer par un juriste).")
    elif status == "independent":
        yield from _independent(most, figures)
    elif figures.bands is None:
        yield _("Le SMIC de %(year)s n’est pas connu : les seuils ne sont pas calculés.", year=figures.year)
    else:
        bands = figures.bands
        yield _(
            "Rien n’est dû jusqu’à %(free)s dans l’année ; contribution de %(rate)s %% de là à %(common)s ;"
            " cotisations de droit commun au-delà.",
            free=euros(bands.free_cents), rate=f"{bands.rate.normalize():f}", common=euros(bands.common_cents),
        )  # fmt: skip
        if most is not None:
            cut = split(status, most, figures)
            yield _("À ce maximum : %(due)s de contribution, et %(above)s au-delà du second seuil.",
                    due=euros(cut.due_cents or 0), above=euros(cut.common_cents or 0))  # fmt: skip


def _independent(most: int | None, figures: Figures) -> Iterator[str]:
    yield _("Chacun déclare ses gains.")
    if figures.das2_cents is None:
        yield _("Le seuil de la DAS2 de %(year)s n’est pas connu.", year=figures.year)
    elif most is None or most > figures.das2_cents:
        yield _("La marque déclare aussi qui reçoit plus de %(limit)s dans l’année (DAS2, %(article)s).",
                limit=euros(figures.das2_cents), article=INDEPENDENTS)  # fmt: skip
    else:
        yield _("Ce challenge seul ne fait passer personne au-dessus des %(limit)s de la DAS2.",
                limit=euros(figures.das2_cents))  # fmt: skip


def after_backtest(result: Mapping[str, Any]) -> list[StatusLine]:
    """What people of each status would have received, and what would have been due on it."""
    return [
        StatusLine(_who(one["status"], one["people"]), euros(one["received_cents"]), _cut(one))
        for one in result.get("statuses", ())
    ]


def _cut(one: Mapping[str, Any]) -> str:
    if one["status"] == "staff":
        return _("Un salaire dès le premier euro : à transmettre à la paie.")
    if one["status"] == "vdi":
        return _("Listé par trimestre pour la paie de l’entreprise (à confirmer par un juriste).")
    if one["status"] == "independent":
        if one["das2_people"] is None:
            return _("Le seuil de la DAS2 n’est pas connu.")
        return ngettext(
            "%(n)s personne passe le seuil de la DAS2.", "%(n)s personnes passent le seuil de la DAS2.",
            one["das2_people"], n=number(one["das2_people"]),
        )  # fmt: skip
    if one["free_cents"] is None:
        return _("Le SMIC n’est pas connu : les seuils ne sont pas calculés.")
    return _(
        "Rien n’est dû sur %(free)s ; contribution de %(due)s sur %(between)s ; droit commun sur %(common)s.",
        free=euros(one["free_cents"]), due=euros(one["due_cents"]), between=euros(one["between_cents"]),
        common=euros(one["common_cents"]),
    )  # fmt: skip


def _who(status: str, people: int) -> str:
    return _(
        "%(status)s · %(people)s",
        status=labels().status[status],
        people=ngettext("%(n)s personne", "%(n)s personnes", people, n=number(people)),
    )
