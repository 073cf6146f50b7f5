"""The rules document as a PDF: the same sections as its page (foundation/documents.py)."""

from __future__ import annotations

from flask_babel import gettext as _

from challenges.rules_document import RulesDocument
from foundation.documents import SOFT, Paper, writable


def rules_pdf(document: RulesDocument) -> bytes:
    """The document as a PDF file, in the language it was written in."""
    paper = Paper(writable(_("%(title)s · version %(n)s", title=document.title, n=document.version)))
    paper.titled(
        f"{_('Règlement')} — {document.title} — {_('version %(n)s', n=document.version)}",
        author=document.facts[0].value,
        subject=document.hash,
        language=document.language,
        dated=document.dated,
    )
    paper.add_page()
    paper.paragraph(_("Règlement"), size=10.5, style="B", colour=SOFT)
    paper.paragraph(document.title, size=22, style="B")
    paper.ln(1)
    if document.description:
        paper.paragraph(document.description, colour=SOFT)
        paper.ln(2)
    paper.facts(document.facts)
    for section in document.sections:
        paper.heading(section.title)
        for sentence in section.sentences:
            paper.item(sentence)
    return bytes(paper.output())
