"""Proving anew who one is, before what matters: a fresh six-digit code, good for ten minutes in this session.

What is kept in the session is signed, and says for whom and until when; signing in anew forgets it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app, flash, session
from flask_babel import gettext as _
from sqlalchemy import func, select

from foundation import audit, clock
from foundation.database import db
from network import messages, sign_in
from network.models import Person, SignInCode
from network.rules import Refused

FRESH_FOR = timedelta(minutes=10)
MOST_LIVE_CODES = 5
TICKET, FRESH = "step_up", "stepped_up"


def is_fresh(person: Person, *, at: datetime) -> bool:
    """Whether this person proved who they are, in this session, less than ten minutes ago."""
    kept = session.get(FRESH) or {}
    return kept.get("person") == person.id and at < clock.parse_instant(kept["until"])


def use_up() -> None:
    """Let the proof count no more: what is shown once asks for a new one the next time."""
    session.pop(FRESH, None)


def is_asked() -> bool:
    """Whether a code is on its way to whoever uses this session."""
    return TICKET in session


def ask(person: Person, *, secret: str, at: datetime) -> None:
    """Send a code to a person's own address. Raises Refused without an address, and after too many codes."""
    if person.email is None:
        raise Refused(_("Aucune adresse e-mail n’est enregistrée pour vous ; votre animateur peut l’ajouter."))
    bound(person, at=at)
    ticket = sign_in.new_ticket()
    code = sign_in.make_code(person, ticket, secret=secret, at=at)
    audit.record("step_up.code_asked", person.code, by=person.code, at=at)
    messages.send_confirmation(person, code, at=at)
    session[TICKET] = ticket
    show_in_demonstration(code)


def show_in_demonstration(code: str) -> None:
    """In demonstration, where nobody receives mail and anybody is anybody, the next page shows the code."""
    if current_app.config["SETTINGS"].demonstration:
        flash(_("En démonstration les messages ne partent pas : le code est %(code)s.", code=code), "info")


def bound(person: Person, *, at: datetime) -> None:
    """Refuse to send one more code to somebody for whom several are still good."""
    live = select(func.count()).where(SignInCode.person_id == person.id, SignInCode.expires_at > at)
    if (db.session.scalar(live) or 0) >= MOST_LIVE_CODES:
        raise Refused(_("Plusieurs codes sont déjà en route ; attendez dix minutes avant d’en demander un autre."))


def confirm(person: Person, code: str, *, secret: str, at: datetime) -> bool:
    """Whether this is the code that was sent; the try counts either way (so: commit either way)."""
    ticket = session.get(TICKET)
    if not ticket:
        return False
    found = sign_in.use_code(ticket, code, secret=secret, at=at, act="step_up.done")
    if found is None or found.id != person.id:
        return False
    session.pop(TICKET)
    session[FRESH] = {"person": person.id, "until": clock.format_instant(at + FRESH_FOR)}
    return True
