"""What the clock does for notices: those that leave the application are set off and sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask import current_app

from foundation import web_push
from foundation.transactions import transaction
from network import pushing

KEEP = timedelta(days=30)


def send_notices(at: datetime) -> Iterator[str]:
    """Set off what waits, and send the pushes that are due. Each is claimed before it goes: two of these at once send
    each of them once. A service that gives no answer is left alone until the next time."""
    while True:
        with transaction():
            count = pushing.set_off(at=at)
        if not count:
            break
        yield f"{count} notices set off"
    settings = current_app.config["SETTINGS"]
    if settings.push_key is None:
        return
    silent: set[str | None] = set()
    counts = {"sent": 0, "gone": 0, "refused": 0, "put off": 0}
    with transaction():
        waiting = pushing.due(at)
    for push_id in waiting:
        with transaction():
            parcel = pushing.claim(push_id, at=at)
        if parcel is None:
            continue
        host = urlsplit(parcel.endpoint).hostname
        outcome = "put off"
        try:
            if host not in silent:
                endpoint, p256dh, auth, message, topic, lives_for = parcel
                web_push.send(settings, endpoint, p256dh, auth, message, topic=topic, lives_for=lives_for)
                outcome = "sent"
        except web_push.Unreachable as error:
            if not str(error).isdecimal():
                silent.add(host)
        except web_push.Gone:
            outcome = "gone"
        except web_push.NotTaken:
            outcome = "refused"
        counts[outcome] += 1
        with transaction():
            if outcome == "sent":
                pushing.sent(push_id, at=at)
            elif outcome == "gone":
                pushing.gone(push_id, at=at)
            elif outcome == "refused":
                pushing.given_up(push_id)
    if any(counts.values()):
        yield "pushes: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def forget_pushes(at: datetime) -> Iterator[str]:
    """Remove what went 30 days ago."""
    with transaction():
        count = pushing.forget(at - KEEP)
    if count:
        yield f"{count} pushes removed"
