"""How I am told outside of the application: what I chose, and the devices that take my notifications."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock, web_push
from foundation.database import db
from foundation.settings import Settings
from foundation.transactions import transaction
from foundation.web import limiter
from network import pushing, topics
from network.models import Device, Person
from network.permissions import requires
from network.rules import Refused

COOKIE = "device"
YEAR = 365 * 24 * 3600


def _settings() -> Settings:
    return current_app.config["SETTINGS"]


def push_key() -> str | None:
    """The public key with which a page asks its browser for notifications; None where none are sent."""
    private = _settings().push_key
    return web_push.public_key(private) if private is not None else None


def choices_shown() -> dict[str, Any]:
    """What the section of the profile page shows."""
    here = _device_here()
    return {
        "topics": topics.TOPICS,
        "choices": topics.choices_of(current_user.id),
        "devices": db.session.scalars(pushing.devices_of(current_user.id)).all(),
        "this_device": here.id if here is not None else None,
    }


@requires("signed_in")
def choose() -> AnyResponse:
    """Keep what I want to be told about, and how."""
    asked = {topic.name: {way: f"{topic.name}.{way}" in request.form for way in topics.WAYS} for topic in topics.TOPICS}
    if push_key() is None:  # the page does not offer pushes now: what was chosen stays
        for name, made in topics.choices_of(current_user.id).items():
            asked[name]["push"] = bool(made["push"])
    with transaction():
        topics.choose(current_user, asked)
    flash(_("C’est enregistré."), "success")
    return redirect(url_for("network.me"))


@requires("signed_in")
@limiter.limit("30 per 15 minutes")
def add_device() -> AnyResponse:
    """Take what this browser gave (sent by static/js/push.js) and bring my notices to it from now on."""
    said = {name: request.form.get(name, "") for name in ("endpoint", "p256dh", "auth", "name", "timezone")}
    answer = AnyResponse(status=204)
    try:
        with transaction():
            device = pushing.add_device(
                current_user,
                said["endpoint"],
                said["p256dh"],
                said["auth"],
                name=said["name"],
                timezone=said["timezone"],
                by=current_user.code,
                at=clock.now(),
            )
            marked = _signer().dumps(_marks(device))
    except Refused as refusal:
        return AnyResponse(str(refusal), status=422, mimetype="text/plain")
    secure = _settings().base_url.startswith("https:")
    answer.set_cookie(COOKIE, marked, max_age=YEAR, samesite="Lax", httponly=True, secure=secure)
    return answer


@requires("signed_in")
def remove_device(device_id: int) -> AnyResponse:
    """Bring nothing more to one of my devices."""
    with transaction():
        done = pushing.remove_device(current_user, device_id, by=current_user.code, at=clock.now())
    if not done:
        abort(404)
    flash(_("Cet appareil ne recevra plus de notifications."), "success")
    return redirect(url_for("network.me"))


def leave_device(*, but: int | None = None) -> None:
    """This browser changes hands: whoever it brought notices to (but the person `but`) gets no more of them here."""
    device = _device_here()
    if device is None or device.person_id == but:
        return
    with transaction():
        person = db.session.get(Person, device.person_id)
        if person is not None:
            pushing.remove_device(person, device.id, by=person.code, at=clock.now())


def _device_here() -> Device | None:
    """The device that this browser is, when it takes notifications."""
    try:
        number, address = _signer().loads(request.cookies.get(COOKIE, ""))
    except (BadSignature, TypeError, ValueError):
        return None
    device = db.session.get(Device, number)
    return device if device is not None and _marks(device) == [number, address] else None


def _marks(device: Device) -> list[Any]:
    """What a browser's cookie knows its device by. The number alone would not do: once the device with the highest is
    forgotten, SQLite gives that number to the next, which is somebody else's."""
    return [device.id, hashlib.sha256(device.endpoint.encode()).hexdigest()[:16]]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(_settings().secret_key, salt="device")
