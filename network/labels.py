"""The words of the network, as people read them."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _


@dataclass(frozen=True)
class Labels:
    """For each attribute, its values and how each is called, in the language being spoken."""

    role: dict[str, str]
    status: dict[str, str]
    kind: dict[str, str]
    brands: dict[str, str]
    level: dict[str, str]


def labels() -> Labels:
    """The words in the language of the answer."""
    return Labels(
        role={
            "reseller": _("Participant"),
            "animator": _("Animateur"),
            "brand": _("Marque"),
            "admin": _("Administrateur"),
        },
        status={
            "employee": _("Salarié"),
            "independent": _("Indépendant"),
            "vdi": _("VDI"),
            "staff": _("Personnel de la marque"),
        },
        kind={
            "distributor": _("Distributeur"),
            "reseller": _("Revendeur"),
            "franchisee": _("Franchisé"),
            "vdi": _("VDI"),
        },
        brands={"single": _("Une seule marque"), "multi": _("Plusieurs marques")},
        level={"low": _("faible"), "medium": _("moyen"), "high": _("élevé")},
    )
