"""Sales for the tests of insight: written as rows, and counted a second time the slow and plain way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import insert

from declarations.models import Declaration, Line, Revision
from foundation.database import db
from foundation.transactions import transaction
from network.models import Outlet, Person

AT = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)

# shop: (legal group, country, region, department, kind)
SHOPS = {
    "a1": ("A", "FR", "Bretagne", "29", "reseller"),
    "a2": ("A", "FR", "Bretagne", "35", "reseller"),
    "b": ("B", "FR", "Bretagne", "29", "franchisee"),
    "c": ("C", "FR", "Île-de-France", "75", "reseller"),
    "d": ("D", "FR", "Bretagne", "29", "reseller"),
    "e": ("E", "BE", "", "", "vdi"),
    "f": ("F", "BE", "", "", "vdi"),
    "g": ("G", "BE", "=Wallonie", "", "distributor"),
    "h": ("H", "FR", "Bretagne", "56", "reseller"),
}


@dataclass(frozen=True)
class Sale:
    """One declaration; lines are (sku, units, list price in cents, category, family)."""

    shop: str
    sold_on: date
    lines: tuple[tuple[str, int, int, str, str], ...] = (("S1", 1, 1000, "Soin", "Visage"),)
    channel: str = "store"
    customer: str = ""
    age_band: str = ""
    rating: int | None = None
    recommend: int | None = None
    comment: str = ""
    status: str = "accepted"
    superseded: bool = False

    @property
    def group(self) -> str:
        """The legal group it belongs to."""
        return SHOPS[self.shop][0]

    def values(self, name: str, line: tuple[str, int, int, str, str]) -> str:
        """The value of a dimension for one line."""
        year, week, _ = self.sold_on.isocalendar()
        return {
            "day": self.sold_on.isoformat(),
            "week": f"{year}-W{week:02d}",
            "month": self.sold_on.isoformat()[:7],
            "country": SHOPS[self.shop][1],
            "region": SHOPS[self.shop][2],
            "department": SHOPS[self.shop][3],
            "outlet_kind": SHOPS[self.shop][4],
            "channel": self.channel,
            "category": line[3],
            "family": line[4],
            "sku": line[0],
            "customer": self.customer,
            "age_band": self.age_band,
        }[name]


def write(sales: Iterable[Sale], *, shops: dict[str, int] | None = None) -> dict[str, int]:
    """Write shops, one seller each, and the sales. Answers the shops' ids."""
    with transaction():
        shops = shops or _shops()
        sellers = {person.outlet_id: person.id for person in db.session.query(Person)}
        rows: list[dict[str, object]] = []
        revisions: list[dict[str, object]] = []
        lines: list[dict[str, object]] = []
        first = (db.session.query(Declaration.id).order_by(Declaration.id.desc()).limit(1).scalar() or 0) + 1
        for number, sale in enumerate(sales, first):
            current = 2 if sale.superseded else 1
            rows.append(
                {
                    "id": number,
                    "public_id": f"sale-{number}",
                    "person_id": sellers[shops[sale.shop]],
                    "status": sale.status,
                    "revision": current,
                    "fingerprint": "0" * 64,
                    "declared_at": AT,
                    "received_at": AT,
                    "clock": False,
                    "review_reasons": "",
                }
            )
            for revision in range(1, current + 1):
                old = revision < current
                identity = number * 10 + revision
                revisions.append(
                    {
                        "id": identity,
                        "declaration_id": number,
                        "number": revision,
                        "outlet_id": shops[sale.shop],
                        "sold_on": sale.sold_on,
                        "channel": sale.channel,
                        "customer": sale.customer,
                        "age_band": sale.age_band,
                        "area": "",
                        "rating": sale.rating,
                        "recommend": sale.recommend,
                        "comment": "avant correction" if old else sale.comment,
                        "comment_length": len(sale.comment),
                        "barred": "",
                        "written_at": AT,
                    }
                )
                for place, (sku, units, price, category, family) in enumerate(sale.lines):
                    lines.append(
                        {
                            "revision_id": identity,
                            "position": place,
                            "sku": sku,
                            "units": 99_999 if old else units,
                            "list_price_cents": price,
                            "unit_price_cents": None,
                            "category": category,
                            "family": family,
                        }
                    )
        for model, values in ((Declaration, rows), (Revision, revisions), (Line, lines)):
            if values:
                db.session.execute(insert(model), values)
    return shops


def _shops() -> dict[str, int]:
    found: dict[str, int] = {}
    for code, (group, country, region, department, kind) in SHOPS.items():
        outlet = Outlet(
            code=code,
            name=f"Boutique {code}",
            kind=kind,
            brands="multi",
            country=country,
            region=region,
            department=department,
            city="",
            activity="",
            potential="",
            group_code=group,
            agreement_on=date(2020, 1, 1),
            health=False,
        )
        db.session.add(outlet)
        db.session.flush()
        db.session.add(
            Person(
                code=f"seller-{code}",
                name=f"Vendeur {code}",
                email=f"{code}@example.org",
                outlet=outlet,
                role="reseller",
                status="independent",
                language="fr",
                created_at=AT,
                notice_accepted_at=AT,
                session_key=f"key-{code}",
            )
        )
        found[code] = outlet.id
    db.session.flush()
    return found


def slowly(
    sales: Sequence[Sale], by: Sequence[str], since: date, until: date
) -> tuple[list[tuple[object, ...]], tuple[object, ...]]:
    """What `protected` must answer, from the words of docs/insights.md: (rows, total), None where withheld.

    Keeps the very declarations of each cell, and tries the three tests on their union after each cell given up.
    """
    counted = [
        (number, sale)
        for number, sale in enumerate(sales)
        if sale.status == "accepted" and since <= sale.sold_on <= until
    ]
    cells: dict[tuple[str, ...], list[tuple[int, Sale, tuple[str, int, int, str, str]]]] = {}
    everything = []
    for number, sale in counted:
        for line in sale.lines:
            cells.setdefault(tuple(sale.values(name, line) for name in by), []).append((number, sale, line))
            everything.append((number, sale, line))
    withheld = {key for key, entries in cells.items() if not _safe(entries)}
    while withheld and not _safe([entry for key in withheld for entry in cells[key]]):
        rest = [(len({entry[0] for entry in cells[key]}), key) for key in cells if key not in withheld]
        if not rest:
            break
        withheld.add(min(rest)[1])
    rows = [(*key, *(_measures(cells[key]) if key not in withheld else (None,) * 8)) for key in sorted(cells)]
    return rows, _measures(everything) if _safe(everything) else (None,) * 8


def _safe(entries: Sequence[tuple[int, Sale, tuple[str, int, int, str, str]]]) -> bool:
    values: dict[str, int] = {}
    for _, sale, line in entries:
        values[sale.group] = values.get(sale.group, 0) + line[1] * line[2]
    enough = len({entry[0] for entry in entries}) >= 5 and len(values) >= 3
    return enough and max(values.values()) * 100 <= 85 * sum(values.values())


def _measures(entries: Sequence[tuple[int, Sale, tuple[str, int, int, str, str]]]) -> tuple[int | None, ...]:
    told = {number: sale for number, sale, _ in entries}
    units = sum(line[1] for _, _, line in entries)
    kinds = [sale.customer for sale in told.values() if sale.customer]
    ratings = [sale.rating for sale in told.values() if sale.rating is not None]
    scores = [sale.recommend for sale in told.values() if sale.recommend is not None]
    balance = sum((score >= 9) - (score <= 6) for score in scores)
    return (
        len(told),
        units,
        sum(line[1] * line[2] for _, _, line in entries),
        units // len(told),
        10_000 * kinds.count("returning") // len(kinds) if kinds else None,
        1_000 * sum(ratings) // len(ratings) if len(ratings) >= 5 else None,
        100 * balance // len(scores) if len(scores) >= 5 else None,
        sum(bool(sale.comment) for sale in told.values()),
    )
