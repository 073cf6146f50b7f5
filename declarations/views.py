"""Declaring a sale, its answer, my sales, and the queue of those who review."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import format_date
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as AnyResponse

from badges.queries import grants_of
from challenges import wording
from challenges.lifecycle import NotPossible as ChallengeNotPossible
from challenges.lifecycle import Unlawful
from challenges.models import Challenge
from challenges.queries import challenge_by_code
from challenges.rules import Sale, SoldLine, Version
from declarations import operations, permissions, publishing, queries, rules
from declarations.forms import (
    CHANNEL_LABELS,
    CUSTOMER_LABELS,
    REJECTION_LABELS,
    RefusalForm,
    SaleForm,
    new_id,
    units_of,
    values_of,
)
from declarations.models import Declaration, Revision
from declarations.queries import Answer, Bonus, Choosable
from declarations.rules import Refused
from foundation import clock, pictures
from foundation.localisation import day, language, moment, number
from foundation.pages import htmx, page_number, page_or_part, paged
from foundation.programme import setting
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires

blueprint = Blueprint("declarations", __name__)


def _zone() -> ZoneInfo:
    return current_app.config["TIMEZONE"]


def _today() -> date:
    return clock.day_of(clock.now(), _zone())


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


# — declaring —————————————————————————————————————————————————————————————————————————————————————————————————————————


@blueprint.get("/declare")
@requires("play")
def declare() -> str:
    """The form, empty or with what `?repeat=<id>` sold."""
    asked = request.args.get("repeat")
    repeated = permissions.declaration_of(current_user, asked) if asked else None
    values: dict[str, Any]
    if repeated is not None:
        said = values_of(repeated[1], queries.told_lines([repeated[1].id])[repeated[1].id])
        values = {"channel": said["channel"], "lines": said["lines"]}
    else:
        values = {"channel": queries.last_channel(current_user.id)}
    form = SaleForm(today=_today(), data={"id": new_id(), "sold_on": _today(), **values})
    return _form_page(form)


@blueprint.post("/declare")
@requires("play")
def send() -> AnyResponse | str:
    """Send a sale. The same form sent twice leads to the same answer."""
    form = SaleForm(today=_today())
    form.name_lines(queries.products_by_sku([line.sku for line in form.lines.data]))
    complete = form.validate()
    proof = _proof_sent(form)
    if not complete or form.proof.errors:
        return _refused(form)
    one = form.submission(current_user.code)
    try:
        with transaction():
            [receipt] = operations.receive(
                [one],
                by=current_user.code,
                at=clock.now(),
                zone=_zone(),
                proofs={one.id: proof} if proof else None,
            )
    except Refused as refusal:
        if refusal.conflict:
            return _already_sent(form, one.id)
        form.refuse(refusal.problems)
        return _refused(form)
    if receipt.replay:
        _discard_proof(proof, receipt.declaration_id)
    return redirect(url_for("declarations.answer", public_id=receipt.public_id, new=1))


@blueprint.route("/declare/draft", methods=["GET", "POST"])
@requires("play")
def draft() -> AnyResponse | str:
    """The form again, with a product added or taken out, or found by a search; nothing is sent."""
    if request.method == "GET":
        return redirect(url_for("declarations.declare"))
    form = SaleForm(today=_today())
    if "add" in request.form:
        form.add(request.form["add"])
    elif "remove" in request.form:
        form.remove(request.form["remove"])
    added = request.form.get("add") or None
    if htmx:
        products = queries.products_by_sku([line.sku for line in form.lines.data])
        form.name_lines(products)
        return render_template(
            "declarations/_draft.html",
            form=form,
            added=added,
            recent=queries.recent_products(current_user.id, form.today),
            expected=_expected(form, products),
            language=language(),
        )
    _proof_sent(form)
    return _form_page(form, added=added, search="" if added else request.form.get("q", ""))


@blueprint.get("/declare/products")
@requires("play")
def products() -> str:
    """Products found by name or code, to add to the sale."""
    text = request.args.get("q", "")[:100]
    return render_template(
        "declarations/_results.html", found=queries.search_products(text, _today()), search=text.strip()
    )


@blueprint.post("/declare/expected")
@requires("play")
def expected() -> str:
    """The points that the sale being typed would give."""
    form = SaleForm(today=_today())
    chosen = queries.products_by_sku([line.sku for line in form.lines.data])
    return render_template(
        "declarations/_expected.html", expected=_expected(form, chosen), language=language()
    )


def _form_page(
    form: SaleForm,
    *,
    added: str | None = None,
    search: str = "",
    corrected: tuple[Declaration, Revision] | None = None,
) -> str:
    """The whole form, with the products to choose from and what the sale would give. `corrected` is the declaration
    being corrected, when it is at hand."""
    chosen = queries.products_by_sku([line.sku for line in form.lines.data])
    form.name_lines(chosen)
    if form.correcting.data and corrected is None:
        corrected = _mine(form.correcting.data)
    plays = queries.played_on(current_user.id, form.today)
    frozen = queries.frozen_rules([one.id for one in plays])[0] if plays else {}
    bonuses = queries.bonuses(plays, frozen, form.today)
    proofs = {one.definition.get("proof") or "none" for one in plays}
    return render_template(
        "declarations/declare.html",
        form=form,
        added=added,
        search=search,
        found=queries.search_products(search, form.today) if search else [],
        recent=queries.recent_products(current_user.id, form.today),
        bonuses=bonuses,
        earns={counts: _earns([one for one in bonuses if one.counts == counts]) for counts in ("feedback", "profile")},
        proof="required" if "required" in proofs else "optional" if "optional" in proofs else "none",
        proof_for=[one for one in plays if one.definition.get("proof") == "required"],
        expected=_expected(form, chosen, corrected, (plays, frozen) if form.sold_on.data == form.today else None),
        correcting=corrected is not None,
        today=form.today,
        department=current_user.outlet.department if current_user.outlet else "",
        language=language(),
    )


def _earns(bonuses: Sequence[Bonus]) -> str | None:
    """What a part of the form earns at most in one challenge: "+15 pts", "jusqu’à +25 pts", or nothing."""
    totals: dict[int, int] = defaultdict(int)
    for one in bonuses:
        totals[one.challenge.id] += one.points
    if not totals:
        return None
    text = _("+%(points)s pts", points=number(max(totals.values())))
    return text if len(bonuses) == 1 else _("jusqu’à %(points)s", points=text)


def _refused(form: SaleForm, status: int = 422) -> AnyResponse:
    return make_response(_form_page(form), status)


def _already_sent(form: SaleForm, sent: str) -> AnyResponse:
    """The sale of this page is in; what is typed now may be a second one."""
    mine = permissions.declaration_of(current_user, sent)
    form.id.data = new_id()
    form.earlier = sent if mine is not None else None
    return _refused(form, 409)


def _expected(
    form: SaleForm,
    products: dict[str, Choosable],
    corrected: tuple[Declaration, Revision] | None = None,
    playing: tuple[Sequence[Challenge], dict[int, list[Version]]] | None = None,
) -> dict[str, Any]:
    """What the sale as typed so far would give: `points` by challenge, `total`, or why the law bars it. `playing`:
    the person's challenges on that day and their rules, when they are known already."""
    lines = [
        SoldLine(line.sku, one.category, one.family, units, units * one.list_price_cents)
        for line in form.lines.data
        if (one := products.get(line.sku)) is not None and (units := units_of(line.units)) is not None
    ]
    told = form.submission(current_user.code)
    if not lines:
        return {"ready": False, "bar": "", "points": [], "total": 0}
    bar = _bar(told)
    if bar:
        return {"ready": True, "bar": wording.explain_bar(bar), "points": [], "total": 0}
    at = clock.now()
    if corrected is None and form.correcting.data:
        corrected = permissions.declaration_of(current_user, form.correcting.data)
    declared_at, received_at = (corrected[0].declared_at, corrected[0].received_at) if corrected else (at, at)
    plays, frozen = playing or (queries.played_on(current_user.id, told.sold_on), None)
    sale = Sale(
        told.id, declared_at, received_at, told.sold_on, told.channel, told.customer, told.age_band, told.area,
        told.rating, rules.comment_length(told.comment), lines,
        sum(line.units for line in lines), sum(line.value for line in lines),
    )  # fmt: skip
    found = queries.expected_points(
        current_user.id,
        sale,
        plays,
        leaving_out=corrected[0].id if corrected else None,
        rules=frozen,
    )
    return {"ready": True, "bar": "", "points": found, "total": sum(one.points for one in found)}


def _bar(told: rules.Submission) -> str:
    """Why the law would bar this sale; '' when it may score, or before the channel is chosen."""
    if not told.channel:
        return ""
    agreement_on = current_user.outlet.agreement_on if current_user.outlet else None
    reorder = current_user.status == "vdi" and told.channel == "reorder" and bool(setting("vdi_reorder"))
    return rules.barred(
        current_user.status, agreement_on, told.sold_on, told.channel, told.customer, vdi_reorder=reorder
    )


# — pictures that prove a sale ————————————————————————————————————————————————————————————————————————————————————————


def _proofs_folder() -> Path:
    return current_app.config["SETTINGS"].media_folder / "proofs"


def _proof_sent(form: SaleForm) -> str | None:
    """Keep the picture that came with the form; one that came with an earlier try is kept by its signed name."""
    signer = URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"proof:{current_user.code}")
    if form.proof.data:
        try:
            name = pictures.keep_picture(form.proof.data.read(), _proofs_folder())
        except ValueError:
            form.proof.errors = [_("Cette photo ne peut pas être lue ; envoyez une image JPEG, PNG ou WebP.")]
            return None
        form.kept_proof.data = signer.dumps(name)
        return name
    try:
        return signer.loads(form.kept_proof.data) if form.kept_proof.data else None
    except BadSignature:
        form.kept_proof.data = ""
        return None


def _discard_proof(proof: str | None, declaration_id: int) -> None:
    """A replay brought the same picture once more under another name."""
    if proof and queries.proof_of(declaration_id) != proof:
        pictures.discard_picture(_proofs_folder(), proof)


@blueprint.get("/declarations/<path:public_id>/proof")
@requires("signed_in")
def proof(public_id: str) -> AnyResponse:
    """The picture that proves a sale, for its person and for reviewers."""
    revision: Revision | None = None
    if current_user.role == "reseller":
        mine = permissions.declaration_of(current_user, public_id)
        revision = mine[1] if mine else None
    elif current_user.role in ("animator", "admin"):
        revision = permissions.reviewed_or_waiting(current_user, public_id)
    path = pictures.picture_path(_proofs_folder(), revision.proof) if revision and revision.proof else None
    if path is None:
        abort(404)
    return send_file(path, mimetype="image/webp")


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
    declaration, revision = _mine(public_id)
    at = clock.now()
    found = queries.answer(declaration, revision, at=at)
    new = "new" in request.args
    earned = [
        grant
        for grant in (grants_of(current_user.id) if new else [])
        if not grant.quiet and grant.granted_at == declaration.received_at
    ]
    earlier = queries.revisions_of(declaration)[1:] if declaration.revision > 1 else []
    return render_template(
        "declarations/answer.html",
        answer=found,
        declaration=declaration,
        revision=revision,
        earlier=earlier,
        earlier_lines=queries.told_lines([one.id for one in earlier]) if earlier else {},
        new=new,
        earned=earned,
        language=language(),
        bar=wording.explain_bar(revision.barred),
        answer_before=_answer_before(found, at) if found.waiting else "",
        why_waiting=_why_waiting(declaration),
        contestable=declaration.status == "rejected" and not operations.is_contested(declaration),
    )


def _mine(public_id: str) -> tuple[Declaration, Revision]:
    found = permissions.declaration_of(current_user, public_id)
    if found is None:
        abort(404)
    return found


def _answer_before(found: Answer, at: datetime) -> str:
    """By when a reviewer answers: "jeudi", or a date further away; '' once that day has come."""
    limits = [one.challenge.review_until for one in found.challenges if not one.late]
    limit = min([found.declaration.received_at + timedelta(days=int(setting("review_days"))), *limits])
    last, today = clock.day_of(limit, _zone()), clock.day_of(at, _zone())
    if last <= today:
        return ""
    return format_date(last, "EEEE") if last - today < timedelta(days=7) else day(last)


def _why_waiting(declaration: Declaration) -> list[str]:
    """What sent a declaration to review, in words."""
    words = {
        "units": _("Une ligne compte beaucoup d’unités."),
        operations.CONTESTED: _("Un refus a été contesté : c’est le second examen."),
        "proof": _("Un challenge demande une photo, et il n’y en a pas."),
    }
    found = [words.get(reason, reason) for reason in declaration.review_reasons.split(",") if reason]
    if declaration.clock:
        found.append(_("L’heure de l’appareil ne pouvait pas être la bonne ; celle de la réception a été retenue."))
    return found


@blueprint.route("/declarations/<path:public_id>/withdrawal", methods=["GET", "POST"])
@requires("play")
def withdrawal(public_id: str) -> AnyResponse | str:
    """Take a sale back, after a question."""
    declaration, revision = _mine(public_id)
    back = url_for("declarations.answer", public_id=public_id)
    if request.method == "GET":
        if declaration.status not in ("accepted", "in_review"):
            return redirect(back)
        found = queries.answer(declaration, revision, at=clock.now())
        return render_template("declarations/withdrawal.html", answer=found, declaration=declaration, revision=revision)
    try:
        with transaction():
            operations.withdraw(_mine(public_id)[0], by=current_user.code, at=clock.now())
    except operations.NotPossible:
        flash(_("Cette vente n’est plus ouverte ; elle ne peut pas être retirée."), "warning")
    else:
        flash(_("La vente est retirée. Elle ne compte plus."), "success")
    return redirect(back)


@blueprint.post("/declarations/<path:public_id>/contest")
@requires("play")
def contest(public_id: str) -> AnyResponse:
    """Ask, once, that a refusal be looked at again."""
    try:
        with transaction():
            operations.contest(_mine(public_id)[0], by=current_user.code, at=clock.now())
    except operations.NotPossible:
        flash(_("Cette réponse ne peut plus être contestée."), "warning")
    else:
        flash(_("Votre demande est envoyée : quelqu’un regarde à nouveau votre vente."), "success")
    return redirect(url_for("declarations.answer", public_id=public_id))


@blueprint.route("/declarations/<path:public_id>/correction", methods=["GET", "POST"])
@requires("play")
def correction(public_id: str) -> AnyResponse | str:
    """Say a sale again, as it really was."""
    declaration, revision = _mine(public_id)
    back = url_for("declarations.answer", public_id=public_id)
    lines = queries.told_lines([revision.id])[revision.id]
    if request.method == "GET":
        if not queries.changeable(declaration, revision, at=clock.now()):
            flash(_too_late(), "warning")
            return redirect(back)
        values = values_of(revision, lines)
        form = SaleForm(today=_today(), data={"id": new_id(), "correcting": public_id, **values})
        return _form_page(form, corrected=(declaration, revision))
    form = SaleForm(today=_today())
    form.correcting.data = public_id
    form.name_lines(queries.products_by_sku([line.sku for line in form.lines.data]))
    if not form.validate():
        return _refused(form)
    prices = {line.sku: line.unit_price_cents for line in lines}
    one = form.submission(current_user.code, prices)._replace(id=public_id)
    try:
        with transaction():
            operations.correct(_mine(public_id)[0], one, by=current_user.code, at=clock.now(), zone=_zone())
    except operations.NotPossible:
        flash(_too_late(), "warning")
        return redirect(back)
    except Refused as refusal:
        form.refuse(refusal.problems)
        return _refused(form)
    flash(_("La vente est corrigée."), "success")
    return redirect(back)


def _too_late() -> str:
    return _("Cette vente ne peut plus être corrigée : le temps pour déclarer est passé.")


# — reviewing —————————————————————————————————————————————————————————————————————————————————————————————————————————


@blueprint.get("/review", defaults={"public_id": ""})
@blueprint.get("/review/<path:public_id>")
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
    lines = queries.told_lines([row[1].id for row in (*rows, *([chosen] if chosen else []))])
    return render_template(
        "declarations/review.html",
        page=page,
        chosen=chosen,
        lines=lines,
        form=form,
        answer=queries.answer(chosen[0], chosen[1], at=clock.now()) if chosen else None,
        history=queries.counts_by_status(chosen[2].id) if chosen else {},
        why=_why_waiting(chosen[0]) if chosen else [],
        bar=wording.explain_bar(chosen[1].barred) if chosen else "",
        language=language(),
    )


@blueprint.post("/review/<path:public_id>/acceptance")
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


@blueprint.post("/review/<path:public_id>/rejection")
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


def _waiting(public_id: str) -> Declaration:
    found = permissions.reviewable(current_user, public_id)
    if found is None:
        if permissions.reviewed_or_waiting(current_user, public_id) is None:
            abort(404)
        raise operations.NotPossible(f"{public_id} does not wait for a review by {current_user.code}")
    return found[0]


# — publishing ————————————————————————————————————————————————————————————————————————————————————————————————————————


@blueprint.post("/studio/challenges/<code>/publication")
@requires("animate")
def publish(code: str) -> AnyResponse:
    """Publish a draft: its rules are frozen, its people enter, sales already told count."""
    if challenge_by_code(code) is None:
        abort(404)
    try:
        with transaction():
            challenge: Challenge | None = challenge_by_code(code)
            assert challenge is not None
            count = publishing.publish(challenge, by=current_user.code, at=clock.now())
    except Unlawful as refusal:
        for finding in refusal.findings:
            flash(_("Publication arrêtée : %(finding)s", finding=finding.text), "danger")
        return redirect(f"/studio/challenges/{quote(code)}/edit")
    except ChallengeNotPossible:
        flash(_("Ce challenge ne peut pas être publié : il l’est déjà, ou il contient un tirage au sort."), "warning")
    else:
        flash(_("Le challenge est publié. Participants : %(count)s.", count=count), "success")
    return redirect(f"/challenges/{quote(code)}")
