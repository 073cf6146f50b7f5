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
