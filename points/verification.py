"""Is the ledger what it should be? Everything is recomputed from the entries; nothing else stored is trusted."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import String, case, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from foundation import clock
from foundation.database import db
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
    Seal,
)
from points.rules import EXPIRED, FIRST_LINK, SPENT, digest, digest_text, next_link


def differences() -> Iterator[str]:
    """Each difference found, as one line that names it: entries, chain, balances, then wallets and adjustments."""
    yield from _entries()
    yield from _chains()
    yield from _balances()
    yield from _wallets()
    yield from _lots()
    yield from _expiries()
    yield from _adjustments()


def _entries() -> Iterator[str]:
    """Entries whose content no longer has the digest it was written with."""
    source, destination = aliased(Account), aliased(Account)
    rows = db.session.connection().execute(
        select(
            Entry.id, Entry.amount, Entry.reference, Entry.subject, Entry.rule, Entry.rules_version, Entry.why,
            Entry.effective_at, Entry.posted_at, Entry.digest, Book.name, source.holder, destination.holder,
        )
        .join(Book, Book.id == Entry.book_id)
        .join(source, source.id == Entry.source_id)
        .join(destination, destination.id == Entry.destination_id)
        .order_by(Entry.id),
        execution_options={"yield_per": 5_000},
    )  # fmt: skip
    for number, amount, reference, subject, rule, version, why, effective, posted, kept, book, giver, taker in rows:
        canonical = digest_text(
            book, giver, taker, amount, reference, subject, rule, version, why,
            clock.format_instant(effective), clock.format_instant(posted),
        )  # fmt: skip
        if digest(canonical) != kept:
            yield f"entry {number} ({reference}): its content was changed after posting"


def _chains() -> Iterator[str]:
    """Links that no longer follow from the entries they seal."""
    previous: dict[int, tuple[int, str, int]] = {}
    for seal in db.session.scalars(select(Seal).order_by(Seal.book_id, Seal.number)):
        number, link, after = previous.get(seal.book_id, (0, FIRST_LINK, 0))
        found = db.session.scalars(
            select(Entry.digest)
            .where(Entry.book_id == seal.book_id, Entry.id > after, Entry.id <= seal.last_entry)
            .order_by(Entry.id),
            execution_options={"yield_per": 5_000},
        )
        recomputed, count = next_link(link, found)
        if (seal.number, seal.previous, seal.hash, seal.entries) != (number + 1, link, recomputed, count):
            yield (
                f"seal {seal.number} of book {seal.book_id}: entries {seal.first_entry} to {seal.last_entry} "
                f"are no longer those sealed ({seal.entries} then, {count} now)"
            )
        previous[seal.book_id] = (seal.number, seal.hash, seal.last_entry)


def _balances() -> Iterator[str]:
    """People's accounts whose balance is not the sum of their entries."""
    movements = union_all(
        select(Entry.destination_id.label("account"), Entry.amount.label("change")),
        select(Entry.source_id, -Entry.amount),
    ).subquery()
    sums = select(movements.c.account, func.sum(movements.c.change).label("total")).group_by(movements.c.account)
    totals = sums.subquery()
    total = func.coalesce(totals.c.total, 0)
    wrong = (
        select(Account.holder, Book.name, Account.balance, total)
        .join(Book, Book.id == Account.book_id)
        .outerjoin(totals, totals.c.account == Account.id)
        .where(Account.person_id.is_not(None), Account.balance != total)
        .order_by(Account.id)
    )
    for holder, book, balance, found in db.session.execute(wrong):
        yield f"account of {holder} in {book}: the balance says {balance}, its entries {found}"


def _wallets() -> Iterator[str]:
    """Movements of wallets that did not do to their lots what they should have.

    What the lots of a wallet hold is its balance, or nothing where it is in debt: so an entry brings or uses as many
    points of lots as the balance above zero moves.
    """
    other = aliased(Account)
    moves = union_all(
        select(
            Entry.destination_id.label("account"), Entry.source_id.label("other"), Entry.id, Entry.reference,
            Entry.amount.label("change"),
        ),
        select(Entry.source_id, Entry.destination_id, Entry.id, Entry.reference, -Entry.amount),
    ).subquery()  # fmt: skip
    uses = (
        select(Lot.account_id, LotUse.reference, func.sum(LotUse.amount).label("amount"))
        .join(Lot, Lot.id == LotUse.lot_id)
        .group_by(Lot.account_id, LotUse.reference)
        .subquery()
    )
    rows = db.session.connection().execute(
        select(
            moves.c.account, moves.c.id, moves.c.reference, moves.c.change, other.holder,
            func.coalesce(Lot.amount, 0), func.coalesce(uses.c.amount, 0),
        )
        .join_from(moves, Account, Account.id == moves.c.account)
        .join(Book, Book.id == Account.book_id)
        .join(other, other.id == moves.c.other)
        .outerjoin(Lot, (Lot.account_id == moves.c.account) & (Lot.reference == moves.c.reference))
        .outerjoin(uses, (uses.c.account_id == moves.c.account) & (uses.c.reference == moves.c.reference))
        .where(Book.name == WALLET, Account.person_id.is_not(None))
        .order_by(moves.c.account, moves.c.id),
        execution_options={"yield_per": 5_000},
    )  # fmt: skip
    present, balance = 0, 0
    for account, number, reference, change, holder, came, used in rows:
        before = balance if account == present else 0
        present, balance = account, before + change
        if holder == SPENT and change < 0 and balance < 0:
            yield f"entry {number} ({reference}): {-change} points were spent, the wallet held {before}"
        right, held = max(balance, 0) - max(before, 0), came - used
        if right != held:
            yield f"entry {number} ({reference}): it moved {right} points of the wallet, its lots {held}"


def _lots() -> Iterator[str]:
    """Lots, uses and debts that do not follow from the entries."""
    entry = aliased(Entry)
    orphans = (
        select(Lot.id, Lot.reference)
        .outerjoin(entry, (entry.reference == Lot.reference) & (entry.destination_id == Lot.account_id))
        .where(entry.id.is_(None) | (entry.amount != Lot.amount))
        .order_by(Lot.id)
    )
    for number, reference in db.session.execute(orphans):
        yield f"lot {number} ({reference}): no entry brought these points"
    orphans = (
        select(LotUse.id, LotUse.reference)
        .join(Lot, Lot.id == LotUse.lot_id)
        .outerjoin(
            entry,
            (entry.reference == LotUse.reference)
            & or_(entry.source_id == Lot.account_id, entry.destination_id == Lot.account_id),
        )
        .where(entry.id.is_(None))
        .order_by(LotUse.id)
    )
    for number, reference in db.session.execute(orphans):
        yield f"use {number} of a lot ({reference}): no entry of that wallet used it"
    uses = select(LotUse.lot_id, func.sum(LotUse.amount).label("amount")).group_by(LotUse.lot_id).subquery()
    used = func.coalesce(uses.c.amount, 0)
    wrong = (
        select(Lot.id, Lot.reference, Lot.left, Lot.amount - used)
        .outerjoin(uses, uses.c.lot_id == Lot.id)
        .where(Lot.left != Lot.amount - used)
        .order_by(Lot.id)
    )
    for number, reference, kept, found in db.session.execute(wrong):
        yield f"lot {number} ({reference}): it says {kept} are left, its uses {found}"
    lots = select(Lot.account_id, func.sum(Lot.left).label("left")).group_by(Lot.account_id).subquery()
    left, debt = func.coalesce(lots.c.left, 0), func.coalesce(Debt.points, 0)
    wrong = (
        select(Account.holder, Account.balance, left, debt)
        .join(Book, Book.id == Account.book_id)
        .outerjoin(lots, lots.c.account_id == Account.id)
        .outerjoin(Debt, Debt.account_id == Account.id)
        .where(
            Book.name == WALLET,
            Account.person_id.is_not(None),
            (Account.balance != left - debt) | ((left > 0) & (debt > 0)),
        )
        .order_by(Account.id)
    )
    for holder, balance, found, owed in db.session.execute(wrong):
        yield f"wallet of {holder}: the balance says {balance}, its lots {found}, its debt {owed}"


def _expiries() -> Iterator[str]:
    """Points that expired before their time."""
    destination = aliased(Account)
    early = (
        select(Entry.id, Entry.reference, Lot.id)
        .join(destination, destination.id == Entry.destination_id)
        .join(LotUse, LotUse.reference == Entry.reference)
        .join(Lot, Lot.id == LotUse.lot_id)
        .where(destination.holder == EXPIRED, Lot.expires_at.is_(None) | (Lot.expires_at > Entry.posted_at))
        .order_by(Entry.id)
    )
    for number, reference, lot in db.session.execute(early):
        yield f"entry {number} ({reference}): points of lot {lot} expired before their time"


def _adjustments() -> Iterator[str]:
    """Adjustments of wallets whose entry is missing, different, or there without a second person's approval; entries
    of adjustments that are not there."""
    person = aliased(Account)
    by_another = AdjustmentDecision.approved.is_(True) & (AdjustmentDecision.decided_by != Adjustment.asked_by)
    holds = ~Adjustment.needs_approval | by_another
    reference = literal("adjustment/", String) + cast(Adjustment.id, String)
    signed = case((Entry.destination_id == person.id, Entry.amount), else_=-Entry.amount)
    rows = db.session.execute(
        select(Adjustment.id, case((holds, Adjustment.amount), else_=0), func.coalesce(signed, 0))
        .outerjoin(AdjustmentDecision, AdjustmentDecision.adjustment_id == Adjustment.id)
        .outerjoin(Entry, Entry.reference == reference)
        .outerjoin(
            person,
            or_(person.id == Entry.destination_id, person.id == Entry.source_id)
            & (person.person_id == Adjustment.person_id),
        )
        .where(Adjustment.challenge_id.is_(None))
        .order_by(Adjustment.id)
    )
    for number, right, posted in rows:
        if right != posted:
            yield f"adjustment {number}: {right} points hold, the ledger says {posted}"
    orphans = (
        select(Entry.id, Entry.reference)
        .join(Book, Book.id == Entry.book_id)
        .outerjoin(Adjustment, (reference == Entry.reference) & Adjustment.challenge_id.is_(None))
        .where(Book.name == WALLET, Entry.reference.startswith("adjustment/"), Adjustment.id.is_(None))
        .order_by(Entry.id)
    )
    for number, posted_as in db.session.execute(orphans):
        yield f"entry {number} ({posted_as}): no adjustment of a wallet says so"
