"""Eight challenges to start from, each a whole valid file made for the network as it is (docs/game/starters.md).

What they say to participants is content, in French and English, and belongs to the animator from then on; what the
studio says about them (`title`, `purpose`) follows the reader's language. Each keeps to three rules, has a first step
most people reach, tells its cost at most, and asks for no channel, so that home sellers play too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select

from catalogue.models import Product
from challenges.definition import DEFAULT_ZONE, definition_from
from challenges.facts import Facts, facts_about
from challenges.queries import LEAGUES, audience_select
from challenges.vocabulary import reward_costs, rewards_on_offer
from foundation.database import db
from foundation.programme import setting
from network.models import Outlet, Person

TO_PREPARE = timedelta(days=7)
SMALLEST_BUDGET = 100


@dataclass(frozen=True)
class Network:
    """What a starter leans on: days, a product to launch, where people are, what can be given."""

    today: date
    sku: str | None
    product: str
    regions: Sequence[str]
    potentials: int
    beginners: bool
    costs: Mapping[str, int]
    point_cents: int

    @property
    def monday(self) -> date:
        """The first Monday that leaves a week to prepare and to tell people."""
        soonest = self.today + TO_PREPARE
        return soonest + timedelta(days=-soonest.weekday() % 7)

    def period(self, weeks: int) -> dict[str, str]:
        """Whole weeks, from a Monday to a Sunday."""
        last = self.monday + timedelta(days=7 * weeks - 1)
        return {"starts_on": self.monday.isoformat(), "ends_on": last.isoformat()}

    def before(self, weeks: int) -> dict[str, str]:
        """As many whole weeks as a challenge lasts, the last of them over today: what people did lately."""
        last = self.today - timedelta(days=self.today.isoweekday())
        return {"from": (last - timedelta(days=7 * weeks - 1)).isoformat(), "to": last.isoformat()}

    def wallet(self, euros: int) -> dict[str, int]:
        """Wallet points worth so many euros, for people to choose."""
        return {"wallet": max(1, euros * 100 // self.point_cents)}

    def article(self, euros: int) -> str | None:
        """The dearest article within so many euros; None when the catalogue has none."""
        fitting = [(-cost, code) for code, cost in self.costs.items() if 0 < cost <= euros * 100]
        return min(fitting)[1] if fitting else None

    def prize(self, euros: int) -> dict[str, Any]:
        """An article worth most of so many euros, else wallet points."""
        code = self.article(euros)
        return self.wallet(euros) if code is None or self.costs[code] * 2 < euros * 100 else {"reward": code}

    def conversion(self) -> dict[str, Any]:
        """A point of the challenge is worth a cent, by tens."""
        cents = self.point_cents
        return {
            "kind": "convert",
            "every": 10 if cents <= 10 else cents,
            "into": max(1, 10 // cents) if cents <= 10 else 1,
        }


@dataclass(frozen=True)
class Starter:
    """A model of challenge: what it is called in the studio, what it is for, and its icon (docs/interface.md)."""

    code: str
    title: Any
    purpose: Any
    icon: str
    compose: Callable[[Network], dict[str, Any]]

    def content(self, today: date) -> dict[str, Any]:
        """The plain data of a complete, valid challenge of the days to come, with its budget (whole euros)."""
        data = self.compose(_network(today))
        if (zone := str(current_app.config["TIMEZONE"])) != DEFAULT_ZONE:
            data["timezone"] = zone
        facts = facts_about(definition_from(data), on=today)
        if 0 < facts.outlets == facts.health_outlets:
            _for_outlets(data)
        most = _most_cents(data, facts)
        if most:
            data["budget"] = _round_euros(most)
        return data


def _network(today: date) -> Network:
    """Five selects, however large the network is."""
    where = db.session.execute(
        select(Outlet.region, Outlet.potential, Outlet.activity, func.count(Person.id).label("people"))
        .join(Person, Person.outlet_id == Outlet.id)
        .where(Person.role == "reseller")
        .group_by(Outlet.region, Outlet.potential, Outlet.activity)
    ).all()
    people: dict[str, int] = {}
    for row in where:
        if row.region.strip():
            people[row.region] = people.get(row.region, 0) + row.people
    product = db.session.execute(
        select(Product.sku, Product.name)
        .where(or_(Product.ends_on.is_(None), Product.ends_on > today + timedelta(weeks=8)))
        .order_by(Product.starts_on.is_(None), Product.starts_on.desc(), Product.id.desc())
        .limit(1)
    ).first()
    offered = [{"payouts": [{"reward": code} for code in rewards_on_offer()]}]
    return Network(
        today=today,
        sku=product.sku if product is not None else None,
        product=product.name if product is not None else "",
        regions=sorted(people, key=lambda region: (-people[region], region)),
        potentials=len({row.potential for row in where}),
        beginners=any(row.activity == "low" for row in where),
        costs=reward_costs(offered),
        point_cents=max(1, int(setting("wallet_point_cents"))),
    )


# --- lawful, and within a cost -------------------------------------------------------------------------------------


def _for_outlets(data: dict[str, Any]) -> None:
    """Where every outlet is of the health channel nobody is rewarded alone (CSP L1453-3): articles for the teams."""
    data["ranks"] = "outlet"
    data["payouts"] = [payout for payout in data["payouts"] if "reward" in payout]
    if not data["payouts"]:
        del data["payouts"]


def _most_cents(data: Mapping[str, Any], facts: Facts) -> int:
    """What the challenge costs when everybody wins all that can be won, ties apart."""
    leagues = _leagues(data)
    players = facts.outlets if data.get("ranks") == "outlet" else facts.people
    total = 0
    for payout in data.get("payouts") or ():
        if payout["kind"] == "convert":
            steps = sum(rule["points"] for rule in data["rules"] if rule["counts"] == "milestone")
            each = (data["cap_total"] + steps) // payout["every"] * payout["into"] * facts.point_cents
            total += each * facts.people
            continue
        reward = payout.get("reward")
        cost = facts.costs.get(reward, 0) if reward else payout["wallet"] * facts.point_cents
        winners = leagues * (payout["to"] - payout["from"] + 1) if payout["kind"] == "rank" else players
        total += cost * winners
    return total


def _leagues(data: Mapping[str, Any]) -> int:
    league_by = data.get("league_by")
    if league_by is None:
        return 1
    found = audience_select(data).with_only_columns(func.count(LEAGUES[league_by].distinct()))
    return max(1, db.session.scalar(found) or 0)


def _round_euros(cents: int) -> int:
    """Up to a figure that is said in one breath: two digits and noughts."""
    euros = -(-cents // 100)
    step = max(10, 10 ** (len(str(euros)) - 2))
    return max(SMALLEST_BUDGET, -(-euros // step) * step)


def _suffix(network: Network) -> str:
    return network.monday.strftime("%Y-%m")


# --- the eight -----------------------------------------------------------------------------------------------------


def _launch(network: Network) -> dict[str, Any]:
    when = {"when": {"skus": [network.sku]}} if network.sku is not None else {}
    french, english = ("« " + network.product + " »", f"“{network.product}”") if when else ("la nouveauté", "it")
    return {
        "code": f"lancement-{_suffix(network)}",
        "name": "Premiers à le faire découvrir",
        "description": f"Quatre semaines pour présenter {french} et nous dire ce qu'en pensent vos clients :"
        " un bon avis compte autant qu'un mauvais.",
        "en": {
            "name": "First to show it",
            "description": f"Four weeks to present {english if when else 'what is new'} and to tell us what your"
            " customers think: a good review counts as much as a bad one.",
        },
        **network.period(4),
        "cap_total": 2000,
        **({"league_by": "potential"} if network.potentials > 1 else {}),
        "rules": [
            {
                "id": "nouveaute",
                "counts": "units",
                "points": 20,
                **when,
                "cap": {"points": 200, "per": "day"},
            },
            {
                "id": "avis",
                "counts": "feedback",
                "points": 15,
                "min_comment": 20,
                **when,
                "cap": {"points": 75, "per": "day"},
            },
            {"id": "trois-premieres", "counts": "milestone", "measure": "units", "at": 3, "points": 50, **when},
        ],
        "payouts": [
            {"kind": "rank", "from": 1, "to": 3, **network.prize(60)},
            network.conversion(),
        ],
    }


def _weekend(network: Network) -> dict[str, Any]:
    return {
        "code": f"week-end-{_suffix(network)}",
        "name": "Les week-ends comptent plus",
        "description": "Pendant quatre semaines, vos ventes du samedi et du dimanche rapportent moitié plus.",
        "en": {
            "name": "Weekends count more",
            "description": "For four weeks, what you sell on Saturdays and Sundays earns half as much again.",
        },
        **network.period(4),
        "cap_total": 2000,
        "rules": [
            {"id": "articles", "counts": "units", "points": 10, "cap": {"points": 200, "per": "day"}},
            {"id": "week-end", "counts": "boost", "factor": "1.5", "of": ["articles"], "when": {"weekdays": [6, 7]}},
        ],
        "payouts": [{"kind": "threshold", "points": 50, **network.wallet(5)}, network.conversion()],
    }


def _feedback(network: Network) -> dict[str, Any]:
    return {
        "code": f"avis-{_suffix(network)}",
        "name": "La parole aux clients",
        "description": "Trois semaines pour recueillir l'avis de vos clients. Tous les avis comptent autant,"
        " bons ou mauvais : c'est leur sincérité qui nous aide.",
        "en": {
            "name": "Over to the customers",
            "description": "Three weeks to gather what your customers think. Every review counts the same,"
            " good or bad: it is their honesty that helps us.",
        },
        **network.period(3),
        "cap_total": 1500,
        "rules": [
            {
                "id": "avis",
                "counts": "feedback",
                "points": 20,
                "min_comment": 20,
                "cap": {"points": 200, "per": "day"},
            },
            {"id": "profil", "counts": "profile", "points": 5, "cap": {"points": 50, "per": "day"}},
            {"id": "lance", "counts": "milestone", "measure": "points", "at": 60, "points": 40},
        ],
        "payouts": [{"kind": "threshold", "points": 100, **network.wallet(5)}, network.conversion()],
    }


def _collective(network: Network) -> dict[str, Any]:
    article = network.article(20)
    return {
        "code": f"collectif-{_suffix(network)}",
        "name": "Tous à l'objectif",
        "description": "Chaque point de vente additionne les ventes et les objectifs de son équipe. Toutes les"
        " équipes qui arrivent à l'objectif gagnent, dans toutes les régions.",
        "en": {
            "name": "All of us on target",
            "description": "Each outlet adds up the sales and the targets of its team. Every team that reaches its"
            " target wins, in every region.",
        },
        **network.period(4),
        "ranks": "outlet",
        "rank_by": "progress",
        "league_by": "region",
        **({} if article else {"cap_total": 1500}),
        "objective": {"measure": "units", "default": 15, "baseline": _baseline(network, 4, "1.05", 5)},
        "rules": [
            {"id": "articles", "counts": "units", "points": 10},
            {"id": "avis", "counts": "feedback", "points": 10, "min_comment": 20, "cap": {"points": 50, "per": "day"}},
        ],
        "payouts": [{"kind": "objective", "reward": article} if article else network.conversion()],
    }


def _progress(network: Network) -> dict[str, Any]:
    return {
        "code": f"progres-{_suffix(network)}",
        "name": "Un peu mieux que soi-même",
        "description": "Chacun vise un dixième de plus que ses quatre dernières semaines : petits et grands points"
        " de vente partent à égalité, et tous ceux qui y arrivent gagnent.",
        "en": {
            "name": "A little better than yourself",
            "description": "Everyone aims at a tenth more than their last four weeks: small and large outlets start"
            " even, and all who get there win.",
        },
        **network.period(4),
        "rank_by": "progress",
        "objective": {"measure": "units", "default": 15, "baseline": _baseline(network, 4, "1.10", 8)},
        "rules": [
            {"id": "articles", "counts": "units", "points": 10},
            {"id": "avis", "counts": "feedback", "points": 10, "min_comment": 20, "cap": {"points": 50, "per": "day"}},
            {"id": "en-route", "counts": "milestone", "measure": "units", "at": 5, "points": 50},
        ],
        "payouts": [
            {"kind": "rank", "from": 1, "to": 3, **network.prize(50)},
            {"kind": "objective", **network.wallet(15)},
        ],
    }


def _steps(network: Network) -> dict[str, Any]:
    return {
        "code": f"paliers-{_suffix(network)}",
        "name": "À chacun son palier",
        "description": "Pas de classement à gagner : trois paliers, six semaines, et tous ceux qui les passent sont"
        " récompensés. Les paliers passés s'additionnent.",
        "en": {
            "name": "A step for everyone",
            "description": "No ranking to win: three steps, six weeks, and everybody who passes them is rewarded."
            " Steps passed add up.",
        },
        **network.period(6),
        "tie_break": "shared",
        "rules": [
            {"id": "articles", "counts": "units", "points": 10, "cap": {"points": 200, "per": "day"}},
            {"id": "avis", "counts": "feedback", "points": 15, "min_comment": 20, "cap": {"points": 75, "per": "day"}},
        ],
        "payouts": [
            {"kind": "threshold", "points": 50, **network.wallet(5)},
            {"kind": "threshold", "points": 200, **network.wallet(10)},
            {"kind": "threshold", "points": 500, **network.wallet(20)},
        ],
    }


def _duel(network: Network) -> dict[str, Any]:
    article, small = network.article(80), network.article(20)
    facing = list(network.regions[:2])
    named = " et ".join(facing), " and ".join(facing)
    start = f"{named[0]} : " if len(facing) == 2 else ""
    start_in_english = f"{named[1]}: " if len(facing) == 2 else ""
    period = network.period(3)
    suspense = date.fromisoformat(period["ends_on"]) - timedelta(days=2)
    return {
        "code": f"duel-{_suffix(network)}",
        "name": "Le duel des régions",
        "description": f"{start}deux régions, deux classements côte à côte, mesurés en progression pour que la taille"
        " ne décide de rien. Dans chaque région, les trois premières équipes gagnent.",
        "en": {
            "name": "The duel of regions",
            "description": f"{start_in_english}two regions, two boards side by side, measured in progress so that size"
            " decides nothing. In each region, the first three teams win.",
        },
        **period,
        "ranks": "outlet",
        "rank_by": "progress",
        "league_by": "region",
        "freeze_board_on": suspense.isoformat(),
        **({} if article else {"cap_total": 1500}),
        **({"audience": {"regions": facing}} if len(facing) == 2 else {}),
        "objective": {"measure": "units", "default": 12, "baseline": _baseline(network, 3, "1.10", 5)},
        "rules": [
            {"id": "articles", "counts": "units", "points": 10},
            {"id": "profil", "counts": "profile", "points": 5, "cap": {"points": 50, "per": "day"}},
        ],
        "payouts": [
            *([{"kind": "rank", "from": 1, "to": 3, "reward": article}] if article else []),
            *([{"kind": "objective", "reward": small}] if article and small else []),
            *([] if article and small else [network.conversion()]),
        ],
    }


def _welcome(network: Network) -> dict[str, Any]:
    return {
        "code": f"bienvenue-{_suffix(network)}",
        "name": "Vos premiers pas",
        "description": "Quatre semaines pour prendre le pli : une première vente déclarée, puis trois, puis dix."
        " Chaque pas est récompensé, sans classement à gagner.",
        "en": {
            "name": "Your first steps",
            "description": "Four weeks to get into the habit: a first declared sale, then three, then ten."
            " Every step is rewarded, with no ranking to win.",
        },
        **network.period(4),
        "tie_break": "shared",
        **({"audience": {"activity": ["low"]}} if network.beginners else {}),
        "rules": [
            {"id": "ventes", "counts": "declaration", "points": 10, "cap": {"points": 50, "per": "day"}},
            {"id": "avis", "counts": "feedback", "points": 5, "cap": {"points": 25, "per": "day"}},
            {"id": "premiere", "counts": "milestone", "measure": "declarations", "at": 1, "points": 20},
        ],
        "payouts": [
            {"kind": "threshold", "points": 30, **network.wallet(3)},
            {"kind": "threshold", "points": 50, **network.wallet(5)},
            {"kind": "threshold", "points": 120, **network.wallet(8)},
        ],
    }


def _baseline(network: Network, weeks: int, factor: str, at_least: int) -> dict[str, Any]:
    return {**network.before(weeks), "factor": factor, "at_least": at_least}


STARTERS: tuple[Starter, ...] = (
    Starter(
        "launch",
        _("Lancement d’un produit"),
        _(
            "Faire connaître une nouveauté en quatre semaines : des points par article vendu et par avis de client,"
            " un premier pas dès trois unités, un classement par niveau de potentiel."
        ),
        "sparkles",
        _launch,
    ),
    Starter(
        "weekend",
        _("Week-ends qui comptent plus"),
        _(
            "Donner du rythme aux jours où l’on vend le plus : les points du samedi et du dimanche sont multipliés"
            " par 1,5, avec un plafond par jour."
        ),
        "flame",
        _weekend,
    ),
    Starter(
        "feedback",
        _("Campagne d’avis"),
        _(
            "Savoir ce que pensent les clients : des points par avis commenté et par profil complet, que l’avis soit"
            " bon ou mauvais."
        ),
        "message",
        _feedback,
    ),
    Starter(
        "collective",
        _("Objectif collectif par région"),
        _(
            "Gagner ensemble : l’objectif d’un point de vente est la somme de ceux de son équipe, et toute équipe qui"
            " l’atteint gagne. Le classement se lit région par région ; il n’y a pas de total commun à une région."
        ),
        "map-pin",
        _collective,
    ),
    Starter(
        "progress",
        _("Course équitable, chacun contre soi"),
        _(
            "Laisser leur chance aux petits comme aux grands : on est classé sur sa progression vers son propre"
            " objectif, tiré de ses quatre dernières semaines."
        ),
        "chart",
        _progress,
    ),
    Starter(
        "steps",
        _("Des paliers pour tous"),
        _("Récompenser tout le monde, sans classement à gagner : trois paliers qui s’additionnent, dont un proche."),
        "flag",
        _steps,
    ),
    Starter(
        "duel",
        _("Duel de régions"),
        _(
            "Faire jouer deux régions côte à côte : les deux qui comptent le plus de monde, un classement des points"
            " de vente dans chacune, en progression. Les équipes gagnent, pas la région : c’est vous qui comparez."
        ),
        "trophy",
        _duel,
    ),
    Starter(
        "welcome",
        _("Challenge de bienvenue"),
        _(
            "Prendre l’habitude de déclarer : une première vente suffit pour gagner quelque chose. Pour les points de"
            " vente encore peu actifs, s’il y en a."
        ),
        "handshake",
        _welcome,
    ),
)
