"""The ledger: double entry, unique references, append-only, chained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, literal, select, union_all
from sqlalchemy.exc import DBAPIError, IntegrityError

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import WALLET, Account, Book, Entry, Lot, Seal, challenge_book
from points.operations import credit_selected, open_book, post, seal
from points.queries import balances, movement, movements, wallet_points
from points.rules import FIRST_LINK, ISSUE, Posting, digest, digest_text, next_link
from tests.cast import Cast

AT = datetime(2026, 2, 4, 11, 0, 0, 123_456, tzinfo=UTC)
BOOK = challenge_book("hiver")


def posting(person: Person, amount: int, reference: str, **changes: Any) -> Posting:
    told = {"subject": "sale-1", "rule": "creme", "rules_version": 1, "why": '{"counts":"units"}', "effective_at": AT}
    return Posting(person.id, amount, reference, **(told | changes))


def give(person: Person, *amounts: int, book: str = BOOK, start: int = 1) -> None:
    rows = [posting(person, amount, f"{person.code}/{start + place}") for place, amount in enumerate(amounts)]
    with transaction():
        post(book, rows, at=AT)


def entries() -> Sequence[Entry]:
    return db.session.scalars(select(Entry).order_by(Entry.id)).all()


def sum_over_all_accounts() -> int:
    """Every movement leaves one account and reaches another: counted from the entries alone."""
    came = select(Entry.destination_id.label("account"), Entry.amount.label("amount"))
    went = select(Entry.source_id, -Entry.amount)
    return int(db.session.scalar(select(func.coalesce(func.sum(union_all(came, went).subquery().c.amount), 0))) or 0)


def test_points_come_from_the_issue_account_and_go_back_there(cast: Cast) -> None:
    give(cast.awa, 30, 15, -10)
    holders = {account.id: account.holder for account in db.session.scalars(select(Account))}
    told = [(holders[one.source_id], holders[one.destination_id], one.amount) for one in entries()]
    assert told == [(ISSUE, "AWA", 30), (ISSUE, "AWA", 15), ("AWA", ISSUE, 10)]
    [balance] = balances(cast.awa.id)
    assert (balance.challenge, balance.points) == ("hiver", 35)


def test_the_sum_over_all_accounts_is_zero_and_balances_equal_their_entries(cast: Cast) -> None:
    give(cast.awa, 30, 15, -10)
    give(cast.bruno, 7)
    give(cast.awa, 4, book=WALLET, start=50)
    assert sum_over_all_accounts() == 0
    for account in db.session.scalars(select(Account).where(Account.holder != ISSUE)):
        came = sum(one.amount for one in entries() if one.destination_id == account.id)
        went = sum(one.amount for one in entries() if one.source_id == account.id)
        assert account.balance == came - went


def test_a_movement_of_nothing_leaves_nothing(cast: Cast) -> None:
    with transaction():
        assert post(BOOK, [posting(cast.awa, 0, "nothing")], at=AT) == 0
    assert entries() == []


def test_a_reference_cannot_be_posted_twice_and_nothing_of_the_batch_remains(cast: Cast) -> None:
    give(cast.awa, 30)
    driver = db.engine.dialect.dbapi
    assert driver is not None
    with pytest.raises(driver.IntegrityError), transaction():
        post(BOOK, [posting(cast.bruno, 5, "fresh"), posting(cast.awa, 30, "AWA/1")], at=AT)
    assert [one.reference for one in entries()] == ["AWA/1"]
    assert balances(cast.bruno.id) == []
    assert balances(cast.awa.id)[0].points == 30


@pytest.mark.parametrize("statement", ["UPDATE entries SET amount = 1000", "DELETE FROM entries"])
def test_the_database_itself_refuses_to_change_or_remove_an_entry(cast: Cast, statement: str) -> None:
    give(cast.awa, 30)
    with pytest.raises(DBAPIError, match="append-only"), transaction():
        db.session.execute(db.text(statement))
    assert [one.amount for one in entries()] == [30]


def test_the_digest_of_an_entry_is_that_of_its_content(cast: Cast) -> None:
    give(cast.awa, 30, -10)
    came, went = entries()
    why = '{"counts":"units"}'
    moment = "2026-02-04T11:00:00.123456Z"
    text = digest_text(BOOK, ISSUE, "AWA", 30, "AWA/1", "sale-1", "creme", 1, why, moment, moment)
    assert came.digest == digest(text)
    text = digest_text(BOOK, "AWA", ISSUE, 10, "AWA/2", "sale-1", "creme", 1, why, moment, moment)
    assert went.digest == digest(text)


# --- credits of a closing, in SQL alone ----------------------------------------------------------------------------


def credits(rows: Sequence[tuple[int, str, int, str]]) -> Any:
    """A select as closing makes it: person id, code, amount, reference, subject, why."""
    parts = [
        select(
            literal(person_id).label("person_id"),
            literal(code).label("code"),
            literal(amount).label("amount"),
            literal(reference).label("reference"),
            literal("hiver").label("subject"),
            literal('{"counts":"award","challenge":"hiver","payout":1,"kind":"convert","note":"Été – ½"}').label("why"),
        )
        for person_id, code, amount, reference in rows
    ]
    chosen = union_all(*parts).subquery()
    return select(*chosen.c)


def credit(rows: Sequence[tuple[int, str, int, str]]) -> None:
    with transaction():
        credit_selected(WALLET, credits(rows), at=AT)


def test_credits_reach_wallets_with_lots_and_the_same_digest_as_postings(cast: Cast) -> None:
    awa, bruno = cast.awa.id, cast.bruno.id
    credit([(awa, "AWA", 25, "closing/hiver/1/AWA"), (bruno, "BRUNO", 7, "closing/hiver/1/BRUNO")])
    credit([(awa, "AWA", 5, "closing/hiver/2/AWA"), (awa, "AWA", 6, "closing/hiver/3/AWA")])
    assert (wallet_points(awa), wallet_points(bruno)) == (36, 7)
    assert sum_over_all_accounts() == 0
    moment = clock.format_instant(AT)
    for one in entries():
        code = one.reference.rsplit("/", 1)[1]
        text = digest_text(WALLET, ISSUE, code, one.amount, one.reference, "hiver", "", 0, one.why, moment, moment)
        assert one.digest == digest(text)
    lots = db.session.execute(select(Lot.reference, Lot.amount, Lot.left, Lot.received_at).order_by(Lot.id)).all()
    assert [(row.reference, row.amount, row.left) for row in lots] == [
        ("closing/hiver/1/AWA", 25, 25),
        ("closing/hiver/1/BRUNO", 7, 7),
        ("closing/hiver/2/AWA", 5, 5),
        ("closing/hiver/3/AWA", 6, 6),
    ]
    assert all(row.received_at == AT for row in lots)


def test_a_closing_credited_twice_is_refused_whole(cast: Cast) -> None:
    awa, bruno = cast.awa.id, cast.bruno.id
    credit([(awa, "AWA", 25, "closing/hiver/1/AWA")])
    with pytest.raises(IntegrityError):
        credit([(bruno, "BRUNO", 7, "closing/hiver/1/BRUNO"), (awa, "AWA", 25, "closing/hiver/1/AWA")])
    assert (wallet_points(awa), wallet_points(bruno)) == (25, 0)
    assert len(entries()) == 1


# --- the chain -----------------------------------------------------------------------------------------------------


def sealed(book: str = BOOK) -> int:
    with transaction():
        return seal(open_book(book), at=AT)


def test_batches_are_chained_one_to_the_other(cast: Cast) -> None:
    give(cast.awa, 30, 15)
    assert sealed() == 2
    assert sealed() == 0
    give(cast.bruno, 7, start=10)
    give(cast.awa, 1, book=WALLET, start=50)
    assert sealed() == 1
    first, second = db.session.scalars(
        select(Seal).join(Book, Book.id == Seal.book_id).where(Book.name == BOOK).order_by(Seal.number)
    )
    digests = [one.digest for one in entries()]
    link, count = next_link(FIRST_LINK, digests[:2])
    assert (first.number, first.previous, first.hash, first.entries) == (1, FIRST_LINK, link, count)
    assert (second.number, second.previous) == (2, link)
    assert second.hash == next_link(link, digests[2:3])[0]
    assert (second.first_entry, second.last_entry, second.entries) == (3, 3, 1)


def test_a_changed_digest_changes_every_link_after_it() -> None:
    one, two = digest("a"), digest("b")
    assert next_link(FIRST_LINK, [one, two]) != next_link(FIRST_LINK, [two, one])
    assert next_link(FIRST_LINK, [one]) != next_link(next_link(FIRST_LINK, [one])[0], [])


def test_movements_are_signed_for_their_holder_newest_first(cast: Cast) -> None:
    give(cast.awa, 30, -10)
    give(cast.bruno, 99)
    [held] = balances(cast.awa.id)
    told = [movement(row) for row in db.session.execute(movements([held.account_id]))]
    assert [(one.amount, one.book, one.challenge) for one in told] == [(-10, BOOK, "hiver"), (30, BOOK, "hiver")]
