"""The game itself: how one person's sales turn into points inside one challenge (docs/game/scoring.md).

Pure: values in, values and reasons out. Amounts are integers, every division is floored, nothing is ever a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

MEASURES = ("units", "value", "declarations", "points")
LATE_ARRIVAL = timedelta(hours=24)


class SoldLine(NamedTuple):
    """One product of a sale: units, and their value at list price in cents."""

    sku: str
    category: str
    family: str
    units: int
    value: int


class Sale(NamedTuple):
    """A declaration as scoring sees it: what reception froze, and nothing else. Empty texts mean "not given"."""

    id: str
    declared_at: datetime
    received_at: datetime
    sold_on: date
    channel: str
    customer: str
    age_band: str
    area: str
    rating: int | None
    comment_length: int
    lines: Sequence[SoldLine]
    units: int
    value: int


def fold_order(sale: Sale) -> tuple[datetime, datetime, str]:
    """Sales are folded by the instant they were declared, then received, then by id compared by code point."""
    return (sale.declared_at, sale.received_at, sale.id)


@dataclass(frozen=True)
class When:
    """A filter on lines: every given key must match; a set means any of its values."""

    skus: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    families: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    weekdays: frozenset[int] | None = None
    first_day: date | None = None
    last_day: date | None = None
    customers: frozenset[str] | None = None
    min_units: int | None = None

    def matching(self, sale: Sale) -> tuple[int, int, Sequence[SoldLine]] | None:
        """Units, value in cents and lines that match, or None when the sale does not match."""
        if self.channels is not None and sale.channel not in self.channels:
            return None
        if self.customers is not None and sale.customer not in self.customers:
            return None
        if self.weekdays is not None and sale.sold_on.isoweekday() not in self.weekdays:
            return None
        if self.first_day is not None and sale.sold_on < self.first_day:
            return None
        if self.last_day is not None and sale.sold_on > self.last_day:
            return None
        units, value, lines = sale.units, sale.value, sale.lines
        if self.skus is not None or self.categories is not None or self.families is not None:
            lines = [
                line
                for line in lines
                if (self.skus is None or line.sku in self.skus)
                and (self.categories is None or line.category in self.categories)
                and (self.families is None or line.family in self.families)
            ]
            units = sum(line.units for line in lines)
            value = sum(line.value for line in lines)
        if not lines or (self.min_units is not None and units < self.min_units):
            return None
        return units, value, lines


@dataclass(frozen=True)
class Cap:
    """At most `points`, per "declaration", "day" (of sold_on) or "challenge"."""

    points: int
    per: str


@dataclass(frozen=True)
class Rule:
    """One line of the rules: what counts, how much, up to where. Unused fields keep their defaults."""

    id: str
    counts: str
    points: int = 0
    per: int = 1
    when: When = When()
    cap: Cap | None = None
    min_comment: int | None = None
    factor: Fraction = Fraction(1)
    of: frozenset[str] | None = None
    measure: str = ""
    at: int = 0


@dataclass(frozen=True)
class Version:
    """Rules as frozen: they hold for sales from `starts_on` until the next version's start."""

    number: int
    starts_on: date
    rules: tuple[Rule, ...]
    cap_per_day: int | None = None
    cap_total: int | None = None


@dataclass(frozen=True)
class Gain:
    """What one rule gave one declaration. `points` 0 means a cap left nothing; `why` is the arithmetic."""

    rule: str
    version: int
    points: int
    why: Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """A sale with its gains, in order, and the person's total after it."""

    sale: Sale
    gains: tuple[Gain, ...]
    points: int
    total: int


@dataclass
class Tally:
    """Running counters of one person in one challenge: folding on from a tally equals refolding everything."""

    points: int = 0
    measure: int = 0
    reached_at: datetime | None = None
    rule_caps: dict[tuple[str, date | None], int] = field(default_factory=dict)
    day_caps: dict[date, int] = field(default_factory=dict)
    capped_total: int = 0
    running: dict[str, int] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)


def fold(
    versions: Sequence[Version],
    sales: Iterable[Sale],
    *,
    measure: str = "units",
    rank_by: str = "points",
    tally: Tally | None = None,
) -> tuple[list[Scored], Tally]:
    """Score one person's sales that count in a challenge, in fold order.

    `versions` are sorted by start; `measure` is the objective's; the tally's measure is in units, cents, declarations
    or points. The given tally, when there is one, is continued (and changed): only sales after its last may follow.
    """
    tally = tally or Tally()
    scored = []
    for sale in sorted(sales, key=fold_order):
        version = version_of(versions, sale.sold_on)
        gains = _score(version, sale, tally)
        points = sum(gain.points for gain in gains)
        tally.points += points
        advance = _advance(measure, sale, points)
        tally.measure += advance
        moved = points if rank_by == "points" else advance
        # Points without progress (a list price of 0): a competitor with points always has an instant.
        if moved > 0 or (points > 0 and tally.reached_at is None):
            tally.reached_at = sale.declared_at
        scored.append(Scored(sale, tuple(gains), points, tally.points))
    return scored, tally


def adjusted(
    tally: Tally, adjustments: Iterable[tuple[datetime, int]], *, measure: str = "units", rank_by: str = "points"
) -> Tally:
    """A tally with manual bonuses and corrections (instant, points), which are outside caps and milestones.

    A bonus counts at its own instant; a correction, like all that is taken back, never sets `reached_at`. They move an
    objective's measure only where it is of points. The given tally is changed.
    """
    for at, points in adjustments:
        tally.points += points
        moves = rank_by == "points" or measure == "points"
        tally.measure += points if measure == "points" else 0
        if points > 0 and (tally.reached_at is None or (moves and at > tally.reached_at)):
            tally.reached_at = at
    return tally


def version_of(versions: Sequence[Version], sold_on: date) -> Version:
    """The version in force on a day: the last that has started, else the first."""
    found = versions[0]
    for version in versions[1:]:
        if version.starts_on <= sold_on:
            found = version
    return found


def _advance(measure: str, sale: Sale, points: int) -> int:
    if measure == "units":
        return sale.units
    if measure == "value":
        return sale.value
    if measure == "declarations":
        return 1
    return points


def _score(version: Version, sale: Sale, tally: Tally) -> list[Gain]:
    amounts: list[list[Any]] = []  # [rule, points, why], in the order challenge caps cut from the end
    given: dict[str, int] = {}
    for rule in version.rules:
        if rule.counts not in ("boost", "milestone"):
            found = _raw(rule, sale)
            if found is not None:
                points, why = _cut_by_own_cap(rule, sale, found[0], found[1], tally)
                given[rule.id] = points
                amounts.append([rule, points, why])
    for rule in version.rules:
        if rule.counts == "boost" and rule.when.matching(sale) is not None:
            base = sum(points for name, points in given.items() if rule.of is None or name in rule.of)
            raw = base * rule.factor.numerator // rule.factor.denominator - base
            if raw > 0:
                why = {"counts": "boost", "base": base, "factor": _decimal(rule.factor), "gives": raw}
                points, why = _cut_by_own_cap(rule, sale, raw, why, tally)
                amounts.append([rule, points, why])
    _cut_by_challenge_caps(version, sale, amounts, tally)
    earned = sum(points for _, points, _ in amounts)
    gains = [Gain(rule.id, version.number, points, why) for rule, points, why in amounts]
    for rule in version.rules:
        if rule.counts == "milestone":
            total = _run(rule, sale, tally, tally.points + earned)
            goal = rule.at * 100 if rule.measure == "value" else rule.at
            if rule.id not in tally.reached and total >= goal:
                tally.reached.add(rule.id)
                why = {"counts": "milestone", "measure": rule.measure, "at": rule.at, "gives": rule.points}
                gains.append(Gain(rule.id, version.number, rule.points, why))
    return gains


def _raw(rule: Rule, sale: Sale) -> tuple[int, dict[str, Any]] | None:
    """Points before any cap, with the arithmetic; None when the rule gives this sale nothing."""
    match = rule.when.matching(sale)
    if match is None:
        return None
    units, value, lines = match
    why: dict[str, Any] = {"counts": rule.counts, "points": rule.points}
    if rule.counts == "units":
        raw = rule.points * (units // rule.per)
        why |= {"units": units, "per": rule.per}
    elif rule.counts == "value":
        raw = rule.points * (value // (rule.per * 100))
        why |= {"value": value, "per": rule.per}
    elif rule.counts == "feedback":
        if sale.rating is None or (rule.min_comment is not None and sale.comment_length < rule.min_comment):
            return None
        raw = rule.points
        if rule.min_comment:
            why["min_comment"] = rule.min_comment
    elif rule.counts == "profile":
        if not (sale.customer and sale.age_band and sale.area):
            return None
        raw = rule.points
    else:
        raw = rule.points
    if raw <= 0:
        return None
    if rule.counts in ("units", "value"):
        skus = {line.sku for line in lines}
        if len(skus) == 1:
            why["sku"] = skus.pop()
    why["gives"] = raw
    return raw, why


def _cut_by_own_cap(rule: Rule, sale: Sale, raw: int, why: dict[str, Any], tally: Tally) -> tuple[int, dict[str, Any]]:
    """Cut by the rule's own cap; its use is counted before the challenge's caps."""
    if rule.cap is None:
        return raw, why
    if rule.cap.per == "declaration":
        points = min(raw, rule.cap.points)
    else:
        scope = (rule.id, sale.sold_on if rule.cap.per == "day" else None)
        points = max(0, min(raw, rule.cap.points - tally.rule_caps.get(scope, 0)))
        tally.rule_caps[scope] = tally.rule_caps.get(scope, 0) + points
    if points < raw:
        why = why | {"cut": [*why.get("cut", []), {"by": rule.cap.per, "cap": rule.cap.points, "left": points}]}
    return points, why


def _cut_by_challenge_caps(version: Version, sale: Sale, amounts: list[list[Any]], tally: Tally) -> None:
    """Cut the last amounts of the declaration first; milestones are outside."""
    total = sum(points for _, points, _ in amounts)
    for name, cap, used in (
        ("challenge_day", version.cap_per_day, tally.day_caps.get(sale.sold_on, 0)),
        ("challenge_total", version.cap_total, tally.capped_total),
    ):
        if cap is None:
            continue
        excess = total - max(0, min(total, cap - used))
        total -= excess
        for amount in reversed(amounts):
            if excess <= 0:
                break
            taken = min(excess, amount[1])
            if taken:
                excess -= taken
                amount[1] -= taken
                cut = {"by": name, "cap": cap, "left": amount[1]}
                amount[2] = amount[2] | {"cut": [*amount[2].get("cut", []), cut]}
    tally.day_caps[sale.sold_on] = tally.day_caps.get(sale.sold_on, 0) + total
    tally.capped_total += total


def _run(rule: Rule, sale: Sale, tally: Tally, points: int) -> int:
    """The milestone's running total after this sale: units, cents, declarations or points."""
    if rule.measure == "points":
        return points
    match = rule.when.matching(sale)
    if match is not None:
        units, value, _ = match
        step = {"units": units, "value": value, "declarations": 1}[rule.measure]
        tally.running[rule.id] = tally.running.get(rule.id, 0) + step
    return tally.running.get(rule.id, 0)


def _decimal(factor: Fraction) -> str:
    """A factor as it was written: 3/2 → "1.5". Factors come from decimals, so this ends."""
    whole, rest = divmod(factor.numerator, factor.denominator)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, factor.denominator)
        digits += str(digit)
    return f"{whole}.{digits}" if digits else str(whole)


# --- from a challenge's definition (the JSON form of its file) to values -------------------------------------------


def version_from(definition: Mapping[str, Any], number: int, starts_on: date) -> Version:
    """Read the scoring part of a validated definition."""
    return Version(
        number=number,
        starts_on=starts_on,
        rules=tuple(rule_from(rule) for rule in definition.get("rules", ())),
        cap_per_day=definition.get("cap_per_day"),
        cap_total=definition.get("cap_total"),
    )


def rule_from(data: Mapping[str, Any]) -> Rule:
    """Read one validated rule."""
    cap = data.get("cap")
    return Rule(
        id=data["id"],
        counts=data["counts"],
        points=data.get("points") or 0,
        per=data.get("per") or 1,
        when=when_from(data.get("when") or {}),
        cap=Cap(cap["points"], cap["per"]) if cap else None,
        min_comment=data.get("min_comment"),
        factor=Fraction(str(data["factor"])) if data.get("factor") else Fraction(1),
        of=frozenset(data["of"]) if data.get("of") is not None else None,
        measure=data.get("measure") or "",
        at=data.get("at") or 0,
    )


def when_from(data: Mapping[str, Any]) -> When:
    """Read one validated filter."""

    def values(key: str) -> frozenset[Any] | None:
        given = data.get(key)
        if given is None:
            return None
        return frozenset(given if isinstance(given, list | tuple) else (given,))

    return When(
        skus=values("skus"),
        categories=values("categories"),
        families=values("families"),
        channels=values("channels"),
        weekdays=values("weekdays"),
        first_day=date.fromisoformat(data["from"]) if data.get("from") else None,
        last_day=date.fromisoformat(data["to"]) if data.get("to") else None,
        customers=values("customer"),
        min_units=data.get("min_units"),
    )


# --- who counts, and against what ------------------------------------------------------------------------------------


def target_for(objective: Mapping[str, Any], uploaded: int | None, baseline: int | None) -> int:
    """A person's target: uploaded, else from the baseline, else the default; at least 1.

    `baseline` is the person's measure over the baseline period (cents for value), None when nothing counted then.
    """
    if uploaded is not None:
        return max(1, uploaded)
    terms = objective.get("baseline")
    if terms and baseline is not None:
        scale = 100 if objective.get("measure") == "value" else 1
        grown = baseline * Fraction(str(terms.get("factor") or "1")) / scale
        return max(1, terms.get("at_least") or 1, grown.numerator // grown.denominator)
    if objective.get("default") is not None:
        return max(1, objective["default"])
    return max(1, (terms or {}).get("at_least") or 1)


def progress_bp(measure: int, target: int, kind: str) -> int:
    """Progress in basis points, floored. `measure` is in cents when `kind` is "value"; the target is in euros then."""
    return measure * 10_000 // (target * (100 if kind == "value" else 1))


class Window(NamedTuple):
    """When a sale must have happened, been declared and been received to count in a challenge."""

    starts_on: date
    ends_on: date
    declare_until: datetime

    def holds(self, sold_on: date, declared_at: datetime, received_at: datetime) -> bool:
        """The period contains both its days; `declare_until` itself is excluded, and so is the day after it."""
        return (
            self.starts_on <= sold_on <= self.ends_on
            and declared_at < self.declare_until
            and received_at < self.declare_until + LATE_ARRIVAL
        )
