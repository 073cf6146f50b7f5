"""The credits of a person's wallet in the studio, and taking one back, once, with a reason the person reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.localisation import language, points
from foundation.pages import page_number, page_or_part, paged
from foundation.programme import setting
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires
from network.queries import person_by_code
from points import wallet
from points.credits import Credit, already_spent, credit, credit_of, credits_of
from points.explanations import challenges_of, explanation
from points.forms import ReversalForm
from points.queries import challenge_titles, wallet_points
from points.rules import NotPossible


class Shown(NamedTuple):
    """A credit with its reason in words, and how many of its points can be taken back now."""

    credit: Credit
    why: str
    most: int


@requires("animate")
def wallet_credits(code: str) -> str:
    """What came to a person's wallet, newest first, and what became of it."""
    person = person_by_code(code) or abort(404)
    page = paged(credits_of(person.id), page_number(), shape=credit)
    return page_or_part(
        "points/credits.html",
        "points/_credits.html",
        person=person,
        page=page,
        lines=_shown(page.rows),
        balance=wallet_points(person.id),
        may_revert=person.id != current_user.id,
    )


@requires("animate")
def reversal(code: str, number: int) -> AnyResponse | str:
    """Take a credit back, after what that does was shown."""
    person = person_by_code(code) or abort(404)
    found = credit_of(person.id, number)
    if found is None or person.id == current_user.id:
        abort(404)
    back = redirect(url_for("points.wallet_credits", code=code))
    form = ReversalForm()
    if request.method == "GET":
        if found.most(clock.now()):
            form.points.data = found.most(clock.now())
            return _page(person, found, form)
        flash(_refused(found), "info")
        return back
    if form.validate():
        by = current_user.code
        try:
            with transaction():
                amount = wallet.revert(
                    found.reference, form.reason.data, points=form.points.data, by=by, at=clock.now()
                )
        except NotPossible:
            found = credit_of(person.id, number) or abort(404)
            if not found.most(clock.now()):
                flash(_refused(found), "warning")
                return back
            form.points.errors = [_too_many(found)]
        else:
            flash(_("%(points)s ont été repris à %(name)s.", points=points(amount), name=person.name), "success")
            return back
    return make_response(_page(person, found, form), 422)


def _page(person: Person, found: Credit, form: ReversalForm) -> str:
    at = clock.now()
    most = found.most(at)
    return render_template(
        "points/reversal.html",
        person=person,
        form=form,
        one=_shown([found])[0],
        balance=wallet_points(person.id),
        spent=already_spent(person.id, most, at=at),
        forgives=setting("reversal_policy") == "forgive",
    )


def _shown(found: Sequence[Credit]) -> list[Shown]:
    at = clock.now()
    titles = challenge_titles(challenges_of(one.why for one in found), language())
    return [Shown(one, explanation(one.why, one.amount, {}, titles), one.most(at)) for one in found]


def _refused(found: Credit) -> str:
    if found.taken_back is not None:
        return _("Ce crédit a déjà été repris : %(points)s.", points=points(found.taken_back))
    return _("Tous les points de ce crédit ont expiré : il n’y a rien à reprendre.")


def _too_many(found: Credit) -> str:
    return _("Au plus %(points)s de ce crédit peuvent être repris.", points=points(found.most(clock.now())))
