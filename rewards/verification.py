"""A closing checked by anyone: everything recomputed from the declarations it counted, by the pure rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func, literal, select

from challenges.definition import definition_hash
from challenges.models import Challenge, Participant, RulesVersion
from challenges.queries import versions
from challenges.rules import Scored, Tally, fold, fold_order, progress_bp
from declarations.models import CountedDeclaration, Declaration
from declarations.scoring import chunks, counted_revisions, load_sales
from foundation import clock
from foundation.database import db
from leaderboards.models import FinalStanding
from leaderboards.rules import Competitor, ranks
from network.models import Outlet, Person
from points.models import Entry
from rewards.models import Award, Closure, Reward
from rewards.rules import Gain, Ranked, awards, standings_hash, standings_line


def differences(challenge: Challenge, closure: Closure) -> Iterator[str]:
    """Each way in which a closing is not what its counted declarations give, as one line; none when all is equal."""
    kept = closure.certificate
    for version in db.session.scalars(select(RulesVersion).where(RulesVersion.challenge_id == challenge.id)):
        certified = next((one["hash"] for one in kept["rules"] if one["version"] == version.number), None)
        if definition_hash(version.definition) != version.hash or certified not in (version.hash, None):
            yield f"rules version {version.number}: they are no longer those published"
    counted = db.session.query(CountedDeclaration).filter_by(challenge_id=challenge.id).count()
    if counted != kept["counts"]["declarations"]:
        yield f"declarations: {counted} are kept as counted, the certificate says {kept['counts']['declarations']}"
    folds = _folds(challenge)
    tallies = {person_id: tally for person_id, (_, tally) in folds.items()}
    lines = _board(challenge, tallies, kept)
    hashed = standings_hash(
        standings_line(*_fields(line), clock.format_instant(line["reached_at"]))
        for line in sorted(lines, key=lambda line: (line["league"], line["rank"], line["code"]))
    )
    if hashed != kept["standings_hash"]:
        yield f"standings: recomputed hash {hashed}, the certificate says {kept['standings_hash']}"
    yield from _standings(challenge, lines)
    yield from _awards(challenge, folds, lines, kept)
    yield from _credits(challenge)


def _folds(challenge: Challenge) -> dict[int, tuple[list[Scored], Tally]]:
    """Every participant's fold over the declarations counted, whatever became of them since."""
    rules = versions(challenge.id)
    people = list(
        db.session.scalars(
            select(Participant.person_id)
            .where(Participant.challenge_id == challenge.id)
            .order_by(Participant.person_id)
        )
    )
    found: dict[int, tuple[list[Scored], Tally]] = {}
    for batch in chunks(people):
        told = load_sales(counted_revisions(challenge.id), Declaration.person_id.in_(batch))
        for person_id in batch:
            sales = [one.sale for one in told.get(person_id, ())]
            found[person_id] = fold(rules, sales, measure=challenge.measure, rank_by=challenge.rank_by)
    return found


def _people(challenge: Challenge) -> list[Any]:
    return list(
        db.session.execute(
            select(
                Participant.person_id,
                Participant.league,
                Participant.target,
                Person.code,
                Outlet.code.label("outlet"),
                Outlet.health,
            )
            .join(Person, Person.id == Participant.person_id)
            .join(Outlet, Outlet.id == Participant.outlet_id)
            .where(Participant.challenge_id == challenge.id)
            .order_by(Person.code)
        )
    )


def _board(challenge: Challenge, tallies: dict[int, Tally], kept: dict[str, Any]) -> list[dict[str, Any]]:
    """The board as the pure rules rank it."""
    suspended = {one["person"] for one in kept["exclusions"] if one["reason"] == "suspended"}
    sums: dict[str, dict[str, Any]] = {}
    for person in _people(challenge):
        if person.code in suspended:
            continue
        tally = tallies[person.person_id]
        code = person.outlet if challenge.ranks == "outlet" else person.code
        line = sums.setdefault(
            code,
            {"code": code, "league": person.league, "points": 0, "measure": 0, "target": 0, "reached_at": None},
        )
        line["points"] += tally.points
        line["measure"] += tally.measure
        line["target"] += person.target
        line["league"] = min(line["league"], person.league)
        if tally.points > 0 and tally.reached_at is not None:
            line["reached_at"] = max(line["reached_at"] or tally.reached_at, tally.reached_at)
    lines = [line for line in sums.values() if line["points"] > 0]
    for line in lines:
        line["progress_bp"] = (
            progress_bp(line["measure"], line["target"], challenge.measure) if challenge.has_objective else None
        )
    placed = ranks(
        (
            Competitor(line["code"], line["league"], line["points"], line["progress_bp"] or 0, line["reached_at"])
            for line in lines
        ),
        rank_by=challenge.rank_by,
        tie_break=challenge.tie_break,
    )
    for line in lines:
        line["rank"] = placed[line["code"]]
    return lines


def _fields(line: dict[str, Any]) -> tuple[str, int, str, int, int | None]:
    return line["league"], line["rank"], line["code"], line["points"], line["progress_bp"]


def _standings(challenge: Challenge, lines: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of the frozen board that differ."""
    right = {line["code"]: (*_fields(line), line["reached_at"]) for line in lines}
    frozen = {
        row.competitor: (row.league, row.rank, row.competitor, row.points, row.progress_bp, row.reached_at)
        for row in db.session.scalars(select(FinalStanding).where(FinalStanding.challenge_id == challenge.id))
    }
    for code in sorted(right.keys() | frozen.keys()):
        if right.get(code) != frozen.get(code):
            was, gives = _said(frozen.get(code)), _said(right.get(code))
            yield f"standing of {code}: {was} was frozen, the declarations give {gives}"


def _said(line: tuple[Any, ...] | None) -> str:
    return "nothing" if line is None else f"rank {line[1]} with {line[3]} points"


def _crossings(
    challenge: Challenge, folds: dict[int, tuple[list[Scored], Tally]], suspended: set[str]
) -> dict[str, dict[int, datetime]]:
    """competitor → total of a race → when it was first reached, in the merged fold order of an outlet's people."""
    totals = [payout["points"] for payout in challenge.definition.get("payouts", ()) if payout["kind"] == "race"]
    found: dict[str, dict[int, datetime]] = {}
    if not totals:
        return found
    sales: dict[str, list[Scored]] = {}
    for person in _people(challenge):
        if person.code not in suspended:
            code = person.outlet if challenge.ranks == "outlet" else person.code
            sales.setdefault(code, []).extend(folds[person.person_id][0])
    for code, scored in sales.items():
        total = 0
        for one in sorted(scored, key=lambda one: fold_order(one.sale)):
            before, total = total, total + one.points
            for goal in totals:
                if before < goal <= total:
                    found.setdefault(code, {})[goal] = one.sale.declared_at
    return found


def _awards(
    challenge: Challenge,
    folds: dict[int, tuple[list[Scored], Tally]],
    lines: list[dict[str, Any]],
    kept: dict[str, Any],
) -> Iterator[str]:
    """Awards that differ from what the payouts give on the recomputed board."""
    people = _people(challenge)
    suspended = {one["person"] for one in kept["exclusions"] if one["reason"] == "suspended"}
    crossed = _crossings(challenge, folds, suspended)
    board = [
        Ranked(
            line["code"], line["league"], line["rank"], line["points"], line["progress_bp"],
            crossed.get(line["code"], {}),
        )
        for line in lines
    ]  # fmt: skip
    converting = board
    if challenge.ranks == "outlet":
        outlets = {one.code: one for one in board}
        converting = [
            Ranked(person.code, outlets[person.outlet].league, outlets[person.outlet].rank, own.points, None)
            for person in people
            if (own := folds[person.person_id][1]).points > 0 and person.code not in suspended
        ]
    health = {one["person"] for one in kept["exclusions"] if one["reason"] == "health"}
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
    right = awards(
        challenge.definition.get("payouts", ()), board, converting, barred=health, costs=costs,
        point_cents=budget["wallet_point_cents"],
        budget_cents=None if budget["euros"] is None else budget["euros"] * 100,
        policy=budget["policy"],
        seed=kept["draw_seed"] or "",
        hashed=kept["standings_hash"],
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
        .where(
            Award.challenge_id == challenge.id,
            Award.status == "granted",
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
