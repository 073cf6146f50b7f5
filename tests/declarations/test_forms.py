"""What people type, read into numbers and lines."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from declarations.forms import DraftLine, SaleForm, parsed_id, units_of
from tests.declarations.stage import TODAY


@pytest.mark.parametrize(
    ("typed", "units"),
    [
        ("1", 1),
        (" 12 ", 12),
        ("1 250", 1_250),
        ("1\u202f250", 1_250),
        ("100000", 100_000),
        ("0", None),
        ("100001", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("²", None),
        ("٣", None),
        ("", None),
        ("9" * 5_000, None),
    ],
)
def test_units_are_whole_numbers_within_bounds(typed: str, units: int | None) -> None:
    assert units_of(typed) == units


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10", "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10"),
        ("6D9C4C4394C24D5C8A2F1C1B1F6F7E10", "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10"),
        ("sale-1", None),
        ("", None),
        ("0" * 10_000, None),
    ],
)
def test_an_id_is_a_uuid_written_in_one_way(text: str, read: str | None) -> None:
    assert parsed_id(text) == read


def test_products_and_units_come_in_pairs_and_an_odd_one_is_left_out(app: Flask) -> None:
    sent = MultiDict([("sku", "CREME"), ("units", "2"), ("sku", "ROUGE"), ("units", " 1 "), ("sku", "SERUM")])
    with app.test_request_context("/declare", method="POST"):
        form = SaleForm(sent, today=TODAY)
        assert form.lines.data == [DraftLine("CREME", "2"), DraftLine("ROUGE", "1")]


def test_adding_a_product_again_adds_a_unit(app: Flask) -> None:
    with app.test_request_context("/declare"):
        form = SaleForm(today=TODAY, data={"lines": [DraftLine("CREME", "2")]})
        form.add("CREME")
        form.add("ROUGE")
        form.remove("SERUM")
        assert form.lines.data == [DraftLine("CREME", "3"), DraftLine("ROUGE", "1")]
        form.remove("CREME")
        assert form.lines.data == [DraftLine("ROUGE", "1")]
