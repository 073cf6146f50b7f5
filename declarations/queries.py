"""Reads of declarations."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all

from badges.rules import Counts, week_streak
from catalogue.models import Product
from challenges.models import OPEN_STATES, Challenge, Participant, RulesVersion
from challenges.queries import audience_select
from challenges.rules import Gain, Sale, Version, version_from, version_of
from declarations.models import CountedDeclaration, Declaration, FavouriteProduct, Line, Revision
from declarations.scoring import Outcome, Told, counted_in, current_revisions, outcome, sales_of, window_of
from foundation.database import db
from foundation.models import AuditEntry
from network.models import Person
from points.models import Account, Entry


def achievements(people: Sequence[int]) -> dict[int, Counts]:
    """What badges look at, for some people: accepted sales, feedbacks, longest run of weeks with a sale."""
    found: dict[int, Counts] = {}
    for start in range(0, len(people), 5_000):
        batch = people[start : start + 5_000]
        current = and_(Revision.declaration_id == Declaration.id, Revision.number == Declaration.revision)
        mine = (Declaration.person_id.in_(batch), Declaration.status == "accepted")
        days: dict[int, list[date]] = defaultdict(list)
        for person_id, sold_on in db.session.execute(
            select(Declaration.person_id, Revision.sold_on).join(Revision, current).where(*mine).distinct()
        ):
            days[person_id].append(sold_on)
        counts = db.session.execute(
            select(Declaration.person_id, func.count(), func.count(Revision.rating))
            .join(Revision, current)
            .where(*mine)
            .group_by(Declaration.person_id)
        )
        for person_id, sales, feedbacks in counts:
            found[person_id] = Counts(
                declarations=sales, feedbacks=feedbacks, best_week_streak=week_streak(days[person_id]), podiums=0
            )
    return found


# — what pages show ——————————————————————————————————————————————————————————————————————————————————————————————————


@dataclass(frozen=True)
class ToldLine:
    """A product of a declaration, as told; `name` is the catalogue's, or the sku where it is gone."""

    sku: str
    name: str
    units: int
    unit_price_cents: int | None


@dataclass(frozen=True)
class InChallenge:
    """What a declaration gives in one challenge of its person.

    `gains` follow the order of the rules; `points` is their sum. `late`: told after the challenge's time for
    declaring, so it does not count. `rules` gives the rules as written, by version; `versions` the same as values, by
    start; `others` are the person's other sales that count there, or would.
    """

    challenge: Challenge
    gains: tuple[Gain, ...]
    points: int
    late: bool
    rules: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    versions: Sequence[Version] = ()
    others: Sequence[Told] = ()

    def rule(self, gain: Gain) -> Mapping[str, Any] | None:
        """The rule that gave a gain, as written."""
        return next((rule for rule in self.rules.get(gain.version, ()) if rule["id"] == gain.rule), None)


@dataclass(frozen=True)
class Answer:
    """A declaration and what became of it. `waiting`: the points are those expected once it is accepted. `names` are
    those of the products that its explanations name, by sku. `changeable`: the person may still correct it."""

    declaration: Declaration
    revision: Revision
    lines: list[ToldLine]
    challenges: list[InChallenge]
    waiting: bool
    names: Mapping[str, str]

    changeable: bool

    @property
    def points(self) -> int:
        """Points over all challenges."""
        return sum(one.points for one in self.challenges)


def contested_at(declaration: Declaration) -> datetime | None:
    """When the person asked that a refusal be looked at again; None when they have not. One statement."""
    return db.session.scalar(
        select(func.max(AuditEntry.at)).where(
            AuditEntry.subject == declaration.public_id, AuditEntry.act == "declaration.contested"
        )
    )


def told_lines(revision_ids: Collection[int]) -> dict[int, list[ToldLine]]:
    """The lines of some revisions, in their order, by revision id. One statement."""
    found: dict[int, list[ToldLine]] = defaultdict(list)
    rows = db.session.execute(
        select(Line.revision_id, Line.sku, Product.name, Line.units, Line.unit_price_cents)
        .outerjoin(Product, Product.sku == Line.sku)
        .where(Line.revision_id.in_(revision_ids))
        .order_by(Line.revision_id, Line.position)
    )
    for revision_id, sku, name, units, unit_price_cents in rows:
        found[revision_id].append(ToldLine(sku, name or sku, units, unit_price_cents))
    return found


def days_sold(declaration_ids: Sequence[int]) -> dict[int, tuple[int, date]]:
    """The current revision of some declarations and the day it says: declaration id → (revision id, day). One
    statement for each 5 000."""
    found: dict[int, tuple[int, date]] = {}
    for start in range(0, len(declaration_ids), 5_000):
        chosen = Declaration.id.in_(declaration_ids[start : start + 5_000])
        rows = db.session.execute(current_revisions(Declaration.id, Revision.id, Revision.sold_on).where(chosen))
        found.update({declaration_id: (revision_id, day) for declaration_id, revision_id, day in rows})
    return found


def frozen_goods(revision_id: int) -> dict[str, tuple[int, str, str]]:
    """What reception froze of the products of a revision: list price in cents, category and family, by sku."""
    rows = db.session.execute(
        select(Line.sku, Line.list_price_cents, Line.category, Line.family).where(Line.revision_id == revision_id)
    )
    return {sku: (price, category, family) for sku, price, category, family in rows}


def already_told(definition: Mapping[str, Any], first_day: date, last_day: date) -> int:
    """How many sales of these days the people of an audience have already told, and that still may count."""
    people = audience_select(definition).with_only_columns(Person.id, maintain_column_froms=True)
    found = current_revisions(func.count()).where(
        Declaration.person_id.in_(people),
        Declaration.status.in_(("accepted", "in_review")),
        Revision.sold_on.between(first_day, last_day),
    )
    return db.session.scalar(found) or 0


def revisions_of(declaration: Declaration) -> Sequence[Revision]:
    """Everything a declaration has said, latest first."""
    return db.session.scalars(
        select(Revision).where(Revision.declaration_id == declaration.id).order_by(Revision.number.desc())
    ).all()


def replaced_proofs(declaration: Declaration, revision: Revision) -> list[Revision]:
    """The earlier versions of a declaration that carried another picture, latest first, one for each picture."""
    found: dict[str, Revision] = {}
    for one in revisions_of(declaration)[1:] if declaration.revision > 1 else ():
        if one.proof is not None and one.proof != revision.proof:
            found.setdefault(one.proof, one)
    return list(found.values())


@dataclass(frozen=True)
class _Fold:
    """One person's sales folded in a challenge."""

    challenge: Challenge
    versions: Sequence[Version]
    written: Mapping[int, Sequence[Mapping[str, Any]]]
    counted: Sequence[Told]
    folded: Outcome

    def gives(self, declaration: Declaration) -> InChallenge | None:
        """What one of them gives there; None where it was not counted when the challenge closed."""
        if not any(one.declaration_id == declaration.id for one in self.counted):
            return InChallenge(self.challenge, (), 0, True) if self.challenge.state != "closed" else None
        waiting = declaration.status == "in_review"
        scored = next(
            one
            for one in (self.folded.expected if waiting else self.folded.scored)
            if one.sale.id == declaration.public_id
        )
        others = [one for one in self.counted if one.declaration_id != declaration.id]
        return InChallenge(
            self.challenge, scored.gains, scored.points, False, self.written, self.versions, others
        )  # fmt: skip


def answer(declaration: Declaration, revision: Revision, *, at: datetime) -> Answer:
    """What a declaration gives, challenge by challenge, with the arithmetic.

    The person's sales are folded again, in every challenge it touches at once: six statements, whatever the number of
    challenges and sales.
    """
    return answers([(declaration, revision)], at=at)[0]


def answers(told: Sequence[tuple[Declaration, Revision]], *, at: datetime) -> list[Answer]:
    """What several declarations give that one person sold on one day, as those of a meeting, in as many statements as
    for one."""
    [(person_id, day)] = {(declaration.person_id, revision.sold_on) for declaration, revision in told}
    lines = told_lines([revision.id for _, revision in told])
    is_open = any(declaration.status in ("accepted", "in_review") for declaration, _ in told)
    challenges = played_on(person_id, day, closed=True) if is_open else []
    frozen = _counted_pairs([one.id for one in challenges if one.state == "closed"], person_id)
    folds: list[_Fold] = []
    if challenges and not all(revision.barred for _, revision in told):
        rules, written = frozen_rules([one.id for one in challenges])
        first, last = min(one.starts_on for one in challenges), max(one.ends_on for one in challenges)
        sales = sales_of([person_id], first, last).get(person_id, [])
        for challenge in challenges:
            counted = counted_in(challenge, sales, frozen.get(challenge.id))
            folded = outcome(challenge, rules[challenge.id], counted)
            folds.append(_Fold(challenge, rules[challenge.id], written[challenge.id], counted, folded))
    given: list[list[InChallenge]] = []
    for declaration, revision in told:
        counts = declaration.status in ("accepted", "in_review") and not revision.barred
        given.append([one for one in (fold.gives(declaration) for fold in folds) if one] if counts else [])
    names = _names_in([line for sold in lines.values() for line in sold], [one for some in given for one in some])
    return [
        Answer(
            declaration,
            revision,
            lines[revision.id],
            some,
            declaration.status == "in_review",
            names if some else {},
            declaration.status in ("accepted", "in_review")
            and not _shut(declaration, revision, challenges, frozen, at),
        )
        for (declaration, revision), some in zip(told, given, strict=True)
    ]


def changeable(declaration: Declaration, revision: Revision, *, at: datetime) -> bool:
    """Whether a person may still correct a declaration: it is open, and so is every challenge where it counts."""
    return declaration.status in ("accepted", "in_review") and in_time(declaration, revision, at=at)


def in_time(declaration: Declaration, revision: Revision, *, at: datetime) -> bool:
    """Whether every challenge where a declaration counts, or would, still takes sales. Two statements."""
    challenges = played_on(declaration.person_id, revision.sold_on, closed=True)
    frozen = _counted_pairs([one.id for one in challenges if one.state == "closed"], declaration.person_id)
    return not _shut(declaration, revision, challenges, frozen, at)


def _shut(
    declaration: Declaration,
    revision: Revision,
    challenges: Sequence[Challenge],
    frozen: Mapping[int, Collection[tuple[int, int]]],
    at: datetime,
) -> bool:
    """Whether a challenge where a declaration counts is closed, or past its time for declaring."""
    for challenge in challenges:
        if challenge.state == "closed":
            if any(declaration_id == declaration.id for declaration_id, _ in frozen[challenge.id]):
                return True
        elif at >= challenge.declare_until and window_of(challenge).holds(
            revision.sold_on, declaration.declared_at, declaration.received_at
        ):
            return True
    return False


def _names_in(lines: Sequence[ToldLine], challenges: Sequence[InChallenge]) -> dict[str, str]:
    """Names of the products sold, and of those that the rules name."""
    names = {line.sku: line.name for line in lines}
    wanted: set[str] = set()
    for one in challenges:
        for rule in filter(None, map(one.rule, one.gains)):
            skus = (rule.get("when") or {}).get("skus") or ()
            wanted.update([skus] if isinstance(skus, str) else skus)
    if wanted - set(names):
        rows = db.session.execute(select(Product.sku, Product.name).where(Product.sku.in_(wanted - set(names))))
        names.update({row.sku: row.name for row in rows})
    return names


def played_on(person_id: int, day: date, *, closed: bool = False) -> Sequence[Challenge]:
    """The open challenges this person takes part in whose period holds a day, soonest end first; closed ones too
    when asked."""
    states = (*OPEN_STATES, "closed") if closed else OPEN_STATES
    return db.session.scalars(
        select(Challenge)
        .join(Participant, and_(Participant.challenge_id == Challenge.id, Participant.person_id == person_id))
        .where(Challenge.state.in_(states), Challenge.starts_on <= day, Challenge.ends_on >= day)
        .order_by(Challenge.ends_on, Challenge.id)
    ).all()


Written = dict[int, dict[int, Sequence[Mapping[str, Any]]]]


def frozen_rules(challenge_ids: Collection[int]) -> tuple[dict[int, list[Version]], Written]:
    """The frozen rules of several challenges, each by start; and the rules as written, by challenge id and version.
    One statement."""
    found: dict[int, list[Version]] = {challenge_id: [] for challenge_id in challenge_ids}
    written: Written = {challenge_id: {} for challenge_id in challenge_ids}
    rows = db.session.execute(
        select(RulesVersion.challenge_id, RulesVersion.definition, RulesVersion.number, RulesVersion.starts_on)
        .where(RulesVersion.challenge_id.in_(challenge_ids))
        .order_by(RulesVersion.starts_on, RulesVersion.number)
    )
    for challenge_id, definition, number, starts_on in rows:
        found[challenge_id].append(version_from(definition, number, starts_on))
        written[challenge_id][number] = definition.get("rules", ())
    return found, written


def _counted_pairs(challenge_ids: Collection[int], person_id: int) -> dict[int, set[tuple[int, int]]]:
    """For closed challenges, the (declaration, revision) pairs of one person that each counted."""
    found: dict[int, set[tuple[int, int]]] = {challenge_id: set() for challenge_id in challenge_ids}
    if challenge_ids:
        rows = db.session.execute(
            select(CountedDeclaration.challenge_id, CountedDeclaration.declaration_id, CountedDeclaration.revision)
            .join(Declaration, Declaration.id == CountedDeclaration.declaration_id)
            .where(CountedDeclaration.challenge_id.in_(challenge_ids), Declaration.person_id == person_id)
        )
        for challenge_id, declaration_id, revision in rows:
            found[challenge_id].add((declaration_id, revision))
    return found


@dataclass(frozen=True)
class Bonus:
    """What feedback or a complete profile earns in one challenge, as its rules say."""

    challenge: Challenge
    counts: str
    points: int
    min_comment: int


def bonuses(challenges: Sequence[Challenge], rules: Mapping[int, Sequence[Version]], day: date) -> list[Bonus]:
    """The feedback and profile rules in force on a day, of some challenges."""
    return [
        Bonus(challenge, rule.counts, rule.points, rule.min_comment or 0)
        for challenge in challenges
        for rule in version_of(rules[challenge.id], day).rules
        if rule.counts in ("feedback", "profile")
    ]


@dataclass(frozen=True)
class Expected:
    """The points a sale not yet sent would give in one challenge."""

    challenge: Challenge
    points: int


def expected_points(
    person_id: int,
    sales: Sequence[Sale],
    challenges: Sequence[Challenge],
    *,
    leaving_out: int | None = None,
    rules: Mapping[int, Sequence[Version]] | None = None,
) -> list[Expected]:
    """What sales told together would add to this person's points in each challenge where they would count: everything
    folded with them, minus without. `leaving_out` is the declaration they would correct; `rules` those of the
    challenges, when they are known already. Three statements."""
    adding = [Told(one, "accepted", 0, 1) for one in sales]
    counting = [one for one in challenges if counted_in(one, adding, None)]
    if not counting:
        return []
    if rules is None:
        rules, _ = frozen_rules([one.id for one in counting])
    told = sales_of(
        [person_id],
        min(one.starts_on for one in counting),
        max(one.ends_on for one in counting),
        waiting=False,
    ).get(person_id, [])
    told = [one for one in told if one.declaration_id != leaving_out]
    found = []
    for challenge in counting:
        before = counted_in(challenge, told, None)
        without = outcome(challenge, rules[challenge.id], before).tally.points
        after = [*before, *counted_in(challenge, adding, None)]
        found.append(Expected(challenge, outcome(challenge, rules[challenge.id], after).tally.points - without))
    return found


# — products to choose from ————————————————————————————————————————————————————————————————————————————————————————


MOST_FAVOURITES = 12


@dataclass(frozen=True)
class Choosable:
    """A product one may add to a sale."""

    sku: str
    name: str
    category: str
    family: str
    list_price_cents: int
    ean: str


_CHOOSABLE = (Product.sku, Product.name, Product.category, Product.family, Product.list_price_cents, Product.ean)
_MAY_HAVE_ACCENTS = frozenset("aceinouyåæœß")


def products_by_sku(skus: Collection[str]) -> dict[str, Choosable]:
    """Products by their sku."""
    if not skus:
        return {}
    rows = db.session.execute(select(*_CHOOSABLE).where(Product.sku.in_(skus)))
    return {row.sku: Choosable(*row) for row in rows}


def recent_products(person_id: int, day: date, *, limit: int = 6) -> list[Choosable]:
    """What this person sold last, still on sale that day, latest first; the first of the catalogue for a newcomer."""
    latest = (
        select(Declaration.id, Declaration.revision, Declaration.received_at)
        .where(Declaration.person_id == person_id)
        .order_by(Declaration.received_at.desc())
        .limit(50)
        .subquery()
    )
    last = func.max(latest.c.received_at)
    rows = db.session.execute(
        select(*_CHOOSABLE)
        .join_from(latest, Revision, and_(Revision.declaration_id == latest.c.id, Revision.number == latest.c.revision))
        .join(Line, Line.revision_id == Revision.id)
        .join(Product, Product.sku == Line.sku)
        .where(_on_sale(day))
        .group_by(Product.id)
        .order_by(last.desc(), Product.sku)
        .limit(limit)
    ).all()
    if not rows:
        rows = db.session.execute(
            select(*_CHOOSABLE).where(_on_sale(day)).order_by(Product.name, Product.sku).limit(limit)
        ).all()
    return [Choosable(*row) for row in rows]


def favourite_products(person_id: int, day: date) -> list[Choosable]:
    """The products a person keeps at hand, on sale that day, by name; at most MOST_FAVOURITES."""
    rows = db.session.execute(
        select(*_CHOOSABLE)
        .join(FavouriteProduct, FavouriteProduct.product_id == Product.id)
        .where(FavouriteProduct.person_id == person_id, _on_sale(day))
        .order_by(Product.name, Product.sku)
        .limit(MOST_FAVOURITES)
    )
    return [Choosable(*row) for row in rows]


def product_by_code(code: str, day: date) -> Choosable | None:
    """The product on sale that day that a scanned or typed code names: its sku, or its EAN, which other systems write
    with zeros before it; None when none does."""
    text = code.strip()
    same = [Product.sku == text]
    if text.isascii() and text.isdecimal() and 8 <= len(text) <= 14:
        bare = text.lstrip("0")
        same.append(Product.ean.in_([text, *(bare.zfill(length) for length in range(max(8, len(bare)), 15))]))
    row = db.session.execute(
        select(*_CHOOSABLE).where(or_(*same), _on_sale(day)).order_by(Product.sku).limit(1)
    ).first()
    return None if row is None else Choosable(*row)


def search_products(text: str, day: date, *, limit: int = 8) -> list[Choosable]:
    """Products on sale that day whose name holds every word typed, accents and capitals aside, or whose sku or EAN
    begins with it; exact codes first, then names that begin so."""
    words = fold_text(text).split()
    if not words:
        return []
    # Letters that may carry an accent match anything in SQL, then names are compared without accents here.
    likely = and_(
        *(
            Product.name.ilike(
                "%"
                + "%".join(
                    "".join("_" if c in _MAY_HAVE_ACCENTS or not c.isalnum() else c for c in part)
                    for part in word.split("oe")
                )
                + "%"
            )
            for word in words
        )
    )
    code = text.strip()
    by_code = or_(Product.sku.istartswith(code, autoescape=True), Product.ean.startswith(code, autoescape=True))
    rows = db.session.execute(select(*_CHOOSABLE).where(or_(likely, by_code), _on_sale(day)).limit(5_000)).all()
    ranked = []
    for row in rows:
        one = Choosable(*row)
        name, sku = fold_text(one.name), one.sku.casefold()
        if code.casefold() in (sku, one.ean):
            rank = 0
        elif sku.startswith(code.casefold()) or one.ean.startswith(code):
            rank = 1
        elif all(word in name for word in words):
            rank = 2 if name.startswith(words[0]) else 3
        else:
            continue
        ranked.append((rank, name, one.sku, one))
    return [one for *_, one in sorted(ranked, key=lambda row: row[:3])[:limit]]


def fold_text(text: str) -> str:
    """Small letters without accents, single spaces: "  Crème  de Nuit" → "creme de nuit"."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(plain.replace("œ", "oe").replace("’", "'").split())


def _on_sale(day: date) -> ColumnElement[bool]:
    return and_(
        or_(Product.starts_on.is_(None), Product.starts_on <= day),
        or_(Product.ends_on.is_(None), Product.ends_on >= day),
    )


def products_between(first_day: date, last_day: date) -> Select[Any]:
    """What is on sale on some day of a period, by name, with the days of each product."""
    return (
        select(Product.sku, Product.ean, Product.name, Product.category, Product.starts_on, Product.ends_on)
        .where(
            or_(Product.starts_on.is_(None), Product.starts_on <= last_day),
            or_(Product.ends_on.is_(None), Product.ends_on >= first_day),
        )
        .order_by(Product.name, Product.sku)
    )


def last_channel(person_id: int) -> str:
    """The channel of this person's latest declaration, '' before the first."""
    found = db.session.scalar(
        current_revisions(Revision.channel)
        .where(Declaration.person_id == person_id)
        .order_by(Declaration.received_at.desc(), Declaration.id.desc())
        .limit(1)
    )
    return found or ""


# — history and queue ——————————————————————————————————————————————————————————————————————————————————————————————


@dataclass(frozen=True)
class Card:
    """A declaration in a list. `points` is None while nothing was posted for it; `challenges`: in how many."""

    declaration: Declaration
    revision: Revision
    lines: list[ToldLine]
    points: int | None
    challenges: int


def cards(rows: Sequence[tuple[Declaration, Revision]]) -> list[Card]:
    """Lines and posted points of some declarations of one person: two statements."""
    if not rows:
        return []
    lines = told_lines([revision.id for _, revision in rows])
    posted = posted_points([rows[0][0].person_id], [declaration.public_id for declaration, _ in rows])
    return [
        Card(declaration, revision, lines[revision.id], *posted.get(declaration.public_id, (None, 0)))
        for declaration, revision in rows
    ]


def posted_points(people: Collection[int], public_ids: Collection[str]) -> dict[str, tuple[int, int]]:
    """What the ledger holds for some declarations of some people: public id → (points, number of challenges)."""
    moved = union_all(
        *(
            select(Entry.subject, Entry.book_id, amount.label("amount"))
            .join(Account, Account.id == side)
            .where(Account.person_id.in_(people), Entry.rules_version > 0, Entry.subject.in_(public_ids))
            for side, amount in ((Entry.destination_id, Entry.amount), (Entry.source_id, -Entry.amount))
        )
    ).subquery()
    rows = db.session.execute(
        select(moved.c.subject, func.sum(moved.c.amount), func.count(moved.c.book_id.distinct())).group_by(
            moved.c.subject
        )
    )
    return {subject: (int(points), books) for subject, points, books in rows}


def proof_of(declaration_id: int) -> str | None:
    """The name of the picture that proves a declaration as it now is."""
    return db.session.scalar(current_revisions(Revision.proof).where(Declaration.id == declaration_id))


def counts_by_status(person_id: int) -> dict[str, int]:
    """How many declarations of a person have each status."""
    rows = db.session.execute(
        select(Declaration.status, func.count()).where(Declaration.person_id == person_id).group_by(Declaration.status)
    )
    return {row[0]: row[1] for row in rows}
