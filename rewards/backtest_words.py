"""A backtest's answer in words, for pages and the command: steps, what the law asks, hints with a way to mend each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from challenges.linter import EMPLOYEES
from challenges.wording import measure_in_words, points_in_words
from foundation.localisation import euros, number
from leaderboards.labels import league_label
from network.labels import labels

Result = Mapping[str, Any]


class Advice(NamedTuple):
    """A hint as people read it: what is so, and a way to mend it."""

    wrong: str
    mend: str

    @property
    def text(self) -> str:
        """Both in one sentence."""
        return f"{self.wrong} — {self.mend}."


def share(basis_points: int) -> str:
    """6 250 → 62,5 %."""
    return _("%(n)s %%", n=format_decimal(Decimal(basis_points) / 100, "#,##0.#"))


def step_in_words(step: Mapping[str, Any]) -> str:
    """A step: the first point, a milestone by its rule's name, a threshold of points."""
    if step["kind"] == "points":
        return _("le premier point")
    if step["kind"] == "milestone":
        return _(
            "le palier « %(id)s » (%(amount)s)", id=step["name"], amount=measure_in_words(step["measure"], step["at"])
        )
    return _("le seuil de %(points)s", points=points_in_words(step["at"]))


def hints_in_words(result: Result, league_by: str | None) -> list[Advice]:
    """The hints of a result, in its order."""
    return [_WORDS[hint["kind"]](hint, result, league_by) for hint in result["hints"]]


def _first_step(hint: Mapping[str, Any], result: Result, league_by: str | None) -> Advice:
    if not hint["people"]:
        wrong = _("aucune personne active n’atteint %(step)s", step=step_in_words(result["first_step"]))
    else:
        wrong = _reached_by_few(hint, result)
    within_reach = result["deciles"][4]  # at least 60 % of active people have as many points
    if within_reach > 0:
        mend = _(
            "un premier palier à %(points)s serait atteint par 6 personnes actives sur 10",
            points=points_in_words(within_reach),
        )
    else:
        mend = _("donnez des points à ce que tous font, comme déclarer une vente")
    return Advice(wrong, mend)


def _reached_by_few(hint: Mapping[str, Any], result: Result) -> str:
    return ngettext(
        "%(n)s personne active sur %(active)s seulement atteint %(step)s",
        "%(n)s personnes actives sur %(active)s seulement atteignent %(step)s",
        hint["people"],
        n=number(hint["people"]),
        active=number(hint["active"]),
        step=step_in_words(result["first_step"]),
    )


def _unused_rule(hint: Mapping[str, Any], result: Result, league_by: str | None) -> Advice:
    milestone = hint["counts"] == "milestone"
    n, active = number(hint["people"]), number(result["active"])
    if milestone and hint["people"]:
        wrong = ngettext(
            "le palier « %(id)s » n’est atteint que par %(n)s personne active sur %(active)s",
            "le palier « %(id)s » n’est atteint que par %(n)s personnes actives sur %(active)s",
            hint["people"],
            id=hint["rule"],
            n=n,
            active=active,
        )
    elif milestone:
        wrong = _("personne n’a atteint le palier « %(id)s »", id=hint["rule"])
    elif hint["people"]:
        wrong = ngettext(
            "la règle « %(id)s » n’a servi qu’à %(n)s personne active sur %(active)s",
            "la règle « %(id)s » n’a servi qu’à %(n)s personnes actives sur %(active)s",
            hint["people"],
            id=hint["rule"],
            n=n,
            active=active,
        )
    else:
        wrong = _("personne n’a pu agir sur la règle « %(id)s »", id=hint["rule"])
    return Advice(
        wrong,
        _("abaissez ce palier, ou retirez-le")
        if milestone
        else _("élargissez ce qu’elle demande (produits, canaux, jours), ou retirez-la"),
    )


def _one_kind(hint: Mapping[str, Any], result: Result, league_by: str | None) -> Advice:
    kind, places = labels().kind.get(hint["outlet"], hint["outlet"]), number(hint["places"])
    if league_by:
        wrong = _(
            "dans le classement « %(league)s », les %(n)s premières places vont à une seule nature de point de vente :"
            " %(kind)s",
            league=league_label(league_by, hint["league"]), n=places, kind=kind,
        )  # fmt: skip
    else:
        wrong = _("les %(n)s premières places vont à une seule nature de point de vente : %(kind)s",
                  n=places, kind=kind)  # fmt: skip
    return Advice(wrong, _("un classement par nature de point de vente, ou par progression vers un objectif personnel"))


def _budget(hint: Mapping[str, Any], result: Result, league_by: str | None) -> Advice:
    return Advice(
        _("le budget de %(budget)s ne suffit pas : %(short)s", budget=euros(result["budget_cents"]),
          short=short_in_words(result)),
        _("portez-le à %(wanted)s, ou réduisez les gains", wanted=euros(result["wanted_cents"])),
    )  # fmt: skip


def short_in_words(result: Result) -> str:
    """Which award the budget is the first not to pay in full."""
    short = result["short"]
    return _(
        "le premier gain qui n’est pas payé en entier est celui de %(code)s (gain n° %(payout)s, rang %(rank)s)",
        code=short["code"],
        payout=number(short["payout"]),
        rank=number(short["rank"]),
    )


def _concentration(hint: Mapping[str, Any], result: Result, league_by: str | None) -> Advice:
    return Advice(
        _("un dixième des personnes actives tient %(share)s des points", share=share(hint["share_bp"])),
        _("un plafond par jour ou en tout, des ligues, ou un classement par progression"),
    )


_WORDS = {
    "first_step": _first_step,
    "unused_rule": _unused_rule,
    "one_kind": _one_kind,
    "budget": _budget,
    "concentration": _concentration,
}


def contribution_in_words(result: Result) -> list[str]:
    """What the law asks on top of the rewards of people employed by an outlet, and what is beyond it."""
    if result["contribution_cents"] is None:
        return [
            _(
                "Les chiffres de la loi pour %(year)s ne sont pas connus : la contribution n’est pas calculée"
                " (%(article)s). Un administrateur les inscrit dans les chiffres de la loi.",
                year=result["law_year"],
                article=EMPLOYEES,
            )
        ]
    if not result["contribution_people"]:
        return [
            _(
                "Aucune contribution : aucun salarié de point de vente ne dépasse le seuil de %(year)s (%(article)s).",
                year=result["law_year"],
                article=EMPLOYEES,
            )
        ]
    found = [
        ngettext(
            "Contribution de %(due)s pour %(n)s salarié d’un point de vente, aux chiffres de %(year)s (%(article)s),"
            " comme s’il ne recevait rien d’autre dans l’année.",
            "Contribution de %(due)s pour %(n)s salariés de points de vente, aux chiffres de %(year)s (%(article)s),"
            " comme s’ils ne recevaient rien d’autre dans l’année.",
            result["contribution_people"],
            n=number(result["contribution_people"]),
            due=euros(result["contribution_cents"]),
            year=result["law_year"],
            article=EMPLOYEES,
        )
    ]
    if result["above_people"]:
        found.append(
            ngettext(
                "%(n)s personne reçoit %(above)s au-delà du second seuil : cotisations de droit commun en plus.",
                "%(n)s personnes reçoivent %(above)s au-delà du second seuil : cotisations de droit commun en plus.",
                result["above_people"],
                n=number(result["above_people"]),
                above=euros(result["above_cents"]),
            )
        )
    return found
