"""Closing: ranks are frozen, payouts made, a certificate written; once, completely, or not at all.

Everything happens in the one transaction of the caller, in SQL over whole sets: there is no loop over participants.
Only the standings hash reads the board line by line, because a hash is read in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, String, and_, case, cast, func, insert, literal, null, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, Subquery

from badges.operations import grant_earned
from badges.rules import Counts
from challenges.lifecycle import NotPossible, claim
from challenges.models import Challenge, Draw, Participant, RulesVersion
from challenges.rules import LATE_ARRIVAL
from declarations.models import CountedDeclaration, Declaration, Revision
from declarations.operations import accept, lock_people, reject
from declarations.scoring import current_revisions
from foundation import audit, clock
from foundation.database import db
from foundation.programme import setting
from leaderboards.models import FinalStanding, Standing
from leaderboards.operations import freeze
from leaderboards.queries import standings_rows
from network.models import Outlet, Person
from points.models import WALLET, Account, Book, Entry, challenge_book
from points.operations import credit_selected, open_book
from rewards.models import Award, Closure, Reward
from rewards.rules import drawn_ticket, standings_hash, standings_line

PAYOUTS = ("rank", "threshold", "objective", "race", "convert", "draw")


def close(challenge: Challenge, *, by: str, at: datetime) -> Closure | None:
    """Close a challenge whose reviews are settled. None when it must wait, or when somebody else has closed it.

    Declarations still in review are waited for, or at `review_until` settled by the policy `pending_at_close`.
    """
    if at < challenge.declare_until + LATE_ARRIVAL:
        return None
    lock_people([declaration.person_id for declaration in pending(challenge)])
    held = select(Challenge.id).where(Challenge.id == challenge.id, Challenge.state == "reviewing")
    if db.session.scalar(held.with_for_update()) is None:
        return None
    waiting = pending(challenge)
    if waiting and (challenge.definition.get("pending_at_close", "wait") == "wait" or at < challenge.review_until):
        return None
    _settle(challenge, waiting, at=at)
    if not claim(challenge.id, "reviewing", "closed", by=by, at=at):
        raise NotPossible(f"challenge {challenge.code} was changed while it was being closed")
    return _close(challenge, by=by, at=at)


def pending(challenge: Challenge) -> Sequence[Declaration]:
    """Declarations in review that would count in a challenge, oldest first."""
    return db.session.scalars(
        _counting(challenge, Declaration)
        .where(Declaration.status == "in_review")
        .order_by(Declaration.received_at, Declaration.id)
    ).all()


def _counting(challenge: Challenge, *columns: Any) -> Select[Any]:
    """A select over declarations that fall in a challenge's audience and windows and are not barred by law."""
    return (
        current_revisions(*columns)
        .join(
            Participant,
            and_(
                Participant.challenge_id == challenge.id, Participant.person_id == Declaration.person_id
            ),
        )
        .where(
            Revision.sold_on.between(challenge.starts_on, challenge.ends_on),
            Revision.barred == "",
            Declaration.declared_at < challenge.declare_until,
            Declaration.received_at < challenge.declare_until + LATE_ARRIVAL,
        )
    )


def _settle(challenge: Challenge, waiting: Sequence[Declaration], *, at: datetime) -> None:
    """What still waits is decided as the challenge says."""
    for declaration in waiting:
        if challenge.definition["pending_at_close"] == "accept":
            accept(declaration, by=audit.SYSTEM, at=at)
        else:
            reject(declaration, "other", by=audit.SYSTEM, at=at, note=f"{challenge.code}: closed before a review")


def _close(challenge: Challenge, *, by: str, at: datetime) -> Closure:
    counted = _counting(
        challenge, literal(challenge.id), Declaration.id, Declaration.revision
    ).where(Declaration.status == "accepted")
    db.session.execute(
        insert(CountedDeclaration).from_select(["challenge_id", "declaration_id", "revision"], counted)
    )
    freeze(challenge)
    hashed = standings_hash(_lines(challenge))
    _award(challenge, hashed)
    _credit(challenge, at=at)
    _grant_podium(challenge, at=at)
    closure = Closure(
        challenge_id=challenge.id,
        closed_at=at,
        closed_by=by,
        standings_hash=hashed,
        certificate=certificate(challenge, hashed, by=by, at=at),
    )
    db.session.add(closure)
    db.session.flush()
    return closure


def _lines(challenge: Challenge) -> Iterator[str]:
    rows = db.session.execute(standings_rows(challenge), execution_options={"yield_per": 5_000})
    for row in rows:
        yield standings_line(
            row.league, row.rank, row.code, row.points, row.progress_bp, clock.format_instant(row.reached_at)
        )


# --- payouts ---------------------------------------------------------------------------------------------------------


def _award(challenge: Challenge, hashed: str) -> None:
    """Write the awards of every payout, within the budget: one statement each, in file order."""
    definition = challenge.definition
    budget = definition.get("budget")
    left = None if budget is None else budget * 100
    stopped = False
    for number, payout in enumerate(definition.get("payouts", ()), 1):
        if payout["kind"] not in PAYOUTS:
            raise NotPossible(f"payout {number} of {challenge.code}: {payout['kind']!r} cannot be paid by this version")
        gains = _gains(challenge, payout, hashed)
        needed = cost = 0
        if left is not None and not stopped:
            needed = db.session.scalar(select(func.coalesce(func.sum(gains.c.cost_cents), 0))) or 0
            shares = definition.get("budget_policy") == "pro_rata" and payout["kind"] == "convert"
            if needed > left and shares:
                gains = _shared(gains, left, int(needed))
        status, running = _funding(gains, left, stopped)
        columns = gains.c
        db.session.execute(
            insert(Award).from_select(
                [
                    "challenge_id", "payout", "kind", "league", "competitor", "person_id", "outlet_id", "rank",
                    "points", "reward_id", "wallet_points", "cost_cents", "status",
                ],
                select(
                    literal(challenge.id), literal(number), literal(payout["kind"]), columns.league, columns.competitor,
                    columns.person_id, columns.outlet_id, columns.rank, columns.points, columns.reward_id,
                    columns.wallet_points, columns.cost_cents, status,
                ).order_by(columns.league, columns.rank, columns.competitor),
            )
        )  # fmt: skip
        if left is not None and not stopped:
            cost, stopped = _spent(challenge, number)
            left -= cost


def _gains(challenge: Challenge, payout: Mapping[str, Any], hashed: str) -> Subquery:
    """Who wins one payout and what it costs, before the budget."""
    own = payout["kind"] == "convert" and challenge.ranks == "outlet"
    board = _people_of_outlets(challenge) if own else _frozen_board(challenge)
    columns = board.c
    reward = _reward(payout.get("reward"))
    wallet: ColumnElement[Any] = literal(payout.get("wallet") or 0, BigInteger)
    won: ColumnElement[bool]
    if payout["kind"] == "rank":
        won = columns.rank.between(payout["from"], payout["to"])
    elif payout["kind"] == "threshold":
        won = columns.points >= payout["points"]
    elif payout["kind"] == "objective":
        won = columns.progress_bp >= 10_000
    elif payout["kind"] == "race":
        won = columns.competitor.in_(select(_first_across(challenge, payout).c.competitor))
    elif payout["kind"] == "draw":
        won = columns.competitor.in_(_drawn(challenge, board, payout, hashed))
    else:
        wallet = cast(payout["into"] * (columns.points // payout["every"]), BigInteger)
        won = wallet > 0
    cost = (
        literal(reward.cost_cents, BigInteger)
        if reward is not None
        else cast(wallet * int(setting("wallet_point_cents")), BigInteger)
    )
    return (
        select(
            columns.league,
            columns.competitor,
            columns.person_id,
            columns.outlet_id,
            columns.rank,
            columns.points,
            literal(reward.id if reward is not None else None, Reward.__table__.c.id.type).label("reward_id"),
            wallet.label("wallet_points"),
            cost.label("cost_cents"),
        )
        .where(won)
        .subquery("gains")
    )


def crossings(challenge: Challenge, points: int) -> Subquery:
    """When each competitor of the frozen board first reached a total: (competitor, at), from the entries in fold order.

    What a declaration gave in all is the sum of its entries; the instant is that of the declaration that crossed.
    """
    account = aliased(Account)
    signed = case((Entry.destination_id == account.id, Entry.amount), else_=-Entry.amount)
    given = (
        select(account.person_id.label("person_id"), Entry.subject.label("subject"), func.sum(signed).label("points"))
        .join_from(Book, account, account.book_id == Book.id)
        .join(Entry, or_(Entry.destination_id == account.id, Entry.source_id == account.id))
        .where(Book.name == challenge_book(challenge.code), account.person_id.is_not(None))
        .group_by(account.person_id, Entry.subject)
        .subquery("given")
    )
    mine = (
        Participant.outlet_id == FinalStanding.outlet_id
        if challenge.ranks == "outlet"
        else Participant.person_id == FinalStanding.person_id
    )
    running = func.sum(given.c.points).over(
        partition_by=FinalStanding.competitor,
        order_by=(Declaration.declared_at, Declaration.received_at, Declaration.public_id),
    )
    totals = (
        select(FinalStanding.competitor, Declaration.declared_at, running.label("total"))
        .join_from(FinalStanding, Participant, and_(Participant.challenge_id == FinalStanding.challenge_id, mine))
        .join(Person, Person.id == Participant.person_id)
        .join(given, given.c.person_id == Participant.person_id)
        .join(Declaration, Declaration.public_id == given.c.subject)
        .where(FinalStanding.challenge_id == challenge.id, Person.suspended_at.is_(None))
        .subquery("totals")
    )
    return (
        select(totals.c.competitor, func.min(totals.c.declared_at).label("at"))
        .where(totals.c.total >= points)
        .group_by(totals.c.competitor)
        .subquery("crossings")
    )


def _first_across(challenge: Challenge, payout: Mapping[str, Any]) -> Subquery:
    """The first of a race over the whole challenge; equal instants share the place."""
    crossed = crossings(challenge, payout["points"])
    place = func.rank().over(order_by=crossed.c.at)
    placed = select(crossed.c.competitor, place.label("place")).subquery("placed")
    return select(placed.c.competitor).where(placed.c.place <= payout["first"]).subquery("first")


def _drawn(challenge: Challenge, board: Subquery, payout: Mapping[str, Any], hashed: str) -> list[str]:
    """The competitors drawn by lot: each draw finds its ticket's owner in SQL, whatever their number."""
    secret = db.session.get_one(Draw, challenge.id)
    tickets = cast(board.c.points // payout["tickets_per"], BigInteger)
    drawn: list[str] = []
    k = 0
    while len(drawn) < payout["winners"]:
        left = (
            select(
                board.c.competitor,
                tickets.label("tickets"),
                func.sum(tickets).over(order_by=board.c.competitor).label("up_to"),
            )
            .where(tickets > 0, board.c.competitor.not_in(drawn))
            .subquery("left_over")
        )
        count = db.session.scalar(select(func.max(left.c.up_to)))
        if not count:
            break
        ticket = drawn_ticket(secret.seed, hashed, k, int(count))
        k += 1
        if ticket is not None:
            owner = select(left.c.competitor).where(left.c.up_to > ticket).order_by(left.c.up_to).limit(1)
            found = db.session.scalar(owner)
            assert found is not None
            drawn.append(found)
    return drawn


def _reward(code: str | None) -> Reward | None:
    if code is None:
        return None
    found = db.session.scalar(select(Reward).where(Reward.code == code))
    if found is None:
        raise NotPossible(f"{code!r} is no longer an article of the reward catalogue; import it again")
    return found


def _frozen_board(challenge: Challenge) -> Subquery:
    """The frozen board without the people of health outlets, whom no individual reward may reach (CSP L1453-3)."""
    lines = (
        select(
            FinalStanding.league,
            FinalStanding.competitor,
            FinalStanding.person_id,
            FinalStanding.outlet_id,
            FinalStanding.rank,
            FinalStanding.points,
            FinalStanding.progress_bp,
        )
        .join(Outlet, Outlet.id == FinalStanding.outlet_id)
        .where(FinalStanding.challenge_id == challenge.id)
    )
    if challenge.ranks == "person":
        lines = lines.where(Outlet.health.is_(False))
    return lines.subquery("board")


def _people_of_outlets(challenge: Challenge) -> Subquery:
    """Where outlets compete: each person's own total, with the rank of its outlet."""
    return (
        select(
            FinalStanding.league,
            Person.code.label("competitor"),
            Person.id.label("person_id"),
            FinalStanding.outlet_id,
            FinalStanding.rank,
            Standing.points,
            cast(null(), BigInteger).label("progress_bp"),
        )
        .join_from(
            FinalStanding,
            Participant,
            and_(
                Participant.challenge_id == FinalStanding.challenge_id,
                Participant.outlet_id == FinalStanding.outlet_id,
            ),
        )
        .join(
            Standing,
            and_(
                Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id
            ),
        )
        .join(Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == FinalStanding.outlet_id)
        .where(
            FinalStanding.challenge_id == challenge.id,
            Standing.points > 0,
            Person.suspended_at.is_(None),
            Outlet.health.is_(False),
        )
        .subquery("people")
    )


def _shared(gains: Subquery, left: int, needed: int) -> Subquery:
    """A conversion for which money lacks: everyone gets the same part of it, floored."""
    part = cast(gains.c.wallet_points * left // needed, BigInteger)
    kept = [column for column in gains.c if column.name not in ("wallet_points", "cost_cents")]
    return select(
        *kept,
        part.label("wallet_points"),
        cast(part * int(setting("wallet_point_cents")), BigInteger).label("cost_cents"),
    ).subquery("shared")


def _funding(gains: Subquery, left: int | None, stopped: bool) -> tuple[ColumnElement[str], Any]:
    """granted or not_funded: the first award that does not fit stops all that follow."""
    if left is None:
        return literal("granted", String), None
    if stopped:
        return literal("not_funded", String), None
    running = func.sum(gains.c.cost_cents).over(order_by=(gains.c.league, gains.c.rank, gains.c.competitor))
    return case((running <= left, "granted"), else_="not_funded"), running


def _spent(challenge: Challenge, number: int) -> tuple[int, bool]:
    """What the granted awards of a payout cost, and whether one of it was not funded."""
    granted, refused = db.session.execute(
        select(
            func.coalesce(func.sum(case((Award.status == "granted", Award.cost_cents), else_=0)), 0),
            func.count(case((Award.status == "not_funded", 1))),
        ).where(Award.challenge_id == challenge.id, Award.payout == number)
    ).one()
    return int(granted), refused > 0


def _credit(challenge: Challenge, *, at: datetime) -> None:
    """Put the granted wallet points into people's wallets, one entry per award."""
    granted = and_(
        Award.challenge_id == challenge.id,
        Award.status == "granted",
        Award.wallet_points > 0,
        Award.person_id.is_not(None),
    )
    if db.session.scalar(select(Award.id).where(granted).limit(1)) is None:
        return
    code = challenge.code
    why: ColumnElement[str] = literal("", String)
    for number, payout in enumerate(challenge.definition.get("payouts", ()), 1):
        facts = {"counts": "award", "challenge": code, "payout": number, "kind": payout["kind"]}
        if payout["kind"] == "convert":
            facts |= {"every": payout["every"], "into": payout["into"]}
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))[:-1]
        ending = literal(text + ',"rank":', String) + cast(Award.rank, String)
        why = case(
            (Award.payout == number, ending + ',"total":' + cast(Award.points, String) + "}"), else_=why
        )
    reference = literal(f"closing/{code}/", String) + cast(Award.payout, String) + "/" + Person.code
    credits = (
        select(
            Award.person_id.label("person_id"),
            Person.code.label("code"),
            Award.wallet_points.label("amount"),
            reference.label("reference"),
            literal(code, String).label("subject"),
            why.label("why"),
        )
        .join(Person, Person.id == Award.person_id)
        .where(granted)
    )
    open_book(WALLET)
    credit_selected(WALLET, credits, at=at)


def _grant_podium(challenge: Challenge, *, at: datetime) -> None:
    """The podium badge for ranks 1 to 3, where people compete."""
    podium = db.session.scalars(
        select(FinalStanding.person_id).where(
            FinalStanding.challenge_id == challenge.id,
            FinalStanding.rank <= 3,
            FinalStanding.person_id.is_not(None),
        )
    )
    counts = {
        person: Counts(declarations=0, feedbacks=0, best_week_streak=0, podiums=1)
        for person in podium
        if person is not None
    }
    grant_earned(counts, at=at)


# --- the certificate -------------------------------------------------------------------------------------------------


def certificate(challenge: Challenge, hashed: str, *, by: str, at: datetime) -> dict[str, Any]:
    """What anyone needs to check a closing: rules, period, counts, hash of the standings, payouts, who and when."""
    definition = challenge.definition
    paid = _paid(challenge)
    versions = db.session.execute(
        select(RulesVersion.number, RulesVersion.hash, RulesVersion.starts_on)
        .where(RulesVersion.challenge_id == challenge.id)
        .order_by(RulesVersion.number)
    )
    return {
        "challenge": challenge.code,
        "name": definition.get("name"),
        "rules": [
            {"version": row.number, "hash": row.hash, "starts_on": row.starts_on.isoformat()} for row in versions
        ],
        "period": {
            "starts_on": challenge.starts_on.isoformat(),
            "ends_on": challenge.ends_on.isoformat(),
            "timezone": challenge.timezone,
            "declare_until": clock.format_instant(challenge.declare_until),
            "review_until": clock.format_instant(challenge.review_until),
        },
        "ranking": {
            "ranks": challenge.ranks, "rank_by": challenge.rank_by, "tie_break": challenge.tie_break,
            "league_by": definition.get("league_by"),
        },
        "counts": _counts(challenge),
        "standings_hash": hashed,
        "payouts": paid,
        "exclusions": _exclusions(challenge),
        "ties": _ties(challenge),
        "draw_seed": db.session.scalar(select(Draw.seed).where(Draw.challenge_id == challenge.id)),
        "budget": {
            "euros": definition.get("budget"),
            "policy": definition.get("budget_policy", "stop"),
            "spent_cents": sum(line["cost_cents"] for line in paid),
            "wallet_point_cents": int(setting("wallet_point_cents")),
        },
        "pending_at_close": definition.get("pending_at_close", "wait"),
        "closed_by": by,
        "closed_at": clock.format_instant(at),
    }  # fmt: skip


def _counts(challenge: Challenge) -> dict[str, int]:
    def count(model: Any) -> int:
        return (
            db.session.scalar(select(func.count()).select_from(model).where(model.challenge_id == challenge.id)) or 0
        )

    points = db.session.scalar(
        select(func.coalesce(func.sum(FinalStanding.points), 0)).where(FinalStanding.challenge_id == challenge.id)
    )
    return {
        "participants": count(Participant),
        "ranked": count(FinalStanding),
        "declarations": count(CountedDeclaration),
        "points": int(points or 0),
        "awards": count(Award),
    }


def _paid(challenge: Challenge) -> list[dict[str, Any]]:
    granted = Award.status == "granted"
    rows = db.session.execute(
        select(
            Award.payout,
            Award.kind,
            func.count(case((granted, 1))),
            func.count(case((Award.status == "not_funded", 1))),
            func.coalesce(func.sum(case((granted, Award.wallet_points), else_=0)), 0),
            func.coalesce(func.sum(case((granted, Award.cost_cents), else_=0)), 0),
        )
        .where(Award.challenge_id == challenge.id)
        .group_by(Award.payout, Award.kind)
        .order_by(Award.payout)
    )
    return [
        {
            "payout": payout, "kind": kind, "granted": won, "not_funded": lost, "wallet_points": int(wallet),
            "cost_cents": int(cost),
        }
        for payout, kind, won, lost, wallet, cost in rows
    ]  # fmt: skip


def _exclusions(challenge: Challenge) -> list[dict[str, str]]:
    """People left out of the board (suspended) or of individual awards (health outlets), by code."""
    reason = case((Person.suspended_at.is_not(None), "suspended"), else_="health")
    left_out = Person.suspended_at.is_not(None) | Outlet.health.is_(True)
    rows = db.session.execute(
        select(Person.code, reason)
        .join_from(Participant, Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .where(Participant.challenge_id == challenge.id, left_out)
        .order_by(Person.code)
    )
    return [{"person": code, "reason": why} for code, why in rows]


def _ties(challenge: Challenge) -> list[dict[str, Any]]:
    """Ranks that several share, the first hundred; more are counted by their absence from the ranks that follow."""
    rows = db.session.execute(
        select(FinalStanding.league, FinalStanding.rank, func.count())
        .where(FinalStanding.challenge_id == challenge.id)
        .group_by(FinalStanding.league, FinalStanding.rank)
        .having(func.count() > 1)
        .order_by(FinalStanding.league, FinalStanding.rank)
        .limit(100)
    )
    return [{"league": league, "rank": rank, "competitors": count} for league, rank, count in rows]
