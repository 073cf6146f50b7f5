"""A challenge judged: what the law forbids, what it asks of the brand, and what participants would find unfair.

`findings` looks at a valid definition and at facts, and answers in the reader's language. A blocking finding stops
publication. What the product bars by itself when it scores or pays (a home seller's sale online, a reward in a health
outlet) blocks only a challenge that would then have nothing left for anybody; elsewhere it is a warning.

What a file can ask for only by words the product has no key for (points for recruiting, for a resale price, a bought
ticket) is refused while it is read: challenges/forbidden.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from challenges.definition import AnyPayout, Definition, Prize, RankPayout
from challenges.facts import Facts
from challenges.forbidden import LOTTERY, RECRUITING, names_recruiting
from challenges.wording import day_in_words
from foundation.localisation import euros, number

EMPLOYEES = "CSS art. L242-1-4"
HOME_SELLERS = "C. com. L135-1 à L135-3"
HEALTH = "CSP L1453-3"
WAGES = "CSS art. L242-1"
INDEPENDENTS = "CGI art. 240"
HUMAN_ANSWER = "RGPD art. 22"
FACE_TO_FACE = frozenset({"face_to_face", "meeting"})
MOST_RULES = 3


class Finding(NamedTuple):
    """One thing found: how grave, the article ('' when no law is meant), what is wrong, a way to mend it, and where
    (keys and positions from the top of the challenge)."""

    level: Literal["blocking", "warning"]
    article: str
    wrong: str
    mend: str
    where: tuple[str | int, ...]

    @property
    def text(self) -> str:
        """The finding as a sentence: what is wrong (article) — a way to mend it."""
        wrong = f"{self.wrong} ({self.article})" if self.article else self.wrong
        return f"{wrong} — {self.mend}."


def findings(definition: Definition, facts: Facts) -> list[Finding]:
    """Everything found in a valid challenge, blocking findings first, then in the order of this page."""
    found = [
        *_home_sellers(definition, facts),
        *_health(definition, facts),
        *_nobody_or_nothing(definition, facts),
        *_names(definition),
        *_draws(definition, facts),
        *_refusals(definition),
        *_employees(definition, facts),
        *_amounts(definition, facts),
        *_capped(definition, facts),
        *_independents(definition, facts),
        *_staff(definition, facts),
        *_to_confirm(definition, facts),
        *_organiser(facts),
        *_fairness(definition, facts),
    ]
    return sorted(found, key=lambda finding: finding.level != "blocking")


def blocking(found: Iterable[Finding]) -> list[Finding]:
    """Those that stop publication."""
    return [finding for finding in found if finding.level == "blocking"]


def _warn(article: str, wrong: str, mend: str, *where: str | int) -> Finding:
    return Finding("warning", article, wrong, mend, where)


def _individual(definition: Definition) -> list[tuple[int, AnyPayout]]:
    """The payouts that reach persons: all of them, or where outlets compete only what is converted for each person."""
    return [
        (index, payout)
        for index, payout in enumerate(definition.payouts)
        if definition.ranks == "person" or payout.kind == "convert"
    ]


# — the law —


def _home_sellers(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """A home seller takes orders face to face: a rule of other channels gives nothing for its sales."""
    kinds = set(definition.audience.kinds or ()) if definition.audience is not None else set()
    if facts.people and not facts.home_sellers:
        return
    if kinds and "vdi" not in kinds and not facts.home_sellers:
        return
    named = definition.audience is not None and bool(definition.audience.outlets)
    alone = facts.home_sellers == facts.people and (
        kinds == {"vdi"} or (named and 0 < facts.outlets == facts.home_outlets)
    )
    for index, rule in enumerate(definition.rules):
        channels = set(rule.when.channels or ()) if rule.when is not None else set()
        place = ("rules", index, "when", "channels")
        if not channels or channels & FACE_TO_FACE:
            if alone and channels & {"online", "store"}:
                yield _warn(
                    HOME_SELLERS,
                    _("la règle « %(id)s » nomme la boutique ou la vente en ligne : un VDI n’y gagne rien", id=rule.id),
                    _('gardez "face_to_face" et "meeting"'),
                    *place,
                )
        elif "reorder" in channels:
            if not facts.reorder_scores:
                yield _warn(
                    HOME_SELLERS,
                    _("le réassort d’un VDI ne compte pas dans ce programme (règle « %(id)s »)", id=rule.id),
                    _('ajoutez "face_to_face" ou "meeting"'),
                    *place,
                )
        elif alone:
            yield Finding(
                "blocking",
                HOME_SELLERS,
                _("la règle « %(id)s » récompense des VDI pour des ventes en ligne ou en boutique", id=rule.id),
                _('channels = ["face_to_face", "meeting"], ou un public qui n’est pas que de VDI'),
                place,
            )
        else:
            yield _warn(
                HOME_SELLERS,
                _("la règle « %(id)s » ne compte que des ventes en boutique ou en ligne : un VDI n’y gagne rien",
                  id=rule.id),
                _('ajoutez "face_to_face" ou "meeting", ou une règle pour les VDI'),
                *place,
            )  # fmt: skip


def _health(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """Health outlets receive no individual reward."""
    individual = _individual(definition)
    if not individual:
        return
    if 0 < facts.outlets == facts.health_outlets:
        for index, _payout in individual:
            yield Finding(
                "blocking",
                HEALTH,
                _("le public n’est fait que de points de vente de santé, et ce gain va à des personnes"),
                _('ranks = "outlet" avec des dotations pour les points de vente, ou aucun gain'),
                ("payouts", index),
            )
    elif facts.health:
        yield _warn(
            HEALTH,
            ngettext(
                "%(n)s personne d’un point de vente de santé marque des points mais ne reçoit aucune dotation",
                "%(n)s personnes de points de vente de santé marquent des points mais ne reçoivent aucune dotation",
                facts.health,
                n=number(facts.health),
            ),
            _("dites-le dans la présentation, ou choisissez un public sans eux"),
            "audience",
        )


def _names(definition: Definition) -> Iterator[Finding]:
    """A lawful rule under a name that promises what the law forbids."""
    for index, rule in enumerate(definition.rules):
        if names_recruiting(rule.id):
            yield _warn(
                RECRUITING,
                _("la règle « %(id)s » compte des ventes, et son nom parle de recrutement", id=rule.id),
                _("donnez-lui le nom de ce qu’elle compte : recruter ne rapporte jamais rien"),
                "rules", index, "id",
            )  # fmt: skip
    if any(names_recruiting(text) for text in (definition.name, definition.description or "")):
        yield _warn(
            RECRUITING,
            _("la présentation parle de recrutement ou de parrainage, qui ne rapportent jamais rien"),
            _("dites ce que le challenge compte : des ventes déclarées"),
            "description",
        )


def _draws(definition: Definition, facts: Facts) -> Iterator[Finding]:
    for index, payout in enumerate(definition.payouts):
        if payout.kind == "draw":
            if facts.today >= definition.starts_on:
                # A warning: a challenge already published is judged again when its rules are amended, and publication
                # refuses by itself (challenges/lifecycle.py).
                yield _warn(
                    _("%(article)s, à confirmer par un juriste", article=LOTTERY),
                    _(
                        "ce challenge a un tirage au sort et commence le %(day)s : il ne peut plus être publié",
                        day=day_in_words(definition.starts_on),
                    ),
                    _("un premier jour à venir, ou pas de tirage"),
                    "starts_on",
                )
            yield _warn(
                _("%(article)s, à confirmer par un juriste", article=LOTTERY),
                _("un tirage au sort doit être publié avant le début du challenge et rester ouvert sans achat"),
                _(
                    "publiez-le avant le %(day)s, et dites dans la présentation comment participer gratuitement",
                    day=day_in_words(definition.starts_on),
                ),
                "payouts", index,
            )  # fmt: skip
            return


def _refusals(definition: Definition) -> Iterator[Finding]:
    """Nobody is refused by a machine alone: what the clock sets aside was read by nobody."""
    if definition.pending_at_close == "reject":
        yield _warn(
            HUMAN_ANSWER,
            _(
                "une vente qui attend encore le %(day)s est écartée sans qu’une personne l’ait relue",
                day=day_in_words(definition.reviews_until.astimezone(definition.zone).date()),
            ),
            _('pending_at_close = "wait", ou des vérifications suivies jusqu’au bout'),
            "pending_at_close",
        )


def _employees(definition: Definition, facts: Facts) -> Iterator[Finding]:
    if facts.without_agreement:
        yield _warn(
            EMPLOYEES,
            ngettext(
                "%(n)s salarié du public n’a pas l’accord de son employeur : ses ventes ne rapportent rien",
                "%(n)s salariés du public n’ont pas l’accord de leur employeur : leurs ventes ne rapportent rien",
                facts.without_agreement,
                n=number(facts.without_agreement),
            ),
            _("demandez l’accord et inscrivez sa date dans le fichier des points de vente (agreement_on)"),
            "audience",
        )


def most_for_one(definition: Definition, facts: Facts) -> int:
    """What one person could receive at most, in cents, as far as the file bounds it.

    The best rank, every threshold, the objective, races and draws; conversions as far as `cap_total` bounds them; all
    together not more than the budget.
    """
    best_rank, others = 0, 0
    for _index, payout in _individual(definition):
        if isinstance(payout, Prize):
            cost = facts.costs.get(payout.reward, 0) if payout.reward else (payout.wallet or 0) * facts.point_cents
            if isinstance(payout, RankPayout):
                best_rank = max(best_rank, cost)
            else:
                others += cost
        elif definition.cap_total is not None:
            others += definition.cap_total // payout.every * payout.into * facts.point_cents
    most = best_rank + others
    return most if definition.budget is None else min(most, definition.budget * 100)


def bound_for_one(definition: Definition, facts: Facts) -> int | None:
    """The same, None when nothing bounds it: a conversion without `cap_total` gives one person up to the whole budget,
    and without a budget any sum."""
    open_ended = definition.cap_total is None and any(
        payout.kind == "convert" for _index, payout in _individual(definition)
    )
    if not open_ended:
        return most_for_one(definition, facts)
    return None if definition.budget is None else definition.budget * 100


def _amounts(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """What is due on rewards to employees of resellers."""
    if not facts.employees or facts.employees == facts.without_agreement:
        return
    most = most_for_one(definition, facts)
    if not most:
        return
    if facts.bands is None:
        yield _warn(
            EMPLOYEES,
            _("le SMIC de %(year)s n’est pas connu : les seuils de contribution ne sont pas comparés",
              year=definition.ends_on.year),
            _("un administrateur l’inscrit dans les chiffres de la loi"),
            "payouts",
        )  # fmt: skip
        return
    free, common = facts.bands
    if most > common:
        yield _warn(
            EMPLOYEES,
            _("une personne peut recevoir jusqu’à %(most)s, plus que %(limit)s : au-delà, cotisations de droit commun",
              most=euros(most), limit=euros(common)),
            _("des gains plus petits, ou un budget"),
            "payouts",
        )  # fmt: skip
    elif most > free:
        yield _warn(
            EMPLOYEES,
            _("une personne peut recevoir jusqu’à %(most)s, plus que les %(limit)s par an où rien n’est dû :"
              " contribution de %(rate)s %% sur ce qui dépasse",
              most=euros(most), limit=euros(free), rate=facts.contribution or "?"),
            _("prévoyez la contribution, ou des gains plus petits"),
            "payouts",
        )  # fmt: skip


def _capped(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """The programme's yearly cap would keep part of this challenge's rewards from one employee."""
    most = bound_for_one(definition, facts)
    if facts.benefit_cap == "none" or most == 0:
        return
    if not facts.employees or facts.employees == facts.without_agreement:
        return
    if facts.cap_cents is None:
        yield _warn(
            "",
            _("le plafond annuel du programme (benefit_cap) dépend du SMIC de %(year)s, qui n’est pas connu :"
              " la clôture l’attendra", year=definition.ends_on.year),
            _("un administrateur l’inscrit dans les chiffres de la loi"),
            "payouts",
        )  # fmt: skip
    elif most is None:
        yield _warn(
            "",
            _("rien ne borne ce qu’un salarié peut recevoir, et le programme s’arrête à %(cap)s par an (benefit_cap) :"
              " un gain qui dépasse ne lui serait pas remis", cap=euros(facts.cap_cents)),
            _("un plafond total (cap_total) ou un budget, et dites-le dans la présentation"),
            "payouts",
        )  # fmt: skip
    elif most > facts.cap_cents:
        yield _warn(
            "",
            _("un salarié peut gagner jusqu’à %(most)s, plus que les %(cap)s par an où le programme s’arrête"
              " (benefit_cap) : un gain qui dépasse ne lui serait pas remis",
              most=euros(most), cap=euros(facts.cap_cents)),
            _("des gains plus petits, ou un autre plafond du programme"),
            "payouts",
        )  # fmt: skip


def _independents(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """What one independent receives in a year is declared above a threshold."""
    if not facts.independents or facts.das2_cents is None:
        return
    most = most_for_one(definition, facts)
    if most > facts.das2_cents:
        yield _warn(
            INDEPENDENTS,
            _("une personne indépendante peut recevoir jusqu’à %(most)s, plus que les %(limit)s par an de la DAS2",
              most=euros(most), limit=euros(facts.das2_cents)),
            _("déclarez-la, ou prévoyez des gains plus petits"),
            "payouts",
        )  # fmt: skip


def _staff(definition: Definition, facts: Facts) -> Iterator[Finding]:
    if facts.staff and _individual(definition):
        yield _warn(
            WAGES,
            ngettext(
                "%(n)s personne du public est de la marque : ce qu’elle gagne est un salaire dès le premier euro",
                "%(n)s personnes du public sont de la marque : ce qu’elles gagnent est un salaire dès le premier euro",
                facts.staff,
                n=number(facts.staff),
            ),
            _("transmettez leurs gains à la paie"),
            "audience",
        )


def _to_confirm(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """Figures this challenge leans on that counsel has not confirmed."""
    if not _individual(definition):
        return
    concerned = (
        ("reward_statement_due", facts.employees, EMPLOYEES, _("la date limite de déclaration des dotations")),
        ("vdi_statement_months", facts.home_sellers, HOME_SELLERS, _("le rythme des relevés de gains des VDI")),
    )
    for name, people, article, words in concerned:
        if people and name in facts.unconfirmed:
            yield _warn(
                article,
                _("%(what)s est à confirmer par un juriste", what=words),
                _("un administrateur le note dans les chiffres de la loi une fois vérifié"),
                "payouts",
            )


# — what participants would find —


def _nobody_or_nothing(definition: Definition, facts: Facts) -> Iterator[Finding]:
    if facts.people == 0:
        yield _warn(
            "", _("le public est vide aujourd’hui : personne ne participera"), _("élargissez le public"), "audience"
        )
    if definition.picture is not None and definition.picture_content is None:
        yield _warn(
            "",
            _("l’image « %(name)s » n’est pas à côté du fichier", name=definition.picture),
            _("posez-la à côté du fichier"),
            "picture",
        )
    if not definition.payouts:
        yield _warn("", _("rien n’est à gagner"), _("ajoutez un gain"), "payouts")


def _organiser(facts: Facts) -> Iterator[Finding]:
    if not facts.organiser_named:
        yield _warn(
            "",
            _("le règlement ne nomme pas encore l’organisateur"),
            _("un administrateur l’écrit : flask programme set brand_name, brand_address et contact"),
            "name",
        )


def _fairness(definition: Definition, facts: Facts) -> Iterator[Finding]:
    """Hints that need no past: too much to remember, nothing to do any more, nothing within reach of most."""
    if len(definition.rules) > MOST_RULES:
        yield _warn(
            "",
            _("%(n)s règles sont difficiles à retenir", n=len(definition.rules)),
            _("trois au plus se retiennent"),
            "rules",
        )
    for index, rule in enumerate(definition.rules):
        last = rule.when.last if rule.when is not None else None
        if last is not None and last < facts.today <= definition.ends_on:
            yield _warn(
                "",
                _("la règle « %(id)s » ne compte plus rien depuis le %(day)s", id=rule.id, day=day_in_words(last)),
                _("des dates à venir"),
                "rules", index, "when", "to",
            )  # fmt: skip
    steps = any(payout.kind in ("threshold", "objective", "convert") for payout in definition.payouts)
    steps = steps or any(rule.counts == "milestone" for rule in definition.rules)
    if definition.payouts and not steps:
        yield _warn(
            "",
            _("il n’y a pas de première marche : seuls les premiers gagnent quelque chose"),
            _("ajoutez un palier ou une conversion que la plupart peuvent atteindre"),
            "payouts",
        )
