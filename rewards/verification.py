"""A closing checked by anyone: everything recomputed from the declarations it counted, by the pure rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import String, cast, func, literal, or_, select

from challenges.definition import definition_hash
from challenges.models import Challenge, Participant
from challenges.queries import versions, versions_of
from challenges.rules import fold
from declarations.models import CountedDeclaration, Declaration
from declarations.scoring import adjust, chunks, counted_revisions, load_sales
from foundation.database import db
from leaderboards.models import FinalStanding
from network.models import Outlet, Person
from points.models import Entry
from points.queries import adjustments_in
from rewards.models import Award, Closure, Release, Reward
from rewards.recount import Counted, Entrant, Line, Money, board, counted, gains, hash_of
from rewards.rules import Gain


def differences(challenge: Challenge, closure: Closure) -> Iterator[str]:
    """Each way in which a closing is not what its counted declarations give, as one line; none when all is equal."""
    kept = closure.certificate
    yield from _rules(challenge, kept)
    number = db.session.query(CountedDeclaration).filter_by(challenge_id=challenge.id).count()
    if number != kept["counts"]["declarations"]:
        yield f"declarations: {number} are kept as counted, the certificate says {kept['counts']['declarations']}"
    entrants = _entrants(challenge, kept)
    counts = _counts(challenge, entrants)
    lines = board(challenge, entrants, counts)
    hashed = hash_of(lines)
    if hashed != kept["standings_hash"]:
        yield f"standings: recomputed hash {hashed}, the certificate says {kept['standings_hash']}"
    yield from _standings(challenge, lines)
    yield from _awards(challenge, entrants, counts, lines, kept)
    yield from _credits(challenge)


def _rules(challenge: Challenge, kept: dict[str, Any]) -> Iterator[str]:
    """Versions of the rules that are no longer those certified; the challenge is its newest version."""
    certified = {one["version"]: one for one in kept["rules"]}
    newest = None
    for version in versions_of(challenge.id):
        own = certified.pop(version.number, None)
        starts_on = version.starts_on.isoformat()
        if own is None or (definition_hash(version.definition), starts_on) != (own["hash"], own["starts_on"]):
            yield f"rules version {version.number}: they are no longer those published"
        newest = version if newest is None or version.number > newest.number else newest
    for number in certified:
        yield f"rules version {number}: it is gone"
    if newest is not None and definition_hash(challenge.definition) != newest.hash:
        yield f"challenge: it no longer says what version {newest.number} of its rules says"


def _entrants(challenge: Challenge, kept: dict[str, Any]) -> list[Entrant]:
    """Everybody who took part, by code, with what the closing knew of them."""
    excluded = {one["person"]: one["reason"] for one in kept["exclusions"]}
    rows = db.session.execute(
        select(Participant.person_id, Person.code, Outlet.code.label("outlet"), Participant.league, Participant.target)
        .join(Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .where(Participant.challenge_id == challenge.id)
        .order_by(Person.code)
    )
    return [Entrant(*row, excluded.get(row.code) == "health", excluded.get(row.code) == "suspended") for row in rows]


def _counts(challenge: Challenge, entrants: Sequence[Entrant]) -> dict[int, Counted]:
    """What every participant's fold comes to over the declarations counted, whatever became of them since."""
    rules = versions(challenge.id)
    found: dict[int, Counted] = {}
    for batch in chunks(sorted(entrant.person_id for entrant in entrants)):
        told = load_sales(counted_revisions(challenge.id), Declaration.person_id.in_(batch))
        adjusted = adjustments_in(challenge, batch)
        for person_id in batch:
            sales = [one.sale for one in told.get(person_id, ())]
            scored, tally = fold(rules, sales, measure=challenge.measure, rank_by=challenge.rank_by)
            extra = adjusted.get(person_id, ())
            found[person_id] = counted(challenge, scored, adjust(challenge, tally, extra), extra)
    return found


def _standings(challenge: Challenge, lines: Sequence[Line]) -> Iterator[str]:
    """Lines of the frozen board that differ."""
    right = {line.code: line._replace(name="") for line in lines}
    frozen = {
        row.competitor: Line(row.league, row.rank, row.competitor, "", row.points, row.progress_bp, row.reached_at)
        for row in db.session.scalars(select(FinalStanding).where(FinalStanding.challenge_id == challenge.id))
    }
    for code in sorted(right.keys() | frozen.keys()):
        if right.get(code) != frozen.get(code):
            was, gives = _said(frozen.get(code)), _said(right.get(code))
            yield f"standing of {code}: {was} was frozen, the declarations give {gives}"


def _said(line: Line | None) -> str:
    return "nothing" if line is None else f"rank {line.rank} with {line.points} points"


def _awards(
    challenge: Challenge,
    entrants: Sequence[Entrant],
    counts: dict[int, Counted],
    lines: Sequence[Line],
    kept: dict[str, Any],
) -> Iterator[str]:
    """Awards that differ from what the payouts give on the recomputed board."""
    rewards = {row.id: row for row in db.session.scalars(select(Reward))}
    stored = [
        Gain(
            one.payout, one.kind, one.league, one.rank, one.competitor, one.points,
            rewards[one.reward_id].code if one.reward_id else None, one.wallet_points, one.cost_cents, one.status,
        )
        for one in db.session.scalars(
            select(Award).where(Award.challenge_id == challenge.id).order_by(Award.payout, Award.id)
        )
    ]  # fmt: skip
    # An article is worth today what its catalogue says; the closing's own cost is what counts.
    costs = {reward.code: reward.cost_cents for reward in rewards.values()}
    costs |= {one.reward: one.cost_cents for one in stored if one.reward}
    budget = kept["budget"]
    euros = budget["euros"]
    money = Money(costs, budget["wallet_point_cents"], None if euros is None else euros * 100, budget["policy"])
    cap = kept.get("benefit_cap")
    right = gains(
        challenge, entrants, counts, lines, money, seed=kept["draw_seed"] or "", hashed=kept["standings_hash"],
        held=kept.get("held", ()),
        room={one["person"]: cap["cents"] - one["received_cents"] for one in cap["people"]} if cap else None,
    )  # fmt: skip

    def key(gain: Gain) -> tuple[int, str]:
        return gain.payout, gain.code

    mine, theirs = {key(one): one for one in right}, {key(one): one for one in stored}
    for place in sorted(mine.keys() | theirs.keys()):
        if mine.get(place) != theirs.get(place):
            was, gives = _gain(theirs.get(place)), _gain(mine.get(place))
            yield f"award {place[0]} of {place[1]}: {was} is kept, the rules give {gives}"


def _credits(challenge: Challenge) -> Iterator[str]:
    """Granted wallet points that the ledger does not hold as awarded."""
    reference = literal(f"closing/{challenge.code}/", String) + cast(Award.payout, String) + "/" + Award.competitor
    rows = db.session.execute(
        select(Award.payout, Award.competitor, Award.wallet_points, Entry.amount)
        .outerjoin(Entry, Entry.reference == reference)
        .outerjoin(Release, Release.award_id == Award.id)
        .where(
            Award.challenge_id == challenge.id,
            or_(Award.status == "granted", Release.award_id.is_not(None)),
            Award.wallet_points > 0,
            Award.person_id.is_not(None),
            func.coalesce(Entry.amount, 0) != Award.wallet_points,
        )
        .order_by(Award.payout, Award.competitor)
    )
    for payout, code, awarded, credited in rows:
        yield f"award {payout} of {code}: {awarded} wallet points were awarded, the ledger holds {credited or 0}"


def _gain(one: Gain | None) -> str:
    if one is None:
        return "nothing"
    what = one.reward or f"{one.wallet_points} wallet points"
    return f"{what} for rank {one.rank} with {one.points} points ({one.status})"
