"""What can happen to a person: arrival, suspension, a token, a nickname, a language, signing out everywhere."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from blinker import Namespace
from flask_babel import gettext as _
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from foundation import audit
from foundation.database import db
from foundation.localisation import LANGUAGES
from network.models import ApiToken, Person, SignInCode
from network.queries import nickname_taken
from network.rules import NICKNAME_LENGTH, Refused, is_plain, normal_nickname

TOKEN_PREFIX = "pal_"

signals = Namespace()
people_arrived = signals.signal(
    "people-arrived",
    doc="Sent inside the transaction once resellers exist (new, or become so), with person_ids= and at=. "
    "Challenges that are running enrol them.",
)


def announce_arrival(person_ids: Sequence[int], *, at: datetime) -> None:
    """Tell whoever listens that these people now take part. Nothing is sent for nobody."""
    if person_ids:
        people_arrived.send("network", person_ids=list(person_ids), at=at)


def new_session_key() -> str:
    """A fresh key for a person's sessions: those that hold an earlier one end."""
    return secrets.token_hex(16)


def token_hash(token: str) -> str:
    """What is kept of a token or link: its SHA-256. The token itself has 256 random bits, so no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def suspend(person: Person, *, by: str, at: datetime) -> None:
    """Leave a person out: no sign-in, no token, no place on boards. Raises Refused for oneself."""
    if person.code == by:
        raise Refused(_("Vous ne pouvez pas vous suspendre vous-même."))
    if person.suspended_at is not None:
        return
    person.suspended_at = at
    person.session_key = new_session_key()
    audit.record("person.suspended", person.code, by=by, at=at)


def reinstate(person: Person, *, by: str, at: datetime) -> None:
    """Let a suspended person back in; what was earned is still there."""
    if person.suspended_at is None:
        return
    person.suspended_at = None
    audit.record("person.reinstated", person.code, by=by, at=at)


def sign_out_everywhere(person: Person, *, by: str, at: datetime) -> None:
    """End every session of a person, on every device."""
    person.session_key = new_session_key()
    audit.record("person.signed_out_everywhere", person.code, by=by, at=at)


def create_token(person: Person, *, by: str, at: datetime) -> str:
    """A new personal token for the API, in plain text: it is shown once, only its hash is kept."""
    if not person.is_active:
        raise Refused(_("%(code)s est suspendu : pas de jeton.", code=person.code))
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    db.session.execute(insert(ApiToken).values(person_id=person.id, token_hash=token_hash(token), created_at=at))
    audit.record("person.token_created", person.code, by=by, at=at)
    return token


def accept_notice(person: Person, *, by: str, at: datetime) -> None:
    """Keep when a person read what is kept about them; the first time counts."""
    if person.notice_accepted_at is None:
        person.notice_accepted_at = at
        audit.record("person.notice_accepted", person.code, by=by, at=at)


def change_email(person: Person, email: str, *, by: str, at: datetime) -> str | None:
    """Write to a person at another address, which they have proved to be theirs; answers the former one.

    Codes that are still on their way are void, and every session ends. Raises Refused when the address is somebody
    else's.
    """
    former = person.email
    if email == former:
        return former
    if db.session.scalar(select(Person.id).where(Person.email == email)) is not None:
        raise Refused(_("Cette adresse est déjà celle d’une autre personne du programme."))
    try:
        with db.session.begin_nested():
            person.email = email
            db.session.flush()
    except IntegrityError as error:
        raise Refused(_("Cette adresse est déjà celle d’une autre personne du programme.")) from error
    person.session_key = new_session_key()
    db.session.execute(delete(SignInCode).where(SignInCode.person_id == person.id))
    audit.record("person.email_changed", person.code, by=by, at=at)
    return former


def choose_nickname(person: Person, nickname: str, *, by: str, at: datetime) -> None:
    """Show another name than one's own to participants; '' goes back to the name. Raises Refused."""
    chosen = normal_nickname(nickname)
    if chosen == (person.nickname or ""):
        return
    if chosen:
        if not 2 <= len(chosen) <= NICKNAME_LENGTH or not is_plain(chosen):
            raise Refused(_("Un pseudo a de 2 à %(most)s caractères, sur une ligne.", most=NICKNAME_LENGTH))
        if nickname_taken(chosen, person):
            raise Refused(_("Ce pseudo est déjà pris ; choisissez-en un autre."))
    person.nickname = chosen or None
    audit.record("person.nickname_chosen", person.code, by=by, at=at)


def choose_language(person: Person, language: str, *, by: str, at: datetime) -> None:
    """Speak this language to a person, on screen and by mail. Raises Refused for one we do not speak."""
    if language not in LANGUAGES:
        raise Refused(_("Cette langue n’est pas proposée."))
    if language != person.language:
        person.language = language
        audit.record("person.language_chosen", person.code, by=by, at=at)


def show_picture(person: Person, picture: str | None, *, by: str, at: datetime) -> None:
    """Show a picture (its name among the kept pictures) instead of initials; None goes back to initials."""
    if picture != person.picture:
        person.picture = picture
        audit.record("person.picture_changed", person.code, by=by, at=at, shown=picture is not None)
