"""What the homes say in words: how much is missing, for which place, how long is left, what a sale holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from markupsafe import Markup, escape

from challenges.models import Challenge
from challenges.wording import measure_in_words, points_in_words
from declarations.participation import FirstStep
from foundation import clock, localisation
from foundation.localisation import number
from leaderboards.queries import Situation
from leaderboards.rules import measure_to_climb, points_to_climb
from portal import queries
from portal.queries import Playing, RecentSale
from portal.rules import Step

URGENT_DAYS = 3
TIMES = "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}"  # a number is not cut from its product


def amount_in_words(measure: str, amount: int, *, up: bool = False) -> str:
    """An amount of a measure in words; `amount` is in cents for value, rounded down to euros, or up."""
    if measure == "value":
        amount = -(-amount // 100) if up else amount // 100
    return measure_in_words(measure, amount)


def short_amount(measure: str, amount: int) -> str:
    """An amount as short as it can be said: 741 €, 97 unités, 12 ventes, 500 pts."""
    if measure == "value":
        return _("%(n)s €", n=number(amount // 100))
    return localisation.points(amount) if measure == "points" else measure_in_words(measure, amount)


def missing_in_words(one: Playing, step: Step | None, situation: Situation | None) -> Markup:
    """What is missing to the next step and to the next place, in one sentence; '' when there is nothing to say."""
    what = _step_in_words(step) if step is not None else None
    climb = _climb_in_words(one, situation) if situation is not None and situation.above is not None else None
    challenge = one.challenge
    if challenge.state not in ("running", "closing"):
        return Markup("")
    if situation is not None and situation.place.rank == 1 and what is None:
        return escape(_("Vous êtes en tête."))
    if one.points == 0 and one.expected == 0 and what is None:
        return escape(_("Votre première vente vous fait entrer au classement."))
    if what is not None and climb is not None:
        return Markup(
            _("Encore <strong>%(what)s</strong> pour %(goal)s, et <strong>%(points)s</strong> pour la %(place)s.")
        ) % {"what": what[0], "goal": what[1], "points": climb[0], "place": climb[1]}
    if what is not None:
        return Markup(_("Encore <strong>%(what)s</strong> pour %(goal)s.")) % {"what": what[0], "goal": what[1]}
    if climb is not None:
        return Markup(_("Encore <strong>%(points)s</strong> pour la %(place)s.")) % {
            "points": climb[0],
            "place": climb[1],
        }
    return Markup("")


def _step_in_words(step: Step) -> tuple[str, str]:
    """What is missing, and for what: ("3 × Crème de jour", "le palier de 100 unités")."""
    what = amount_in_words(step.measure, step.missing, up=True)
    when = step.when
    if step.measure == "units":
        kinds = when.categories or when.families
        if when.skus is not None and len(when.skus) == 1:
            (sku,) = when.skus
            what = f"{number(step.missing)}{TIMES}{queries.product_names([sku]).get(sku, sku)}"
        elif when.skus is None and kinds is not None and len(kinds) == 1:
            (kind,) = kinds
            what = ngettext(
                "%(n)s produit %(kind)s", "%(n)s produits %(kind)s", step.missing, n=number(step.missing), kind=kind
            )
    goal = short_amount(step.measure, step.goal)
    if step.kind == "milestone":
        return what, _("le palier de %(goal)s", goal=goal)
    if step.kind == "threshold":
        return what, _("le seuil de %(goal)s", goal=goal)
    return what, _("votre objectif")


def _climb_in_words(one: Playing, situation: Situation) -> tuple[str, str] | None:
    """What is missing to the next better rank, and its name; None where it cannot be told."""
    challenge, above = one.challenge, situation.above
    if above is None:
        return None
    place = _("1re place") if above.rank == 1 else _("%(rank)se place", rank=number(above.rank))
    if challenge.rank_by == "points":
        missing = points_to_climb(situation.place.points, above.points, tie_break=challenge.tie_break)
        return points_in_words(missing), place
    if challenge.ranks == "outlet" or above.progress_bp is None:
        return None
    target = one.entered.target * (100 if challenge.measure == "value" else 1)
    missing = measure_to_climb(one.measure, target, above.progress_bp, tie_break=challenge.tie_break)
    return amount_in_words(challenge.measure, missing, up=True), place


def time_left(challenge: Challenge, at: datetime) -> tuple[str, bool]:
    """How long a challenge still lasts, in words, and whether that is soon over."""
    today = clock.day_of(at, challenge.zone)
    if challenge.state == "published":
        days = (challenge.starts_on - today).days
        if days <= 0:
            return _("Commence aujourd’hui"), False
        return ngettext("Commence demain", "Commence dans %(num)s jours", days), False
    if challenge.state == "running":
        days = (challenge.ends_on - today).days
        if days <= 0:
            return _("Dernier jour"), True
        return ngettext("Se termine demain", "%(num)s jours restants", days), days <= URGENT_DAYS
    if challenge.state == "closing":
        last = clock.day_of(challenge.declare_until - timedelta(microseconds=1), challenge.zone)
        return _("À déclarer jusqu’au %(day)s", day=format_date(last, "d MMMM")), True
    if challenge.state == "reviewing":
        return _("Vérifications en cours"), False
    return _("Terminé"), False


def rank_in_words(rank: int) -> str:
    """A rank: 1er, 2e."""
    return _("1er") if rank == 1 else _("%(rank)se", rank=number(rank))


def sale_in_words(sale: RecentSale) -> str:
    """What a sale holds: "2 × Crème de jour, 1 × Sérum et 3 autres"."""
    named = ", ".join(f"{number(units)}{TIMES}{name}" for units, name in sale.products)
    if not sale.more:
        return named
    return ngettext(
        "%(named)s et %(num)s autre produit", "%(named)s et %(num)s autres produits", sale.more, named=named
    )


def step_in_words(step: FirstStep) -> str:
    """The first step of a challenge: the milestone of 5 units, the threshold of 100 pts, the first point."""
    if step.kind == "points":
        return _("le premier point")
    goal = short_amount(step.measure, step.goal * (100 if step.measure == "value" else 1))
    if step.kind == "threshold":
        return _("le seuil de %(goal)s", goal=goal)
    return _("le palier de %(goal)s", goal=goal)


def segment_in_words(segment: str, step: str = "") -> str:
    """A part of a challenge's people; `step` is the first step in words where it is known."""
    words = {
        "everyone": _("Tous les participants"),
        "not_declared": _("Qui n’a pas encore déclaré"),
        "declared": _("Qui a déclaré"),
        "below_first_step": _("Qui n’a pas encore atteint %(step)s", step=step or _("le premier palier")),
        "waiting": _("Qui a une vente en vérification"),
    }
    return words.get(segment, segment)
