"""My sales and what became of them, words for codes; and the addresses of declaring, reviewing and steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from badges.queries import grants_of
from challenges import wording
from declarations import (
    adjusting,
    climbing,
    declaring,
    meeting,
    operations,
    outbox,
    permissions,
    queries,
    reviewing,
    rules,
    steering,
    target_pages,
    uploading,
)
from declarations.declaring import my_declaration
from declarations.forms import CHANNEL_LABELS, CUSTOMER_LABELS, ContestForm
from declarations.models import Declaration, Revision
from declarations.queries import Answer
from declarations.reviewing import why_waiting
from declarations.rules import Refused
from declarations.telling import REJECTION_LABELS
from foundation import clock
from foundation.localisation import day, language, moment
from foundation.pages import page_number, page_or_part, paged
from foundation.programme import setting
from foundation.transactions import transaction
from network import pushing
from network.permissions import requires

blueprint = Blueprint("declarations", __name__)


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    """Words for codes, for the templates of declarations and of whoever shows them."""
    return {
        "channel_labels": CHANNEL_LABELS,
        "customer_labels": CUSTOMER_LABELS,
        "rejection_labels": REJECTION_LABELS,
        "why_in_words": _why_sentence,
        "rule_sentence": _rule_sentence,
        "sale_facts": _sale_facts,
    }


def _why_sentence(why: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The arithmetic of a gain, with a capital."""
    text = wording.explain(why, names)
    return text[:1].upper() + text[1:]


def _rule_sentence(rule: Mapping[str, Any], rules_: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """A rule in words, as a sentence."""
    text = wording.rule_in_words(rule, rules_, names)
    return f"{text[:1].upper()}{text[1:]}."


def _sale_facts(declaration: Declaration, revision: Revision) -> list[tuple[str, str]]:
    """What was told about a sale besides its products: terms and values, without what was not told."""
    facts = [
        (_("Vendu le"), day(revision.sold_on)),
        (_("Où"), str(CHANNEL_LABELS[revision.channel])),
        (_("Déclarée le"), moment(declaration.declared_at)),
    ]
    customer = [
        str(CUSTOMER_LABELS[revision.customer]) if revision.customer else "",
        _("%(band)s ans", band=revision.age_band.replace("-", "–")) if revision.age_band else "",
        revision.area,
    ]
    if any(customer):
        facts.append((_("Client"), " · ".join(filter(None, customer))))
    if revision.rating is not None:
        facts.append((_("Note"), _("%(rating)s sur 5", rating=revision.rating)))
    if revision.recommend is not None:
        facts.append((_("Recommande"), _("%(recommend)s sur 10", recommend=revision.recommend)))
    return facts


# — my sales ——————————————————————————————————————————————————————————————————————————————————————————————————————————


@blueprint.get("/declarations")
@requires("play")
def declarations() -> str:
    """Everything I have declared, latest first."""
    status = request.args.get("status", "")
    page = paged(
        permissions.declarations_of(current_user, status), page_number(), size=20, shape=lambda row: (row[0], row[1])
    )
    return page_or_part(
        "declarations/declarations.html",
        "declarations/_declarations.html",
        page=page,
        cards=queries.cards(page.rows),
        status=status,
        counts=queries.counts_by_status(current_user.id),
    )


@blueprint.get("/declarations/<path:public_id>")
@requires("play")
def answer(public_id: str) -> str:
    """One sale: what became of it, and its points line by line with the why."""
    return _answer_page(public_id, ContestForm())


def _answer_page(public_id: str, form: ContestForm) -> str:
    declaration, revision = my_declaration(public_id)
    at = clock.now()
    found = queries.answer(declaration, revision, at=at)
    new = "new" in request.args
    earned = [
        grant
        for grant in (grants_of(current_user.id) if new else [])
        if not grant.quiet and grant.granted_at == declaration.received_at
    ]
    earlier = queries.revisions_of(declaration)[1:] if declaration.revision > 1 else []
    contestable = declaration.status == "rejected" and not operations.is_contested(declaration)
    return render_template(
        "declarations/answer.html",
        answer=found,
        declaration=declaration,
        revision=revision,
        earlier=earlier,
        earlier_lines=queries.told_lines([one.id for one in earlier]) if earlier else {},
        new=new,
        earned=earned,
        push_offer=new and found.points > 0 and declaration.status == "accepted" and pushing.may_ask(current_user),
        climbs=climbing.climbs(found, at=at) if new else [],
        language=language(),
        bar=wording.explain_bar(revision.barred),
        answer_before=_answer_before(found, at) if found.waiting else "",
        why_waiting=why_waiting(declaration, to_its_person=True),
        same_photo=permissions.with_the_same_photo(current_user, declaration)
        if rules.SAME_PHOTO in declaration.review_reasons.split(",")
        else None,
        contestable=contestable,
        form=form,
        may_prove=contestable and declaration.rejection == "no_proof" and queries.in_time(declaration, revision, at=at),
        asks_proof=found.changeable and found.waiting and "proof" in declaration.review_reasons.split(","),
    )


def _answer_before(found: Answer, at: datetime) -> str:
    """By when a reviewer answers what was told last, or a refusal that was contested since: "jeudi", or a date further
    away; '' once that day has come."""
    limits = [one.challenge.review_until for one in found.challenges if not one.late]
    asked = max(found.declaration.received_at, queries.contested_at(found.declaration) or found.revision.written_at)
    limit = min([asked + timedelta(days=int(setting("review_days"))), *limits])
    zone = current_app.config["TIMEZONE"]
    last, today = clock.day_of(limit, zone), clock.day_of(at, zone)
    if last <= today:
        return ""
    return format_date(last, "EEEE") if last - today < timedelta(days=7) else day(last)


@blueprint.route("/declarations/<path:public_id>/withdrawal", methods=["GET", "POST"])
@requires("play")
def withdrawal(public_id: str) -> AnyResponse | str:
    """Take a sale back, after a question."""
    declaration, revision = my_declaration(public_id)
    back = url_for("declarations.answer", public_id=public_id)
    if request.method == "GET":
        if declaration.status not in ("accepted", "in_review"):
            return redirect(back)
        found = queries.answer(declaration, revision, at=clock.now())
        return render_template("declarations/withdrawal.html", answer=found, declaration=declaration, revision=revision)
    try:
        with transaction():
            operations.withdraw(my_declaration(public_id)[0], by=current_user.code, at=clock.now())
    except operations.NotPossible:
        flash(_("Cette vente n’est plus ouverte ; elle ne peut pas être retirée."), "warning")
    else:
        flash(_("La vente est retirée. Elle ne compte plus."), "success")
    return redirect(back)


@blueprint.post("/declarations/<path:public_id>/contest")
@requires("play")
def contest(public_id: str) -> AnyResponse | str:
    """Ask, once, that a refusal be looked at again, perhaps with the picture that was missing."""
    declaration, _revision = my_declaration(public_id)
    form = ContestForm()
    photo = declaring.keep_sent(form.proof, f"{public_id}/{declaration.revision}")
    if form.proof.errors:
        return make_response(_answer_page(public_id, form), 422)
    try:
        with transaction():
            operations.contest(my_declaration(public_id)[0], by=current_user.code, at=clock.now(), photo=photo)
    except Refused:
        flash(_("Cette photo n’est plus là ; joignez-la encore une fois."), "warning")
    except operations.TooLate:
        flash(_("Le temps pour déclarer est passé : contestez sans photo, votre animateur vous lira."), "warning")
    except operations.NotPossible:
        flash(_("Cette réponse ne peut plus être contestée."), "warning")
    else:
        flash(_("Votre demande est envoyée : quelqu’un regarde à nouveau votre vente."), "success")
    return redirect(url_for("declarations.answer", public_id=public_id))


# — declaring, reviewing, steering —————————————————————————————————————————————————————————————————————————————————————

for rule, view, methods in (
    ("/declare", declaring.declare, ["GET"]),
    ("/declare", declaring.send, ["POST"]),
    ("/declare/draft", declaring.draft, ["GET", "POST"]),
    ("/declare/favourites", declaring.favourite, ["POST"]),
    ("/declare/meeting", meeting.meeting, ["GET"]),
    ("/declare/meeting", meeting.send_meeting, ["POST"]),
    ("/declare/meeting/answer", meeting.meeting_answer, ["GET"]),
    ("/declare/meeting/draft", meeting.meeting_draft, ["GET", "POST"]),
    ("/declare/meeting/expected", meeting.meeting_expected, ["POST"]),
    ("/declare/products", declaring.products, ["GET"]),
    ("/declare/expected", declaring.expected, ["POST"]),
    ("/outbox/photos/<uuid:photo_id>", uploading.photo_state, ["GET"]),
    ("/outbox/photos/<uuid:photo_id>", uploading.photo_piece, ["PATCH"]),
    ("/declarations/<path:public_id>/proof", declaring.proof, ["GET"]),
    ("/declarations/<path:public_id>/correction", declaring.correction, ["GET", "POST"]),
    ("/review/<path:public_id>", reviewing.review, ["GET"]),
    ("/review/<path:public_id>/acceptance", reviewing.acceptance, ["POST"]),
    ("/review/<path:public_id>/rejection", reviewing.rejection, ["POST"]),
    ("/studio/<code>/amendment", steering.amendment, ["GET", "POST"]),
    ("/studio/<code>/extension", steering.extension, ["GET", "POST"]),
    ("/studio/<code>/early-closing", steering.early_closing, ["GET", "POST"]),
    ("/studio/<code>/cancellation", steering.cancellation, ["GET", "POST"]),
    ("/studio/<code>/series", steering.series, ["GET", "POST"]),
    ("/studio/<code>/targets", target_pages.targets, ["GET", "POST"]),
    ("/studio/<code>/targets.csv", target_pages.target_file, ["GET"]),
    ("/studio/network/people/<path:code>/points", adjusting.person_points, ["GET"]),
    ("/studio/network/people/<path:code>/adjustment", adjusting.adjust, ["POST"]),
):
    blueprint.add_url_rule(rule, view_func=view, methods=methods)
for rule, name, view, methods in (
    ("/studio/points/adjustments", "waiting_adjustments", adjusting.waiting, ["GET"]),
    ("/studio/points/adjustments/<int:number>/approval", "approve_adjustment", adjusting.approval, ["POST"]),
    ("/studio/points/adjustments/<int:number>/refusal", "refuse_adjustment", adjusting.refusal, ["POST"]),
):
    blueprint.add_url_rule(rule, name, view, methods=methods)
for rule, name, view, methods in (
    ("/outbox/session", "outbox_session", outbox.session, ["GET"]),
    ("/outbox/declarations", "outbox_declarations", outbox.send, ["POST"]),
    ("/outbox/products", "outbox_products", outbox.products, ["GET"]),
):
    blueprint.add_url_rule(rule, name, view, methods=methods)
blueprint.add_url_rule("/review", view_func=reviewing.review, defaults={"public_id": ""})
