"""What keeps an award back at closing: no employer's agreement any more (held), or the yearly cap (capped).

Held: domain rule "revoked between earning and payment: the reward is held, not lost". A person of status `employee` is
paid while the agreement of the outlet in which they entered the challenge covers their last counted sale there, as
their sales had to; else the award waits (rewards/releasing.py). Capped: the programme's `benefit_cap`, for employees.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    MetaData,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.schema import CreateTable, DropTable

from challenges.lifecycle import NotPossible
from challenges.models import Challenge, Participant
from declarations.models import CountedDeclaration, Declaration, Revision
from foundation import clock
from foundation.database import db
from foundation.programme import setting
from network.models import Outlet, Person
from rewards.benefits import bounds, movements
from rewards.contribution import figures_of
from rewards.models import PROMISED, Award


class Cap(NamedTuple):
    """What an employee may receive in a calendar year at most, in cents: `percent` % of the monthly minimum wage."""

    percent: int
    cents: int
    year: int


def yearly_cap(year: int) -> Cap | None:
    """The programme's cap in a year, None without one. Raises NotPossible when the minimum wage is not known."""
    chosen = setting("benefit_cap")
    if chosen == "none":
        return None
    bands = figures_of(year).bands
    if bands is None:
        raise NotPossible(f"benefit_cap is {chosen} and the SMIC of {year} is not known; add it to /studio/law")
    return Cap(int(chosen), bands.free_cents if chosen == "15" else bands.common_cents, year)


def without_agreement(challenge: Challenge) -> Select[Any]:
    """The ids of a challenge's employees whose outlet's agreement no longer covers their last counted sale."""
    return (
        select(Participant.person_id)
        .join(Person, Person.id == Participant.person_id)
        .join(Outlet, Outlet.id == Participant.outlet_id)
        .where(
            Participant.challenge_id == challenge.id,
            Person.status == "employee",
            ~covered(challenge.id, challenge.starts_on, challenge.ends_on, Participant.person_id),
        )
    )


def covered(challenge_id: Any, starts_on: Any, ends_on: Any, person_id: Any) -> ColumnElement[bool]:
    """Whether the agreement of `Outlet` covers a person's last counted sale in a challenge (its end without one)."""
    last = (
        select(func.max(Revision.sold_on))
        .join_from(CountedDeclaration, Declaration, Declaration.id == CountedDeclaration.declaration_id)
        .join(
            Revision,
            and_(Revision.declaration_id == Declaration.id, Revision.number == CountedDeclaration.revision),
        )
        .where(CountedDeclaration.challenge_id == challenge_id, Declaration.person_id == person_id)
        .scalar_subquery()
    )
    agreed = Outlet.agreement_on
    # An agreement from before the start covers everything: sales are only looked at for the others.
    return and_(agreed.is_not(None), or_(agreed <= starts_on, agreed <= func.coalesce(last, ends_on)))


# What each employee of the challenge had received in the year, for the time of a closing: looked up once, and joined by
# every payout.
_BEFORE = Table(
    "received_before",
    MetaData(),
    Column("person_id", BigInteger, primary_key=True),
    Column("cents", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


class Withholding:
    """What a closing keeps back, looked up once before its payouts."""

    def __init__(self, challenge: Challenge, *, at: datetime) -> None:
        self._challenge = challenge
        zone = current_app.config["TIMEZONE"]
        self.cap = yearly_cap(clock.day_of(at, zone).year)
        if self.cap is not None:
            begins, *_, ends = bounds(self.cap.year, zone)
            self._look_back(begins, ends)
        self._holds = bool(db.session.scalar(select(exists(without_agreement(challenge)))))

    def _look_back(self, begins: datetime, ends: datetime) -> None:
        connection = db.session.connection()
        connection.execute(DropTable(_BEFORE, if_exists=True))
        connection.execute(CreateTable(_BEFORE))
        moves = movements(since=begins, until=ends).subquery("moves")
        sums = select(moves.c.person_id, func.sum(moves.c.cents).label("cents")).group_by(moves.c.person_id).subquery()
        employed = (
            select(Person.id, cast(func.coalesce(sums.c.cents, 0), BigInteger))
            .join(Participant, Participant.person_id == Person.id)
            .outerjoin(sums, sums.c.person_id == Person.id)
            .where(Participant.challenge_id == self._challenge.id, Person.status == "employee")
        )
        connection.execute(insert(_BEFORE).from_select(["person_id", "cents"], employed))

    def marked(self, gains: Subquery) -> Subquery:
        """The gains of a payout with their `standing`: capped, held or granted, before the budget."""
        if self.cap is None and not self._holds:
            return select(*gains.c, literal("granted", String).label("standing")).subquery("marked")
        cases: list[tuple[ColumnElement[bool], str]] = []
        found: FromClause = gains
        if self.cap is not None:
            own = (
                select(Award.person_id, func.sum(Award.cost_cents).label("cents"))
                .where(Award.challenge_id == self._challenge.id, Award.status.in_(PROMISED))
                .group_by(Award.person_id)
                .subquery("own")
            )
            found = found.outerjoin(_BEFORE, _BEFORE.c.person_id == gains.c.person_id)
            found = found.outerjoin(own, own.c.person_id == gains.c.person_id)
            # Nobody but employees is in the table: null is never above the cap.
            received = _BEFORE.c.cents + func.coalesce(own.c.cents, 0) + gains.c.cost_cents
            cases.append((received > self.cap.cents, "capped"))
        if self._holds:
            cases.append((gains.c.person_id.in_(without_agreement(self._challenge)), "held"))
        standing = cast(case(*cases, else_="granted"), String).label("standing")
        return select(*gains.c, standing).select_from(found).subquery("marked")

    def certified(self) -> dict[str, Any]:
        """What the certificate says of it: whose awards were held, and whose passed the cap and had received how much
        before, in cents."""
        return {"held": self._held_people(), "benefit_cap": self._capped_people()}

    def held_people(self) -> Select[Any] | None:
        """The ids of those whose awards were held; None when nobody's were."""
        if not self._holds:
            return None
        return select(Award.person_id).where(
            Award.challenge_id == self._challenge.id, Award.status == "held", Award.person_id.is_not(None)
        )

    def _held_people(self) -> list[str]:
        if not self._holds:
            return []
        kept = (
            select(Award.competitor)
            .where(Award.challenge_id == self._challenge.id, Award.person_id.in_(without_agreement(self._challenge)))
            .distinct()
            .order_by(Award.competitor)
        )
        return list(db.session.scalars(kept))

    def _capped_people(self) -> dict[str, Any] | None:
        if self.cap is None:
            return None
        capped = (
            select(Award.person_id)
            .where(Award.challenge_id == self._challenge.id, Award.status == "capped")
            .distinct()
            .subquery()
        )
        rows = db.session.execute(
            select(Person.code, _BEFORE.c.cents)
            .join_from(capped, Person, Person.id == capped.c.person_id)
            .join(_BEFORE, _BEFORE.c.person_id == Person.id)
            .order_by(Person.code)
        )
        people = [{"person": code, "received_cents": int(cents)} for code, cents in rows]
        return {**self.cap._asdict(), "people": people}
