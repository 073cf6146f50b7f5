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
from challenges.wording import points_in_words, prize_in_words, wallet_in_words
from foundation.database import db
from foundation.localisation import euros, moment, number
from leaderboards.models import FinalStanding, Standing
from network.models import Outlet, Person
from rewards.models import Award, Closure, Release


@dataclass(frozen=True)
class Outcome:
    """One payout for one person: `state` is won, held, capped, not_funded or missed; `why` a sentence; `what` says what
    was won, or was to win; `kept` why it is kept back and what happens next, or when what was kept was given."""

    number: int
    kind: str
    who: str
    what: str
    state: str
    why: str
    kept: str = ""


@dataclass(frozen=True)
class Result:
    """A person's (or its outlet's) frozen line, None without a point; of how many in its league; its prizes."""

    line: FinalStanding | None
    competitors: int
    tied: bool
    outcomes: Sequence[Outcome]

    @property
    def won(self) -> list[Outcome]:
        """What was won, also what is kept back or was not funded."""
        return [one for one in self.outcomes if one.state != "missed"]

    @property
    def missed(self) -> list[Outcome]:
        """What was not."""
        return [one for one in self.outcomes if one.state == "missed"]


def result_of(challenge: Challenge, person: Person, closure: Closure) -> Result | None:
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
    mine_awarded = (
        select(Award, Release)
        .outerjoin(Release, Release.award_id == Award.id)
        .where(Award.challenge_id == challenge.id, award_is_mine)
    )
    awards = {award.payout: (award, released) for award, released in db.session.execute(mine_awarded)}
    payouts = list(enumerate(challenge.definition.get("payouts", ()), 1))
    names = reward_names([challenge.definition])
    competitors, tied, bounds = _league(challenge, line, [payout for _number, payout in payouts])
    health = challenge.ranks == "person" and bool(
        db.session.scalar(select(Outlet.health).where(Outlet.id == entered.outlet_id))
    )
    outcomes = []
    for place, payout in payouts:
        prize, (award, released) = prize_in_words(payout, names), awards.get(place, (None, None))
        what, kept = prize.what, ""
        if award is not None and payout["kind"] == "convert":
            what = wallet_in_words(award.wallet_points)
        if award is not None:
            state = "won" if award.status == "granted" or released is not None else award.status
            why = _won(payout, award)
            kept = _kept(challenge, closure, person, award, released)
        else:
            total = own.points if payout["kind"] == "convert" and challenge.ranks == "outlet" and own else None
            state, why = "missed", _missed(payout, line, bounds.get(place), total, health=health, challenge=challenge)
        outcomes.append(Outcome(place, payout["kind"], prize.who, what, state, why, kept))
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


def _won(payout: Mapping[str, Any], award: Award) -> str:
    kind = payout["kind"]
    if kind == "rank":
        return _("Rang %(rank)s : c’est gagné.", rank=number(award.rank))
    if kind == "convert":
        arithmetic = _(
            "%(total)s ÷ %(every)s, arrondi à l’entier inférieur, × %(into)s.",
            total=points_in_words(award.points),
            every=number(payout["every"]),
            into=number(payout["into"]),
        )
        whole = award.points // payout["every"] * payout["into"]
        if award.wallet_points == whole:
            return arithmetic
        shared = _(
            "Le budget ne suffisait pas à ces %(whole)s : chacun en reçoit la même part.", whole=wallet_in_words(whole)
        )
        return f"{arithmetic} {shared}"
    if kind == "threshold":
        return _("Il fallait %(points)s ; le total est de %(total)s.", points=number(payout["points"]),
                 total=points_in_words(award.points))  # fmt: skip
    if kind == "objective":
        return _("L’objectif est atteint.")
    if kind == "race":
        return _("Total de %(points)s atteint parmi les premiers.", points=points_in_words(payout["points"]))
    return _("Un de vos %(n)s tickets a été tiré.", n=number(award.points // payout["tickets_per"]))


def _kept(challenge: Challenge, closure: Closure, person: Person, award: Award, released: Release | None) -> str:
    """Why an award was kept back, and what happens next."""
    if award.status == "held":
        if released is not None:
            return _(
                "Il attendait l’accord de votre employeur ; il vous a été remis le %(moment)s.",
                moment=moment(released.released_at, challenge.zone),
            )
        return _(
            "L’accord de votre employeur, nécessaire pour vous remettre un gain, ne couvre plus vos ventes. Ce gain "
            "n’est pas perdu : il vous est remis dès que l’accord est de retour, et un message vous le dit. Parlez-en "
            "à votre employeur."
        )
    if award.status == "capped":
        cap = closure.certificate["benefit_cap"]
        before = next((one["received_cents"] for one in cap["people"] if one["person"] == person.code), 0)
        return _(
            "Le programme ne remet pas plus de %(cap)s par an à un salarié (%(percent)s %% du SMIC mensuel). Vous "
            "aviez déjà reçu %(before)s en %(year)s avant ce challenge, et ce gain de %(cost)s aurait dépassé le "
            "plafond : il ne vous est pas remis, et ne le sera pas plus tard.",
            cap=euros(cap["cents"]), percent=cap["percent"], before=euros(before), year=cap["year"],
            cost=euros(award.cost_cents),
        )  # fmt: skip
    if award.status == "not_funded":
        return _("Le budget du challenge était épuisé avant ce gain : il n’est pas remis, et ne le sera pas plus tard.")
    return ""


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
            _("Aucun gain individuel n’est permis dans un point de vente de santé (CSP L1453-3).")
            if health
            else _("Sans aucun point, on n’est pas classé.")
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
        return _("%(points)s atteints, mais d’autres l’ont fait plus tôt.", points=points_in_words(payout["points"]))
    if kind == "draw":
        count = points // payout["tickets_per"]
        return ngettext(
            "%(n)s ticket, qui n’est pas sorti.", "%(n)s tickets, dont aucun n’est sorti.", count, n=number(count)
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
        return _("À égalité de total, d’autres l’ont atteint plus tôt.")
    if kind == "rank" and line is not None:
        return _("Votre rang, %(rank)s, a son propre gain ou est meilleur.", rank=number(line.rank))
    return _("Ce gain est allé à d’autres.")
