"""Pictures people send: verified, bounded, stripped of everything but their pixels, kept as WebP; and how much two of
them look alike."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

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
    return write_picture(clean_picture(content, longest=longest, square=square), folder)


@dataclass(frozen=True)
class Likeness:
    """What tells a picture from others. `digest`: SHA-256 of its bytes. `marks`: its 64-bit difference hash in four
    numbers of 16 bits, None for a picture without contrast. `sketch`: a grey copy of SKETCH × SKETCH pixels."""

    digest: str
    marks: tuple[int, int, int, int] | None
    sketch: bytes


SKETCH = 64
FLAT = 6.0  # grey levels of spread under which a picture shows nothing
# Spread of the difference of two sketches in grey levels (of 256) up to which they show the same. Measured: the same
# receipt resized, compressed, brightened or cut by 2 % stays under 5; receipts of other sales of a shop are above 12.
ALIKE = 8.0
WORTH_ALIGNING = 45.0


def likeness(content: bytes) -> Likeness:
    """What a picture is recognised by, whatever its size, compression and brightness. Takes what clean_picture gave."""
    with Image.open(io.BytesIO(content), formats=KINDS) as opened:
        grey = opened.convert("L")
    spread = ImageStat.Stat(grey).stddev[0]
    grey = ImageOps.autocontrast(grey, cutoff=1)
    # Blurred a little: lines of text as fine as the sketch's pixels would otherwise look different at every cut.
    sketch = grey.resize((SKETCH, SKETCH), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(1))
    return Likeness(hashlib.sha256(content).hexdigest(), _marks(grey) if spread >= FLAT else None, sketch.tobytes())


def _marks(grey: Image.Image) -> tuple[int, int, int, int]:
    """A bit for each of 8 × 8 places: whether it is brighter than what is right of it."""
    pixels = grey.resize((9, 8), Image.Resampling.BOX).tobytes()
    bits = [pixels[row * 9 + column] > pixels[row * 9 + column + 1] for row in range(8) for column in range(8)]
    first, second, third, fourth = (
        sum(bit << place for place, bit in enumerate(bits[start : start + 16])) for start in range(0, 64, 16)
    )
    return first, second, third, fourth


def hash_distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """In how many bits two difference hashes differ, of 64."""
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def alike(one: bytes, other: bytes) -> bool:
    """Whether two sketches show the same picture, one of them perhaps cut by a few percent at its edges."""
    first = Image.frombytes("L", (SKETCH, SKETCH), one)
    second = Image.frombytes("L", (SKETCH, SKETCH), other)
    apart = _difference(first, second)
    if apart <= ALIKE or apart > WORTH_ALIGNING:
        return apart <= ALIKE
    return any(
        _difference(cut, whole) <= ALIKE
        for whole, narrowed in ((second, first), (first, second))
        for cut in _cuts(narrowed)
    )


def _cuts(sketch: Image.Image) -> Iterator[Image.Image]:
    """A sketch without one, two or three hundredths on all its sides, or on one."""
    for part in (0.01, 0.02, 0.03):
        cut = SKETCH * part
        edges = [(cut, cut, cut, cut), (cut, 0, 0, 0), (0, cut, 0, 0), (0, 0, cut, 0), (0, 0, 0, cut)]
        for left, top, right, bottom in edges:
            box = (left, top, SKETCH - right, SKETCH - bottom)
            yield sketch.resize((SKETCH, SKETCH), Image.Resampling.BILINEAR, box=box)


def _difference(one: Image.Image, other: Image.Image) -> float:
    """How much two sketches differ, whatever the brightness of each."""
    return ImageStat.Stat(ImageChops.subtract(one, other, 1, 128)).stddev[0]


def write_picture(cleaned: bytes, folder: Path) -> str:
    """Write what clean_picture gave into `folder` under a name nobody can guess; answers that name."""
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
