"""What a judgement of a challenge needs to know about the world: its audience, its articles, the figures of the law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import and_, case, func, or_, select

from challenges import law
from challenges.definition import Definition
from challenges.queries import AUDIENCE, audience_select
from challenges.vocabulary import reward_costs
from foundation.database import db
from foundation.programme import ORGANISER, settings
from network.models import Outlet, Person


@dataclass(frozen=True)
class Facts:
    """What is so today.

    Of the people of the audience: how many in all, `employees`, those of them whose employer has agreed to nothing
    that falls in the challenge (`without_agreement`), brand's own `staff`, `home_sellers` (status vdi), `independents`,
    in `health` outlets. Of its outlets, with or without people: how many in all, of kind vdi, flagged health. Money in
    cents; `bands` are those of CSS art. L242-1-4 in the year the challenge ends, `das2_cents` what an independent may
    receive in it before it is declared; None when no figure is known. `unconfirmed` names the figures that hold then
    and are still to be confirmed by counsel; `organiser_named`: the rules can say who organises and whom to ask;
    `benefit_cap` is the programme's yearly cap for employees, in percent of the monthly minimum wage, or "none".
    """

    today: date
    people: int = 0
    employees: int = 0
    without_agreement: int = 0
    staff: int = 0
    home_sellers: int = 0
    independents: int = 0
    health: int = 0
    outlets: int = 0
    home_outlets: int = 0
    health_outlets: int = 0
    reorder_scores: bool = False
    costs: Mapping[str, int] = field(default_factory=dict)
    point_cents: int = 1
    bands: tuple[int, int] | None = None
    contribution: Decimal | None = None
    das2_cents: int | None = None
    unconfirmed: frozenset[str] = frozenset()
    organiser_named: bool = True
    benefit_cap: str = "none"

    @property
    def cap_cents(self) -> int | None:
        """What the programme lets an employee receive in a year; None without a cap, or when it cannot be known."""
        if self.benefit_cap == "none" or self.bands is None:
            return None
        return self.bands[0 if self.benefit_cap == "15" else 1]


def facts_about(definition: Definition, *, on: date) -> Facts:
    """What is so for this challenge on a day: three selects over the network and the catalogue, and a few figures."""
    end = definition.ends_on
    figures = {name: law.standing(name, on=end) for name in law.FIGURES}
    chosen = settings()
    rate, das2 = figures["reward_contribution_rate"], figures["das2_threshold"]
    return Facts(
        today=on,
        **_people(definition),
        **_outlets(definition),
        reorder_scores=chosen["vdi_reorder"],
        costs=reward_costs([definition.canonical()]),
        point_cents=chosen["wallet_point_cents"],
        bands=law.reward_bands(on=end),
        contribution=Decimal(rate.value) if rate is not None else None,
        das2_cents=int(Decimal(das2.value) * 100) if das2 is not None else None,
        unconfirmed=frozenset(name for name, row in figures.items() if row is not None and not row.confirmed),
        organiser_named=all(chosen[name] for name in ORGANISER),
        benefit_cap=str(chosen["benefit_cap"]),
    )


def _people(definition: Definition) -> dict[str, int]:
    employee = Person.status == "employee"
    no_agreement = or_(Outlet.agreement_on.is_(None), Outlet.agreement_on > definition.ends_on)
    counted = {
        "employees": employee,
        "without_agreement": and_(employee, no_agreement),
        "staff": Person.status == "staff",
        "home_sellers": Person.status == "vdi",
        "independents": Person.status == "independent",
        "health": Outlet.health.is_(True),
    }
    row = db.session.execute(
        audience_select(definition.canonical()).with_only_columns(
            func.count(Person.id).label("people"),
            *(func.coalesce(func.sum(case((test, 1), else_=0)), 0).label(name) for name, test in counted.items()),
            maintain_column_froms=True,
        )
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}


def _outlets(definition: Definition) -> dict[str, int]:
    found = select(
        func.count(Outlet.id),
        func.coalesce(func.sum(case((Outlet.kind == "vdi", 1), else_=0)), 0),
        func.coalesce(func.sum(case((Outlet.health.is_(True), 1), else_=0)), 0),
    )
    for key, values in (definition.canonical().get("audience") or {}).items():
        found = found.where(AUDIENCE[key].in_([values] if isinstance(values, str) else values))
    outlets, home, health = db.session.execute(found).one()
    return {"outlets": outlets, "home_outlets": int(home), "health_outlets": int(health)}
