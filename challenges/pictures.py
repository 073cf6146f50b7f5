"""The picture of a challenge: read beside its file, cleaned, kept under the challenge's code."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from flask import current_app

LONGEST_SIDE = 1200


def picture_file(code: str) -> Path:
    """Where the picture of a challenge is kept, whether or not there is one."""
    folder: Path = current_app.config["SETTINGS"].media_folder / "challenges"
    return folder / f"{sha256(code.encode()).hexdigest()[:32]}.webp"


def keep(code: str, cleaned: bytes) -> None:
    """Keep a cleaned picture for a challenge, in place of an earlier one."""
    path = picture_file(code)
    path.parent.mkdir(parents=True, exist_ok=True)
    being_written = path.with_suffix(".new")
    being_written.write_bytes(cleaned)
    being_written.replace(path)


def draft_picture(draft_id: int) -> str:
    """What the picture of a draft in the studio is kept under: no challenge's code looks like it."""
    return f"draft/{draft_id}"
