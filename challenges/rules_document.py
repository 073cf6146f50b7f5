"""The rules of one published version as a whole document: what binds the organiser and the participants, dated.

One source for the page and the PDF, in the reader's language. Built on `wording.full_rules`; what stands around the
game (organiser, value of the prizes, appeal, draw, personal data, law) is written here. Everything is read from what
was frozen, from the programme's settings and from the catalogues: the same version gives the same document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _

from challenges.amending import changes
from challenges.definition import stored_definition
from challenges.models import Amendment, Challenge, Draw, RulesVersion
from challenges.rules import LATE_ARRIVAL
from challenges.vocabulary import product_names, reward_costs, reward_names
from challenges.wording import Section, audience_in_words, city_of, day_in_words, full_rules, period_in_words
from foundation.localisation import euros, language
from foundation.programme import settings

SELLERS = frozenset({"distributor", "reseller", "franchisee"})


class Fact(NamedTuple):
    """A line of the document's head: what, and its value."""

    name: str
    value: str


@dataclass(frozen=True)
class RulesDocument:
    """A version of the rules, ready to be laid out. `dated` is the instant at which it was frozen (UTC)."""

    code: str
    title: str
    description: str
    version: int
    language: str
    dated: datetime
    hash: str
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Told:
    """What is told about a version besides its rules: why it followed the one before, and the draw's commitment."""

    before: RulesVersion | None = None
    amendment: Amendment | None = None
    draw: Draw | None = None


def text_of(definition: Mapping[str, Any], name: str) -> str:
    """`name` or `description` of a version in the reader's language, French where there is no other."""
    translated = (definition.get(language()) or {}).get(name) if language() != "fr" else None
    return str(translated or definition.get(name) or "")


def rules_document(challenge: Challenge, version: RulesVersion, told: Told) -> RulesDocument:
    """The document of one version, in the reader's language."""
    definition = version.definition
    chosen = settings()
    prizes = _priced(definition)
    sections = (
        Section(_("Ce qui change dans cette version"), _changes(definition, told)),
        Section(_("Organisateur"), _organiser(chosen)),
        *full_rules(definition, product_names([definition]), prizes),
        Section(_("Valeur et budget des gains"), _values(definition, prizes, chosen["wallet_point_cents"])),
        Section(_("Calendrier"), _calendar(definition)),
        Section(_("Vérification et contestation"), _appeal(chosen["review_days"])),
        Section(_("Tirage au sort"), _draw(definition, told.draw)),
        Section(_("Données personnelles"), _personal_data(chosen["contact"])),
        Section(_("Acceptation"), _acceptance(definition)),
        Section(_("Ce que dit la loi"), _law(definition)),
        Section(_("Version"), _version(challenge, version)),
    )
    return RulesDocument(
        code=challenge.code,
        title=text_of(definition, "name"),
        description=text_of(definition, "description"),
        version=version.number,
        language=language(),
        dated=version.frozen_at,
        hash=version.hash,
        facts=_facts(challenge, version, chosen["brand_name"]),
        sections=tuple(section for section in sections if section.sentences),
    )


def _facts(challenge: Challenge, version: RulesVersion, brand: str) -> tuple[Fact, ...]:
    definition = version.definition
    return (
        Fact(_("Organisateur"), brand or to_complete()),
        Fact(_("Période"), _capital(period_in_words(definition))),
        Fact(_("Public"), _capital(audience_in_words(definition.get("audience")))),
        Fact(_("Version"), _("%(n)s, en vigueur le %(day)s", n=version.number, day=day_in_words(version.starts_on))),
        Fact(_("Publiée le"), _moment(version.frozen_at, challenge.zone)),
    )


def to_complete() -> str:
    """What stands in for what the brand has not written yet."""
    return _("à compléter")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moment(instant: datetime, zone: Any) -> str:
    """An instant in a zone: 5 février 2026 à 00:00."""
    local = instant.astimezone(zone)
    return _("%(day)s à %(time)s", day=day_in_words(local.date()), time=format_datetime(local, "HH:mm", rebase=False))


# — what is added to the game —


def _changes(definition: Mapping[str, Any], told: Told) -> list[str]:
    """The notice, then each difference with the version before; nothing for a first version."""
    if told.before is None:
        return []
    found = []
    if told.amendment is not None:
        found.append(amendment_in_words(told.amendment))
    both = [told.before.definition, definition]
    for one in changes(*both, product_names(both), reward_names(both)):
        if one.before and one.after:
            found.append(
                _("%(what)s : %(after)s (avant : %(before)s).", what=one.what, after=one.after, before=one.before)
            )
        elif one.after:
            found.append(_("%(what)s, nouveau : %(after)s.", what=one.what, after=one.after))
        else:
            found.append(_("%(what)s, supprimé : %(before)s.", what=one.what, before=one.before))
    found.append(_("Ce qui a été gagné avant reste gagné."))
    return found


def amendment_in_words(amendment: Amendment) -> str:
    """Why a version followed the one before, as participants read it."""
    return {
        "rules": _("Les règles sont modifiées : %(notice)s", notice=amendment.notice),
        "extension": _("Le challenge est prolongé : %(notice)s", notice=amendment.notice),
        "early_close": _("Le challenge se termine plus tôt : %(notice)s", notice=amendment.notice),
    }[amendment.kind]


def _organiser(brand: Mapping[str, str]) -> list[str]:
    return [
        _("Nom : %(text)s.", text=brand["brand_name"] or to_complete()),
        _("Adresse : %(text)s.", text=brand["brand_address"] or to_complete()),
        _("Contact : %(text)s.", text=brand["contact"] or to_complete()),
    ]


def _priced(definition: Mapping[str, Any]) -> dict[str, str]:
    """The names of the prizes with their value, by code."""
    names, costs = reward_names([definition]), reward_costs([definition])
    return {
        code: _("%(name)s (valeur %(euros)s)", name=name, euros=euros(costs[code])) if code in costs else name
        for code, name in names.items()
    }


def _values(definition: Mapping[str, Any], prizes: Mapping[str, str], cents: int) -> list[str]:
    payouts = definition.get("payouts") or []
    if not payouts:
        return [_("Ce challenge ne donne aucun gain.")]
    found = []
    if any(payout.get("wallet") or payout["kind"] == "convert" for payout in payouts):
        found.append(
            _("Un point de cagnotte vaut %(euros)s ; il s’échange dans le catalogue des cadeaux.", euros=euros(cents))
        )
    if prizes:
        found.append(_("La valeur d’une dotation est ce qu’elle coûte à l’organisateur."))
    budget = definition.get("budget")
    found.append(
        _("Le budget total des gains est de %(euros)s.", euros=euros(budget * 100))
        if budget is not None
        else _("Le budget des gains n’est pas limité : chaque gain atteint est attribué.")
    )
    return found


def _calendar(definition: Mapping[str, Any]) -> list[str]:
    known = stored_definition(definition)
    zone = known.zone
    arrives = known.declares_until + LATE_ARRIVAL
    return [
        _("Premier jour des ventes comptées : %(day)s.", day=day_in_words(known.starts_on)),
        _("Dernier jour des ventes comptées : %(day)s.", day=day_in_words(known.ends_on)),
        _("Fin des déclarations : %(moment)s.", moment=_moment(known.declares_until, zone)),
        _("Fin de la réception des ventes déclarées à temps : %(moment)s.", moment=_moment(arrives, zone)),
        _(
            "Clôture : dès que plus rien n’attend de vérification, au plus tôt le %(first)s.",
            first=_moment(arrives, zone),
        ),
        *(
            [_("Fin des vérifications : %(last)s.", last=_moment(known.reviews_until, zone))]
            if known.pending_at_close != "wait"
            else []
        ),
        _("Fuseau horaire : %(zone)s (%(city)s).", zone=known.timezone, city=city_of(known.timezone)),
    ]


def _appeal(days: int) -> list[str]:
    return [
        _("Une vente inhabituelle est relue par une personne avant de donner des points."),
        ngettext(
            "La réponse est attendue sous %(num)s jour.",
            "La réponse est attendue sous %(num)s jours.",
            days,
        ),
        _("Un refus dit sa raison. Il se conteste une fois, depuis la page de la vente."),
        _("Une personne relit alors la vente et répond ; cette réponse est définitive."),
        _("Nul ne relit ses propres ventes, ni celles de son point de vente."),
        _("Une vente se corrige jusqu’à la fin des déclarations ; ses points suivent."),
        _("Après la clôture, les rangs et les gains ne bougent plus."),
    ]


def _draw(definition: Mapping[str, Any], draw: Draw | None) -> list[str]:
    draws = [payout for payout in definition.get("payouts") or () if payout["kind"] == "draw"]
    if not draws:
        return []
    found = [
        _("Les tickets viennent des points du classement final, jamais d’un achat."),
        _("Ils sont numérotés à partir de 0, dans l’ordre des codes des participants."),
        _("Un nombre secret est tiré à la publication. Son empreinte SHA-256 est publiée avec le challenge."),
    ]
    if draw is not None:
        found.append(_("Empreinte publiée : %(hash)s.", hash=draw.commitment))
    found += [
        _("À la clôture, le classement final est figé et reçoit lui aussi une empreinte SHA-256."),
        _(
            "Pour k = 0, 1, 2…, le nombre x est HMAC-SHA256 du secret et du texte formé de l’empreinte du classement,"
            " de « : » et de k. Le ticket gagnant porte le reste de la division de x par le nombre de tickets."
        ),
        _("Un x au-delà du plus grand multiple du nombre de tickets sous 2 puissance 256 est écarté."),
        _("Les tickets d’un gagnant sortent avant le tirage suivant : chacun gagne une fois au plus."),
        _(
            "Après la clôture, la page du tirage donne le secret, les tickets et le classement : chacun peut le refaire"
            " et vérifier que rien n’a été choisi."
        ),
    ]
    return found


def _personal_data(contact: str) -> list[str]:
    return [
        _("Sont gardés : nom, adresse e-mail, point de vente, statut, langue, ventes, points, rangs et gains."),
        _("L’identité des clients n’est pas demandée : au plus nouveau ou fidèle, tranche d’âge et département."),
        _("Ils servent à compter les points, à remettre les gains et à tenir les comptes que la loi demande."),
        _("Les autres participants voient le nom, ou le pseudo choisi, le rang et les points."),
        _("La marque voit des totaux ; les commentaires sont nettoyés des noms et des adresses avant d’être lus."),
        _("Une photo jointe perd ses métadonnées. Elle ne doit montrer ni le nom du client ni son moyen de paiement."),
        _(
            "Durées : commentaires et photos jusqu’à la fin des recours ; fiche d’une personne trois ans après sa"
            " dernière activité ; écritures de points ensuite sans son nom."
        ),
        _("Chacun peut voir, corriger, recevoir ou faire effacer ce qui le concerne, et saisir la CNIL."),
        _("Demandes : %(contact)s.", contact=contact or to_complete()),
    ]


def _acceptance(definition: Mapping[str, Any]) -> list[str]:
    if definition.get("acceptance") != "required":
        return [_("Ce règlement ne demande pas d’acceptation : déclarer une vente suffit pour participer.")]
    return [
        _("Chaque participant est invité à accepter cette version du règlement sur la page du challenge."),
        _("La date et l’empreinte du règlement accepté sont gardées. Une nouvelle version est soumise à nouveau."),
        _("Les ventes comptent, que le règlement soit accepté ou non."),
    ]


def _law(definition: Mapping[str, Any]) -> list[str]:
    kinds = set((definition.get("audience") or {}).get("kinds") or ()) or SELLERS | {"vdi"}
    individual = definition.get("ranks") != "outlet" or any(
        payout["kind"] == "convert" for payout in definition.get("payouts") or ()
    )
    found = []
    if kinds & SELLERS:
        found += [
            _(
                "Salariés : leurs ventes comptent à partir de l’accord de leur employeur. Leurs gains sont déclarés par"
                " l’organisateur, qui paie la contribution libératoire quand elle est due (CSS art. L242-1-4)."
            ),
            _("Indépendants : chacun déclare ses propres gains ; l’organisateur déclare ce que la loi demande (DAS2)."),
        ]
        if individual:
            found.append(
                _("Points de vente de santé : leurs équipes sont classées et ne reçoivent aucun gain individuel (CSP"
                  " L1453-3).")
            )  # fmt: skip
    if "vdi" in kinds:
        found.append(
            _(
                "VDI : seules comptent les ventes en face à face et en réunion, et le réassort d’un client fidèle si le"
                " programme le permet (C. com. L135-1 à L135-3)."
            )
        )
    found += [
        _("Recruter, payer un droit d’entrée ou acheter du stock ne rapporte jamais rien (C. conso. L121-15)."),
        _("Le prix, la remise et la marge que choisit le revendeur ne sont jamais comptés (C. com. L442-6)."),
    ]
    if any(payout["kind"] == "draw" for payout in definition.get("payouts") or ()):
        found.append(_("Le tirage au sort ne demande aucun achat (CSI L322-1 et L322-2, à confirmer par un juriste)."))
    return found


def _version(challenge: Challenge, version: RulesVersion) -> list[str]:
    return [
        _(
            "Version %(n)s du règlement de « %(code)s », publiée le %(moment)s, en vigueur le %(day)s.",
            n=version.number,
            code=challenge.code,
            moment=_moment(version.frozen_at, challenge.zone),
            day=day_in_words(version.starts_on),
        ),
        _("Elle ne change plus. Une modification serait une nouvelle version, jamais rétroactive."),
        _("Empreinte des règles (SHA-256) : %(hash)s.", hash=version.hash),
    ]


def in_force(versions: Sequence[RulesVersion], on: date) -> RulesVersion | None:
    """The version that holds on a day: the last, by start and number, that has started; before the start, the first."""
    ordered = sorted(versions, key=lambda one: (one.starts_on, one.number))
    started = [one for one in ordered if one.starts_on <= on]
    return started[-1] if started else next(iter(ordered), None)
