"""The wallet: points are spent, given back, expire, are taken back and adjusted, always by new entries.

Each operation holds the wallet's account row first, so that two of them on one wallet wait for one another; what was
due to expire leaves before anything else is decided.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from foundation import audit
from foundation.database import db
from foundation.programme import setting
from network.models import Person
from points.adjustments import ask, decide
from points.lots import Held, add_lot, draw, lots_left, owe, put_back, repay
from points.models import WALLET, Account, Adjustment, Book, Entry, Lot, LotUse
from points.operations import open_accounts, open_book, post
from points.rules import EXPIRED, FORGIVEN, ISSUE, SPENT, NotEnough, NotPossible, Posting
from points.telling import tell_adjusted, tell_reverted


def spend(
    person_id: int, amount: int, reference: str, subject: str, why: Mapping[str, Any], *, at: datetime
) -> int:  # fmt: skip
    """Take points out of a wallet, those that expire soonest first; answers what can still be spent.

    Raises NotEnough, having written nothing, when fewer can be spent: points that have expired cannot, and in debt
    none can. A reference already in the ledger raises the driver's IntegrityError.
    """
    if amount <= 0:
        raise ValueError(f"{amount} points cannot be spent; spend at least 1")
    wallet = _hold(person_id)
    has = wallet.spendable(at)
    if has < amount:
        raise NotEnough(has, amount)
    wallet.expire(at)
    draw(wallet.lots, amount, reference)
    _post(person_id, -amount, reference, subject, why, at, SPENT)
    return has - amount


def give_back(spent_reference: str, reference: str, why: Mapping[str, Any], *, at: datetime) -> int:
    """Undo a spending, whole and once: its points go back to their own lots; answers how many.

    What has expired meanwhile comes back too, and leaves with the next expiry. What the wallet owes is paid first.
    Raises NotPossible when there was no such spending, or it has been given back.
    """
    spent = _entry(spent_reference)
    if spent is None or spent.destination != SPENT:
        raise NotPossible(f"{spent_reference!r} is not a spending; write the reference of one")
    wallet = _hold(spent.person_id)
    undone = select(LotUse.id).where(LotUse.undoes == spent_reference).limit(1)
    if db.session.scalar(undone) is not None:
        raise NotPossible(f"{spent_reference!r} has already been given back")
    wallet.expire(at)
    put_back(spent_reference, reference)
    repay(wallet.account_id, reference)
    _post(spent.person_id, spent.amount, reference, spent.subject, why, at, SPENT)
    return spent.amount


def expire(person_id: int, *, at: datetime) -> int:
    """Let the points of a wallet go whose time is over, an entry per lot; answers how many points."""
    return _hold(person_id).expire(at)


def revert(reference: str, reason: str, *, points: int | None = None, by: str, at: datetime) -> int:
    """Take back a credit, once: what of it has not expired, or only so many `points` of it; answers how many.

    Its own lot gives first, then the others. What has been spent is owed, or given up, as the programme's setting
    `reversal_policy` says. Raises NotPossible when there is no such credit, when it has been taken back, when nothing
    or less than `points` is left of it, and for points of one's own.
    """
    reason = _reason(reason)
    credit = _entry(reference)
    lot = db.session.execute(select(Lot.id, Lot.amount).where(Lot.reference == reference)).first()
    if credit is None or lot is None or credit.person_id is None:
        raise NotPossible(f"{reference!r} is not a credit of a wallet; write the reference of one")
    if by == db.session.scalar(select(Person.code).where(Person.id == credit.person_id)):
        raise NotPossible("nobody takes back points of their own; a colleague does")
    wallet = _hold(credit.person_id)
    wallet.expire(at)
    taken_back = f"revert/{lot.id}"
    if _entry(taken_back) is not None:
        raise NotPossible(f"{reference!r} has already been taken back")
    most = lot.amount - _expired(lot.id)
    if not most:
        raise NotPossible(f"all points of {reference!r} have expired; there is nothing to take back")
    amount = most if points is None else points
    if not 0 < amount <= most:
        raise NotPossible(f"{amount} points of {reference!r} cannot be taken back; write a number from 1 to {most}")
    why = {"counts": "reversal", "reason": reason, "of": reference}
    lacking = _take(wallet, amount, taken_back, credit.subject, why, at, f"forgive/{lot.id}", first=reference)
    audit.record("points.reverted", reference, by=by, at=at, points=amount, spent=lacking)
    tell_reverted(credit.person_id, amount, reason, spent=lacking, at=at)
    return amount


def adjust(person: Person, amount: int, reason: str, *, by: str, at: datetime) -> Adjustment:
    """Give a bonus (`amount` > 0) or correct a wallet (< 0); above the programme's threshold it waits for approval.

    A correction of points already spent follows `reversal_policy`. Raises NotPossible without an amount or a reason.
    """
    asked = ask(person, amount, reason, by=by, at=at)
    if not asked.needs_approval:
        _settle(asked, at=at)
    return asked


def approve(adjustment: Adjustment, *, by: str, at: datetime) -> None:
    """Let an adjustment of a wallet hold, by a second person. Raises NotPossible as `decide` does."""
    decide(adjustment, True, by=by, at=at)
    _settle(adjustment, at=at)


def _settle(adjustment: Adjustment, *, at: datetime) -> None:
    person_id = adjustment.person_id
    wallet = _hold(person_id)
    wallet.expire(at)
    reference, amount = adjustment.reference, adjustment.amount
    why = {"counts": "adjustment", "reason": adjustment.reason}
    lacking = 0
    if amount > 0:
        _post(person_id, amount, reference, reference, why, at, ISSUE)
        add_lot(wallet.account_id, reference, amount, at=at)
    else:
        lacking = _take(wallet, -amount, reference, reference, why, at, f"forgive/{reference}")
    tell_adjusted(adjustment, None, spent=lacking, at=at)


@dataclass
class _Wallet:
    """A wallet held by this transaction."""

    person_id: int
    account_id: int
    lots: list[Held] = field(default_factory=list)

    def spendable(self, at: datetime) -> int:
        return sum(lot.left for lot in self.lots if not lot.expired(at))

    def expire(self, at: datetime) -> int:
        """Post what is due to expire; the lots that remain can be spent."""
        gone = 0
        for lot in self.lots:
            if lot.expired(at) and lot.expires_at is not None:
                before = select(func.count()).where(LotUse.lot_id == lot.id, LotUse.reference.startswith("expiry/"))
                reference = f"expiry/{lot.id}/{(db.session.scalar(before) or 0) + 1}"
                amount = lot.left
                draw([lot], amount, reference)
                why = {"counts": "expiry", "of": lot.reference}
                _post(self.person_id, -amount, reference, "", why, at, EXPIRED, effective_at=lot.expires_at)
                gone += amount
        self.lots = [lot for lot in self.lots if lot.left]
        return gone


def _hold(person_id: int) -> _Wallet:
    """Open a wallet where there is none yet, hold its row, and look at what it has."""
    book_id = open_book(WALLET)
    mine = select(Account.id).where(Account.book_id == book_id, Account.person_id == person_id)
    account_id = db.session.scalar(mine.with_for_update(key_share=True))
    if account_id is None:
        open_accounts(book_id, select(Person.id, Person.code).where(Person.id == person_id))
        account_id = db.session.scalar(mine.with_for_update(key_share=True))
    if account_id is None:
        raise NotPossible(f"person {person_id} is not in the network")
    return _Wallet(person_id, account_id, lots_left(account_id))


def _take(
    wallet: _Wallet, amount: int, reference: str, subject: str, why: Mapping[str, Any], at: datetime,
    forgiving: str, *, first: str = "",
) -> int:  # fmt: skip
    """Take points back from a wallet, beginning with one lot; what is lacking is owed or given up. Answers it."""
    lots = sorted(wallet.lots, key=lambda lot: lot.reference != first)
    lacking = draw(lots, amount, reference)
    _post(wallet.person_id, -amount, reference, subject, why, at, ISSUE)
    if lacking and setting("reversal_policy") == "forgive":
        given_up = {"counts": "forgiveness", "of": reference}
        _post(wallet.person_id, lacking, forgiving, subject, given_up, at, FORGIVEN)
    else:
        owe(wallet.account_id, lacking)
    return lacking


def _entry(reference: str) -> Any:
    """An entry of the wallet's book: whose, how much, about what, and where it went."""
    source, destination = aliased(Account), aliased(Account)
    return db.session.execute(
        select(
            func.coalesce(source.person_id, destination.person_id).label("person_id"),
            Entry.amount,
            Entry.subject,
            destination.holder.label("destination"),
        )
        .join(Book, Book.id == Entry.book_id)
        .join(source, source.id == Entry.source_id)
        .join(destination, destination.id == Entry.destination_id)
        .where(Entry.reference == reference, Book.name == WALLET)
    ).first()


def _expired(lot_id: int) -> int:
    """How many points of a lot have expired so far, each counted once."""
    uses = select(func.sum(LotUse.amount)).where(LotUse.lot_id == lot_id, LotUse.reference.startswith("expiry/"))
    return int(db.session.scalar(uses) or 0)


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > 300:
        raise NotPossible("a reason of at most 300 characters is needed; the person will read it")
    return reason


def _post(
    person_id: int, amount: int, reference: str, subject: str, why: Mapping[str, Any], at: datetime, against: str,
    *, effective_at: datetime | None = None,
) -> None:  # fmt: skip
    reasons = json.dumps(why, ensure_ascii=False, separators=(",", ":"))
    post(WALLET, [Posting(person_id, amount, reference, subject, "", 0, reasons, effective_at or at, against)], at=at)
