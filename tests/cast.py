"""The cast: a few people, outlets and products with fixed ties, for every test that needs somebody."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import select

from catalogue.models import Product
from foundation.database import db
from foundation.transactions import transaction
from network.models import Outlet, Person

JOINED_AT = datetime(2020, 1, 1, 9, 0, tzinfo=UTC)
AGREED_ON = date(2020, 1, 1)

# code: (name, kind, brands, region, department, city, activity, potential, legal group)
OUTLETS = {
    "PDV-BREST": ("Parfumerie du Port", "reseller", "multi", "Bretagne", "29", "Brest", "high", "medium", "g1"),
    "PDV-LYON": (
        "Beauté Bellecour",
        "franchisee",
        "single",
        "Auvergne-Rhône-Alpes",
        "69",
        "Lyon",
        "medium",
        "high",
        "g2",
    ),
    "VDI-NINA": ("Nina à domicile", "vdi", "single", "Occitanie", "31", "Toulouse", "low", "low", "VDI-NINA"),
}

# short name: (code, name, role, status, outlet)
PEOPLE = {
    "awa": ("AWA", "Awa Diallo", "reseller", "employee", "PDV-BREST"),
    "bruno": ("BRUNO", "Bruno Martin", "reseller", "independent", "PDV-LYON"),
    "nina": ("NINA", "Nina Costa", "reseller", "vdi", "VDI-NINA"),
    "chloe": ("CHLOE", "Chloé Le Gall", "reseller", "employee", "PDV-BREST"),
    "marc": ("MARC", "Marc Petit", "animator", "staff", None),
    "ines": ("INES", "Inès Roux", "brand", "staff", None),
    "ada": ("ADA", "Ada Faure", "admin", "staff", None),
}

# sku: (EAN, name, category, family, list price in cents)
PRODUCTS = {
    "CREME": ("3600000000016", "Crème de jour", "Soin", "Visage", 1_200),
    "SERUM": ("3600000000023", "Sérum éclat", "Soin", "Visage", 2_500),
    "ROUGE": ("3600000000030", "Rouge velours", "Maquillage", "Lèvres", 990),
}


class Cast:
    """The people by their first name (`cast.awa`), outlets and products by code (`cast.outlet("PDV-BREST")`).

    Every look is a fresh one, so that what a request changed is seen.
    """

    awa: Person
    bruno: Person
    nina: Person
    chloe: Person
    marc: Person
    ines: Person
    ada: Person

    def __getattr__(self, name: str) -> Person:
        if name not in PEOPLE:
            raise AttributeError(name)
        return db.session.execute(select(Person).where(Person.code == PEOPLE[name][0])).scalar_one()

    def outlet(self, code: str) -> Outlet:
        """One of the cast's outlets."""
        return db.session.execute(select(Outlet).where(Outlet.code == code)).scalar_one()

    def product(self, sku: str) -> Product:
        """One of the cast's products."""
        return db.session.execute(select(Product).where(Product.sku == sku)).scalar_one()


def engage() -> Cast:
    """Write the cast into the present database."""
    with transaction():
        outlets = {}
        for code, (
            name,
            kind,
            brands,
            region,
            department,
            city,
            activity,
            potential,
            group,
        ) in OUTLETS.items():
            outlets[code] = Outlet(
                code=code,
                name=name,
                kind=kind,
                brands=brands,
                country="FR",
                region=region,
                department=department,
                city=city,
                activity=activity,
                potential=potential,
                group_code=group,
                agreement_on=AGREED_ON,
                health=False,
            )
        db.session.add_all(outlets.values())
        for code, name, role, status, outlet in PEOPLE.values():
            db.session.add(
                Person(
                    code=code,
                    name=name,
                    email=f"{code.lower()}@example.org",
                    outlet=outlets.get(outlet or ""),
                    role=role,
                    status=status,
                    language="fr",
                    created_at=JOINED_AT,
                    notice_accepted_at=JOINED_AT,
                    session_key=f"key-of-{code.lower()}",
                )
            )
        for sku, (ean, name, category, family, cents) in PRODUCTS.items():
            db.session.add(
                Product(sku=sku, ean=ean, name=name, category=category, family=family, list_price_cents=cents)
            )
    return Cast()
