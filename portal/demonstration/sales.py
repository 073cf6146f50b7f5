"""Fourteen months of sales as people would tell them: seasons, weekdays, habits, opinions. Pure, and always the same
for the same instant: chance comes from a generator seeded with the person's code."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, TypeVar

from declarations.rules import Submission, SubmittedLine
from portal.demonstration.content import Content, Person, Product, months_before
from portal.demonstration.plans import ZONE, Plan

Choice = TypeVar("Choice")
MONTHS = 14
DAYS = 34  # of a month: challenges and seasons add about a tenth to everybody's pace
SEASONS = (0.8, 1.0, 0.95, 0.95, 1.25, 1.05, 0.85, 0.65, 1.0, 1.0, 1.2, 1.7)
WEEKDAYS = {
    "reseller": (0.4, 0.9, 1.1, 1.0, 1.4, 2.0, 0.0),
    "franchisee": (0.7, 0.9, 1.1, 1.0, 1.3, 1.8, 0.1),
    "distributor": (1.3, 1.4, 1.3, 1.4, 1.2, 0.3, 0.0),
    "vdi": (0.4, 0.8, 0.8, 1.3, 1.5, 1.6, 0.6),
}
# How often each channel is used. The few sales of a VDI online, in a store or on reorder are barred by law: they are
# kept, score nothing, and say why.
CHANNELS = {
    "reseller": {"store": 84, "online": 7, "reorder": 9},
    "franchisee": {"store": 80, "online": 11, "reorder": 9},
    "distributor": {"store": 62, "face_to_face": 12, "online": 12, "reorder": 14},
    "vdi": {"meeting": 56, "face_to_face": 33, "reorder": 7, "online": 3, "store": 1},
}
NEW_CUSTOMERS = {"store": 0.36, "online": 0.5, "face_to_face": 0.4, "meeting": 0.55, "reorder": 0.0}
AGES = {"18-24": 12, "25-34": 23, "35-49": 32, "50-64": 22, "65+": 11}
RATINGS = {5: 50, 4: 29, 3: 12, 2: 6, 1: 3}
POOR_RATINGS = {5: 14, 4: 22, 3: 27, 2: 23, 1: 14}
# Products people are less happy with: the old shampoo until it was withdrawn, the mascara since its last batch.
DISAPPOINTING = {"CHE-302": 400, "MAQ-106": 50}
SUMMER = {5: 1.3, 6: 2.2, 7: 2.8, 8: 2.2, 9: 0.8}
WINTER = {10: 1.3, 11: 1.6, 12: 1.7, 1: 1.8, 2: 1.5, 3: 1.1}
GIFTS = {2: 1.7, 5: 1.8, 11: 1.5, 12: 2.6}
FIRST_NAMES = ("sylvie", "martine", "lea", "fatima", "celine", "monique", "julie", "paul", "chantal", "emma", "nora")
LAST_NAMES = ("moreau", "garnier", "lopez", "perrin", "benoit", "caron", "dumas", "lefevre", "marty", "colin")


@dataclass(frozen=True)
class Sale:
    """A sale and what became of it: `large` ones wait for a review; `outcome` is what then happens, if anything."""

    submission: Submission
    large: bool = False
    outcome: str = field(default="")

    @property
    def declared_at(self) -> datetime:
        """When it was told."""
        assert self.submission.declared_at is not None
        return self.submission.declared_at


def first_day(now: datetime) -> date:
    """The first day with sales."""
    return months_before(now.astimezone(ZONE).date(), MONTHS)


def all_sales(content: Content, plans: Sequence[Plan], now: datetime) -> list[Sale]:
    """Every sale declared before `now`, in the order they were declared."""
    sales = []
    for person in content.sellers:
        sales += _SalesOf(person, content, plans, now).tell()
    sales += _large_sales(content, now)
    return sorted(sales, key=lambda sale: (sale.declared_at, sale.submission.id))


class _SalesOf:
    """One person's way of selling."""

    def __init__(self, person: Person, content: Content, plans: Sequence[Plan], now: datetime) -> None:
        assert person.outlet is not None
        self.person, self.outlet, self.content = person, person.outlet, content
        self.now, self.today = now, now.astimezone(ZONE).date()
        self.chance = Random(f"ondrivelle {person.code}")
        self.plans = [plan for plan in plans if not plan.kinds or self.outlet.kind in plan.kinds]
        self.first = first_day(now)
        if person.arrived_days_ago is not None:
            self.first = max(self.first, self.today - timedelta(days=person.arrived_days_ago - 1))
        self.trend = (self.chance.uniform(0.6, 1.2), self.chance.uniform(0.85, 1.35))
        self.holiday = (self.chance.randint(180, 235), self.chance.choice((9, 14, 21)))
        self.likes = {category: self.chance.uniform(0.6, 1.6) for category in sorted(self._categories())}
        region = content.departments[self.outlet.department]["region"]
        self.areas = [
            code
            for code, department in content.departments.items()
            if department["region"] == region and code != self.outlet.department
        ]

    def _categories(self) -> set[str]:
        return {product.category for product in self.content.products}

    def tell(self) -> list[Sale]:
        """All sales of this person."""
        sales = []
        days = max(1, (self.today - self.first).days)
        for offset in range((self.today - self.first).days + 1):
            day = self.first + timedelta(days=offset)
            begin, end = self.trend
            expected = self.person.pace / DAYS * (begin + (end - begin) * offset / days) * self._appetite(day)
            for place in range(self._how_many(expected)):
                sale = self._sale(day, place)
                if sale is not None:
                    sales.append(sale)
        return sales

    def _appetite(self, day: date) -> float:
        """How much more, or less, is sold on a day than on the average one."""
        factor = SEASONS[day.month - 1] * WEEKDAYS[self.outlet.kind][day.weekday()]
        if (day.month, day.day) in ((1, 1), (5, 1), (12, 25)):
            return 0.0
        if day.month == 12 and day.day > 24:
            factor *= 0.4
        start, length = self.holiday
        if start <= day.timetuple().tm_yday < start + length:
            return 0.0
        for plan in self.plans:
            if plan.publish_at is not None and plan.starts_on <= day <= plan.ends_on:
                factor *= 1.25 if (plan.ends_on - day).days < 5 else 1.15
        return factor

    def _how_many(self, expected: float) -> int:
        """A small whole number with this mean."""
        count = 0
        left = self.chance.expovariate(1.0)
        while left < expected and count < 6:
            count += 1
            left += self.chance.expovariate(1.0)
        return count

    def _sale(self, day: date, place: int) -> Sale | None:
        channel = self._pick(CHANNELS[self.outlet.kind])
        declared_at = self._declared_at(day, channel)
        products = self._basket(day, channel)
        submission = Submission(
            id=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            person=self.person.code,
            sold_on=day,
            declared_at=declared_at,
            channel=channel,
            lines=tuple(self._line(product) for product in products),
            **self._customer(channel, products),
            **self._feedback(day, products),
        )
        return Sale(submission) if declared_at < self.now else None

    def _declared_at(self, day: date, channel: str) -> datetime:
        """In a shop between two customers, at home in the evening; now and then a few days late."""
        late = self.chance.choices((0, 1, 2, 4), (86, 9, 4, 1))[0]
        at_home = channel in ("meeting", "face_to_face", "reorder") and self.outlet.kind == "vdi"
        begin, end = (20 * 60 + 30, 22 * 60 + 40) if at_home and not late else (10 * 60, 19 * 60 + 20)
        seconds = self.chance.randrange(begin * 60, end * 60)
        local = datetime.combine(day + timedelta(days=late), time(0), ZONE) + timedelta(seconds=seconds)
        return local.astimezone(UTC)

    def _basket(self, day: date, channel: str) -> list[Product]:
        if channel == "meeting":
            count = self.chance.choices((1, 2, 3, 4, 5), (15, 30, 28, 18, 9))[0]
        else:
            count = self.chance.choices((1, 2, 3, 4), (52, 31, 13, 4))[0]
        on_sale = [product for product in self.content.products if product.on_sale(day, self.today)]
        weights = [self._weight(product, day) for product in on_sale]
        return list(dict.fromkeys(self.chance.choices(on_sale, weights, k=count)))

    def _weight(self, product: Product, day: date) -> float:
        season = {"summer": SUMMER, "winter": WINTER, "gift": GIFTS}.get(product.season)
        weight = product.weight * self.likes[product.category]
        if season is not None:
            weight *= season.get(day.month, 0.55 if product.season != "gift" else 0.85)
        for plan in self.plans:
            if product.category in plan.focus and plan.starts_on <= day <= plan.ends_on:
                weight *= 1.5
        return weight

    def _line(self, product: Product) -> SubmittedLine:
        units = self.chance.choices((1, 2, 3, 4), (72, 19, 6, 3))[0]
        if self.outlet.kind == "distributor":
            units = self.chance.choices((1, 2, 3, 4, 6, 8, 12), (20, 22, 20, 14, 13, 7, 4))[0]
        price = None
        if self.chance.random() < 0.4:
            price = product.cents * self.chance.choices((100, 95, 90, 80), (70, 8, 14, 8))[0] // 100
        return SubmittedLine(product.sku, units, price)

    def _customer(self, channel: str, products: Sequence[Product]) -> dict[str, Any]:
        """Who bought, as far as the seller told."""
        found = {"customer": "", "age_band": "", "area": ""}
        if channel == "reorder" or self.chance.random() < 0.8:
            found["customer"] = "new" if self.chance.random() < NEW_CUSTOMERS[channel] else "returning"
        if self.chance.random() < 0.66:
            ages = dict(AGES)
            if products[0].category == "Maquillage":
                ages |= {"18-24": 24, "25-34": 30}
            if products[0].family == "Anti-âge":
                ages |= {"18-24": 1, "25-34": 8, "50-64": 38}
            found["age_band"] = self._pick(ages)
        if self.chance.random() < 0.68:
            home = self.chance.random() < (0.5 if channel == "online" else 0.88)
            everywhere = list(self.content.departments) if channel == "online" else self.areas
            found["area"] = self.outlet.department if home or not everywhere else self.chance.choice(everywhere)
        return found

    def _feedback(self, day: date, products: Sequence[Product]) -> dict[str, Any]:
        found: dict[str, Any] = {"rating": None, "recommend": None, "comment": ""}
        if self.chance.random() * 100 >= self.person.feedback:
            return found
        product = self.chance.choice(products)
        since = DISAPPOINTING.get(product.sku)
        poor = since is not None and (self.today - day).days <= since
        rating = self._pick(POOR_RATINGS if poor else RATINGS)
        found["rating"] = rating
        if self.chance.random() < 0.68:
            low, high = {5: (8, 10), 4: (7, 9), 3: (5, 7), 2: (2, 5), 1: (0, 3)}[rating]
            found["recommend"] = self.chance.randint(low, high)
        if self.chance.random() < 0.52:
            found["comment"] = self._comment(product, rating)
        return found

    def _comment(self, product: Product, rating: int) -> str:
        """One or two sentences, written as quickly as people write."""
        tone = "praise" if rating >= 4 else "mixed" if rating == 3 else "complaint"
        words = self.content.comments
        about = [*words[product.category][tone], *words.get(product.sku, {}).get(tone, ()) * 3]
        text = self.chance.choice(about)
        if self.chance.random() < 0.42:
            text = f"{text if text[-1] in '.!' else text + '.'} {self.chance.choice(words['after'][tone])}"
        if self.chance.random() < 0.03:
            text = f"{text if text[-1] in '.!' else text + '.'} {self.chance.choice(words['contact'])}"
        first, last = self.chance.choice(FIRST_NAMES), self.chance.choice(LAST_NAMES)
        digits = [f"{self.chance.randrange(100):02d}" for _ in range(2)]
        between = self.chance.choice((" ", ".", ""))
        called = product.called
        text = (
            text.replace("{product}", called)
            .replace("{Product}", called[0].upper() + called[1:])
            .replace("{email}", f"{first}.{last}@example.org")
            .replace("{phone}", between.join(("06", "39", "98", *digits)))  # numbers kept for fiction
            .replace("{seller}", self.person.name)
        )
        if self.chance.random() < 0.14:
            text = (text[0].lower() + text[1:]).rstrip(".")
        return text

    def _pick(self, weights: dict[Choice, int]) -> Choice:
        return self.chance.choices(list(weights), list(weights.values()))[0]


# (person, days ago, hour, sku, units, what happens to it): quantities that ask for a second look.
LARGE = (
    ("P-1035", 3, 11, "SOI-008", 48, "accepted"),
    ("DEMO-SOFIANE", 2, 15, "CHE-301", 60, "rejected"),
    ("P-1060", 3, 21, "BIE-403", 24, "accepted"),
    ("P-1066", 2, 21, "SOI-011", 36, ""),
    ("P-1037", 2, 16, "CHE-303", 72, ""),
    ("DEMO-HELENE", 1, 12, "PAR-207", 24, ""),
    ("P-1043", 1, 18, "SOI-001", 30, ""),
)
LARGE_UNITS = 20


def _large_sales(content: Content, now: datetime) -> list[Sale]:
    today = now.astimezone(ZONE).date()
    sales = []
    for code, days, hour, sku, units, outcome in LARGE:
        chance = Random(f"ondrivelle large {code}")
        person = next(person for person in content.people if person.code == code)
        day = today - timedelta(days=days)
        local = datetime.combine(day, time(hour, chance.randrange(60), chance.randrange(60)), ZONE)
        kind = person.outlet.kind if person.outlet is not None else ""
        submission = Submission(
            id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            person=code,
            sold_on=day,
            declared_at=local.astimezone(UTC),
            channel="meeting" if kind == "vdi" else "store",
            lines=(SubmittedLine(sku, units, None),),
            customer="returning",
            age_band="35-49",
            area=person.outlet.department if person.outlet is not None else "",
        )
        sales.append(Sale(submission, True, outcome))
    return sales
