"""Pictures people send: kept small, upright and without what the camera knew; everything else is refused."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from foundation.pictures import clean_picture, discard_picture, keep_picture, picture_path

pytestmark = pytest.mark.any_engine


def picture(size=(300, 200), kind="JPEG", colour="red", **options):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


def opened(content):
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_webp_of_the_given_size(kind):
    found = opened(clean_picture(picture((4000, 1000), kind), longest=1600))
    assert (found.format, found.size) == ("WEBP", (1600, 400))


def test_a_small_picture_is_not_enlarged():
    assert opened(clean_picture(picture((30, 20)))).size == (30, 20)


def test_an_avatar_is_cropped_square():
    assert opened(clean_picture(picture((900, 500)), longest=256, square=True)).size == (256, 256)


def test_metadata_is_left_behind_and_the_picture_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    exif[0x010F] = "Camera of Awa"
    exif.get_ifd(0x8825)[2] = (48.0, 23.0, 0.0)
    content = clean_picture(picture((300, 200), exif=exif, comment=b"secret"))
    found = opened(content)
    assert found.size == (200, 300)
    assert dict(found.getexif()) == {}
    assert b"Awa" not in content
    assert b"secret" not in content
    assert b"EXIF" not in content


def test_transparency_is_kept():
    out = io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(clean_picture(out.getvalue())).mode == "RGBA"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.7",
        picture()[:400],
        picture(kind="GIF"),
        picture(kind="PNG")[:-30],
    ],
)
def test_what_is_not_a_picture_is_refused(content):
    with pytest.raises(ValueError, match="not a picture; send a JPEG, PNG or WebP"):
        clean_picture(content)


def bomb(width, height):
    """A PNG of a few bytes that would decompress to width × height × 3 bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(30_000, 30_000), (10_000, 5_000), (100_000, 100_000)])
def test_a_picture_that_would_fill_the_memory_is_refused_unopened(size):
    with pytest.raises(ValueError, match="more than 40 million pixels"):
        clean_picture(bomb(*size))


def test_a_heavy_file_is_refused():
    with pytest.raises(ValueError, match="larger than 12 MB"):
        clean_picture(b"\0" * (12 * 2**20 + 1))


def test_pictures_are_kept_under_names_nobody_can_guess(tmp_path):
    folder = tmp_path / "media"
    name = keep_picture(picture(), folder)
    assert name != keep_picture(picture(), folder)
    assert picture_path(folder, name) == folder / name
    discard_picture(folder, name)
    assert picture_path(folder, name) is None
    assert picture_path(folder, "../palmares.db") is None
    discard_picture(folder, "../palmares.db")
    discard_picture(folder, None)
