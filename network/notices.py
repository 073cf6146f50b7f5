"""Messages inside the application: written to many people in one statement, read one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from sqlalchemy import CursorResult, ScalarSelect, Select, String, case, cast, func, insert, literal, select, update
from sqlalchemy.sql import ColumnElement

from foundation.database import Instant, db
from foundation.localisation import LANGUAGES
from network.models import Notice, Person

KINDS = (
    "announcement",
    "rules",
    "extension",
    "early_close",
    "cancelled",
    "closed",
    "order",
    "points",
    "award",
    "waiting",
)
Words = str | Mapping[str, str]


def notify(
    people: Collection[int] | Select[Any], kind: str, title: Words, text: Words, address: str, *, at: datetime
) -> None:
    """Write one notice to each of these people (ids, or a select of ids), in one statement, whatever their number.

    `title` and `text` are plain text, or one text per language ("fr" is said where a person's language has none).
    `address` is a page of this site. Suspended people get nothing: they could not read it.
    """
    words = (in_their_language(title), in_their_language(text))
    chosen = (
        select(
            Person.id, literal(kind, String), *words, literal(address, String), literal(at, Instant),
        )
        .where(Person.id.in_(people), Person.suspended_at.is_(None))
        .order_by(Person.id)
    )  # fmt: skip
    db.session.execute(
        insert(Notice).from_select(["person_id", "kind", "title", "text", "address", "created_at"], chosen)
    )


def in_their_language(words: Words) -> ColumnElement[str]:
    """A text as each person of a select reads it."""
    if isinstance(words, str):
        return literal(words, String)
    others = [
        (Person.language == language, literal(text, String)) for language, text in words.items() if language != "fr"
    ]
    french = literal(words["fr"], String)
    return cast(case(*others, else_=french), String) if others else french


def said(words: Callable[[], str]) -> dict[str, str]:
    """A text in each language, as `notify` takes it."""
    found = {}
    for language in LANGUAGES:
        with force_locale(language):
            found[language] = words()
    return found


def read(person: Person, notice_id: int, *, at: datetime) -> Notice | None:
    """A notice of this person, from now on read (the first time counts); None for somebody else's.

    Opening one's own message changes nothing for anybody else, so no audit entry is written.
    """
    notice = notice_of(person, notice_id)
    if notice is not None and notice.read_at is None:
        notice.read_at = at
        db.session.flush()
    return notice


def read_all(person: Person, *, at: datetime) -> int:
    """Mark all notices of this person as read; answers how many were not."""
    done: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
        update(Notice).where(Notice.person_id == person.id, Notice.read_at.is_(None)).values(read_at=at)
    )
    return done.rowcount


def notice_of(person: Person, notice_id: int) -> Notice | None:
    """One notice of this person; None for somebody else's."""
    return db.session.scalar(select(Notice).where(Notice.id == notice_id, Notice.person_id == person.id))


def notices_of(person: Person) -> Select[tuple[Notice]]:
    """The notices of this person, newest first."""
    return select(Notice).where(Notice.person_id == person.id).order_by(Notice.created_at.desc(), Notice.id.desc())


def unread(person_id: Any) -> ScalarSelect[int]:
    """How many notices somebody has not read, to be part of another select: a look into one index."""
    return select(func.count()).where(Notice.person_id == person_id, Notice.read_at.is_(None)).scalar_subquery()
