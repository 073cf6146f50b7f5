"""What a challenge would have given on past declarations, by the same rules throughout (docs/game/backtest.md).

Reads only: nothing is published, posted, ranked or written. People are folded a batch at a time, so that memory
follows the number of people and not that of their sales.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select

from challenges.definition import FIRST_YEAR, LAST_YEAR, Definition, stored_definition
from challenges.models import Challenge
from challenges.queries import audience_select
from challenges.rules import Scored, fold, version_from
from declarations.publishing import targets_of
from declarations.scoring import chunks, counted_in, sales_of
from foundation.database import db
from foundation.programme import setting
from network.models import Outlet, Person
from rewards.contribution import Contribution, Figures, OfStatus, bands_on, by_status, contribution, figures_of
from rewards.hints import JUDGED, Hint, League, Used, hints
from rewards.models import Reward
from rewards.queries import days_of_sales
from rewards.recount import Counted, Entrant, Line, Money, board, counted, gains, hash_of
from rewards.rules import Gain
from rewards.withholding import yearly_cap

TEMPTED = 10


class Cancelled(Exception):
    """The backtest was stopped by who asked for it."""


class Step(NamedTuple):
    """A step and how many people reach it: a "milestone" (its rule), a "threshold" (its payout, from 1), or "points"
    for the very first point. `at` is in units, euros, declarations or points, as `measure` says."""

    kind: str
    name: str
    measure: str
    at: int
    people: int


class Paid(NamedTuple):
    """One payout (from 1): to how many it is granted and what these cost, how many the budget (`not_funded`) and the
    yearly cap (`capped`) leave out."""

    payout: int
    kind: str
    granted: int
    not_funded: int
    wallet_points: int
    cost_cents: int
    capped: int = 0


class Tempted(NamedTuple):
    """Somebody whom gaming would pay: points that caps took (`cut`) and points that boosts gave (`boosted`)."""

    code: str
    name: str
    points: int
    cut: int
    boosted: int


@dataclass(frozen=True)
class Backtest:
    """What the challenge would have given; suspended people are left out everywhere.

    `shifted` is by how many days the dates inside the file were moved; `people` is today's audience, `active` those
    with a declaration that counts, `scoring` those with a point. `deciles` are the points which 0, 10, … 100 % of
    active people do not exceed, empty when nobody is active; `top_tenth_bp` is the share of all points that the first
    tenth of active people hold, in basis points. `cost_cents` is what is granted, `wanted_cents` what would be without
    a budget, `short` the first award that the budget does not pay in full. `contribution` is what the law asks on top
    for people employed by an outlet, by the figures of the year in which the challenge itself ends (`law_year`), None
    when they are not known; `statuses` cuts what persons receive as the law does, by status. `used` are the rules in
    file order, `leagues` who is active and who is rewarded in each.
    `told` are the first and last day of all accepted sales, to say where declarations are when none count.
    """

    code: str
    name: str
    first_day: date
    last_day: date
    declare_until: datetime
    shifted: int
    ran_at: datetime
    people: int
    active: int
    scoring: int
    declarations: int
    points: int
    standings: tuple[Line, ...]
    awards: tuple[Gain, ...]
    payouts: tuple[Paid, ...]
    milestones: tuple[Step, ...]
    first_step: Step
    deciles: tuple[int, ...]
    top_tenth_bp: int | None
    cost_cents: int
    wanted_cents: int
    budget_cents: int | None
    short: Gain | None
    law_year: int
    contribution: Contribution | None
    statuses: tuple[OfStatus, ...]
    used: tuple[Used, ...]
    leagues: tuple[League, ...]
    tempted: tuple[Tempted, ...]
    told: tuple[date, date] | None

    @property
    def is_empty(self) -> bool:
        """Whether no declaration of the period counts, so that the rest says nothing."""
        return self.declarations == 0

    @property
    def first_step_bp(self) -> int:
        """The share of active people who reach the first step, in basis points."""
        return self.first_step.people * 10_000 // self.active if self.active else 0

    @property
    def hints(self) -> list[Hint]:
        """What it says about reach and fairness."""
        return hints(
            active=self.active,
            first_step=(self.first_step.name if self.first_step.kind == "milestone" else "", self.first_step.people),
            used=self.used,
            leagues=self.leagues,
            short=self.short is not None,
            top_tenth_bp=self.top_tenth_bp,
        )


def _ignored(done: int, total: int) -> None:
    """Progress that nobody looks at."""


def _never() -> bool:
    return False


def backtest(
    definition: Definition,
    first_day: date,
    last_day: date,
    *,
    at: datetime,
    seed: str | None = None,
    progress: Callable[[int, int], None] = _ignored,
    cancelled: Callable[[], bool] = _never,
) -> Backtest:
    """Play a challenge over past days, both included, for today's audience; answers what it would have given.

    `progress` hears (people folded, people in all) after each batch, `cancelled` is asked before each; Cancelled is
    raised when it says so. `seed` is a draw's (default: one thrown away). Raises ValueError when the days cannot be a
    period or an article is not in the catalogue.
    """
    if last_day < first_day:
        raise ValueError(
            _("la période finit le %(last)s, avant de commencer ; donnez un jour à partir du %(first)s",
              last=last_day, first=first_day)
        )  # fmt: skip
    if not FIRST_YEAR <= first_day.year <= last_day.year <= LAST_YEAR:
        raise ValueError(
            _("la période du %(first)s au %(last)s n’est pas entre %(lowest)s et %(highest)s ; donnez des jours qui y"
              " sont", first=first_day, last=last_day, lowest=FIRST_YEAR, highest=LAST_YEAR)
        )  # fmt: skip
    played, shifted = on_period(definition, first_day, last_day)
    # Never added to the session: it only carries what scoring asks of a challenge.
    challenge = Challenge(**played.columns(), state="draft", created_at=at, published_at=None)
    money = _money(challenge)
    entrants = _entrants(challenge)
    counting = _Counting(challenge)
    _fold(challenge, entrants, counting, progress, cancelled)
    lines = board(challenge, entrants, counting.counts)
    seed = seed or secrets.token_hex(32)
    given = _gains(challenge, entrants, counting.counts, lines, money, seed)
    playing = [entrant for entrant in entrants if not entrant.suspended]
    totals = sorted(
        counting.counts[entrant.person_id].points for entrant in playing if entrant.person_id in counting.active
    )
    scoring = sum(1 for points in totals if points > 0)
    milestones = tuple(counting.milestones())
    unbound = given
    if money.budget_cents is not None:
        unbound = _gains(challenge, entrants, counting.counts, lines, money._replace(budget_cents=None), seed)
    received, figures = _received(played, entrants, given), _figures(definition)
    return Backtest(
        code=played.code,
        name=played.name,
        first_day=first_day,
        last_day=last_day,
        declare_until=challenge.declare_until,
        shifted=shifted,
        ran_at=at,
        people=len(playing),
        active=len(totals),
        scoring=scoring,
        declarations=counting.declarations,
        points=sum(totals),
        standings=tuple(lines),
        awards=tuple(given),
        payouts=tuple(_paid(challenge, given)),
        milestones=milestones,
        first_step=_first_step(challenge, milestones, totals, scoring),
        deciles=deciles(totals),
        top_tenth_bp=top_tenth_bp(totals),
        cost_cents=_cost(given),
        wanted_cents=_cost(unbound),
        budget_cents=money.budget_cents,
        short=next((gain for gain in given if _is_short(challenge, gain)), None),
        law_year=definition.ends_on.year,
        contribution=contribution((cents for status, cents in received if status == "employee"), figures.bands)
        if figures.bands
        else None,
        statuses=tuple(by_status(received, figures)),
        used=tuple(counting.used()),
        leagues=tuple(_leagues(challenge, [one for one in playing if one.person_id in counting.active], lines)),
        tempted=tuple(counting.tempted(playing)),
        told=None if counting.declarations else days_of_sales(),
    )


# --- the challenge, played at another time ---------------------------------------------------------------------------


def on_period(definition: Definition, first_day: date, last_day: date) -> tuple[Definition, int]:
    """The same challenge over other days, and by how many days the dates inside it were moved.

    Its own period changes nothing. Days inside its own period leave its dates where they are; other days move those of
    rules and of the baseline as far as the start moves. The time to declare is then the default one.
    """
    if (first_day, last_day) == (definition.starts_on, definition.ends_on):
        return definition, 0
    inside = definition.starts_on <= first_day and last_day <= definition.ends_on
    shift = timedelta(0) if inside else first_day - definition.starts_on
    data = definition.canonical()
    for name in ("declare_until", "review_until", "freeze_board_on"):
        data.pop(name, None)
    data |= {"starts_on": first_day.isoformat(), "ends_on": last_day.isoformat()}
    dated = [rule["when"] for rule in data.get("rules", ()) if rule.get("when")]
    baseline = (data.get("objective") or {}).get("baseline")
    for table in [*dated, *([baseline] if baseline else [])]:
        for name in ("from", "to"):
            if name in table:
                table[name] = _moved(date.fromisoformat(table[name]), shift).isoformat()
    return stored_definition(data), shift.days


def _moved(day: date, shift: timedelta) -> date:
    """A day moved, held within the years the product knows."""
    return min(max(day + shift, date(FIRST_YEAR, 1, 1)), date(LAST_YEAR, 12, 31))


# --- who plays, and what their sales give ----------------------------------------------------------------------------


def _entrants(challenge: Challenge) -> list[Entrant]:
    """Today's audience by code, each with the target that publishing would give; none is uploaded."""
    rows = db.session.execute(
        audience_select(challenge.definition)
        .add_columns(
            Person.code,
            Person.name,
            Person.suspended_at,
            Person.status,
            Outlet.code,
            Outlet.name,
            Outlet.health,
            Outlet.kind,
        )
        .order_by(Person.code)
    ).all()
    targets: Mapping[int, int] = {}
    if challenge.has_objective:
        targets = targets_of(challenge.definition["objective"], sorted(row[0] for row in rows), {})
    return [
        Entrant(
            person_id, code, outlet, league or "", targets.get(person_id, 1), health, suspended_at is not None, name,
            outlet_name, status, kind,
        )
        for person_id, _outlet_id, league, code, name, suspended_at, status, outlet, outlet_name, health, kind in rows
    ]  # fmt: skip


class _Counting:
    """What is kept of the folds while they pass."""

    def __init__(self, challenge: Challenge) -> None:
        self.challenge = challenge
        self.rules = [version_from(challenge.definition, 1, challenge.starts_on)]
        self.boosts = {rule.id for rule in self.rules[0].rules if rule.counts == "boost"}
        self.counts: dict[int, Counted] = {}
        self.active: set[int] = set()
        self.declarations = 0
        self.acted = {rule.id: 0 for rule in self.rules[0].rules}
        self.gaming: dict[int, tuple[int, int]] = {}

    def take(self, person: Entrant, sales: Sequence[Any]) -> None:
        """Fold one person's sales that count."""
        scored, tally = fold(self.rules, sales, measure=self.challenge.measure, rank_by=self.challenge.rank_by)
        self.counts[person.person_id] = counted(self.challenge, scored, tally)
        if person.suspended or not scored:
            return
        self.active.add(person.person_id)
        self.declarations += len(scored)
        for name in {gain.rule for one in scored for gain in one.gains}:
            self.acted[name] += 1
        cut, boosted = _gaming(scored, self.boosts)
        if cut or boosted:
            self.gaming[person.person_id] = (cut, boosted)

    def milestones(self) -> Iterable[Step]:
        """How many people reach each milestone, in file order."""
        for rule in self.rules[0].rules:
            if rule.counts == "milestone":
                yield Step("milestone", rule.id, rule.measure, rule.at, self.acted[rule.id])

    def used(self) -> Iterable[Used]:
        """How many people each rule gave something, in file order."""
        for rule in self.rules[0].rules:
            yield Used(rule.id, rule.counts, self.acted[rule.id])

    def tempted(self, people: Iterable[Entrant]) -> Iterable[Tempted]:
        """Those for whom caps took and boosts gave most, together."""
        found = [
            Tempted(one.code, one.name, self.counts[one.person_id].points, *self.gaming[one.person_id])
            for one in people
            if one.person_id in self.gaming
        ]
        return sorted(found, key=lambda one: (-one.cut - one.boosted, one.code))[:TEMPTED]


def _gaming(scored: Iterable[Scored], boosts: set[str]) -> tuple[int, int]:
    """Points that caps took from what rules and boosts gave, and points that came from boosts."""
    cut = boosted = 0
    for one in scored:
        for gain in one.gains:
            if "cut" in gain.why:
                cut += gain.why["gives"] - gain.points
            if gain.rule in boosts:
                boosted += gain.points
    return cut, boosted


def _fold(
    challenge: Challenge,
    entrants: Sequence[Entrant],
    counting: _Counting,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> None:
    people = {entrant.person_id: entrant for entrant in entrants}
    done = 0
    for batch in chunks(sorted(people)):
        if cancelled():
            raise Cancelled(challenge.code)
        told = sales_of(batch, challenge.starts_on, challenge.ends_on, waiting=False)
        for person_id in batch:
            mine = counted_in(challenge, told.pop(person_id, ()), None)
            counting.take(people[person_id], [one.sale for one in mine])
        done += len(batch)
        progress(done, len(people))


# --- what there is to say about it -----------------------------------------------------------------------------------


def _money(challenge: Challenge) -> Money:
    costs = {code: cost for code, cost in db.session.execute(select(Reward.code, Reward.cost_cents))}
    for number, payout in enumerate(challenge.definition.get("payouts", ()), 1):
        if payout.get("reward") and payout["reward"] not in costs:
            raise ValueError(
                _("gain n° %(number)s : « %(reward)s » n’est pas un article du catalogue des dotations ; importez-le"
                  " d’abord", number=number, reward=payout["reward"])
            )  # fmt: skip
    budget = challenge.definition.get("budget")
    policy = challenge.definition.get("budget_policy", "stop")
    return Money(costs, int(setting("wallet_point_cents")), None if budget is None else budget * 100, policy)


def _gains(
    challenge: Challenge,
    entrants: Sequence[Entrant],
    counts: Mapping[int, Counted],
    lines: Sequence[Line],
    money: Money,
    seed: str,
) -> list[Gain]:
    cap = yearly_cap(challenge.ends_on.year)
    room = {one.code: cap.cents for one in entrants if one.status == "employee"} if cap is not None else None
    return gains(challenge, entrants, counts, lines, money, seed=seed, hashed=hash_of(lines), room=room)


def _cost(given: Iterable[Gain]) -> int:
    return sum(gain.cost_cents for gain in given if gain.status == "granted")


def _is_short(challenge: Challenge, gain: Gain) -> bool:
    """Whether the budget does not pay an award in full: not at all, or a share of a conversion."""
    if gain.status != "granted":
        return gain.status == "not_funded"
    payout = challenge.definition["payouts"][gain.payout - 1]
    return gain.kind == "convert" and gain.wallet_points < payout["into"] * (gain.points // payout["every"])


def _paid(challenge: Challenge, given: Sequence[Gain]) -> Iterable[Paid]:
    for number, payout in enumerate(challenge.definition.get("payouts", ()), 1):
        mine = [gain for gain in given if gain.payout == number]
        funded = [gain for gain in mine if gain.status == "granted"]
        yield Paid(
            number, payout["kind"], len(funded), sum(gain.status == "not_funded" for gain in mine),
            sum(gain.wallet_points for gain in funded), _cost(funded), sum(gain.status == "capped" for gain in mine),
        )  # fmt: skip


def _received(played: Definition, entrants: Iterable[Entrant], given: Iterable[Gain]) -> list[tuple[str, int]]:
    """The status of each person who receives something, and how much, as if it were all of that year."""
    statuses = {entrant.code: entrant.status for entrant in entrants}
    received: dict[str, int] = {}
    for gain in given:
        individual = played.ranks == "person" or gain.kind == "convert"
        if individual and gain.status == "granted" and gain.code in statuses:
            received[gain.code] = received.get(gain.code, 0) + gain.cost_cents
    return [(statuses[code], cents) for code, cents in received.items()]


def _figures(definition: Definition) -> Figures:
    """The figures of the law when the challenge itself ends."""
    year = definition.ends_on.year
    return figures_of(year)._replace(bands=bands_on(definition.ends_on))


def _leagues(challenge: Challenge, active: Iterable[Entrant], lines: Iterable[Line]) -> Iterable[League]:
    """The kinds of outlet active in each league, and those of its rewarded places (at least the first three)."""
    payouts = challenge.definition.get("payouts", ())
    last = max([JUDGED, *(payout["to"] for payout in payouts if payout["kind"] == "rank")])
    kinds: dict[str, str] = {}
    leagues: dict[str, set[str]] = {}
    for one in active:
        kinds[one.outlet if challenge.ranks == "outlet" else one.code] = one.kind
        leagues.setdefault(one.league, set()).add(one.kind)
    rewarded: dict[str, list[str]] = {}
    for line in lines:
        if line.rank <= last:
            rewarded.setdefault(line.league, []).append(kinds[line.code])
    for name in sorted(leagues):
        yield League(name, tuple(sorted(leagues[name])), tuple(rewarded.get(name, ())))


def _first_step(challenge: Challenge, milestones: Iterable[Step], totals: Sequence[int], scoring: int) -> Step:
    """The milestone or threshold that most people reach, the first in the file among equals; else the first point.

    Where outlets compete a threshold is the outlet's and no step of a person.
    """
    steps = list(milestones)
    if challenge.ranks == "person":
        for number, payout in enumerate(challenge.definition.get("payouts", ()), 1):
            if payout["kind"] == "threshold":
                reached = len(totals) - bisect_left(totals, payout["points"])
                steps.append(Step("threshold", str(number), "points", payout["points"], reached))
    if not steps:
        return Step("points", "", "points", 1, scoring)
    return max(steps, key=lambda step: step.people)


def deciles(totals: Sequence[int]) -> tuple[int, ...]:
    """The totals (sorted upwards) that 0, 10, … 100 % do not exceed, by nearest rank: always totals somebody has."""
    count = len(totals)
    return tuple(totals[max(0, -(-count * tenth // 10) - 1)] for tenth in range(11)) if count else ()


def top_tenth_bp(totals: Sequence[int]) -> int | None:
    """Which share of all points the highest tenth (rounded up) of sorted totals holds, in basis points, floored."""
    points = sum(totals)
    if not points:
        return None
    return sum(totals[len(totals) - -(-len(totals) // 10) :]) * 10_000 // points
