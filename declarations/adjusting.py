"""Manual bonuses and corrections on pages: a person's points as staff see them, and what waits for a second person."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.wrappers import Response as AnyResponse

from challenges.models import Challenge, Participant
from challenges.queries import challenge_by_code
from declarations import adjustments
from declarations.forms import AdjustmentForm
from foundation import clock
from foundation.database import db
from foundation.localisation import language, number
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.programme import setting
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires
from network.queries import names_of, person_by_code
from points.explanations import expires_in_words
from points.models import Adjustment, AdjustmentDecision
from points.queries import adjustments_asked, balances, challenge_titles, next_expiries
from points.rules import NotEnough, NotPossible

WALLET = "wallet"


@dataclass(frozen=True)
class Asked:
    """An adjustment as a list shows it: whose, of what, and what became of it (`decision` None: it waits, or needed
    none)."""

    adjustment: Adjustment
    person: Person
    challenge: Challenge | None
    decision: AdjustmentDecision | None

    @property
    def waits(self) -> bool:
        """Whether a second person has still to decide."""
        return self.adjustment.needs_approval and self.decision is None


@requires("animate")
def person_points(code: str) -> str:
    """What a person has, what was given by hand, and the form to give or correct."""
    person = person_by_code(code) or abort(404)
    return _page(person, AdjustmentForm(), page_or_part)


def _page(person: Person, form: AdjustmentForm, render: object = None) -> str:
    held = balances(person.id)
    titles = challenge_titles({one.challenge for one in held if one.challenge}, language())
    form.book.choices = _books(person)
    page: Paged[Asked] = paged(adjustments_asked(person.id), page_number(), size=10, shape=lambda row: Asked(*row))
    context = {
        "person": person,
        "form": form,
        "held": [(_("Cagnotte") if one.challenge is None else titles[one.challenge], one.points) for one in held[:8]],
        "expiries": [expires_in_words(one.points, one.at) for one in next_expiries(person.id, at=clock.now())],
        "page": page,
        "names": _names(page),
        "threshold": int(setting("adjustment_points_above")),
        "may_adjust": person.id != current_user.id and person.role == "reseller",
        "language": language(),
    }
    if render is page_or_part:
        return page_or_part("declarations/person_points.html", "declarations/_person_points.html", **context)
    return render_template("declarations/person_points.html", **context)


def _books(person: Person) -> list[tuple[str, str]]:
    """What can be adjusted: the wallet, and the challenges in which this person's rank still moves."""
    playing = (
        select(Challenge)
        .join(Participant, Participant.challenge_id == Challenge.id)
        .where(Participant.person_id == person.id, Challenge.state.in_(adjustments.COUNTING))
        .order_by(Challenge.id.desc())
    )
    titles = [(challenge.code, challenge.title(language())) for challenge in db.session.scalars(playing)]
    return [(WALLET, _("Cagnotte")), *((f"challenge:{code}", title) for code, title in titles)]


def _names(page: Paged[Asked]) -> dict[str, str]:
    """The names of those who asked and decided, by code."""
    decisions = [one.decision for one in page.rows if one.decision is not None]
    return names_of({one.adjustment.asked_by for one in page.rows} | {one.decided_by for one in decisions})


@requires("animate")
def adjust(code: str) -> AnyResponse:
    """Give a person points by hand, or correct them, with a reason."""
    person = person_by_code(code) or abort(404)
    if person.id == current_user.id or person.role != "reseller":
        abort(404)
    form = AdjustmentForm()
    form.book.choices = _books(person)
    if form.validate():
        amount = form.amount.data if form.kind.data == "bonus" else -form.amount.data
        try:
            with transaction():
                again = person_by_code(code) or abort(404)
                chosen = form.book.data.removeprefix("challenge:")
                challenge = None if form.book.data == WALLET else challenge_by_code(chosen)
                asked = adjustments.adjust(
                    again, challenge, amount, form.reason.data, by=current_user.code, at=clock.now()
                )
                waits = asked.needs_approval
        except NotEnough as refusal:
            form.amount.errors = [_("Il n’a que %(has)s pts ; reprenez-en au plus autant.", has=number(refusal.has))]
        except NotPossible:
            form.book.errors = [_("Ces points ne peuvent plus être modifiés : le challenge vient de changer d’état.")]
        else:
            if waits:
                flash(_("Demande enregistrée : une seconde personne doit l’approuver."), "info")
            else:
                flash(_("Les points ont été modifiés : %(name)s.", name=person.name), "success")
            return redirect(url_for("declarations.person_points", code=code))
    return make_response(_page(person, form), 422)


@requires("animate")
def waiting() -> str:
    """What waits for a second person, oldest first."""
    page: Paged[Asked] = paged(adjustments_asked(), page_number(), shape=lambda row: Asked(*row))
    return page_or_part(
        "declarations/adjustments.html",
        "declarations/_adjustments.html",
        page=page,
        names=_names(page),
        language=language(),
    )


@requires("animate")
def approval(number: int) -> AnyResponse:
    """Let an adjustment hold."""
    return _decide(number, approved=True)


@requires("animate")
def refusal(number: int) -> AnyResponse:
    """Let an adjustment fall, with a reason."""
    return _decide(number, approved=False)


def _decide(number: int, *, approved: bool) -> AnyResponse:
    back = redirect(url_for("declarations.waiting_adjustments"))
    note = request.form.get("note", "").strip()
    if not approved and not note:
        flash(_("Écrivez pourquoi vous refusez : la personne qui demande le lira."), "danger")
        return back
    try:
        with transaction():
            found = _adjustment(number) or abort(404)
            by, at = current_user.code, clock.now()
            if by == found.asked_by:
                flash(_("Une autre personne doit décider : vous avez fait cette demande."), "danger")
                return back
            if approved:
                adjustments.approve(found, by=by, at=at)
            else:
                adjustments.refuse(found, note, by=by, at=at)
    except NotEnough:
        flash(_("La personne n’a plus assez de points dans ce challenge ; refusez cette demande."), "danger")
    except NotPossible:
        flash(_("Cette demande a déjà été traitée, ou son challenge est clos."), "warning")
    else:
        flash(_("Demande approuvée.") if approved else _("Demande refusée."), "success")
    return back


def _adjustment(number: int) -> Adjustment | None:
    found: Select[tuple[Adjustment]] = select(Adjustment).where(Adjustment.id == number, Adjustment.needs_approval)
    return db.session.scalar(found)
