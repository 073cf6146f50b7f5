"""Pictures people send: verified, bounded, stripped of everything but their pixels, kept as WebP; and how much two of
them look alike."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat
from PIL.JpegImagePlugin import JpegImageFile

MOST_BYTES = 12 * 1024 * 1024
# What is decompressed whole: a screen of 5120 × 2880. A file of a few bytes may hold that much, six times 4 bytes each.
MOST_PIXELS = 15_000_000
# What a camera makes: its pixels are read line by line, of which only a few are kept.
MOST_CAMERA_PIXELS = 52_000_000
KINDS = ("JPEG", "PNG", "WEBP")

_NAME = re.compile(r"[0-9a-f]{32}\.webp")


# One at a time in each process, so that several of them do not need several times the memory.
_cleaning = threading.Lock()


def clean_picture(content: bytes, *, longest: int = 1600, square: bool = False) -> bytes:
    """Re-encode a picture as WebP of at most `longest` pixels a side; `square` crops it around its middle.

    Turned upright as its camera said; metadata (place, device, thumbnail, profile) is left behind. Of an animation the
    first image is kept. Raises ValueError saying what would be right. Takes up to seconds: not inside a transaction.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"the picture is larger than {MOST_BYTES // 2**20} MB; send a smaller one")
    with _cleaning:
        try:
            picture = _shrunk(content, longest, square)
        except (_TooLarge, Image.DecompressionBombError):
            most, camera = MOST_PIXELS // 1_000_000, MOST_CAMERA_PIXELS // 1_000_000
            raise ValueError(
                f"the picture has more than {most} million pixels ({camera} as a camera's JPEG); send a smaller one"
            ) from None
        except Exception as error:  # Pillow's readers raise whatever a broken file makes them trip over
            raise ValueError("not a picture; send a JPEG, PNG or WebP") from error
        picture.info = {}
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=82, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return out.getvalue()


class _TooLarge(Exception):
    pass


def _shrunk(content: bytes, longest: int, square: bool) -> Image.Image:
    """The picture, upright and small. What is done to it before it is small is done at the price of its memory."""
    # The size is read from the header, before anything is decompressed.
    with Image.open(io.BytesIO(content), formats=KINDS) as opened:
        camera = isinstance(opened, JpegImageFile) and _in_one_scan(content)
        if opened.width * opened.height > (MOST_CAMERA_PIXELS if camera else MOST_PIXELS):
            raise _TooLarge
        opened.verify()
    with Image.open(io.BytesIO(content), formats=KINDS) as opened:
        # A JPEG is decompressed at half its size, a quarter or an eighth, the smallest that is not too small.
        side = max(longest, min(opened.size) if square else max(opened.size))
        opened.draft("RGB", (max(1, opened.width * longest // side), max(1, opened.height * longest // side)))
        if opened.width * opened.height > MOST_PIXELS:
            raise _TooLarge
        opened.load()
        see_through = "A" in opened.getbands() or "transparency" in opened.info
        wanted = "RGBA" if see_through else "RGB"
        picture: Image.Image = opened
        if "transparency" in opened.info or opened.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
            picture = opened.convert(wanted)  # a table of colours, or one that is to be seen through: not to be mixed
        if square:
            side = min(longest, *picture.size)
            picture = ImageOps.fit(picture, (side, side))
        else:
            picture.thumbnail((longest, longest))
        return ImageOps.exif_transpose(picture).convert(wanted)


def _in_one_scan(content: bytes) -> bool:
    """Whether a JPEG says all of each part of the picture before it goes on to the next, as cameras write it. One that
    comes in several scans (a progressive one, or colour by colour) has to be kept in memory whole until the last."""
    place, components = 2, 0
    while content[place : place + 1] == b"\xff" and len(content) >= place + 10:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if marker in (0xC0, 0xC1):
            components = content[place + 9]
        elif marker == 0xDA:
            return content[place + 4] == components
        elif marker not in _BEFORE_THE_SCAN:
            return False
        place += 2 + length
    return False


# Tables, the restart interval, what applications and people add.
_BEFORE_THE_SCAN = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)


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
    """Write what clean_picture gave into `folder` under a name nobody can guess; answers that name. It is then on the
    disk, as the row that is to name it will be: a power cut leaves no name without a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{secrets.token_hex(16)}.webp"
    with (folder / name).open("xb") as file:
        file.write(cleaned)
        file.flush()
        os.fsync(file.fileno())
    listing = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)
    return name


def picture_path(folder: Path, name: str) -> Path | None:
    """Where a kept picture is; None when the name is not one of ours or the picture is gone."""
    path = folder / name
    return path if _NAME.fullmatch(name) and path.is_file() else None


def discard_picture(folder: Path, name: str | None) -> None:
    """Remove a kept picture, if it is there."""
    if name and _NAME.fullmatch(name):
        (folder / name).unlink(missing_ok=True)


def discard_unnamed(folder: Path, named: Callable[[str], Iterable[str]], *, at: datetime) -> int:
    """Remove kept pictures that nothing names: of these, the process died before what names them was committed, or
    after what named them was gone. Answers how many.

    Names are drawn by chance, and each day looks at those that begin with one of sixteen digits: a sixteenth of them.
    `named(digit)` gives the ones that are in use. What was written within a day may be about to be named.
    """
    digit, written_before = "0123456789abcdef"[at.toordinal() % 16], (at - timedelta(days=1)).timestamp()
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        old = {
            entry.name
            for entry in entries
            if entry.name.startswith(digit) and _NAME.fullmatch(entry.name) and entry.stat().st_mtime < written_before
        }
        lost = old.difference(named(digit)) if old else old
        for name in lost:
            discard_picture(folder, name)
        return len(lost)
    return 0
