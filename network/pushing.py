"""Notices that leave the application: to the devices of those who asked for it, and by mail; never at night."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app, render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import Select, String, cast, delete, func, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from foundation import audit, mail, web_push
from foundation.database import db
from foundation.localisation import LANGUAGES
from network.models import Device, Notice, Occasion, Person, Push
from network.notices import in_their_language
from network.rules import Refused
from network.topics import BY_KIND, TOPICS, Topic, wants
from network.zones import zone_column, zone_of

MOST_DEVICES = 10
AT_ONCE = 500
MOST_TRIES = 7
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
TITLE_LENGTH = 120
BODY_LENGTH = 240
# Stand for what differs from letter to letter in a mail written once for everybody.
_NAME, _TEXT, _NUMBER = "\x1f", "\x1e", "\x1d"


# --- devices ---------------------------------------------------------------------------------------------------------


def devices_of(person_id: int) -> Select[tuple[Device]]:
    """The devices that take a person's pushes, newest first."""
    return select(Device).where(Device.person_id == person_id).order_by(Device.created_at.desc(), Device.id.desc())


def may_ask(person: Person) -> bool:
    """Whether a person may be asked, after a sale that counts, to be told on a device: while they are told on none."""
    if current_app.config["SETTINGS"].push_key is None:
        return False
    return db.session.scalar(devices_of(person.id).with_only_columns(Device.id).limit(1)) is None


def add_device(
    person: Person, endpoint: str, p256dh: str, auth: str, *, name: str, timezone: str, by: str, at: datetime
) -> Device:
    """Have a person's notices brought to a browser. It takes those of one person only: the last who asked there.

    Raises Refused for what no browser would say.
    """
    settings = current_app.config["SETTINGS"]
    known = len(endpoint) <= 1000 and web_push.is_service(endpoint, settings.push_services)
    if settings.push_key is None or not known or not web_push.is_key_pair(p256dh, auth):
        raise Refused(_("Ce navigateur n’a pas donné d’adresse où envoyer des notifications."))
    # Whoever else adds a device for this person waits here.
    db.session.execute(select(Person.id).where(Person.id == person.id).with_for_update())
    device = db.session.scalar(select(Device).where(Device.endpoint == endpoint).with_for_update())
    if device is None:
        device = Device(endpoint=endpoint)
        db.session.add(device)
    elif device.person_id != person.id:
        db.session.execute(delete(Push).where(Push.device_id == device.id))
    new = device.person_id != person.id
    device.person_id, device.p256dh, device.auth = person.id, p256dh, auth
    device.name = " ".join(name.split())[:60]
    device.timezone = timezone if _is_zone(timezone) else ""
    if new:
        device.created_at = at
        db.session.flush()
        audit.record("device.added", person.code, by=by, at=at)
        for old in db.session.scalars(devices_of(person.id).offset(MOST_DEVICES)).all():
            _forget(old.id)
    db.session.flush()
    return device


def remove_device(person: Person, device_id: int, *, by: str, at: datetime) -> bool:
    """Bring nothing more to a person's device; False when it is not theirs."""
    mine = select(Device.id).where(Device.id == device_id, Device.person_id == person.id).with_for_update()
    if db.session.scalar(mine) is None:
        return False
    _forget(device_id)
    audit.record("device.removed", person.code, by=by, at=at)
    return True


def remove_devices(person: Person, *, by: str, at: datetime) -> None:
    """Bring nothing more to any device of a person."""
    for device in db.session.scalars(devices_of(person.id)).all():
        remove_device(person, device.id, by=by, at=at)


def _forget(device_id: int) -> None:
    db.session.execute(delete(Push).where(Push.device_id == device_id))
    db.session.execute(delete(Device).where(Device.id == device_id))


def _is_zone(name: str) -> bool:
    try:
        return bool(name) and len(name) <= 60 and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


# --- setting off -----------------------------------------------------------------------------------------------------


def set_off(*, at: datetime) -> int:
    """Prepare what leaves for the notices that wait for it, the oldest first, at most AT_ONCE; answers how many.

    Who is claimed here is claimed by nobody else. What has been read meanwhile stays inside.
    """
    waiting = select(Notice.id).where(Notice.outward).order_by(Notice.id).limit(AT_ONCE)
    claimed = db.session.scalars(waiting.with_for_update(skip_locked=True)).all()
    if not claimed:
        return 0
    db.session.execute(update(Notice).where(Notice.id.in_(claimed)).values(outward=False))
    for topic in TOPICS:
        chosen = (
            Notice.id.in_(claimed),
            Notice.kind.in_(topic.kinds),
            Notice.read_at.is_(None),
            Person.suspended_at.is_(None),
        )
        if topic.push is not None:
            _prepare_pushes(topic, chosen, at)
        if topic.mail is not None and topic.name != "announcement":
            _prepare_mails(topic, chosen, at)
    return len(claimed)


def _prepare_pushes(topic: Topic, chosen: Sequence[Any], at: datetime) -> None:
    rows = db.session.execute(
        select(Notice.id, Device, Person)
        .join(Person, Person.id == Notice.person_id)
        .join(Device, Device.person_id == Person.id)
        .where(*chosen, wants(topic, "push"))
        .order_by(Notice.id, Device.id)
    ).all()
    if not rows:
        return
    if topic.daily:
        # What came up at night and on Sunday would all leave on Monday at eight: only the last of it is still true.
        latest = {row[1].id: row for row in rows}
        rows = list(latest.values())
        db.session.execute(delete(Push).where(Push.device_id.in_(latest), Push.sent_at.is_(None), _is_about(topic)))
    values = [
        {
            "notice_id": notice_id,
            "device_id": device.id,
            "not_before": mail.outside_quiet_hours(at, zone_of(person, device.timezone)),
            "attempts": 0,
        }
        for notice_id, device, person in rows
    ]
    db.session.execute(insert(Push), values)


def _is_about(topic: Topic) -> ColumnElement[bool]:
    """Whether each push of a select is of a notice about a topic."""
    return select(Notice.id).where(Notice.id == Push.notice_id, Notice.kind.in_(topic.kinds)).exists()


def _prepare_mails(topic: Topic, chosen: Sequence[Any], at: datetime) -> None:
    letters = {}
    for language in LANGUAGES:
        with force_locale(language):
            letters[language] = render_template(
                "mail/notice.txt",
                name=_NAME,
                text=_TEXT,
                address=f"{current_app.config['SETTINGS'].base_url}/notices/{_NUMBER}",
                choices=f"{current_app.config['SETTINGS'].base_url}/me#notifications",
            )
    text = func.replace(in_their_language(letters), _NUMBER, cast(Notice.id, String))
    text = func.replace(func.replace(text, _NAME, Person.name), _TEXT, Notice.text)
    mail.queue_selected(
        select(Person.email, Notice.title, text, zone_column())
        .join_from(Notice, Person, Person.id == Notice.person_id)
        .where(*chosen, Person.email.is_not(None), wants(topic, "mail"))
        .order_by(Notice.id),
        at=at,
    )


# --- sending ---------------------------------------------------------------------------------------------------------


class Parcel(NamedTuple):
    """One push, ready to go. `lives_for` is in seconds: until the next quiet hours, so that a phone that is switched on
    at night does not ring."""

    endpoint: str
    p256dh: str
    auth: str
    message: str
    topic: str
    lives_for: int


def due(at: datetime) -> list[int]:
    """The pushes whose time has come, at most AT_ONCE."""
    chosen = select(Push.id).where(Push.sent_at.is_(None), Push.not_before <= at, Push.attempts < MOST_TRIES)
    return list(db.session.scalars(chosen.order_by(Push.not_before, Push.id).limit(AT_ONCE)))


def claim(push_id: int, *, at: datetime) -> Parcel | None:
    """Take a push to send it now; None when somebody else has, when it is no more wanted, or when it must wait.

    The claim puts the next try off, twice as long each time; whoever dies in the middle leaves it to that next try.
    """
    row = db.session.execute(
        select(Push, Notice, Device, Person)
        .join(Notice, Notice.id == Push.notice_id)
        .join(Device, Device.id == Push.device_id)
        .join(Person, Person.id == Device.person_id)
        .where(Push.id == push_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    push, notice, device, person = row
    zone = zone_of(person, device.timezone)
    allowed = mail.outside_quiet_hours(at, zone)
    free = (Push.id == push_id, Push.sent_at.is_(None), Push.not_before <= at, Push.attempts < MOST_TRIES)
    if allowed > at:
        db.session.execute(update(Push).where(*free).values(not_before=allowed))
        return None
    if notice.read_at is not None or not person.is_active or notice.person_id != person.id:
        db.session.execute(delete(Push).where(*free))
        return None
    topic = BY_KIND[notice.kind]
    if topic.daily and _had_today(topic, device, at, zone):
        db.session.execute(delete(Push).where(*free))
        return None
    wait = min(FIRST_WAIT * 2**push.attempts, LONGEST_WAIT)
    claimed = db.session.execute(
        update(Push).where(*free).values(attempts=Push.attempts + 1, not_before=at + wait)
    ).rowcount  # type: ignore[attr-defined]
    if claimed != 1:
        return None
    # What has the same name takes the place of what came before it, with the service and on the device.
    name = topic.name if topic.daily else f"notice-{notice.id}"
    message = {
        "title": _cut(notice.title, TITLE_LENGTH),
        "body": _cut(notice.text, BODY_LENGTH),
        "address": f"/notices/{notice.id}",
        "tag": name,
    }
    return Parcel(
        device.endpoint,
        device.p256dh,
        device.auth,
        json.dumps(message, ensure_ascii=False),
        name,
        seconds_of_day_left(at, zone),
    )


def _had_today(topic: Topic, device: Device, at: datetime, zone: ZoneInfo) -> bool:
    """Whether a push about a topic has gone to a device since midnight there."""
    midnight = datetime.combine(at.astimezone(zone).date(), time(), zone)
    gone = select(Push.id).where(Push.device_id == device.id, Push.sent_at >= midnight, _is_about(topic)).limit(1)
    return db.session.scalar(gone) is not None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def seconds_of_day_left(at: datetime, zone: ZoneInfo) -> int:
    """How long from an instant outside of quiet hours to the next quiet hours, in whole seconds."""
    evening = datetime.combine(at.astimezone(zone).date(), time(mail.QUIET_FROM.hour), zone)
    return max(60, int((evening - at).total_seconds()))


def sent(push_id: int, *, at: datetime) -> None:
    """A push went."""
    db.session.execute(update(Push).where(Push.id == push_id).values(sent_at=at))


def given_up(push_id: int) -> None:
    """A push will never go."""
    db.session.execute(update(Push).where(Push.id == push_id).values(attempts=MOST_TRIES))


def gone(push_id: int, *, at: datetime) -> None:
    """The device of a push takes none any more."""
    device = db.session.scalar(select(Device).join(Push, Push.device_id == Device.id).where(Push.id == push_id))
    if device is not None:
        person = db.session.get_one(Person, device.person_id)
        _forget(device.id)
        audit.record("device.gone", person.code, by=audit.SYSTEM, at=at)


def forget(before: datetime) -> int:
    """Remove pushes set off before an instant that went or never will, and the marks of what was told. How many."""
    over = or_(Push.sent_at.is_not(None), Push.attempts >= MOST_TRIES)
    removed: int = db.session.execute(delete(Push).where(over, Push.not_before < before)).rowcount  # type: ignore[attr-defined]
    db.session.execute(delete(Occasion).where(Occasion.day < before.date()))
    return removed
