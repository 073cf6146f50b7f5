"""What no challenge can ask for, by the words a file would use for it, and the article that forbids it.

The product has no key for any of this, so such a file is refused anyway; it then reads the article and the lawful way
instead of "unknown value". Only values and keys that are unknown are looked at: a lawful challenge is never stopped
by a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from flask_babel import gettext as _

RECRUITING = "C. conso. L121-15"
RESALE_PRICE = "C. com. L442-6"
LOTTERY = "CSI L322-1 et L322-2"
IDENTITY = "RGPD art. 5"

# What words begin with (short ones: what they are), in French and English; compared word by word, without accents.
_NAMES_OF_RECRUITING = ("recru", "sponsor", "parrain", "marrain", "filleul", "referr", "downline", "upline", "coopt")
_RECRUITING_WORDS = (*_NAMES_OF_RECRUITING, "affili", "adhesion", "signup", "newmember")
_BUYING_WORDS = ("purchas", "bought", "achat", "achet", "order", "commande", "sellin", "stock", "payment", "paiement")
_SHORT_BUYING_WORDS = frozenset({"buy", "kit", "kits", "starter", "fee", "fees", "droit", "paid", "spent", "stake"})
_PRICE_WORDS = ("price", "pricing", "prix", "discount", "remise", "rabais", "ristourne", "rebate", "margin", "marge",
                "markup", "markdown", "tarif", "unitprice", "resale", "revente")  # fmt: skip
_LAWFUL_PRICES = ("list", "catalog")
_IDENTITY_WORDS = ("email", "courriel", "phone", "telephon", "birth", "naissanc", "surname",
                   "firstname", "lastname", "prenom", "identit", "facebook", "instagram")  # fmt: skip


class Ban(NamedTuple):
    """Why something is refused: the article, what is wrong, what would be right."""

    article: str
    wrong: str
    right: str


def ban_on(words: Iterable[object], *, buying: bool = True, draw: bool = False) -> Ban | None:
    """The article against what these unknown keys and values ask for; None when no law speaks of it.

    `buying` False leaves out words of buying, which mean something else at the head of a file; `draw` says that the
    challenge has a draw, whose tickets are never bought.
    """
    found = [part for word in words if isinstance(word, str) for part in _parts(word)]
    if _any(found, _PRICE_WORDS) and not _any(found, _LAWFUL_PRICES):
        wrong = _(
            "le prix, la remise ou la marge que choisit le revendeur ne donne jamais de points (%(article)s)",
            article=RESALE_PRICE,
        )
        return Ban(RESALE_PRICE, wrong, _('counts = "value", qui compte les ventes au prix catalogue'))
    if _any(found, _IDENTITY_WORDS):
        wrong = _("demander l’identité d’un client ne rapporte jamais rien (%(article)s)", article=IDENTITY)
        return Ban(IDENTITY, wrong, _('counts = "profile", qui compte le genre de client, l’âge et le lieu'))
    if _any(found, _RECRUITING_WORDS):
        wrong = _("recruter ou parrainer ne rapporte jamais rien (%(article)s)", article=RECRUITING)
        return Ban(RECRUITING, wrong, _("une règle qui compte les ventes déclarées par la personne elle-même"))
    if not buying or not (_any(found, _BUYING_WORDS) or _SHORT_BUYING_WORDS.intersection(found)):
        return None
    if draw:
        wrong = _(
            "un ticket de tirage ne vient jamais d’un achat (%(article)s, à confirmer par un juriste)",
            article=LOTTERY + _(" ; ") + RECRUITING,
        )
        return Ban(
            LOTTERY, wrong, _("tickets_per = nombre de points par ticket, points gagnés par des ventes déclarées")
        )
    wrong = _("acheter du stock, un kit ou un droit d’entrée ne rapporte jamais rien (%(article)s)", article=RECRUITING)
    return Ban(RECRUITING, wrong, _("une règle qui compte les ventes déclarées par la personne elle-même"))


def names_recruiting(words: str) -> bool:
    """Whether a name, such as that of a rule, or a text speaks of recruiting."""
    return _any(_parts(words), _NAMES_OF_RECRUITING)


def _parts(word: str) -> list[str]:
    """The words of a key: "sell_in.units" gives sellin, units."""
    text = word.lower().translate(str.maketrans("éèêàâçîïôûù", "eeeaaciiouu"))
    text = re.sub(r"sell[\W_]+in\b", "sellin", text)
    text = re.sub(r"new[\W_]+members?\b", "newmember", text)
    return [part for part in re.split(r"[\W_]+", text) if part]


def _any(parts: Iterable[str], beginnings: tuple[str, ...]) -> bool:
    return any(part.startswith(beginnings) for part in parts)
