"""Draws the application's icons, static/icons/*.png, from static/mark.svg with Debian's Chromium: `python icons.py`."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parent.parent / "static"
PAPER = "#FBF7F0"
# name: (pixels, share of the side that the mark takes, corners rounded by this share)
ICONS = {
    "icon-192": (192, 0.8, 0.22),
    "icon-512": (512, 0.8, 0.22),
    # a launcher may cut a maskable icon to the circle of 80 %
    "maskable-192": (192, 0.6, 0),
    "maskable-512": (512, 0.6, 0),
    "apple-touch-icon": (180, 0.76, 0),
}


def main() -> None:
    """Writes the pictures."""
    mark = (STATIC / "mark.svg").read_text(encoding="utf-8")
    (STATIC / "icons").mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (side, share, corner) in ICONS.items():
            page = browser.new_page(viewport={"width": side, "height": side})
            page.set_content(
                f"<body style='margin:0;background:transparent'><div style='width:{side}px;height:{side}px;"
                f"background:{PAPER};border-radius:{corner * side}px;display:grid;place-items:center'>"
                f"<div style='width:{share * side}px;height:{share * side}px'>{mark}</div></div>"
            )
            drawn = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
            # Flat colours and their edges: 64 shades are the same picture, a third of the bytes.
            few = drawn.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
            few.save(STATIC / "icons" / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
