"""A year's statement of one person, and the employer's copies of all its people, as PDF (foundation/documents.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from foundation import clock
from foundation.documents import SOFT, Paper, writable
from foundation.localisation import day, euros, language, points
from foundation.programme import settings
from rewards.benefits import Benefit, Item, bounds
from rewards.contribution import Figures


def statement_pdf(
    people: Iterable[tuple[Benefit, Sequence[Item]]], figures: Figures, zone: ZoneInfo, *, copy: bool
) -> bytes:  # fmt: skip
    """The statements of some people for a year, each on pages of its own; `copy` says it is the employer's."""
    chosen = settings()
    title = _("Relevé annuel des avantages %(year)s", year=figures.year)
    paper = Paper(writable(title))
    brand = chosen["brand_name"] or _("organisateur à compléter")
    dated: datetime = bounds(figures.year, zone)[-1]
    paper.titled(title, author=brand, subject=str(figures.year), language=language(), dated=dated)
    for one, given in people:
        paper.add_page()
        paper.paragraph(
            _("Copie pour l’employeur") if copy else _("Exemplaire du bénéficiaire"), style="B", colour=SOFT
        )
        paper.paragraph(title, size=22, style="B")
        paper.ln(1)
        paper.start_section(writable(f"{one.name} · {one.person}"))
        paper.facts(
            [
                (_("Versé par"), ", ".join(filter(None, (brand, chosen["brand_address"])))),
                (_("Bénéficiaire"), f"{one.name} · {one.person}"),
                (_("Point de vente"), f"{one.outlet} · {one.group}" if one.outlet else "—"),
                (_("Statut"), status_in_words(one.status)),
                (_("Accordé"), euros(one.given_cents)),
                (_("Repris"), euros(one.taken_back_cents)),
                (_("Reçu dans l’année"), euros(one.received_cents)),
            ],
            width=44,
        )
        paper.heading(_("Ce que dit la loi"))
        for sentence in law_in_words(one, figures):
            paper.item(sentence)
        paper.heading(_("Détail"))
        rows = [(day(clock.day_of(item.at, zone)), item_in_words(item), euros(item.cents)) for item in given]
        paper.rows((_("Date d’attribution"), _("Avantage"), _("Valeur")), rows, (38, 92, 40))
    return bytes(paper.output())


def status_in_words(status: str) -> str:
    """What a person is to the brand."""
    return {
        "employee": _("salarié d’un point de vente"),
        "independent": _("indépendant"),
        "vdi": _("vendeur à domicile indépendant"),
        "staff": _("salarié de la marque"),
    }[status]


def item_in_words(item: Item) -> str:
    """What was given or taken back."""
    if item.challenge is None:
        return _("Cagnotte, reprise") if item.cents < 0 else _("Cagnotte, points donnés à la main")
    title = item.challenge.title(language())
    return title + _(" : ") + (item.reward or points(item.wallet_points or 0))


def law_in_words(one: Benefit, figures: Figures) -> list[str]:
    """What the law makes of a year, in sentences."""
    cut, bands = one.split(figures), figures.bands
    if one.status == "staff":
        return [_("Ces avantages sont un salaire dès le premier euro : %(sum)s.", sum=euros(cut.wages_cents))]
    if one.status == "vdi":
        quarters = (
            _("T%(n)s : %(sum)s", n=number, sum=euros(cents)) for number, cents in enumerate(one.quarters, 1)
        )  # fmt: skip
        return [
            _("Ces avantages vont chaque trimestre à la paie de l’entreprise (à confirmer par un juriste)."),
            " · ".join(quarters),
        ]
    if one.status == "independent":
        told = [_("Vous déclarez vous-même ces avantages.")]
        if figures.das2_cents is None:
            told.append(_("Le seuil de la DAS2 de %(year)s n’est pas encore connu.", year=figures.year))
        elif cut.das2:
            told.append(_("La marque les déclare aussi (DAS2) : plus de %(sum)s.", sum=euros(figures.das2_cents)))
        else:
            told.append(_("Ils ne passent pas %(sum)s : la marque n’a rien à déclarer.", sum=euros(figures.das2_cents)))
        return told
    if bands is None:
        return [
            _("Le SMIC de %(year)s n’est pas encore connu : les seuils ne sont pas calculés.", year=figures.year)
        ]  # fmt: skip
    return [
        _("Jusqu’à %(limit)s, rien n’est dû : %(sum)s.", limit=euros(bands.free_cents), sum=euros(cut.free_cents or 0)),
        _("Jusqu’à %(limit)s, la marque paie une contribution libératoire de %(rate)s %% : sur %(sum)s, %(due)s.",
          limit=euros(bands.common_cents), rate=f"{bands.rate.normalize():f}", sum=euros(cut.between_cents or 0),
          due=euros(cut.due_cents or 0)),
        _("Au-delà, les cotisations de droit commun s’appliquent : %(sum)s.", sum=euros(cut.common_cents or 0)),
        _("C’est la marque qui déclare et qui paie (CSS art. L242-1-4) ; l’employeur reçoit une copie."),
    ]  # fmt: skip
