"""What the database counts equals what a plain loop counts, on both engines."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import literal, select

from foundation.database import db
from insights.queries import COLUMNS, Protected, day_text, month_text, protected, snapshot, total_of, voices, week_text
from insights.rules import DIMENSIONS, Selection
from tests.insights.sales import Sale, slowly, write

START, END = date(2025, 12, 22), date(2026, 2, 1)
MONDAY = date(2026, 1, 5)
LINES = (
    ("S1", "Soin", "Visage", 1200),
    ("S2", "Soin", "Corps", 890),
    ("M1", "Maquillage", "Lèvres", 2500),
    ("é1", "Été", "Visage", 0),
)


def of(table: Protected) -> tuple[list[tuple[object, ...]], tuple[object, ...]]:
    """The answer in the form of sales.slowly."""
    nothing = (None,) * 8
    rows = [(*cell.key, *(cell.measures.values() if cell.measures else nothing)) for cell in table.cells]
    return rows, table.total.measures.values() if table.total.measures else nothing


def ask(by: tuple[str, ...], since: date = START, until: date = END) -> Protected:
    with snapshot() as connection:
        return protected(connection, Selection(since, until, by))


def some_sales(seed: int, count: int, shops: str) -> list[Sale]:
    """Plausible sales, the same for the same seed; a few waiting, withdrawn, corrected or out of the period."""
    chance = random.Random(seed)
    sales = []
    for _ in range(count):
        chosen = chance.sample(LINES, chance.choice((1, 1, 1, 2, 3)))
        sales.append(
            Sale(
                shop=chance.choice(shops.split()),
                sold_on=START + timedelta(days=chance.randint(-2, (END - START).days + 2)),
                lines=tuple(
                    (sku, chance.choice((1, 1, 2, 5, 40)), price, category, family)
                    for sku, category, family, price in chosen
                ),
                channel=chance.choice(("store", "store", "online", "meeting")),
                customer=chance.choice(("", "new", "returning", "returning")),
                age_band=chance.choice(("", "18-24", "65+")),
                rating=chance.choice((None, None, 3, 4, 5)),
                recommend=chance.choice((None, 0, 6, 7, 9, 10)),
                comment=chance.choice(("", "", "Très bien")),
                status=chance.choice(("accepted",) * 9 + ("in_review", "withdrawn", "rejected")),
                superseded=chance.random() < 0.1,
            )
        )
    return sales


@pytest.mark.parametrize(
    ("seed", "count", "shops"),
    [(1, 400, "a1 a2 b c d e f g"), (2, 60, "a1 a1 a1 b c d"), (3, 25, "a1 a2 b c e"), (4, 12, "a1 b c d")],
)
def test_every_cut_equals_a_plain_count(app: Flask, seed: int, count: int, shops: str) -> None:
    sales = some_sales(seed, count, shops)
    write(sales)
    cuts = [(name,) for name in DIMENSIONS]
    cuts += [
        ("month", "country"),
        ("week", "category"),
        ("category", "region", "channel"),
        ("sku", "day"),
        ("family", "outlet_kind"),
    ]
    for by in cuts:
        assert of(ask(by)) == slowly(sales, by, START, END), by


def test_one_large_group_takes_the_cells_around_it_along(app: Flask) -> None:
    """Two regions would be fine; the third is made by one group and would be total minus the others."""
    sales = [Sale("e", MONDAY, (("S", 60, 100, "x", "x"),))]
    sales += [Sale(shop, MONDAY, (("S", 10, 100, "x", "x"),)) for shop in ("a1", "a2", "b", "d", "d")]
    sales += [Sale("c", MONDAY)]
    write(sales)
    table = ask(("region",))
    assert [cell.withheld for cell in table.cells] == [True, True, True]
    assert table.total.measures is not None
    assert of(table) == slowly(sales, ("region",), START, END)


def test_a_declaration_counts_once_in_each_category_and_once_in_the_total(app: Flask) -> None:
    lines = (("S1", 2, 100, "Soin", "Visage"), ("S2", 1, 100, "Soin", "Corps"), ("M1", 1, 500, "Maquillage", "Lèvres"))
    write([Sale(shop, MONDAY, lines) for shop in ("a1", "b", "c", "d", "e")])
    table = ask(("category",))
    assert [(cell.key, cell.measures and cell.measures.values()[:4]) for cell in table.cells] == [
        (("Maquillage",), (5, 5, 2500, 1)),
        (("Soin",), (5, 15, 1500, 3)),
    ]
    assert table.total.measures is not None
    assert table.total.measures.values()[:4] == (5, 20, 4000, 4)


def test_only_accepted_sales_of_the_period_in_their_present_revision_count(app: Flask) -> None:
    shops = ("a1", "b", "c", "d", "e")
    sales = [Sale(shop, day, superseded=True) for shop in shops for day in (START, END)]
    sales += [Sale(shop, day) for shop in shops for day in (START - timedelta(days=1), END + timedelta(days=1))]
    sales += [Sale(shop, MONDAY, status=status) for shop in shops for status in ("in_review", "rejected", "withdrawn")]
    write(sales)
    total = ask(("month",)).total
    assert total.measures is not None
    assert total.measures.values()[:3] == (10, 10, 10_000)


def test_nothing_declared_gives_no_cell_and_a_protected_total(app: Flask) -> None:
    table = ask(("month",))
    assert not table.cells
    assert table.total.withheld


def test_amounts_beyond_32_bits_are_exact(app: Flask) -> None:
    write([Sale(shop, MONDAY, (("S", 100_000, 2_000_000_000, "x", "x"),)) for shop in ("a1", "b", "c", "d", "e")])
    total = ask(("sku",)).total
    assert total.measures is not None
    assert total.measures.value_cents == 5 * 100_000 * 2_000_000_000


def test_days_weeks_and_months_are_those_of_the_calendar(app: Flask) -> None:
    days = [date(year, 12, 25) + timedelta(days=more) for year in range(1999, 2032) for more in range(12)]
    days += [date(2024, 2, 29), date(2000, 1, 1), date(1900, 1, 1), date(2200, 12, 31)]
    for day in days:
        row = db.session.execute(select(*(text(literal(day)) for text in (day_text, week_text, month_text)))).one()
        year, week, _ = day.isocalendar()
        assert tuple(row) == (day.isoformat(), f"{year}-W{week:02d}", day.isoformat()[:7])


def test_every_dimension_can_be_read() -> None:
    assert set(COLUMNS) == set(DIMENSIONS)


def test_a_comment_is_read_only_where_its_month_and_channel_may_be_shown(app: Flask) -> None:
    shops = ("a1", "b", "c", "d", "e")
    sales = [Sale(shop, MONDAY, comment=f"Bien {shop}", rating=4) for shop in shops]
    sales += [Sale(shop, MONDAY + timedelta(days=1), comment=f"Mieux {shop}") for shop in shops]
    sales += [Sale("a1", MONDAY, channel="online", comment="Seul en ligne")]
    sales += [Sale(shop, MONDAY, channel="meeting") for shop in shops]
    sales += [Sale(shop, MONDAY, comment="Refusé", status="rejected") for shop in shops]
    write(sales)
    with snapshot() as connection:
        first, count = voices(connection, START, END, limit=6, offset=0)
        rest, _ = voices(connection, START, END, limit=6, offset=6)
    assert count == 10
    assert [voice.comment for voice in first + rest] == [
        *(f"Mieux {shop}" for shop in reversed(shops)),
        *(f"Bien {shop}" for shop in reversed(shops)),
    ]
    assert {(voice.month, voice.channel) for voice in first + rest} == {("2026-01", "store")}


def test_a_shop_alone_reads_what_it_declared(app: Flask) -> None:
    shops = write([Sale("a1", MONDAY, rating=5), Sale("a2", MONDAY), Sale("b", MONDAY)])
    with snapshot() as connection:
        tally = total_of(connection, Selection(START, END, ()), outlet_id=shops["a1"])
        nobody = total_of(connection, Selection(START, END, ()), outlet_id=shops["g"])
    assert (tally.declarations, tally.ratings, tally.rating_sum) == (1, 1, 5)
    assert nobody.declarations == 0
