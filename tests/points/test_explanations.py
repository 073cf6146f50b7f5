"""Every kind of movement says why, in the reader's language."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from points.explanations import explanation, skus_of

NAMES = {"CREME": "Crème de nuit"}
TITLES = {"hiver-2026": "Hiver 2026"}
UNITS = {"counts": "units", "points": 10, "units": 3, "per": 1, "sku": "CREME", "gives": 30}
AWARD = {"counts": "award", "challenge": "hiver-2026", "payout": 2}
CLOSED = "clôture du challenge « Hiver 2026 » : "

CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "a rule": (UNITS, 30, "3 × Crème de nuit × 10 pts = 30"),
    "recomputed": (
        {"counts": "difference", "was": 30, "now": 20, "why": UNITS | {"units": 2, "gives": 20}}, -10,
        "recalculé : 30 → 20 (2 × Crème de nuit × 10 pts = 20)",
    ),
    "taken back": (
        {"counts": "difference", "was": 30, "now": 0}, -30, "repris : cette vente ne compte plus (30 → 0)",
    ),
    "recomputed, without saying more": ({"counts": "difference", "was": 5, "now": 7}, 2, "recalculé : 5 → 7"),
    "converted at a closing": (
        AWARD | {"kind": "convert", "total": 250, "every": 10, "into": 1}, 25,
        CLOSED + "1 point par tranche de 10 pts, 250 → 25",
    ),
    "a rank": (AWARD | {"kind": "rank", "rank": 1, "total": 250}, 500, CLOSED + "1re place → 500"),
    "another rank": (AWARD | {"kind": "rank", "rank": 3, "total": 9}, 5, CLOSED + "3e place → 5"),
    "a threshold": (
        AWARD | {"kind": "threshold", "rank": 3, "total": 250}, 50,
        CLOSED + "seuil atteint avec 250 pts → 50",
    ),
    "a target": (AWARD | {"kind": "objective", "total": 9}, 50, CLOSED + "objectif atteint → 50"),
    "a challenge that is gone": (
        AWARD | {"kind": "objective", "challenge": "gone"}, 5,
        CLOSED.replace("Hiver 2026", "gone") + "objectif atteint → 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("why", "amount", "expected"), CASES.values(), ids=CASES)
def test_a_movement_says_why(app: Flask, why: dict[str, Any], amount: int, expected: str) -> None:
    said = explanation(json.dumps(why), amount, NAMES, TITLES)
    assert said.replace("\u202f", " ").replace("\u00a0", " ") == expected


@pytest.mark.parametrize("broken", ["", "{", "[1]", "null", '"text"'])
def test_what_cannot_be_read_is_said_without_failing(app: Flask, broken: str) -> None:
    assert explanation(broken, 1, {}, {}) == ""
    assert skus_of([broken]) == set()


def test_the_products_named_are_found_inside_differences_too() -> None:
    reasons = [json.dumps(UNITS), json.dumps({"counts": "difference", "why": UNITS | {"sku": "SERUM"}})]
    assert skus_of(reasons) == {"CREME", "SERUM"}
