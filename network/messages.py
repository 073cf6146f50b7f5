"""What the network writes to people: the code they asked for, and invitations."""

from __future__ import annotations

from datetime import datetime

from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from foundation import mail
from network.models import Person


def send_code(person: Person, code: str, *, at: datetime) -> None:
    """The six digits someone has just asked for: urgent, at any hour."""
    with force_locale(person.language):
        subject = _("Votre code : %(code)s", code=code)
        _send(person, subject, "mail/sign_in_code.txt", at=at, urgent=True, code=code)


def send_confirmation(person: Person, code: str, *, at: datetime) -> None:
    """The six digits that confirm something important: urgent, at any hour."""
    with force_locale(person.language):
        subject = _("Votre code pour confirmer : %(code)s", code=code)
        _send(person, subject, "mail/confirmation_code.txt", at=at, urgent=True, code=code)


def send_address_code(person: Person, email: str, code: str, *, at: datetime) -> None:
    """The six digits that prove that a new address is theirs: sent there, urgent."""
    with force_locale(person.language):
        subject = _("Votre code pour cette adresse : %(code)s", code=code)
        text = render_template("mail/address_code.txt", person=person, code=code)
        mail.queue(email, subject, text, urgent=True, at=at)


def send_address_changed(person: Person, former: str, *, at: datetime) -> None:
    """What the former address is told: from now on messages and codes go elsewhere."""
    with force_locale(person.language):
        subject = _("Votre adresse e-mail a changé")
        text = render_template("mail/address_changed.txt", person=person)
        mail.queue(former, subject, text, urgent=True, at=at)


def send_invitation(person: Person, address: str, *, at: datetime) -> None:
    """A link that lets a person in for the first time."""
    with force_locale(person.language):
        subject = _("Votre invitation au programme")
        _send(person, subject, "mail/invitation.txt", at=at, urgent=False, address=address)


def _send(person: Person, subject: str, template: str, *, at: datetime, urgent: bool, **values: str) -> None:
    if person.email is None:
        raise ValueError(f"{person.code} has no address")
    text = render_template(template, person=person, **values)
    mail.queue(person.email, subject, text, urgent=urgent, at=at)
