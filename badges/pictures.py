"""Round medals drawn with Pillow: the metal says the level, the symbol says what for, a laurel frames it.

Everything is drawn four times larger on a grid of 256 units and reduced once, so edges are smooth; nothing is random,
so the same code always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from badges.rules import Badge

SIZE = 256
SMALL = 144  # where medals are shown in passing: 72 pixels of a page, on a screen with two dots per pixel
SCALE = 4
Colour = tuple[int, int, int]
Point = tuple[float, float]


def _rgb(text: str) -> Colour:
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


# For each level: rim, rim in shade, face at the top, face at the bottom, raised shapes.
METALS: dict[str, tuple[Colour, Colour, Colour, Colour, Colour]] = {
    "bronze": (_rgb("#B06A32"), _rgb("#7E4518"), _rgb("#E2A672"), _rgb("#C07A40"), _rgb("#5E300D")),
    "silver": (_rgb("#8C97A5"), _rgb("#5F6B7A"), _rgb("#EDF1F5"), _rgb("#BFC8D2"), _rgb("#38434F")),
    "gold": (_rgb("#D49A12"), _rgb("#9A6A00"), _rgb("#FFE08A"), _rgb("#EDB72E"), _rgb("#644300")),
}
RIBBON = _rgb("#0E6B50")
WHITE: Colour = (255, 255, 255)


class Sheet:
    """A mask of shapes on the grid of 256 units, drawn SCALE times larger; `cut` removes what it draws."""

    def __init__(self) -> None:
        self.image = Image.new("L", (SIZE * SCALE, SIZE * SCALE), 0)
        self._draw = ImageDraw.Draw(self.image)

    def _points(self, points: list[Point]) -> list[Point]:
        return [(x * SCALE, y * SCALE) for x, y in points]

    def polygon(self, points: list[Point], *, cut: bool = False) -> None:
        """A filled polygon."""
        self._draw.polygon(self._points(points), fill=0 if cut else 255)

    def disc(self, x: float, y: float, radius: float, *, cut: bool = False) -> None:
        """A filled circle."""
        box = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
        self._draw.ellipse(box, fill=0 if cut else 255)

    def ring(self, x: float, y: float, radius: float, width: float) -> None:
        """A circle's outline, `width` inwards from `radius`."""
        self.disc(x, y, radius)
        self.disc(x, y, radius - width, cut=True)

    def box(self, left: float, top: float, right: float, bottom: float, round_by: float = 0, cut: bool = False) -> None:
        """A filled rectangle with round corners."""
        corners = [left * SCALE, top * SCALE, right * SCALE, bottom * SCALE]
        self._draw.rounded_rectangle(corners, radius=round_by * SCALE, fill=0 if cut else 255)

    def arc(self, x: float, y: float, across: float, down: float, start: float, end: float, width: float) -> None:
        """Part of an ellipse's outline, angles in degrees clockwise from three o'clock."""
        box = [(x - across) * SCALE, (y - down) * SCALE, (x + across) * SCALE, (y + down) * SCALE]
        self._draw.arc(box, start, end, fill=255, width=round(width * SCALE))

    def stroke(self, points: list[Point], width: float) -> None:
        """A line with round ends and joints."""
        self._draw.line(self._points(points), fill=255, width=round(width * SCALE), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2)


def _curve(*points: Point, steps: int = 24) -> list[Point]:
    """Points along a Bézier curve of any degree (de Casteljau)."""
    found = []
    for step in range(steps + 1):
        t = step / steps
        level = list(points)
        while len(level) > 1:
            level = [
                (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in zip(level, level[1:], strict=False)
            ]
        found.append(level[0])
    return found


def _star(x: float, y: float, radius: float, *, inner: float = 0.42, tips: int = 5) -> list[Point]:
    points = []
    for corner in range(tips * 2):
        angle = math.pi * corner / tips - math.pi / 2
        reach = radius if corner % 2 == 0 else radius * inner
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    return points


def _bag(sheet: Sheet) -> None:
    sheet.arc(128, 104, 17, 20, 180, 360, 7)
    sheet.polygon([(96, 100), (160, 100), (167, 158), (163, 163), (93, 163), (89, 158)])
    sheet.polygon(_star(128, 134, 19), cut=True)


def _bubble(sheet: Sheet) -> None:
    sheet.box(85, 88, 171, 148, 18)
    sheet.polygon([(104, 140), (132, 140), (104, 170)])
    for x in (107, 128, 149):
        sheet.disc(x, 118, 6.5, cut=True)


def _ten(sheet: Sheet) -> None:
    sheet.polygon([(90, 106), (109, 88), (116, 88), (116, 164), (101, 164), (101, 114), (90, 121)])
    sheet.box(126, 86, 172, 166, 23)
    sheet.box(141, 101, 157, 151, 8, cut=True)


def _flame(sheet: Sheet) -> None:
    left = _curve((126, 76), (134, 106), (88, 108), (90, 140)) + _curve((90, 140), (91, 160), (108, 170), (128, 170))
    right = _curve((128, 170), (148, 170), (165, 160), (166, 138)) + _curve(
        (166, 138), (166, 122), (158, 112), (152, 106)
    )
    top = _curve((152, 106), (152, 116), (146, 120), (142, 120)) + _curve((142, 120), (150, 100), (140, 84), (126, 76))
    sheet.polygon(left + right + top)
    heart = _curve((127, 122), (131, 136), (112, 140), (113, 152)) + _curve(
        (113, 152), (113, 162), (121, 166), (128, 166)
    )
    heart += _curve((128, 166), (138, 166), (144, 160), (144, 151)) + _curve(
        (144, 151), (144, 138), (134, 134), (127, 122)
    )
    sheet.polygon(heart, cut=True)


def _big_star(sheet: Sheet) -> None:
    sheet.polygon(_star(128, 114, 37, inner=0.44))
    for x, y in ((96, 160), (117, 166), (139, 166), (160, 160)):
        sheet.polygon(_star(x, y, 10, inner=0.45))


def _podium(sheet: Sheet) -> None:
    sheet.polygon(_star(128, 94, 16, inner=0.44))
    sheet.box(112, 116, 144, 166, 3)
    sheet.box(82, 134, 110, 166, 3)
    sheet.box(146, 144, 174, 166, 3)
    sheet.polygon([(123, 128), (130, 123), (133, 123), (133, 147), (127, 147), (127, 131), (123, 133)], cut=True)


SYMBOLS: dict[str, Callable[[Sheet], None]] = {
    "bag": _bag,
    "bubble": _bubble,
    "ten": _ten,
    "flame": _flame,
    "star": _big_star,
    "podium": _podium,
}


def _laurel(sheet: Sheet) -> None:
    """Two branches along the rim, open at the top, crossed at the bottom."""
    for side in (-1, 1):

        def at(angle: float, radius: float, side: int = side) -> Point:
            turn = math.radians(angle)
            return (128 + side * radius * math.sin(turn), 128 + radius * math.cos(turn))

        sheet.stroke([at(angle, 81) for angle in range(2, 139, 4)], 3)
        for place in range(9):
            angle = 12 + place * 14.5
            length = 21 - place * 0.6
            for lean, reach in ((17, 9), (17, -9)):
                base = at(angle, 81)
                tip = at(angle + lean * length / 21, 81 + reach)
                bulge = 5.6
                dx, dy = tip[0] - base[0], tip[1] - base[1]
                norm = math.hypot(dx, dy)
                middle = ((base[0] + tip[0]) / 2, (base[1] + tip[1]) / 2)
                off = (-dy / norm * bulge, dx / norm * bulge)
                leaf = _curve(base, (middle[0] + off[0], middle[1] + off[1]), tip, steps=10)
                leaf += _curve(tip, (middle[0] - off[0], middle[1] - off[1]), base, steps=10)
                sheet.polygon(leaf)


def _gradient(top: Colour, bottom: Colour) -> Image.Image:
    """A soft light from above."""
    column = Image.new("RGB", (1, SIZE))
    for y in range(SIZE):
        t = y / (SIZE - 1)
        shade = tuple(round(a + (b - a) * t) for a, b in zip(top, bottom, strict=True))
        column.putpixel((0, y), (shade[0], shade[1], shade[2]))
    return column.resize((SIZE * SCALE, SIZE * SCALE), Image.Resampling.BILINEAR)


def _circle(radius: float) -> Image.Image:
    sheet = Sheet()
    sheet.disc(128, 128, radius)
    return sheet.image


def _raise(picture: Image.Image, mask: Image.Image, colour: Colour) -> None:
    """Put shapes on the face with a thin light below them, as struck metal has."""
    light = ImageChops.offset(mask, 0, round(1.4 * SCALE))
    light = light.filter(ImageFilter.GaussianBlur(0.4 * SCALE)).point(lambda value: value * 3 // 5)
    picture.paste(WHITE, mask=light)
    picture.paste(colour, mask=mask)


def draw(badge: Badge, size: int = SIZE) -> bytes:
    """The medal of a badge as a WebP of `size` × `size` pixels, transparent around it."""
    rim, rim_shade, face_top, face_bottom, relief = METALS[badge.level]
    picture = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), rim)
    picture.paste(_gradient(rim, rim_shade), mask=_circle(124))
    picture.paste(_gradient(rim_shade, rim), mask=_circle(117))
    picture.paste(_gradient(face_top, face_bottom), mask=_circle(111))
    beads = Sheet()
    for place in range(72):
        turn = math.radians(place * 5)
        beads.disc(128 + 104.5 * math.cos(turn), 128 + 104.5 * math.sin(turn), 1.9)
    picture.paste(rim_shade, mask=beads.image)
    branches = Sheet()
    _laurel(branches)
    _raise(picture, branches.image, RIBBON if badge.level == "gold" else relief)
    symbol = Sheet()
    SYMBOLS[badge.symbol](symbol)
    _raise(picture, symbol.image, relief)
    picture.putalpha(_circle(124))
    small = picture.resize((size, size), Image.Resampling.LANCZOS)
    written = BytesIO()
    # Shown small, on every home page, a medal may weigh little.
    quality, alpha = (75, 70) if size == SIZE else (50, 50)
    small.save(written, "WEBP", quality=quality, alpha_quality=alpha, method=6)
    return written.getvalue()


@lru_cache(maxsize=1)
def version() -> str:
    """Changes with the drawing, so that neither folders nor browsers keep an old medal."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:10]


def picture_file(badge: Badge, folder: Path, size: int = SIZE) -> Path:
    """The medal's file in `folder`, drawn on first demand; two processes at once leave one whole file."""
    path = folder / f"{badge.code}-{size}-{version()}.webp"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(draw(badge, size))
        os.replace(name, path)
    return path
