"""Inviting: a link, by mail or as a QR code on paper, that lets one person in for the first time."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, insert, select, update

from foundation import audit
from foundation.database import db
from network.models import Invitation, Person
from network.operations import token_hash
from network.rules import Refused

LIFETIME = timedelta(days=14)


def needs_invitation(person: Person) -> bool:
    """Whether a link may be made for this person: not in yet, or with no address to send a code to.

    Whoever has already come in signs in alone: a link printed by someone else would open their account.
    """
    return person.is_active and (person.notice_accepted_at is None or person.email is None)


def invite(person: Person, *, by: str, at: datetime) -> str:
    """A new link's token, in plain text: 14 days, one use, only its hash is kept. Raises Refused."""
    if not person.is_active:
        raise Refused(_("%(name)s est suspendu : rétablissez d’abord l’accès.", name=person.name))
    if not needs_invitation(person):
        raise Refused(_("%(name)s est déjà inscrit et se connecte avec son adresse.", name=person.name))
    token = secrets.token_urlsafe(32)
    db.session.execute(delete(Invitation).where(Invitation.person_id == person.id, Invitation.expires_at <= at))
    db.session.execute(
        insert(Invitation).values(
            person_id=person.id, token_hash=token_hash(token), created_at=at, expires_at=at + LIFETIME
        )
    )
    audit.record("person.invited", person.code, by=by, at=at)
    return token


def invited_person(token: str, *, at: datetime) -> Person | None:
    """Whom a link would let in now; None when it is unknown, used, too old, or its person suspended."""
    person = db.session.scalar(
        select(Person)
        .join(Invitation, Invitation.person_id == Person.id)
        .where(Invitation.token_hash == token_hash(token), Invitation.used_at.is_(None), Invitation.expires_at > at)
    )
    return person if person is not None and person.is_active else None


def accept_invitation(token: str, *, at: datetime) -> Person | None:
    """Use a link, once; the person's other links die with it. None when it lets nobody in."""
    person = invited_person(token, at=at)
    if person is None:
        return None
    used = db.session.execute(
        update(Invitation)
        .where(Invitation.token_hash == token_hash(token), Invitation.used_at.is_(None))
        .values(used_at=at)
    )
    if used.rowcount != 1:  # type: ignore[attr-defined]
        return None
    db.session.execute(
        update(Invitation).where(Invitation.person_id == person.id, Invitation.used_at.is_(None)).values(used_at=at)
    )
    audit.record("sign_in.by_invitation", person.code, by=person.code, at=at)
    return person
