"""What the clock does for readers of the digest: the week is written to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from foundation.database import db
from foundation.logs import log
from foundation.transactions import transaction
from network.models import Person
from portal.digest import waiting, write_digest


class SomeFailed(RuntimeError):
    """Some digests could not be written; they are tried again. The others are on their way."""


def send_digests(at: datetime) -> Iterator[str]:
    """Write the digest of the week to whoever may get it now, each in a transaction of its own that claims first."""
    written, failed = 0, 0
    for person_id in list(waiting(at)):
        try:
            with transaction():
                written += write_digest(db.session.get_one(Person, person_id), at=at) is True
        except Exception:
            db.session.rollback()
            log("digest").exception("not written", person=person_id)
            failed += 1
    if written:
        yield f"{written} digests written"
    if failed:
        raise SomeFailed(f"{failed} digests could not be written")
