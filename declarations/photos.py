"""Photos that prove sales: they arrive in pieces, prove one sale each, and are recognised when they come again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import undefer

from declarations.models import Declaration, Photo, PhotoPiece
from foundation import pictures
from foundation.database import db
from foundation.transactions import after_commit

MOST_BYTES = 1024 * 1024
MOST_PIECE = 64 * 1024
MOST_UNUSED = 200
HALF_KEPT_FOR = timedelta(days=7)
WHOLE_KEPT_FOR = timedelta(days=30)

PICTURES = 7_265_002  # the number of the lock under which pictures are compared

# Pictures whose difference hashes differ in this many bits of 64 at most are compared. With one bit more or less in
# one of the four parts, the index finds every pair up to 7: eight differences cannot all avoid a part.
NEAR = 7
LIKELY = 1_000
COMPARED = 100


class Elsewhere(ValueError):
    """A piece that does not follow what has come; `offset` is where the next one begins."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the next byte is number {offset}")
        self.offset = offset


class Unusable(ValueError):
    """The photo, or this piece of it, cannot be taken; the message says what would be right."""


class TooMany(ValueError):
    """More photos wait for their sales than one person may have."""


# — arriving ——————————————————————————————————————————————————————————————————————————————————————————————————————————


def photo_of(person_id: int, public_id: str) -> Photo | None:
    """A photo of this person, whole or not; None for anybody else's."""
    return db.session.scalar(select(Photo).where(Photo.person_id == person_id, Photo.public_id == public_id))


def id_for(sale: str, content: bytes) -> str:
    """The id of a photo that came whole with a sale (by id): the same for the same sale and picture."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{sale}/{hashlib.sha256(content).hexdigest()}"))


def is_free(person_id: int, public_id: str) -> bool:
    """Whether this person has such a photo, whole and proving no sale yet."""
    photo = photo_of(person_id, public_id)
    return photo is not None and photo.picture is not None and photo.declaration_id is None


class Cleaned(NamedTuple):
    """A picture as it is kept, and what it is recognised by."""

    content: bytes
    likeness: pictures.Likeness


def clean(content: bytes) -> Cleaned:
    """Verify and clean a photo that has come whole. Raises Unusable. It takes up to seconds, for which nobody else is
    to wait: do it before the transaction in which the photo is kept."""
    try:
        cleaned = pictures.clean_picture(content)
    except ValueError as error:
        raise Unusable(str(error)) from None
    return Cleaned(cleaned, pictures.likeness(cleaned))


def whole_with(person_id: int, public_id: str, offset: int, content: bytes, *, length: int) -> bytes | None:
    """All of a photo, if this piece is its last; None when it is not, or does not follow what has come."""
    if not content or offset + len(content) != length:
        return None
    photo = photo_of(person_id, public_id)
    if photo is None:
        return content if offset == 0 else None
    if (photo.received, photo.length) != (offset, length):
        return None
    pieces = select(PhotoPiece.content).where(PhotoPiece.photo_id == photo.id).order_by(PhotoPiece.start)
    return b"".join([*db.session.scalars(pieces), content])


def take_piece(
    person_id: int,
    public_id: str,
    offset: int,
    content: bytes,
    *,
    length: int,
    cleaned: Cleaned | None = None,
    folder: Path,
    at: datetime,
) -> int:
    """Add bytes to a photo from `offset` on, begin it with the first; answers where the next piece begins.

    With the last piece (whole_with) comes the photo `cleaned`, which is kept in `folder`. Raises Elsewhere when
    `offset` is not what has come so far, Unusable when the photo cannot be one (then it is forgotten), TooMany.
    """
    photo = _begun(person_id, public_id, length, at=at)
    if photo.picture is None and photo.length != length:
        raise Unusable(f"this photo was begun with {photo.length} bytes, not {length}; send a new one under a new id")
    if offset != photo.received:
        raise Elsewhere(photo.received)
    after = offset + len(content)
    if after > length:
        raise Unusable(f"the piece ends after byte {length}, the last one; send at most {length - offset} bytes")
    if not content:
        return offset
    if after < length:
        db.session.add(PhotoPiece(photo_id=photo.id, start=offset, content=content))
    elif cleaned is not None:
        _forget_pieces([photo.id])
        _write(photo, cleaned, folder)
    else:  # the piece before this one came meanwhile: this one is sent again
        raise Elsewhere(offset)
    photo.received, photo.touched_at = after, at
    db.session.flush()
    return after


def keep(person_id: int, public_id: str, cleaned: Cleaned, *, folder: Path, at: datetime) -> Photo:
    """A photo that came whole, with a form; the same one again is the one kept. Raises TooMany."""
    photo = _begun(person_id, public_id, len(cleaned.content), at=at)
    if photo.picture is None:
        photo.received = photo.length
        _write(photo, cleaned, folder)
    return photo


def _begun(person_id: int, public_id: str, length: int, *, at: datetime) -> Photo:
    """The photo of this id, begun if it is new, held until the end of the transaction."""
    mine = select(Photo).where(Photo.person_id == person_id, Photo.public_id == public_id).with_for_update()
    found = db.session.scalar(mine)
    if found is None:
        unused = select(func.count()).where(Photo.person_id == person_id, Photo.declaration_id.is_(None))
        if (db.session.scalar(unused) or 0) >= MOST_UNUSED:
            raise TooMany(f"{MOST_UNUSED} photos wait for their sales; send the sales first")
        insert_new = postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
        new = insert_new(Photo).values(
            person_id=person_id, public_id=public_id, length=length, received=0, touched_at=at
        )
        db.session.execute(new.on_conflict_do_nothing())
        found = db.session.scalar(mine)
    assert found is not None
    return found


def _write(photo: Photo, cleaned: Cleaned, folder: Path) -> None:
    found = cleaned.likeness
    photo.digest, photo.sketch = found.digest, found.sketch
    photo.mark_1, photo.mark_2, photo.mark_3, photo.mark_4 = found.marks or (None,) * 4
    photo.picture = pictures.write_picture(cleaned.content, folder)
    db.session.flush()


def _forget_pieces(photo_ids: Sequence[int]) -> None:
    db.session.execute(delete(PhotoPiece).where(PhotoPiece.photo_id.in_(photo_ids)))


def forget(person_id: int, public_id: str, *, folder: Path) -> None:
    """Let a photo go that proves nothing; one that proves a sale stays."""
    photo = photo_of(person_id, public_id)
    if photo is not None and photo.declaration_id is None:
        _delete([photo], folder)


def forget_unused(*, at: datetime, folder: Path, most: int = 500) -> int:
    """Let go of photos that stopped half way a week ago, and of whole ones that no sale has named for a month;
    answers how many, at most `most`."""
    old = or_(
        Photo.touched_at <= at - WHOLE_KEPT_FOR, Photo.picture.is_(None) & (Photo.touched_at <= at - HALF_KEPT_FOR)
    )
    stale = select(Photo).where(Photo.touched_at <= at - HALF_KEPT_FOR, Photo.declaration_id.is_(None), old)
    found = db.session.scalars(
        stale.order_by(Photo.touched_at, Photo.id).limit(most).with_for_update(skip_locked=True)
    ).all()
    _delete(found, folder)
    return len(found)


def _delete(found: Sequence[Photo], folder: Path) -> None:
    ids = [photo.id for photo in found]
    _forget_pieces(ids)
    db.session.execute(delete(Photo).where(Photo.id.in_(ids)).execution_options(synchronize_session=False))
    names = [photo.picture for photo in found]

    def remove() -> None:
        for name in names:
            pictures.discard_picture(folder, name)

    after_commit(remove)


# — proving a sale ————————————————————————————————————————————————————————————————————————————————————————————————————


def whole_photos(person_ids: Iterable[int], public_ids: Iterable[str]) -> dict[tuple[int, str], Photo]:
    """Photos of some people that have come whole, by person id and public id, held until the end of the transaction:
    none is let go of while a sale comes to name it."""
    wanted = tuple(public_ids)
    if not wanted:
        return {}
    found = db.session.scalars(
        select(Photo)
        .where(Photo.person_id.in_(person_ids), Photo.public_id.in_(wanted), Photo.picture.is_not(None))
        .options(undefer(Photo.sketch))
        .order_by(Photo.id)
        .with_for_update()
    )
    return {(photo.person_id, photo.public_id): photo for photo in found}


def hold_pictures() -> None:
    """Of two sales with the same picture at the same moment, the second then sees the first (SQLite already sees to
    it). One lock for all: pictures that look alike have nothing in common by which only they would wait."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(PICTURES)))


def prove(used: Mapping[int, Photo], twins: Mapping[int, int]) -> None:
    """Each photo proves its declaration, by declaration id; `twins`: photo id → that of the photo it repeats."""
    for declaration_id, photo in used.items():
        db.session.execute(
            update(Photo)
            .where(Photo.id == photo.id, Photo.declaration_id.is_(None))
            .values(declaration_id=declaration_id, same_as_id=twins.get(photo.id))
            .execution_options(synchronize_session=False)
        )


def twin_of(photo: Photo, *, of: int | None = None) -> int | None:
    """The photo (id) of another sale that shows the same picture: the very same, or one that looks alike. None when
    there is none; sales that were taken back do not count, nor does the sale (id) it comes to prove, when that had a
    photo already. Three statements, whatever the number of photos."""
    others = (
        select(Photo.id)
        .join(Declaration, Declaration.id == Photo.declaration_id)
        .where(Photo.id != photo.id, Declaration.status != "withdrawn")
        .order_by(Photo.id.desc())
    )
    if of is not None:
        others = others.where(Declaration.id != of)
    same = db.session.scalar(others.where(Photo.digest == photo.digest).limit(1))
    marks = (photo.mark_1, photo.mark_2, photo.mark_3, photo.mark_4)
    if same is not None or any(mark is None for mark in marks):
        return same
    mine = tuple(mark for mark in marks if mark is not None)
    columns = (Photo.mark_1, Photo.mark_2, Photo.mark_3, Photo.mark_4)
    in_reach = or_(*(column.in_(_neighbours(mark)) for column, mark in zip(columns, mine, strict=True)))
    rows = db.session.execute(others.add_columns(*columns).where(in_reach).limit(LIKELY)).all()
    near = sorted((pictures.hash_distance(mine, tuple(row[1:])), -row.id) for row in rows)
    likely = [-minus for distance, minus in near if distance <= NEAR][:COMPARED]
    if not likely or photo.sketch is None:
        return None
    sketches = dict(db.session.execute(select(Photo.id, Photo.sketch).where(Photo.id.in_(likely))).all())
    return next((one for one in likely if sketches[one] and pictures.alike(photo.sketch, sketches[one])), None)


def _neighbours(mark: int) -> list[int]:
    """A part of a hash, and those that differ from it in one bit."""
    return [mark, *(mark ^ 1 << place for place in range(16))]
