"""A home meeting told in one go: the products shown, the guests, what each of them bought; one sale for each guest.

Nothing of a meeting is stored but its sales: no table links them, and whose home it was stays on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, current_app, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateField
from wtforms.validators import InputRequired, ValidationError

from badges.queries import grants_of
from challenges import wording
from declarations import climbing, operations, permissions, queries, rules
from declarations.expecting import earns, expected_of
from declarations.forms import CustomerForm, answers_of, day_wrong, new_id, parsed_id, units_of
from declarations.queries import Choosable
from declarations.rules import Refused, Submission, SubmittedLine
from foundation import clock
from foundation.localisation import language, number
from foundation.transactions import transaction
from network.permissions import requires
from network.zones import today_of

MOST_GUESTS = 30
MOST_PRODUCTS = 40


class Guest:
    """Somebody at the meeting: `id` is that of the sale, `units` are as typed, by sku, `answers` what is known of them.
    Whatever is sent about a guest has a name that begins with `key`, the end of the id."""

    def __init__(self, public_id: str, sent: Any = None, skus: Sequence[str] = ()) -> None:
        self.id = public_id
        self.units = {sku: sent.get(f"{self.key}-units-{sku}", "").strip() if sent else "" for sku in skus}
        self.answers = CustomerForm(sent, prefix=f"{self.key}-")
        self.error = ""

    @property
    def key(self) -> str:
        """Tells the guests of one meeting apart."""
        return self.id[-8:]

    def rename(self) -> None:
        """Another id, for another sale with the same answers."""
        self.id = new_id()
        self.answers = CustomerForm(data=self.answers.data, prefix=f"{self.key}-")

    def bought(self) -> dict[str, str]:
        """What is not left at nothing."""
        return {sku: text for sku, text in self.units.items() if text not in ("", "0")}

    def said(self) -> bool:
        """Whether this customer gave an opinion."""
        told = self.answers
        return bool(told.rating.data or told.recommend.data or (told.comment.data or "").strip())

    def complete(self, products: Mapping[str, Choosable]) -> bool:
        """Whether it can be taken; what is wrong is said in `error` and beside the answers."""
        fine = self.answers.validate()
        for sku, text in self.bought().items():
            if sku not in products:
                self.error = _("%(product)s n’est plus au catalogue ; retirez-le.", product=sku)
            elif units_of(text) is None:
                self.error = _(
                    "%(product)s : écrivez un nombre d’unités entre 1 et %(most)s.",
                    product=products[sku].name, most=number(rules.MAX_UNITS),
                )  # fmt: skip
        if self.said() and not self.bought():
            self.error = _("Un avis part avec un achat : dites ce que cette personne a pris, ou effacez son avis.")
        return fine and not self.error

    def wrongs(self) -> str:
        """Everything that is wrong, in one text."""
        return " ".join(filter(None, [self.error, *(one for errors in self.answers.errors.values() for one in errors)]))


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
        self.guests = [Guest(one, sent, self.skus) for one in ids] or [Guest(new_id())]
        self.products = queries.products_by_sku(self.skus)

    def add(self, sku: str) -> None:
        """Show one product more, or say that there are as many as a meeting takes."""
        if sku in self.skus:
            return
        if len(self.skus) == MOST_PRODUCTS:
            self.form_errors.append(full())
            return
        self.skus.append(sku)
        self.products = queries.products_by_sku(self.skus)

    def remove(self, sku: str) -> None:
        """Show one product less."""
        self.skus = [one for one in self.skus if one != sku]
        for guest in self.guests:
            guest.units.pop(sku, None)

    def validate_sold_on(self, field: DateField) -> None:
        """A day that has begun."""
        wrong = day_wrong(field.data, self.today) if field.data is not None else ""
        if wrong:
            raise ValidationError(wrong)

    def complete(self) -> bool:
        """Whether every answer can be taken; what is wrong is said beside it."""
        fine = self.validate()
        for place, guest in enumerate(self.guests):
            if not guest.complete(self.products):
                self.form_errors.append(who(place) + _(" : ") + guest.wrongs())
        if not self.form_errors and not any(guest.bought() for guest in self.guests):
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
                **answers_of(guest.answers),
            )
            for guest in self.guests
            if guest.bought()
        ]


def full() -> str:
    """What is said to a product too many."""
    return _(
        "Une réunion prend %(most)s produits au plus : envoyez-la, puis déclarez le reste à part.",
        most=number(MOST_PRODUCTS),
    )


def who(place: int) -> str:
    """What a guest is called, by place: the first is at home."""
    return _("Client %(number)s", number=place) if place else _("L’hôtesse ou l’hôte")


def _zone() -> ZoneInfo:
    return current_app.config["TIMEZONE"]


def _form() -> MeetingForm:
    today = today_of(current_user, at=clock.now())
    return MeetingForm(today=today, data={"sold_on": today})


def _expected(form: MeetingForm) -> dict[str, Any]:
    """What the meeting as typed so far would give."""
    told = form.submissions(current_user.code)
    return expected_of(current_user, told, form.products, at=clock.now(), today=form.today)


@requires("play")
def meeting() -> str:
    """The form, empty."""
    return _page(_form())


@requires("play")
def meeting_draft() -> AnyResponse | str:
    """The form again with a product or a guest more or less, or a product found by a code; nothing is sent."""
    if request.method == "GET":
        return redirect(url_for("declarations.meeting"))
    form = _form()
    asked = request.form
    added = asked.get("add", "")[:60]
    unknown = ""
    if asked.get("code"):
        named = queries.product_by_code(asked["code"][:100], form.today)
        added, unknown = (named.sku, "") if named else ("", asked["code"].strip()[:100])
    if added:
        form.add(added)
    elif "remove" in asked:
        form.remove(asked["remove"])
    elif "more" in asked and len(form.guests) < MOST_GUESTS:
        form.guests.append(Guest(new_id()))
    elif "less" in asked and len(form.guests) > 1:
        form.guests = [guest for guest in form.guests if guest.id != asked["less"]]
    return _page(form, search=unknown or ("" if added else asked.get("q", "")[:100]), unknown_code=unknown)


@requires("play")
def meeting_expected() -> str:
    """The points that the meeting being typed would give."""
    form = _form()
    return render_template(
        "declarations/_expected.html",
        expected=_expected(form),
        chosen=form.skus,
        expecting=url_for("declarations.meeting_expected"),
        language=language(),
    )


@requires("play")
def send_meeting() -> AnyResponse | str:
    """Send the sales of a meeting, all or none. The same form sent twice writes them once."""
    form = _form()
    if not form.complete():
        return make_response(_page(form), 422)
    told = form.submissions(current_user.code)
    try:
        with transaction():
            operations.receive(told, by=current_user.code, at=clock.now(), zone=_zone())
    except Refused as refusal:
        if refusal.conflict:
            for guest in form.guests:
                guest.rename()
            text = _("La réunion de cette page est déjà enregistrée. Si c’en est une autre, envoyez encore une fois.")
        else:
            text = _("Cette réunion ne peut pas être enregistrée ; parlez-en à votre animateur.")
        form.form_errors.append(text)
        return make_response(_page(form), 409 if refusal.conflict else 422)
    return redirect(url_for("declarations.meeting_answer", sale=[one.id for one in told]))


@requires("play")
def meeting_answer() -> AnyResponse | str:
    """What a meeting gave, its sales (`sale`, their ids) together: points, new badges, places won, the next step. They
    share a day; one that was put on another day since has its own page."""
    ids = list(dict.fromkeys(filter(None, map(parsed_id, request.args.getlist("sale")))))[:MOST_GUESTS]
    if not ids:
        return redirect(url_for("declarations.declarations"))
    mine = {one.public_id: (one, said) for one, said in permissions.declarations_named(current_user, ids)}
    told = [mine[one] for one in ids if one in mine]
    if not told:
        abort(404)
    at = clock.now()
    answers = queries.answers([one for one in told if one[1].sold_on == told[0][1].sold_on], at=at)
    accepted = [one for one in answers if one.declaration.status == "accepted"]
    arrived = {one.declaration.received_at for one in accepted}
    earned = [one for one in grants_of(current_user.id) if not one.quiet and one.granted_at in arrived]
    challenges = {one.challenge.id: one.challenge for answer in accepted for one in answer.challenges if not one.late}
    return render_template(
        "declarations/meeting_answer.html",
        answers=answers,
        total=sum(one.points for one in accepted),
        earned=earned,
        climbs=climbing.climbs_together(answers, at=at),
        challenges=[one for one in challenges.values() if one.state in ("running", "closing", "reviewing")],
        several=len(challenges) > 1,
        explain_bar=wording.explain_bar,
        language=language(),
    )


def _page(form: MeetingForm, *, search: str = "", unknown_code: str = "") -> str:
    """The whole form, with the products to choose from and what the meeting would give."""
    kept = queries.favourite_products(current_user.id, form.today)
    favourites = {one.sku for one in kept}
    recent = [one for one in queries.recent_products(current_user.id, form.today) if one.sku not in favourites]
    plays = queries.played_on(current_user.id, form.today)
    bonuses = queries.bonuses(plays, queries.frozen_rules([one.id for one in plays])[0] if plays else {}, form.today)
    return render_template(
        "declarations/meeting.html",
        form=form,
        chosen=form.skus,
        favourites=favourites,
        recent=[*kept, *recent],
        found=queries.search_products(search, form.today) if search else [],
        search=search,
        unknown_code=unknown_code,
        bonuses=bonuses,
        proof_for=[one for one in plays if one.definition.get("proof") == "required"],
        earns=earns(bonuses),
        expected=_expected(form),
        expecting=url_for("declarations.meeting_expected"),
        adding=url_for("declarations.meeting_draft"),
        who=who,
        department=current_user.outlet.department if current_user.outlet else "",
        language=language(),
    )
