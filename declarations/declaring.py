"""Telling a sale: the form, the products to choose from, what it would give, its picture, and its correction."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse
from wtforms import FileField

from declarations import operations, permissions, photos, queries
from declarations.expecting import Playing, earns, expected_of
from declarations.favourites import TooManyFavourites, choose_favourite
from declarations.forms import SaleForm, new_id, values_of
from declarations.models import Declaration, Revision
from declarations.queries import Choosable
from declarations.rules import Refused
from declarations.uploading import proofs_folder
from foundation import clock, pictures
from foundation.localisation import language, number
from foundation.pages import htmx
from foundation.transactions import transaction
from foundation.web import send_picture
from network.permissions import requires
from network.zones import today_of

CHIPS = 6


def _zone() -> ZoneInfo:
    return current_app.config["TIMEZONE"]


def _today() -> date:
    return today_of(current_user, at=clock.now())


def my_declaration(public_id: str) -> tuple[Declaration, Revision]:
    """My declaration of this id and what it says now; 404 for anybody else's."""
    found = permissions.declaration_of(current_user, public_id)
    if found is None:
        abort(404)
    return found


# — declaring —————————————————————————————————————————————————————————————————————————————————————————————————————————


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


@requires("play")
def send() -> AnyResponse | str:
    """Send a sale. The same form sent twice leads to the same answer."""
    form = SaleForm(today=_today())
    form.name_lines(queries.products_by_sku([line.sku for line in form.lines.data]))
    complete = form.validate()
    _keep_photo(form)
    if not complete or form.proof.errors:
        return _refused(form)
    one = form.submission(current_user.code)
    try:
        with transaction():
            [receipt] = operations.receive([one], by=current_user.code, at=clock.now(), zone=_zone())
    except Refused as refusal:
        if refusal.conflict:
            return _already_sent(form, one.id)
        form.refuse(refusal.problems)
        return _refused(form)
    return redirect(url_for("declarations.answer", public_id=receipt.public_id, new=1))


@requires("play")
def draft() -> AnyResponse | str:
    """The form again for who has no scripts, with a product added or taken out, or found by a search; nothing is
    sent."""
    if request.method == "GET":
        return redirect(url_for("declarations.declare"))
    form = SaleForm(today=_today())
    if "add" in request.form:
        form.add(request.form["add"])
        return _form_again(form)
    if "remove" in request.form:
        form.remove(request.form["remove"])
    return _form_again(form, search=request.form.get("q", ""))


@requires("play")
def favourite() -> AnyResponse | str:
    """Keep a product at hand, or let it go, without losing what is typed: htmx gets the products at hand and nothing of
    the sale, which goes on meanwhile."""
    notice = ""
    try:
        with transaction():
            choose_favourite(current_user.id, request.form.get("favourite", "")[:60], at=clock.now())
    except TooManyFavourites:
        notice = _("Vous avez déjà %(most)s favoris ; retirez-en un.", most=number(queries.MOST_FAVOURITES))
    if htmx:
        return render_template("declarations/_favourites.html", notice=notice, **_at_hand(_today()))
    return _form_again(SaleForm(today=_today()), search=request.form.get("q", ""), notice=notice)


def _form_again(form: SaleForm, *, search: str = "", notice: str = "") -> str:
    """The page with the form as it is typed. `notice` is said above its products."""
    _keep_photo(form)
    return _form_page(form, search=search[:100], notice=notice)


def _at_hand(day: date) -> dict[str, Any]:
    """The products offered as chips: favourites first, then what was sold last."""
    kept = queries.favourite_products(current_user.id, day)
    skus = {one.sku for one in kept}
    recent = [one for one in queries.recent_products(current_user.id, day) if one.sku not in skus]
    return {"favourites": skus, "recent": [*kept, *recent[: max(0, CHIPS - len(kept))]]}


@requires("play")
def products() -> str:
    """Products found by a search (`q`), or the one that a whole code names (`code`), to add to the sale."""
    code = request.args.get("code", "")[:100]
    text = code or request.args.get("q", "")[:100]
    named = queries.product_by_code(code, _today()) if code else None
    return render_template(
        "declarations/_results.html",
        found=[named] if named else [] if code else queries.search_products(text, _today()),
        named=named is not None,
        unknown_code=bool(code) and named is None,
        search=text.strip(),
        adding=url_for("declarations.meeting_draft") if request.args.get("place") == "meeting" else None,
    )


@requires("play")
def expected() -> str:
    """The points that the sale being typed would give."""
    form = SaleForm(today=_today())
    chosen = queries.products_by_sku([line.sku for line in form.lines.data])
    return render_template("declarations/_expected.html", expected=_expected(form, chosen), language=language())


def _form_page(
    form: SaleForm,
    *,
    search: str = "",
    notice: str = "",
    corrected: tuple[Declaration, Revision] | None = None,
) -> str:
    """The whole form, with the products to choose from and what the sale would give. `corrected` is the declaration
    being corrected, when it is at hand."""
    chosen = queries.products_by_sku([line.sku for line in form.lines.data])
    form.name_lines(chosen)
    if form.correcting.data and corrected is None:
        corrected = my_declaration(form.correcting.data)
    # A correction is held against the challenges of the day that its sale was sold on.
    day = corrected[1].sold_on if corrected is not None else form.today
    plays = queries.played_on(current_user.id, day)
    frozen = queries.frozen_rules([one.id for one in plays])[0] if plays else {}
    bonuses = queries.bonuses(plays, frozen, day)
    proofs = {one.definition.get("proof") or "none" for one in plays}
    return render_template(
        "declarations/declare.html",
        form=form,
        search=search,
        found=queries.search_products(search, form.today) if search else [],
        notice=notice,
        **_at_hand(form.today),
        bonuses=bonuses,
        earns=earns(bonuses),
        proof="required" if "required" in proofs else "optional" if "optional" in proofs else "none",
        proof_for=[one for one in plays if one.definition.get("proof") == "required"],
        expected=_expected(form, chosen, corrected, (plays, frozen) if form.sold_on.data == day else None),
        correcting=corrected is not None,
        proved=corrected is not None and corrected[1].proof is not None,
        today=form.today,
        department=current_user.outlet.department if current_user.outlet else "",
        language=language(),
    )


def _refused(form: SaleForm, status: int = 422) -> AnyResponse:
    return make_response(_form_page(form), status)


def _already_sent(form: SaleForm, sent: str) -> AnyResponse:
    """The sale of this page is in; what is typed now may be a second one."""
    mine = permissions.declaration_of(current_user, sent)
    form.id.data = new_id()
    form.earlier = sent if mine is not None else None
    if not photos.is_free(current_user.id, form.kept_proof.data):
        form.kept_proof.data = ""
    return _refused(form, 409)


def _expected(
    form: SaleForm,
    products: dict[str, Choosable],
    corrected: tuple[Declaration, Revision] | None = None,
    playing: Playing | None = None,
) -> dict[str, Any]:
    """What the sale as typed so far would give."""
    if corrected is None and form.correcting.data:
        corrected = permissions.declaration_of(current_user, form.correcting.data)
    told = [form.submission(current_user.code)]
    return expected_of(
        current_user, told, products, at=clock.now(), today=form.today, corrected=corrected, playing=playing
    )


# — pictures that prove a sale ————————————————————————————————————————————————————————————————————————————————————————


def _keep_photo(form: SaleForm) -> None:
    """Keep the picture that came with the form. Its id is made of the sale's and of the picture itself, so that the
    same form sent twice names the same photo."""
    form.kept_proof.data = keep_sent(form.proof, form.id.data) or form.kept_proof.data


def keep_sent(field: FileField, sale: str) -> str:
    """Keep the picture that came in a field for a sale (id); answers the photo's id, '' for none. What is wrong with
    it is said beside the field."""
    if not field.data:
        return ""
    content = field.data.read()
    public_id = photos.id_for(sale, content)
    try:
        cleaned = photos.clean(content)  # up to seconds: before the transaction, for which others wait
        with transaction():
            photos.keep(current_user.id, public_id, cleaned, folder=proofs_folder(), at=clock.now())
    except photos.Unusable:
        field.errors = [_("Cette photo ne peut pas être lue ; envoyez une image JPEG, PNG ou WebP.")]
    except photos.TooMany:
        field.errors = [_("Trop de photos attendent leur vente ; envoyez d’abord ces ventes.")]
    else:
        return public_id
    return ""


@requires("signed_in")
def proof(public_id: str) -> AnyResponse:
    """The picture that proves a sale, or proved it in an earlier `?version=`, for its person and for reviewers."""
    revision: Revision | None = None
    version = request.args.get("version", type=int)
    if current_user.role == "reseller":
        mine = permissions.declaration_of(current_user, public_id)
        revision = mine[1] if mine else None
        if mine and version is not None:
            revision = permissions.version_of_mine(current_user, public_id, version)
    elif current_user.role in ("animator", "admin"):
        revision = permissions.reviewed_or_waiting(current_user, public_id, version)
    path = pictures.picture_path(proofs_folder(), revision.proof) if revision and revision.proof else None
    if path is None:
        abort(404)
    return send_picture(path)


# — saying it again ———————————————————————————————————————————————————————————————————————————————————————————————————


@requires("play")
def correction(public_id: str) -> AnyResponse | str:
    """Say a sale again, as it really was."""
    declaration, revision = my_declaration(public_id)
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
    complete = form.validate()
    _keep_photo(form)
    if not complete or form.proof.errors:
        return _refused(form)
    prices = {line.sku: line.unit_price_cents for line in lines}
    one = form.submission(current_user.code, prices)._replace(id=public_id)
    try:
        with transaction():
            operations.correct(my_declaration(public_id)[0], one, by=current_user.code, at=clock.now(), zone=_zone())
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
