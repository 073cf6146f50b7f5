"""What people received in a year: the brand's statement and its files, the employer's copies, and each person's own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from flask import Response, abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from challenges.lifecycle import NotPossible
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import page_number, page_or_part, paged
from foundation.transactions import snapshot, transaction
from insights import statement
from insights.statement_pdf import item_in_words, law_in_words, statement_pdf, status_in_words
from network.models import Person
from network.permissions import requires
from network.queries import person_by_code
from rewards.benefits import Benefit, Item, benefit, benefits, items, totals, yearly
from rewards.contribution import figures_of
from rewards.models import Award
from rewards.releasing import held_awards, release

MIME = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _this_year() -> int:
    return clock.day_of(clock.now(), current_app.config["TIMEZONE"]).year


def _year() -> int:
    """The year asked for in the address; else the present one."""
    asked = request.args.get("year", "")
    return (statement.known_year(asked) or abort(404)) if asked else _this_year()


@requires("see_accounts")
def overview() -> str:
    """Everybody who received something in a year, with the bands."""
    year, zone = _year(), current_app.config["TIMEZONE"]
    figures = figures_of(year)
    page = paged(yearly(year, zone), page_number(), shape=benefit)
    return page_or_part(
        "insights/statement.html",
        "insights/_statement.html",
        year=year,
        this_year=_this_year(),
        figures=figures,
        page=page,
        cuts={one.person_id: one.split(figures) for one in page.rows},
        totals=totals(year, zone, figures),
        status=status_in_words,
    )


@requires("see_accounts")
def download(form: str) -> Response:
    """The same year as a file; who takes it out is remembered."""
    if form not in MIME:
        abort(404)
    year, at, zone = _year(), clock.now(), current_app.config["TIMEZONE"]
    by = current_user.code
    with snapshot():
        body = statement.as_bytes(form, benefits(year, zone), figures_of(year), zone=zone, at=at)
    with transaction():
        statement.take_out(year, form, by=by, at=at)
    return _file(body, MIME[form], f"{_('avantages')}-{year}.{form}")


@requires("see_accounts")
def employer() -> Response:
    """The copies for an employer (a legal group) of all its employees' statements, as one PDF."""
    group, year = request.args.get("group", ""), _year()
    if not group:
        abort(400, _("dites de quel employeur : group=…"))
    at, zone, by = clock.now(), current_app.config["TIMEZONE"], current_user.code
    with snapshot():
        people = [one for one in benefits(year, zone, group=group) if one.status == "employee"]
        told = _with_items(people, items(year, zone, group=group))
        body = statement_pdf(told, figures_of(year), zone, copy=True) if people else b""
    if not people:
        abort(404)
    with transaction():
        statement.take_out(year, "pdf", subject=group, by=by, at=at)
    return _file(body, "application/pdf", f"{_('avantages')}-{year}-{group}.pdf")


@requires("see_insights")
def of_person(code: str, year: int) -> Response:
    """A person's statement, for staff; `?copy=1` is the employer's."""
    person = person_by_code(code) or abort(404)
    at, by = clock.now(), current_user.code
    body = _pdf(person, year, copy=request.args.get("copy") == "1")
    with transaction():
        statement.take_out(year, "pdf", subject=code, by=by, at=at)
    return _file(body, "application/pdf", f"{_('avantages')}-{year}-{code}.pdf")


@requires("play")
def mine() -> str:
    """What I received this year or another, what the law makes of it, and what waits for my employer's agreement."""
    return _page(current_user, "insights/my_year.html", "insights/_my_year.html")


@requires("play")
def my_pdf(year: int) -> Response:
    """My own statement of a year."""
    return _file(_pdf(current_user, year, copy=False), "application/pdf", f"{_('avantages')}-{year}.pdf")


@requires("animate")
def person_benefits(code: str) -> str:
    """The same of one person, for those who animate, with what is held."""
    return _page(person_by_code(code) or abort(404), "insights/person_year.html", "insights/_my_year.html")


@requires("animate")
def give_held(code: str, award_id: int) -> AnyResponse:
    """Give an award that is held, with a reason."""
    person = person_by_code(code) or abort(404)
    award = db.session.get(Award, award_id)
    if award is None or award.person_id != person.id or award.status != "held" or person.id == current_user.id:
        abort(404)
    by, at = current_user.code, clock.now()
    try:
        with transaction():
            given = release(award_id, request.form.get("reason", ""), by=by, at=at)
    except NotPossible:
        flash(_("Dites pourquoi ce gain est remis sans l’accord de l’employeur."), "danger")
    else:
        flash(_("Le gain est remis.") if given else _("Ce gain avait déjà été remis."), "success" if given else "info")
    return redirect(url_for("insights.person_benefits", code=code))


def _page(person: Person, page: str, part: str) -> str:
    year, zone = _year(), current_app.config["TIMEZONE"]
    figures = figures_of(year)
    one, given = _year_of(person, year)
    return page_or_part(
        page,
        part,
        person=person,
        year=year,
        this_year=_this_year(),
        one=one,
        law=law_in_words(one, figures) if one is not None else [],
        lines=[(clock.day_of(item.at, zone), item_in_words(item), item.cents) for item in given[-MOST:]],
        held=held_awards(person.id),
        language=language(),
        may_release=person.id != current_user.id,
        more=len(given) > MOST,
    )


MOST = 50


def _year_of(person: Person, year: int) -> tuple[Benefit | None, Sequence[Item]]:
    zone = current_app.config["TIMEZONE"]
    return next(benefits(year, zone, person_id=person.id), None), items(year, zone, person_id=person.id)


def _pdf(person: Person, year: int, *, copy: bool) -> bytes:
    if statement.known_year(year) is None:
        abort(404)
    one, given = _year_of(person, year)
    if one is None:
        abort(404)
    return statement_pdf([(one, given)], figures_of(year), current_app.config["TIMEZONE"], copy=copy)


def _with_items(people: Sequence[Benefit], given: Sequence[Item]) -> list[tuple[Benefit, Sequence[Item]]]:
    by_person = {key: list(own) for key, own in groupby(given, key=lambda item: item.person_id)}
    return [(one, by_person.get(one.person_id, [])) for one in people]


def _file(body: bytes, content_type: str, name: str) -> Response:
    answer = Response(body, content_type=content_type)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
