"""Deciding on the sales that wait: the queue, acceptance and rejection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import abort, flash, make_response, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from challenges import wording
from declarations import operations, permissions, queries, rules
from declarations.forms import RefusalForm
from declarations.models import Declaration, Revision
from foundation import audit, clock
from foundation.database import db
from foundation.localisation import language, number
from foundation.pages import page_number, paged
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires


@requires("review")
def review(public_id: str) -> str:
    """The queue: the oldest sale that waits, or the one asked for, with what helps to decide."""
    return _review_page(public_id, RefusalForm())


def _review_page(public_id: str, form: RefusalForm) -> str:
    page = paged(
        permissions.waiting_for(current_user), page_number(), size=10, shape=lambda row: (row[0], row[1], row[2])
    )
    rows: Sequence[tuple[Declaration, Revision, Person]] = page.rows
    chosen = next((row for row in rows if row[0].public_id == public_id), None)
    if chosen is None:
        chosen = permissions.reviewable(current_user, public_id) if public_id else (rows[0] if rows else None)
        if chosen is None and public_id:
            abort(404)
    same_photo = chosen is not None and rules.SAME_PHOTO in chosen[0].review_reasons.split(",")
    twin = permissions.with_the_same_photo(current_user, chosen[0]) if chosen and same_photo else None
    shown = [*rows, *([chosen] if chosen else []), *([twin] if twin else [])]
    lines = queries.told_lines([row[1].id for row in shown])
    return render_template(
        "declarations/review.html",
        page=page,
        chosen=chosen,
        lines=lines,
        form=form,
        same_photo=same_photo,
        twin=twin,
        replaced=queries.replaced_proofs(*chosen[:2]) if chosen else [],
        answer=queries.answer(chosen[0], chosen[1], at=clock.now()) if chosen else None,
        record=_record(queries.counts_by_status(chosen[2].id)) if chosen else [],
        refused_before=_refused_before(chosen[0]) if chosen else None,
        why=why_waiting(chosen[0]) if chosen else [],
        bar=wording.explain_bar(chosen[1].barred) if chosen else "",
        language=language(),
    )


@requires("review")
def acceptance(public_id: str) -> AnyResponse:
    """Accept a sale, and go on to the next."""
    try:
        with transaction():
            operations.accept(_waiting(public_id), by=current_user.code, at=clock.now())
    except operations.NotPossible:
        flash(_("Cette vente a déjà été traitée."), "warning")
    else:
        flash(_("Vente acceptée."), "success")
    return redirect(url_for("declarations.review"))


@requires("review")
def rejection(public_id: str) -> AnyResponse:
    """Refuse a sale with a reason, and go on to the next."""
    form = RefusalForm()
    if not form.validate():
        return make_response(_review_page(public_id, form), 422)
    try:
        with transaction():
            operations.reject(
                _waiting(public_id),
                form.reason.data,
                by=current_user.code,
                at=clock.now(),
                note=(form.note.data or "").strip(),
            )
    except operations.NotPossible:
        flash(_("Cette vente a déjà été traitée."), "warning")
    else:
        flash(_("Vente refusée ; la personne voit la raison."), "success")
    return redirect(url_for("declarations.review"))


def _record(counts: Mapping[str, int]) -> list[str]:
    """How many sales of a person are in each state, in words."""
    accepted, waiting, rejected, withdrawn = (
        counts.get(status, 0) for status in ("accepted", "in_review", "rejected", "withdrawn")
    )
    return [
        ngettext("%(n)s acceptée", "%(n)s acceptées", accepted, n=number(accepted)),
        _("%(n)s en vérification", n=number(waiting)),
        ngettext("%(n)s refusée", "%(n)s refusées", rejected, n=number(rejected)),
        ngettext("%(n)s retirée", "%(n)s retirées", withdrawn, n=number(withdrawn)),
    ]


@dataclass(frozen=True)
class Refusal:
    """The answer that a person contested: the sentence it came with, and who gave it ('' for a closing)."""

    note: str
    by: str


def _refused_before(declaration: Declaration) -> Refusal | None:
    """What was answered the first time, for whoever looks again; a sale keeps it until the second answer."""
    if declaration.rejection is None:
        return None
    if declaration.decided_by == audit.SYSTEM:
        return Refusal("", "")
    who = db.session.scalar(select(Person.name).where(Person.code == declaration.decided_by))
    return Refusal(declaration.rejection_note or "", who or declaration.decided_by or "")


def _waiting(public_id: str) -> Declaration:
    found = permissions.reviewable(current_user, public_id)
    if found is None:
        if permissions.reviewed_or_waiting(current_user, public_id) is None:
            abort(404)
        raise operations.NotPossible(f"{public_id} does not wait for a review by {current_user.code}")
    return found[0]


def why_waiting(declaration: Declaration, *, to_its_person: bool = False) -> list[str]:
    """What sent a declaration to review, in words for a reviewer, or for the person who told it."""
    if to_its_person:
        photo = _(
            "Votre photo ressemble à celle d’une autre vente. Quelqu’un regarde les deux : si ce sont bien deux ventes,"
            " vous n’avez rien à faire."
        )
    else:
        photo = _("Sa photo est celle d’une autre vente, ou lui ressemble beaucoup.")
    words = {
        rules.SAME_PHOTO: photo,
        "units": _("Une ligne compte beaucoup d’unités."),
        operations.CONTESTED: _("Un refus a été contesté : c’est le second examen."),
        "proof": _("Un challenge demande une photo, et il n’y en a pas."),
    }
    found = [words.get(reason, reason) for reason in declaration.review_reasons.split(",") if reason]
    if declaration.clock:
        found.append(_("L’heure de l’appareil ne pouvait pas être la bonne ; celle de la réception a été retenue."))
    return found
