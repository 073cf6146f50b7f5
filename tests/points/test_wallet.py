"""The wallet case by case: what leaves first, what comes back, what expires, what is owed; and what verify finds."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import literal, select

from foundation.database import db
from foundation.programme import change_setting
from foundation.settings import Settings
from foundation.transactions import transaction
from network.models import Person
from points import jobs, wallet
from points.models import WALLET, Account, Debt, Entry, Lot, LotUse
from points.operations import credit_selected
from points.queries import next_expiries, spendable, wallet_points
from points.rules import NotEnough, NotPossible
from points.verification import differences
from tests.cast import Cast
from tests.declarations.test_concurrency import at_once
from tests.forked import ended, in_child
from tests.points.spending import spend_or_die

AT = datetime(2026, 2, 4, 11, 0, tzinfo=UTC)
ORDER = {"counts": "order", "reward": "Bouilloire"}


def days(count: int) -> datetime:
    return AT + timedelta(days=count)


def choose(name: str, value: str) -> None:
    with transaction():
        change_setting(name, value, by="ADA", at=AT)


def credit(person: Person, amount: int, reference: str, *, at: datetime = AT, lasting: int = 0) -> None:
    """Points of a closing, which can be spent for `lasting` days (0: for ever)."""
    choose("wallet_points_expire_after_days", str(lasting))
    columns = {
        "person_id": person.id, "code": person.code, "amount": amount, "reference": reference, "subject": "hiver",
        "why": '{"counts":"award","challenge":"hiver","payout":1,"kind":"convert"}',
    }  # fmt: skip
    with transaction():
        credit_selected(WALLET, select(*(literal(value).label(name) for name, value in columns.items())), at=at)


def spend(person: Person, amount: int, reference: str, *, at: datetime = AT) -> int:
    with transaction():
        return wallet.spend(person.id, amount, reference, "", ORDER, at=at)


def give_back(spent: str, reference: str, *, at: datetime = AT) -> int:
    with transaction():
        return wallet.give_back(spent, reference, {"counts": "order_cancelled", "reward": "Bouilloire"}, at=at)


def revert(reference: str, *, at: datetime = AT) -> int:
    with transaction():
        return wallet.revert(reference, "Clôture refaite", by="MARC", at=at)


def left() -> dict[str, int]:
    db.session.rollback()
    return {lot.reference: lot.left for lot in db.session.scalars(select(Lot).order_by(Lot.id))}


def owed(person: Person) -> int:
    mine = select(Debt.points).join(Account, Account.id == Debt.account_id).where(Account.person_id == person.id)
    return db.session.scalar(mine) or 0


def moved() -> list[tuple[str, int]]:
    return [(one.reference, one.amount) for one in db.session.scalars(select(Entry).order_by(Entry.id))]


# --- spending ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "remains"),
    [
        (10, {"ever": 50, "far": 50, "soon": 40}),
        (50, {"ever": 50, "far": 50, "soon": 0}),
        (70, {"ever": 50, "far": 30, "soon": 0}),
        (120, {"ever": 30, "far": 0, "soon": 0}),
        (150, {"ever": 0, "far": 0, "soon": 0}),
    ],
)
def test_what_expires_soonest_is_spent_first_and_what_lasts_for_ever_last(
    cast: Cast, amount: int, remains: dict[str, int]
) -> None:
    credit(cast.awa, 50, "ever")
    credit(cast.awa, 50, "far", lasting=300)
    credit(cast.awa, 50, "soon", lasting=30)
    assert spend(cast.awa, amount, "order/1") == 150 - amount
    assert left() == remains
    assert wallet_points(cast.awa.id) == 150 - amount
    assert list(differences()) == []


def test_of_two_lots_that_last_as_long_the_one_received_first_is_spent_first(cast: Cast) -> None:
    credit(cast.awa, 50, "second", at=days(1))
    credit(cast.awa, 50, "first")
    spend(cast.awa, 60, "order/1", at=days(2))
    assert left() == {"second": 40, "first": 0}


def test_more_than_there_is_cannot_be_spent_and_nothing_is_written(cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    with pytest.raises(NotEnough) as refusal:
        spend(cast.awa, 51, "order/1")
    assert (refusal.value.has, refusal.value.needs) == (50, 51)
    assert moved() == [("one", 50)] and left() == {"one": 50}
    assert spend(cast.awa, 50, "order/1") == 0


@pytest.mark.parametrize("amount", [0, -5])
def test_nothing_or_less_cannot_be_spent(cast: Cast, amount: int) -> None:
    credit(cast.awa, 50, "one")
    with pytest.raises(ValueError, match="at least 1"):
        spend(cast.awa, amount, "order/1")


def test_the_same_spending_twice_is_refused_by_the_database_and_takes_nothing(cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    spend(cast.awa, 20, "order/1")
    driver = db.engine.dialect.dbapi
    assert driver is not None
    with pytest.raises(driver.IntegrityError):
        spend(cast.awa, 20, "order/1")
    assert left() == {"one": 30} and wallet_points(cast.awa.id) == 30


# --- expiry --------------------------------------------------------------------------------------------------------


def test_points_can_be_spent_until_the_end_of_their_last_day_in_the_programmes_zone(cast: Cast) -> None:
    credit(cast.awa, 50, "one", lasting=1)  # 4 February, so until the end of the 5th in Paris
    last = datetime(2026, 2, 5, 22, 59, 59, tzinfo=UTC)
    assert spendable(cast.awa.id, at=last) == 50
    assert spendable(cast.awa.id, at=last + timedelta(seconds=1)) == 0
    assert [(one.points, one.at) for one in next_expiries(cast.awa.id, at=AT)] == [(50, last + timedelta(seconds=1))]
    spend(cast.awa, 10, "order/1", at=last)
    with pytest.raises(NotEnough):
        spend(cast.awa, 10, "order/2", at=last + timedelta(seconds=1))


def test_the_clock_lets_points_go_once_even_two_days_late(cast: Cast) -> None:
    credit(cast.awa, 50, "soon", lasting=1)
    credit(cast.awa, 30, "ever")
    credit(cast.bruno, 20, "his", lasting=1)
    assert list(jobs.expire_lots(AT)) == []
    assert list(jobs.expire_lots(days(4))) == ["70 points of 2 wallets expired"]
    assert list(jobs.expire_lots(days(4))) == []
    assert (wallet_points(cast.awa.id), wallet_points(cast.bruno.id)) == (30, 0)
    assert list(differences()) == []


def test_a_lot_keeps_the_terms_under_which_it_came(cast: Cast) -> None:
    credit(cast.awa, 50, "ever")
    choose("wallet_points_expire_after_days", "1")
    list(jobs.expire_lots(days(400)))
    assert left() == {"ever": 50}


# --- giving back ---------------------------------------------------------------------------------------------------


def test_a_cancelled_order_gives_points_back_to_their_own_lots_once(cast: Cast) -> None:
    credit(cast.awa, 50, "soon", lasting=30)
    credit(cast.awa, 50, "ever")
    spend(cast.awa, 70, "order/1")
    assert give_back("order/1", "cancelled/1") == 70
    assert left() == {"soon": 50, "ever": 50}
    with pytest.raises(NotPossible, match="already"):
        give_back("order/1", "cancelled/2")
    assert wallet_points(cast.awa.id) == 100
    assert list(differences()) == []


def test_what_expired_meanwhile_comes_back_and_leaves_with_the_next_expiry(cast: Cast) -> None:
    credit(cast.awa, 50, "soon", lasting=1)
    spend(cast.awa, 40, "order/1")
    assert list(jobs.expire_lots(days(3))) == ["10 points of 1 wallets expired"]
    give_back("order/1", "cancelled/1", at=days(4))
    assert wallet_points(cast.awa.id) == 40 and spendable(cast.awa.id, at=days(4)) == 0
    assert list(jobs.expire_lots(days(4))) == ["40 points of 1 wallets expired"]
    assert [reference for reference, _ in moved()][-1] == "expiry/1/2"
    assert list(differences()) == []


@pytest.mark.parametrize("reference", ["one", "unknown"])
def test_only_a_spending_can_be_given_back(cast: Cast, reference: str) -> None:
    credit(cast.awa, 50, "one")
    with pytest.raises(NotPossible, match="not a spending"):
        give_back(reference, "cancelled/1")


# --- taking back ---------------------------------------------------------------------------------------------------


def test_a_credit_not_spent_is_taken_back_from_its_own_lot_once(cast: Cast) -> None:
    credit(cast.awa, 50, "soon", lasting=30)
    credit(cast.awa, 50, "wrong")
    assert revert("wrong") == 50
    assert left() == {"soon": 50, "wrong": 0}
    with pytest.raises(NotPossible, match="already"):
        revert("wrong")
    assert wallet_points(cast.awa.id) == 50
    assert list(differences()) == []


def test_a_credit_already_spent_is_owed_and_the_next_points_pay_first(cast: Cast) -> None:
    credit(cast.awa, 50, "wrong")
    spend(cast.awa, 50, "order/1")
    credit(cast.awa, 20, "other")
    revert("wrong")
    assert (wallet_points(cast.awa.id), owed(cast.awa), left()) == (-30, 30, {"wrong": 0, "other": 0})
    with pytest.raises(NotEnough) as refusal:
        spend(cast.awa, 1, "order/2")
    assert refusal.value.has == 0
    credit(cast.awa, 25, "later")
    assert (wallet_points(cast.awa.id), owed(cast.awa), left()["later"]) == (-5, 5, 0)
    credit(cast.awa, 25, "last")
    assert (wallet_points(cast.awa.id), owed(cast.awa), left()["last"]) == (20, 0, 20)
    assert spend(cast.awa, 20, "order/2") == 0
    assert list(differences()) == []


def test_two_credits_of_one_closing_pay_what_is_owed_between_them(cast: Cast) -> None:
    credit(cast.awa, 50, "wrong")
    spend(cast.awa, 50, "order/1")
    revert("wrong")
    rows = [
        select(
            literal(cast.awa.id).label("person_id"), literal("AWA").label("code"), literal(amount).label("amount"),
            literal(reference).label("reference"), literal("hiver").label("subject"), literal("{}").label("why"),
        )
        for reference, amount in (("closing/a", 30), ("closing/b", 40))
    ]  # fmt: skip
    both: Any = rows[0].union_all(rows[1]).subquery()
    with transaction():
        credit_selected(WALLET, select(*both.c), at=AT)
    assert left() == {"wrong": 0, "closing/a": 0, "closing/b": 20}
    assert (wallet_points(cast.awa.id), owed(cast.awa)) == (20, 0)
    assert list(differences()) == []


def test_given_up_points_are_recorded_as_such_and_nothing_is_owed(cast: Cast) -> None:
    choose("reversal_policy", "forgive")
    credit(cast.awa, 50, "wrong")
    spend(cast.awa, 40, "order/1")
    assert revert("wrong") == 50
    assert moved()[-2:] == [("revert/1", 50), ("forgive/1", 40)]
    assert (wallet_points(cast.awa.id), owed(cast.awa), left()) == (0, 0, {"wrong": 0})
    assert list(differences()) == []


def test_an_order_cancelled_in_debt_pays_what_is_owed(cast: Cast) -> None:
    credit(cast.awa, 50, "wrong")
    spend(cast.awa, 50, "order/1")
    revert("wrong")
    give_back("order/1", "cancelled/1")
    assert (wallet_points(cast.awa.id), owed(cast.awa), left()) == (0, 0, {"wrong": 0})
    assert list(differences()) == []


def test_what_has_expired_of_a_credit_is_not_taken_back_again(cast: Cast) -> None:
    credit(cast.awa, 50, "wrong", lasting=1)
    spend(cast.awa, 30, "order/1")
    assert revert("wrong", at=days(3)) == 30
    assert owed(cast.awa) == 30
    credit(cast.bruno, 50, "gone", lasting=1)
    with pytest.raises(NotPossible, match="expired"):
        revert("gone", at=days(3))
    assert list(jobs.expire_lots(days(3))) == ["50 points of 1 wallets expired"]
    assert list(differences()) == []


@pytest.mark.parametrize(
    ("reference", "reason", "refusal"),
    [("unknown", "erreur", "not a credit"), ("order/1", "erreur", "not a credit"), ("one", "  ", "reason")],
)
def test_only_a_credit_is_taken_back_and_with_a_reason(cast: Cast, reference: str, reason: str, refusal: str) -> None:
    credit(cast.awa, 50, "one")
    spend(cast.awa, 10, "order/1")
    with pytest.raises(NotPossible, match=refusal), transaction():
        wallet.revert(reference, reason, by="MARC", at=AT)
    assert wallet_points(cast.awa.id) == 40


# --- at the same moment --------------------------------------------------------------------------------------------


def test_one_person_in_many_tabs_spends_what_there_is_and_no_more(app: Flask, cast: Cast) -> None:
    credit(cast.awa, 30, "one")
    credit(cast.awa, 20, "two", lasting=30)
    person_id = cast.awa.id

    def order(number: int) -> bool:
        try:
            with transaction():
                wallet.spend(person_id, 20, f"order/{number}", "", ORDER, at=AT)
        except NotEnough:
            return False
        return True

    assert sorted(at_once(app, order, 16)) == [False] * 14 + [True] * 2
    assert wallet_points(person_id) == 10
    assert list(differences()) == []


def test_a_spending_given_back_from_many_sides_comes_back_once(app: Flask, cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    spend(cast.awa, 50, "order/1")

    def cancel(number: int) -> bool:
        try:
            give_back("order/1", f"cancelled/{number}")
        except NotPossible:
            return False
        return True

    assert sorted(at_once(app, cancel, 8)) == [False] * 7 + [True]
    assert wallet_points(cast.awa.id) == 50
    assert list(differences()) == []


def test_spending_expiring_and_taking_back_at_the_same_moment_keep_every_point(app: Flask, cast: Cast) -> None:
    for number in range(8):
        credit(cast.awa, 10, f"lot/{number}", lasting=1 if number % 2 else 0)
    person_id = cast.awa.id

    def act(number: int) -> None:
        try:
            if number % 3 == 0:
                list(jobs.expire_lots(days(3)))
            elif number % 3 == 1:
                revert(f"lot/{number % 8}", at=days(3))
            else:
                with transaction():
                    wallet.spend(person_id, 15, f"order/{number}", "", ORDER, at=days(3))
        except (NotEnough, NotPossible):
            pass

    at_once(app, act, 24)
    list(jobs.expire_lots(days(3)))
    assert list(differences()) == []


def test_closings_and_reversals_at_the_same_moment_leave_a_wallet_that_adds_up(app: Flask, cast: Cast) -> None:
    for number in range(8):
        credit(cast.awa, 10, f"lot/{number}")
    spend(cast.awa, 75, "order/1")
    person_id, code = cast.awa.id, cast.awa.code

    def act(number: int) -> None:
        if number % 2:
            revert(f"lot/{number // 2}")
            return
        values = (person_id, code, 7, f"closing/{number}", "hiver", "{}")
        names = ("person_id", "code", "amount", "reference", "subject", "why")
        row = select(*(literal(value).label(name) for value, name in zip(values, names, strict=True)))
        with transaction():
            credit_selected(WALLET, row, at=AT)

    at_once(app, act, 16)
    assert wallet_points(person_id) == 80 - 75 - 80 + 8 * 7
    assert owed(cast.awa) == 19
    credit(cast.awa, 20, "later")
    assert (wallet_points(person_id), owed(cast.awa)) == (1, 0)
    assert list(differences()) == []


def test_processes_spending_from_one_wallet_end_with_what_there_was(
    app: Flask, cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    credit(cast.awa, 90, "one")
    credit(cast.awa, 100, "two", lasting=30)
    told = [tmp_path / f"told-{number}" for number in range(4)]
    children = [in_child(lambda: spend_or_die(settings, one.name, 0, AT), one) for one in told]  # noqa: B023
    assert [ended(child) for child in children] == [0] * 4, [one.read_text() for one in told]
    assert sum(one.read_text().count("spent") for one in told) == 9
    db.session.rollback()
    assert wallet_points(cast.awa.id) == 10
    assert list(differences()) == []


def test_a_spending_killed_at_any_statement_is_whole_or_did_not_happen(
    app: Flask, cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    credit(cast.awa, 500, "one")
    told = tmp_path / "told"
    for statement in (4, 8, 12):
        child = in_child(lambda: spend_or_die(settings, f"killed-{statement}", statement, AT), told)  # noqa: B023
        assert ended(child) == -signal.SIGKILL, told.read_text()
        db.session.rollback()
        assert list(differences()) == []
    spent = db.session.scalars(select(Entry.amount).where(Entry.reference.startswith("order/"))).all()
    assert wallet_points(cast.awa.id) == 500 - 20 * len(spent)


# --- what is found -------------------------------------------------------------------------------------------------


def unguarded(*tables: str) -> None:
    """Take away the triggers, as somebody at the database itself could."""
    for table in tables:
        on = f" ON {table}" if db.engine.dialect.name == "postgresql" else ""
        for act in ("update", "delete"):
            db.session.execute(db.text(f"DROP TRIGGER {table}_refuse_{act}{on}"))


@pytest.mark.parametrize(
    ("tables", "statement", "found"),
    [
        ((), 'UPDATE lots SET "left" = "left" - 1 WHERE id = 1', "lot 1 (one): it says 29 are left, its uses 30"),
        (("lot_uses",), "UPDATE lot_uses SET amount = 19 WHERE id = 1", "entry 2 (order/1)"),
        (("lot_uses",), "DELETE FROM lot_uses WHERE id = 1", "entry 2 (order/1)"),
        ((), "UPDATE accounts SET balance = balance + 1 WHERE holder = 'AWA'", "account of AWA in wallet"),
        ((), "UPDATE debts SET points = 1", "wallet of BRUNO: the balance says -50, its lots 0, its debt 1"),
        ((), "DELETE FROM debts", "wallet of BRUNO: the balance says -50, its lots 0, its debt 0"),
        ((), "DELETE FROM lots WHERE id = 3", "entry 6 (adjustment/1): it moved 7 points of the wallet, its lots 0"),
        (("adjustments",), "UPDATE adjustments SET amount = 8", "adjustment 1: 8 points hold, the ledger says 7"),
        (("adjustments",), "DELETE FROM adjustments WHERE id = 1", "entry 6 (adjustment/1): no adjustment of a wallet"),
        (("adjustments",), "UPDATE adjustments SET person_id = 1 WHERE id = 1", "adjustment 1: 7 points hold"),
        (
            ("adjustment_decisions",),
            "UPDATE adjustment_decisions SET approved = false",
            "adjustment 2: 0 points hold, the ledger says 2000",
        ),
        (
            ("adjustment_decisions",),
            "UPDATE adjustment_decisions SET decided_by = 'MARC'",
            "adjustment 2: 0 points hold, the ledger says 2000",
        ),
        (
            ("adjustment_decisions",),
            "DELETE FROM adjustment_decisions",
            "adjustment 2: 0 points hold, the ledger says 2000",
        ),
        (("entries",), "UPDATE entries SET amount = 51 WHERE id = 1", "entry 1 (one): its content was changed"),
        (("entries",), "UPDATE entries SET why = '{}' WHERE id = 2", "entry 2 (order/1): its content was changed"),
        (("entries", "lot_uses"), "DELETE FROM entries WHERE id = 2", "seal 1 of book 1: entries 1 to 7"),
        (("seals",), "UPDATE seals SET hash = previous", "seal 1 of book 1: entries 1 to 7"),
    ],
)
def test_a_row_changed_behind_the_products_back_is_named(
    runner: Any, cast: Cast, tables: Sequence[str], statement: str, found: str
) -> None:
    credit(cast.awa, 50, "one")
    spend(cast.awa, 20, "order/1")
    credit(cast.bruno, 50, "wrong")
    spend(cast.bruno, 50, "order/2")
    revert("wrong")
    with transaction():
        wallet.adjust(cast.nina, 7, "Un geste", by="MARC", at=AT)
        wallet.approve(wallet.adjust(cast.nina, 2_000, "Un prix", by="MARC", at=AT), by="ADA", at=AT)
    list(jobs.seal_books(AT))
    runner.run("points", "verify")
    with transaction():
        unguarded(*tables)
        db.session.execute(db.text(statement))
    assert runner.run("points", "verify", exits=1).stderr.startswith(found)


def test_points_that_expired_before_their_time_are_named(cast: Cast) -> None:
    credit(cast.awa, 50, "soon", lasting=1)
    list(jobs.expire_lots(days(3)))
    with transaction():
        db.session.execute(db.update(Lot).values(expires_at=days(9)))
    assert list(differences()) == ["entry 2 (expiry/1/1): points of lot 1 expired before their time"]


@pytest.mark.parametrize("statement", ["UPDATE lot_uses SET amount = 1", "DELETE FROM lot_uses"])
def test_the_database_itself_refuses_to_change_what_a_lot_gave(cast: Cast, statement: str) -> None:
    credit(cast.awa, 50, "one")
    spend(cast.awa, 20, "order/1")
    with pytest.raises(Exception, match="append-only"), transaction():
        db.session.execute(db.text(statement))
    assert db.session.scalars(select(LotUse.amount)).all() == [20]
