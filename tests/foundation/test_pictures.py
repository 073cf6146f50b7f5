"""Pictures people send: kept small, upright and without what the camera knew; everything else is refused."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

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
    with pytest.raises(ValueError, match="more than 15 million pixels"):
        clean_picture(bomb(*size))


def test_a_picture_is_on_the_disk_before_anything_names_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append((os.readlink(f"/proc/self/fd/{number}"), os.fstat(number).st_size))
    )
    name = keep_picture(picture(), tmp_path / "media")
    path = tmp_path / "media" / name
    assert synced[0] == (str(path), path.stat().st_size)
    assert [one for one, _size in synced[1:]] == [str(path.parent)]


ON_ITS_SIDE = Image.Exif()
ON_ITS_SIDE[0x0112] = 6

# A program that cleans one picture: what came of it, and the most memory it ever had, in MB (VmHWM, which starts anew
# with each program; ru_maxrss begins with that of whoever started it).
ALONE = """
import io, re, sys
from pathlib import Path
from PIL import Image
from foundation import pictures
try:
    cleaned = pictures.clean_picture(Path(sys.argv[1]).read_bytes())
    pictures.likeness(cleaned)
    print("x".join(map(str, Image.open(io.BytesIO(cleaned)).size)))
except ValueError as error:
    print(error)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def cleaned_alone(content, tmp_path):
    """What comes of a picture in a process of its own, and how many MB that process needed."""
    path = tmp_path / "picture"
    path.write_bytes(content)
    program = [sys.executable, "-c", ALONE, str(path)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    outcome, megabytes = done.stdout.splitlines()
    return outcome, int(megabytes)


ROOT = Path(__file__).parents[2]
REFUSED = "the picture has more than 15 million pixels (52 as a camera's JPEG); send a smaller one"
MEASURED = {
    # A few thousand bytes that would take a gigabyte.
    "a WebP bomb": ("RGBA", (6300, 6300), "WEBP", {"lossless": True}, REFUSED, 100),
    "a PNG bomb": ("RGBA", (6300, 6300), "PNG", {}, REFUSED, 100),
    "a JPEG that comes in several scans": ("CMYK", (6300, 6300), "JPEG", {"progressive": True}, REFUSED, 100),
    "a JPEG no camera makes": ("RGB", (9000, 6000), "JPEG", {}, REFUSED, 100),
    # What people send.
    "the largest WebP": ("RGBA", (5000, 3000), "WEBP", {"lossless": True}, "1600x960", 350),
    "a picture of a large screen": ("RGB", (5120, 2880), "PNG", {}, "1600x900", 250),
    "a phone's screen, turned": ("RGBA", (1290, 2796), "PNG", {"exif": ON_ITS_SIDE}, "1600x738", 150),
    "a phone's photo of 12 million pixels": ("RGB", (4032, 3024), "JPEG", {"exif": ON_ITS_SIDE}, "1200x1600", 100),
    "one of 50": ("RGB", (8160, 6120), "JPEG", {"exif": ON_ITS_SIDE}, "1200x1600", 100),
    "a panorama": ("RGB", (16000, 3000), "JPEG", {}, "1600x300", 100),
    "a photo saved from a page": ("RGB", (4000, 3000), "JPEG", {"progressive": True}, "1600x1200", 150),
}


@pytest.mark.parametrize("name", MEASURED)
def test_no_picture_takes_more_memory_than_a_server_has_and_what_people_send_is_taken(name, tmp_path):
    mode, size, kind, options, outcome, most = MEASURED[name]
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    said, megabytes = cleaned_alone(out.getvalue(), tmp_path)
    assert said == outcome
    assert megabytes < most


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("square", [False, True])
def test_what_is_shrunk_before_it_is_turned_is_upright_all_the_same(kind, square):
    picture = Image.new("RGB", (3000, 2000), "blue")
    picture.paste("red", (0, 0, 1500, 2000))  # turned by a quarter, what is left comes on top
    out = io.BytesIO()
    picture.save(out, kind, exif=ON_ITS_SIDE)
    found = opened(clean_picture(out.getvalue(), longest=300, square=square)).convert("RGB")
    assert found.size == ((300, 300) if square else (200, 300))
    top, bottom = (found.getpixel((100, at)) for at in (20, 280))
    assert top[0] > 200 and bottom[2] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_kind_of_png_is_taken(mode):
    out = io.BytesIO()
    Image.new(mode, (2000, 1000)).save(out, "PNG")
    found = opened(clean_picture(out.getvalue()))
    assert (found.size, found.mode) == ((1600, 800), "RGBA" if "A" in mode else "RGB")


def test_what_is_clear_in_a_table_of_colours_stays_clear():
    out = io.BytesIO()
    Image.new("P", (2000, 1000)).save(out, "PNG", transparency=0)
    found = opened(clean_picture(out.getvalue()))
    assert found.mode == "RGBA" and found.getpixel((800, 400))[3] == 0


def test_the_photo_of_a_phone_that_keeps_a_second_picture_behind_it_is_taken():
    out = io.BytesIO()
    first, second = Image.new("RGB", (5000, 4000), "red"), Image.new("RGB", (500, 400))
    first.save(out, "MPO", save_all=True, append_images=[second])
    assert opened(clean_picture(out.getvalue())).size == (1600, 1280)


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
