"""What a person is told when staff give points or take them back: one notice, in the transaction that moves them."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from flask_babel import gettext as _

from challenges.models import Challenge
from foundation.localisation import language, points
from foundation.programme import setting
from network.notices import notify, said
from points.models import Adjustment

WALLET_FILTER = "cagnotte"


def tell_adjusted(adjustment: Adjustment, challenge: Challenge | None, *, spent: int = 0, at: datetime) -> None:
    """A bonus or a correction that holds, with its reason; `spent` of a correction's points were no longer there."""

    def title() -> str:
        amount = points(abs(adjustment.amount))
        return (
            _("Bonus : %(points)s", points=amount) if adjustment.amount > 0 else _("Repris : %(points)s", points=amount)
        )

    def text() -> str:
        where = _("Cagnotte") if challenge is None else challenge.title(language())
        return f"{where} – {adjustment.reason}{_already_spent(spent)}"

    notify([adjustment.person_id], "points", said(title), said(text), _page(challenge), at=at)


def tell_reverted(person_id: int, amount: int, reason: str, *, spent: int, at: datetime) -> None:
    """Points of a wallet that were taken back, with the reason; `spent` of them were no longer there."""
    title = said(lambda: _("Repris : %(points)s", points=points(amount)))
    text = said(lambda: f"{_('Cagnotte')} – {reason}{_already_spent(spent)}")
    notify([person_id], "points", title, text, _page(None), at=at)


def _already_spent(spent: int) -> str:
    if not spent:
        return ""
    if setting("reversal_policy") == "forgive":
        told = _("%(points)s étaient déjà dépensés : ils vous sont laissés.", points=points(spent))
    else:
        told = _("%(points)s étaient déjà dépensés : les prochains points reçus combleront ce manque.",
                 points=points(spent))  # fmt: skip
    return f"\n\n{told}"


def _page(challenge: Challenge | None) -> str:
    return "/points?" + urlencode({"challenge": WALLET_FILTER if challenge is None else challenge.code})
