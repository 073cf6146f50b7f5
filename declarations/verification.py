"""Is the ledger what it should be? Everything is recomputed from scratch; nothing stored is trusted."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import aliased

from challenges.models import Challenge, Participant
from challenges.queries import versions
from declarations.scoring import chunks, counted_in, frozen_pairs, outcome, posted_sums, sales_of
from foundation import clock
from foundation.database import db
from leaderboards.models import Standing
from network.models import Person
from points.models import WALLET, Account, Book, Entry, Lot, Seal
from points.rules import FIRST_LINK, digest, digest_text, next_link


def differences() -> Iterator[str]:
    """Each difference found, as one line that names it: entries, chain, balances, then standings of every challenge."""
    yield from _entries()
    yield from _chains()
    yield from _balances()
    for challenge in db.session.scalars(
        select(Challenge).where(Challenge.state != "draft").order_by(Challenge.id)
    ).all():
        yield from _standings(challenge)


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
    lots = select(Lot.account_id, func.sum(Lot.left).label("left")).group_by(Lot.account_id).subquery()
    left = func.coalesce(lots.c.left, 0)
    wrong = (
        select(Account.holder, Account.balance, left)
        .join(Book, Book.id == Account.book_id)
        .outerjoin(lots, lots.c.account_id == Account.id)
        .where(Book.name == WALLET, Account.holder != ISSUE, Account.balance != left)
        .order_by(Account.id)
    )
    for holder, balance, found in db.session.execute(wrong):
        yield f"wallet of {holder}: the balance says {balance}, its lots {found}"


def _standings(challenge: Challenge) -> Iterator[str]:
    """Participants whose entries or standing differ from a fold of their declarations."""
    rules = versions(challenge.id)
    people = list(
        db.session.scalars(
            select(Participant.person_id)
            .where(Participant.challenge_id == challenge.id)
            .order_by(Participant.person_id)
        )
    )
    for batch in chunks(people):
        told = sales_of(batch, challenge.starts_on, challenge.ends_on)
        frozen = frozen_pairs(challenge, batch)
        posted = posted_sums(challenge, batch)
        kept = {
            one.person_id: one
            for one in db.session.scalars(
                select(Standing).where(Standing.challenge_id == challenge.id, Standing.person_id.in_(batch))
            )
        }
        codes = {
            person_id: code
            for person_id, code in db.session.execute(select(Person.id, Person.code).where(Person.id.in_(batch)))
        }
        for person_id in batch:
            found = outcome(challenge, rules, counted_in(challenge, told.get(person_id, ()), frozen))
            right = {
                (one.sale.id, gain.rule, gain.version): gain.points
                for one in found.scored
                for gain in one.gains
                if gain.points
            }
            held = {key: total for key, (total, _) in posted.get(person_id, {}).items() if total}
            code = codes[person_id]
            for key in sorted(right.keys() | held.keys()):
                if right.get(key, 0) != held.get(key, 0):
                    yield (
                        f"{challenge.code}, {code}: declaration {key[0]} by rule {key[1]} is worth "
                        f"{right.get(key, 0)} points, the ledger says {held.get(key, 0)}"
                    )
            standing = kept.get(person_id)
            shown = (standing.points, standing.measure, standing.reached_at) if standing else (0, 0, None)
            tally = found.tally
            if shown != (tally.points, tally.measure, tally.reached_at):
                yield (
                    f"{challenge.code}, {code}: the standing says {shown[0]} points, "
                    f"its declarations give {tally.points}"
                )
