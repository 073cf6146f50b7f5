"""Messages to a part of a challenge's people: once, to whom they concern, by notice and by mail, within limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from challenges.announcements import MOST_A_DAY, Overtaken, announce, clean, sent_to, tell_participants
from challenges.models import Announcement, Challenge, Participant
from declarations.publishing import cancel
from foundation.database import db
from foundation.models import AuditEntry, OutboxMessage
from foundation.transactions import transaction
from network.models import Notice, Person
from network.operations import choose_language, suspend
from network.rules import Refused
from tests.cast import Cast
from tests.declarations.stage import NOW, publish
from tests.portal.test_statements import counted

EVENING = datetime(2026, 2, 7, 19, 30, tzinfo=UTC)  # a Saturday, half past eight in the evening in Paris
MONDAY = datetime(2026, 2, 9, 7, 0, tzinfo=UTC)  # eight in the morning


def send(challenge: Challenge, *, seen: int = 0, at: datetime = NOW, **said: Any) -> Announcement:
    values = {"segment": "everyone", "subject": "Bientôt la fin", "text": "Plus que dix jours.", "by": "MARC"} | said
    people = values.pop("people", None)
    with transaction():
        again = db.session.get_one(Challenge, challenge.id)
        if people is None:
            people = select(Participant.person_id).where(Participant.challenge_id == again.id)
        return announce(
            again, values["segment"], people, values["subject"], values["text"], seen=seen, by=values["by"], at=at
        )


def told() -> list[str]:
    """Who has a notice."""
    return list(db.session.scalars(select(Person.code).join(Notice, Notice.person_id == Person.id).order_by(Notice.id)))


def mails() -> list[OutboxMessage]:
    return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def test_everybody_of_the_segment_is_told_by_notice_and_by_mail_and_it_is_audited(cast: Cast):
    challenge = publish()
    sent = send(challenge)
    assert sent.people == 4 and sent.sent_by == "MARC"
    assert sorted(told()) == ["AWA", "BRUNO", "CHLOE", "NINA"]
    assert sorted(mail.recipient for mail in mails()) == [
        "awa@example.org", "bruno@example.org", "chloe@example.org", "nina@example.org",
    ]  # fmt: skip
    [first, *_] = mails()
    assert first.subject == "Bientôt la fin" and not first.urgent and first.not_before == NOW
    assert first.text.startswith(
        "Bonjour Awa Diallo,\n\nPlus que dix jours.\n\nHiver\u00a0: http://localhost/challenges/hiver"
    )
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "challenge.announced")).one()
    assert entry.subject == "hiver" and entry.details == {"segment": "everyone", "people": 4}


def test_only_the_segment_is_told(cast: Cast):
    challenge = publish()
    send(challenge, people=select(Person.id).where(Person.code == "AWA"))
    assert told() == ["AWA"] and [mail.recipient for mail in mails()] == ["awa@example.org"]


def test_the_suspended_get_nothing_and_who_has_no_address_gets_the_notice_alone(cast: Cast):
    challenge = publish()
    with transaction():
        suspend(cast.chloe, by="MARC", at=NOW)
        cast.nina.email = None
        db.session.flush()
    assert send(challenge).people == 3
    assert sorted(told()) == ["AWA", "BRUNO", "NINA"]
    assert sorted(mail.recipient for mail in mails()) == ["awa@example.org", "bruno@example.org"]


def test_a_mail_speaks_its_readers_language_around_the_text_as_written(cast: Cast):
    challenge = publish()
    with transaction():
        choose_language(cast.awa, "en", by="AWA", at=NOW)
    send(challenge)
    english = next(mail for mail in mails() if mail.recipient == "awa@example.org")
    assert english.text.startswith("Hello Awa Diallo,\n\nPlus que dix jours.\n\nWinter: ")


def test_mails_wait_until_the_quiet_hours_are_over(cast: Cast):
    challenge = publish()
    send(challenge, at=EVENING)
    assert {mail.not_before for mail in mails()} == {MONDAY}
    assert len(told()) == 4  # the notice waits inside the application, and wakes nobody


def test_however_many_people_the_number_of_statements_is_the_same(cast: Cast):
    challenge = publish()
    only_awa = select(Person.id).where(Person.code == "AWA")
    with counted() as few:
        send(challenge, people=only_awa)
    with counted() as many:
        send(challenge, seen=1, subject="Autre")
    assert len(few) == len(many)


# --- once, and not too often -----------------------------------------------------------------------------------------


def test_a_second_tap_sends_nothing_and_is_answered_like_the_first(cast: Cast):
    challenge = publish()
    first = send(challenge).id
    assert send(challenge).id == first
    assert len(told()) == 4 and len(mails()) == 4


def test_after_somebody_elses_message_the_writer_is_asked_to_read_it_first(cast: Cast):
    challenge = publish()
    send(challenge, by="ADA", subject="De moi d’abord")
    with pytest.raises(Overtaken):
        send(challenge)
    assert len(told()) == 4
    send(challenge, seen=1)
    assert len(told()) == 8


def test_a_challenge_writes_to_its_people_only_so_often_a_day(cast: Cast):
    challenge = publish()
    for number in range(MOST_A_DAY):
        send(challenge, seen=number, subject=f"Message {number}")
    with pytest.raises(Refused, match="demain"):
        send(challenge, seen=MOST_A_DAY, subject="De trop")
    assert len(told()) == 4 * MOST_A_DAY
    send(challenge, seen=MOST_A_DAY, subject="Le lendemain", at=NOW + timedelta(days=1))
    assert len(told()) == 4 * (MOST_A_DAY + 1)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"subject": "  "}, "objet"),
        ({"subject": "x" * 121}, "objet"),
        ({"text": "\n \n"}, "message"),
        ({"text": "x" * 2_001}, "message"),
        ({"people": select(Person.id).where(Person.code == "NOBODY")}, "Personne"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_what_would_be_right_and_nothing_is_written(
    cast: Cast, said: dict[str, Any], why: str
):
    challenge = publish()
    with pytest.raises(Refused, match=why):
        send(challenge, **said)
    assert told() == [] and mails() == [] and db.session.scalars(sent_to(challenge)).all() == []


def test_a_cancelled_challenge_writes_to_nobody_any_more(cast: Cast):
    challenge = publish()
    with transaction():
        cancel(db.session.get_one(Challenge, challenge.id), "Rupture de stock.", by="MARC", at=NOW)
    with pytest.raises(Refused, match="annulé"):
        send(challenge)


def test_a_text_is_kept_as_written_but_for_what_cannot_be_printed():
    assert clean("  Un\r\ndeux\x07 \x1f trois\0  ") == "Un\ndeux  trois"
    assert clean("{name} %(name)s <b>") == "{name} %(name)s <b>"


# --- changes told to everybody ---------------------------------------------------------------------------------------


def test_whoever_takes_part_reads_that_the_challenge_was_cancelled_and_why(cast: Cast):
    challenge = publish()
    with transaction():
        choose_language(cast.awa, "en", by="AWA", at=NOW)
        cancel(db.session.get_one(Challenge, challenge.id), "Rupture de stock.", by="MARC", at=NOW)
    notices = db.session.execute(select(Person.code, Notice.title, Notice.text, Notice.kind).join(Notice)).all()
    said = {code: (title, text, kind) for code, title, text, kind in notices}
    assert said["BRUNO"] == ("Hiver est annulé", "Rupture de stock.", "cancelled")
    assert said["AWA"][0] == "Winter is cancelled"
    assert len(said) == 4


@pytest.mark.parametrize("kind", ["rules", "extension", "early_close"])
def test_every_kind_of_change_has_its_words(cast: Cast, kind: str):
    challenge = publish()
    with transaction():
        tell_participants(challenge, kind, "Voici pourquoi.", at=NOW)
    titles = set(db.session.scalars(select(Notice.title)))
    assert len(titles) == 1 and titles.pop().startswith("Hiver")
    assert len(told()) == 4
