"""Signing in by a six-digit code sent by e-mail and typed in the same browser session.

The code alone is worth nothing elsewhere: a ticket, kept in the session that asked, goes with it. Five tries, ten
minutes, one use; the database keeps a keyed hash. Whoever asks for an unknown address sees and waits the same.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from foundation import audit
from foundation.database import db
from network.models import Person, SignInCode
from network.queries import person_by_email

LIFETIME = timedelta(minutes=10)
TRIES = 5


def new_ticket() -> str:
    """What ties a code to the browser session that asked for it: 256 random bits, 43 characters."""
    return secrets.token_urlsafe(32)


def request_code(email: str, ticket: str, *, secret: str, at: datetime) -> tuple[Person, str] | None:
    """Make a code for the active person with this address; None when there is nobody to write to.

    Returns the person and the code in plain text, for the message. An entry goes to the audit trail either way, so
    that both answers cost the same.
    """
    code = f"{secrets.randbelow(1_000_000):06d}"
    hashed = code_hash(ticket, code, secret)
    person = person_by_email(email)
    known = person is not None and person.is_active
    audit.record("sign_in.code_asked", "known" if known else "unknown", by=audit.SYSTEM, at=at)
    db.session.execute(
        delete(SignInCode).where(SignInCode.person_id == (person.id if person else 0), SignInCode.expires_at <= at)
    )
    if person is None or not known:
        return None
    _keep(person, ticket, hashed, at)
    return person, code


def make_code(person: Person, ticket: str, *, secret: str, at: datetime) -> str:
    """A code for somebody who has signed in, in plain text, for the message."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    db.session.execute(delete(SignInCode).where(SignInCode.person_id == person.id, SignInCode.expires_at <= at))
    _keep(person, ticket, code_hash(ticket, code, secret), at)
    return code


def _keep(person: Person, ticket: str, hashed: str, at: datetime) -> None:
    db.session.execute(
        insert(SignInCode).values(
            ticket=ticket, person_id=person.id, code_hash=hashed, expires_at=at + LIFETIME, tries=0
        )
    )


def use_code(
    ticket: str, code: str, *, secret: str, at: datetime, act: str = "sign_in.by_code"
) -> Person | None:  # fmt: skip
    """The person who typed the right code in time; None otherwise, and the try is counted (so: commit either way).

    `act` is what the audit trail says the code was used for.
    """
    hashed = code_hash(ticket, code, secret)
    counted = db.session.execute(
        update(SignInCode)
        .where(
            SignInCode.ticket == ticket,
            SignInCode.used_at.is_(None),
            SignInCode.expires_at > at,
            SignInCode.tries < TRIES,
        )
        .values(tries=SignInCode.tries + 1)
    )
    if counted.rowcount != 1:  # type: ignore[attr-defined]
        return None
    row = db.session.execute(
        select(SignInCode.id, SignInCode.person_id, SignInCode.code_hash).where(SignInCode.ticket == ticket)
    ).one()
    if not hmac.compare_digest(row.code_hash, hashed):
        return None
    db.session.execute(update(SignInCode).where(SignInCode.id == row.id).values(used_at=at))
    person = db.session.get(Person, row.person_id)
    if person is None or not person.is_active:
        return None
    audit.record(act, person.code, by=person.code, at=at)
    return person


def code_hash(ticket: str, code: str, secret: str) -> str:
    """The keyed hash kept of a code: without the server's key, a stolen table does not tell the six digits."""
    return hmac.new(secret.encode(), f"sign-in:{ticket}:{code}".encode(), hashlib.sha256).hexdigest()
