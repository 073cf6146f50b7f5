"""What participants are told: a message an animator writes to some of them, and changes that concern them all."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import current_app, render_template
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from sqlalchemy import Select, exists, func, select

from challenges.models import Announcement, Challenge, Participant
from foundation import audit, clock, mail
from foundation.database import db
from foundation.localisation import LANGUAGES, number
from network.models import Notice, Person
from network.notices import in_their_language, notify
from network.permissions import STAFF
from network.rules import Refused
from network.topics import BY_NAME, wants
from network.zones import zone_column

SUBJECT_LENGTH = 120
TEXT_LENGTH = 2_000
MOST_A_DAY = 2
TOLD_STATES = ("published", "running", "closing", "reviewing", "closed")

# Stands for the reader's name in a letter written once for everybody; no text of an animator holds it.
_NAME = "\x1f"


class Overtaken(Refused):
    """Another message has left since the writer's page was made: it is read before one more is sent."""


def clean(text: str) -> str:
    """A text as it is kept: line ends of one kind, composed letters, nothing that cannot be printed."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(one for one in lines if one == "\n" or unicodedata.category(one) not in ("Cc", "Cs")).strip()


def sent_to(challenge: Challenge) -> Select[tuple[Announcement]]:
    """The announcements of a challenge, newest first."""
    return (
        select(Announcement)
        .where(Announcement.challenge_id == challenge.id)
        .order_by(Announcement.sent_at.desc(), Announcement.id.desc())
    )


def left_today(challenge: Challenge, *, at: datetime) -> int:
    """How many more announcements may leave today, in the challenge's time zone."""
    morning = clock.start_of_day(clock.day_of(at, challenge.zone), challenge.zone)
    sent = select(func.count()).where(Announcement.challenge_id == challenge.id, Announcement.sent_at >= morning)
    return max(0, MOST_A_DAY - (db.session.scalar(sent) or 0))


def announce(
    challenge: Challenge,
    segment: str,
    people: Select[Any],
    subject: str,
    text: str,
    *,
    seen: int,
    by: str,
    at: datetime,
) -> Announcement:
    """Tell some of a challenge's people something, inside the application and by mail; once.

    `people` selects their ids, `segment` is what that choice is called. `seen` is how many announcements the writer
    knew of: the same message sent twice by a second tap leaves once (the first is given back), and after another
    message the writer is asked to read that one first (Overtaken). Mails leave outside of quiet hours. Raises Refused.
    """
    # Whoever else writes to this challenge's people waits here.
    db.session.execute(select(Challenge.id).where(Challenge.id == challenge.id).with_for_update())
    subject, text = " ".join(clean(subject).split()), clean(text)
    before = db.session.scalars(sent_to(challenge).limit(1)).first()
    count = db.session.scalar(select(func.count()).where(Announcement.challenge_id == challenge.id)) or 0
    if before is not None and count != seen:
        if (before.segment, before.subject, before.text, before.sent_by) == (segment, subject, text, by):
            return before
        raise Overtaken(_("Un autre message vient de partir. Lisez-le ci-dessous, puis envoyez le vôtre s’il le faut."))
    told = db.session.scalar(select(func.count()).where(Person.id.in_(people), Person.suspended_at.is_(None))) or 0
    check(challenge, subject, text, told, at=at)
    sent = Announcement(
        challenge_id=challenge.id, segment=segment, subject=subject, text=text, people=told, sent_at=at, sent_by=by
    )
    db.session.add(sent)
    db.session.flush()
    notify(people, "announcement", subject, text, page_of(challenge), at=at)
    _post(challenge, people, subject, text, at)
    audit.record("challenge.announced", challenge.code, by=by, at=at, segment=segment, people=told)
    return sent


def check(challenge: Challenge, subject: str, text: str, people: int, *, at: datetime) -> None:
    """Raise Refused when this message may not leave now; `people` is how many would get it."""
    if challenge.state not in TOLD_STATES:
        raise Refused(_("Ce challenge n’a pas de participants à qui écrire : il n’est pas publié, ou il est annulé."))
    if not 0 < len(subject) <= SUBJECT_LENGTH:
        raise Refused(_("L’objet a de 1 à %(most)s caractères.", most=SUBJECT_LENGTH))
    if not 0 < len(text) <= TEXT_LENGTH:
        raise Refused(_("Le message a de 1 à %(most)s caractères.", most=number(TEXT_LENGTH)))
    if not left_today(challenge, at=at):
        raise Refused(
            _(
                "Ce challenge a déjà écrit %(most)s fois à ses participants aujourd’hui ; le prochain message pourra "
                "partir demain.",
                most=MOST_A_DAY,
            )
        )
    if not people:
        raise Refused(_("Personne n’est dans ce groupe en ce moment ; choisissez-en un autre."))


def _post(challenge: Challenge, people: Select[Any], subject: str, text: str, at: datetime) -> None:
    letters = {language: letter(challenge, text, _NAME, language) for language in LANGUAGES}
    mail.queue_selected(
        select(
            Person.email,
            in_their_language(subject),
            func.replace(in_their_language(letters), _NAME, Person.name),
            zone_column(),
        )
        .where(
            Person.id.in_(people),
            Person.suspended_at.is_(None),
            Person.email.is_not(None),
            wants(BY_NAME["announcement"], "mail"),
        )
        .order_by(Person.id),
        at=at,
    )


def letter(challenge: Challenge, text: str, name: str, language: str) -> str:
    """The mail around an announcement, as a reader of this name and language gets it."""
    with force_locale(language):
        return render_template(
            "mail/announcement.txt",
            name=name,
            text=text,
            title=challenge.title(language),
            address=current_app.config["SETTINGS"].base_url + page_of(challenge),
        )


def page_of(challenge: Challenge) -> str:
    """The page of a challenge that its participants read."""
    return f"/challenges/{quote(challenge.code)}"


def tell_participants(challenge: Challenge, kind: str, text: str, *, at: datetime) -> None:
    """Tell everybody who takes part that their challenge has changed, by a notice inside the application.

    `kind` is "rules", "extension", "early_close" or "cancelled"; `text` is what the animator wrote about it.
    """
    everybody = select(Participant.person_id).where(Participant.challenge_id == challenge.id)
    titles: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            titles[language] = _changed(kind, challenge.title(language))[:200]
    notify(everybody, kind, titles, text, page_of(challenge), at=at)


def tell_closed(challenge: Challenge, held: Select[Any] | None, *, at: datetime) -> None:
    """Tell everybody who took part that ranks and prizes are final, and where to read theirs.

    `held` selects the ids of those whose prizes wait for an employer's agreement, who are told so; None for nobody.
    """
    everybody = select(Participant.person_id).where(Participant.challenge_id == challenge.id)
    titles: dict[str, str] = {}
    texts: dict[str, str] = {}
    waiting: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            titles[language] = _("%(title)s : les résultats", title=challenge.title(language))[:200]
            texts[language] = _("Le challenge est clos : votre place, ce que vous avez gagné et pourquoi.")
            waiting[language] = f"{texts[language]} " + _(
                "Un de vos gains attend l’accord de votre employeur ; il n’est pas perdu."
            )
    result = page_of(challenge) + "/result"
    if held is not None:
        notify(held, "closed", titles, waiting, result, at=at)
        everybody = everybody.where(Participant.person_id.not_in(held))
    notify(everybody, "closed", titles, texts, result, at=at)


def tell_given(challenge: Challenge, person_id: int, what: Mapping[str, str], *, at: datetime) -> None:
    """Tell somebody that a prize that was held is given; `what` it is, in each language."""
    titles: dict[str, str] = {}
    texts: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            titles[language] = _("%(title)s : votre gain vous est remis", title=challenge.title(language))[:200]
            texts[language] = _("%(what)s : ce gain attendait l’accord de votre employeur.", what=what[language])
    notify([person_id], "award", titles, texts, page_of(challenge) + "/result", at=at)


def tell_waiting(challenge: Challenge, sales: int, *, at: datetime) -> None:
    """Tell those who animate, once for each challenge, that it cannot close before somebody decides on some sales."""
    address = f"/studio/{quote(challenge.code)}"
    told = exists().where(Notice.person_id == Person.id, Notice.kind == "waiting", Notice.address == address)
    titles: dict[str, str] = {}
    texts: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            titles[language] = _("%(title)s ne peut pas se clôturer", title=challenge.title(language))[:200]
            texts[language] = ngettext(
                "Le délai de vérification est passé et %(n)s vente n’a pas de réponse. Le challenge se clôture dès "
                "qu’elle en a une.",
                "Le délai de vérification est passé et %(n)s ventes n’ont pas de réponse. Le challenge se clôture dès "
                "qu’elles en ont une.",
                sales, n=number(sales),
            )  # fmt: skip
    notify(select(Person.id).where(Person.role.in_(sorted(STAFF)), ~told), "waiting", titles, texts, address, at=at)


def _changed(kind: str, title: str) -> str:
    words = {
        "rules": _("%(title)s : le règlement change", title=title),
        "extension": _("%(title)s est prolongé", title=title),
        "early_close": _("%(title)s se termine plus tôt", title=title),
        "cancelled": _("%(title)s est annulé", title=title),
    }
    return words[kind]
