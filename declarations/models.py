"""Sales as people told them. Content is never edited: a correction is a new revision, the earlier one stays."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId

CHANNELS = ("store", "online", "face_to_face", "meeting", "reorder")
CUSTOMERS = ("new", "returning")
AGE_BANDS = ("18-24", "25-34", "35-49", "50-64", "65+")
STATUSES = ("in_review", "accepted", "rejected", "withdrawn")
REJECTIONS = ("duplicate", "no_proof", "wrong_quantity", "wrong_product", "not_eligible", "other")


class Declaration(Base):
    """One sale told by a person.

    `public_id` is the text made on the device (or in the file). `fingerprint` is the SHA-256 of the first submission
    as sent: the same again is a replay, another is refused. `declared_at` is after clock replacement; `clock` tells.
    """

    __tablename__ = "declarations"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(code_type(120), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    status: Mapped[str] = mapped_column(code_type(12))
    revision: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(String(64))
    declared_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    clock: Mapped[bool]
    review_reasons: Mapped[str] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(code_type())
    rejection: Mapped[str | None] = mapped_column(String(20))
    rejection_note: Mapped[str | None] = mapped_column(String(500))
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        Index(None, "person_id", "status"),
        Index(None, "person_id", "received_at"),
        Index(None, "status", "received_at"),
    )


class Revision(Base):
    """What a declaration says, frozen at reception.

    `outlet_id` is the person's outlet at that moment; `barred` the legal reason for which the sale scores nowhere
    ('' when it may score); `comment_length` counts the code points of the trimmed comment as submitted; `comment` is
    the cleaned one.
    """

    __tablename__ = "revisions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declarations.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlets.id"))
    sold_on: Mapped[date] = mapped_column(Date)
    channel: Mapped[str] = mapped_column(code_type(12))
    customer: Mapped[str] = mapped_column(code_type(10))
    age_band: Mapped[str] = mapped_column(code_type(6))
    area: Mapped[str] = mapped_column(code_type(10))
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    recommend: Mapped[int | None] = mapped_column(SmallInteger)
    comment: Mapped[str] = mapped_column(Text)
    comment_length: Mapped[int]
    barred: Mapped[str] = mapped_column(String(20))
    proof: Mapped[str | None] = mapped_column(String(100))
    written_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        Index(None, "declaration_id", "number", unique=True),
        Index(None, "sold_on"),
        Index(None, "outlet_id"),
    )


class Line(Base):
    """One product of a revision. List price, category and family are those of the catalogue at reception."""

    __tablename__ = "lines"
    revision_id: Mapped[int] = mapped_column(ForeignKey("revisions.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sku: Mapped[str] = mapped_column(code_type(60))
    units: Mapped[int]
    list_price_cents: Mapped[int]
    unit_price_cents: Mapped[int | None]
    category: Mapped[str] = mapped_column(code_type(100))
    family: Mapped[str] = mapped_column(code_type(100))
    __table_args__ = (
        CheckConstraint("units BETWEEN 1 AND 100000", name="units"),
        {"sqlite_with_rowid": False},
    )


class CountedDeclaration(Base):
    """A declaration that a closed challenge counted, in the revision it had at closing."""

    __tablename__ = "counted_declarations"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declarations.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(SmallInteger)


class Photo(Base):
    """A picture that proves a sale, sent by its person in pieces; `public_id` is a UUID made on the device.

    `received` of `length` bytes have come. Once they are all there, `picture` names the cleaned file, and the pieces
    are gone. `digest` is the SHA-256 of that file; `mark_1` to `mark_4` are its difference hash, 16 bits each, so that
    pictures that look alike are found through an index (None for a picture without any contrast), and `sketch` the
    small grey copy they are compared by. `declaration_id` is the one sale it proves, or proved before a correction
    brought another picture (which one a revision carries, it says itself); `same_as_id` the photo of an earlier sale
    that shows the same.
    """

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    public_id: Mapped[str] = mapped_column(code_type(36))
    length: Mapped[int]
    received: Mapped[int]
    touched_at: Mapped[datetime] = mapped_column(Instant)
    picture: Mapped[str | None] = mapped_column(String(100))
    digest: Mapped[str | None] = mapped_column(String(64))
    mark_1: Mapped[int | None]
    mark_2: Mapped[int | None]
    mark_3: Mapped[int | None]
    mark_4: Mapped[int | None]
    sketch: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    declaration_id: Mapped[int | None] = mapped_column(ForeignKey("declarations.id"))
    same_as_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"))
    __table_args__ = (
        CheckConstraint("received BETWEEN 0 AND length", name="received"),
        Index(None, "person_id", "public_id", unique=True),
        Index(None, "touched_at"),
        Index(None, "digest"),
        Index(None, "mark_1"),
        Index(None, "mark_2"),
        Index(None, "mark_3"),
        Index(None, "mark_4"),
        Index(None, "declaration_id"),
    )


class PhotoPiece(Base):
    """Some bytes of a photo that has not all come yet, from `start` on."""

    __tablename__ = "photo_pieces"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"), primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class FavouriteProduct(Base):
    """A product that a person keeps at hand for declaring."""

    __tablename__ = "favourite_products"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True, autoincrement=False)
    chosen_at: Mapped[datetime] = mapped_column(Instant)
