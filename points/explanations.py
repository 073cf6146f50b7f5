"""Why a movement was made, in words: what the rules say themselves, and the kinds that only the ledger knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext

from challenges.wording import explain
from foundation import clock
from foundation.localisation import day, number


def skus_of(reasons: Iterable[str]) -> set[str]:
    """The products that some reasons (JSON) name, for their names to be looked up at once."""
    return {sku for reason in reasons for sku in _skus(_read(reason))}


def _skus(why: Mapping[str, Any]) -> Iterator[str]:
    if why.get("sku"):
        yield why["sku"]
    if isinstance(why.get("why"), dict):
        yield from _skus(why["why"])


def challenges_of(reasons: Iterable[str]) -> set[str]:
    """The challenges whose closing some reasons (JSON) name, for their titles to be looked up at once."""
    return {code for reason in reasons if isinstance(code := _read(reason).get("challenge"), str)}


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
    if kind in ("adjustment", "reversal"):
        return _by_hand(why, amount)
    if kind == "expiry":
        return _("points arrivés à expiration")
    if kind == "forgiveness":
        return _("ces points étaient déjà dépensés : ils vous sont laissés")
    if kind == "order":
        return _("commande : %(reward)s", reward=why.get("reward", ""))
    if kind == "order_cancelled":
        return _("commande annulée, points rendus : %(reward)s", reward=why.get("reward", ""))
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


def _by_hand(why: Mapping[str, Any], amount: int) -> str:
    """What staff decided, with the reason they gave."""
    reason = str(why.get("reason", ""))
    if why.get("counts") == "reversal":
        return _("points repris : %(reason)s", reason=reason)
    return _("bonus : %(reason)s", reason=reason) if amount > 0 else _("correction : %(reason)s", reason=reason)


def expires_in_words(points: int, at: datetime) -> str:
    """120 pts expirent le 3 mars 2027: the last day on which they can be spent."""
    last = clock.day_of(at - timedelta(microseconds=1), current_app.config["TIMEZONE"])
    return ngettext(
        "%(points)s pt expire le %(day)s", "%(points)s pts expirent le %(day)s", points,
        points=number(points), day=day(last),
    )  # fmt: skip


def _award(why: Mapping[str, Any], amount: int, titles: Mapping[str, str]) -> str:
    code = str(why.get("challenge", ""))
    title, total = titles.get(code, code), why.get("total", 0)
    kind = why.get("kind")
    if kind == "convert" and why.get("every"):
        return _(
            "clôture du challenge « %(title)s » : %(rate)s, %(total)s → %(amount)s",
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
    return _(
        "clôture du challenge « %(title)s » : %(what)s → %(amount)s", title=title, what=what, amount=number(amount)
    )
