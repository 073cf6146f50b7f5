"""Credits, spending, giving back, expiry, reversal, correction in any order, against a wallet written in Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, literal, select

from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Person
from points import jobs, wallet
from points.models import WALLET, Account, Book, Debt, Entry, Lot, LotUse
from points.operations import credit_selected
from points.queries import spendable
from points.rules import NotEnough, NotPossible
from points.verification import differences
from tests.cast import JOINED_AT, Cast

START = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@dataclass
class PlainLot:
    """A lot as the prose has it."""

    reference: str
    amount: int
    left: int
    received: int
    expires_on: date | None  # the first day on which it can no longer be spent
    expired: int = 0
    reverted: bool = False

    def gone(self, at: datetime) -> bool:
        return self.expires_on is not None and at >= datetime.combine(self.expires_on, time.min, PARIS)


class WalletMachine(RuleBasedStateMachine):
    """One wallet, driven in any order; `app` is pushed by the test, and each run has a person of its own."""

    people = 0
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        WalletMachine.people += 1
        self.code = f"MACHINE-{WalletMachine.people}"
        self.at = START
        self.count = 0
        self.lots: list[PlainLot] = []
        self.debt = 0
        self.spent: dict[str, list[tuple[PlainLot, int]]] = {}
        self.days, self.policy = 0, "debt"
        with transaction():
            person = Person(
                code=self.code, name=self.code, email=None, role="reseller", status="employee", language="fr",
                created_at=JOINED_AT, session_key=self.code,
            )  # fmt: skip
            db.session.add(person)
            db.session.flush()
            self.person_id = person.id

    # --- the wallet of the prose --------------------------------------------------------------------------------

    def name(self, what: str) -> str:
        self.count += 1
        return f"{what}/{self.code}/{self.count}"

    def order(self) -> list[PlainLot]:
        far = date(9999, 1, 1)
        return sorted((lot for lot in self.lots if lot.left), key=lambda lot: (lot.expires_on or far, lot.received))

    def let_go(self) -> None:
        for lot in self.lots:
            if lot.gone(self.at):
                lot.expired += lot.left
                lot.left = 0

    def pay(self) -> None:
        for lot in self.order():
            paid = min(lot.left, self.debt)
            lot.left -= paid
            self.debt -= paid

    def take(self, amount: int, first: PlainLot | None = None) -> list[tuple[PlainLot, int]]:
        uses = []
        for lot in sorted(self.order(), key=lambda lot: lot is not first):
            used = min(lot.left, amount)
            if used:
                lot.left -= used
                amount -= used
                uses.append((lot, used))
        if amount and self.policy == "debt":
            self.debt += amount
        return uses

    def receive(self, reference: str, amount: int) -> None:
        today = self.at.astimezone(PARIS).date()
        until = today + timedelta(days=self.days + 1) if self.days else None
        self.lots.append(PlainLot(reference, amount, amount, self.count, until))
        self.pay()

    # --- what may happen ------------------------------------------------------------------------------------------

    @initialize(days=st.sampled_from([0, 1, 10, 30]), policy=st.sampled_from(["debt", "forgive"]))
    def decide(self, days: int, policy: str) -> None:
        self.days, self.policy = days, policy
        with transaction():
            change_setting("wallet_points_expire_after_days", str(days), by="ADA", at=self.at)
            change_setting("reversal_policy", policy, by="ADA", at=self.at)

    @rule(days=st.integers(0, 20), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        self.at += timedelta(days=days, hours=hours)

    @rule(days=st.integers(1, 15))
    def midnight_strikes(self, days: int) -> None:
        day = self.at.astimezone(PARIS).date() + timedelta(days=days)
        self.at = datetime.combine(day, time.min, PARIS).astimezone(UTC)

    @rule(days=st.sampled_from([0, 1, 10, 30]), policy=st.sampled_from(["debt", "forgive"]))
    def the_brand_changes_its_mind(self, days: int, policy: str) -> None:
        self.decide(days, policy)

    @rule(amounts=st.lists(st.integers(1, 200), min_size=1, max_size=3))
    def a_closing_pays(self, amounts: list[int]) -> None:
        references = [self.name("closing") for _ in amounts]
        with transaction():
            for reference, amount in zip(references, amounts, strict=True):
                columns = (self.person_id, self.code, amount, reference, "hiver", '{"counts":"award"}')
                names = ("person_id", "code", "amount", "reference", "subject", "why")
                row = select(*(literal(value).label(name) for value, name in zip(columns, names, strict=True)))
                credit_selected(WALLET, row, at=self.at)
        for reference, amount in zip(references, amounts, strict=True):
            self.receive(reference, amount)

    @rule(amount=st.integers(1, 300))
    def the_person_spends(self, amount: int) -> None:
        reference = self.name("order")
        has = sum(lot.left for lot in self.lots if not lot.gone(self.at))
        if amount > has:
            with pytest.raises(NotEnough) as refusal, transaction():
                wallet.spend(self.person_id, amount, reference, "", {"counts": "order"}, at=self.at)
            assert (refusal.value.has, refusal.value.needs) == (has, amount)
            return
        with transaction():
            left = wallet.spend(self.person_id, amount, reference, "", {"counts": "order"}, at=self.at)
        assert left == has - amount
        self.let_go()
        self.spent[reference] = self.take(amount)

    @precondition(lambda self: any(lot.left and not lot.gone(self.at) for lot in self.lots))
    @rule()
    def the_person_spends_everything(self) -> None:
        self.the_person_spends(sum(lot.left for lot in self.lots if not lot.gone(self.at)))

    @precondition(lambda self: self.spent)
    @rule(which=st.integers(0, 1_000))
    def an_order_is_cancelled(self, which: int) -> None:
        spent = list(self.spent)[which % len(self.spent)]
        uses, amount = self.spent[spent], sum(used for _, used in self.spent[spent])
        reference = self.name("cancelled")
        if not uses:
            with pytest.raises(NotPossible), transaction():
                wallet.give_back(spent, reference, {"counts": "order_cancelled"}, at=self.at)
            return
        with transaction():
            assert wallet.give_back(spent, reference, {"counts": "order_cancelled"}, at=self.at) == amount
        self.let_go()
        for lot, used in uses:
            lot.left += used
        self.spent[spent] = []
        self.pay()

    @rule()
    def the_clock_lets_points_expire(self) -> None:
        list(jobs.expire_lots(self.at))
        self.let_go()

    @precondition(lambda self: self.lots)
    @rule(which=st.integers(0, 1_000))
    def a_credit_is_taken_back(self, which: int) -> None:
        lot = self.lots[which % len(self.lots)]
        gone = lot.expired + (lot.left if lot.gone(self.at) else 0)
        if lot.reverted or gone == lot.amount:
            with pytest.raises(NotPossible), transaction():
                wallet.revert(lot.reference, "une erreur", by="MARC", at=self.at)
            return
        with transaction():
            assert wallet.revert(lot.reference, "une erreur", by="MARC", at=self.at) == lot.amount - gone
        self.let_go()
        lot.reverted = True
        self.take(lot.amount - gone, first=lot)

    @rule(amount=st.integers(-150, 150).filter(bool))
    def staff_adjusts(self, amount: int) -> None:
        self.count += 1
        with transaction():
            person = db.session.get_one(Person, self.person_id)
            reference = wallet.adjust(person, amount, "un geste", by="MARC", at=self.at).reference
        self.let_go()
        if amount > 0:
            self.receive(reference, amount)
        else:
            self.take(-amount)

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def the_wallet_is_the_one_of_the_prose(self) -> None:
        WalletMachine.steps += 1
        db.session.rollback()
        mine = select(Account.id, Account.balance).join(Book).where(Book.name == WALLET)
        found = db.session.execute(mine.where(Account.person_id == self.person_id)).first()
        account_id, balance = found if found is not None else (None, 0)
        left = {
            reference: (amount, kept)
            for reference, amount, kept in db.session.execute(
                select(Lot.reference, Lot.amount, Lot.left).where(Lot.account_id == account_id)
            )
        }
        assert left == {lot.reference: (lot.amount, lot.left) for lot in self.lots}
        owed = db.session.scalar(select(Debt.points).where(Debt.account_id == account_id)) or 0
        assert owed == self.debt
        came = db.session.scalar(select(func.sum(Entry.amount)).where(Entry.destination_id == account_id)) or 0
        went = db.session.scalar(select(func.sum(Entry.amount)).where(Entry.source_id == account_id)) or 0
        assert balance == came - went == sum(kept for _, kept in left.values()) - owed
        assert spendable(self.person_id, at=self.at) == sum(lot.left for lot in self.lots if not lot.gone(self.at))
        overspent = (
            select(LotUse.lot_id)
            .join(Lot)
            .group_by(LotUse.lot_id, Lot.amount)
            .having(func.sum(LotUse.amount) > Lot.amount)
        )
        assert db.session.scalars(overspent.limit(1)).all() == []


def test_a_wallet_driven_in_any_order_stays_the_wallet_of_the_prose(app: Flask, cast: Cast) -> None:
    WalletMachine.steps = 0
    run_state_machine_as_test(
        WalletMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert WalletMachine.steps > 500
    db.session.rollback()
    assert list(differences()) == []
