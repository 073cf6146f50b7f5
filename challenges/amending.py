"""What may still change in a challenge once people play it, and what a change says differently. Pure but for words.

Publication makes promises: who plays, when, how ranks are made, what is won. The rules of the days to come may change,
prizes may be added after those there are, money may be added; everything else stays. The dates move by an extension
or by an earlier end, which are decisions of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from challenges.definition import AnyPayout, Definition, Problem, WrongDefinition, definition_from
from challenges.queries import SCORING
from challenges.wording import Names, day_in_words, points_in_words, prize_in_words, rule_in_words
from foundation.localisation import number

AMENDABLE = frozenset({"name", "description", "en", "rules", "cap_per_day", "cap_total", "payouts", "budget"})
LONGEST_NOTICE = 1_000
_MOMENTS = {"declare_until": "declares_until", "review_until": "reviews_until"}


# --- an amendment of the rules -------------------------------------------------------------------------------------


def forbidden_changes(before: Definition, after: Definition) -> list[Problem]:
    """Every way in which `after` breaks what `before` promised; empty when it is an amendment that can be made."""
    if before.code != after.code:
        return [
            Problem(
                ("code",),
                _("ce sont les règles d’un autre challenge, « %(code)s »", code=after.code),
                f'code = "{before.code}"',
            )
        ]
    if before.canonical() == after.canonical():
        return [Problem((), _("rien ne change"), _("au moins une règle, un plafond, un gain ou un texte différent"))]
    return [*_promises(before, after), *_rules(before, after), *_payouts(before, after), *_budget(before, after)]


def _promises(before: Definition, after: Definition) -> Iterator[Problem]:
    old, new = before.model_dump(by_alias=True, mode="json"), after.model_dump(by_alias=True, mode="json")
    for key in Definition.model_fields:
        if key in AMENDABLE or old[key] == new[key]:
            continue
        if key in _MOMENTS and getattr(before, _MOMENTS[key]) == getattr(after, _MOMENTS[key]):
            continue  # written out, or no longer, but the same instant
        dated = key == "ends_on" or key in _MOMENTS
        absent = _("pas de « %(key)s »", key=key)
        kept = absent if old[key] is None else _("« %(key)s » comme avant : %(value)s", key=key, value=_shown(old[key]))
        yield Problem(
            (key,),
            _("changer les règles ne change pas les dates du challenge (« %(key)s »)", key=key)
            if dated
            else _("« %(key)s » ne change plus : c’est promis depuis la publication", key=key),
            _("%(kept)s — pour les dates, prolongez le challenge ou terminez-le plus tôt", kept=kept)
            if dated
            else kept,
        )


def _shown(value: Any) -> str:
    """A value as the file writes it, as far as one line can."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_shown(each)}" for key, each in value.items() if each is not None)
        return f"{{ {inner} }}" if inner else "{ }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def _rules(before: Definition, after: Definition) -> Iterator[Problem]:
    """What a person has used of a cap, and climbed towards a milestone, goes on under the rule's id: one id, one kind
    of rule."""
    earlier = {rule.id: rule for rule in before.rules}
    for index, rule in enumerate(after.rules):
        known = earlier.get(rule.id)
        if known is None:
            continue
        for key in ("counts", "measure"):
            if getattr(known, key, None) != getattr(rule, key, None):
                yield Problem(
                    ("rules", index, key),
                    _(
                        "la règle « %(id)s » change de nature, et ce que chacun y a déjà atteint se suit par son nom",
                        id=rule.id,
                    ),
                    _("un autre « id » pour la nouvelle règle"),
                )
                break


def _payouts(before: Definition, after: Definition) -> Iterator[Problem]:
    for index, payout in enumerate(before.payouts):
        if index >= len(after.payouts):
            yield Problem(
                ("payouts",),
                _("le gain %(n)s a disparu ; il est promis", n=index + 1),
                _("les mêmes gains dans le même ordre, les nouveaux après"),
            )
            return
        if _said(payout) != _said(after.payouts[index]):
            yield Problem(
                ("payouts", index),
                _("le gain %(n)s a changé ; il est promis", n=index + 1),
                _("les mêmes gains dans le même ordre, les nouveaux après"),
            )
            return
    for index, payout in enumerate(after.payouts[len(before.payouts) :], len(before.payouts)):
        if payout.kind == "draw":
            yield Problem(
                ("payouts", index, "kind"),
                _("un tirage au sort ne s’ajoute pas en cours de route : il se publie avant le début"),
                _("un autre gain, ou un autre challenge"),
            )


def _said(payout: AnyPayout) -> dict[str, Any]:
    return payout.model_dump(exclude_none=True)


def _budget(before: Definition, after: Definition) -> Iterator[Problem]:
    if after.budget is None or (before.budget is not None and after.budget >= before.budget):
        return
    if before.budget is None:
        wrong, right = _("un budget qui arrive en cours de route peut priver d’un gain promis"), _("pas de « budget »")
    else:
        wrong = _("le budget baisse, ce qui peut priver d’un gain promis")
        right = _("au moins %(n)s, ou pas de « budget »", n=number(before.budget))
    yield Problem(("budget",), wrong, right)


# --- other dates ---------------------------------------------------------------------------------------------------


def extended(
    before: Definition, ends_on: date, *, declare_until: datetime | None = None, review_until: datetime | None = None
) -> Definition:
    """The same challenge with a later end. Instants that its file gives move by as many days, unless given here.

    Raises WrongDefinition when the new dates cannot be.
    """
    problems = []
    if ends_on <= before.ends_on:
        problems.append(
            Problem(
                ("ends_on",),
                _("le %(day)s ne prolonge rien", day=day_in_words(ends_on)),
                _("un jour après le %(day)s", day=day_in_words(before.ends_on)),
            )
        )
    for key, given, held in (
        ("declare_until", declare_until, before.declares_until),
        ("review_until", review_until, before.reviews_until),
    ):
        if given is not None and given < held:
            problems.append(
                Problem(
                    (key,),
                    _("une prolongation ne laisse pas moins de temps qu’avant"),
                    _("à partir de %(instant)s", instant=held.astimezone(before.zone).isoformat()),
                )
            )
    if problems:
        raise WrongDefinition(problems)
    data = _moved(before, ends_on)
    for key, instant in (("declare_until", declare_until), ("review_until", review_until)):
        if instant is not None:
            data[key] = instant.astimezone(before.zone).isoformat()
    return definition_from(data)


def shortened(before: Definition, played: Definition, ends_on: date) -> Definition:
    """The same challenge with an earlier end, and the rules that hold on that day (those of `played`).

    Rules that no sale of the shorter period can ever meet are left out, and so is a freezing of the board after the
    end. Raises WrongDefinition when the dates cannot be, or when nothing is left that gives points.
    """
    problem = None
    if ends_on >= before.ends_on:
        problem = _("un jour avant le %(day)s", day=day_in_words(before.ends_on))
    elif ends_on < before.starts_on:
        problem = _("un jour à partir du %(day)s, ou une annulation", day=day_in_words(before.starts_on))
    if problem is not None:
        wrong = _("le challenge ne peut pas se terminer le %(day)s", day=day_in_words(ends_on))
        raise WrongDefinition([Problem(("ends_on",), wrong, problem)])
    data = _moved(before, ends_on)
    data = {key: value for key, value in data.items() if key not in SCORING}
    data |= {key: value for key, value in played.canonical().items() if key in SCORING}
    if before.freeze_board_on is not None and before.freeze_board_on > ends_on:
        del data["freeze_board_on"]
    # The series goes on as it was published; this period alone may now end on a day that not every month has.
    data = {key: value for key, value in data.items() if key not in ("repeat", "repeat_until")}
    return _without_dead_rules(data)


def _moved(before: Definition, ends_on: date) -> dict[str, Any]:
    """The plain values with another end; instants that were given keep their distance from it, by the wall clock."""
    data = before.canonical() | {"ends_on": ends_on.isoformat()}
    days = timedelta(days=(ends_on - before.ends_on).days)
    for key, given in (("declare_until", before.declare_until), ("review_until", before.review_until)):
        if given is not None:
            local = given.astimezone(before.zone).replace(tzinfo=None) + days
            data[key] = local.replace(tzinfo=before.zone).isoformat()
    return data


def _without_dead_rules(data: dict[str, Any]) -> Definition:
    """The challenge without the rules that can no longer give a point to anybody."""
    while True:
        try:
            return definition_from(data)
        except WrongDefinition as wrong:
            dead = {one.where[1] for one in wrong.problems if one.where[:1] == ("rules",) and len(one.where) > 1}
            if not dead:
                raise WrongDefinition(
                    [
                        Problem(
                            ("ends_on",),
                            _("d’ici là, aucune règle n’aura donné de points"),
                            _("une annulation, ou un jour plus tard"),
                        )
                    ]
                    if any(one.where == ("rules",) for one in wrong.problems)
                    else wrong.problems
                ) from wrong
        kept = [rule for index, rule in enumerate(data["rules"]) if index not in dead]
        names = {rule["id"] for rule in kept}
        data["rules"] = [
            rule | {"of": [name for name in _listed(rule["of"]) if name in names]} if "of" in rule else rule
            for rule in kept
        ]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


# --- in words ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One difference in words: what it is about, how it was ("" when it is new) and how it will be ("" when gone)."""

    what: str
    before: str
    after: str


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], products: Names | None = None, rewards: Names | None = None
) -> list[Change]:
    """What a participant would find different, rule by rule: texts, rules, caps, prizes, budget, end."""
    found: list[Change] = []

    def say(what: str, old: str, new: str) -> None:
        if old != new:
            found.append(Change(what, old, new))

    for key, what in (("name", _("Nom")), ("description", _("Présentation"))):
        say(what, before.get(key) or "", after.get(key) or "")
    for key, what in (("name", _("Nom en anglais")), ("description", _("Présentation en anglais"))):
        say(what, (before.get("en") or {}).get(key) or "", (after.get("en") or {}).get(key) or "")
    say(_("Dernier jour"), day_in_words(before["ends_on"]), day_in_words(after["ends_on"]))
    old, new = before.get("rules") or [], after.get("rules") or []
    was, will = {rule["id"]: rule for rule in old}, {rule["id"]: rule for rule in new}
    for name in [*was, *(name for name in will if name not in was)]:
        say(
            _("Règle « %(id)s »", id=name),
            _rule(was.get(name), old, products),
            _rule(will.get(name), new, products),
        )
    if [name for name in was if name in will] != [name for name in will if name in was]:
        say(_("Ordre des règles"), ", ".join(was), ", ".join(will))
    for key, what in (("cap_per_day", _("Plafond par jour")), ("cap_total", _("Plafond total"))):
        say(what, _cap(before.get(key)), _cap(after.get(key)))
    prizes = [_prize(one, rewards) for one in before.get("payouts") or []]
    for place, prize in enumerate(_prize(one, rewards) for one in after.get("payouts") or []):
        if place >= len(prizes) or prizes[place] != prize:
            say(_("Gain %(n)s", n=place + 1), prizes[place] if place < len(prizes) else "", prize)
    say(_("Budget"), _budget_in_words(before.get("budget")), _budget_in_words(after.get("budget")))
    return found


def _rule(rule: Mapping[str, Any] | None, rules: Sequence[Mapping[str, Any]], products: Names | None) -> str:
    if rule is None:
        return ""
    return _capital(rule_in_words(rule, rules, products))


def _cap(points: int | None) -> str:
    return points_in_words(points) if points is not None else _("sans plafond")


def _prize(payout: Mapping[str, Any], rewards: Names | None) -> str:
    prize = prize_in_words(payout, rewards)
    return prize.who + _(" : ") + prize.what


def _budget_in_words(euros: int | None) -> str:
    return _("%(n)s €", n=number(euros)) if euros is not None else _("sans limite")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
