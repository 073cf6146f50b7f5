"""Telling the demonstration to the product, day after day, through the operations everybody else uses.

Nothing is written behind the product's back: files are imported, challenges published, sales received, and the
schedule's jobs run at the instants they would have run at, so challenges open and close on their dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select

from catalogue.imports import import_products
from catalogue.models import Product
from challenges.imports import definition_of_text, import_challenge
from challenges.models import Challenge
from declarations.models import Declaration
from declarations.operations import accept, receive, reject, withdraw
from declarations.publishing import publish
from foundation import scheduler
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.imports import import_outlets, import_people
from network.models import Outlet, Person
from network.operations import accept_notice, choose_nickname
from portal.demonstration import content as files
from portal.demonstration.content import Content
from portal.demonstration.plans import ZONE, Plan, challenge_plans
from portal.demonstration.sales import LARGE_UNITS, Sale, all_sales, first_day
from portal.demonstration.shopping import furnish, happenings
from rewards.backtest_runs import request_run
from rewards.backtest_worker import work
from rewards.imports import import_rewards
from rewards.models import Reward
from rewards.queries import days_worth_testing

ANIMATOR = "DEMO-CLAIRE"
LIVE_DAYS = 3  # the last days are told sale by sale, as through the form
NIGHTS = 9  # and for so many, the schedule's jobs have run every night
REGRETTED_BY = "DEMO-NADIA"
SETTINGS = {
    "review_units_above": str(LARGE_UNITS),
    "brand_name": "Maison Ondrivelle",
    "brand_address": "12 quai de l'Exemple, 29200 Brest",
    "contact": "challenges@ondrivelle.example",
    "wallet_points_expire_after_days": "365",
}
NOTE = "La quantité semble saisie deux fois ; déclarez-la de nouveau avec le bon nombre."


@dataclass(frozen=True)
class Step:
    """Something that happens at an instant. `act` opens its own transactions; `what` names it for the progress."""

    at: datetime
    what: str
    act: Callable[[], None]

    def take(self) -> None:
        """Do it; an error says which step it was."""
        try:
            self.act()
        except Exception as error:
            error.add_note(f"in the demonstration, at {self.at.isoformat()}: {self.what}")
            raise


def is_empty() -> bool:
    """Whether the database holds nothing anybody would miss."""
    return all(
        db.session.execute(select(model).limit(1)).first() is None
        for model in (Outlet, Person, Product, Reward, Challenge, Declaration)
    )


def demonstration_steps(content: Content, now: datetime) -> list[Step]:
    """Everything that happens up to `now`, in order; doing it all fills the database."""
    plans = challenge_plans(content, now)
    sales = all_sales(content, plans, now)
    live_from = _midnight(now, LIVE_DAYS)
    told = [sale for sale in sales if sale.declared_at < live_from]
    steps = [
        Step(_founding(now), "network", lambda: _found(content, now)),
        *_arrivals(content, now),
        *_publications(plans),
        *_deliveries(told, plans, live_from, now),
        *_live(sales[len(told) :], now),
        *(Step(*happening) for happening in happenings(content, now)),
        *_jobs(plans, now),
        *_backtests(plans, now),
    ]
    return sorted(steps, key=lambda step: step.at)


def _midnight(now: datetime, days_ago: int) -> datetime:
    return datetime.combine(now.astimezone(ZONE).date() - timedelta(days=days_ago), time(0), ZONE)


def _nights(now: datetime) -> set[datetime]:
    """Shortly after midnight, on each of the last days."""
    nights = (_midnight(now, days_ago) + timedelta(minutes=10) for days_ago in range(NIGHTS + 1))
    return {night.astimezone(UTC) for night in nights if night < now}


def _founding(now: datetime) -> datetime:
    return datetime.combine(first_day(now) - timedelta(days=3), time(9), ZONE).astimezone(UTC)


def _found(content: Content, now: datetime) -> None:
    """The network, its catalogue and its rewards as on the first day."""
    at, today = _founding(now), now.astimezone(ZONE).date()
    there = [person for person in content.people if person.arrived_days_ago is None]
    with transaction():
        for name, value in SETTINGS.items():
            change_setting(name, value, by=SYSTEM, at=at)
        import_outlets(files.outlets_file(content, today), by=SYSTEM, at=at)
        import_people(files.people_file(there), by=SYSTEM, at=at)
        import_products(files.products_file(content, today), by=SYSTEM, at=at)
        import_rewards(files.rewards_file(content), by=SYSTEM, at=at)
        furnish(content, at=at)
        _settle_in(there, at)


def _settle_in(people: list[files.Person], at: datetime) -> None:
    """What everybody does on the first sign-in: read the notice, and choose a nickname if they like."""
    known = {person.code: person for person in people}
    for person in db.session.scalars(select(Person).where(Person.code.in_(known))).all():
        accept_notice(person, by=person.code, at=at)
        if known[person.code].nickname:
            choose_nickname(person, known[person.code].nickname, by=person.code, at=at)


def _arrivals(content: Content, now: datetime) -> Iterator[Step]:
    """People who came later, each on their day."""
    today = now.astimezone(ZONE).date()
    for person in content.people:
        if person.arrived_days_ago is not None:
            day = today - timedelta(days=person.arrived_days_ago)
            at = datetime.combine(day, time(9), ZONE).astimezone(UTC)

            def arrive(person: files.Person = person, at: datetime = at) -> None:
                with transaction():
                    import_people(files.people_file([person]), by=ANIMATOR, at=at)
                    _settle_in([person], at)

            yield Step(at, f"arrival of {person.name}", arrive)


def _publications(plans: list[Plan]) -> Iterator[Step]:
    """Challenges, published on their dates; drafts are written when the last of the others is."""
    last = max(plan.publish_at for plan in plans if plan.publish_at is not None)
    for plan in plans:
        at = (plan.publish_at or last).astimezone(UTC)

        def come_to_life(plan: Plan = plan, at: datetime = at) -> None:
            definition = definition_of_text(plan.text.encode(), f"{plan.code}.toml")
            with transaction():
                challenge = import_challenge(definition, by=ANIMATOR, at=at)
                if plan.publish_at is not None:
                    publish(challenge, by=ANIMATOR, at=at)

        yield Step(at, f"challenge {plan.code}", come_to_life)


def _backtests(plans: list[Plan], now: datetime) -> Iterator[Step]:
    """Before publishing a draft its animator has looked at what it, and a challenge already out, would have given."""
    published = [plan for plan in plans if plan.publish_at is not None]
    for plan in plans:
        if plan.publish_at is None:

            def look_back(plan: Plan = plan) -> None:
                variants = []
                for one in (plan, published[-1]):
                    definition = definition_of_text(one.text.encode(), f"{one.code}.toml")
                    variants.append((definition.name, definition))
                own = variants[0][1]
                with transaction():
                    days = days_worth_testing(own.starts_on, own.ends_on)
                    run_id = request_run(own.code, variants, *days, by=ANIMATOR, at=now).id
                work(run_id, lambda: now)

            yield Step(now, f"backtest of {plan.code}", look_back)


def _deliveries(sales: list[Sale], plans: list[Plan], live_from: datetime, now: datetime) -> Iterator[Step]:
    """Sales of the past, brought in week by week, before every step of a challenge's life and before each night."""
    cuts = {live_from.astimezone(UTC)}
    cuts.update(night - timedelta(minutes=1) for night in _nights(now) if night < live_from)
    for plan in plans:
        cuts.update(step.astimezone(UTC) - timedelta(minutes=1) for step in plan.steps if step < live_from)
    week = datetime.combine(first_day(now), time(3), ZONE) + timedelta(days=7)
    while week < live_from:
        cuts.add(week.astimezone(UTC))
        week += timedelta(days=7)
    place = 0
    for cut in sorted(cuts):
        start = place
        while place < len(sales) and sales[place].declared_at < cut:
            place += 1
        batch = sales[start:place]
        if batch:

            def bring(batch: list[Sale] = batch, cut: datetime = cut) -> None:
                with transaction():
                    receive([sale.submission for sale in batch], by=SYSTEM, at=cut, zone=ZONE, historical=True)

            yield Step(cut, f"sales until {cut.astimezone(ZONE):%Y-%m-%d}", bring)


def _live(sales: list[Sale], now: datetime) -> Iterator[Step]:
    """Sales of the last days, each received a moment after it was told; large ones wait for the animator."""
    small = [sale for sale in sales if not sale.large]
    regretted = next((sale for sale in small if sale.submission.person == REGRETTED_BY), small[0] if small else None)
    for sale in sales:
        at = min(sale.declared_at + timedelta(seconds=2), now)

        def tell(sale: Sale = sale, at: datetime = at) -> None:
            with transaction():
                receive([sale.submission], by=sale.submission.person, at=at, zone=ZONE)

        yield Step(at, f"sales of {at.astimezone(ZONE):%Y-%m-%d}", tell)
        if sale.outcome or sale is regretted:
            later = min(at + (timedelta(minutes=5) if sale is regretted else timedelta(hours=16)), now)

            def settle(sale: Sale = sale, at: datetime = later) -> None:
                with transaction():
                    query = select(Declaration).where(Declaration.public_id == sale.submission.id)
                    declaration = db.session.execute(query).scalar_one()
                    if sale.outcome == "accepted":
                        accept(declaration, by=ANIMATOR, at=at)
                    elif sale.outcome == "rejected":
                        reject(declaration, "wrong_quantity", by=ANIMATOR, at=at, note=NOTE)
                    else:
                        withdraw(declaration, by=sale.submission.person, at=at)

            yield Step(later, "reviews", settle)


def _jobs(plans: list[Plan], now: datetime) -> Iterator[Step]:
    """The schedule, at every step of a challenge's life, every night of the last days, and now."""
    instants = {step.astimezone(UTC) for plan in plans if plan.publish_at is not None for step in plan.steps}
    instants |= _nights(now)
    for at in sorted({one for one in instants if one < now} | {now}):
        yield Step(at, f"jobs of {at.astimezone(ZONE):%Y-%m-%d}", lambda at=at: _run_jobs(at))  # type: ignore[misc]


def _run_jobs(at: datetime) -> None:
    _, failed = scheduler.run_due(at)
    if failed:
        raise RuntimeError("; ".join(failed))
