"""What a closing was for one person: each prize won or missed, and in words why and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import and_, case, func, or_, select

from challenges.models import Challenge, Participant
from challenges.vocabulary import reward_names
from challenges.wording import points_in_words, prize_in_words
from foundation.database import db
from foundation.localisation import number
from leaderboards.models import FinalStanding, Standing
from network.models import Outlet, Person
from rewards.models import Award


@dataclass(frozen=True)
class Outcome:
    """One payout for one person: `state` is won, not_funded or missed; `why` a sentence; `what` says what was won, or
    was to win."""

    number: int
    kind: str
    who: str
    what: str
    state: str
    why: str


@dataclass(frozen=True)
class Result:
    """A person's (or its outlet's) frozen line, None without a point; of how many in its league; its prizes."""

    line: FinalStanding | None
    competitors: int
    tied: bool
    outcomes: Sequence[Outcome]

    @property
    def won(self) -> list[Outcome]:
        """What was won, also what the budget did not reach."""
        return [one for one in self.outcomes if one.state != "missed"]

    @property
    def missed(self) -> list[Outcome]:
        """What was not."""
        return [one for one in self.outcomes if one.state == "missed"]


def result_of(challenge: Challenge, person: Person) -> Result | None:
    """What a closed challenge was for this person; None when it did not take part. A constant number of statements."""
    entered = db.session.get(Participant, (challenge.id, person.id))
    if entered is None:
        return None
    mine = (
        FinalStanding.outlet_id == entered.outlet_id
        if challenge.ranks == "outlet"
        else FinalStanding.person_id == person.id
    )
    line = db.session.scalar(select(FinalStanding).where(FinalStanding.challenge_id == challenge.id, mine))
    own = db.session.get(Standing, (challenge.id, person.id))
    award_is_mine = Award.person_id == person.id
    if challenge.ranks == "outlet":
        award_is_mine = or_(award_is_mine, and_(Award.person_id.is_(None), Award.outlet_id == entered.outlet_id))
    awards = {
        award.payout: award
        for award in db.session.scalars(select(Award).where(Award.challenge_id == challenge.id, award_is_mine))
    }
    payouts = list(enumerate(challenge.definition.get("payouts", ()), 1))
    names = reward_names([challenge.definition])
    competitors, tied, bounds = _league(challenge, line, [payout for _number, payout in payouts])
    health = challenge.ranks == "person" and bool(
        db.session.scalar(select(Outlet.health).where(Outlet.id == entered.outlet_id))
    )
    outcomes = []
    for place, payout in payouts:
        prize, award = prize_in_words(payout, names), awards.get(place)
        what = prize.what
        if award is not None and payout["kind"] == "convert":
            what = _wallet(award.wallet_points)
        if award is not None:
            state = "won" if award.status == "granted" else "not_funded"
            why = _won(payout, award)
        else:
            total = own.points if payout["kind"] == "convert" and challenge.ranks == "outlet" and own else None
            state, why = "missed", _missed(payout, line, bounds.get(place), total, health=health, challenge=challenge)
        outcomes.append(Outcome(place, payout["kind"], prize.who, what, state, why))
    return Result(line, competitors, tied, outcomes)


def _league(
    challenge: Challenge, line: FinalStanding | None, payouts: Sequence[Mapping[str, Any]]
) -> tuple[int, bool, dict[int, tuple[int, int | None]]]:
    """How many are in the line's league, whether its rank is shared, and for each rank payout the points and progress
    of the last who got it. One statement."""
    if line is None:
        return 0, False, {}
    ranked = [(place, payout["to"]) for place, payout in enumerate(payouts, 1) if payout["kind"] == "rank"]
    columns: list[Any] = [func.count(), func.count(case((FinalStanding.rank == line.rank, 1)))]
    for _place, last in ranked:
        columns += [
            func.min(case((FinalStanding.rank <= last, FinalStanding.points))),
            func.min(case((FinalStanding.rank <= last, FinalStanding.progress_bp))),
        ]
    row = db.session.execute(
        select(*columns).where(FinalStanding.challenge_id == challenge.id, FinalStanding.league == line.league)
    ).one()
    bounds = {place: (row[2 + 2 * at], row[3 + 2 * at]) for at, (place, _last) in enumerate(ranked)}
    return row[0], row[1] > 1, bounds


def _wallet(amount: int) -> str:
    return ngettext("%(n)s point de cagnotte", "%(n)s points de cagnotte", amount, n=number(amount))


def _won(payout: Mapping[str, Any], award: Award) -> str:
    kind = payout["kind"]
    if kind == "rank":
        return _("Rang %(rank)s : c'est gagné.", rank=number(award.rank))
    if kind == "convert":
        return _(
            "%(total)s ÷ %(every)s, arrondi à l'entier inférieur, × %(into)s.",
            total=points_in_words(award.points),
            every=number(payout["every"]),
            into=number(payout["into"]),
        )
    if kind == "threshold":
        return _("Il fallait %(points)s ; le total est de %(total)s.", points=number(payout["points"]),
                 total=points_in_words(award.points))  # fmt: skip
    if kind == "objective":
        return _("L'objectif est atteint.")
    if kind == "race":
        return _("Total de %(points)s atteint parmi les premiers.", points=points_in_words(payout["points"]))
    return _("Un de vos %(n)s tickets a été tiré.", n=number(award.points // payout["tickets_per"]))


def _missed(
    payout: Mapping[str, Any],
    line: FinalStanding | None,
    bound: tuple[int, int | None] | None,
    own: int | None,
    *,
    health: bool,
    challenge: Challenge,
) -> str:
    """Why a prize was not won, and by how much."""
    if health or (line is None and own is None):
        return (
            _("Aucun gain individuel n'est permis dans un point de vente de santé (CSP L1453-3).")
            if health
            else _("Sans aucun point, on n'est pas classé.")
        )
    points = own if own is not None else line.points if line is not None else 0
    kind = payout["kind"]
    needed = {
        "threshold": payout.get("points"),
        "race": payout.get("points"),
        "convert": payout.get("every"),
        "draw": payout.get("tickets_per"),
    }.get(kind)
    if needed is not None and points < needed:
        return ngettext(
            "Il manquait %(n)s point.", "Il manquait %(n)s points.", needed - points, n=number(needed - points)
        )
    if kind == "race":
        return _("%(points)s atteints, mais d'autres l'ont fait plus tôt.", points=points_in_words(payout["points"]))
    if kind == "draw":
        count = points // payout["tickets_per"]
        return ngettext(
            "%(n)s ticket, qui n'est pas sorti.", "%(n)s tickets, dont aucun n'est sorti.", count, n=number(count)
        )
    if kind == "objective":
        progress = (line.progress_bp or 0) if line is not None else 0
        return _("Objectif atteint à %(percent)s %%.", percent=number(progress // 100))
    if kind == "rank" and line is not None and bound is not None and line.rank > payout["to"]:
        if challenge.rank_by == "progress":
            gap = ((bound[1] or 0) - (line.progress_bp or 0)) // 100
            if gap > 0:
                return ngettext(
                    "Il manquait %(n)s point de progression.", "Il manquait %(n)s points de progression.", gap,
                    n=number(gap),
                )  # fmt: skip
        elif bound[0] > line.points:
            gap = bound[0] - line.points
            return ngettext("Il manquait %(n)s point.", "Il manquait %(n)s points.", gap, n=number(gap))
        return _("À égalité de total, d'autres l'ont atteint plus tôt.")
    if kind == "rank" and line is not None:
        return _("Votre rang, %(rank)s, a son propre gain ou est meilleur.", rank=number(line.rank))
    return _("Ce gain est allé à d'autres.")
