"""Documents as PDF: A4 paper in our typeface, with an outline, a title, a language; headings, sentences, facts, tables.

The bytes are a function of what is written and of the versions of the libraries: nothing of the present moment is in
them, so that a file somebody kept can be compared with the one the product gives today.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from flask_babel import gettext as _
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.prefs import ViewerPreferences

FONTS = Path(__file__).resolve().parents[1] / "static" / "fonts"
FAMILY = "Figtree"
FILES = {"": "figtree-regular.ttf", "B": "figtree-bold.ttf"}
INK, SOFT, LAUREL, LINE = (27, 36, 50), (90, 100, 115), (14, 107, 80), (231, 223, 211)
MARGIN = 20  # millimetres
# What our typeface does not draw, and what says the same: spaces of all widths, the hyphen that does not break.
SAME = str.maketrans({"\u202f": "\u00a0", "\u2009": "\u00a0", "\u2007": "\u00a0", "\u2011": "-", "\u2010": "-"})


@cache
def _drawn() -> frozenset[int]:
    """The characters of our typeface: those that both weights have."""
    return frozenset.intersection(*(frozenset(TTFont(FONTS / name).getBestCmap()) for name in FILES.values()))


def writable(text: str) -> str:
    """The text in characters our typeface has: others become their plain form, or "?" when there is none."""
    text = unicodedata.normalize("NFC", text).translate(SAME)
    return "".join(_plain(character) for character in text)


def _plain(character: str) -> str:
    if ord(character) in _drawn() or character == "\n":
        return character
    parts = unicodedata.normalize("NFKD", character)
    kept = "".join(part for part in parts if ord(part) in _drawn() and not unicodedata.combining(part))
    return kept or ("" if unicodedata.category(character) in ("Mn", "Cf", "Cc") else "?")


class Paper(FPDF):
    """A4 pages with the name of the document and the number of the page at their foot."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, margin=MARGIN + 4)
        for style, name in FILES.items():
            self.add_font(FAMILY, style, FONTS / name)

    def footer(self) -> None:
        """The foot of each page."""
        self.set_y(-MARGIN + 2)
        self.set_font(FAMILY, size=8)
        self.set_text_color(*SOFT)
        self.cell(self.epw / 2, 5, self._foot)
        self.cell(self.epw / 2, 5, _("page %(n)s sur %(all)s", n=self.page_no(), all="{nb}"), align="R")

    def paragraph(self, text: str, *, size: float = 10.5, style: str = "", colour: tuple[int, int, int] = INK) -> None:
        """A paragraph over the width of the page."""
        self.set_font(FAMILY, style, size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, writable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def heading(self, text: str) -> None:
        """A section's title, in the outline too; it never stands alone at the foot of a page."""
        self.ln(5)
        if self.will_page_break(24):
            self.add_page()
        self.start_section(writable(text))
        self.paragraph(text, size=13, style="B", colour=LAUREL)
        self.ln(1)

    def item(self, text: str) -> None:
        """A sentence after its dot."""
        self.set_font(FAMILY, "", 10.5)
        self.set_text_color(*INK)
        text = writable(text)
        lines = self.multi_cell(self.epw - 5, 5.25, text, align="L", dry_run=True, output="LINES")
        if self.will_page_break(5.25 * min(len(lines), 3)):
            self.add_page()
        self.cell(5, 5.25, "•")
        self.multi_cell(self.epw - 5, 5.25, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(0.8)

    def titled(self, title: str, *, author: str, subject: str, language: str, dated: datetime) -> None:
        """What the file says of itself; `dated` is an instant of the content, never the present one."""
        self.set_title(title)
        self.set_author(author)
        self.set_subject(subject)
        self.set_lang(language)
        self.set_creation_date(dated)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.set_display_mode("fullwidth", "continuous")
        self.page_mode = "USE_OUTLINES"  # type: ignore[assignment]

    def facts(self, facts: Iterable[tuple[str, str]], *, width: float = 38) -> None:
        """Names and values between hairlines."""
        self.set_draw_color(*LINE)
        for name, value in facts:
            top = self.get_y()
            self.line(MARGIN, top, MARGIN + self.epw, top)
            self.ln(1.2)
            self.set_font(FAMILY, "", 10.5)
            self.set_text_color(*SOFT)
            self.cell(width, 5.25, writable(name))
            self.set_text_color(*INK)
            text = writable(value)
            self.multi_cell(self.epw - width, 5.25, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(1.2)
        self.line(MARGIN, self.get_y(), MARGIN + self.epw, self.get_y())

    def rows(self, header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
        """A table over the width of the page, its header on each page; the last column is of amounts."""
        self.set_font(FAMILY, "", 9.5)
        self.set_text_color(*INK)
        self.set_draw_color(*LINE)
        align = ("LEFT",) * (len(header) - 1) + ("RIGHT",)
        with self.table(
            col_widths=tuple(widths), text_align=align, borders_layout="HORIZONTAL_LINES", line_height=5
        ) as table:  # fmt: skip
            for row in (header, *rows):
                table.row([writable(cell) for cell in row])
