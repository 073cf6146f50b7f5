"""Messages leave after the transaction, never at night or on a Sunday unless the person is waiting for them."""

from __future__ import annotations

import email
import email.policy
import socket
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
    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 taken"


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
