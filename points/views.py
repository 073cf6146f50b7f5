"""My points: what I have, and why; and what the brand owes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, abort, current_app, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from foundation import clock
from foundation.localisation import language
from foundation.localisation import month as month_in_words
from foundation.pages import page_number, page_or_part, paged
from foundation.programme import setting
from foundation.tables import write_table
from network.permissions import requires
from points import reverting
from points.brand_statement import HEADER, brand_statement, next_month, read_month, rows
from points.explanations import expires_in_words, explanation, skus_of
from points.queries import (
    Balance,
    Movement,
    balances,
    challenge_titles,
    movement,
    movements,
    next_expiries,
    product_names,
)
from points.telling import WALLET_FILTER

blueprint = Blueprint("points", __name__)


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
        expiries=[expires_in_words(one.points, one.at) for one in next_expiries(current_user.id, at=clock.now())],
        books=[book for book in books if not book.is_wallet],
        filters=books if len(books) > 1 else [],
        everything=url_for("points.points"),
        filtered=bool(chosen),
        page=page,
        lines=lines,
    )


@blueprint.get("/studio/points/statement")
@requires("see_accounts")
def statement() -> str:
    """What the brand gave and owes, month by month."""
    month = _month()
    return page_or_part(
        "points/statement.html",
        "points/_statement.html",
        month=month,
        title=month_in_words(month),
        before=clock.days_after(month, -1).replace(day=1),
        after=next_month(month),
        current=_this_month(),
        found=brand_statement(month, current_app.config["TIMEZONE"]),
        cents=int(setting("wallet_point_cents")),
    )


@blueprint.get("/studio/points/statement.csv")
@requires("see_accounts")
def download() -> Response:
    """The same month as a file."""
    month = _month()
    text = io.StringIO()
    write_table(text, HEADER, rows(month, brand_statement(month, current_app.config["TIMEZONE"])), bom=True)
    answer = Response(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=f"points-{month:%Y-%m}.csv")
    return answer


def _this_month() -> date:
    return clock.day_of(clock.now(), current_app.config["TIMEZONE"]).replace(day=1)


def _month() -> date:
    """The month asked for in the address, such as 2026-10; else the present one."""
    asked = request.args.get("month", "")
    if not asked:
        return _this_month()
    return read_month(asked) or abort(404)


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


# — taking a credit back ———————————————————————————————————————————————————————————————————————————————————————————————

for rule, view, methods in (
    ("/studio/network/people/<path:code>/credits", reverting.wallet_credits, ["GET"]),
    ("/studio/network/people/<path:code>/credits/<int:number>/reversal", reverting.reversal, ["GET", "POST"]),
):
    blueprint.add_url_rule(rule, view_func=view, methods=methods)
