"""The picture that somebody on a podium may share: name or nickname, rank, challenge, points, organiser. Drawn here."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).resolve().parents[1] / "static" / "fonts"
SIZE = 1_080
PAPER, INK, SOFT = "#fbf7f0", "#1b2432", "#5a6473"
MEDALS = {1: "#e5a50a", 2: "#aab4c0", 3: "#cf9260"}
STEPS = {1: 300, 2: 240, 3: 190}  # heights, in pixels


def podium_picture(*, name: str, rank: int, place: str, challenge: str, points: str, brand: str) -> bytes:
    """A square PNG of 1080 pixels for ranks 1 to 3; texts that are too long are set smaller, then cut.

    `place` is the rank and `points` the total as they are said in the reader's language.
    """
    picture = Image.new("RGB", (SIZE, SIZE), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIZE, 24), fill="#0e6b50")
    _centred(draw, 90, challenge, "figtree-bold.ttf", 54, INK)
    draw.ellipse((415, 190, 665, 440), fill=MEDALS[rank])
    draw.ellipse((433, 208, 647, 422), outline=PAPER, width=6)
    _centred(draw, 255, place, "figtree-bold.ttf", 96, INK, widest=200)
    _centred(draw, 480, name, "figtree-bold.ttf", 84, INK)
    _centred(draw, 595, points, "figtree-regular.ttf", 52, SOFT)
    ground = 990
    for step, left in ((2, 180), (1, 420), (3, 660)):
        colour = MEDALS[step] if step == rank else "#e7dfd3"
        draw.rectangle((left, ground - STEPS[step], left + 239, ground), fill=colour)
        number = ImageFont.truetype(FONTS / "figtree-bold.ttf", 80)
        draw.text((left + 120, ground - STEPS[step] + 70), str(step), font=number, fill=INK, anchor="mm")
    draw.rectangle((0, ground, SIZE, SIZE), fill="#0e6b50")
    _centred(draw, 1_012, brand, "figtree-bold.ttf", 38, PAPER)
    written = io.BytesIO()
    picture.quantize(48, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def _centred(
    draw: ImageDraw.ImageDraw, top: int, text: str, font: str, size: int, colour: str, widest: int = SIZE - 120
) -> None:
    """A line in the middle, as large as it fits and at least 32 pixels."""
    chosen = ImageFont.truetype(FONTS / font, size)
    while size > 32 and draw.textlength(text, chosen) > widest:
        size -= 4
        chosen = ImageFont.truetype(FONTS / font, size)
    while len(text) > 1 and draw.textlength(text, chosen) > widest:
        text = text.removesuffix("…")[:-1].rstrip() + "…"
    draw.text((SIZE // 2, top), text, font=chosen, fill=colour, anchor="ma")
