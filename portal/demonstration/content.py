"""What the demonstration is made of, read from the data files beside this module.

Dates in the files are told as days or months before the instant of the demonstration, so that it is always fresh.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SIGN_IN_MARK = "DEMO-"


@dataclass(frozen=True)
class Outlet:
    """A point of sale of the demonstration."""

    code: str
    name: str
    kind: str
    department: str
    row: dict[str, str] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Person:
    """Somebody of the demonstration: `pace` sales a month, `feedback` percent of them with a rating."""

    code: str
    name: str
    outlet: Outlet | None
    role: str
    status: str
    pace: int
    feedback: int
    arrived_days_ago: int | None
    nickname: str
    row: dict[str, str] = field(compare=False, repr=False)

    @property
    def email(self) -> str:
        """An address that can never reach anybody."""
        return f"{self.code.lower()}@example.org"


@dataclass(frozen=True)
class Product:
    """A product; `called` is how customers name it, `weight` how often it sells, `season` when it sells better."""

    sku: str
    name: str
    called: str
    category: str
    family: str
    cents: int
    weight: int
    season: str
    launched_days_ago: int | None
    withdrawn_days_ago: int | None
    row: dict[str, str] = field(compare=False, repr=False)

    def on_sale(self, day: date, today: date) -> bool:
        """Whether the product could be sold on a day."""
        if self.launched_days_ago is not None and day < today - timedelta(days=self.launched_days_ago):
            return False
        return self.withdrawn_days_ago is None or day <= today - timedelta(days=self.withdrawn_days_ago)


@dataclass(frozen=True)
class Content:
    """Everything the files say. `departments`: code → name and region; `comments`, `themes`, `shop` as they are."""

    outlets: tuple[Outlet, ...]
    people: tuple[Person, ...]
    products: tuple[Product, ...]
    rewards: bytes
    departments: dict[str, dict[str, str]]
    comments: dict[str, Any]
    themes: dict[str, Any]
    shop: dict[str, Any]
    challenges: dict[str, str]

    @property
    def sellers(self) -> list[Person]:
        """Who declares sales."""
        return [person for person in self.people if person.role == "reseller"]

    @property
    def sign_ins(self) -> list[Person]:
        """Whom the sign-in page and the command offer: one of each role and kind of reseller."""
        return [person for person in self.people if person.code.startswith(SIGN_IN_MARK)]


def read_content() -> Content:
    """Read every data file of the demonstration."""
    outlets = {
        row["outlet"]: Outlet(row["outlet"], row["name"], row["kind"], row["department"], row)
        for row in _rows("outlets.csv")
    }
    people = tuple(
        Person(
            row["person"],
            row["name"],
            outlets[row["outlet"]] if row["outlet"] else None,
            row["role"],
            row["status"],
            int(row["pace"]),
            int(row["feedback"]),
            _number(row["arrived_days_ago"]),
            row["nickname"],
            row,
        )
        for row in _rows("people.csv")
    )
    products = tuple(
        Product(
            row["sku"],
            row["name"],
            row["called"],
            row["category"],
            row["family"],
            int(row["list_price"].replace(",", "")),
            int(row["weight"]),
            row["season"],
            _number(row["launched_days_ago"]),
            _number(row["withdrawn_days_ago"]),
            row,
        )
        for row in _rows("products.csv")
    )
    return Content(
        outlets=tuple(outlets.values()),
        people=people,
        products=products,
        rewards=(FOLDER / "rewards.csv").read_bytes(),
        departments=_json("departments.json")["departments"],
        comments=_json("comments.json"),
        themes=_json("themes.json"),
        shop=_json("shop.json"),
        challenges={
            path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "challenges").glob("*.toml"))
        },
    )


def outlets_file(content: Content, today: date) -> BytesIO:
    """The outlets as `flask network import-outlets` reads them."""
    rows = []
    for outlet in content.outlets:
        row = outlet.row
        months = _number(row["agreed_months_ago"])
        rows.append(
            {
                **{key: row[key] for key in ("outlet", "name", "kind", "brands", "department", "city")},
                **{key: row[key] for key in ("activity", "potential", "group", "health")},
                "country": "FR",
                "region": content.departments[outlet.department]["region"],
                "agreement_on": months_before(today, months).isoformat() if months is not None else "",
            }
        )
    columns = "outlet,name,kind,brands,country,region,department,city,activity,potential,group,agreement_on,health"
    return _file("outlets.csv", columns, rows)


def people_file(people: Sequence[Person]) -> BytesIO:
    """Some people as `flask network import-people` reads them."""
    rows = [person.row | {"email": person.email} for person in people]
    return _file("people.csv", "person,name,email,outlet,role,status,sponsor,language", rows)


def products_file(content: Content, today: date) -> BytesIO:
    """The products as `flask catalogue import` reads them."""
    rows = [
        product.row
        | {
            "starts_on": _days_before(today, product.launched_days_ago),
            "ends_on": _days_before(today, product.withdrawn_days_ago),
        }
        for product in content.products
    ]
    return _file("products.csv", "sku,ean,name,category,family,list_price,starts_on,ends_on", rows)


def rewards_file(content: Content) -> BytesIO:
    """The rewards as `flask rewards import` reads them."""
    file = BytesIO(content.rewards)
    file.name = "rewards.csv"
    return file


def months_before(day: date, months: int) -> date:
    """The first day of the month that many months earlier."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _days_before(today: date, days: int | None) -> str:
    return "" if days is None else (today - timedelta(days=days)).isoformat()


def _file(name: str, columns: str, rows: Iterable[dict[str, str]]) -> BytesIO:
    text = StringIO()
    writer = csv.DictWriter(text, columns.split(","), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    file = BytesIO(text.getvalue().encode())
    file.name = name
    return file


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def _number(text: str) -> int | None:
    return int(text) if text else None
