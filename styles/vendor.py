"""Copies what the pages need from node_modules into static/ and draws the icon sprite.

Run by `npm run vendor` after a change of version in package.json or of the list of icons below, with the Python of the
project's environment: it has fontTools, which takes out of the fonts what no page uses.
"""

from __future__ import annotations

import json
import re
import shutil
from copy import deepcopy
from pathlib import Path
from unicodedata import category

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

STYLES = Path(__file__).resolve().parent
MODULES = STYLES / "node_modules"
STATIC = STYLES.parent / "static"

# our name: name in Lucide
ICONS = {
    "alert": "triangle-alert",
    "arrow-down": "arrow-down",
    "arrow-left": "arrow-left",
    "arrow-right": "arrow-right",
    "arrow-up": "arrow-up",
    "award": "award",
    "barcode": "barcode",
    "bell": "bell",
    "calendar": "calendar",
    "camera": "camera",
    "chart": "chart-column",
    "check": "check",
    "check-circle": "circle-check",
    "chevron-down": "chevron-down",
    "chevron-left": "chevron-left",
    "chevron-right": "chevron-right",
    "chevron-up": "chevron-up",
    "clock": "clock",
    "copy": "copy",
    "download": "download",
    "eye": "eye",
    "file": "file-text",
    "filter": "funnel",
    "flag": "flag",
    "flame": "flame",
    "gift": "gift",
    "globe": "globe",
    "handshake": "handshake",
    "help": "circle-help",
    "history": "history",
    "home": "house",
    "info": "info",
    "languages": "languages",
    "list": "list",
    "lock": "lock",
    "log-out": "log-out",
    "mail": "mail",
    "map-pin": "map-pin",
    "medal": "medal",
    "meeting": "coffee",
    "message": "message-square",
    "minus": "minus",
    "moon": "moon",
    "network": "network",
    "package": "package",
    "pencil": "pencil",
    "plus": "plus",
    "qr": "qr-code",
    "repeat": "repeat",
    "scale": "scale",
    "search": "search",
    "send": "send",
    "settings": "settings",
    "shield": "shield-check",
    "sparkles": "sparkles",
    "star": "star",
    "store": "store",
    "sun": "sun",
    "tag": "tag",
    "target": "target",
    "theme": "sun-moon",
    "trash": "trash-2",
    "trophy": "trophy",
    "undo": "undo-2",
    "upload": "upload",
    "user": "user",
    "users": "users",
    "wallet": "wallet",
    "wifi-off": "wifi-off",
    "x": "x",
    "x-circle": "circle-x",
}


# Our own drawing: the two branches around an avatar on the podium, filled with the colour of the place.
_BRANCH = (
    '<path d="M33 86C17 78 7 62 9 40l3 0C11 60 20 75 35 83z"/>'
    '<path d="M9 44C2 38 0 30 3 22c7 5 9 13 6 22z"/><path d="M11 58C3 54-1 47 0 39c8 3 12 10 11 19z"/>'
    '<path d="M17 71C8 70 2 64 1 56c9 0 15 6 16 15z"/><path d="M27 82C18 84 11 80 7 73c8-3 16 1 20 9z"/>'
    '<path d="M10 34C7 26 9 17 16 11c3 8 1 17-6 23z"/>'
)
LAURELS = (
    f'<symbol id="laurels" viewBox="0 0 104 96">{_BRANCH}<g transform="matrix(-1 0 0 1 104 0)">{_BRANCH}</g></symbol>'
)


def sprite() -> str:
    """One SVG document with a <symbol> per icon; strokes take the colour of the text around."""
    version = json.loads((MODULES / "lucide-static/package.json").read_text(encoding="utf-8"))["version"]
    parts = [f"<!-- Lucide {version}, ISC licence, see THIRD_PARTY.md -->"]
    for name, source in sorted(ICONS.items()):
        body = (MODULES / f"lucide-static/icons/{source}.svg").read_text(encoding="utf-8")
        body = re.sub(r"\s*\n\s*", "", body.split(">", 2)[2].rsplit("</svg>", 1)[0]).replace(" />", "/>")
        parts.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{body}</symbol>'
        )
    parts.append(LAURELS)
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(parts) + "\n</svg>\n"


# The weights the stylesheet asks for: of headings one, between its 700 and 800 which no eye tells apart; of texts the
# lightest and the heaviest.
FONTS: dict[str, int | tuple[int, int]] = {"bricolage-grotesque": 750, "figtree": (400, 700)}
# What French and English need beside letters and ASCII; another sign falls back to another font.
SIGNS = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}«°²·»×÷–—‘’“”•…€−"
FEATURES = ["calt", "ccmp", "kern", "liga", "locl", "tnum"]


def add_narrow_space(font: TTFont) -> None:
    """Half a space that does not break, for French: neither font has one, and a browser would take it from another."""
    name = "uni202F"
    font.ensureDecompiled()
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"][name] = deepcopy(font["glyf"]["space"])
    width, side = font["hmtx"]["space"]
    font["hmtx"][name] = (width // 2, side)
    # It changes with the weight as the space does: by some units.
    font["gvar"].variations[name] = deepcopy(font["gvar"].variations["space"])
    widths = font["HVAR"].table.AdvWidthMap.mapping
    widths[name] = widths["space"]
    for table in font["cmap"].tables:
        table.cmap[ord("\N{NARROW NO-BREAK SPACE}")] = name


def _needed(sign: str) -> bool:
    return sign.isascii() or sign in SIGNS or category(sign) in ("Lu", "Ll")


def lighter(font: TTFont, weights: int | tuple[int, int]) -> TTFont:
    """The same font without hints, other weights, fractions, loose accents, signs of other languages and the like."""
    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(one for one in map(chr, font.getBestCmap()) if _needed(one)))
    subsetter.subset(font)
    found = instancer.instantiateVariableFont(font, {"wght": weights})
    found.flavor = "woff2"
    return found


def main() -> None:
    """Writes static/icons.svg, static/fonts/ and static/vendor/."""
    (STATIC / "icons.svg").write_text(sprite(), encoding="utf-8")
    shutil.copy(MODULES / "htmx.org/dist/htmx.min.js", STATIC / "vendor/htmx.min.js")
    for family, weights in FONTS.items():
        package = MODULES / "@fontsource-variable" / family
        font = TTFont(package / f"files/{family}-latin-wght-normal.woff2", recalcTimestamp=False)
        add_narrow_space(font)
        lighter(font, weights).save(STATIC / f"fonts/{family}.woff2")
        shutil.copy(package / "LICENSE", STATIC / f"fonts/{family}-LICENSE.txt")
    for name in ("htmx.org", "lucide-static", "tailwindcss", "daisyui"):
        shutil.copy(MODULES / name / "LICENSE", STATIC / f"vendor/{re.split('[.-]', name)[0]}-LICENSE.txt")


if __name__ == "__main__":
    main()
