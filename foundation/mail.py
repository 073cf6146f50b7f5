"""Messages: queued in the transaction that causes them, delivered after it, never at night or on a Sunday.

Without PALMARES_MAIL_URL they are written to the folder instance/outbox as .eml files. With it they go by SMTP:
smtp://user:password@host:587?from=palmares@brand.example (encrypted when the server offers it) or smtps://…
"""

from __future__ import annotations

import smtplib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from sqlalchemy import Integer, Select, delete, false, insert, literal, select, update

from foundation.database import Instant, db
from foundation.logs import log
from foundation.models import OutboxMessage
from foundation.settings import Settings
from foundation.transactions import after_commit, transaction

QUIET_FROM, QUIET_UNTIL = time(20, 0), time(8, 0)
SUNDAY = 7
MOST_TRIES = 8
TRY_AGAIN_AFTER = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=4)
URGENT_FOR = timedelta(hours=1)
AT_ONCE = 500
TIMEOUT = 15
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def outside_quiet_hours(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant from `at` on when one may write to people: 8:00 to 20:00 in `zone`, not on Sunday."""
    local = at.astimezone(zone)
    day = local.date()
    if local.time() >= QUIET_FROM:
        day += timedelta(days=1)
    elif local.time() >= QUIET_UNTIL and local.isoweekday() != SUNDAY:
        return at
    if day.isoweekday() == SUNDAY:
        day += timedelta(days=1)
    return datetime.combine(day, QUIET_UNTIL, zone).astimezone(UTC)


def queue(
    recipient: str,
    subject: str,
    text: str,
    html: str | None = None,
    *,
    at: datetime,
    urgent: bool = False,
    zone: ZoneInfo | None = None,
) -> None:
    """Have a message sent once the present transaction is committed.

    `urgent`: something the person has just asked for, such as a sign-in code; it leaves at once, at any hour, and is
    like the others when it could not within an hour. These leave with the job mail.deliver, outside of quiet hours in
    `zone` (default: the programme's).
    """
    allowed = outside_quiet_hours(at, zone or current_app.config["TIMEZONE"])
    message = db.session.execute(
        insert(OutboxMessage)
        .values(
            recipient=recipient,
            # One line; `split` would also make every space an ordinary one.
            subject=" ".join(subject.splitlines()).strip()[:200],
            text=text,
            html=html,
            urgent=urgent,
            queued_at=at,
            not_before=at if urgent else allowed,
            attempts=0,
            timezone=zone.key if zone is not None else None,
        )
        .returning(OutboxMessage.id)
    ).scalar_one()
    if urgent:
        after_commit(lambda: _deliver_soon(message, at))


def queue_selected(letters: Select[Any], *, at: datetime) -> None:
    """Have many messages sent once the present transaction is committed: one statement, whatever their number.

    `letters` selects (recipient, subject, text, time zone), the subject on one line of at most 200 characters, the zone
    NULL for the programme's. They leave with the job mail.deliver, outside of quiet hours.
    """
    chosen = letters.subquery("letters").c
    allowed = outside_quiet_hours(at, current_app.config["TIMEZONE"])
    fixed = (false(), literal(at, Instant), literal(allowed, Instant), literal(0, Integer))
    columns = ["recipient", "subject", "text", "timezone", "urgent", "queued_at", "not_before", "attempts"]
    db.session.execute(insert(OutboxMessage).from_select(columns, select(*chosen, *fixed)))


def deliver_due(at: datetime) -> tuple[int, list[str]]:
    """Send what is due at `at`; answers (how many were sent, why others were not). Opens its own transactions."""
    due = db.session.execute(
        select(OutboxMessage.id, OutboxMessage.urgent, OutboxMessage.timezone, OutboxMessage.queued_at)
        .where(
            OutboxMessage.sent_at.is_(None),
            OutboxMessage.not_before <= at,
            OutboxMessage.attempts < MOST_TRIES,
        )
        .order_by(OutboxMessage.not_before, OutboxMessage.id)
        .limit(AT_ONCE)
    ).all()
    sent, failures = 0, []
    for message, urgent, zone, queued_at in due:
        there = ZoneInfo(zone) if zone else current_app.config["TIMEZONE"]
        waited_for = urgent and at < queued_at + URGENT_FOR
        allowed = at if waited_for else outside_quiet_hours(at, there)
        if allowed > at:
            _put_off(message, allowed)
            continue
        try:
            sent += _deliver(message, at)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            failures.append(f"message {message}: {type(error).__name__}: {error}")
    return sent, failures


def forget_sent(before: datetime) -> int:
    """Remove messages sent before an instant: they hold names and addresses. Answers how many."""
    return db.session.execute(delete(OutboxMessage).where(OutboxMessage.sent_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]


def _put_off(message: int, until: datetime) -> None:
    """It is night, or Sunday, where this message goes."""
    with transaction():
        db.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message, OutboxMessage.sent_at.is_(None))
            .values(not_before=until)
        )


def _deliver(message: int, at: datetime) -> bool:
    """Claim one message, send it, note that it went. False when somebody else claimed it first.

    The claim puts the next try off, twice as long each time: a mail server may be away for half a day. A process that
    dies in the middle leaves the message to that next try.
    """
    with transaction():
        row = db.session.execute(
            select(OutboxMessage).where(OutboxMessage.id == message).execution_options(populate_existing=True)
        ).scalar_one_or_none()
        if row is None:
            return False
        claimed = db.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message, OutboxMessage.sent_at.is_(None), OutboxMessage.not_before <= at)
            .where(OutboxMessage.attempts == row.attempts)
            .values(attempts=row.attempts + 1, not_before=at + min(TRY_AGAIN_AFTER * 2**row.attempts, LONGEST_WAIT))
        )
        if claimed.rowcount != 1:  # type: ignore[attr-defined]
            return False
        letter = compose(row, current_app.config["SETTINGS"])
    carrier(current_app.config["SETTINGS"])(message, letter)
    with transaction():
        db.session.execute(update(OutboxMessage).where(OutboxMessage.id == message).values(sent_at=at))
    return True


def _deliver_soon(message: int, at: datetime) -> None:
    """Deliver now, without making the person wait for the mail server, nor fail when it does.

    A mail server is talked to from another thread: the time an answer takes must not tell whether an address is known.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def deliver() -> None:
        with app.app_context():
            _deliver_or_log(message, at)

    if app.config["SETTINGS"].mail_url is None:
        _deliver_or_log(message, at)
    else:
        threading.Thread(target=deliver, name="mail", daemon=True).start()


def _deliver_or_log(message: int, at: datetime) -> None:
    try:
        _deliver(message, at)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log("mail").error("not delivered, will be tried again", message=message, error=type(error).__name__)


def compose(row: OutboxMessage, settings: Settings) -> EmailMessage:
    """The letter as it travels. Raises ValueError for an address that is none."""
    from_address = sender(settings)
    name, _, domain = row.recipient.rpartition("@")
    letter = EmailMessage()
    letter["From"] = Address("Palmarès", addr_spec=from_address)
    letter["To"] = Address(username=name, domain=domain)
    letter["Subject"] = row.subject
    letter["Date"] = format_datetime(row.queued_at)
    # The same at every try, so that who gets the letter twice is shown it once; the instant, for SQLite gives numbers
    # again.
    letter["Message-ID"] = f"<{row.id}.{row.queued_at:%Y%m%d%H%M%S%f}@{from_address.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(row.text)
    if row.html is not None:
        letter.add_alternative(row.html, subtype="html")
    return letter


def sender(settings: Settings) -> str:
    """The address our messages come from."""
    parts = urlsplit(settings.mail_url or "")
    given = parse_qs(parts.query).get("from")
    if given:
        return given[0]
    user = unquote(parts.username or "")
    return user if "@" in user else f"palmares@{urlsplit(settings.base_url).hostname}"


def carrier(settings: Settings) -> Callable[[int, EmailMessage], None]:
    """What takes a letter away: a function of (message number, letter)."""
    if settings.mail_url is None:

        def write(number: int, letter: EmailMessage) -> None:
            settings.outbox_folder.mkdir(parents=True, exist_ok=True)
            being_written = settings.outbox_folder / f".{number:08d}"
            being_written.write_bytes(bytes(letter))
            being_written.replace(settings.outbox_folder / f"{number:08d}.eml")

        return write

    parts = urlsplit(settings.mail_url)
    host = parts.hostname or "localhost"

    def send(number: int, letter: EmailMessage) -> None:
        encryption = ssl.create_default_context()
        server: smtplib.SMTP
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=encryption)
        else:
            server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT)
        try:
            server.ehlo()
            if parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=encryption)
                server.ehlo()
            elif parts.scheme == "smtp" and parts.username and host not in LOCAL_HOSTS:
                raise smtplib.SMTPNotSupportedError("the server does not encrypt; the password is not sent to it")
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(letter)
        finally:
            # The letter was taken or it was not; what the server says to a goodbye changes nothing about that.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    return send
