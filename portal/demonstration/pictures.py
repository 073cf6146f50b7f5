"""Pictures of the demonstration's articles, drawn with Pillow in the colours of the product: one object on a tint.

On a grid of 800 × 600 units, drawn twice as large and reduced once; nothing is random, so the same article always
gives the same bytes. The object stands in the middle 450 units of the height, which is all a phone shows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).resolve().parents[2] / "static" / "fonts" / "figtree-bold.ttf"
WIDTH, HEIGHT, SCALE = 800, 600, 2
PAPER, INK, LINE, WHITE = "#fbf7f0", "#1b2432", "#e7dfd3", "#ffffff"
LAUREL, DEEP, LEAF = "#0e6b50", "#0a4f3b", "#3fa384"
MEDAL, AMBER, CREAM = "#e5a50a", "#b9820a", "#ffd978"
CORAL, BRICK, BLUSH = "#d94f30", "#a93a20", "#f0997f"
SKY, NIGHT, MIST = "#2a62c9", "#1d4694", "#8fb1ec"
# Behind the object: the tint, and the lighter disc.
GREEN, GOLD, ROSE, BLUE = ("#cfe5da", "#e3f1ea"), ("#f8e2ad", "#fdf1d2"), ("#f5d2c5", "#fbe6de"), ("#cddcf5", "#e3ecfb")

Point = tuple[float, float]


class Canvas:
    """What the pictures are drawn on, in units of the grid."""

    def __init__(self, tint: str, light: str) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), tint)
        self._draw = ImageDraw.Draw(self.image)
        self.disc(400, 300, 235, light)

    def _all(self, points: Sequence[Point]) -> list[Point]:
        return [(x * SCALE, y * SCALE) for x, y in points]

    def polygon(self, points: Sequence[Point], colour: str) -> None:
        """A filled polygon."""
        self._draw.polygon(self._all(points), fill=colour)

    def oval(self, x: float, y: float, across: float, down: float, colour: str) -> None:
        """A filled ellipse, by its half axes."""
        self._draw.ellipse(self._all([(x - across, y - down), (x + across, y + down)]), fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """A filled circle."""
        self.oval(x, y, radius, radius, colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str, round_by: float = 0) -> None:
        """A filled rectangle with round corners."""
        self._draw.rounded_rectangle(
            self._all([(left, top), (right, bottom)]), radius=round_by * SCALE, fill=colour
        )  # fmt: skip

    def line(self, points: Sequence[Point], width: float, colour: str) -> None:
        """A line with round ends."""
        self._draw.line(self._all(points), fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, colour)

    def text(self, x: float, y: float, words: str, size: float, colour: str) -> None:
        """Words around a point."""
        font = ImageFont.truetype(FONT, round(size * SCALE))
        self._draw.text((x * SCALE, y * SCALE), words, font=font, fill=colour, anchor="mm")

    def shadow(self, x: float, y: float, across: float, tint: str) -> None:
        """Where the object stands."""
        self.oval(x, y, across, across / 9, tint)


def _curve(*points: Point, steps: int = 28) -> list[Point]:
    """Points along a Bézier curve of any degree (de Casteljau)."""
    found = []
    for step in range(steps + 1):
        t, level = step / steps, list(points)
        while len(level) > 1:
            level = [
                (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in zip(level, level[1:], strict=False)
            ]
        found.append(level[0])
    return found


def _turned(points: Sequence[Point], degrees: float, around: Point) -> list[Point]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x0, y0 = around
    return [(x0 + (x - x0) * cos - (y - y0) * sin, y0 + (x - x0) * sin + (y - y0) * cos) for x, y in points]


def _leaf(base: Point, tip: Point, bulge: float) -> list[Point]:
    """A leaf between two points."""
    dx, dy = tip[0] - base[0], tip[1] - base[1]
    norm = math.hypot(dx, dy)
    middle = ((base[0] + tip[0]) / 2, (base[1] + tip[1]) / 2)
    off = (-dy / norm * bulge, dx / norm * bulge)
    one, other = (middle[0] + off[0], middle[1] + off[1]), (middle[0] - off[0], middle[1] - off[1])
    return _curve(base, one, tip) + _curve(tip, other, base)


def _pouch() -> Canvas:
    page = Canvas(*ROSE)
    page.shadow(400, 462, 200, ROSE[0])
    body = [
        (218, 236),
        (582, 236),
        *_curve((582, 236), (622, 430), (592, 456)),
        *_curve((208, 456), (178, 430), (218, 236)),
    ]
    page.polygon(body, CORAL)
    page.polygon([(196, 360), (604, 360), (606, 386), (194, 386)], BLUSH)
    page.box(206, 210, 594, 250, BRICK, 20)
    page.line([(232, 230), (568, 230)], 5, CREAM)
    page.disc(546, 230, 11, CREAM)
    page.line([(546, 234), (560, 280)], 9, CREAM)
    page.polygon(_leaf((400, 346), (360, 276), 26), PAPER)
    page.polygon(_leaf((400, 346), (440, 276), 26), PAPER)
    page.polygon(_leaf((400, 350), (400, 262), 26), WHITE)
    return page


def _candle() -> Canvas:
    page = Canvas(*GOLD)
    page.shadow(400, 470, 150, GOLD[0])
    page.disc(400, 176, 74, "#fdeab9")
    page.box(296, 262, 504, 468, LAUREL, 22)
    page.box(296, 262, 504, 300, DEEP, 18)
    page.oval(400, 270, 98, 20, PAPER)
    page.line([(400, 268), (400, 228)], 7, INK)
    flame = _curve((400, 122), (446, 178), (440, 236), (400, 236)) + _curve(
        (400, 236), (360, 236), (354, 178), (400, 122)
    )
    page.polygon(flame, MEDAL)
    heart = _curve((400, 172), (420, 204), (418, 234), (400, 234)) + _curve(
        (400, 234), (382, 234), (380, 204), (400, 172)
    )
    page.polygon(heart, "#fff3c9")
    page.box(336, 344, 464, 430, PAPER, 10)
    for row in range(3):
        y = 366 + row * 20
        page.line(
            _curve((356, y), (372, y - 12), (386, y))
            + _curve((386, y), (400, y + 12), (414, y))
            + _curve((414, y), (428, y - 12), (444, y)),
            5,
            LEAF,
        )
    return page


def _care() -> Canvas:
    page = Canvas(*GREEN)
    page.shadow(400, 468, 220, GREEN[0])
    page.box(276, 190, 352, 420, PAPER, 14)
    page.box(292, 150, 336, 196, MEDAL, 8)
    page.box(276, 260, 352, 320, LEAF)
    page.box(366, 232, 450, 420, CREAM, 12)
    page.box(360, 206, 456, 240, AMBER, 10)
    page.box(470, 170, 530, 420, BLUSH, 20)
    page.polygon([(478, 170), (522, 170), (516, 138), (484, 138)], CORAL)
    page.box(470, 270, 530, 316, WHITE)
    page.box(214, 350, 586, 466, LAUREL, 12)
    page.box(214, 350, 586, 378, DEEP, 10)
    page.box(378, 350, 422, 466, MEDAL)
    page.polygon(_leaf((400, 366), (318, 330), 26), MEDAL)
    page.polygon(_leaf((400, 366), (482, 330), 26), MEDAL)
    page.disc(400, 366, 16, AMBER)
    return page


def _robe() -> Canvas:
    page = Canvas(*BLUE)
    hook = [*_curve((400, 156), (400, 136), (418, 136)), *_curve((418, 136), (440, 136), (436, 112), (416, 112))]
    page.line(hook, 7, INK)
    page.line([(300, 196), (400, 154), (500, 196)], 12, AMBER)
    page.polygon(
        [
            (306, 184),
            (372, 160),
            (428, 160),
            (494, 184),
            (580, 372),
            (520, 398),
            (492, 330),
            (502, 486),
            (298, 486),
            (308, 330),
            (280, 398),
            (220, 372),
        ],
        PAPER,
    )
    page.polygon([(372, 160), (428, 160), (412, 330), (400, 486), (396, 486), (388, 330)], LINE)
    page.polygon([(372, 160), (344, 172), (396, 336), (404, 300)], WHITE)
    page.polygon([(428, 160), (456, 172), (404, 336), (396, 300)], "#efe8dc")
    page.box(304, 324, 496, 354, MIST, 8)
    page.polygon([(396, 340), (430, 348), (420, 446), (396, 440)], MIST)
    page.polygon([(388, 340), (372, 348), (368, 414), (390, 412)], SKY)
    page.box(432, 386, 480, 440, LINE, 8)
    return page


def _speaker() -> Canvas:
    page = Canvas(*BLUE)
    page.shadow(400, 470, 170, BLUE[0])
    for radius, width in ((150, 10), (186, 8)):
        for start in (-1, 1):
            arc = [
                (
                    400 + start * (130 + radius * 0.45 * math.cos(math.radians(a))),
                    300 + radius * 0.6 * math.sin(math.radians(a)),
                )
                for a in range(-50, 51, 5)
            ]
            page.line(arc, width, MIST)
    page.box(290, 140, 510, 468, NIGHT, 60)
    page.box(304, 154, 496, 454, SKY, 50)
    page.disc(400, 352, 78, NIGHT)
    page.disc(400, 352, 62, INK)
    page.disc(400, 352, 26, MIST)
    page.disc(400, 222, 42, NIGHT)
    page.disc(400, 222, 30, INK)
    page.disc(400, 222, 11, MIST)
    page.disc(466, 180, 7, MEDAL)
    return page


def _card(amount: str, tint: tuple[str, str], face: str, shade: str, light: str) -> Canvas:
    page = Canvas(*tint)
    back = [(206, 190), (566, 190), (566, 416), (206, 416)]
    page.polygon(_turned(back, -9, (386, 303)), shade)
    page.box(220, 188, 592, 424, face, 22)
    page.box(220, 238, 592, 272, shade)
    page.text(344, 332, amount, 78, WHITE)
    page.box(256, 384, 432, 394, light, 5)
    page.box(492, 188, 526, 424, CREAM)
    page.polygon(_leaf((509, 254), (448, 206), 26), CREAM)
    page.polygon(_leaf((509, 254), (570, 206), 26), CREAM)
    page.polygon(_leaf((509, 254), (474, 322), 16), MEDAL)
    page.polygon(_leaf((509, 254), (544, 322), 16), MEDAL)
    page.disc(509, 254, 18, MEDAL)
    return page


def _cinema() -> Canvas:
    page = Canvas(*ROSE)
    for turn, colour, shade in ((-14, MEDAL, AMBER), (8, CORAL, BRICK)):
        middle = (400, 312) if turn > 0 else (392, 276)
        x, y = middle
        page.polygon(
            _turned([(x - 190, y - 84), (x + 190, y - 84), (x + 190, y + 84), (x - 190, y + 84)], turn, middle), colour
        )
        for side in (-190, 190):
            for step in range(-2, 3):
                [(cx, cy)] = _turned([(x + side, y + step * 34)], turn, middle)
                page.disc(cx, cy, 10, ROSE[1])
        for step in range(7):
            [(cx, cy)] = _turned([(x + 96, y - 66 + step * 22)], turn, middle)
            page.disc(cx, cy, 4, shade)
        if turn > 0:
            star = []
            for corner in range(10):
                angle, reach = math.pi * corner / 5 - math.pi / 2, 52 if corner % 2 == 0 else 22
                star.append((x - 50 + reach * math.cos(angle), y + 4 + reach * math.sin(angle)))
            page.polygon(_turned(star, turn, middle), CREAM)
            page.polygon(
                _turned([(x + 120, y - 34), (x + 168, y - 34), (x + 168, y - 22), (x + 120, y - 22)], turn, middle),
                BLUSH,
            )
            page.polygon(
                _turned([(x + 120, y - 4), (x + 168, y - 4), (x + 168, y + 8), (x + 120, y + 8)], turn, middle), BLUSH
            )
            page.polygon(
                _turned([(x + 120, y + 26), (x + 150, y + 26), (x + 150, y + 38), (x + 120, y + 38)], turn, middle),
                BLUSH,
            )
    return page


def _dinner() -> Canvas:
    page = Canvas(*GOLD)
    page.disc(400, 320, 152, WHITE)
    page.disc(400, 320, 106, LINE)
    page.disc(400, 320, 100, PAPER)
    page.polygon(_leaf((346, 356), (408, 258), 46), LEAF)
    page.polygon(_leaf((384, 376), (470, 300), 40), LAUREL)
    page.disc(374, 300, 20, CORAL)
    page.disc(430, 352, 16, CORAL)
    page.disc(420, 286, 11, MEDAL)
    for x in (190, 206, 222):
        page.line([(x, 180), (x, 250)], 7, INK)
    page.polygon([*_curve((187, 244), (190, 292), (206, 292)), *_curve((206, 292), (222, 292), (225, 244))], INK)
    page.line([(206, 280), (206, 460)], 13, INK)
    page.polygon([*_curve((590, 176), (630, 200), (618, 320)), (590, 320)], INK)
    page.line([(597, 312), (597, 460)], 13, INK)
    return page


def _spa() -> Canvas:
    page = Canvas(*GREEN)
    for row, width in ((0, 250), (1, 200), (2, 140)):
        page.oval(400, 462, width, 34 - row * 9, (MIST, "#b3caf3", BLUE[1])[row])
    for y, across, down, colour in ((430, 140, 40, INK), (364, 108, 34, "#4a5565"), (308, 76, 28, "#7d8998")):
        page.oval(400, y, across, down, colour)
        page.oval(384, y - down * 0.45, across * 0.5, down * 0.22, "#9aa5b3" if colour != INK else "#4a5565")
    page.polygon(_leaf((400, 284), (318, 204), 24), BLUSH)
    page.polygon(_leaf((400, 284), (482, 204), 24), BLUSH)
    page.polygon(_leaf((400, 284), (356, 166), 26), CORAL)
    page.polygon(_leaf((400, 284), (444, 166), 26), CORAL)
    page.polygon(_leaf((400, 286), (400, 146), 30), BLUSH)
    page.oval(400, 284, 34, 9, LAUREL)
    page.polygon(_leaf((230, 440), (190, 330), 22), LAUREL)
    page.polygon(_leaf((230, 440), (264, 346), 18), LEAF)
    return page


def _perfume() -> Canvas:
    page = Canvas(*ROSE)
    page.shadow(390, 468, 150, ROSE[0])
    page.polygon(
        _curve((268, 290), (268, 240), (350, 244))
        + _curve((430, 244), (512, 240), (512, 290))
        + _curve((512, 420), (512, 468), (464, 468))
        + _curve((316, 468), (268, 468), (268, 420)),
        BLUSH,
    )
    page.polygon(
        _curve((284, 330), (340, 312), (390, 330))
        + _curve((390, 330), (440, 346), (496, 330))
        + _curve((496, 420), (496, 452), (460, 452))
        + _curve((320, 452), (284, 452), (284, 420)),
        CORAL,
    )
    page.box(352, 206, 428, 248, MEDAL, 6)
    page.box(340, 150, 440, 212, AMBER, 14)
    page.box(340, 170, 440, 184, MEDAL)
    page.box(330, 356, 450, 416, PAPER, 8)
    page.polygon(_leaf((390, 410), (364, 366), 13), LEAF)
    page.polygon(_leaf((390, 410), (416, 366), 13), LEAF)
    page.polygon(_leaf((390, 410), (390, 360), 13), LAUREL)
    for x, y, radius in (
        (470, 172, 8),
        (500, 156, 10),
        (502, 188, 9),
        (534, 140, 12),
        (540, 174, 12),
        (534, 208, 11),
        (576, 156, 13),
        (578, 198, 12),
    ):
        page.disc(x, y, radius, WHITE)
    return page


def _trees() -> Canvas:
    page = Canvas(*GREEN)
    page.disc(560, 176, 46, MEDAL)
    page.polygon(_curve((120, 480), (250, 400), (420, 430)) + _curve((420, 430), (560, 390), (690, 480)), LEAF)
    page.polygon(_curve((90, 500), (330, 420), (710, 500)), LAUREL)
    for x, ground, size, colour in ((262, 440, 0.8, LAUREL), (540, 440, 0.86, LAUREL), (400, 462, 1.15, DEEP)):
        page.line([(x, ground), (x, ground - 90 * size)], 16 * size, AMBER)
        for place, width in ((0, 84), (1, 66), (2, 46)):
            bottom = ground - (60 + place * 62) * size
            page.polygon([(x - width * size, bottom), (x + width * size, bottom), (x, bottom - 104 * size)], colour)
            page.polygon(
                [(x, bottom), (x + width * size, bottom), (x, bottom - 104 * size)],
                LEAF if colour == LAUREL else LAUREL,
            )
    return page


def _help() -> Canvas:
    page = Canvas(*ROSE)
    left = _curve((400, 400), (250, 316), (262, 196), (338, 188)) + _curve(
        (338, 188), (380, 186), (400, 220), (400, 236)
    )
    right = _curve((400, 236), (400, 220), (420, 186), (462, 188)) + _curve(
        (462, 188), (538, 196), (550, 316), (400, 400)
    )
    page.polygon(left + right, CORAL)
    page.polygon([*right, (400, 236)], BRICK)
    page.polygon(
        [
            *_curve((150, 400), (240, 372), (330, 436)),
            *_curve((330, 436), (400, 462), (470, 436)),
            *_curve((470, 436), (560, 372), (650, 400)),
            *_curve((650, 400), (590, 500), (400, 500)),
            *_curve((400, 500), (210, 500), (150, 400)),
        ],
        LAUREL,
    )
    page.polygon(
        _curve((200, 412), (290, 400), (400, 470))
        + _curve((400, 470), (510, 400), (600, 412))
        + _curve((600, 412), (500, 470), (400, 482))
        + _curve((400, 482), (300, 470), (200, 412)),
        LEAF,
    )
    return page


DRAWN: dict[str, Callable[[], Canvas]] = {
    "trousse-voyage": _pouch,
    "bougie-ondee": _candle,
    "coffret-soin": _care,
    "peignoir-lin": _robe,
    "enceinte-portable": _speaker,
    "carte-cadeau-20": lambda: _card("20 €", GREEN, LAUREL, DEEP, LEAF),
    "carte-cadeau-50": lambda: _card("50 €", BLUE, SKY, NIGHT, MIST),
    "place-cinema": _cinema,
    "diner-deux": _dinner,
    "week-end-spa": _spa,
    "atelier-parfum": _perfume,
    "arbres-plantes": _trees,
    "aide-aux-femmes": _help,
}


def picture_of(reward: str) -> bytes:
    """The picture of an article as a PNG of 800 × 600 pixels. Raises KeyError for an article not drawn here."""
    drawn = DRAWN[reward]().image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    drawn.save(written, "PNG")
    return written.getvalue()
