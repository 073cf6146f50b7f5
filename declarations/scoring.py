"""A sale becomes points: people are refolded, and the ledger receives the difference as new entries."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, and_, case, cast, func, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from challenges.models import Challenge
from challenges.queries import versions
from challenges.rules import Gain, Sale, Scored, SoldLine, Tally, Version, Window, adjusted, fold
from declarations.models import CountedDeclaration, Declaration, Line, Revision
from foundation.database import db
from leaderboards.operations import Total, set_standings
from points.models import Account, Book, Entry, challenge_book
from points.operations import post
from points.queries import Adjusted, adjustments_in
from points.rules import Posting

CHUNK = 300


class Told(NamedTuple):
    """A stored sale that may score, with what selects need of it."""

    sale: Sale
    status: str
    declaration_id: int
    revision: int


def window_of(challenge: Challenge) -> Window:
    """The bounds within which a sale counts in a challenge."""
    return Window(challenge.starts_on, challenge.ends_on, challenge.declare_until)


def current_revisions(*columns: Any) -> Select[Any]:
    """A select over declarations with their current revision."""
    return select(*columns).join_from(
        Declaration,
        Revision,
        and_(Revision.declaration_id == Declaration.id, Revision.number == Declaration.revision),
    )


def counted_revisions(challenge_id: int) -> Callable[..., Select[Any]]:
    """A select like current_revisions over the declarations a closed challenge counted, in the revision it counted."""

    def counted(*columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .join_from(CountedDeclaration, Declaration, Declaration.id == CountedDeclaration.declaration_id)
            .join(
                Revision,
                and_(Revision.declaration_id == Declaration.id, Revision.number == CountedDeclaration.revision),
            )
            .where(CountedDeclaration.challenge_id == challenge_id)
        )

    return counted


def sales_of(
    people: Collection[int], first_day: date, last_day: date, *, waiting: bool = True
) -> dict[int, list[Told]]:
    """The sales of some people that may score, sold between two days, both included: accepted ones, and those in
    review when `waiting`. Two statements, whatever their number."""
    statuses = ("accepted", "in_review") if waiting else ("accepted",)
    chosen = (
        Declaration.person_id.in_(people),
        Declaration.status.in_(statuses),
        Revision.barred == "",
        Revision.sold_on.between(first_day, last_day),
    )
    return load_sales(current_revisions, *chosen)


def load_sales(over: Callable[..., Select[Any]], *chosen: ColumnElement[bool]) -> dict[int, list[Told]]:
    """The chosen sales by person id, from a select over declarations and one revision of each. Two statements."""
    lines: dict[int, list[SoldLine]] = defaultdict(list)
    rows = db.session.connection().execute(
        over(
            Line.revision_id,
            Line.sku,
            Line.category,
            Line.family,
            Line.units,
            (cast(Line.units, BigInteger) * Line.list_price_cents).label("value"),
        )
        .join(Line, Line.revision_id == Revision.id)
        .where(*chosen)
    )
    for revision_id, sku, category, family, units, value in rows:
        lines[revision_id].append(SoldLine(sku, category, family, units, value))
    found: dict[int, list[Told]] = defaultdict(list)
    heads = db.session.connection().execute(
        over(
            Declaration.person_id,
            Declaration.id,
            Declaration.revision,
            Declaration.status,
            Declaration.public_id,
            Declaration.declared_at,
            Declaration.received_at,
            Revision.id,
            Revision.sold_on,
            Revision.channel,
            Revision.customer,
            Revision.age_band,
            Revision.area,
            Revision.rating,
            Revision.comment_length,
        ).where(*chosen)
    )
    for person_id, declaration_id, revision, status, *told, length in heads:
        public_id, declared_at, received_at, revision_id, *rest = told
        own = lines[revision_id]
        sale = Sale(
            public_id, declared_at, received_at, *rest, length, own,
            sum(line.units for line in own), sum(line.value for line in own),
        )  # fmt: skip
        found[person_id].append(Told(sale, status, declaration_id, revision))
    return found


def counted_in(challenge: Challenge, told: Sequence[Told], frozen: Collection[tuple[int, int]] | None) -> list[Told]:
    """Those of one participant's sales that count (or would, once reviewed) in a challenge.

    After closing only the declarations it counted still do, in the revision it counted (`frozen`); in a cancelled
    challenge none does.
    """
    if challenge.state == "cancelled":
        return []
    window = window_of(challenge)
    return [
        one
        for one in told
        if window.holds(one.sale.sold_on, one.sale.declared_at, one.sale.received_at)
        and (frozen is None or (one.declaration_id, one.revision) in frozen)
    ]


def frozen_pairs(challenge: Challenge, people: Collection[int]) -> set[tuple[int, int]] | None:
    """The (declaration, revision) pairs a closed challenge counted, for some people; None while it is open."""
    if challenge.state != "closed":
        return None
    pairs = db.session.execute(
        select(CountedDeclaration.declaration_id, CountedDeclaration.revision)
        .join(Declaration, Declaration.id == CountedDeclaration.declaration_id)
        .where(CountedDeclaration.challenge_id == challenge.id, Declaration.person_id.in_(people))
    )
    return {(declaration_id, revision) for declaration_id, revision in pairs}


@dataclass
class Outcome:
    """A participant's fold: what each sale gave, the tally, and the points expected once all is accepted."""

    scored: list[Scored]
    tally: Tally
    expected_points: int
    expected: list[Scored] = field(default_factory=list)


def outcome(
    challenge: Challenge, rules: Sequence[Version], told: Sequence[Told], extra: Sequence[Adjusted] = ()
) -> Outcome:
    """Fold one participant's sales that count in a challenge, and add manual bonuses and corrections."""
    accepted = [one.sale for one in told if one.status == "accepted"]
    scored, tally = fold(rules, accepted, measure=challenge.measure, rank_by=challenge.rank_by)
    adjust(challenge, tally, extra)
    if len(accepted) == len(told):
        return Outcome(scored, tally, tally.points, scored)
    expected, full = fold(rules, [one.sale for one in told], measure=challenge.measure, rank_by=challenge.rank_by)
    return Outcome(scored, tally, adjust(challenge, full, extra).points, expected)


def adjust(challenge: Challenge, tally: Tally, extra: Sequence[Adjusted]) -> Tally:
    """A participant's tally with its manual bonuses and corrections."""
    moved = ((one.at, one.points) for one in extra)
    return adjusted(tally, moved, measure=challenge.measure, rank_by=challenge.rank_by)


def chunks(people: Sequence[int]) -> Iterator[Sequence[int]]:
    """People in batches that bound memory and the length of statements."""
    for start in range(0, len(people), CHUNK):
        yield people[start : start + CHUNK]


def score(challenge: Challenge, people: Sequence[int], *, at: datetime) -> None:
    """Refold these participants in a challenge; post the differences and keep their standings.

    The caller holds the lock on the people and on the challenge. Twice in a row posts nothing the second time.
    """
    rules = versions(challenge.id)
    for batch in chunks(people):
        told = sales_of(batch, challenge.starts_on, challenge.ends_on)
        frozen = frozen_pairs(challenge, batch)
        posted = posted_sums(challenge, batch)
        adjustments = adjustments_in(challenge, batch)
        postings: list[Posting] = []
        totals: list[Total] = []
        for person_id in batch:
            extra = adjustments.get(person_id, ())
            found = outcome(challenge, rules, counted_in(challenge, told.get(person_id, ()), frozen), extra)
            held = posted.get(person_id, {})
            cancelled = challenge.state == "cancelled"
            postings.extend(differences(challenge.code, person_id, found.scored, extra, held, at, cancelled=cancelled))
            tally = found.tally
            totals.append(Total(person_id, tally.points, found.expected_points, tally.measure, tally.reached_at))
        post(challenge_book(challenge.code), postings, at=at)
        set_standings(challenge.id, totals)


Key = tuple[str, str, int]  # declaration (or adjustment), rule, version


def posted_sums(challenge: Challenge, people: Collection[int]) -> dict[int, dict[Key, tuple[int, int]]]:
    """What the ledger holds for each person: (declaration, rule, version) → (points, number of entries)."""
    holder = aliased(Account)
    amount = case((Entry.destination_id == holder.id, Entry.amount), else_=-Entry.amount)
    found: dict[int, dict[Key, tuple[int, int]]] = defaultdict(dict)
    mine = (
        select(holder.id, holder.person_id)
        .join(Book, Book.id == holder.book_id)
        .where(Book.name == challenge_book(challenge.code), holder.person_id.in_(people))
    )
    accounts = {account_id: person_id for account_id, person_id in db.session.execute(mine)}
    if not accounts:
        return found
    for side in (Entry.destination_id, Entry.source_id):
        rows = db.session.execute(
            select(holder.person_id, Entry.subject, Entry.rule, Entry.rules_version, func.sum(amount), func.count())
            .join(holder, holder.id == side)
            .where(side.in_(accounts))
            .group_by(holder.person_id, Entry.subject, Entry.rule, Entry.rules_version)
        )
        for person_id, subject, rule, version, total, count in rows:
            before = found[person_id].get((subject, rule, version), (0, 0))
            found[person_id][(subject, rule, version)] = (before[0] + int(total), before[1] + count)
    return found


def differences(
    code: str,
    person_id: int,
    scored: Sequence[Scored],
    extra: Sequence[Adjusted],
    posted: Mapping[Key, tuple[int, int]],
    at: datetime,
    *,
    cancelled: bool = False,
) -> Iterator[Posting]:
    """The postings that bring the ledger from what it holds to what the fold and the adjustments say."""
    seen: set[Key] = set()
    gone: dict[str, Any] = {"counts": "difference"} | ({"reason": "cancelled"} if cancelled else {})
    for one in scored:
        for gain in one.gains:
            key = (one.sale.id, gain.rule, gain.version)
            seen.add(key)
            before, count = posted.get(key, (0, 0))
            if gain.points != before:
                yield Posting(
                    person_id, gain.points - before, _reference(code, key, count), one.sale.id, gain.rule,
                    gain.version, _why(gain, before, count), one.sale.declared_at,
                )  # fmt: skip
    for bonus in extra:
        key = (bonus.reference, "", 0)
        seen.add(key)
        before, count = posted.get(key, (0, 0))
        if bonus.points != before:
            why = _json({"counts": "adjustment", "reason": bonus.reason})
            yield Posting(
                person_id, bonus.points - before, _reference(code, key, count), bonus.reference, "", 0, why, bonus.at
            )
    for key, (before, count) in posted.items():
        if before and key not in seen:
            why = _json(gone | {"was": before, "now": 0})
            yield Posting(person_id, -before, _reference(code, key, count), key[0], key[1], key[2], why, at)


def _reference(code: str, key: Key, count: int) -> str:
    declaration, rule, version = key
    return f"{code}/{rule}/v{version}/{count + 1}/{declaration}" if rule else f"{code}/{count + 1}/{declaration}"


def _why(gain: Gain, before: int, count: int) -> str:
    why: Mapping[str, Any] = gain.why
    if count:
        why = {"counts": "difference", "was": before, "now": gain.points, "why": dict(gain.why)}
    return _json(why)


def _json(why: Mapping[str, Any]) -> str:
    return json.dumps(why, ensure_ascii=False, separators=(",", ":"))
