"""The network as animators see it: people and outlets, who is let in, invitations, files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

import segno
from flask import Response, abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.database import db
from foundation.localisation import LANGUAGES
from foundation.merging import Merged
from foundation.pages import page_number, page_or_part, paged
from foundation.tables import Faulty
from foundation.transactions import transaction
from network import faces, imports, invitations, messages, operations, queries
from network.forms import UploadForm
from network.labels import labels
from network.models import Outlet, Person
from network.permissions import may_invite, may_suspend, requires, roles_given_by
from network.rules import Refused

SHEET_SIZE = 200


def _person(code: str) -> Person:
    return queries.person_by_code(code) or abort(404)


def _outlet(code: str) -> Outlet:
    return queries.outlet_by_code(code) or abort(404)


def _asked(name: str) -> str:
    return request.args.get(name, "").strip()[:100]


@requires("animate")
def people() -> str:
    """Everyone in the network, by filters."""
    asked = queries.PeopleFilter(
        search=_asked("q"),
        role=_asked("role"),
        status=_asked("status"),
        kind=_asked("kind"),
        region=_asked("region"),
        suspended=_asked("suspended"),
    )
    return page_or_part(
        "network/people.html",
        "network/_people.html",
        people=paged(queries.people(asked), page_number()),
        asked=asked,
        regions=queries.regions(),
        labels=labels(),
    )


@requires("animate")
def person(code: str) -> str:
    """One person, and what may be done."""
    found = _person(code)
    return render_template(
        "network/person.html",
        person=found,
        face=faces.face(found),
        may_suspend=may_suspend(current_user, found),
        may_invite=may_invite(current_user, found) and invitations.needs_invitation(found) and bool(found.email),
        languages=LANGUAGES,
        labels=labels(),
    )


@requires("animate")
def suspend(code: str) -> AnyResponse:
    """Leave a person out."""
    found = _person(code)
    if found.id == current_user.id:
        flash(_("Vous ne pouvez pas vous suspendre vous-même."), "danger")
        return redirect(url_for("network.person", code=code))
    if not may_suspend(current_user, found):
        abort(404)
    with transaction():
        operations.suspend(found, by=current_user.code, at=clock.now())
    flash(_("%(name)s est suspendu.", name=found.name), "success")
    return redirect(url_for("network.person", code=code))


@requires("animate")
def reinstate(code: str) -> AnyResponse:
    """Let a person back in."""
    found = _person(code)
    if not may_suspend(current_user, found):
        abort(404)
    with transaction():
        operations.reinstate(found, by=current_user.code, at=clock.now())
    flash(_("%(name)s a de nouveau accès.", name=found.name), "success")
    return redirect(url_for("network.person", code=code))


@requires("animate")
def invite(code: str) -> AnyResponse:
    """Send a person a link by e-mail."""
    found = _person(code)
    if not may_invite(current_user, found):
        abort(404)
    try:
        with transaction():
            at = clock.now()
            messages.send_invitation(
                found, welcome_address(invitations.invite(found, by=current_user.code, at=at)), at=at
            )
    except Refused as refusal:
        flash(str(refusal), "danger")
    else:
        flash(_("L’invitation est en route : %(name)s.", name=found.name), "success")
    return redirect(url_for("network.person", code=code))


def welcome_address(token: str) -> str:
    """The whole address behind an invitation, to print or to send."""
    return current_app.config["SETTINGS"].base_url + url_for("network.welcome", token=token)


@requires("animate")
def outlets() -> str:
    """Every outlet, by filters."""
    asked = queries.OutletFilter(search=_asked("q"), kind=_asked("kind"), region=_asked("region"))
    return page_or_part(
        "network/outlets.html",
        "network/_outlets.html",
        outlets=paged(queries.outlets(asked), page_number(), shape=lambda row: queries.OutletRow(*row)),
        asked=asked,
        regions=queries.regions(),
        labels=labels(),
    )


@requires("animate")
def outlet(code: str) -> str:
    """One outlet and its people."""
    found = _outlet(code)
    return page_or_part(
        "network/outlet.html",
        "network/_outlet_people.html",
        outlet=found,
        people=paged(queries.people_of(found), page_number()),
        face=faces.face,
        labels=labels(),
    )


@dataclass(frozen=True)
class Card:
    """One card of a sheet: whose, the QR code as SVG, until when it opens."""

    person: Person
    qr: Markup
    until: datetime


def _invited(outlet: Outlet) -> list[Person]:
    """Who gets a card: resellers of the outlet who still need a link. A card read by another opens nobody's account
    that is already in use."""
    found = db.session.scalars(
        queries.people_of(outlet).where(Person.role == "reseller", Person.suspended_at.is_(None)).limit(SHEET_SIZE)
    )
    return [person for person in found if invitations.needs_invitation(person)]


@requires("animate")
def sheet(code: str) -> str:
    """What a sheet of invitations is, before making one."""
    found = _outlet(code)
    return render_template("network/sheet.html", outlet=found, cards=None, waiting=len(_invited(found)))


@requires("animate")
def print_sheet(code: str) -> Response:
    """A sheet to print: a QR code per person. The links are new each time and never shown again."""
    found = _outlet(code)
    cards = []
    with transaction():
        at = clock.now()
        for person in _invited(found):
            address = welcome_address(invitations.invite(person, by=current_user.code, at=at))
            cards.append(Card(person, _qr(address), at + invitations.LIFETIME))
    return make_response(render_template("network/sheet.html", outlet=found, cards=cards, waiting=len(cards)))


def _qr(address: str) -> Markup:
    """A QR code as SVG, without inline style."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", scale=5, border=2, xmldecl=False, svgns=True, svgclass="qr", lineclass=None, light="#fff"
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - made by us, from an address of ours


@requires("animate")
def import_file() -> Response:
    """People or outlets from a file: all of it, or the list of its faults."""
    form = UploadForm()
    done: Merged | None = None
    faults, total = [], 0  # type: list[str], int
    if form.validate_on_submit():
        by, at = current_user.code, clock.now()
        try:
            with transaction():
                if form.what.data == "outlets":
                    done = imports.import_outlets(form.file.data, by=by, at=at)
                else:
                    roles = roles_given_by(current_user)
                    done = imports.import_people(form.file.data, by=by, at=at, roles=roles)
        except Faulty as faulty:
            faults, total = faulty.lines(), faulty.total
    page = render_template("network/import.html", form=form, done=done, faults=faults, total=total)
    return make_response(page, 422 if form.errors or faults else 200)
