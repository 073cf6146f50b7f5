"""Who wins what at closing, and what it costs: one statement per payout, within the budget (docs/game/closing.md).

The meaning is written as a pure function in rewards/rules.py, which `flask challenges verify` recomputes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, and_, case, cast, func, insert, literal, null, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement, FromClause, Subquery

from challenges.lifecycle import NotPossible
from challenges.models import Challenge, Draw, Participant
from declarations.models import Declaration
from foundation.database import Instant, db
from foundation.programme import setting
from leaderboards.models import FinalStanding, Standing
from network.models import Outlet, Person
from points.models import WALLET, Account, Book, Entry, challenge_book
from points.operations import credit_selected, open_book
from rewards.models import PROMISED, Award, Reward
from rewards.rules import drawn_places
from rewards.withholding import Withholding

PAYOUTS = ("rank", "threshold", "objective", "race", "convert", "draw")


def award(challenge: Challenge, hashed: str, withholding: Withholding) -> None:
    """Write the awards of every payout, within the budget: one statement each, in file order.

    What is held keeps its part of the budget; what passes the yearly cap takes none of it.
    """
    definition = challenge.definition
    budget = definition.get("budget")
    left = None if budget is None else budget * 100
    stopped = False
    for number, payout in enumerate(definition.get("payouts", ()), 1):
        if payout["kind"] not in PAYOUTS:
            raise NotPossible(f"payout {number} of {challenge.code}: {payout['kind']!r} cannot be paid by this version")
        gains = withholding.marked(_gains(challenge, payout, hashed))
        needed = cost = 0
        if left is not None and not stopped:
            wanted = select(func.coalesce(func.sum(gains.c.cost_cents), 0)).where(gains.c.standing != "capped")
            needed = db.session.scalar(wanted) or 0
            shares = definition.get("budget_policy") == "pro_rata" and payout["kind"] == "convert"
            if needed > left and shares:
                gains = _shared(gains, left, int(needed))
        status = _funding(gains, left, stopped)
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
        everybody = select(FinalStanding).where(FinalStanding.challenge_id == challenge.id).subquery("everybody")
        won = columns.competitor.in_(select(first_across(challenge, payout, everybody).c.competitor))
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


def crossings(challenge: Challenge, points: int, board: FromClause) -> Subquery:
    """When each competitor of a board first reached a total: (competitor, at), from the entries in fold order.

    `board` has the columns competitor, person_id and outlet_id, of everybody who is on it. What a declaration gave in
    all is the sum of its entries; the instant is that of the declaration that crossed, or of the manual bonus, which is
    in its own place among them.
    """
    account = aliased(Account)
    signed = case((Entry.destination_id == account.id, Entry.amount), else_=-Entry.amount)
    by_hand = Entry.rules_version == 0
    given = (
        select(
            account.person_id.label("person_id"),
            Entry.subject.label("subject"),
            by_hand.label("by_hand"),
            func.max(Entry.effective_at).label("at"),
            func.sum(signed).label("points"),
        )
        .join_from(Book, account, account.book_id == Book.id)
        .join(Entry, or_(Entry.destination_id == account.id, Entry.source_id == account.id))
        .where(Book.name == challenge_book(challenge.code), account.person_id.is_not(None))
        .group_by(account.person_id, Entry.subject, by_hand)
        .subquery("given")
    )
    mine = (
        Participant.outlet_id == board.c.outlet_id
        if challenge.ranks == "outlet"
        else Participant.person_id == board.c.person_id
    )
    declared_at = func.coalesce(Declaration.declared_at, given.c.at, type_=Instant())
    running = func.sum(given.c.points).over(
        partition_by=board.c.competitor,
        order_by=(declared_at, func.coalesce(Declaration.received_at, given.c.at), given.c.subject),
    )
    totals = (
        select(board.c.competitor, declared_at.label("declared_at"), running.label("total"))
        .join_from(board, Participant, and_(Participant.challenge_id == challenge.id, mine))
        .join(Person, Person.id == Participant.person_id)
        .join(given, given.c.person_id == Participant.person_id)
        .outerjoin(Declaration, and_(Declaration.public_id == given.c.subject, ~given.c.by_hand))
        .where(Person.suspended_at.is_(None))
        .subquery("totals")
    )
    return (
        select(totals.c.competitor, func.min(totals.c.declared_at).label("at"))
        .where(totals.c.total >= points)
        .group_by(totals.c.competitor)
        .subquery("crossings")
    )


def first_across(challenge: Challenge, payout: Mapping[str, Any], board: FromClause) -> Subquery:
    """The first of a race over the whole challenge (competitor); equal instants share the place. See crossings."""
    crossed = crossings(challenge, payout["points"], board)
    place = func.rank().over(order_by=crossed.c.at)
    placed = select(crossed.c.competitor, place.label("place")).subquery("placed")
    return select(placed.c.competitor).where(placed.c.place <= payout["first"]).subquery("first")


def _drawn(challenge: Challenge, board: Subquery, payout: Mapping[str, Any], hashed: str) -> list[str]:
    """The competitors drawn by lot: their numbers of tickets are read once, in order of code, and only those drawn are
    then looked up."""
    secret = db.session.get_one(Draw, challenge.id)
    tickets = cast(board.c.points // payout["tickets_per"], BigInteger)
    counts = db.session.scalars(
        select(tickets).where(tickets > 0).order_by(board.c.competitor), execution_options={"yield_per": 5_000}
    )
    places = drawn_places(counts, payout["winners"], secret.seed, hashed)
    place = func.row_number().over(order_by=board.c.competitor) - 1
    numbered = select(board.c.competitor, place.label("place")).where(tickets > 0).subquery("numbered")
    return list(db.session.scalars(select(numbered.c.competitor).where(numbered.c.place.in_(places))))


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
            and_(Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id),
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
    part = cast(
        case((gains.c.standing == "capped", gains.c.wallet_points), else_=gains.c.wallet_points * left // needed),
        BigInteger,
    )
    kept = [column for column in gains.c if column.name not in ("wallet_points", "cost_cents")]
    return select(
        *kept,
        part.label("wallet_points"),
        cast(part * int(setting("wallet_point_cents")), BigInteger).label("cost_cents"),
    ).subquery("shared")


def _funding(gains: Subquery, left: int | None, stopped: bool) -> ColumnElement[str]:
    """The status of each award: what the budget does to its standing. The first that does not fit stops all that
    follow."""
    standing = gains.c.standing
    if left is None:
        return standing
    if stopped:
        return case((standing == "capped", standing), else_="not_funded")
    taken = case((standing == "capped", 0), else_=gains.c.cost_cents)
    running = func.sum(taken).over(order_by=(gains.c.league, gains.c.rank, gains.c.competitor))
    return case((or_(standing == "capped", running <= left), standing), else_="not_funded")


def _spent(challenge: Challenge, number: int) -> tuple[int, bool]:
    """What the awards of a payout cost that are granted or held, and whether one of it was not funded."""
    granted, refused = db.session.execute(
        select(
            func.coalesce(func.sum(case((Award.status.in_(PROMISED), Award.cost_cents), else_=0)), 0),
            func.count(case((Award.status == "not_funded", 1))),
        ).where(Award.challenge_id == challenge.id, Award.payout == number)
    ).one()
    return int(granted), refused > 0


def credit(challenge: Challenge, *, at: datetime, award_id: int | None = None) -> None:
    """Put the granted wallet points into people's wallets, one entry per award; or those of one award that was held."""
    granted = and_(
        Award.challenge_id == challenge.id,
        Award.status == "granted" if award_id is None else Award.id == award_id,
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
        why = case((Award.payout == number, ending + ',"total":' + cast(Award.points, String) + "}"), else_=why)
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
