"""The plain form of a challenge: rules of units, value and feedback, prizes by rank and points into wallet points.

The form only gathers texts; what they mean and whether they can be played is decided by challenges/definition.py, the
same as for a file, and each problem goes back beside the field it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField

from challenges.definition import Definition, Known, Problem, WrongDefinition, definition_from
from challenges.vocabulary import known_names

RULE_ROWS = 5
RANK_ROWS = 3
KINDS = (
    ("reseller", _("Revendeurs")),
    ("distributor", _("Distributeurs")),
    ("franchisee", _("Franchisés")),
    ("vdi", _("VDI")),
)
COUNTS = (
    ("", _("— pas de règle —")),
    ("units", _("Unités vendues")),
    ("value", _("Valeur des ventes (au prix catalogue)")),
    ("feedback", _("Avis de client")),
)
CHANNELS = (
    ("store", _("En boutique")),
    ("online", _("En ligne")),
    ("face_to_face", _("En face à face")),
    ("meeting", _("En réunion")),
    ("reorder", _("En réassort")),
)
CAPS = (("day", _("par jour")), ("declaration", _("par vente")), ("challenge", _("en tout")))
LEAGUES = (
    ("", _("Un seul classement")),
    ("kind", _("Un par nature de point de vente")),
    ("region", _("Un par région")),
    ("potential", _("Un par niveau de potentiel")),
    ("activity", _("Un par niveau d'activité")),
)
TIES = (("earliest", _("Le premier arrivé passe devant")), ("shared", _("Le rang est partagé")))


class ChallengeForm(FlaskForm):
    """A challenge in one page. The rows of rules and ranks are added below: an empty row counts for nothing."""

    code = StringField(_("Code"), description=_("Dans l'adresse de la page, par exemple hiver-2026."))
    name = StringField(_("Nom"))
    name_en = StringField(_("Nom en anglais"))
    description = TextAreaField(_("Présentation"))
    description_en = TextAreaField(_("Présentation en anglais"))
    starts_on = StringField(_("Premier jour"))
    ends_on = StringField(_("Dernier jour"))
    timezone = StringField(_("Fuseau horaire"), default="Europe/Paris")
    kinds = SelectMultipleField(_("Points de vente"), choices=KINDS, validate_choice=False)
    regions = SelectMultipleField(_("Régions"), validate_choice=False)
    league_by = SelectField(_("Classement"), choices=LEAGUES, validate_choice=False)
    tie_break = SelectField(_("À égalité"), choices=TIES, validate_choice=False)
    cap_per_day = StringField(_("Plafond par jour"))
    cap_total = StringField(_("Plafond total"))
    budget = StringField(_("Budget en euros"))
    convert_every = StringField(_("Tranche de points du challenge"))
    convert_into = StringField(_("Points de cagnotte par tranche"))

    form_errors: list[str]

    def __init__(
        self,
        *args: Any,
        known_regions: Sequence[str] = (),
        known_categories: Sequence[str] = (),
        known_rewards: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.regions.data or []
        self.regions.choices = [(name, name) for name in sorted({*known_regions, *chosen})]
        for row in range(1, RULE_ROWS + 1):
            category = self[f"rule{row}_category"]
            names = sorted({*known_categories, *filter(None, [category.data])})
            category.choices = [("", _("Tous les produits")), *((name, name) for name in names)]
        for row in range(1, RANK_ROWS + 1):
            reward = self[f"rank{row}_reward"]
            known = dict(known_rewards or {})
            if reward.data and reward.data not in known:
                known[reward.data] = reward.data
            reward.choices = [("", _("— des points de cagnotte —")), *sorted(known.items(), key=lambda one: one[1])]

    def rule_rows(self) -> list[dict[str, Any]]:
        """The fields of each rule, by their short name."""
        return [self._row(f"rule{row}_") for row in range(1, RULE_ROWS + 1)]

    def rank_rows(self) -> list[dict[str, Any]]:
        """The fields of each prize by rank."""
        return [self._row(f"rank{row}_") for row in range(1, RANK_ROWS + 1)]

    def _row(self, prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): field for name, field in self._fields.items() if name.startswith(prefix)}

    # --- to and from a definition ----------------------------------------------------------------------------------

    def read(self, known: Known | None = None) -> Definition | None:
        """The challenge written in the form, or None with every problem beside its field."""
        data, rules, ranks = self.values()
        try:
            return definition_from(data, known if known is not None else known_names(data))
        except WrongDefinition as wrong:
            self.form_errors = []
            for problem in wrong.problems:
                self._tell(problem, rules, ranks)
            return None

    def values(self) -> tuple[dict[str, Any], list[int], list[int]]:
        """The plain values of a challenge; and from which row each rule, and each prize by rank, was read."""
        data: dict[str, Any] = {}
        for key in ("code", "name", "description", "timezone", "starts_on", "ends_on", "league_by"):
            _put(data, key, _text(self[key].data))
        if self.tie_break.data and self.tie_break.data != "earliest":
            data["tie_break"] = self.tie_break.data
        for key in ("cap_per_day", "cap_total", "budget"):
            _put(data, key, _whole(self[key].data))
        audience: dict[str, Any] = {}
        _put(audience, "kinds", list(self.kinds.data or []))
        _put(audience, "regions", list(self.regions.data or []))
        _put(data, "audience", audience)
        english: dict[str, Any] = {}
        _put(english, "name", _text(self.name_en.data))
        _put(english, "description", _text(self.description_en.data))
        _put(data, "en", english)
        rules, rule_rows = self._rules()
        _put(data, "rules", rules)
        payouts, rank_rows = self._payouts()
        _put(data, "payouts", payouts)
        return data, rule_rows, rank_rows

    def _rules(self) -> tuple[list[dict[str, Any]], list[int]]:
        rules, rows = [], []
        for number, row in enumerate(self.rule_rows(), 1):
            counts = row["counts"].data
            if not counts:
                continue
            rule: dict[str, Any] = {"id": row["id"].data or f"regle-{number}", "counts": counts}
            _put(rule, "points", _whole(row["points"].data))
            if counts == "feedback":
                _put(rule, "min_comment", _whole(row["min_comment"].data))
            else:
                per = _whole(row["per"].data)
                if per != 1:
                    _put(rule, "per", per)
            when: dict[str, Any] = {}
            _put(when, "skus", [sku.strip() for sku in (row["skus"].data or "").split(",") if sku.strip()])
            _put(when, "categories", [row["category"].data] if row["category"].data else [])
            _put(when, "channels", list(row["channels"].data or []))
            _put(rule, "when", when)
            cap = _whole(row["cap"].data)
            if cap is not None:
                rule["cap"] = {"points": cap, "per": row["cap_per"].data or "day"}
            rules.append(rule)
            rows.append(number)
        return rules, rows

    def _payouts(self) -> tuple[list[dict[str, Any]], list[int]]:
        payouts, rows = [], []
        for number, row in enumerate(self.rank_rows(), 1):
            first, last = _whole(row["from"].data), _whole(row["to"].data)
            reward, wallet = _text(row["reward"].data), _whole(row["wallet"].data)
            if first is None and last is None and reward is None and wallet is None:
                continue
            payout: dict[str, Any] = {"kind": "rank"}
            for key, value in (("from", first), ("to", last if last is not None else first)):
                _put(payout, key, value)
            _put(payout, "reward", reward)
            _put(payout, "wallet", wallet)
            payouts.append(payout)
            rows.append(number)
        every, into = _whole(self.convert_every.data), _whole(self.convert_into.data)
        if every is not None or into is not None:
            convert: dict[str, Any] = {"kind": "convert"}
            _put(convert, "every", every)
            _put(convert, "into", into)
            payouts.append(convert)
        return payouts, rows

    def _tell(self, problem: Problem, rules: Sequence[int], ranks: Sequence[int]) -> None:
        """Put a problem beside the field it came from, or at the head of the form."""
        field = self._fields.get(_field_of(problem.where, rules, ranks))
        words = f"{problem.wrong[:1].upper()}{problem.wrong[1:]} — {problem.right}."
        row = re.match(r"rule(\d+)_", field.name) if field is not None else None
        if row is not None:
            words = f"{gettext('Règle %(n)s', n=row[1])}, {problem.wrong} — {problem.right}."
        if field is None:
            self.form_errors = [*self.form_errors, words]
        else:
            field.errors = [*field.errors, words]


def _field_of(where: Sequence[str | int], rules: Sequence[int], ranks: Sequence[int]) -> str:
    """The name of the field for a path in the definition."""
    if where and where[0] == "rules" and len(where) > 1:
        prefix = f"rule{rules[int(where[1])]}_"
        names = [str(step) for step in where[2:] if isinstance(step, str)]
        if names[:1] == ["when"]:
            return prefix + {"skus": "skus", "categories": "category", "channels": "channels"}.get(names[-1], "counts")
        return prefix + (names[0] if names else "counts")
    if where and where[0] == "rules":
        return "rule1_counts"
    if where and where[0] == "payouts" and len(where) > 1:
        index = int(where[1])
        name = str(where[2]) if len(where) > 2 else "reward"
        return f"rank{ranks[index]}_{name}" if index < len(ranks) else f"convert_{name}"
    if where and where[0] == "en":
        return f"{where[-1]}_en"
    if where and where[0] == "audience":
        return str(where[1]) if len(where) > 1 else "kinds"
    return str(where[0]) if where else ""


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    if value is not None and value != [] and value != {}:
        data[key] = value


def _text(value: str | None) -> str | None:
    text = (value or "").replace("\r\n", "\n").strip()
    return text or None


def _whole(value: str | None) -> int | str | None:
    """A whole number as people type it (spaces between thousands); what is none stays a text, to be refused."""
    text = re.sub(r"[\s\u202f\u00a0]", "", value or "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else (text or None)


def _add_rows() -> None:
    """The rows of rules and ranks, as plain fields: they work without a script, and errors find them by name."""
    for row in range(1, RULE_ROWS + 1):
        for name, field in (
            ("id", HiddenField()),
            ("counts", SelectField(_("Ce qui compte"), choices=COUNTS, validate_choice=False)),
            ("points", StringField(_("Points"))),
            ("per", StringField(_("Par (unités ou euros)"))),
            ("category", SelectField(_("Catégorie"), validate_choice=False, choices=[])),
            ("skus", StringField(_("Références de produits"), description=_("Séparées par des virgules."))),
            ("channels", SelectMultipleField(_("Canaux"), choices=CHANNELS, validate_choice=False)),
            ("min_comment", StringField(_("Longueur minimale du commentaire"))),
            ("cap", StringField(_("Plafond de points"))),
            ("cap_per", SelectField(_("Plafond"), choices=CAPS, validate_choice=False)),
        ):
            setattr(ChallengeForm, f"rule{row}_{name}", field)
    for row in range(1, RANK_ROWS + 1):
        for name, field in (
            ("from", StringField(_("De la place"))),
            ("to", StringField(_("À la place"))),
            ("reward", SelectField(_("Dotation"), validate_choice=False, choices=[])),
            ("wallet", StringField(_("Ou points de cagnotte"))),
        ):
            setattr(ChallengeForm, f"rank{row}_{name}", field)


_add_rows()


def form_values(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The texts a form shows for a stored definition."""
    english, audience = definition.get("en") or {}, definition.get("audience") or {}
    values: dict[str, Any] = {
        key: definition[key] for key in ("code", "name", "description", "starts_on", "ends_on") if key in definition
    }
    values |= {
        "timezone": definition.get("timezone") or "Europe/Paris",
        "league_by": definition.get("league_by") or "",
        "tie_break": definition.get("tie_break") or "earliest",
        "name_en": english.get("name"),
        "description_en": english.get("description"),
        "kinds": audience.get("kinds"),
        "regions": audience.get("regions"),
    }
    for key in ("cap_per_day", "cap_total", "budget"):
        values[key] = _shown(definition.get(key))
    for row, rule in enumerate(definition.get("rules") or (), 1):
        when, cap = rule.get("when") or {}, rule.get("cap") or {}
        values |= {
            f"rule{row}_id": rule["id"],
            f"rule{row}_counts": rule["counts"],
            f"rule{row}_points": _shown(rule.get("points")),
            f"rule{row}_per": _shown(rule.get("per")),
            f"rule{row}_category": (when.get("categories") or [""])[0],
            f"rule{row}_skus": ", ".join(when.get("skus") or ()),
            f"rule{row}_channels": when.get("channels"),
            f"rule{row}_min_comment": _shown(rule.get("min_comment")),
            f"rule{row}_cap": _shown(cap.get("points")),
            f"rule{row}_cap_per": cap.get("per") or "day",
        }
    row = 0
    for payout in definition.get("payouts") or ():
        if payout["kind"] == "convert":
            values |= {"convert_every": _shown(payout["every"]), "convert_into": _shown(payout["into"])}
        elif payout["kind"] == "rank":
            row += 1
            values |= {
                f"rank{row}_from": _shown(payout["from"]),
                f"rank{row}_to": _shown(payout["to"]),
                f"rank{row}_reward": payout.get("reward") or "",
                f"rank{row}_wallet": _shown(payout.get("wallet")),
            }
    return values


def _shown(value: int | None) -> str:
    return "" if value is None else str(value)


def fits_the_form(definition: Mapping[str, Any]) -> bool:
    """Whether the form can show all of a challenge: saving it unchanged would give the same one back."""
    if len(definition.get("rules") or ()) > RULE_ROWS or any(
        rule["counts"] not in dict(COUNTS) for rule in definition.get("rules") or ()
    ):
        return False
    form = ChallengeForm(formdata=None, meta={"csrf": False}, **form_values(definition))
    return _normal(form.values()[0]) == _normal(definition)


def _normal(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without what is said by saying nothing."""
    plain = {key: value for key, value in definition.items() if value not in ([], {})}
    for key, usual in (("timezone", "Europe/Paris"), ("tie_break", "earliest")):
        if plain.get(key) == usual:
            del plain[key]
    plain["rules"] = [
        {key: value for key, value in rule.items() if (key, value) != ("per", 1) and value != {}}
        for rule in definition.get("rules") or ()
    ]
    return plain
