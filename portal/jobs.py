"""What the clock does for the whole: the week is written to readers of the digest, lost pictures are removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select

from declarations.models import Photo, Revision
from foundation.database import db
from foundation.logs import log
from foundation.pictures import discard_unnamed
from foundation.transactions import transaction
from network.models import Person
from portal.digest import waiting, write_digest
from rewards.models import Reward

# The folders of pictures, and the columns that name what is in them.
PICTURES = {"proofs": (Photo.picture, Revision.proof), "people": (Person.picture,), "rewards": (Reward.picture,)}


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


def forget_pictures(at: datetime) -> Iterator[str]:
    """Remove pictures that nothing names, because a process died between writing one and saying so."""
    media = current_app.config["SETTINGS"].media_folder
    for folder, columns in PICTURES.items():

        def named(digit: str, columns: tuple[Any, ...] = columns) -> Iterator[str]:
            for column in columns:
                yield from db.session.scalars(select(column).where(column.startswith(digit)))

        gone = discard_unnamed(media / folder, named, at=at)
        db.session.rollback()
        if gone:
            yield f"{gone} pictures of {folder} that nothing names removed"
