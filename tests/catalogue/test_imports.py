"""Products from a file: created and updated by sku, all or nothing, every fault named."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from catalogue.imports import COLUMNS, import_products
from catalogue.models import Product
from foundation.database import db
from foundation.tables import Faulty
from foundation.transactions import transaction
from tests.cast import JOINED_AT as NOW

ROW = {
    "sku": "CR-1",
    "ean": "3600000000016",
    "name": "Crème de nuit",
    "category": "Soin",
    "family": "Visage",
    "list_price": "12.50",
    "starts_on": "",
    "ends_on": "",
}


@pytest.fixture
def file(tmp_path):
    """file({...}, {...}): a file of products that differ from ROW by these cells."""

    def write(*changes):
        path = tmp_path / "products.csv"
        rows = [";".join((ROW | change)[name] for name in COLUMNS) for change in changes]
        path.write_text("\n".join([";".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
        return path

    return write


def load(path):
    with transaction():
        return import_products(path, by="system", at=NOW)


def product(sku: str) -> Product:
    return db.session.execute(select(Product).where(Product.sku == sku)).scalar_one()


def test_products_are_created_then_updated_then_left_alone(app, file):
    assert str(load(file({}, {"sku": "CR-2"}))) == "created 2, updated 0, unchanged 0"
    assert str(load(file({"name": "Crème de jour"}, {"sku": "CR-2"}))) == "created 0, updated 1, unchanged 1"
    assert product("CR-1").name == "Crème de jour"


@pytest.mark.parametrize(
    ("text", "cents"), [("12.50", 1250), ("12,50", 1250), ("12,5", 1250), ("12", 1200), ("0", 0), ("0.39", 39)]
)
def test_a_price_has_a_dot_or_a_comma(app, file, text, cents):
    load(file({"list_price": text}))
    assert product("CR-1").list_price_cents == cents


def test_what_is_not_known_of_a_product_may_stay_empty(app, file):
    load(file({"ean": "", "category": "", "family": ""}))
    assert (product("CR-1").ean, product("CR-1").category, product("CR-1").starts_on) == ("", "", None)


def test_a_product_is_sold_between_two_dates(app, file):
    load(file({"starts_on": "2026-01-01", "ends_on": "2026-01-01"}))
    assert product("CR-1").ends_on == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("sku", ""),
        ("sku", "x" * 61),
        ("ean", "12 34"),
        ("ean", "1234567"),
        ("name", ""),
        ("name", "x" * 201),
        ("list_price", ""),
        ("list_price", "-1"),
        ("list_price", "1.234"),
        ("list_price", "1 234,50"),
        ("list_price", "12 €"),
        ("list_price", "99999999999"),
        ("starts_on", "2026-13-01"),
        ("ends_on", "1.1.2026"),
    ],
)
def test_a_wrong_cell_is_named_and_nothing_is_written(app, file, column, wrong):
    with pytest.raises(Faulty) as faulty:
        load(file({"sku": "CR-0"}, {column: wrong}))
    assert [(fault.line, fault.column) for fault in faulty.value.faults] == [(3, column)]
    assert db.session.scalar(select(func.count()).select_from(Product)) == 0


def test_a_product_that_ends_before_it_starts_is_refused(app, file):
    with pytest.raises(Faulty, match="ends_on: 2026-01-01 is before 2026-02-01"):
        load(file({"starts_on": "2026-02-01", "ends_on": "2026-01-01"}))


def test_a_sku_is_there_once(app, file):
    with pytest.raises(Faulty, match="'CR-1' is already on line 2"):
        load(file({}, {"name": "Autre"}))


def test_the_command_says_what_it_did_or_what_is_wrong(runner, file):
    assert runner.run("catalogue", "import", file({})).stdout == "created 1, updated 0, unchanged 0\n"
    assert runner.run("catalogue", "import", file({})).stdout == "created 0, updated 0, unchanged 1\n"
    wrong = runner.run("catalogue", "import", file({"list_price": "cher"}, {"sku": "CR-2", "name": ""}), exits=1)
    assert [line.split("products.csv:")[1][:4] for line in wrong.stderr.splitlines()] == ["2: l", "3: n"]
