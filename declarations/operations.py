"""What can happen to a sale: told, accepted, rejected, withdrawn, corrected. Accepting is where it becomes points."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, literal, select, update

from badges.operations import grant_earned
from catalogue.models import Product
from challenges.models import Challenge, Participant
from challenges.queries import open_challenges
from declarations import photos, rules
from declarations.comments import NOBODY, Names, clean_comment, known_names
from declarations.models import REJECTIONS, CountedDeclaration, Declaration, Line, Photo, Revision
from declarations.queries import achievements, days_sold, frozen_goods
from declarations.rules import Problem, Refused, Submission
from declarations.scoring import chunks, score, window_of
from declarations.telling import tell_decided
from foundation import audit
from foundation.database import db, insert_many, reserve_ids
from foundation.programme import setting
from network.models import Outlet, Person

CONTESTED = "contested"


class NotPossible(ValueError):
    """What was asked cannot happen to this declaration now; the message says why."""


class TooLate(NotPossible):
    """The time for declaring is over in a challenge where the declaration counts: what it says stays."""


@dataclass(frozen=True)
class Receipt:
    """The answer to one submission: its status, and whether it had been received before."""

    public_id: str
    declaration_id: int
    status: str
    replay: bool


@dataclass(frozen=True)
class Seller:
    """Who sold, as reception needs it."""

    id: int
    code: str
    name: str
    status: str
    outlet_id: int
    agreement_on: date | None


@dataclass
class Examined:
    """What was found about some submissions before anything is written. `fresh` are those not received before, as
    (index, submission, fingerprint); `receipts` those that were, by index; `photos` what proves them, by id of the
    submission; `conflict` when an id has other content."""

    sellers: dict[str, Seller]
    prices: dict[str, tuple[int, str, str]]
    problems: list[Problem]
    fresh: list[tuple[int, Submission, str]]
    receipts: dict[int, Receipt]
    photos: dict[str, Photo] = field(default_factory=dict)
    conflict: bool = False


def examine(submissions: Sequence[Submission], *, at: datetime, zone: ZoneInfo, historical: bool = False) -> Examined:
    """Hold submissions against the network, the catalogue and what was received before; every problem is found."""
    sellers = _sellers({one.person for one in submissions})
    prices = _products({line.sku for one in submissions for line in one.lines})
    # First the lock: of two taps at the same moment, the second then sees what the first has written.
    lock_people(sorted(seller.id for seller in sellers.values()))
    known = _known([one.id for one in submissions])
    done = Examined(sellers, prices, [], [], {})
    whole = photos.whole_photos((one.id for one in sellers.values()), {one.photo for one in submissions if one.photo})
    seen: dict[str, str] = {}
    for index, one in enumerate(submissions):
        mark = rules.fingerprint(one)
        earlier = known.get(one.id)
        if earlier is not None or one.id in seen:
            if (earlier.fingerprint if earlier is not None else seen[one.id]) != mark:
                done.conflict = True
                wrong = f"{one.id} was already declared with other content"
                right = "give a new id, or correct the declaration"
                done.problems.append(Problem(index, None, "declaration", wrong, right))
            elif earlier is not None:
                done.receipts[index] = Receipt(one.id, earlier.id, earlier.status, True)
            continue
        seen[one.id] = mark
        received_at = one.declared_at if historical and one.declared_at is not None else at
        found = rules.problems_of(one, index, received_at, zone)
        if one.person not in sellers:
            wrong = f"{one.person!r} is not a reseller with an outlet"
            found.append(Problem(index, None, "person", wrong, "write the code of a reseller of the network"))
        for number, line in enumerate(one.lines):
            if line.sku not in prices:
                wrong = f"{line.sku!r} is not a product"
                found.append(Problem(index, number, "sku", wrong, "write a sku of the catalogue"))
        if one.photo and one.person in sellers:
            photo = whole.pop((sellers[one.person].id, one.photo), None)
            if photo is None or photo.declaration_id is not None:
                found.append(_no_such_photo(index, one.photo))
            else:
                done.photos[one.id] = photo
        done.problems.extend(found)
        if not found:
            done.fresh.append((index, one, mark))
    return done


def _no_such_photo(index: int, photo: str) -> Problem:
    wrong = f"{photo} is not a photo of yours that has come whole and proves no other sale"
    return Problem(index, None, "photo", wrong, "send the photo first, one for each sale")


def receive(
    submissions: Sequence[Submission],
    *,
    by: str,
    at: datetime,
    zone: ZoneInfo,
    historical: bool = False,
    quiet: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> list[Receipt]:
    """Take sales, all or none: the one entrance for the form, the API and files.

    `at` is the instant of reception; with `historical` it is each sale's own `declared_at`, staff vouching for it, and
    nothing goes to review. The same id with the same content is a replay and writes nothing. Raises Refused with every
    problem found. `progress` hears how many people have been scored.
    """
    found = examine(submissions, at=at, zone=zone, historical=historical)
    if found.problems:
        raise Refused(found.problems, conflict=found.conflict)
    sellers, prices, fresh, receipts = found.sellers, found.prices, found.fresh, found.receipts
    if not fresh:
        return [receipts[index] for index in sorted(receipts)]

    people = sorted({sellers[one.person].id for _, one, _ in fresh})
    days = [one.sold_on for _, one, _ in fresh]
    challenges = open_challenges(min(days), max(days), lock=True)
    entered = _entered(challenges, people)
    vdi_reorder = bool(setting("vdi_reorder"))
    units_above = int(setting("review_units_above"))
    asking = [challenge for challenge in challenges if challenge.definition.get("proof") == "required"]
    twins = _photos_seen_before(found.photos.values())
    names = _names(people) if any(one.comment for _, one, _ in fresh) else NOBODY

    declaration_ids = reserve_ids(Declaration.__table__, len(fresh))
    revision_ids = reserve_ids(Revision.__table__, len(fresh))
    heads: list[tuple[Any, ...]] = []
    revisions: list[tuple[Any, ...]] = []
    touched: dict[int, set[int]] = defaultdict(set)
    for (index, one, mark), declaration_id, revision_id in zip(fresh, declaration_ids, revision_ids, strict=True):
        seller = sellers[one.person]
        if historical and one.declared_at is not None:
            received_at, declared_at, flagged = one.declared_at, one.declared_at, False
        else:
            received_at = at
            declared_at, flagged = rules.clock(one.declared_at, at)
        photo = found.photos.get(one.id)
        proof = photo.picture if photo else None
        reasons: list[str] = []
        counts_in = [
            challenge
            for challenge in challenges
            if seller.id in entered[challenge.id] and window_of(challenge).holds(one.sold_on, declared_at, received_at)
        ]
        if not historical:
            wanted = proof is None and any(challenge in asking for challenge in counts_in)
            known = photo is not None and photo.id in twins
            reasons = rules.review_reasons(one, units_above=units_above, proof_missing=wanted, photo_known=known)
        status = "in_review" if reasons else "accepted"
        heads.append(
            (
                declaration_id, one.id, seller.id, status, 1, mark, declared_at, received_at, flagged,
                ",".join(reasons),
            )
        )  # fmt: skip
        revisions.append(
            _revision_row(
                revision_id, declaration_id, 1, one, seller, received_at, proof, names, vdi_reorder=vdi_reorder
            )
        )
        for challenge in counts_in:
            touched[challenge.id].add(seller.id)
        receipts[index] = Receipt(one.id, declaration_id, status, False)
    insert_many(Declaration.__table__, HEAD, heads)
    insert_many(Revision.__table__, REVISION, revisions)
    insert_many(
        Line.__table__,
        LINE,
        _line_rows((one for _, one, _ in fresh), revision_ids, prices),
    )
    ids = {one.id: declaration_id for (_, one, _), declaration_id in zip(fresh, declaration_ids, strict=True)}
    photos.prove({ids[public_id]: photo for public_id, photo in found.photos.items()}, twins)
    scored = 0
    for challenge in challenges:
        for batch in chunks(sorted(touched[challenge.id])):
            score(challenge, batch, at=at)
            scored += len(batch)
            progress(scored)
    grant_earned(achievements(people), at=at, quiet=quiet or historical)
    audit.record(
        "declarations.received",
        fresh[0][1].id if len(fresh) == 1 else "batch",
        by=by,
        at=at,
        count=len(fresh),
        in_review=sum(receipts[index].status == "in_review" for index, _, _ in fresh),
        historical=historical,
    )
    return [receipts[index] for index in sorted(receipts)]


def _photos_seen_before(sent: Collection[Photo], *, of: int | None = None) -> dict[int, int]:
    """Of some photos (ids), those that show what another sale's photo shows: its id. `of`: the sale (id) they are for,
    when it may have had photos before."""
    if not sent:
        return {}
    photos.hold_pictures()
    found = {photo.id: photos.twin_of(photo, of=of) for photo in sent}
    by_digest: dict[str | None, int] = {}
    for photo in sent:  # two sales sent together with the same picture
        first = by_digest.setdefault(photo.digest, photo.id)
        if first != photo.id and found[photo.id] is None:
            found[photo.id] = first
    return {photo_id: twin for photo_id, twin in found.items() if twin is not None}


HEAD = (
    "id", "public_id", "person_id", "status", "revision", "fingerprint", "declared_at", "received_at", "clock",
    "review_reasons",
)  # fmt: skip
REVISION = (
    "id", "declaration_id", "number", "outlet_id", "sold_on", "channel", "customer", "age_band", "area", "rating",
    "recommend", "comment", "comment_length", "barred", "proof", "written_at",
)  # fmt: skip
LINE = (
    "revision_id", "position", "sku", "units", "list_price_cents", "unit_price_cents", "category", "family",
)  # fmt: skip


def accept(declaration: Declaration, *, by: str, at: datetime) -> None:
    """A waiting sale is accepted and scores. Raises NotPossible unless it waits, or when `by` may not decide."""
    _decide([declaration], "accepted", by=by, at=at)


def accept_all(declarations: Sequence[Declaration], *, by: str, at: datetime) -> None:
    """Several waiting sales are accepted together, or none: the number of statements is that of one, but for the audit,
    and a person is told once. Raises NotPossible as accept does."""
    _decide(declarations, "accepted", by=by, at=at)


def reject(declaration: Declaration, reason: str, *, by: str, at: datetime, note: str = "") -> None:
    """A waiting sale is refused with a reason code and a sentence. Raises NotPossible as accept does."""
    reject_all([declaration], reason, by=by, at=at, note=note)


def reject_all(declarations: Sequence[Declaration], reason: str, *, by: str, at: datetime, note: str = "") -> None:
    """Several waiting sales are refused together, or none, for one reason. Raises NotPossible as accept does."""
    if reason not in REJECTIONS:
        raise NotPossible(f"{reason!r} is not a reason; write one of {', '.join(REJECTIONS)}")
    _decide(declarations, "rejected", by=by, at=at, reason=reason, note=note)


def contest(declaration: Declaration, *, by: str, at: datetime, photo: str = "") -> None:
    """The person asks, once, that a refusal be looked at again: the sale goes back to review. Raises NotPossible.

    With a `photo` (public id) it says the same again with this picture, in a new revision, as long as a correction
    would be possible. Raises TooLate after, and Refused when it is not a photo that can prove this sale.
    """
    lock_people([declaration.person_id])
    db.session.refresh(declaration)
    if declaration.status != "rejected":
        raise NotPossible("this declaration was not refused; there is nothing to contest")
    if is_contested(declaration):
        raise NotPossible("this refusal was contested already; the second answer is final")
    reasons = [*filter(None, declaration.review_reasons.split(","))]
    if photo:
        reasons = _say_again_with(declaration, photo, reasons, at=at)
    declaration.status = "in_review"
    declaration.review_reasons = ",".join([*reasons, CONTESTED])
    db.session.flush()
    _rescore([declaration], at=at)
    audit.record("declaration.contested", declaration.public_id, by=by, at=at)


def is_contested(declaration: Declaration) -> bool:
    """Whether the person has used its one way to contest a refusal."""
    return CONTESTED in declaration.review_reasons.split(",")


def _say_again_with(declaration: Declaration, photo: str, reasons: list[str], *, at: datetime) -> list[str]:
    """A new revision that differs by its picture alone; answers why it is to be reviewed, after `reasons`."""
    before = current_revision(declaration)
    _check_still_correctable(declaration, {before.sold_on}, at)
    found = _photo_for(declaration, photo)
    if found is None:
        raise Refused([_no_such_photo(0, photo)])
    [revision_id] = reserve_ids(Revision.__table__, 1)
    changed = {"id": revision_id, "number": declaration.revision + 1, "proof": found.picture, "written_at": at}
    row = tuple(changed.get(column, getattr(before, column)) for column in REVISION)
    insert_many(Revision.__table__, REVISION, [row])
    same = select(literal(revision_id), *(getattr(Line, column) for column in LINE[1:]))
    db.session.execute(insert(Line).from_select(LINE, same.where(Line.revision_id == before.id)))
    declaration.revision += 1
    known = _prove(declaration, found) or rules.SAME_PHOTO in reasons
    kept = [reason for reason in reasons if reason not in ("proof", rules.SAME_PHOTO)]
    return [*kept, rules.SAME_PHOTO] if known else kept


def _photo_for(declaration: Declaration, photo: str) -> Photo | None:
    """A photo of the person's (by public id) that may prove a declaration: whole, and of no other sale."""
    found = photos.whole_photos([declaration.person_id], [photo]).get((declaration.person_id, photo))
    return found if found is not None and found.declaration_id in (None, declaration.id) else None


def _prove(declaration: Declaration, photo: Photo) -> bool:
    """Let a photo prove a declaration from now on; whether another sale's photo shows the same. The caller holds the
    challenges: pictures are held after them, as in reception."""
    if photo.declaration_id is not None:
        return False
    twins = _photos_seen_before([photo], of=declaration.id)
    photos.prove({declaration.id: photo}, twins)
    return bool(twins)


def withdraw(declaration: Declaration, *, by: str, at: datetime) -> None:
    """The person takes a sale back: it no longer scores. Raises NotPossible when it is already over."""
    lock_people([declaration.person_id])
    db.session.refresh(declaration)
    if declaration.status not in ("accepted", "in_review"):
        raise NotPossible("this declaration is no longer open; it cannot be withdrawn")
    declaration.status = "withdrawn"
    declaration.decided_at, declaration.decided_by = at, by
    db.session.flush()
    _rescore([declaration], at=at)
    audit.record("declaration.withdrawn", declaration.public_id, by=by, at=at)


def correct(declaration: Declaration, submission: Submission, *, by: str, at: datetime, zone: ZoneInfo) -> None:
    """The person corrects a sale: a new revision; id, `declared_at` and `received_at` stay, and so do the list price,
    category and family of products it already named: the catalogue may have changed since. A photo it names takes the
    place of the one before, which stays with the earlier revision; without one the picture stays.

    While it is back in review its points are suspended. What it says already is no correction, and changes nothing: the
    same form sent twice, its first answer lost, does not take back what a reviewer accepted in between. Possible until
    `declare_until` of every challenge it counts in; raises NotPossible after, and Refused for bad content.
    """
    lock_people([declaration.person_id])
    db.session.refresh(declaration)
    if declaration.status not in ("accepted", "in_review"):
        raise NotPossible("this declaration is no longer open; it cannot be corrected")
    before = current_revision(declaration)
    _check_still_correctable(declaration, {before.sold_on, submission.sold_on}, at)
    problems = rules.problems_of(submission, 0, declaration.received_at, zone)
    prices = _products({line.sku for line in submission.lines}) | frozen_goods(before.id)
    problems += [
        Problem(0, number, "sku", f"{line.sku!r} is not a product", "write a sku of the catalogue")
        for number, line in enumerate(submission.lines)
        if line.sku not in prices
    ]
    photo = _photo_for(declaration, submission.photo) if submission.photo else None
    if submission.photo and photo is None:
        problems.append(_no_such_photo(0, submission.photo))
    if problems:
        raise Refused(problems)
    seller = _sellers({submission.person})[submission.person]
    if seller.id != declaration.person_id:
        raise NotPossible("a declaration stays with the person who made it")
    days = sorted({before.sold_on, submission.sold_on})
    open_challenges(days[0], days[-1], lock=True)
    challenges = _counting_in(declaration, submission.sold_on)
    proof = photo.picture if photo is not None else before.proof
    wanted = proof is None and any(one.definition.get("proof") == "required" for one in challenges)
    # What a reviewer has not looked at yet is still to be looked at.
    known = declaration.status == "in_review" and rules.SAME_PHOTO in declaration.review_reasons.split(",")
    [revision_id] = reserve_ids(Revision.__table__, 1)
    number = declaration.revision + 1
    row = _revision_row(
        revision_id, declaration.id, number, submission, seller, at, proof, _names([seller.id]),
        vdi_reorder=bool(setting("vdi_reorder")),
    )  # fmt: skip
    if (photo is None or photo.declaration_id is not None) and _says_already(before, row, submission):
        return
    if photo is not None and _prove(declaration, photo):
        known = True
    reasons = rules.review_reasons(
        submission, units_above=int(setting("review_units_above")), proof_missing=wanted, photo_known=known
    )
    insert_many(Revision.__table__, REVISION, [row])
    insert_many(Line.__table__, LINE, _line_rows([submission], [revision_id], prices))
    declaration.revision = number
    declaration.status = "in_review" if reasons else "accepted"
    declaration.review_reasons = ",".join([*reasons, *([CONTESTED] if is_contested(declaration) else [])])
    db.session.flush()
    _rescore([declaration], at=at, also=before.sold_on)
    audit.record("declaration.corrected", declaration.public_id, by=by, at=at, revision=number)


# What somebody says in a revision: all of it but numbers, the outlet, the instant and what the law makes of it.
SAID = ("sold_on", "channel", "customer", "age_band", "area", "rating", "recommend", "comment", "proof")


def _says_already(revision: Revision, row: tuple[Any, ...], submission: Submission) -> bool:
    """Whether a revision says what this row and the lines of its submission would say."""
    written = dict(zip(REVISION, row, strict=True))
    if any(getattr(revision, name) != written[name] for name in SAID):
        return False
    lines = select(Line.sku, Line.units, Line.unit_price_cents).where(Line.revision_id == revision.id)
    told = [(sku, units, price) for sku, units, price in submission.lines]
    return Counter(tuple(line) for line in db.session.execute(lines)) == Counter(told)


def current_revision(declaration: Declaration) -> Revision:
    """What a declaration now says."""
    found = db.session.scalar(
        select(Revision).where(Revision.declaration_id == declaration.id, Revision.number == declaration.revision)
    )
    assert found is not None
    return found


def _may_not_review(by: str, declarations: Sequence[Declaration]) -> Declaration | None:
    """The first of these declarations on which somebody may not decide: nobody reviews a declaration of their own or
    of their own outlet."""
    reviewer = db.session.scalar(select(Person).where(Person.code == by))
    if reviewer is None or reviewer.role not in ("animator", "admin"):
        return declarations[0]
    people = sorted({one.person_id for one in declarations})
    rows = _in_batches(people, lambda batch: select(Person.id, Person.outlet_id).where(Person.id.in_(batch)))
    outlets = {person_id: outlet_id for person_id, outlet_id in rows}
    for one in declarations:
        own_outlet = reviewer.outlet_id is not None and reviewer.outlet_id == outlets[one.person_id]
        if one.person_id == reviewer.id or own_outlet:
            return one
    return None


def _decide(
    declarations: Sequence[Declaration],
    status: str,
    *,
    by: str,
    at: datetime,
    reason: str | None = None,
    note: str = "",
) -> None:
    """Decide on waiting sales, all in the same way and all or none, and tell their people."""
    if not declarations:
        return
    forbidden = _may_not_review(by, declarations) if by != audit.SYSTEM else None
    if forbidden is not None:
        raise NotPossible(
            f"{by} may not decide on {forbidden.public_id}; "
            "an animator who belongs neither to its person nor to its outlet may"
        )
    people = sorted({one.person_id for one in declarations})
    lock_people(people)
    decision = {
        "status": status, "decided_at": at, "decided_by": by, "rejection": reason, "rejection_note": note[:500] or None,
    }  # fmt: skip
    claimed, ids = 0, sorted({one.id for one in declarations})
    for start in range(0, len(ids), 5_000):
        done = db.session.execute(
            update(Declaration)
            .where(Declaration.id.in_(ids[start : start + 5_000]), Declaration.status == "in_review")
            .values(decision)
            .execution_options(synchronize_session=False)
        )
        claimed += done.rowcount  # type: ignore[attr-defined]
    if claimed != len(ids):
        [first, *more] = declarations
        raise NotPossible(
            "some of these declarations are not waiting for a review any more"
            if more
            else f"{first.public_id} is not waiting for a review; its status is {first.status}"
        )
    for start in range(0, len(ids), 5_000):  # what the session knows of them is no longer so
        again = select(Declaration).where(Declaration.id.in_(ids[start : start + 5_000]))
        db.session.scalars(again.execution_options(populate_existing=True)).all()
    _rescore(declarations, at=at)
    if status == "accepted":
        grant_earned(achievements(people), at=at)
    tell_decided(declarations, is_contested, at=at)
    for one in declarations:
        audit.record(f"declaration.{status}", one.public_id, by=by, at=at, reason=reason)


def _rescore(declarations: Sequence[Declaration], *, at: datetime, also: date | None = None) -> None:
    """Refold the people of some sales in every challenge where these count, or counted before."""
    ids = [one.id for one in declarations]
    people = sorted({one.person_id for one in declarations})
    days = {day for _revision_id, day in days_sold(ids).values()} | ({also} if also is not None else set())
    challenges = open_challenges(min(days), max(days), lock=True)
    entered = _entered(challenges, people)
    for challenge in challenges:
        for batch in chunks(sorted(entered[challenge.id])):
            score(challenge, batch, at=at)
    counted: dict[int, set[int]] = defaultdict(set)
    for challenge_id, person_id in _in_batches(
        ids,
        lambda batch: (
            select(CountedDeclaration.challenge_id, Declaration.person_id)
            .join(Declaration, Declaration.id == CountedDeclaration.declaration_id)
            .where(Declaration.id.in_(batch))
        ),
    ):
        counted[challenge_id].add(person_id)
    if not counted:
        return
    closed = select(Challenge).where(Challenge.id.in_(counted), Challenge.state == "closed").order_by(Challenge.id)
    for challenge in db.session.scalars(closed).all():
        for batch in chunks(sorted(counted[challenge.id])):
            score(challenge, batch, at=at)


def _counting_in(declaration: Declaration, sold_on: date) -> list[Challenge]:
    return [
        challenge
        for challenge in open_challenges(sold_on, sold_on, lock=True)
        if window_of(challenge).holds(sold_on, declaration.declared_at, declaration.received_at)
        and db.session.get(Participant, (challenge.id, declaration.person_id)) is not None
    ]


def _check_still_correctable(declaration: Declaration, days: Collection[date], at: datetime) -> None:
    """Neither a sale of a challenge whose time is over, nor one that would be moved into its period."""
    counted = db.session.scalar(
        select(CountedDeclaration.challenge_id).where(CountedDeclaration.declaration_id == declaration.id)
    )
    late = [one for sold_on in sorted(days) for one in _counting_in(declaration, sold_on) if at >= one.declare_until]
    if counted is not None or late:
        raise TooLate("the time for declaring in a challenge where this sale counts is over")


def _sellers(codes: Iterable[str]) -> dict[str, Seller]:
    rows = _in_batches(
        sorted(codes),
        lambda batch: (
            select(Person.id, Person.code, Person.name, Person.status, Person.outlet_id, Outlet.agreement_on)
            .join(Outlet, Outlet.id == Person.outlet_id)
            .where(Person.code.in_(batch), Person.role == "reseller")
        ),
    )
    return {row.code: Seller(*row) for row in rows}


def _products(skus: Iterable[str]) -> dict[str, tuple[int, str, str]]:
    """sku → list price in cents, category, family, as reception freezes them."""
    rows = _in_batches(
        sorted(skus),
        lambda batch: select(Product.sku, Product.list_price_cents, Product.category, Product.family).where(
            Product.sku.in_(batch)
        ),
    )
    return {row.sku: (row.list_price_cents, row.category, row.family) for row in rows}


def _known(ids: Iterable[str]) -> dict[str, Any]:
    rows = _in_batches(
        sorted(set(ids)),
        lambda batch: select(Declaration.public_id, Declaration.id, Declaration.status, Declaration.fingerprint).where(
            Declaration.public_id.in_(batch)
        ),
    )
    return {row.public_id: row for row in rows}


def _in_batches(values: Sequence[Any], query: Callable[[Sequence[Any]], Any]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), 5_000):
        found.extend(db.session.execute(query(values[start : start + 5_000])))
    return found


def lock_people(people: Sequence[int]) -> None:
    """Hold off other transactions on these people (ids) until the end of this one.

    One transaction at a time changes what a person has told (SQLite: the write lock already sees to it).
    """
    if db.engine.dialect.name == "postgresql":
        for start in range(0, len(people), 5_000):
            batch = people[start : start + 5_000]
            statement = select(Person.id).where(Person.id.in_(batch)).order_by(Person.id)
            db.session.execute(statement.with_for_update(key_share=True)).all()


def _entered(challenges: Sequence[Challenge], people: Sequence[int]) -> dict[int, set[int]]:
    """challenge id → which of these people take part."""
    found: dict[int, set[int]] = {challenge.id: set() for challenge in challenges}
    if found:
        rows = _in_batches(
            people,
            lambda batch: select(Participant.challenge_id, Participant.person_id).where(
                Participant.challenge_id.in_(found), Participant.person_id.in_(batch)
            ),
        )
        for challenge_id, person_id in rows:
            found[challenge_id].add(person_id)
    return found


def _names(people: Sequence[int]) -> Names:
    """Names a comment must not carry to the brand: those of the sellers and of their outlets' other people."""
    outlets = {
        row[0]
        for row in _in_batches(people, lambda batch: select(Person.outlet_id).where(Person.id.in_(batch)).distinct())
    }
    named = _in_batches(sorted(outlets), lambda batch: select(Person.name).where(Person.outlet_id.in_(batch)))
    return known_names(row[0] for row in named)


def _revision_row(
    revision_id: int,
    declaration_id: int,
    number: int,
    one: Submission,
    seller: Seller,
    written_at: datetime,
    proof: str | None,
    names: Names,
    *,
    vdi_reorder: bool,
) -> tuple[Any, ...]:
    reason = rules.barred(
        seller.status, seller.agreement_on, one.sold_on, one.channel, one.customer, vdi_reorder=vdi_reorder
    )
    comment = clean_comment(one.comment, names) if one.comment else ""
    return (
        revision_id, declaration_id, number, seller.outlet_id, one.sold_on, one.channel, one.customer, one.age_band,
        one.area, one.rating, one.recommend, comment, rules.comment_length(one.comment), reason, proof, written_at,
    )  # fmt: skip


def _line_rows(
    submissions: Iterable[Submission], revision_ids: Sequence[int], prices: dict[str, tuple[int, str, str]]
) -> Iterable[tuple[Any, ...]]:
    for one, revision_id in zip(submissions, revision_ids, strict=True):
        for position, (sku, units, unit_price) in enumerate(one.lines):
            price, category, family = prices[sku]
            yield revision_id, position, sku, units, price, unit_price, category, family
