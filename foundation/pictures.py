"""Pictures people send: verified, bounded, stripped of everything but their pixels, kept as WebP."""

from __future__ import annotations

import io
import re
import secrets
from pathlib import Path

from PIL import Image, ImageOps

MOST_BYTES = 12 * 1024 * 1024
MOST_PIXELS = 40_000_000
KINDS = ("JPEG", "PNG", "WEBP")

_NAME = re.compile(r"[0-9a-f]{32}\.webp")


def clean_picture(content: bytes, *, longest: int = 1600, square: bool = False) -> bytes:
    """Re-encode a picture as WebP of at most `longest` pixels a side; `square` crops it around its middle.

    Turned upright as its camera said; metadata (place, device, thumbnail, profile) is left behind. Of an animation the
    first image is kept. Raises ValueError saying what would be right.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"the picture is larger than {MOST_BYTES // 2**20} MB; send a smaller one")
    try:
        # The size is read from the header, before anything is decompressed.
        with Image.open(io.BytesIO(content), formats=KINDS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise _TooLarge
            opened.verify()
        with Image.open(io.BytesIO(content), formats=KINDS) as opened:
            opened.draft("RGB", (longest, longest))
            opened.load()
            upright = ImageOps.exif_transpose(opened)
    except (_TooLarge, Image.DecompressionBombError):
        raise ValueError(
            f"the picture has more than {MOST_PIXELS // 1_000_000} million pixels; send a smaller one"
        ) from None
    except Exception as error:  # Pillow's readers raise whatever a broken file makes them trip over
        raise ValueError("not a picture; send a JPEG, PNG or WebP") from error
    see_through = "A" in upright.getbands() or "transparency" in upright.info
    picture = upright.convert("RGBA" if see_through else "RGB")
    if square:
        side = min(longest, *picture.size)
        picture = ImageOps.fit(picture, (side, side))
    else:
        picture.thumbnail((longest, longest))
    picture.info = {}
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return out.getvalue()


class _TooLarge(Exception):
    pass


def keep_picture(content: bytes, folder: Path, *, longest: int = 1600, square: bool = False) -> str:
    """Clean a picture and write it into `folder` under a name nobody can guess; answers that name."""
    cleaned = clean_picture(content, longest=longest, square=square)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{secrets.token_hex(16)}.webp"
    (folder / name).write_bytes(cleaned)
    return name


def picture_path(folder: Path, name: str) -> Path | None:
    """Where a kept picture is; None when the name is not one of ours or the picture is gone."""
    path = folder / name
    return path if _NAME.fullmatch(name) and path.is_file() else None


def discard_picture(folder: Path, name: str | None) -> None:
    """Remove a kept picture, if it is there."""
    if name and _NAME.fullmatch(name):
        (folder / name).unlink(missing_ok=True)
