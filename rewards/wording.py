"""What orders and articles say in words."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _

from foundation.audit import SYSTEM
from foundation.localisation import points
from rewards.models import OPEN_STATES, PROVIDER
from rewards.rules import NotOrdered

ICONS = {"gift": "gift", "voucher": "tag", "experience": "sparkles", "donation": "handshake"}
TONES = {"ordered": "medal", "approved": "sky", "sent": "sky", "delivered": "laurel", "cancelled": "coral"}


def kinds() -> dict[str, str]:
    """The kinds of articles."""
    return {
        "gift": _("Cadeau"),
        "voucher": _("Bon d’achat"),
        "experience": _("Expérience"),
        "donation": _("Don"),
    }


def states() -> dict[str, str]:
    """The states of an order, as its owner reads them."""
    return {
        "ordered": _("Commandée"),
        "approved": _("En préparation"),
        "sent": _("Partie"),
        "delivered": _("Reçue"),
        "cancelled": _("Annulée"),
    }


def voucher_states() -> dict[str, str]:
    """The states of an order of a voucher: nothing travels."""
    return states() | {"sent": _("Code prêt"), "delivered": _("Code lu")}


def authors(codes: Collection[str]) -> dict[str, str]:
    """Who took the steps of an order, by what is noted of them; people by their codes."""
    return {code: code for code in codes} | {SYSTEM: "Palmarès", PROVIDER: _("Le prestataire")}


def next_step(state: str, kind: str) -> str:
    """What happens next to an order, in a sentence for its owner; '' when nothing does."""
    if state not in OPEN_STATES:
        return ""
    if kind == "voucher":
        return {
            "ordered": _("Votre animateur l’accepte, puis votre code apparaît ici."),
            "approved": _("Votre code arrive : vous serez prévenu ici."),
            "sent": _("Votre code est prêt : lisez-le quand vous en avez besoin."),
        }[state]
    return {
        "ordered": _("Votre animateur l’accepte, puis la prépare. Jusque-là vous pouvez l’annuler."),
        "approved": _("Elle est en préparation : vous serez prévenu quand elle part."),
        "sent": _("Elle est en route."),
    }[state]


def refusal(refused: NotOrdered) -> str:
    """Why an order, or a step of one, was refused, and what can be done."""
    value = refused.value
    sentences = {
        "suspended": _("Votre compte ne permet pas de commander ; parlez-en à votre animateur."),
        "unavailable": _("Cet article ne se commande pas en ce moment."),
        "country": _("Cet article n’est pas proposé dans votre pays."),
        "limit": _("Vous en avez déjà commandé autant que possible : %(n)s par personne.", n=value),
        "price": _(
            "Le prix a changé pendant que vous commandiez : il est maintenant de %(price)s. Rien n’a été pris.",
            price=points(value),
        ),
        "address": _("Écrivez l’adresse de livraison."),
        "sold_out": _("Le dernier vient d’être commandé. Vos points sont intacts."),
        "step_up": _("Cette commande demande un code de confirmation."),
        "points": _("Il vous manque %(points)s.", points=points(value)),
        "state": _("Cette commande a déjà avancé ; voici où elle en est."),
        "told": _("Le prestataire a déjà cette commande : lui seul peut encore l’annuler."),
        "reason": _("Écrivez la raison : elle est dite à la personne."),
        "no_code": _("Cette commande n’a pas de code."),
    }
    return sentences.get(refused.reason, refused.reason)
