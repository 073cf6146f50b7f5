"""A challenge in words, made from its rules: what counts, what is won, until when, and why a sale gave its points.

Everything reads the stored definition (canonical JSON) and answers in the language of the reader. `products` gives
names by sku and `rewards` names by code; a code without a name is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from babel import Locale
from flask_babel import format_date, format_datetime, format_time, get_locale, ngettext
from flask_babel import gettext as _

from challenges.definition import stored_definition
from foundation.localisation import day, euros, number

Names = Mapping[str, str]
LISTED_PRODUCTS = 3


class Prize(NamedTuple):
    """A line of the prizes: who gets it, and what."""

    who: str
    what: str


class Section(NamedTuple):
    """A paragraph of the full rules: its title and its sentences."""

    title: str
    sentences: list[str]


# --- words for single things ---------------------------------------------------------------------------------------


def points_in_words(amount: int) -> str:
    """10 points, 1 point."""
    return ngettext("%(n)s point", "%(n)s points", amount, n=number(amount))


def _units(amount: int) -> str:
    return ngettext("%(n)s unité", "%(n)s unités", amount, n=number(amount))


def _sales(amount: int) -> str:
    return ngettext("%(n)s vente", "%(n)s ventes", amount, n=number(amount))


def _whole_euros(amount: int) -> str:
    return _("%(n)s €", n=number(amount))


def decimal_in_words(text: str) -> str:
    """A factor as people write it: 1.5 → 1,5 (fr)."""
    return text.replace(".", ",") if _locale().language == "fr" else text


def _or(values: Iterable[str]) -> str:
    *most, last = list(values)
    return _("%(most)s ou %(last)s", most=", ".join(most), last=last) if most else last


def _and(values: Iterable[str]) -> str:
    *most, last = list(values)
    return _("%(most)s et %(last)s", most=", ".join(most), last=last) if most else last


def channel_in_words(channel: str) -> str:
    """How a sale was made: "en boutique"."""
    words = {
        "store": _("en boutique"),
        "online": _("en ligne"),
        "face_to_face": _("en face à face"),
        "meeting": _("en réunion"),
        "reorder": _("en réassort"),
    }
    return words.get(channel, channel)


def _weekday(number_of_day: int) -> str:
    return (
        _("le lundi"),
        _("le mardi"),
        _("le mercredi"),
        _("le jeudi"),
        _("le vendredi"),
        _("le samedi"),
        _("le dimanche"),
    )[number_of_day - 1]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _locale() -> Locale:
    return Locale.parse(str(get_locale() or "fr"))


def day_in_words(value: date | str) -> str:
    """1er février 2026: French people say "premier" and no other ordinal."""
    text = day(date.fromisoformat(value) if isinstance(value, str) else value)
    return _first_of_month(text)


def _first_of_month(text: str) -> str:
    return re.sub(r"(?<![0-9])1 (?=[a-zû])", "1er ", text) if _locale().language == "fr" else text


def city_of(zone: str) -> str:
    """Europe/London → "heure de Londres"."""
    city = _locale().time_zones.get(zone, {}).get("city") or zone.rsplit("/", 1)[-1].replace("_", " ")
    return _("heure de %(city)s", city=city)


def last_moment(instant: datetime, zone: Any) -> str:
    """An excluded instant as people say it: midnight after a day is "until that day, included"."""
    local = instant.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return _(
            "jusqu’au %(day)s inclus",
            day=_first_of_month(format_date((local - timedelta(days=1)).date(), "EEEE d MMMM y")),
        )
    return _(
        "jusqu’au %(day)s à %(time)s",
        day=_first_of_month(format_date(local.date(), "EEEE d MMMM y")),
        time=format_time(local, "HH:mm", rebase=False),
    )


# --- rules ---------------------------------------------------------------------------------------------------------


def rule_in_words(
    rule: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]] = (),
    products: Names | None = None,
    *,
    with_cap: bool = True,
) -> str:
    """One rule as a phrase without a final stop. `rules` are all of them: a boost names those it multiplies."""
    counts, when = rule["counts"], rule.get("when") or {}
    if counts == "units":
        text = _units_rule(rule, when, products or {})
    elif counts == "value":
        text = _(
            "%(points)s par tranche de %(euros)s de ventes%(what)s%(where)s",
            points=points_in_words(rule["points"]),
            euros=_whole_euros(rule.get("per") or 1),
            what=_what(when, products or {}),
            where=_where(when),
        )
    elif counts == "declaration":
        text = _(
            "%(points)s par vente déclarée%(where)s%(what)s",
            points=points_in_words(rule["points"]),
            what=_containing(when, products or {}),
            where=_where(when),
        )
    elif counts == "feedback":
        text = _feedback_rule(rule, when, products or {})
    elif counts == "profile":
        text = _(
            "%(points)s quand le profil du client est complet (nouveau ou fidèle, âge, lieu)%(where)s%(what)s",
            points=points_in_words(rule["points"]),
            where=_where(when),
            what=_containing(when, products or {}),
        )
    elif counts == "boost":
        text = _boost_rule(rule, rules, when, products or {})
    else:
        text = _milestone_rule(rule, when, products or {})
    cap = cap_in_words(rule.get("cap")) if with_cap else ""
    return text + _conditions(when) + (", " + cap if cap else "")


def _units_rule(rule: Mapping[str, Any], when: Mapping[str, Any], products: Names) -> str:
    points, per, channels = points_in_words(rule["points"]), rule.get("per") or 1, _listed(when.get("channels"))
    where = _or(map(channel_in_words, channels)) if channels else ""
    if per == 1:
        return _(
            "%(points)s par unité%(what)s%(where)s",
            points=points,
            what=_what(when, products),
            where=_(" vendue %(where)s", where=where) if where else "",
        )
    return _(
        "%(points)s par lot de %(units)s%(what)s%(where)s",
        points=points,
        units=_units(per),
        what=_what(when, products),
        where=_(" vendues %(where)s", where=where) if where else "",
    )


def _feedback_rule(rule: Mapping[str, Any], when: Mapping[str, Any], products: Names) -> str:
    points = points_in_words(rule["points"])
    where, what = _where(when), _containing(when, products)
    if rule.get("min_comment"):
        return _(
            "%(points)s par avis de client avec un commentaire d’au moins %(n)s caractères%(where)s%(what)s",
            points=points,
            n=number(rule["min_comment"]),
            where=where,
            what=what,
        )
    return _("%(points)s par avis de client%(where)s%(what)s", points=points, where=where, what=what)


def _boost_rule(
    rule: Mapping[str, Any], rules: Sequence[Mapping[str, Any]], when: Mapping[str, Any], products: Names
) -> str:
    factor = decimal_in_words(str(rule["factor"]))
    named = _listed(rule.get("of"))
    numbers = [str(place) for place, other in enumerate(rules, 1) if other["id"] in named]
    where, what = _where(when), _containing(when, products)
    if not named:
        return _(
            "les points de la vente sont multipliés par %(factor)s%(where)s%(what)s",
            factor=factor,
            where=where,
            what=what,
        )
    if len(numbers) == 1:
        return _(
            "les points de la règle %(number)s sont multipliés par %(factor)s%(where)s%(what)s",
            number=numbers[0],
            factor=factor,
            where=where,
            what=what,
        )
    return _(
        "les points des règles %(numbers)s sont multipliés par %(factor)s%(where)s%(what)s",
        numbers=_and(numbers or named),
        factor=factor,
        where=where,
        what=what,
    )


def _milestone_rule(rule: Mapping[str, Any], when: Mapping[str, Any], products: Names) -> str:
    points = points_in_words(rule["points"])
    if rule["measure"] == "points":
        return _("%(points)s de plus, une fois, dès %(at)s gagnés", points=points, at=points_in_words(rule["at"]))
    what = _containing(when, products) if rule["measure"] == "declarations" else _what(when, products)
    return _(
        "%(points)s de plus, une fois, dès %(at)s%(what)s%(where)s",
        points=points,
        at=measure_in_words(rule["measure"], rule["at"]),
        what=what,
        where=_where(when),
    )


def measure_in_words(measure: str, amount: int) -> str:
    """An amount of units, of euros, of sales or of points."""
    if measure == "units":
        return _units(amount)
    if measure == "value":
        return _("%(euros)s de ventes", euros=_whole_euros(amount))
    if measure == "declarations":
        return _sales(amount)
    return points_in_words(amount)


def _products(when: Mapping[str, Any], products: Names) -> list[str]:
    """The product conditions, each after its preposition: "de la catégorie Soin"."""
    found = []
    skus, categories, families = (_listed(when.get(key)) for key in ("skus", "categories", "families"))
    if skus:
        found.append(_("de %(what)s", what=_chosen(skus, products)))
    for values, one, several in (
        (categories, _("de la catégorie"), _("des catégories")),
        (families, _("de la famille"), _("des familles")),
    ):
        if values:
            found.append(f"{one if len(values) == 1 else several} {_or(values)}")
    return found


def _chosen(skus: Sequence[str], products: Names) -> str:
    """Products by name while they are few; quoted, so that the sentence stays right before any name."""
    if len(skus) > LISTED_PRODUCTS:
        return _("l’un des %(n)s produits choisis", n=number(len(skus)))
    return _or(_("« %(name)s »", name=products.get(sku, sku)) for sku in skus)


def _what(when: Mapping[str, Any], products: Names) -> str:
    """What is sold, with the space before it: " de la catégorie Soin"."""
    found = _products(when, products)
    return " " + _and(found) if found else ""


def _containing(when: Mapping[str, Any], products: Names) -> str:
    """What the sale must hold: ", avec un produit de la catégorie Soin"."""
    skus = _listed(when.get("skus"))
    if skus and not when.get("categories") and not when.get("families"):
        return _(", avec %(what)s", what=_chosen(skus, products))
    found = _products(when, products)
    return _(", avec un produit %(what)s", what=_and(found)) if found else ""


def _where(when: Mapping[str, Any]) -> str:
    channels = _listed(when.get("channels"))
    return " " + _or(map(channel_in_words, channels)) if channels else ""


def _conditions(when: Mapping[str, Any]) -> str:
    """What else must be true, each after a comma."""
    found = []
    customers = set(_listed(when.get("customer")))
    if customers == {"new"}:
        found.append(_("pour un nouveau client"))
    elif customers == {"returning"}:
        found.append(_("pour un client fidèle"))
    elif customers:
        found.append(_("pour un client nouveau ou fidèle"))
    weekdays = sorted(set(_listed(when.get("weekdays"))))
    if weekdays:
        found.append(_or(map(_weekday, weekdays)))
    first, last = when.get("from"), when.get("to")
    if first and last:
        found.append(_("du %(first)s au %(last)s", first=day_in_words(first), last=day_in_words(last)))
    elif first:
        found.append(_("à partir du %(first)s", first=day_in_words(first)))
    elif last:
        found.append(_("jusqu’au %(last)s", last=day_in_words(last)))
    if (when.get("min_units") or 1) > 1:
        found.append(_("à partir de %(units)s dans la vente", units=_units(when["min_units"])))
    return "".join(", " + condition for condition in found)


def cap_in_words(cap: Mapping[str, Any] | None) -> str:
    """Up to where a rule gives: "jusqu'à 200 points par jour"; '' without a cap."""
    if not cap:
        return ""
    points = points_in_words(cap["points"])
    if cap["per"] == "declaration":
        return _("jusqu’à %(points)s par vente", points=points)
    if cap["per"] == "day":
        return _("jusqu’à %(points)s par jour", points=points)
    return _("jusqu’à %(points)s en tout", points=points)


# --- payouts -------------------------------------------------------------------------------------------------------


def prize_in_words(payout: Mapping[str, Any], rewards: Names | None = None) -> Prize:
    """One payout: who gets it, and what."""
    kind = payout["kind"]
    if kind == "convert":
        return Prize(
            _("Chaque tranche de %(points)s", points=points_in_words(payout["every"])), wallet_in_words(payout["into"])
        )
    what = (
        (rewards or {}).get(payout["reward"], payout["reward"])
        if payout.get("reward")
        else wallet_in_words(payout["wallet"])
    )
    if kind == "rank":
        if payout["from"] == payout["to"]:
            who = _("1re place") if payout["from"] == 1 else _("%(rank)se place", rank=number(payout["from"]))
        elif payout["to"] == payout["from"] + 1:
            who = _("Places %(first)s et %(last)s", first=number(payout["from"]), last=number(payout["to"]))
        else:
            who = _("Places %(first)s à %(last)s", first=number(payout["from"]), last=number(payout["to"]))
    elif kind == "threshold":
        who = _("Dès %(points)s", points=points_in_words(payout["points"]))
    elif kind == "objective":
        who = _("Objectif atteint")
    elif kind == "race":
        who = _(
            "Les %(n)s premiers à %(points)s",
            n=number(payout["first"]),
            points=points_in_words(payout["points"]),
        )
    else:
        who = _(
            "Tirage au sort de %(n)s gagnants, un ticket par tranche de %(points)s",
            n=number(payout["winners"]),
            points=points_in_words(payout["tickets_per"]),
        )
    return Prize(who, what)


def wallet_in_words(amount: int) -> str:
    """So many wallet points."""
    return ngettext("%(n)s point de cagnotte", "%(n)s points de cagnotte", amount, n=number(amount))


# --- audience ------------------------------------------------------------------------------------------------------


def _kind(kind: str) -> str:
    words = {
        "distributor": _("distributeurs"),
        "reseller": _("revendeurs"),
        "franchisee": _("franchisés"),
        "vdi": _("VDI"),
    }
    return words.get(kind, kind)


def _level(level: str) -> str:
    return {"low": _("faible"), "medium": _("moyen"), "high": _("fort")}.get(level, level)


def territory(code: str) -> str:
    """The name of a country by its code."""
    return str(_locale().territories.get(code, code))


def audience_in_words(audience: Mapping[str, Any] | None) -> str:
    """Who plays, as a phrase: "revendeurs ou VDI, région Bretagne"."""
    given = {key: _listed(values) for key, values in (audience or {}).items() if values}
    if not given:
        return _("tout le réseau")
    found = []
    if "kinds" in given:
        found.append(_and(map(_kind, given["kinds"])))
    if "brands" in given:
        brands = {"single": _("monomarques"), "multi": _("multimarques")}
        found.append(_and(brands.get(value, value) for value in given["brands"]))
    if "countries" in given:
        found.append(_and(map(territory, given["countries"])))
    if "regions" in given:
        found.append(_("région %(values)s", values=_or(given["regions"])))
    if "departments" in given:
        found.append(_("département %(values)s", values=_or(given["departments"])))
    if "activity" in given:
        found.append(_("niveau d’activité %(values)s", values=_or(map(_level, given["activity"]))))
    if "potential" in given:
        found.append(_("niveau de potentiel %(values)s", values=_or(map(_level, given["potential"]))))
    if "outlets" in given:
        many = len(given["outlets"])
        found.append(
            _("point de vente %(values)s", values=_or(given["outlets"]))
            if many <= LISTED_PRODUCTS
            else _("l’un des %(n)s points de vente choisis", n=number(many))
        )
    return ", ".join(found)


# --- the challenge as a whole --------------------------------------------------------------------------------------


def period_in_words(definition: Mapping[str, Any]) -> str:
    """Du 5 janvier 2026 au 1er février 2026, both days included; "…" stands for a day that is not chosen yet."""
    first, last = definition.get("starts_on"), definition.get("ends_on")
    return _(
        "du %(first)s au %(last)s",
        first=day_in_words(first) if first else "…",
        last=day_in_words(last) if last else "…",
    )


def summary(definition: Mapping[str, Any], products: Names | None = None, rewards: Names | None = None) -> list[str]:
    """What counts, what helps, what is won: at most three sentences, made from the rules."""
    rules = definition.get("rules") or []
    plain = [rule for rule in rules if rule["counts"] not in ("boost", "milestone")]
    extra = [rule for rule in rules if rule["counts"] in ("boost", "milestone")]
    sentences = []
    if plain:
        phrases = [rule_in_words(rule, rules, products) for rule in plain[:2]]
        if len(plain) > 2:
            phrases.append(ngettext("%(n)s autre règle", "%(n)s autres règles", len(plain) - 2, n=len(plain) - 2))
        sentences.append(_("Vous gagnez %(what)s.", what=_joined(phrases)))
    if extra:
        phrases = [rule_in_words(rule, rules, products) for rule in extra[: 1 if plain else 2]]
        others = len(extra) - len(phrases)
        if others:
            phrases.append(ngettext("%(n)s autre bonus ou palier", "%(n)s autres bonus ou paliers", others, n=others))
        sentences.append(_("En plus : %(what)s.", what=_joined(phrases)))
    period = period_in_words(definition)
    prizes = [prize_in_words(payout, rewards) for payout in definition.get("payouts") or []]
    if prizes:
        phrases = [
            _("%(who)s, %(what)s", who=prize.who[:1].lower() + prize.who[1:], what=prize.what) for prize in prizes[:2]
        ]
        if len(prizes) > 2:
            others = len(prizes) - 2
            phrases.append(ngettext("%(n)s autre gain", "%(n)s autres gains", others, n=others))
        sentences.append(_("À gagner %(period)s : %(what)s.", period=period, what=_(" ; ").join(phrases)))
    else:
        sentences.append(_("Le challenge dure %(period)s.", period=period))
    return sentences


def _joined(phrases: Sequence[str]) -> str:
    return _(" ; ").join(phrases)


def full_rules(
    definition: Mapping[str, Any], products: Names | None = None, rewards: Names | None = None
) -> list[Section]:
    """The readable rules, complete: who, when, what counts, how points are cut, ranks, prizes, closing."""
    known = stored_definition(definition)
    zone = known.zone
    rules = definition.get("rules") or []
    return [
        section
        for section in (
            Section(_("Qui participe"), [_sentence(audience_in_words(definition.get("audience")))]),
            Section(
                _("Quand"),
                [
                    _(
                        "Comptent les ventes faites %(period)s, premier et dernier jour compris (%(zone)s).",
                        period=period_in_words(definition),
                        zone=city_of(known.timezone),
                    ),
                    _("Elles se déclarent %(moment)s.", moment=last_moment(known.declares_until, zone)),
                    _(
                        "Une vente déclarée sans réseau dans ce délai compte si elle nous parvient"
                        " dans les 24 heures qui suivent."
                    ),
                    *_repetition(definition),
                ],
            ),
            Section(
                _("Ce qui compte"),
                [
                    _(
                        "Règle %(n)s : %(words)s.",
                        n=place,
                        words=rule_in_words(rule, rules, products),
                    )
                    for place, rule in enumerate(rules, 1)
                ],
            ),
            Section(_("Comment les points sont comptés"), _counting(definition, rules)),
            Section(_("Objectif"), _objective_sentences(definition)),
            Section(_("Classement"), _ranking(definition)),
            Section(_("Ce qui se gagne"), _prize_sentences(definition, rewards)),
            Section(_("Fin du challenge"), _ending(known, zone)),
        )
        if section.sentences
    ]


def _sentence(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:] + "."


def _counting(definition: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = {rule["counts"] for rule in rules}
    found = [
        _("Seules les ventes acceptées donnent des points ; celles en vérification sont montrées à part."),
        _("Les divisions sont arrondies à l’entier inférieur."),
    ]
    if "value" in kinds or any(rule.get("measure") == "value" for rule in rules):
        found.append(_("La valeur est comptée au prix catalogue, jamais au prix que vous pratiquez."))
    if "boost" in kinds:
        found.append(_("Les multiplications ne se cumulent pas entre elles."))
    if definition.get("cap_per_day"):
        found.append(_("Au plus %(points)s par jour de vente.", points=points_in_words(definition["cap_per_day"])))
    if definition.get("cap_total"):
        found.append(_("Au plus %(points)s sur tout le challenge.", points=points_in_words(definition["cap_total"])))
    if "milestone" in kinds and (definition.get("cap_per_day") or definition.get("cap_total")):
        found.append(_("Les paliers s’ajoutent au-delà de ces plafonds."))
    proof = definition.get("proof")
    if proof == "required":
        found.append(_("Chaque vente doit être accompagnée d’une preuve."))
    elif proof == "optional":
        found.append(_("Une preuve peut être jointe à la vente."))
    found.append(
        _(
            "Les points d’un salarié comptent à partir de l’accord de son employeur ;"
            " ceux d’un VDI, pour les ventes en face à face et en réunion."
        )
    )
    return found


def _objective_sentences(definition: Mapping[str, Any]) -> list[str]:
    objective = definition.get("objective")
    if not objective:
        return []
    measure = objective["measure"]
    found = [
        {
            "units": _("L’objectif de chacun se compte en unités vendues."),
            "value": _("L’objectif de chacun se compte en euros au prix catalogue."),
            "declarations": _("L’objectif de chacun se compte en ventes déclarées."),
            "points": _("L’objectif de chacun se compte en points."),
        }[measure]
    ]
    baseline = objective.get("baseline")
    if baseline:
        found.append(
            _(
                "Il part de vos ventes du %(first)s au %(last)s, multipliées par %(factor)s.",
                first=day_in_words(baseline["from"]),
                last=day_in_words(baseline["to"]),
                factor=decimal_in_words(str(baseline.get("factor") or "1")),
            )
        )
        if baseline.get("at_least"):
            found.append(_("Il est d’au moins %(least)s.", least=measure_in_words(measure, baseline["at_least"])))
    if objective.get("default"):
        found.append(
            _(
                "Sans objectif personnel ni ventes passées, il est de %(default)s.",
                default=measure_in_words(measure, objective["default"]),
            )
        )
    return found


def league_in_words(league_by: str) -> str:
    """What the board is split by."""
    words = {
        "kind": _("nature de point de vente"),
        "brands": _("exclusivité"),
        "country": _("pays"),
        "region": _("région"),
        "department": _("département"),
        "city": _("ville"),
        "activity": _("niveau d’activité"),
        "potential": _("niveau de potentiel"),
        "group": _("groupe"),
        "outlet": _("établissement"),
    }
    return words.get(league_by, league_by)


def _ranking(definition: Mapping[str, Any]) -> list[str]:
    outlets = definition.get("ranks") == "outlet"
    if definition.get("rank_by") == "progress":
        first = (
            _("Les points de vente sont classés par progression vers leur objectif.")
            if outlets
            else _("Les participants sont classés par progression vers leur objectif.")
        )
    else:
        first = (
            _("Les points de vente sont classés par total de points de leur équipe.")
            if outlets
            else _("Les participants sont classés par total de points.")
        )
    found = [first]
    if definition.get("league_by"):
        found.append(_("Il y a un classement par %(league)s.", league=league_in_words(definition["league_by"])))
    found.append(
        _("À égalité, le rang est partagé et le suivant saute d’autant.")
        if definition.get("tie_break") == "shared"
        else _("À égalité, le premier à avoir atteint son total passe devant.")
    )
    found.append(_("Sans aucun point, on n’est pas classé."))
    if definition.get("freeze_board_on"):
        found.append(
            _(
                "Le classement montré s’arrête le %(day)s ; la suite se découvre à la clôture.",
                day=day_in_words(definition["freeze_board_on"]),
            )
        )
    return found


def _repetition(definition: Mapping[str, Any]) -> list[str]:
    """That a challenge comes back, and until when."""
    if not definition.get("repeat"):
        return []
    found = (
        _("Il revient chaque semaine, avec un classement et des gains propres à chaque semaine.")
        if definition["repeat"] == "weekly"
        else _("Il revient chaque mois, avec un classement et des gains propres à chaque mois.")
    )
    if not definition.get("repeat_until"):
        return [found]
    until = _("La dernière période commence au plus tard le %(day)s.", day=day_in_words(definition["repeat_until"]))
    return [found, until]


def _prize_sentences(definition: Mapping[str, Any], rewards: Names | None) -> list[str]:
    payouts = definition.get("payouts") or []
    found = [
        _("%(who)s : %(what)s.", who=prize.who, what=prize.what)
        for prize in (prize_in_words(payout, rewards) for payout in payouts)
    ]
    if any(payout["kind"] == "rank" for payout in payouts):
        found.append(_("Une égalité sur le dernier rang récompensé récompense tous ceux qui le partagent."))
    if sum(payout["kind"] == "threshold" for payout in payouts) > 1:
        found.append(_("Les seuils atteints s’additionnent."))
    if payouts and definition.get("budget") is not None:
        found.append(
            _(
                "Le budget est de %(euros)s ; au-delà, les gains en points de cagnotte sont réduits à proportion.",
                euros=_whole_euros(definition["budget"]),
            )
            if definition.get("budget_policy") == "pro_rata"
            else _(
                "Le budget est de %(euros)s ; les gains sont attribués dans cet ordre jusqu’à l’épuiser.",
                euros=_whole_euros(definition["budget"]),
            )
        )
    return found


def _ending(known: Any, zone: Any) -> list[str]:
    found = [_("Une fois les dernières ventes déclarées et vérifiées, les rangs sont figés et les gains attribués.")]
    review = known.reviews_until.astimezone(zone)
    moment = format_datetime(review, "d MMMM y, HH:mm", rebase=False)
    if known.pending_at_close == "accept":
        found.append(_("Le %(moment)s, les ventes encore en vérification sont acceptées.", moment=moment))
    elif known.pending_at_close == "reject":
        found.append(_("Le %(moment)s, les ventes encore en vérification sont écartées.", moment=moment))
    else:
        found.append(_("Le challenge attend que toutes les vérifications soient faites."))
    return found


# --- why a sale gave its points ------------------------------------------------------------------------------------


def explain(why: Mapping[str, Any], names: Names | None = None) -> str:
    """The arithmetic of one gain in words: "3 × Crème de nuit × 10 pts = 30"; caps say what they left."""
    text = _arithmetic(why, names or {})
    left = why.get("gives", 0)
    for cut in why.get("cut") or ():
        text += _(" ; ") + _(
            "%(cap)s atteint : %(left)s sur %(before)s",
            cap=_cap_name(cut["by"]),
            left=number(cut["left"]),
            before=number(left),
        )
        left = cut["left"]
    return text


def _arithmetic(why: Mapping[str, Any], names: Names) -> str:
    counts = why.get("counts")
    gives = number(why.get("gives", 0))
    points, per = _short_points(why.get("points", 0)), why.get("per") or 1
    product = names.get(why["sku"], why["sku"]) if why.get("sku") else None
    if counts == "units":
        units = why["units"]
        if product and per == 1:
            return _(
                "%(n)s × %(product)s × %(points)s = %(gives)s",
                n=number(units),
                product=product,
                points=points,
                gives=gives,
            )
        what = f"{number(units)} × {product}" if product else _units(units)
        if per == 1:
            return _("%(what)s × %(points)s = %(gives)s", what=what, points=points, gives=gives)
        return _(
            "%(what)s, %(points)s par %(per)s = %(gives)s",
            what=what,
            points=points,
            per=number(per),
            gives=gives,
        )
    if counts == "value":
        value = euros(why["value"])
        what = (
            _("%(product)s : %(euros)s", euros=value, product=product)
            if product
            else _("%(euros)s de ventes", euros=value)
        )
        return _(
            "%(what)s, %(points)s par %(per)s = %(gives)s",
            what=what,
            points=points,
            per=_whole_euros(per),
            gives=gives,
        )
    if counts == "declaration":
        return _("vente déclarée = %(gives)s", gives=gives)
    if counts == "feedback":
        if why.get("min_comment"):
            return _("avis d’au moins %(n)s caractères = %(gives)s", n=number(why["min_comment"]), gives=gives)
        return _("avis donné = %(gives)s", gives=gives)
    if counts == "profile":
        return _("profil du client complet = %(gives)s", gives=gives)
    if counts == "boost":
        return _(
            "%(factor)s × %(base)s − %(base)s = %(gives)s",
            factor=decimal_in_words(str(why["factor"])),
            base=number(why["base"]),
            gives=gives,
        )
    if counts == "milestone":
        return _("palier de %(at)s = %(gives)s", at=measure_in_words(why["measure"], why["at"]), gives=gives)
    return ""


def _short_points(amount: int) -> str:
    return ngettext("%(n)s pt", "%(n)s pts", amount, n=number(amount))


def _cap_name(by: str) -> str:
    words = {
        "declaration": _("plafond par vente"),
        "day": _("plafond du jour"),
        "challenge": _("plafond de la règle"),
        "challenge_day": _("plafond du jour du challenge"),
        "challenge_total": _("plafond du challenge"),
    }
    return words.get(by, by)


def explain_bar(reason: str) -> str:
    """Why the law keeps a sale from scoring, and what is missing; '' when it may score."""
    words = {
        "vdi_channel": _(
            "Un VDI ne vend ni en ligne ni en boutique : la vente est gardée sans points."
            " Les ventes en face à face et en réunion comptent (C. com. L135-1 à L135-3)."
        ),
        "vdi_reorder": _(
            "Le réassort d’un VDI ne compte que pour un client fidèle, et si le programme le permet"
            " (C. com. L135-1 à L135-3)."
        ),
        "no_agreement": _(
            "L’accord de votre employeur manque : la vente est gardée sans points."
            " Demandez à votre point de vente de le donner (CSS L242-1-4)."
        ),
        "before_agreement": _(
            "Cette vente est antérieure à l’accord de votre employeur : elle est gardée sans points (CSS L242-1-4)."
        ),
    }
    return words.get(reason, "")
