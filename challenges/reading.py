"""A challenge as its participants read it: the values of the page, the same for the page itself and for the studio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from pydantic import ValidationError

from challenges.definition import Definition, Problem, stored_definition
from challenges.models import Challenge
from challenges.queries import Amended
from challenges.vocabulary import product_names, reward_names
from challenges.wording import (
    audience_in_words,
    cap_in_words,
    city_of,
    day_in_words,
    last_moment,
    period_in_words,
    prize_in_words,
    rule_in_words,
    summary,
)
from foundation import clock
from foundation.localisation import language

URGENT_DAYS = 3


@dataclass(frozen=True)
class RuleRow:
    """A line of the table of rules."""

    number: int
    words: str
    cap: str


class ChangeTold(NamedTuple):
    """A change since publication as participants read it: in a line, what was written to them, when, its version."""

    title: str
    text: str
    at: datetime
    number: int


def changes_told(amendments: Iterable[Amended]) -> list[ChangeTold]:
    """The changes of a challenge as its participants were told them, in the same order."""
    found = []
    for amendment, version in amendments:
        if amendment.kind == "extension":
            title = _("Prolongé jusqu’au %(day)s", day=day_in_words(version.definition["ends_on"]))
        elif amendment.kind == "early_close":
            title = _("Fin avancée au %(day)s", day=day_in_words(version.definition["ends_on"]))
        else:
            title = _("Le règlement change pour les ventes à partir du %(day)s", day=day_in_words(version.starts_on))
        found.append(ChangeTold(title, amendment.notice, amendment.decided_at, version.number))
    return found


def participant_page(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What the page of a challenge says of its definition (canonical JSON, or as much of it as can be shown): title,
    description, summary, rules, prizes and facts, in the language of the answer."""
    products, rewards = product_names([definition]), reward_names([definition])
    rules = definition.get("rules") or []
    texts = definition.get(language()) or {} if language() != "fr" else {}
    return {
        "title": texts.get("name") or definition.get("name") or "",
        "description": texts.get("description") or definition.get("description") or "",
        "summary": summary(definition, products, rewards),
        "rules": [
            RuleRow(
                number,
                capital(rule_in_words(rule, rules, products, with_cap=False)),
                capital(cap_in_words(rule.get("cap"))),
            )
            for number, rule in enumerate(rules, 1)
        ],
        "prizes": [prize_in_words(payout, rewards) for payout in definition.get("payouts") or []],
        "facts": _facts(definition),
    }


def _facts(definition: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The dates and the public; without those that are not chosen yet."""
    found = [(_("Ventes comptées"), capital(period_in_words(definition)))]
    try:
        known: Definition | None = stored_definition(definition)
    except ValidationError:
        known = None
    if known is not None:
        found.append((_("À déclarer"), capital(last_moment(known.declares_until, known.zone))))
        if known.timezone != str(current_app.config["TIMEZONE"]):
            found.append((_("Heures"), capital(city_of(known.timezone))))
    found.append((_("Public"), capital(audience_in_words(definition.get("audience")))))
    return found


def time_left(challenge: Challenge, at: datetime) -> tuple[str, bool]:
    """How long until the next date that matters, in words, and whether it is near."""
    today = clock.day_of(at, challenge.zone)
    if challenge.state == "published":
        days = (challenge.starts_on - today).days
        if days > 0:
            return ngettext("Commence demain", "Commence dans %(num)s jours", days), False
    if challenge.state in ("published", "running") and today <= challenge.ends_on:
        days = (challenge.ends_on - today).days
        if days == 0:
            return _("Dernier jour"), True
        return ngettext("%(num)s jour restant", "%(num)s jours restants", days), days <= URGENT_DAYS
    if challenge.is_open and at < challenge.declare_until:
        return capital(_("À déclarer %(until)s", until=last_moment(challenge.declare_until, challenge.zone))), True
    return "", False


def capital(text: str) -> str:
    """The same words, as a sentence begins."""
    return text[:1].upper() + text[1:]


# --- a challenge that is not finished ------------------------------------------------------------------------------

_NEEDED: dict[str, Any] = {"code": "x", "name": "x", "starts_on": "2026-01-01", "ends_on": "2026-01-31"}


def as_far_as_possible(content: Mapping[str, Any], problems: Iterable[Problem]) -> dict[str, Any]:
    """What can be shown of a draft: its content without what is wrong; {} when there is nothing."""
    kept = {key: value for key, value in content.items() if key in Definition.model_fields}
    rows: dict[str, set[int]] = {"rules": set(), "payouts": set()}
    for problem in problems:
        first, second = (*problem.where, None, None)[:2]
        if first in rows and isinstance(second, int):
            rows[first].add(second)
        elif first == "audience" and isinstance(kept.get(first), Mapping) and second is not None:
            kept[first] = {key: value for key, value in kept[first].items() if key != second}
        elif first is not None:
            kept.pop(str(first), None)
    for key, wrong in rows.items():
        if wrong and isinstance(kept.get(key), list):
            kept[key] = [row for place, row in enumerate(kept[key]) if place not in wrong]
    try:
        canonical = Definition.model_validate(_NEEDED | kept).canonical()
    except ValidationError:
        return {}
    return {key: value for key, value in canonical.items() if key in kept}
