"""What a seller is told when somebody has decided on a sale that waited: in the transaction that decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from urllib.parse import quote

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from declarations.models import Declaration
from declarations.queries import ToldLine, days_sold, posted_points, told_lines
from foundation import audit
from foundation.localisation import number, points, short_day
from network.notices import AT_ONCE, LONGEST_ADDRESS, Letter, notify_each

REJECTION_LABELS = {
    "duplicate": _l("Vente déjà déclarée"),
    "no_proof": _l("Preuve manquante ou illisible"),
    "wrong_quantity": _l("Quantité inexacte"),
    "wrong_product": _l("Produit inexact"),
    "not_eligible": _l("Vente hors du programme"),
    "other": _l("Autre raison"),
}
LISTED = 10
NAMED = 3


@dataclass(frozen=True)
class Decided:
    """A sale that has its answer: what it holds, the points it brings, and whether the answer is the second one."""

    declaration: Declaration
    sold_on: date
    lines: Sequence[ToldLine]
    points: int
    contested: bool

    @property
    def in_words(self) -> str:
        """2 × Crème de jour, vendu le 4 févr. 2026."""
        named = ", ".join(f"{number(line.units)}\u00a0×\u00a0{line.name}" for line in self.lines[:NAMED])
        more = len(self.lines) - NAMED
        if more > 0:
            named = ngettext(
                "%(named)s et %(num)s autre produit", "%(named)s et %(num)s autres produits", more, named=named
            )
        return f"{named}, {_('vendu le %(day)s', day=short_day(self.sold_on))}"


def tell_decided(
    declarations: Sequence[Declaration], contested: Callable[[Declaration], bool], *, at: datetime
) -> None:
    """Tell the people of some sales that they have their answer. The sales were just decided on together: all of them
    accepted, or all of them refused for one reason; `contested` says of which the answer is the second and last one.

    Each person gets one notice. Of a single sale it says everything and opens that sale. Of several it is one message
    for all, which lists them and opens their list: ten messages that say the same would bury the others, and ring ten
    times. Five statements for each 5 000 sales.
    """
    decided: dict[int, list[Decided]] = defaultdict(list)
    for start in range(0, len(declarations), AT_ONCE):
        batch = declarations[start : start + AT_ONCE]
        sold = days_sold([one.id for one in batch])
        lines = told_lines([revision_id for revision_id, _day in sold.values()])
        posted = posted_points({one.person_id for one in batch}, [one.public_id for one in batch])
        for one in batch:
            revision_id, day = sold[one.id]
            brings = posted.get(one.public_id, (0, 0))[0]
            decided[one.person_id].append(Decided(one, day, lines[revision_id], brings, contested(one)))
    accepted = declarations[0].status == "accepted"
    write = _accepted if accepted else _refused
    letters: Mapping[int, Callable[[], Letter]] = {
        person_id: partial(write, sorted(sales, key=lambda sale: sale.sold_on)) for person_id, sales in decided.items()
    }
    notify_each(letters, "accepted" if accepted else "refused", at=at)


def _accepted(sales: Sequence[Decided]) -> Letter:
    total = sum(one.points for one in sales)
    brings = points(total)
    if len(sales) > 1:
        count = number(len(sales))
        if total > 0:
            title = _("%(count)s ventes acceptées : +%(points)s", count=count, points=brings)
        else:
            title = _("%(count)s ventes acceptées", count=count)
        each = [f"{one.in_words} – {points(one.points)}" for one in sales]
        return Letter(title, _listed(each), "/declarations?status=accepted")
    [sale] = sales
    title = _("Vente acceptée : +%(points)s", points=brings) if total > 0 else _("Vente acceptée")
    said = [f"{sale.in_words}."]
    if sale.contested:
        said.append(_("Elle a été regardée à nouveau, comme vous l’aviez demandé."))
    if total <= 0:
        said.append(_("Elle ne rapporte pas de points : sa page dit pourquoi."))
    return Letter(title, " ".join(said), _page(sale.declaration))


def _refused(sales: Sequence[Decided]) -> Letter:
    declaration = sales[0].declaration
    reason = REJECTION_LABELS[declaration.rejection or "other"]
    note = declaration.rejection_note or ""
    if declaration.decided_by == audit.SYSTEM:  # its note is for the audit, not for people
        note = ngettext(
            "Le challenge s’est clos avant que quelqu’un l’ait vérifiée.",
            "Le challenge s’est clos avant que quelqu’un les ait vérifiées.",
            len(sales),
        )
    final = sum(one.contested for one in sales)
    if len(sales) > 1:
        title = _("%(count)s ventes refusées : %(reason)s", count=number(len(sales)), reason=reason)
        if not final:
            appeal = _("Chaque refus peut être contesté une fois, sur la page de la vente.")
        elif final == len(sales):
            appeal = _("Ces réponses sont définitives.")
        else:
            appeal = _("La page de chaque vente dit si son refus peut encore être contesté.")
        told = [note, _listed([one.in_words for one in sales]), appeal]
        return Letter(title, "\n\n".join(filter(None, told)), "/declarations?status=rejected")
    [sale] = sales
    if sale.contested:
        appeal = _("Elle a été regardée à nouveau, comme vous l’aviez demandé : cette réponse est définitive.")
    else:
        appeal = _("Vous pouvez contester ce refus une fois, sur la page de la vente.")
    told = [note, f"{sale.in_words}.", appeal]
    title = _("Vente refusée : %(reason)s", reason=reason)
    return Letter(title, "\n\n".join(filter(None, told)), _page(declaration))


def _listed(each: Sequence[str]) -> str:
    """The first of them, a line each, and how many more there are."""
    shown = list(each[:LISTED])
    more = len(each) - LISTED
    if more > 0:
        shown.append(ngettext("et %(num)s autre", "et %(num)s autres", more))
    return "\n".join(shown)


def _page(declaration: Declaration) -> str:
    """The page of a sale; the list it stands in, when a file gave it an id too long to be kept as an address."""
    address = f"/declarations/{quote(declaration.public_id)}"
    return address if len(address) <= LONGEST_ADDRESS else f"/declarations?status={declaration.status}"
