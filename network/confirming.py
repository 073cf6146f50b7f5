"""Proving anew who one is, and changing one's address: pages."""

from __future__ import annotations

from flask import current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_user
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.transactions import transaction
from foundation.web import limiter
from network import messages, operations, sign_in, step_up
from network.forms import AddressForm, CodeForm, safe_next
from network.permissions import requires
from network.rules import Refused, normal_email

NEW_ADDRESS = "new_address"


def _secret() -> str:
    secret: str = current_app.config["SETTINGS"].secret_key
    return secret


def _whose() -> str:
    return f"person:{current_user.get_id() if current_user.is_authenticated else request.remote_addr}"


@requires("signed_in")
@limiter.limit("10 per 15 minutes", key_func=_whose, methods=["POST"])
def confirmation() -> AnyResponse | str:
    """Why a code is asked for, and have it sent."""
    target = safe_next(request.values.get("next")) or "/"
    if request.method == "POST":
        try:
            with transaction():
                step_up.ask(current_user, secret=_secret(), at=clock.now())
            return redirect(url_for("network.confirmation_code", next=target))
        except Refused as refusal:
            flash(str(refusal), "danger")
    elif step_up.is_fresh(current_user, at=clock.now()):
        return redirect(target)
    return render_template("network/confirmation.html", target=target, person=current_user)


@requires("signed_in")
@limiter.limit("40 per 15 minutes", key_func=_whose, methods=["POST"])
def confirmation_code() -> AnyResponse | str:
    """Type the code, and go on to where it was needed."""
    target = safe_next(request.values.get("next")) or "/"
    if not step_up.is_asked():
        return redirect(url_for("network.confirmation", next=target))
    form = CodeForm()
    if form.validate_on_submit():
        with transaction():
            right = step_up.confirm(current_user, form.code.data or "", secret=_secret(), at=clock.now())
        if right:
            return redirect(target)
        form.code.errors = [_("Ce code n’est pas le bon, ou il n’est plus valable.")]
    page = render_template("network/confirmation_code.html", form=form, target=target, email=current_user.email)
    return make_response(page, 422 if form.errors else 200)


@requires("signed_in")
@limiter.limit("5 per hour", key_func=_whose, methods=["POST"])
def address() -> AnyResponse | str:
    """Say which address is mine from now on; a code goes there."""
    at = clock.now()
    if not step_up.is_fresh(current_user, at=at):
        return redirect(url_for("network.confirmation", next=url_for("network.address")))
    form = AddressForm()
    if form.validate_on_submit():
        email, ticket = normal_email(form.email.data or ""), sign_in.new_ticket()
        try:
            with transaction():
                step_up.bound(current_user, at=at)
                code = sign_in.make_code(current_user, ticket, secret=_secret(), at=at)
                messages.send_address_code(current_user, email, code, at=at)
            session[NEW_ADDRESS] = {"ticket": ticket, "email": email}
            step_up.show_in_demonstration(code)
            return redirect(url_for("network.address_code"))
        except Refused as refusal:
            form.email.errors = [str(refusal)]
    page = render_template("network/address.html", form=form, person=current_user)
    return make_response(page, 422 if form.errors else 200)


@requires("signed_in")
@limiter.limit("40 per 15 minutes", key_func=_whose, methods=["POST"])
def address_code() -> AnyResponse | str:
    """Type the code that went to the new address: from then on it is mine, and the former one is told."""
    asked = session.get(NEW_ADDRESS)
    if not asked:
        return redirect(url_for("network.address"))
    form = CodeForm()
    if form.validate_on_submit():
        at, person = clock.now(), current_user._get_current_object()
        changed = False
        try:
            with transaction():
                found = sign_in.use_code(
                    asked["ticket"], form.code.data or "", secret=_secret(), at=at, act="person.address_proved"
                )
                if found is not None and found.id == person.id:
                    former = operations.change_email(person, asked["email"], by=person.code, at=at)
                    if former and former != person.email:
                        messages.send_address_changed(person, former, at=at)
                    changed = True
        except Refused as refusal:
            session.pop(NEW_ADDRESS)
            flash(str(refusal), "danger")
            return redirect(url_for("network.address"))
        if changed:
            session.pop(NEW_ADDRESS)
            login_user(person, remember=True)
            flash(_("Votre adresse est changée. Vos autres appareils sont déconnectés."), "success")
            return redirect(url_for("network.me"))
        form.code.errors = [_("Ce code n’est pas le bon, ou il n’est plus valable.")]
    page = render_template("network/confirmation_code.html", form=form, target=None, email=asked["email"])
    return make_response(page, 422 if form.errors else 200)
