"""What sales being typed would give, before they are sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from challenges import wording
from challenges.models import Challenge
from challenges.rules import Sale, SoldLine, Version
from declarations import queries, rules
from declarations.forms import day_wrong, units_wrong
from declarations.models import Declaration, Revision
from declarations.queries import Bonus, Choosable
from declarations.rules import Submission
from foundation.localisation import number
from foundation.programme import setting
from network.models import Person

Playing = tuple[Sequence[Challenge], dict[int, list[Version]]]


def earns(bonuses: Sequence[Bonus]) -> dict[str, str | None]:
    """What the feedback and the profile of a customer earn at most in one challenge: "+15 pts", "jusqu’à +25 pts", or
    nothing."""
    return {
        counts: _at_most([one for one in bonuses if one.counts == counts]) for counts in ("feedback", "profile")
    }  # fmt: skip


def _at_most(bonuses: Sequence[Bonus]) -> str | None:
    totals: dict[int, int] = defaultdict(int)
    for one in bonuses:
        totals[one.challenge.id] += one.points
    if not totals:
        return None
    most = max(totals.values())
    text = ngettext("+%(points)s pt", "+%(points)s pts", most, points=number(most))
    return text if len(bonuses) == 1 else _("jusqu’à %(points)s", points=text)


def expected_of(
    person: Person,
    told: Iterable[Submission],
    products: Mapping[str, Choosable],
    *,
    at: datetime,
    today: date,
    corrected: tuple[Declaration, Revision] | None = None,
    playing: Playing | None = None,
) -> dict[str, Any]:
    """What a person's sales of one day, as typed so far, would give together: `points` by challenge, `total`, or why
    the law bars them (`bar`), or what is `wrong` with a number of units or with the day. `review` is the number of
    units of a product above which somebody looks at a sale first, when one has more; else None. A line whose product is
    unknown is left out. `corrected` is the declaration that the sale would correct; `playing` the person's challenges
    on that day and their rules, when they are known already."""
    none: dict[str, Any] = {"ready": True, "wrong": "", "bar": "", "points": [], "total": 0, "review": None}
    goods = {sku: (one.list_price_cents, one.category, one.family) for sku, one in products.items()}
    if corrected is not None:
        goods |= queries.frozen_goods(corrected[1].id)
    declared_at, received_at = (corrected[0].declared_at, corrected[0].received_at) if corrected else (at, at)
    sales, bar, wrong = [], "", ""
    units_above = int(setting("review_units_above"))
    for one in told:
        if any(line.sku in goods and not line.units for line in one.lines):
            wrong = units_wrong()
        if rules.review_reasons(one, units_above=units_above, proof_missing=False):
            none["review"] = units_above
        lines = []
        for line in one.lines:
            if line.sku in goods and line.units:
                price, category, family = goods[line.sku]
                lines.append(SoldLine(line.sku, category, family, line.units, line.units * price))
        if not lines:
            continue
        bar = bar or _bar(person, one)
        sales.append(
            Sale(
                one.id, declared_at, received_at, one.sold_on, one.channel, one.customer, one.age_band, one.area,
                one.rating, rules.comment_length(one.comment), lines,
                sum(line.units for line in lines), sum(line.value for line in lines),
            )
        )  # fmt: skip
    wrong = wrong or (day_wrong(sales[0].sold_on, today) if sales else "")
    if wrong:
        return none | {"wrong": wrong}
    if not sales:
        return none | {"ready": False}
    if bar:
        return none | {"bar": wording.explain_bar(bar)}
    plays, frozen = playing or (queries.played_on(person.id, sales[0].sold_on), None)
    found = queries.expected_points(
        person.id,
        sales,
        plays,
        leaving_out=corrected[0].id if corrected else None,
        rules=frozen,
    )
    return none | {"points": found, "total": sum(one.points for one in found)}


def _bar(person: Person, told: Submission) -> str:
    """Why the law would bar this sale; '' when it may score, or before the channel is chosen."""
    if not told.channel:
        return ""
    agreement_on = person.outlet.agreement_on if person.outlet else None
    reorder = person.status == "vdi" and told.channel == "reorder" and bool(setting("vdi_reorder"))
    return rules.barred(person.status, agreement_on, told.sold_on, told.channel, told.customer, vdi_reorder=reorder)
