"""The brand's insight page, its downloads, and the mirror of each reseller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask_babel import format_date, format_decimal, ngettext
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Connection

from foundation import clock
from foundation.database import db
from foundation.localisation import euros
from foundation.pages import Paged, page_number
from foundation.transactions import transaction
from insights import exports, forms, yearly
from insights.operations import take_out
from insights.queries import Cell, Protected, Voice, protected, snapshot, total_of, voices
from insights.rules import (
    Measures,
    Period,
    Selection,
    Tally,
    WrongSelection,
    change_percent,
    last_whole_week,
    measure,
)
from network.permissions import requires

blueprint = Blueprint("insights", __name__)

PAGE = 50
FIRST_VOICES = 4
VOICES = 25
MIXES = ("channel", "category", "customer", "age_band")
DELAY = timedelta(days=7)
MIRROR_WEEKS = (4, 13)
MIME = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its rows (label, number or None when withheld, text), and its download."""

    rows: Sequence[tuple[str, int | None, str]]
    by: str


def _today() -> date:
    return clock.day_of(clock.now(), current_app.config["TIMEZONE"])


@blueprint.get("/insights")
@requires("see_insights")
def overview() -> str:
    """What changed this week in words, then trend, mix, satisfaction, comments and the table."""
    today = _today()
    filters = forms.read_filters(request.args, today)
    asked = filters.asked
    with snapshot() as connection:
        total = total_of(connection, asked)
        weekly = _cut(connection, asked, total, "week")
        mixes = {name: _mix(_cut(connection, asked, total, name)) for name in MIXES}
        table = protected(connection, asked, total=total)
        said, voices_total = voices(connection, asked.since, asked.until, limit=FIRST_VOICES, offset=0)
        news = _news(connection, today)
    return render_template(
        "insights/overview.html",
        filters=filters,
        presets=forms.preset_labels(),
        dimensions=forms.dimension_labels(),
        news=news,
        total=table.total.measures,
        declarations=_trend(weekly, asked, "declarations"),
        value=_trend(weekly, asked, "value_cents"),
        running=asked.until - timedelta(days=asked.until.weekday()) + timedelta(days=6) > today,
        mixes=mixes,
        voices=said,
        voices_total=voices_total,
        table=table,
        rows=_page_of(table.cells),
        rule=exports.disclosure_in_words(),
        **_words(),
    )


@blueprint.get("/insights/comments")
@requires("see_insights")
def comments() -> str:
    """The latest cleaned comments of what may be shown, page by page."""
    filters = forms.read_filters(request.args, _today())
    number = page_number()
    with snapshot() as connection:
        asked = filters.asked
        said, count = voices(connection, asked.since, asked.until, limit=VOICES, offset=(number - 1) * VOICES)
    pages = max(1, -(-count // VOICES))
    if number > pages:
        abort(404)
    page: Paged[Voice] = Paged(said, number, pages, count)
    return render_template(
        "insights/comments.html", filters=filters, page=page, presets=forms.preset_labels(), **_words()
    )


@blueprint.get("/insights/export.<form>")
@requires("see_insights")
def download(form: str) -> Response:
    """The same figures as a file. The person who takes them out is remembered."""
    if form not in MIME:
        abort(404)
    at = clock.now()
    try:
        asked = forms.read_selection(request.args)
        with snapshot() as connection:
            table = protected(connection, asked)
        body = exports.as_bytes(form, table, zone=current_app.config["TIMEZONE"], at=at)
    except WrongSelection as wrong:
        abort(400, str(wrong))
    code = current_user.code
    with transaction():
        take_out(asked, form, by=code, at=at)
    answer = Response(body, content_type=MIME[form])
    name = f"insight-{asked.since}-{asked.until}-{'-'.join(asked.by)}.{form}"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@blueprint.get("/mirror")
@requires("play")
def mirror() -> str:
    """What comes back to a reseller: the protected figures of its region and kind, beside its own, a week later."""
    until = _today() - DELAY
    text = request.args.get("weeks", "")
    weeks = int(text) if text in {str(number) for number in MIRROR_WEEKS} else MIRROR_WEEKS[0]
    since = until - timedelta(weeks=weeks) + timedelta(days=1)
    outlet = current_user.outlet
    around: Measures | None = None
    own = measure(Tally())
    if outlet is not None:
        connection = db.session.connection()
        table = protected(connection, Selection(since, until, ("region", "outlet_kind")))
        cell = table.find((outlet.region, outlet.kind))
        around = cell.measures if cell is not None else None
        own = measure(total_of(connection, Selection(since, until, ()), outlet_id=outlet.id), enough=1)
    return render_template(
        "insights/mirror.html",
        outlet=outlet,
        since=since,
        until=until,
        weeks=weeks,
        choices=MIRROR_WEEKS,
        around=around,
        own=own,
        kind=forms.value_label("outlet_kind", outlet.kind) if outlet is not None else "",
        **_words(),
    )


def _cut(connection: Connection, asked: Selection, total: Tally, by: str) -> Protected:
    return protected(connection, Selection(asked.since, asked.until, (by,)), total=total)


def _page_of(cells: Sequence[Cell]) -> Paged[Cell]:
    pages = max(1, -(-len(cells) // PAGE))
    number = min(page_number(), pages)
    return Paged(cells[(number - 1) * PAGE : number * PAGE], number, pages, len(cells))


def _trend(table: Protected, asked: Selection, name: str) -> Chart:
    """One point a week, oldest first; a week without any sale is 0, a withheld one is a gap."""
    found = {cell.key[0]: cell for cell in table.cells}
    rows: list[tuple[str, int | None, str]] = []
    for week in forms.weeks_of(asked.since, asked.until):
        cell = found.get(week)
        label = format_date(forms.monday_of(week), "d MMM")
        if cell is None:
            rows.append((label, 0, ""))
        elif cell.measures is None:
            rows.append((label, None, ""))
        else:
            value = getattr(cell.measures, name)
            rows.append((label, value // 100, euros(value)) if name == "value_cents" else (label, value, ""))
    return Chart(rows, "week")


def _mix(table: Protected) -> Chart:
    """Value at list price, largest first, what is withheld last."""
    by = table.selection.by[0]
    rows: list[tuple[str, int | None, str]] = []
    for cell in table.cells:
        label = forms.value_label(by, cell.key[0])
        if cell.measures is None:
            rows.append((label, None, ""))
        else:
            rows.append((label, cell.measures.value_cents, euros(cell.measures.value_cents)))
    rows.sort(key=lambda row: (row[1] is None, -(row[1] or 0)))
    return Chart(rows, by)


def _news(connection: Connection, today: date) -> str:
    """What changed in the last whole week, against the week before, in words."""
    week = last_whole_week(today)
    now = _by_category(connection, week)
    before = _by_category(connection, week.before())
    monday = format_date(week.since, "d MMMM")
    if now.total.measures is None:
        return _("Semaine du %(monday)s : trop peu de ventes déclarées pour montrer un chiffre.", monday=monday)
    count = ngettext(
        "%(count)s vente déclarée",
        "%(count)s ventes déclarées",
        now.total.measures.declarations,
        count=format_decimal(now.total.measures.declarations),
    )
    worth = euros(now.total.measures.value_cents)
    if before.total.measures is None:
        return _("Semaine du %(monday)s : %(count)s pour %(worth)s.", monday=monday, count=count, worth=worth)
    change = change_percent(now.total.measures.value_cents, before.total.measures.value_cents)
    sentence = _(
        "Semaine du %(monday)s : %(count)s pour %(worth)s, %(change)s.",
        monday=monday,
        count=count,
        worth=worth,
        change=_change_in_words(change),
    )
    mover = _largest_mover(now, before)
    return f"{sentence} {mover}" if mover else sentence


def _by_category(connection: Connection, week: Period) -> Protected:
    return protected(connection, Selection(week.since, week.until, ("category",)))


def _change_in_words(change: int | None) -> str:
    if change is None or change == 0:
        return _("autant que la semaine d’avant")
    if change > 0:
        return _("%(percent)s %% de plus que la semaine d’avant", percent=format_decimal(change))
    return _("%(percent)s %% de moins que la semaine d’avant", percent=format_decimal(-change))


def _largest_mover(now: Protected, before: Protected) -> str:
    """The category shown in both weeks whose value moved most, when there are several."""
    then = {cell.key: cell.measures.value_cents for cell in before.cells if cell.measures is not None}
    moves = [
        (
            cell.measures.value_cents - then[cell.key],
            cell.key[0],
            change_percent(cell.measures.value_cents, then[cell.key]),
        )
        for cell in now.cells
        if cell.measures is not None and cell.key in then
    ]
    if len(moves) < 2:
        return ""
    amount, name, percent = max(moves, key=lambda move: (abs(move[0]), move[1]))
    if not amount or not percent:
        return ""
    category = forms.value_label("category", name)
    if amount > 0:
        return _(
            "%(category)s progresse le plus : %(percent)s %% de plus.",
            category=category,
            percent=format_decimal(percent),
        )
    return _(
        "%(category)s recule le plus : %(percent)s %% de moins.",
        category=category,
        percent=format_decimal(-percent),
    )


def _words() -> dict[str, object]:
    """What the templates of this package call to write figures and values."""

    def rating(milli: int) -> str:
        return format_decimal(Decimal(milli // 10) / 100, "0.00")

    def each(units: int, declarations: int) -> str:
        return format_decimal(Decimal(units * 10 // declarations) / 10, "0.0") if declarations else "—"

    def share(basis_points: int) -> str:
        return format_decimal(Decimal(basis_points // 10) / 10, "0.0") + "\u00a0%"

    def score(nps: int) -> str:
        return ("+" if nps > 0 else "\u2212" if nps < 0 else "") + format_decimal(abs(nps))

    def link(filters: forms.Filters, form: str, by: str = "") -> str:
        arguments: dict[str, Any] = filters.address(by)
        return url_for("insights.download", form=form, **arguments)

    return {
        "euros": euros,
        "rating": rating,
        "each": each,
        "share": share,
        "score": score,
        "download_link": link,
        "key_labels": forms.key_labels,
        "value_label": forms.value_label,
    }


# — what people received in a year (insights/yearly.py) —

blueprint.add_url_rule("/insights/statement", "statement", yearly.overview)
blueprint.add_url_rule("/insights/statement.<form>", "statement_file", yearly.download)
blueprint.add_url_rule("/insights/statement/employer.pdf", "employer_statement", yearly.employer)
blueprint.add_url_rule("/insights/statement/people/<code>/<int:year>.pdf", "person_statement", yearly.of_person)
blueprint.add_url_rule("/points/year", "my_year", yearly.mine)
blueprint.add_url_rule("/points/year/<int:year>.pdf", "my_statement", yearly.my_pdf)
blueprint.add_url_rule("/studio/network/people/<code>/benefits", "person_benefits", yearly.person_benefits)
blueprint.add_url_rule(
    "/studio/network/people/<code>/benefits/<int:award_id>/release", "give_held", yearly.give_held, methods=["POST"]
)
