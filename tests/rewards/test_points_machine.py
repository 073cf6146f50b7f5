"""The money side of the game driven in any order, by a clock that also jumps: points are never lost, made or doubled.

At least 2 000 steps each time, always the same ones. `PALMARES_MACHINE_STEPS=20000 pytest …` takes that many, others
each time; `--hypothesis-seed=N` takes those of a run that failed.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from challenges import lifecycle
from challenges.definition import definition_from
from challenges.models import Challenge, Draw
from declarations import adjustments, amending, operations, publishing
from declarations.models import CountedDeclaration, Declaration, Revision
from declarations.rules import Submission, SubmittedLine
from declarations.verification import differences as ledger_differences
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from leaderboards.exports import export_standings
from network.models import Person
from network.operations import reinstate, suspend
from points import wallet
from points.jobs import expire_lots, seal_books
from points.models import (
    WALLET,
    Account,
    Adjustment,
    AdjustmentDecision,
    Book,
    Debt,
    Entry,
    Lot,
    LotUse,
    challenge_book,
)
from points.queries import adjustments_wait, balances, spendable, wallet_points
from points.rules import EXPIRED, SPENT, NotEnough, NotPossible
from rewards import orders
from rewards.exports import export_awards
from rewards.jobs import advance_challenges, remember_yesterday
from rewards.models import Closure, Order, Reward
from rewards.rules import NotOrdered
from rewards.verification import differences as closing_differences
from tests import servers
from tests.cast import Cast
from tests.reference import recompute
from tests.rewards.game import (
    ARTICLES,
    COSTS,
    LATE,
    OUTLET_OF,
    PARIS,
    SELLERS,
    SHAPES,
    Told,
    challenge_data,
    counts_in,
    dates_of,
    holding_instant,
    open_shop,
    reference_board,
)
from tests.rewards.shop import ADDRESS

START = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)
STEPS = int(os.environ.get("PALMARES_MACHINE_STEPS", "0"))
IN_ONE_GO = 50
MANY_UNITS = 20  # a line of more goes to review
MUCH = 100  # an adjustment of more waits for a second person
ANY = st.integers(0, 1_000)  # which of those there are
SALES = st.tuples(
    st.sampled_from(SELLERS),
    st.lists(
        st.tuples(st.sampled_from(("CREME", "SERUM", "ROUGE")), st.sampled_from((1, 2, 3, 7, MANY_UNITS + 1))),
        min_size=1,
        max_size=2,
    ),
    st.integers(0, 4),  # on which day
    st.sampled_from((None, -60, -1, 1, 20, 30, 24 * 15)),  # hours since which the device holds it
    st.sampled_from(("meeting", "meeting", "store")),
)

# What a run must have come by, or it would prove little.
HAPPENS = (
    "accepted", "adjustments of challenges", "adjustments of wallets", "approved", "balances on pages",
    "cancelled challenges", "closings equal to the reference", "closings that accept what waits",
    "closings that reject what waits", "closings that wait", "contested", "corrections", "early ends", "extensions",
    "jumps back", "orders", "orders cancelled", "orders delivered", "orders of another tab", "points that expired",
    "refused for want of points", "rejected", "reversals forgiven", "reversals owed",
    "steps in debt", "withdrawn", "withdrawn after the closing",
)  # fmt: skip

OFTEN: list[str] = []
DRAWN: dict[str, st.SearchStrategy[dict[str, Any]]] = {}
POSSIBLE: dict[str, Callable[[Any], Any]] = {}


def happens(often: int, *, possible: Callable[[Any], Any] = lambda self: True, **drawn: Any) -> Callable[..., Any]:
    """What may happen in the game, with what is drawn for it; so many times as often as what happens once."""

    def listed(act: Callable[..., None]) -> Callable[..., None]:
        OFTEN.extend([act.__name__] * often)
        DRAWN[act.__name__], POSSIBLE[act.__name__] = st.fixed_dictionaries(drawn), possible
        return act

    return listed


class Game(RuleBasedStateMachine):
    """Four sellers, two animators, challenges that come and go, a shop. What is told is kept beside the product, so
    that the independent reference can say what boards and awards should be."""

    afresh: Callable[[], None]
    client: FlaskClient
    steps = 0
    seen: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.afresh()
        self.at = START
        self.taken = -1  # the first look is before the first step
        self.policy = "debt"
        self.told: dict[str, Told] = {}
        self.submitted: list[Submission] = []
        self.numbers: Counter[str] = Counter()
        self.adjusted: set[str] = set()
        self.closed: dict[str, list[dict[str, str]]] = {}
        self.tokens: dict[tuple[str, str, int], int] = {}
        self.suspended: set[str] = set()
        self.entries = 0
        self.held: Counter[tuple[str, str]] = Counter()

    # --- looking ----------------------------------------------------------------------------------------------------

    def person(self, code: str) -> Person:
        return db.session.scalars(select(Person).where(Person.code == code)).one()

    def challenges(self, *states: str) -> list[Challenge]:
        db.session.rollback()
        found = db.session.scalars(select(Challenge).order_by(Challenge.id)).all()
        return [one for one in found if not states or one.state in states]

    def under_way(self) -> list[Challenge]:
        return self.challenges("published", "running", "closing", "reviewing")

    def sale(self, which: int) -> tuple[Told, Declaration]:
        one = list(self.told.values())[which % len(self.told)]
        return one, db.session.scalars(select(Declaration).where(Declaration.public_id == one.id)).one()

    def told_and(self, status: str) -> list[Told]:
        return [one for one in self.told.values() if one.status == status]

    def lots(self, code: str) -> list[tuple[Lot, int]]:
        """The lots of a wallet in the order of spending, each with what its uses have left of it."""
        rows = db.session.execute(
            select(Lot, Lot.amount - func.coalesce(func.sum(LotUse.amount), 0))
            .join(Account, Account.id == Lot.account_id)
            .outerjoin(LotUse, LotUse.lot_id == Lot.id)
            .where(Account.holder == code)
            .group_by(Lot.id)
        ).all()
        never = datetime(9999, 1, 1, tzinfo=UTC)
        return sorted(rows, key=lambda row: (row[0].expires_at or never, row[0].received_at, row[0].id))

    def usable(self, code: str) -> list[tuple[Lot, int]]:
        return [
            (lot, left)
            for lot, left in self.lots(code)
            if left and (lot.expires_at is None or lot.expires_at > self.at)
        ]

    def owed(self, code: str) -> int:
        mine = select(Debt.points).join(Account, Account.id == Debt.account_id).where(Account.holder == code)
        return db.session.scalar(mine) or 0

    def uses(self, reference: str) -> dict[int, int]:
        rows = db.session.execute(
            select(LotUse.lot_id, func.sum(LotUse.amount)).where(LotUse.reference == reference).group_by(LotUse.lot_id)
        )
        return {lot: int(amount) for lot, amount in rows}

    def saw(self, what: str, count: int = 1) -> None:
        self.numbers[what] += count

    # --- time -------------------------------------------------------------------------------------------------------

    @initialize(
        shape=st.sampled_from(sorted(SHAPES)), policy=st.sampled_from(("debt", "forgive")),
        sales=st.lists(SALES, min_size=2, max_size=4),
    )  # fmt: skip
    def it_begins(self, shape: str, policy: str, sales: list[Any]) -> None:
        with transaction():
            change_setting("review_units_above", str(MANY_UNITS), by="ADA", at=self.at)
            change_setting("adjustment_points_above", str(MUCH), by="ADA", at=self.at)
        for days, amount in ((90, 50), (15, 40)):
            self.the_brand_decides(days, policy)
            for code in SELLERS:
                self.staff_adjust(code, amount, 1)
        self.a_challenge_is_published(shape, 1, 2)
        self.at += timedelta(days=2)
        self.sales_are_told(sales, 0)

    @happens(1, hours=st.integers(0, 40), minutes=st.integers(0, 59))
    def time_passes(self, hours: int, minutes: int) -> None:
        self.at += timedelta(hours=hours, minutes=minutes)

    @happens(5, dates=st.integers(1, 4), just_before=st.booleans(), the_clock_works=st.booleans())
    def the_next_dates_come(self, dates: int, just_before: bool, the_clock_works: bool) -> None:
        """Days begin and end, time to declare is over, points expire: the clock is exactly there, or just before."""
        for _ in range(dates):
            coming = [at for one in self.under_way() for at in dates_of(one.definition)]
            coming += [at for at in db.session.scalars(select(Lot.expires_at).where(Lot.left > 0)) if at is not None]
            later = sorted(at for at in coming if at > self.at)
            if later:
                self.at = later[0]
        if just_before:
            self.at -= timedelta(microseconds=1)
        if the_clock_works:
            self.challenges_advance()

    @happens(1, hours=st.sampled_from((-400, -30, -24, -1, 1, 100)))
    def the_clock_jumps(self, hours: int) -> None:
        self.at += timedelta(hours=hours)
        self.saw("jumps back", hours < 0)

    @happens(2)
    def challenges_advance(self) -> None:
        before = {one.id: one.state for one in self.challenges()}
        list(advance_challenges(self.at))
        closing = [one for one in self.challenges("closed") if before[one.id] != "closed"]
        for public_id, status in db.session.execute(select(Declaration.public_id, Declaration.status)):
            one = self.told[public_id]
            if one.status != status:
                policy = {"accepted": "accept", "rejected": "reject"}[status]
                deciding = [
                    challenge
                    for challenge in closing
                    if challenge.definition.get("pending_at_close") == policy and counts_in(challenge.definition, one)
                ]
                assert one.status == "in_review" and deciding
                assert all(self.at >= challenge.review_until for challenge in deciding)
                one.status = status
                self.saw(f"closings that {policy} what waits")
        waiting = self.told_and("in_review")
        for challenge in self.challenges("reviewing"):
            if self.at < challenge.declare_until + LATE:
                continue  # the clock has gone back
            wait = challenge.definition.get("pending_at_close", "wait") == "wait"
            pending = any(counts_in(challenge.definition, one) for one in waiting)
            asked = adjustments_wait(challenge.id) and self.at < challenge.review_until
            assert asked or (pending and (wait or self.at < challenge.review_until)), "it waits for nothing"
            self.saw("closings that wait")

    @happens(1, what=st.sampled_from((expire_lots, seal_books, remember_yesterday)))
    def another_job_runs(self, what: Callable[[datetime], Iterator[str]]) -> None:
        list(what(self.at))

    @happens(1, days=st.sampled_from((0, 1, 15, 90)), policy=st.sampled_from(("debt", "forgive")))
    def the_brand_decides(self, days: int, policy: str) -> None:
        self.policy = policy
        with transaction():
            change_setting("wallet_points_expire_after_days", str(days), by="ADA", at=self.at)
            change_setting("reversal_policy", policy, by="ADA", at=self.at)

    # --- challenges -------------------------------------------------------------------------------------------------

    @happens(
        3,
        shape=st.sampled_from(sorted(SHAPES)),
        begins=st.integers(-2, 2),
        days=st.integers(1, 4),
        possible=lambda self: len(self.under_way()) < 3,
    )
    def a_challenge_is_published(self, shape: str, begins: int, days: int) -> None:
        number = len(self.challenges()) + 1
        first = self.at.astimezone(PARIS).date() + timedelta(days=begins)
        definition = definition_from(challenge_data(f"{shape}-{number}", shape, first, days))
        try:
            with transaction():
                made, _ = publishing.publish_definition(definition, by="MARC", at=self.at)
                if definition.has_draw:
                    drawn = db.session.get_one(Draw, made.id)
                    drawn.seed, drawn.commitment = "graine", lifecycle.commitment("graine")
        except lifecycle.NotPossible:
            assert definition.has_draw and begins < 1

    @happens(4, which=ANY, days=st.sampled_from((-2, -1, -1, -1, 1, 2)), possible=lambda self: self.under_way())
    def the_end_of_a_challenge_moves(self, which: int, days: int) -> None:
        found = self.under_way()
        challenge = found[which % len(found)]
        act = amending.extend if days > 0 else amending.close_early
        try:
            with transaction():
                ends_on = challenge.ends_on + timedelta(days=days)
                act(db.session.get_one(Challenge, challenge.id), ends_on, "Promis", by="MARC", at=self.at)
        except lifecycle.NotAllowed:
            return
        self.saw("extensions" if days > 0 else "early ends")

    @happens(1, which=ANY, really=st.sampled_from((False, False, False, True)), possible=lambda self: self.under_way())
    def a_challenge_is_cancelled(self, which: int, really: bool) -> None:
        found = self.under_way()
        if really:
            with transaction():
                challenge = db.session.get_one(Challenge, found[which % len(found)].id)
                publishing.cancel(challenge, "Rupture", by="MARC", at=self.at)
            self.saw("cancelled challenges")

    # --- sales ------------------------------------------------------------------------------------------------------

    @happens(5, sales=st.lists(SALES, min_size=1, max_size=3), which=ANY)
    def sales_are_told(self, sales: list[Any], which: int) -> None:
        """At the days of a challenge, where there is one."""
        today, found, submissions = self.at.astimezone(PARIS).date(), self.under_way(), []
        first = found[which % len(found)].starts_on if found else today
        for person, lines, days, hours, channel in sales:
            told_at = None if hours is None else self.at - timedelta(hours=hours)
            sold_on = min(today, first + timedelta(days=days))
            number = f"V{len(self.submitted) + len(submissions) + 1}"
            said = tuple(SubmittedLine(sku, units, None) for sku, units in lines)
            submissions.append(Submission(number, person, sold_on, told_at, channel, said))
        with transaction():
            receipts = operations.receive(submissions, by="MARC", at=self.at, zone=PARIS)
        for one, receipt in zip(submissions, receipts, strict=True):
            self.submitted.append(one)
            lines = tuple((line.sku, line.units) for line in one.lines)
            declared_at = holding_instant(one.declared_at, self.at)
            told = Told(one.id, one.person, one.sold_on, declared_at, self.at, one.channel, lines, receipt.status)
            assert receipt.status == self.status_of(lines)
            self.told[one.id] = told

    def status_of(self, lines: tuple[tuple[str, int], ...]) -> str:
        return "in_review" if any(units > MANY_UNITS for _, units in lines) else "accepted"

    @happens(1, which=ANY, possible=lambda self: self.submitted)
    def a_sale_is_sent_once_more(self, which: int) -> None:
        one = self.submitted[which % len(self.submitted)]
        with transaction():
            [receipt] = operations.receive([one], by=one.person, at=self.at, zone=PARIS)
        assert receipt.replay and receipt.status == self.told[one.id].status
        assert db.session.scalar(select(func.count()).select_from(Entry)) == self.entries

    @happens(2, which=ANY, sale=SALES, possible=lambda self: self.told)
    def a_sale_is_corrected(self, which: int, sale: Any) -> None:
        one, _ = self.sale(which)
        lines, sold_on = tuple(sale[1]), one.sold_on - timedelta(days=sale[2] // 2)
        said = tuple(SubmittedLine(sku, units, None) for sku, units in lines)
        submission = Submission(one.id, one.person, sold_on, None, sale[4], said)
        try:
            with transaction():
                operations.correct(self.sale(which)[1], submission, by=one.person, at=self.at, zone=PARIS)
        except operations.NotPossible:
            return
        one.lines, one.sold_on, one.channel, one.status = lines, sold_on, sale[4], self.status_of(lines)
        self.saw("corrections")

    @happens(2, which=ANY, possible=lambda self: self.told)
    def a_sale_is_withdrawn(self, which: int) -> None:
        one, _ = self.sale(which)
        try:
            with transaction():
                operations.withdraw(self.sale(which)[1], by=one.person, at=self.at)
        except operations.NotPossible:
            assert one.status in ("withdrawn", "rejected")
            return
        assert one.status in ("accepted", "in_review")
        one.status = "withdrawn"
        counted = select(CountedDeclaration).join(Declaration, Declaration.id == CountedDeclaration.declaration_id)
        late = db.session.execute(counted.where(Declaration.public_id == one.id).limit(1)).first() is not None
        self.saw("withdrawn after the closing" if late else "withdrawn")

    @happens(
        2,
        which=ANY,
        good=st.booleans(),
        possible=lambda self: any(one.status == "in_review" for one in self.told.values()),
    )
    def a_sale_is_reviewed(self, which: int, good: bool) -> None:
        waiting = self.told_and("in_review")
        one = waiting[which % len(waiting)]
        with transaction():
            found = db.session.scalars(select(Declaration).where(Declaration.public_id == one.id)).one()
            if good:
                operations.accept(found, by="MARC", at=self.at)
            else:
                operations.reject(found, "other", by="MARC", at=self.at, note="Illisible")
        one.status = "accepted" if good else "rejected"
        self.saw(one.status)

    @happens(2, which=ANY, possible=lambda self: self.told_and("rejected"))
    def a_refusal_is_contested(self, which: int) -> None:
        refused = self.told_and("rejected")
        one = refused[which % len(refused)]
        try:
            with transaction():
                found = db.session.scalars(select(Declaration).where(Declaration.public_id == one.id)).one()
                operations.contest(found, by=one.person, at=self.at)
        except operations.NotPossible:
            assert one.contested
            return
        assert not one.contested
        one.status, one.contested = "in_review", True
        self.saw("contested")

    # --- points by hand ---------------------------------------------------------------------------------------------

    @happens(3, code=st.sampled_from(SELLERS), amount=st.sampled_from((-150, -90, 20, 60, 100, 300)), which=ANY)
    def staff_adjust(self, code: str, amount: int, which: int) -> None:
        """A wallet mostly; now and then the points of a challenge, which leaves the reference's board for good."""
        playing = self.challenges("running", "closing", "reviewing")
        challenge = playing[which % len(playing)] if playing and which % 3 == 0 else None
        try:
            with transaction():
                mine = None if challenge is None else db.session.get_one(Challenge, challenge.id)
                asked = adjustments.adjust(self.person(code), mine, amount, "Un geste", by="MARC", at=self.at)
                waits = asked.needs_approval
        except NotEnough as refusal:
            assert challenge is not None and refusal.has < refusal.needs == -amount
            return
        assert waits == (abs(amount) > MUCH)
        if challenge is not None and not waits:
            self.adjusted.add(challenge.code)
        self.saw("adjustments of challenges" if challenge is not None else "adjustments of wallets")

    @happens(6, good=st.booleans(), by=st.sampled_from(("ADA", "ADA", "MARC")))
    def somebody_decides_on_an_adjustment(self, good: bool, by: str) -> None:
        decided = select(AdjustmentDecision.adjustment_id)
        waiting = select(func.min(Adjustment.id)).where(Adjustment.needs_approval, Adjustment.id.not_in(decided))
        number = db.session.scalar(waiting)
        if number is None:
            return
        try:
            with transaction():
                found = db.session.get_one(Adjustment, number)
                code = None
                if found.challenge_id is not None:
                    code = db.session.get_one(Challenge, found.challenge_id).code
                if good:
                    adjustments.approve(found, by=by, at=self.at)
                else:
                    adjustments.refuse(found, "Non", by=by, at=self.at)
        except (NotPossible, NotEnough):
            return
        assert by == "ADA"
        if code is not None and good:
            self.adjusted.add(code)
        self.saw("approved" if good else "refused")

    @happens(5, which=st.integers(0, 5))
    def a_credit_is_taken_back(self, which: int) -> None:
        """One that has been spent rather than another."""
        credits = select(Lot.id, Lot.reference, Lot.amount, Account.holder).join(Account)
        ordered = select(LotUse.id).where(LotUse.lot_id == Lot.id, LotUse.reference.startswith("order/")).exists()
        lots = db.session.execute(credits.order_by(~ordered, Lot.id.desc())).all()
        if not lots:
            return
        number, reference, amount, code = lots[which % len(lots)]
        held, owed = sum(left for _, left in self.usable(code)), self.owed(code)
        gone = select(func.coalesce(func.sum(LotUse.amount), 0)).where(
            LotUse.lot_id == number, LotUse.reference.startswith("expiry/")
        )
        due = sum(left for lot, left in self.lots(code) if lot.id == number and not self.lasts(lot))
        rest = amount - int(db.session.scalar(gone) or 0) - due
        before = select(Entry.id).where(Entry.reference == f"revert/{number}")
        again = db.session.scalar(before) is not None
        try:
            with transaction():
                taken = wallet.revert(reference, "Une erreur", by="MARC", at=self.at)
        except NotPossible:
            assert again or not rest
            return
        assert not again and taken == rest > 0
        lacking = max(0, rest - held)
        forgiven = lacking if self.policy == "forgive" else 0
        assert wallet_points(self.person(code).id) == held - owed - rest + forgiven
        self.saw("reversals")
        if lacking:
            self.saw("reversals owed" if self.policy == "debt" else "reversals forgiven")

    def lasts(self, lot: Lot) -> bool:
        return lot.expires_at is None or lot.expires_at > self.at

    # --- orders -----------------------------------------------------------------------------------------------------

    @happens(5, code=st.sampled_from(SELLERS), what=st.sampled_from(ARTICLES), tab=st.integers(0, 1))
    def somebody_orders(self, code: str, what: str, tab: int) -> None:
        """What expires soonest is spent first; a second tab makes no second order."""
        known = self.tokens.get((code, what, tab))
        can = self.usable(code)
        has = sum(left for _, left in can)
        try:
            with transaction():
                reward = db.session.scalars(select(Reward).where(Reward.code == what)).one()
                price = reward.price_points
                assert price is not None
                made = orders.place(
                    self.person(code), reward, price=price, token=f"{what}-{tab}", address=ADDRESS, by=code, at=self.at
                )
                number, reference = made.id, made.reference
        except NotOrdered as refusal:
            if refusal.reason == "points":
                assert refusal.value == price - has > 0
                self.saw("refused in debt" if self.owed(code) else "refused for want of points")
            else:
                assert refusal.reason in ("sold_out", "limit") or (
                    refusal.reason == "suspended" and code in self.suspended
                )
            return
        if known is not None:
            assert number == known
            assert db.session.scalar(select(func.count()).select_from(Entry)) == self.entries
            self.saw("orders of another tab")
            return
        assert has >= price and not self.owed(code)
        self.tokens[(code, what, tab)] = number
        expected: dict[int, int] = {}
        for lot, left in can:
            used = min(left, price - sum(expected.values()))
            if used:
                expected[lot.id] = used
        assert self.uses(reference) == expected
        self.saw("orders")

    def order(self, which: int) -> Order:
        numbers = list(self.tokens.values())
        return db.session.get_one(Order, numbers[which % len(numbers)])

    @happens(3, which=ANY, possible=lambda self: self.tokens)
    def an_order_goes_on(self, which: int) -> None:
        with transaction():
            found = self.order(which)
            if found.state == "ordered":
                orders.approve(found, by="MARC", at=self.at)
            elif found.state == "approved" and db.session.get_one(Reward, found.reward_id).kind != "voucher":
                orders.send(found, "Colis", by="MARC", at=self.at)
            elif found.state == "sent":
                orders.deliver(found, by="MARC", at=self.at)
            self.saw(f"orders {found.state}")

    @happens(2, which=ANY, possible=lambda self: self.tokens)
    def an_order_is_cancelled(self, which: int) -> None:
        """Once, and its points go back to the lots they came from."""
        found = self.order(which)
        state, reference = found.state, found.reference
        spent = self.uses(reference)
        try:
            with transaction():
                orders.cancel(self.order(which), "Rupture", by="MARC", at=self.at)
        except NotOrdered:
            assert state in ("sent", "delivered", "cancelled")
            return
        assert state in ("ordered", "approved")
        returned = db.session.execute(select(LotUse.lot_id, -LotUse.amount).where(LotUse.undoes == reference))
        assert {lot: amount for lot, amount in returned} == spent
        self.saw("orders cancelled")

    @happens(1, code=st.sampled_from(SELLERS), back=st.booleans())
    def somebody_is_left_out(self, code: str, back: bool) -> None:
        back = back or len(self.suspended) > 0
        with transaction():
            if back:
                for one in sorted(self.suspended):
                    reinstate(self.person(one), by="MARC", at=self.at)
            else:
                suspend(self.person(code), by="MARC", at=self.at)
        self.suspended = set() if back else {code}

    # --- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        self.taken += 1
        db.session.rollback()
        self.every_book_balances()
        self.no_lot_is_overspent()
        self.what_a_person_is_shown_is_the_sum_of_entries()
        self.every_board_is_the_sum_of_its_entries_and_the_one_of_the_reference()

    def every_book_balances(self) -> None:
        """The sums of every transaction and book are zero; nobody has spent what was not there; every balance is the
        sum of its entries."""
        source, destination = aliased(Account), aliased(Account)
        rows = db.session.execute(
            select(
                Entry.amount, Entry.book_id, Book.name, source.book_id, source.holder, source.person_id,
                destination.book_id, destination.holder, destination.person_id,
            )
            .join(Book, Book.id == Entry.book_id)
            .outerjoin(source, source.id == Entry.source_id)
            .outerjoin(destination, destination.id == Entry.destination_id)
            .order_by(Entry.id)
        ).all()  # fmt: skip
        totals: Counter[int] = Counter()
        step: Counter[int] = Counter()
        held: Counter[tuple[str, str]] = Counter()
        for place, (amount, book, name, out_of, giver, gives, into, taker, takes) in enumerate(rows):
            assert out_of == into == book, "an entry stays in its book"
            assert (gives is None) != (takes is None), "an entry is between the brand and a person"
            for moved in (totals, step) if place >= self.entries else (totals,):
                moved[out_of] -= amount
                moved[into] += amount
            held[name, giver] -= amount
            held[name, taker] += amount
            if taker == SPENT:
                assert held[name, giver] >= 0, f"{giver} spends below zero"
        assert not any(totals.values()) and not any(step.values())
        self.entries, self.held = len(rows), held
        kept = select(Book.name, Account.holder, Account.balance).join(Book).where(Account.person_id.is_not(None))
        for book_name, holder, balance in db.session.execute(kept):
            assert balance == held[book_name, holder]
        self.saw("steps in debt", any(held[WALLET, code] < 0 for code in SELLERS))

    def no_lot_is_overspent(self) -> None:
        """At no moment has more been taken from a lot than came, nor more been given back than was taken; in debt no
        lot holds anything."""
        lots = db.session.execute(select(Lot.id, Lot.account_id, Lot.amount, Lot.left)).all()
        rest = {lot.id: lot.amount for lot in lots}
        for lot_id, amount in db.session.execute(select(LotUse.lot_id, LotUse.amount).order_by(LotUse.id)):
            rest[lot_id] -= amount
            assert rest[lot_id] >= 0
        left: Counter[int] = Counter()
        for lot in lots:
            assert rest[lot.id] == lot.left <= lot.amount
            left[lot.account_id] += lot.left
        owed: dict[int, int] = {number: points for number, points in db.session.execute(select(*Debt.__table__.c))}
        mine = select(Account.id, Account.balance).join(Book).where(Book.name == WALLET, Account.person_id.is_not(None))
        for number, balance in db.session.execute(mine):
            assert balance == (-owed[number] if number in owed else left[number])
            assert not (left[number] and number in owed)

    def what_a_person_is_shown_is_the_sum_of_entries(self) -> None:
        """One person after the other."""
        code = SELLERS[self.taken % len(SELLERS)]
        number = self.person(code).id
        for shown in balances(number):
            assert shown.points == self.held[shown.book, code]
        assert wallet_points(number) == self.held[WALLET, code]
        assert spendable(number, at=self.at) == sum(left for _, left in self.usable(code))

    def every_board_is_the_sum_of_its_entries_and_the_one_of_the_reference(self) -> None:
        for one in self.challenges():
            if one.state == "cancelled":
                assert not any(self.held[challenge_book(one.code), code] for code in SELLERS)
                continue
            if one.code in self.closed:
                if self.taken % 5 == 0:
                    assert self.rows_of(one, export_standings) == self.closed[one.code], "ranks are frozen"
                continue
            rows = self.rows_of(one, export_standings)
            sums: Counter[str] = Counter()
            for code in SELLERS:
                if code not in self.suspended:
                    sums[code if one.ranks == "person" else OUTLET_OF[code]] += self.held[
                        challenge_book(one.code), code
                    ]
            assert {row["person"]: int(row["points"]) for row in rows} == +sums
            board = reference_board(one.definition, list(self.told.values()), self.suspended)
            if one.code not in self.adjusted:
                assert rows == recompute.as_text(recompute.standings_rows(board))
            if one.state == "closed":
                self.closed[one.code] = rows
                self.a_closing_is_what_it_should_be(one, board)

    def rows_of(self, challenge: Challenge, export: Callable[[Challenge, Any], object]) -> list[dict[str, str]]:
        text = io.StringIO()
        export(challenge, text)
        return list(csv.DictReader(io.StringIO(text.getvalue())))

    def a_closing_is_what_it_should_be(self, challenge: Challenge, board: recompute.Board) -> None:
        self.saw("closings")
        self.saw("closings with points", bool(self.closed[challenge.code]))
        closure = db.session.scalars(select(Closure).where(Closure.challenge_id == challenge.id)).one()
        assert list(closing_differences(challenge, closure)) == []
        counted = db.session.execute(
            select(Declaration.public_id, Revision.barred)
            .join(CountedDeclaration, CountedDeclaration.declaration_id == Declaration.id)
            .join(
                Revision,
                (Revision.declaration_id == Declaration.id) & (Revision.number == CountedDeclaration.revision),
            )
            .where(CountedDeclaration.challenge_id == challenge.id)
        )
        right = {
            one.id for one in self.told.values() if one.status == "accepted" and counts_in(challenge.definition, one)
        }
        assert {public_id for public_id, _ in counted} == right
        if challenge.code not in self.adjusted:
            given = self.rows_of(challenge, export_awards)
            assert given == recompute.as_text(recompute.award_rows(board, COSTS, seed="graine"))
            self.saw("closings equal to the reference", bool(given))

    @rule(what=st.sampled_from(OFTEN).flatmap(lambda name: st.tuples(st.just(name), DRAWN[name])))
    def there_happens(self, what: tuple[str, dict[str, Any]]) -> None:
        """One rule for everything: of many, hypothesis would leave out half in each run, and orders need points."""
        name, drawn = what
        if POSSIBLE[name](self):
            getattr(self, name)(**drawn)
        else:
            self.taken -= 1

    def teardown(self) -> None:
        """At the end everything stored is recomputed, and people look at their points."""
        db.session.rollback()
        list(seal_books(self.at))
        assert list(ledger_differences()) == []
        for closure in db.session.scalars(select(Closure)).all():
            challenge = db.session.get_one(Challenge, closure.challenge_id)
            assert list(closing_differences(challenge, closure)) == []
        for code in SELLERS:
            if code not in self.suspended:
                self.what_the_page_shows_is_what_is_held(code)
        self.saw("points that expired", self.held[WALLET, EXPIRED])
        Game.steps += self.taken
        Game.seen.update(self.numbers)
        db.session.remove()

    def what_the_page_shows_is_what_is_held(self, code: str) -> None:
        self.client.sign_in(self.person(code))
        page = self.client.get("/points").text
        shown = re.search(r'hero-number"><span data-count-up="(-?\d+)"', page)
        assert shown is not None and int(shown[1]) == self.held[WALLET, code]
        titles = {one.code: one.title("fr") for one in self.challenges()}
        for label, points in re.findall(
            r'row-title block">([^<]+)</span></span><span class="row-end"><span class="points"><span>([^<]+)<', page
        ):
            [challenge] = [one for one, title in titles.items() if title == label]
            assert int(re.sub(r"[^\d-]", "", points.replace("−", "-"))) == self.held[challenge_book(challenge), code]
            self.saw("balances on pages")


@pytest.fixture
def afresh(
    engine_name: str, database_url: str, app: Flask, cast: Cast, run_folder: Path
) -> Iterator[Callable[[], None]]:
    """Puts the database back to where there are only people, products and articles: each run begins there."""
    open_shop(START)
    db.session.remove()
    db.engine.dispose()
    if engine_name == "sqlite":
        path = Path(urlsplit(database_url).path[1:])
        shutil.copy(path, path.with_suffix(".begun"))

        def put_back() -> None:
            db.session.remove()
            db.engine.dispose()
            shutil.copy(path.with_suffix(".begun"), path)

        yield put_back
        return
    address, name = servers.start_postgresql(run_folder), urlsplit(database_url).path[1:]
    servers.administer(address, f"CREATE DATABASE {name}_begun TEMPLATE {name}")

    def recreate() -> None:
        db.session.remove()
        db.engine.dispose()
        again = f"CREATE DATABASE {name} TEMPLATE {name}_begun STRATEGY FILE_COPY"
        servers.administer(address, f"DROP DATABASE {name} WITH (FORCE)", again)

    yield recreate
    servers.administer(address, f"DROP DATABASE {name}_begun")


def test_points_driven_in_any_order_are_never_lost_made_or_doubled(
    afresh: Callable[[], None], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Game, "afresh", staticmethod(afresh), raising=False)
    monkeypatch.setattr(Game, "client", client, raising=False)
    Game.steps, Game.seen = 0, Counter()
    run_state_machine_as_test(
        Game,
        settings=settings(
            max_examples=(STEPS or 2_800) // IN_ONE_GO + 1,
            stateful_step_count=IN_ONE_GO,
            deadline=None,
            database=None,
            derandomize=not STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Game.steps} steps", dict(Game.seen.most_common()))
    assert Game.steps >= 2_000
    assert {what for what in HAPPENS if not Game.seen[what]} == set()
