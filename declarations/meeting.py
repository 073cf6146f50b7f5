"""A home meeting told in one go: the products shown, the guests, what each of them bought; one sale for each guest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateField
from wtforms.validators import InputRequired, ValidationError

from declarations import operations, queries, rules
from declarations.forms import new_id, parsed_id, units_of
from declarations.models import CUSTOMERS
from declarations.rules import Refused, Submission, SubmittedLine
from foundation import clock
from foundation.localisation import number
from foundation.pages import htmx
from foundation.transactions import transaction
from network.permissions import requires

MOST_GUESTS = 30
MOST_PRODUCTS = 40


@dataclass
class Guest:
    """Somebody who bought at the meeting: `id` is that of the sale, `units` are as typed, by sku."""

    id: str
    units: dict[str, str] = field(default_factory=dict)
    customer: str = ""
    error: str = ""

    def bought(self) -> dict[str, str]:
        """What is not left at nothing."""
        return {sku: text for sku, text in self.units.items() if text not in ("", "0")}


class MeetingForm(FlaskForm):
    """The day of the meeting; products and guests are read by their repeated names."""

    sold_on = DateField(_l("Date de la réunion"), [InputRequired(_l("Donnez la date de la réunion."))])

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.form_errors: list[str] = []
        sent = request.form
        self.skus = list(dict.fromkeys(sku[:60] for sku in sent.getlist("sku") if sku))[:MOST_PRODUCTS]
        ids = list(dict.fromkeys(filter(None, map(parsed_id, sent.getlist("guest")))))[:MOST_GUESTS]
        self.guests = [
            Guest(
                one,
                {sku: sent.get(f"units-{one}-{sku}", "").strip() for sku in self.skus},
                sent.get(f"customer-{one}", "") if sent.get(f"customer-{one}", "") in CUSTOMERS else "",
            )
            for one in ids
        ]
        if not self.guests:
            self.guests = [Guest(new_id()), Guest(new_id())]
        self.products = queries.products_by_sku(self.skus)

    def add(self, sku: str) -> None:
        """Show one product more."""
        if sku not in self.skus and len(self.skus) < MOST_PRODUCTS:
            self.skus.append(sku)
            self.products = queries.products_by_sku(self.skus)

    def remove(self, sku: str) -> None:
        """Show one product less."""
        self.skus = [one for one in self.skus if one != sku]
        for guest in self.guests:
            guest.units.pop(sku, None)

    def validate_sold_on(self, field: DateField) -> None:
        """A day that has begun."""
        if field.data is not None and not rules.FIRST_DAY <= field.data <= self.today:
            raise ValidationError(_("La date de la vente ne peut pas être dans le futur."))

    def complete(self) -> bool:
        """Whether every answer can be taken; what is wrong is said beside it."""
        fine = self.validate()
        for guest in self.guests:
            for sku, text in guest.bought().items():
                name = self.products[sku].name if sku in self.products else sku
                if sku not in self.products:
                    guest.error = _("%(product)s n’est plus au catalogue ; retirez-le.", product=name)
                elif units_of(text) is None:
                    guest.error = _(
                        "%(product)s : écrivez un nombre d’unités entre 1 et %(most)s.",
                        product=name, most=number(rules.MAX_UNITS),
                    )  # fmt: skip
        if any(guest.error for guest in self.guests):
            self.form_errors.append(_("Des quantités sont à corriger."))
        elif not any(guest.bought() for guest in self.guests):
            self.form_errors.append(_("Ajoutez un produit et ce qu’au moins un client a acheté."))
        return fine and not self.form_errors

    def submissions(self, person: str) -> list[Submission]:
        """One sale for each guest who bought something."""
        return [
            Submission(
                id=guest.id,
                person=person,
                sold_on=self.sold_on.data or self.today,
                declared_at=None,
                channel="meeting",
                lines=tuple(SubmittedLine(sku, units_of(text) or 0, None) for sku, text in guest.bought().items()),
                customer=guest.customer,
            )
            for guest in self.guests
            if guest.bought()
        ]


def _form() -> MeetingForm:
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    return MeetingForm(today=today, data={"sold_on": today})


@requires("play")
def meeting() -> str:
    """The form, empty."""
    return _page(_form())


@requires("play")
def meeting_draft() -> AnyResponse | str:
    """The form again with a product or a guest more or less; nothing is sent."""
    if request.method == "GET":
        return redirect(url_for("declarations.meeting"))
    form = _form()
    asked = request.form
    if asked.get("add"):
        form.add(asked["add"][:60])
    elif "remove" in asked:
        form.remove(asked["remove"])
    elif "more" in asked and len(form.guests) < MOST_GUESTS:
        form.guests.append(Guest(new_id()))
    elif "less" in asked and len(form.guests) > 1:
        form.guests = [guest for guest in form.guests if guest.id != asked["less"]]
    return _page(form, part=bool(htmx), search="" if asked.get("add") else asked.get("q", "")[:100])


@requires("play")
def send_meeting() -> AnyResponse | str:
    """Send the sales of a meeting, all or none. The same form sent twice writes them once."""
    form = _form()
    if not form.complete():
        return make_response(_page(form), 422)
    told = form.submissions(current_user.code)
    zone = current_app.config["TIMEZONE"]
    try:
        with transaction():
            operations.receive(told, by=current_user.code, at=clock.now(), zone=zone)
    except Refused as refusal:
        if refusal.conflict:
            for guest in form.guests:
                guest.id = new_id()
            text = _("La réunion de cette page est déjà enregistrée. Si c’en est une autre, envoyez encore une fois.")
        else:
            text = _("Cette réunion ne peut pas être enregistrée ; parlez-en à votre animateur.")
        form.form_errors.append(text)
        return make_response(_page(form), 409 if refusal.conflict else 422)
    flash(
        ngettext(
            "Réunion enregistrée : %(num)s vente.", "Réunion enregistrée : %(num)s ventes.", len(told)
        ),
        "success",
    )  # fmt: skip
    return redirect(url_for("declarations.declarations"))


def _page(form: MeetingForm, *, part: bool = False, search: str = "") -> str:
    found = queries.search_products(search, form.today) if search else []
    kept = queries.favourite_products(current_user.id, form.today)
    seen = {one.sku for one in kept} | set(form.skus)
    recent = [one for one in queries.recent_products(current_user.id, form.today) if one.sku not in seen]
    return render_template(
        "declarations/_meeting.html" if part else "declarations/meeting.html",
        form=form,
        offered=[one for one in kept if one.sku not in form.skus] + recent,
        found=found,
        search=search,
        adding=url_for("declarations.meeting_draft"),
    )
