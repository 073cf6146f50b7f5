"""My points: what I have, and why."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from foundation.localisation import language
from foundation.pages import page_number, page_or_part, paged
from network.permissions import requires
from points.explanations import explanation, skus_of
from points.queries import (
    Balance,
    Movement,
    balances,
    challenge_titles,
    movement,
    movements,
    product_names,
)

blueprint = Blueprint("points", __name__)

WALLET_FILTER = "cagnotte"


@dataclass(frozen=True)
class Book:
    """What I have in one book, as the page shows it: `href` filters the movements by it."""

    label: str
    points: int
    is_wallet: bool
    current: bool
    href: str


@dataclass(frozen=True)
class Line:
    """A movement with its explanation. `sale` is the declaration it comes from, None for a closing."""

    movement: Movement
    where: str
    explanation: str
    sale: str | None


@blueprint.get("/points")
@requires("play")
def points() -> str:
    """My balances and every movement, newest first, with its reason."""
    held = balances(current_user.id)
    titles = challenge_titles({one.challenge for one in held if one.challenge}, language())
    asked = request.args.get("challenge", "")
    chosen = [one for one in held if asked and _name(one) == asked]
    accounts = [one.account_id for one in chosen or held]
    page = paged(movements(accounts), page_number(), shape=movement)
    names = product_names(skus_of(one.why for one in page.rows))
    lines = [_line(one, names, titles) for one in page.rows]
    books = [_book(one, titles, one in chosen) for one in held]
    wallet = next((one.points for one in held if one.is_wallet), 0)
    return page_or_part(
        "points/points.html",
        "points/_movements.html",
        wallet=wallet,
        books=[book for book in books if not book.is_wallet],
        filters=books if len(books) > 1 else [],
        everything=url_for("points.points"),
        filtered=bool(chosen),
        page=page,
        lines=lines,
    )


def _name(balance: Balance) -> str:
    return balance.challenge or WALLET_FILTER


def _book(balance: Balance, titles: dict[str, str], current: bool) -> Book:
    code = balance.challenge
    label = _("Cagnotte") if code is None else titles.get(code, code)
    href = url_for("points.points", challenge=_name(balance))
    return Book(label, balance.points, balance.is_wallet, current, href)


def _line(one: Movement, names: dict[str, str], titles: dict[str, str]) -> Line:
    code = one.challenge
    return Line(
        movement=one,
        where=_("Cagnotte") if code is None else titles.get(code, code),
        explanation=explanation(one.why, one.amount, names, titles),
        sale=one.subject if code is not None and one.rules_version > 0 else None,
    )
