"""Messages inside the application: written to many people in one statement, read one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import force_locale
from sqlalchemy import CursorResult, ScalarSelect, Select, String, case, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import ColumnElement

from foundation.database import Instant, db
from foundation.localisation import LANGUAGES
from network.models import Device, Notice, Occasion, Person
from network.topics import BY_KIND, Topic, wants

Words = str | Mapping[str, str]
LONGEST_ADDRESS = 300
AT_ONCE = 5_000


class Letter(NamedTuple):
    """What one notice says: plain text, and a page of this site."""

    title: str
    text: str
    address: str


def notify(
    people: Collection[int] | Select[Any], kind: str, title: Words, text: Words, address: str, *, at: datetime
) -> None:
    """Write one notice to each of these people (ids, or a select of ids), in one statement, whatever their number.

    `title` and `text` are plain text, or one text per language ("fr" is said where a person's language has none).
    `address` is a page of this site. Suspended people get nothing: they could not read it. Who has asked to be told
    outside as well is told by the job notices.send, once this is committed.
    """
    words = (in_their_language(title), in_their_language(text))
    chosen = (
        select(
            Person.id, literal(kind, String), *words, literal(address, String), literal(at, Instant),
            goes_out(BY_KIND[kind]),
        )
        .where(Person.id.in_(people), Person.suspended_at.is_(None))
        .order_by(Person.id)
    )  # fmt: skip
    db.session.execute(
        insert(Notice).from_select(["person_id", "kind", "title", "text", "address", "created_at", "outward"], chosen)
    )


def notify_each(letters: Mapping[int, Callable[[], Letter]], kind: str, *, at: datetime) -> None:
    """Write to each of these people (by id) a notice of their own, as `notify` does: two statements, whatever their
    number. A letter is written while its reader's language is spoken."""
    people = sorted(letters)
    for start in range(0, len(people), AT_ONCE):
        chosen = select(Person.id, Person.language, goes_out(BY_KIND[kind])).where(
            Person.id.in_(people[start : start + AT_ONCE]), Person.suspended_at.is_(None)
        )
        rows = []
        for person_id, language, outward in db.session.execute(chosen.order_by(Person.id)):
            with force_locale(language if language in LANGUAGES else "fr"):
                title, text, address = letters[person_id]()
            rows.append(
                {
                    "person_id": person_id, "kind": kind, "title": title[:200], "text": text, "address": address,
                    "created_at": at, "outward": outward,
                }
            )  # fmt: skip
        if rows:
            db.session.execute(insert(Notice), rows)


def goes_out(topic: Topic) -> ColumnElement[bool]:
    """Whether a notice also leaves the application, for each person of a select. Announcements write their own mail."""
    has_device = select(Device.id).where(Device.person_id == Person.id).correlate(Person).exists()
    out: ColumnElement[bool] = has_device & wants(topic, "push")
    return out if topic.name == "announcement" else out | (Person.email.is_not(None) & wants(topic, "mail"))


def first_time(people: Collection[int], what: str, day: date) -> set[int]:
    """Those of these people who are not told this for this day yet; from now on they are. Two callers at once never
    both get the same person."""
    if not people:
        return set()
    insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    claim = insert_new(Occasion).values([{"person_id": one, "what": what, "day": day} for one in sorted(people)])
    return set(db.session.scalars(claim.on_conflict_do_nothing().returning(Occasion.person_id)))


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


def notices_of(person: Person, kinds: Collection[str] = ()) -> Select[tuple[Notice]]:
    """The notices of this person, of some kinds or of all, newest first."""
    mine = select(Notice).where(Notice.person_id == person.id)
    if kinds:
        mine = mine.where(Notice.kind.in_(kinds))
    return mine.order_by(Notice.created_at.desc(), Notice.id.desc())


def kinds_of(person: Person) -> set[str]:
    """The kinds of notices this person has."""
    return set(db.session.scalars(select(Notice.kind).where(Notice.person_id == person.id).distinct()))


def unread(person_id: Any) -> ScalarSelect[int]:
    """How many notices somebody has not read, to be part of another select: a look into one index."""
    return select(func.count()).where(Notice.person_id == person_id, Notice.read_at.is_(None)).scalar_subquery()
