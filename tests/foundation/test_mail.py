"""Messages leave after the transaction, never at night or on a Sunday unless the person is waiting for them."""

from __future__ import annotations

import email
import email.policy
import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from foundation import jobs, mail
from foundation.database import db
from foundation.models import OutboxMessage
from foundation.transactions import transaction
from tests.conftest import make_app, make_settings

PARIS = ZoneInfo("Europe/Paris")
TUESDAY_NOON = datetime(2026, 2, 3, 11, 0, tzinfo=UTC)


def letters(app):
    files = sorted(app.config["SETTINGS"].outbox_folder.glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


@pytest.mark.parametrize(
    ("queued", "leaves"),
    [
        ("2026-02-03T12:00", "2026-02-03T12:00"),
        ("2026-02-03T08:00", "2026-02-03T08:00"),
        ("2026-02-03T19:59", "2026-02-03T19:59"),
        ("2026-02-03T20:00", "2026-02-04T08:00"),
        ("2026-02-04T03:00", "2026-02-04T08:00"),
        ("2026-02-07T21:00", "2026-02-09T08:00"),
        ("2026-02-08T10:00", "2026-02-09T08:00"),
        ("2026-02-08T23:00", "2026-02-09T08:00"),
        ("2026-03-28T22:00", "2026-03-30T08:00"),
    ],
)
def test_quiet_hours_are_those_of_the_programme(queued, leaves):
    at = datetime.fromisoformat(queued).replace(tzinfo=PARIS)
    assert mail.outside_quiet_hours(at.astimezone(UTC), PARIS) == datetime.fromisoformat(leaves).replace(tzinfo=PARIS)


def test_a_message_waits_for_its_transaction_and_the_job(app):
    with transaction():
        mail.queue("awa@example.org", "Bonjour", "Texte", "<p>Texte</p>", at=TUESDAY_NOON)
    assert letters(app) == []
    assert jobs.deliver_mail(TUESDAY_NOON) == ["sent 1"]
    assert jobs.deliver_mail(TUESDAY_NOON) == []
    [letter] = letters(app)
    assert (letter["To"], letter["Subject"]) == ("awa@example.org", "Bonjour")
    assert letter.get_body(("plain",)).get_content() == "Texte\n"
    assert letter.get_body(("html",)).get_content() == "<p>Texte</p>\n"


def test_a_message_of_the_night_leaves_in_the_morning(app):
    night = datetime(2026, 2, 3, 22, 0, tzinfo=UTC)
    with transaction():
        mail.queue("awa@example.org", "Bonjour", "Texte", at=night)
    assert jobs.deliver_mail(night) == []
    assert jobs.deliver_mail(datetime(2026, 2, 4, 7, 0, tzinfo=UTC)) == ["sent 1"]


def test_what_the_person_waits_for_leaves_at_once_at_any_hour(app):
    night = datetime(2026, 2, 8, 2, 0, tzinfo=UTC)
    with transaction():
        mail.queue("awa@example.org", "Code 123456", "Votre code", at=night, urgent=True)
        assert letters(app) == []
    assert [letter["Subject"] for letter in letters(app)] == ["Code 123456"]
    assert jobs.deliver_mail(night + timedelta(hours=1)) == []


def test_nothing_leaves_when_the_transaction_fails(app):
    with pytest.raises(RuntimeError), transaction():
        mail.queue("awa@example.org", "Code", "Votre code", at=TUESDAY_NOON, urgent=True)
        raise RuntimeError
    assert letters(app) == []
    assert db.session.scalar(select(OutboxMessage.id)) is None


def test_a_line_break_in_a_subject_cannot_add_a_header(app):
    with transaction():
        mail.queue("awa@example.org", "Bonjour\r\nBcc: all@example.org", "Texte", at=TUESDAY_NOON)
    jobs.deliver_mail(TUESDAY_NOON)
    [letter] = letters(app)
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Bonjour Bcc: all@example.org"


def test_a_wrong_address_is_named_and_does_not_stop_the_others(app):
    with transaction():
        mail.queue("not an address\n", "Bonjour", "Texte", at=TUESDAY_NOON)
        mail.queue("awa@example.org", "Bonjour", "Texte", at=TUESDAY_NOON)
    with pytest.raises(RuntimeError, match="sent 1, failed 1"):
        jobs.deliver_mail(TUESDAY_NOON)
    assert [letter["To"] for letter in letters(app)] == ["awa@example.org"]


def test_sent_messages_are_forgotten_after_a_month(app):
    with transaction():
        mail.queue("awa@example.org", "Bonjour", "Texte", at=TUESDAY_NOON)
    jobs.deliver_mail(TUESDAY_NOON)
    assert jobs.forget_mail(TUESDAY_NOON + timedelta(days=29)) == []
    assert jobs.forget_mail(TUESDAY_NOON + timedelta(days=31)) == ["removed 1"]


class Server:
    """Keeps what it takes. `forgets`: how many times it takes a letter and the connection breaks before it says so."""

    def __init__(self):
        self.received, self.goodbyes, self.forgets = [], 0, 0
        self.goodbye = "221 bye"

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if self.forgets:
            self.forgets -= 1
            server.transport.abort()
        return "250 taken"

    async def handle_QUIT(self, server, session, envelope):
        self.goodbyes += 1
        if self.goodbye == "":
            server.transport.abort()
        return self.goodbye


@pytest.fixture
def mail_server():
    handler = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        handler.port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


def test_with_a_mail_server_messages_go_by_smtp(mail_server, database_url, tmp_path):
    url = f"smtp://127.0.0.1:{mail_server.port}?from=palmares@brand.example"
    app = make_app(make_settings(database_url, tmp_path, mail_url=url))
    with app.app_context():
        with transaction():
            mail.queue("awa@example.org", "Résultats", "Bravo Chloé", at=TUESDAY_NOON)
        assert jobs.deliver_mail(TUESDAY_NOON) == ["sent 1"]
        db.session.remove()
        db.engine.dispose()
    [(sender, recipients, content)] = mail_server.received
    assert (sender, recipients) == ("palmares@brand.example", ["awa@example.org"])
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert letter["Subject"] == "Résultats"
    assert letter.get_content().strip() == "Bravo Chloé"


def test_when_the_mail_server_is_away_the_message_is_tried_again_later(database_url, tmp_path, mail_server):
    app = make_app(make_settings(database_url, tmp_path, mail_url="smtp://127.0.0.1:1"))
    with app.app_context():
        with transaction():
            mail.queue("awa@example.org", "Bonjour", "Texte", at=TUESDAY_NOON)
        with pytest.raises(RuntimeError, match="sent 0, failed 1"):
            jobs.deliver_mail(TUESDAY_NOON)
        assert jobs.deliver_mail(TUESDAY_NOON + timedelta(minutes=1)) == []
        db.session.remove()
        db.engine.dispose()
    app = make_app(make_settings(database_url, tmp_path, mail_url=f"smtp://127.0.0.1:{mail_server.port}"))
    with app.app_context():
        assert jobs.deliver_mail(TUESDAY_NOON + timedelta(minutes=6)) == ["sent 1"]
        db.session.remove()
        db.engine.dispose()
    assert len(mail_server.received) == 1


@contextmanager
def server_at(app, port):
    """The mail server is there meanwhile (or nobody is, at port 1)."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, mail_url=f"smtp://127.0.0.1:{port}?from=palmares@brand.example")
    yield
    app.config["SETTINGS"] = before


def every_minute(start, minutes):
    """What came of each minute's delivery: how many were sent, how many failed."""
    outcomes = [mail.deliver_due(start + timedelta(minutes=minute)) for minute in range(minutes)]
    return sum(sent for sent, _ in outcomes), sum(len(failed) for _, failed in outcomes)


@pytest.mark.parametrize("goodbye", ["421 busy, closing", "500 what?", ""])
def test_a_letter_that_was_taken_is_sent_once_whatever_the_server_says_to_a_goodbye(app, mail_server, goodbye):
    mail_server.goodbye = goodbye
    with transaction():
        mail.queue("awa@example.org", "Votre semaine", "Texte", at=TUESDAY_NOON)
    with server_at(app, mail_server.port):
        assert every_minute(TUESDAY_NOON, 60) == (1, 0)
    assert (len(mail_server.received), mail_server.goodbyes) == (1, 1)


def test_a_letter_whose_answer_was_lost_comes_again_under_the_same_number(app, mail_server):
    mail_server.forgets = 2
    with transaction():
        mail.queue("awa@example.org", "Votre semaine", "Texte", at=TUESDAY_NOON)
        mail.queue("bruno@example.org", "Votre semaine", "Texte", at=TUESDAY_NOON)
    with server_at(app, mail_server.port):
        assert every_minute(TUESDAY_NOON, 60) == (2, 2)
    numbers = {}
    for _, [recipient], content in mail_server.received:
        letter = email.message_from_bytes(content, policy=email.policy.default)
        numbers.setdefault(recipient, []).append(letter["Message-ID"])
    assert {recipient: len(given) for recipient, given in numbers.items()} == {
        "awa@example.org": 2, "bruno@example.org": 2,
    }  # fmt: skip
    assert len({one for given in numbers.values() for one in given}) == 2
    assert all(one.endswith("@brand.example>") for given in numbers.values() for one in given)


def test_a_mail_server_may_be_away_for_eight_hours_of_the_day(app, mail_server):
    morning = datetime(2026, 2, 3, 7, 0, tzinfo=UTC)  # eight o'clock in Paris
    with transaction():
        mail.queue("awa@example.org", "Votre semaine", "Texte", at=morning)
    with server_at(app, 1):
        assert every_minute(morning, 8 * 60) == (0, 7)
    with server_at(app, mail_server.port):
        assert every_minute(morning + timedelta(hours=8), 4 * 60) == (1, 0)
    assert len(mail_server.received) == 1


def test_a_letter_nobody_takes_is_given_up_after_eight_tries_by_day(app):
    with transaction():
        mail.queue("awa@example.org", "Votre semaine", "Texte", at=TUESDAY_NOON)
    with server_at(app, 1):
        failures = [
            (TUESDAY_NOON + timedelta(minutes=minute)).astimezone(PARIS)
            for minute in range(0, 3 * 24 * 60, 15)
            if mail.deliver_due(TUESDAY_NOON + timedelta(minutes=minute))[1]
        ]
    assert len(failures) == 8
    assert all(8 <= at.hour < 20 for at in failures)


def test_a_code_that_could_not_leave_does_not_wake_anybody_hours_later(app, mail_server):
    evening = datetime(2026, 2, 3, 20, 0, tzinfo=UTC)  # nine o'clock in Paris
    with transaction():
        mail.queue("awa@example.org", "Code 123456", "Votre code", at=evening, urgent=True)
        mail.queue("bruno@example.org", "Code 654321", "Votre code", at=evening, urgent=True)
        db.session.info["after_commit"].clear()  # the process died before it could send them
    with server_at(app, mail_server.port):
        mail_server.forgets = 1  # the first of them is tried again after five minutes
        assert every_minute(evening, 10) == (2, 1)
    with transaction():
        mail.queue("awa@example.org", "Code 111111", "Votre code", at=evening, urgent=True)
        db.session.info["after_commit"].clear()
    with server_at(app, mail_server.port):
        assert every_minute(evening + timedelta(hours=2), 3 * 60) == (0, 0)
        assert mail.deliver_due(datetime(2026, 2, 4, 7, 0, tzinfo=UTC)) == (1, [])
