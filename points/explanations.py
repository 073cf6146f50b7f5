"""Why a movement was made, in words: what the rules say themselves, and the kinds that only the ledger knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from challenges.wording import explain
from foundation.localisation import number


def skus_of(reasons: Iterable[str]) -> set[str]:
    """The products that some reasons (JSON) name, for their names to be looked up at once."""
    return {sku for reason in reasons for sku in _skus(_read(reason))}


def _skus(why: Mapping[str, Any]) -> Iterator[str]:
    if why.get("sku"):
        yield why["sku"]
    if isinstance(why.get("why"), dict):
        yield from _skus(why["why"])


def explanation(reason: str, amount: int, names: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """The reason (JSON) of a movement of `amount` points in the reader's language.

    `names` gives products by sku, `titles` challenges by code; what is missing in them is shown as its code.
    """
    why = _read(reason)
    kind = why.get("counts")
    if kind == "difference":
        return _difference(why, names)
    if kind == "award":
        return _award(why, amount, titles)
    if kind == "order":
        return _("commande %(number)s : %(name)s", number=why.get("order", ""), name=why.get("reward", ""))
    if kind == "order_cancelled":
        return _(
            "commande %(number)s annulée : %(name)s. %(reason)s",
            number=why.get("order", ""),
            name=why.get("reward", ""),
            reason=why.get("reason", ""),
        )
    return explain(why, names)


def _read(reason: str) -> dict[str, Any]:
    try:
        found = json.loads(reason)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _difference(why: Mapping[str, Any], names: Mapping[str, str]) -> str:
    was, now = number(why.get("was", 0)), number(why.get("now", 0))
    inner = explain(why["why"], names) if isinstance(why.get("why"), dict) else ""
    if inner:
        return _("recalculé : %(was)s → %(now)s (%(why)s)", was=was, now=now, why=inner)
    if why.get("reason") == "cancelled":
        return _("repris : le challenge est annulé (%(was)s → %(now)s)", was=was, now=now)
    if why.get("now") == 0:
        return _("repris : cette vente ne compte plus (%(was)s → %(now)s)", was=was, now=now)
    return _("recalculé : %(was)s → %(now)s", was=was, now=now)


def _award(why: Mapping[str, Any], amount: int, titles: Mapping[str, str]) -> str:
    code = str(why.get("challenge", ""))
    title, total = titles.get(code, code), why.get("total", 0)
    kind = why.get("kind")
    if kind == "convert" and why.get("every"):
        return _(
            "clôture de %(title)s : %(rate)s, %(total)s → %(amount)s",
            title=title,
            rate=ngettext(
                "%(into)s point par tranche de %(every)s pts",
                "%(into)s points par tranche de %(every)s pts",
                why.get("into", 1),
                into=number(why.get("into", 1)),
                every=number(why["every"]),
            ),
            total=number(total),
            amount=number(amount),
        )
    if kind == "rank" and why.get("rank"):
        rank = why["rank"]
        what = _("1re place") if rank == 1 else _("%(rank)se place", rank=number(rank))
    elif kind == "threshold":
        what = _("seuil atteint avec %(total)s pts", total=number(total))
    elif kind == "objective":
        what = _("objectif atteint")
    else:
        what = _("gain no %(payout)s", payout=why.get("payout", 1))
    return _("clôture de %(title)s : %(what)s → %(amount)s", title=title, what=what, amount=number(amount))
