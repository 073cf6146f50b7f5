"""The addresses at which a phone sends its photos, piece by piece, and goes on where it stopped."""

from __future__ import annotations

import uuid
from pathlib import Path

from flask import Response, current_app, request
from flask_login import current_user

from declarations import photos
from declarations.outbox import from_the_phone
from foundation import clock
from foundation.transactions import snapshot, transaction
from foundation.web import limiter, problem
from network.permissions import requires


def proofs_folder() -> Path:
    """Where the pictures that prove sales are kept."""
    return current_app.config["SETTINGS"].media_folder / "proofs"


def _person() -> str:
    return f"person:{current_user.get_id()}"


@requires("machine")
@from_the_phone
def photo_state(photo_id: uuid.UUID) -> Response:
    """How much of a photo has come: 204 with Upload-Offset and Upload-Length; 404 when none has, or it is not mine."""
    photo = photos.photo_of(current_user.id, str(photo_id))
    if photo is None:
        return problem(404, "No byte of this photo has come")
    return _offset(photo.received, photo.length)


@requires("machine")
@limiter.limit("600 per minute", key_func=_person)
@from_the_phone
def photo_piece(photo_id: uuid.UUID) -> Response:
    """Take the next bytes of a photo: 204 with the new Upload-Offset, 409 with the right one when it differs, 422 when
    the whole is no picture (then it is forgotten: send another)."""
    offset, length = _whole_number("Upload-Offset"), _whole_number("Upload-Length")
    if offset is None or length is None:
        return problem(400, "Upload-Offset and Upload-Length are needed: whole numbers of bytes")
    if not 1 <= length <= photos.MOST_BYTES:
        return problem(413, f"A photo has 1 to {photos.MOST_BYTES} bytes; shrink it first")
    content = request.stream.read(photos.MOST_PIECE + 1)
    if len(content) > photos.MOST_PIECE:
        return problem(413, f"A piece has at most {photos.MOST_PIECE} bytes; send the photo in several")
    mine, public_id, at = current_user.id, str(photo_id), clock.now()
    with snapshot():
        whole = photos.whole_with(mine, public_id, offset, content, length=length)
    try:
        cleaned = photos.clean(whole) if whole is not None else None
        with transaction():
            after = photos.take_piece(
                mine, public_id, offset, content, length=length, cleaned=cleaned, folder=proofs_folder(), at=at
            )
    except photos.Elsewhere as refusal:
        answer = problem(409, f"The next piece begins at byte {refusal.offset}")
        answer.headers["Upload-Offset"] = str(refusal.offset)
        return answer
    except photos.TooMany as refusal:
        return problem(429, str(refusal))
    except photos.Unusable as refusal:
        with transaction():
            photos.forget(mine, public_id, folder=proofs_folder())
        return problem(422, "The photo cannot be used", faults=[{"field": "photo", "wrong": str(refusal), "right": ""}])
    return _offset(after, length)


def _offset(offset: int, length: int) -> Response:
    answer = Response(status=204)
    answer.headers["Upload-Offset"] = str(offset)
    answer.headers["Upload-Length"] = str(length)
    return answer


def _whole_number(header: str) -> int | None:
    text = request.headers.get(header, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
