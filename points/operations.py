"""Posting to the ledger. Nothing is ever edited: a difference is a new entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import Select

from foundation import audit, clock
from foundation.database import db, insert_many, sha256_hex
from network.models import Person
from points.lots import expiry, repay
from points.models import Account, Book, Debt, Entry, Lot, Seal
from points.rules import FIRST_LINK, ISSUE, Posting, digest, digest_text, next_link

SEPARATOR = "\x1f"


def open_book(name: str) -> int:
    """The id of a book, opened with its issue account when it is new."""
    found = db.session.scalar(select(Book.id).where(Book.name == name))
    if found is not None:
        return found
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    db.session.execute(insert_new(Book).values(name=name).on_conflict_do_nothing())
    book_id = db.session.scalar(select(Book.id).where(Book.name == name))
    assert book_id is not None
    brand_account(book_id, ISSUE)
    return book_id


def brand_account(book_id: int, holder: str) -> int:
    """The id of one of the brand's accounts in a book, opened when it is new."""
    mine = select(Account.id).where(Account.book_id == book_id, Account.holder == holder)
    found = db.session.scalar(mine)
    if found is None:
        insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
        opened = insert_new(Account).values(book_id=book_id, holder=holder, balance=0)
        db.session.execute(opened.on_conflict_do_nothing())
        found = db.session.scalar(mine)
    assert found is not None
    return found


def open_accounts(book_id: int, people: Select[*tuple[Any, ...]]) -> None:
    """Open the accounts that the selected people (id, code) do not have yet in a book, in one statement."""
    chosen = people.subquery()
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    missing = (
        select(literal(book_id), chosen.c.code, chosen.c.id, literal(0))
        .outerjoin(Account, and_(Account.book_id == book_id, Account.holder == chosen.c.code))
        .where(Account.id.is_(None))
    )
    statement = insert_new(Account).from_select(["book_id", "holder", "person_id", "balance"], missing)
    db.session.execute(statement.on_conflict_do_nothing())


def post(book: str, postings: Sequence[Posting], *, at: datetime) -> int:
    """Post movements between the brand's accounts and people, in one book; answers how many entries.

    A reference already in the ledger raises the driver's IntegrityError, and nothing of the transaction remains.
    """
    postings = [posting for posting in postings if posting.amount]
    if not postings:
        return 0
    book_id = open_book(book)
    people = sorted({posting.person_id for posting in postings})
    open_accounts(book_id, select(Person.id, Person.code).where(Person.id.in_(people)))
    accounts = {
        person_id: (account_id, holder)
        for account_id, holder, person_id in db.session.execute(
            select(Account.id, Account.holder, Account.person_id).where(
                Account.book_id == book_id, Account.person_id.in_(people)
            )
        )
    }
    brand = {holder: brand_account(book_id, holder) for holder in sorted({posting.against for posting in postings})}
    posted_at = clock.format_instant(at)
    changes: dict[int, int] = defaultdict(int)

    def rows() -> Iterable[tuple[object, ...]]:
        for posting in postings:
            account, holder = accounts[posting.person_id]
            other, against = brand[posting.against], posting.against
            gives = posting.amount > 0
            amount = abs(posting.amount)
            changes[account] += posting.amount
            canonical = digest_text(
                book, against if gives else holder, holder if gives else against, amount, posting.reference,
                posting.subject, posting.rule, posting.rules_version, posting.why,
                clock.format_instant(posting.effective_at), posted_at,
            )  # fmt: skip
            yield (
                book_id, other if gives else account, account if gives else other, amount, posting.reference,
                posting.subject, posting.rule, posting.rules_version, posting.why, posting.effective_at, at,
                digest(canonical),
            )  # fmt: skip

    columns = (
        "book_id", "source_id", "destination_id", "amount", "reference", "subject", "rule", "rules_version", "why",
        "effective_at", "posted_at", "digest",
    )  # fmt: skip
    insert_many(Entry.__table__, columns, rows())
    _move_balances(changes)
    return len(postings)


def _move_balances(changes: dict[int, int]) -> None:
    moved = [{"account": account, "change": change} for account, change in sorted(changes.items()) if change]
    if moved:
        db.session.connection().execute(
            update(Account.__table__)  # type: ignore[arg-type]
            .where(Account.__table__.c.id == bindparam("account"))
            .values(balance=Account.__table__.c.balance + bindparam("change", type_=BigInteger)),
            moved,
        )


def credit_selected(book: str, credits: Select[*tuple[Any, ...]], *, at: datetime) -> None:
    """Credit many people in a book, in SQL alone (closing has no loop over people).

    `credits` selects, in this order: person_id, person code, amount (> 0), reference, subject, why (JSON text).
    Wallet credits also become lots.
    """
    book_id = open_book(book)
    chosen = credits.subquery()
    person_id, code, amount, reference, subject, why = chosen.columns
    open_accounts(book_id, select(person_id.label("id"), code.label("code")).distinct())
    # First the balances, which hold everybody's account: the order of entries is then that of what they did.
    sums = select(person_id.label("person_id"), func.sum(amount).label("total")).group_by(person_id).subquery()
    total = cast(sums.c.total, Account.__table__.c.balance.type)
    db.session.execute(
        update(Account)
        .where(Account.book_id == book_id, Account.person_id == sums.c.person_id)
        .values(balance=Account.balance + total)
        .execution_options(synchronize_session=False)
    )
    issue = select(Account.id).where(Account.book_id == book_id, Account.holder == ISSUE).scalar_subquery()
    moment = clock.format_instant(at)
    canonical: ColumnElement[str] = literal(book + SEPARATOR + ISSUE + SEPARATOR, String)
    for part in (code, cast(amount, String), reference, subject):
        canonical = canonical + part + literal(SEPARATOR, String)
    canonical = canonical + literal(SEPARATOR + "0" + SEPARATOR, String) + why
    canonical = canonical + literal(SEPARATOR + moment + SEPARATOR + moment, String)
    at_value = literal(at, Entry.__table__.c.posted_at.type)
    entries = (
        select(
            literal(book_id), issue, Account.id, amount, reference, subject, literal(""), literal(0), why, at_value,
            at_value, sha256_hex(canonical),
        )
        .join_from(chosen, Account, and_(Account.book_id == book_id, Account.person_id == person_id))
        .order_by(reference)
    )  # fmt: skip
    columns = [
        "book_id", "source_id", "destination_id", "amount", "reference", "subject", "rule", "rules_version", "why",
        "effective_at", "posted_at", "digest",
    ]  # fmt: skip
    db.session.execute(insert(Entry).from_select(columns, entries))
    expires_at = literal(expiry(at), Lot.__table__.c.expires_at.type)
    lots = select(Account.id, reference, amount, amount, at_value, expires_at).join_from(
        chosen, Account, and_(Account.book_id == book_id, Account.person_id == person_id)
    )
    columns = ["account_id", "reference", "amount", "left", "received_at", "expires_at"]
    db.session.execute(insert(Lot).from_select(columns, lots.order_by(reference)))
    # Everybody's wallet is held: who owes is known, and pays from what has come.
    filled = select(Lot.id).where(Lot.account_id == Debt.account_id, Lot.left > 0).exists()
    for account_id in db.session.scalars(select(Debt.account_id).where(filled).order_by(Debt.account_id)).all():
        repay(account_id)


def seal(book_id: int, *, at: datetime) -> int:
    """Chain the entries of a book that are not sealed yet; answers how many.

    On PostgreSQL writers of entries wait for the moment of the reading, so that no lower id can appear later.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE entries IN SHARE MODE"))
    db.session.execute(update(Book).where(Book.id == book_id).values(name=Book.name))
    last = db.session.execute(
        select(Seal.number, Seal.last_entry, Seal.hash).where(Seal.book_id == book_id).order_by(Seal.number.desc())
    ).first()
    number, after, previous = (last.number, last.last_entry, last.hash) if last else (0, 0, FIRST_LINK)
    bounds: list[int] = []

    def digests() -> Iterable[str]:
        found = db.session.execute(
            select(Entry.id, Entry.digest).where(Entry.book_id == book_id, Entry.id > after).order_by(Entry.id),
            execution_options={"yield_per": 5_000},
        )
        for entry_id, one in found:
            bounds[:] = [bounds[0] if bounds else entry_id, entry_id]
            yield one

    link, count = next_link(previous, digests())
    if count:
        db.session.execute(
            insert(Seal).values(
                book_id=book_id, number=number + 1, first_entry=bounds[0], last_entry=bounds[1], entries=count,
                previous=previous, hash=link, sealed_at=at,
            )
        )  # fmt: skip
        audit.record("ledger.sealed", str(book_id), by=audit.SYSTEM, at=at, entries=count)
    return count
