"""What the home pages read. A reseller's takes at most twelve statements, whatever the number of people and sales."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select

from catalogue.models import Product
from challenges.models import OPEN_STATES, Challenge, Participant
from challenges.queries import versions
from challenges.rules import version_of
from declarations.models import Declaration, Line, Revision
from declarations.permissions import waiting_for
from declarations.scoring import counted_in, outcome, sales_of
from foundation import clock
from foundation.database import db
from foundation.models import JobRun
from leaderboards.models import Standing
from leaderboards.queries import interesting_first
from network.models import Outlet, Person
from points.models import WALLET, Account, Book
from portal.rules import Step, milestones, nearest, objective, thresholds
from rewards.models import Award, Reward

RESULTS_FOR = timedelta(days=60)
SHOWN_CHALLENGES = 12
SHOWN_PRODUCTS = 2


@dataclass(frozen=True)
class Playing:
    """A challenge a person takes part in, with what was fixed on entering and where it stands."""

    challenge: Challenge
    entered: Participant
    standing: Standing | None

    @property
    def points(self) -> int:
        """Points earned so far."""
        return self.standing.points if self.standing is not None else 0

    @property
    def expected(self) -> int:
        """Points to come once everything in review is accepted."""
        return self.standing.expected_points - self.standing.points if self.standing is not None else 0

    @property
    def measure(self) -> int:
        """The objective's measure so far."""
        return self.standing.measure if self.standing is not None else 0


def playing(person: Person, *, at: datetime) -> list[Playing]:
    """The open challenges of a person and those closed lately, the most interesting first."""
    since = clock.days_after(at.date(), -RESULTS_FOR.days)
    rows = db.session.execute(
        select(Challenge, Participant, Standing)
        .join(Participant, and_(Participant.challenge_id == Challenge.id, Participant.person_id == person.id))
        .outerjoin(Standing, and_(Standing.challenge_id == Challenge.id, Standing.person_id == person.id))
        .where(or_(Challenge.state.in_(OPEN_STATES), and_(Challenge.state == "closed", Challenge.ends_on >= since)))
        .order_by(*interesting_first())
        .limit(SHOWN_CHALLENGES)
    )
    return [Playing(*row) for row in rows]


def playing_in(person: Person, code: str) -> Playing | None:
    """A person's part in one challenge that has begun, however long it has been over; None when there is none."""
    row = db.session.execute(
        select(Challenge, Participant, Standing)
        .join(Participant, and_(Participant.challenge_id == Challenge.id, Participant.person_id == person.id))
        .outerjoin(Standing, and_(Standing.challenge_id == Challenge.id, Standing.person_id == person.id))
        .where(Challenge.code == code, Challenge.state.not_in(("draft", "published")))
    ).one_or_none()
    return Playing(*row) if row is not None else None


def next_step(one: Playing, person: Person, *, at: datetime) -> Step | None:
    """The nearest milestone, threshold or target of a person in a challenge; None when all are reached.

    The rules are read; where there are milestones the person's sales are folded again, in three more statements.
    """
    challenge = one.challenge
    steps: list[Step] = []
    rules = versions(challenge.id)
    if any(rule.counts == "milestone" for version in rules for rule in version.rules):
        told = sales_of([person.id], challenge.starts_on, challenge.ends_on, waiting=False).get(person.id, ())
        tally = outcome(challenge, rules, counted_in(challenge, told, None)).tally
        steps += milestones(version_of(rules, clock.day_of(at, challenge.zone)), tally)
    if challenge.ranks == "person":
        steps += thresholds(challenge.definition.get("payouts", ()), one.points)
    if challenge.has_objective:
        steps += objective(challenge.measure, one.measure, one.entered.target)
    return nearest(steps)


@dataclass
class RecentSale:
    """A sale in a short list: the first of its products, and how many more there are."""

    id: int
    public_id: str
    status: str
    sold_on: date
    received_at: datetime
    of_its_kind: int
    more: int = 0
    products: list[tuple[int, str]] = field(default_factory=list)


def recent_sales(person_id: int, *, limit: int) -> tuple[list[RecentSale], list[RecentSale]]:
    """A person's latest sales: those that wait for a review, and the others; at most `limit` of each."""
    waits = Declaration.status == "in_review"
    newest = (Declaration.received_at.desc(), Declaration.id.desc())
    numbered = (
        select(
            Declaration.id,
            Declaration.public_id,
            Declaration.status,
            Declaration.received_at,
            Declaration.revision,
            func.row_number().over(partition_by=waits, order_by=newest).label("place"),
            func.count().over(partition_by=waits).label("of_its_kind"),
        )
        .where(Declaration.person_id == person_id)
        .subquery()
    )
    lines = select(func.count()).where(Line.revision_id == Revision.id).correlate(Revision).scalar_subquery()
    rows = db.session.execute(
        select(
            numbered.c.id, numbered.c.public_id, numbered.c.status, Revision.sold_on, numbered.c.received_at,
            numbered.c.of_its_kind, lines.label("lines"), Line.units, func.coalesce(Product.name, Line.sku),
        )
        .join_from(
            numbered,
            Revision,
            and_(Revision.declaration_id == numbered.c.id, Revision.number == numbered.c.revision),
        )
        .join(Line, and_(Line.revision_id == Revision.id, Line.position < SHOWN_PRODUCTS))
        .outerjoin(Product, Product.sku == Line.sku)
        .where(numbered.c.place <= limit)
        .order_by(numbered.c.received_at.desc(), numbered.c.id.desc(), Line.position)
    )  # fmt: skip
    found: dict[int, RecentSale] = {}
    for *head, count, units, name in rows:
        sale = found.setdefault(head[0], RecentSale(*head))
        sale.products.append((units, name))
        sale.more = count - len(sale.products)
    sales = list(found.values())
    return [one for one in sales if one.status == "in_review"], [one for one in sales if one.status != "in_review"]


@dataclass(frozen=True)
class Won:
    """What a closing gave a person, or its outlet: the name of an article, or wallet points."""

    challenge_id: int
    reward: str | None
    wallet_points: int
    to_outlet: bool


def wallet_and_gains(person: Person, closed: Collection[Playing]) -> tuple[int, list[Won]]:
    """The balance of a person's wallet, and what some closed challenges gave."""
    mine = [one.challenge.id for one in closed]
    of_outlet = [
        and_(Award.challenge_id == one.challenge.id, Award.outlet_id == one.entered.outlet_id)
        for one in closed
        if one.challenge.ranks == "outlet"
    ]
    gains = or_(
        and_(Award.challenge_id.in_(mine), Award.person_id == person.id),
        *(and_(Award.person_id.is_(None), one) for one in of_outlet),
    )
    wallet = (
        select(Account.balance)
        .join(Book, Book.id == Account.book_id)
        .where(Account.person_id == Person.id, Book.name == WALLET)
        .correlate(Person)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(wallet.label("wallet"), Award.challenge_id, Reward.name, Award.wallet_points, Award.person_id)
        .select_from(Person)
        .outerjoin(Award, and_(gains, Award.status == "granted"))
        .outerjoin(Reward, Reward.id == Award.reward_id)
        .where(Person.id == person.id)
        .order_by(Award.challenge_id, Award.payout)
    ).all()
    found = [
        Won(row.challenge_id, row.name, row.wallet_points, row.person_id is None)
        for row in rows
        if row.challenge_id is not None
    ]
    return rows[0].wallet or 0, found


def product_names(skus: Collection[str]) -> dict[str, str]:
    """The names of some products, by sku."""
    rows = db.session.execute(select(Product.sku, Product.name).where(Product.sku.in_(skus)))
    return {row.sku: row.name for row in rows}


# --- for those who animate and for the brand -----------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A challenge under way, with how many people take part and how many of them have points."""

    challenge: Challenge
    people: int
    active: int


def running(limit: int = 8) -> list[Running]:
    """The open challenges, the most interesting first, with their participation. One statement."""
    counts = (
        select(
            Participant.challenge_id,
            func.count().label("people"),
            func.count(case((Standing.points > 0, 1))).label("active"),
        )
        .outerjoin(
            Standing,
            and_(Standing.challenge_id == Participant.challenge_id, Standing.person_id == Participant.person_id),
        )
        .join(Challenge, Challenge.id == Participant.challenge_id)
        .where(Challenge.state.in_(OPEN_STATES))
        .group_by(Participant.challenge_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Challenge, counts.c.people, counts.c.active)
        .outerjoin(counts, counts.c.challenge_id == Challenge.id)
        .where(Challenge.state.in_(OPEN_STATES))
        .order_by(*interesting_first())
        .limit(limit)
    )
    return [Running(one, people or 0, active or 0) for one, people, active in rows]


def reviewing(limit: int = 20) -> Sequence[Challenge]:
    """Challenges whose declaring time is over and that are not closed, those that should have been first."""
    under_review = select(Challenge).where(Challenge.state == "reviewing")
    return db.session.scalars(under_review.order_by(Challenge.review_until, Challenge.id).limit(limit)).all()


def drafts() -> Sequence[Challenge]:
    """Challenges not published yet, soonest start first."""
    found = select(Challenge).where(Challenge.state == "draft").order_by(Challenge.starts_on, Challenge.id).limit(5)
    return db.session.scalars(found).all()


def review_queue(reviewer: Person) -> tuple[int, datetime | None]:
    """How many sales wait for this reviewer, and since when the oldest does."""
    waiting = waiting_for(reviewer).order_by(None).with_only_columns(Declaration.received_at).subquery()
    count, oldest = db.session.execute(select(func.count(), func.min(waiting.c.received_at))).one()
    return count, oldest


@dataclass(frozen=True)
class Network:
    """How many resellers there are, how many of them have come in, and how many outlets."""

    people: int
    arrived: int
    outlets: int


def network_size() -> Network:
    """The size of the network: active resellers and outlets."""
    resellers = and_(Person.role == "reseller", Person.suspended_at.is_(None))
    people, arrived = db.session.execute(
        select(func.count(), func.count(Person.notice_accepted_at)).where(resellers)
    ).one()
    return Network(people, arrived, db.session.scalar(select(func.count()).select_from(Outlet)) or 0)


def failed_jobs() -> list[str]:
    """The jobs whose last run failed, by name."""
    failed = select(JobRun.name).where(JobRun.outcome.startswith("failed")).order_by(JobRun.name)
    return list(db.session.scalars(failed))


def last_tick() -> datetime | None:
    """When the clock last did something; None when it never ran."""
    return db.session.scalar(select(func.max(JobRun.finished_at)))


def counts_for_metrics() -> tuple[list[Any], list[Any]]:
    """Declarations by status, and the last run of every job (name, finished_at, outcome)."""
    declarations = db.session.execute(select(Declaration.status, func.count()).group_by(Declaration.status)).all()
    jobs = db.session.execute(select(JobRun.name, JobRun.finished_at, JobRun.outcome)).all()
    return list(declarations), list(jobs)
