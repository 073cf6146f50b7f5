"""The five steps of the studio as forms: every key of a challenge file shown as a field, and read back from it.

A form only gathers values; what they mean and whether they can be played is decided by challenges/definition.py, the
same as for a file, and each problem goes back beside the field it came from. A field left as it was shown keeps its
value exactly as it was written, so that opening and saving a draft loses nothing.

A field is called after its path in the challenge: `rules-0-when-channels`. A group of boxes also sends an empty value,
which tells "nothing is ticked" from "not on this page".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields import Field as FormField
from wtforms.form import BaseForm
from wtforms.widgets import CheckboxInput

from challenges.definition import DEFAULT_ZONE, Problem
from challenges.vocabulary import Vocabulary
from challenges.wording import league_in_words
from foundation.localisation import language

Path = tuple[str | int, ...]
Content = Mapping[str, Any]

# --- the keys of a challenge, as the studio calls them -------------------------------------------------------------


class Key(NamedTuple):
    """One key as a field. `kind`: text, area, whole, decimal, day, moment, choice, boxes (few known values), names
    (values of a catalogue, `of` which one). `usual` is what holds while a choice is not written."""

    path: tuple[str, ...]
    kind: str
    label: Any
    help: Any = ""
    choices: tuple[tuple[str, Any], ...] = ()
    usual: str = ""
    of: str = ""


KINDS = (
    ("reseller", _("Revendeurs")),
    ("distributor", _("Distributeurs")),
    ("franchisee", _("Franchisés")),
    ("vdi", _("VDI")),
)
BRANDS = (("multi", _("Multimarques")), ("single", _("Monomarques")))
LEVELS = (("low", _("Faible")), ("medium", _("Moyen")), ("high", _("Fort")))
CHANNELS = (
    ("store", _("En boutique")),
    ("online", _("En ligne")),
    ("face_to_face", _("En face à face")),
    ("meeting", _("En réunion")),
    ("reorder", _("En réassort")),
)
CUSTOMERS = (("new", _("Nouveau client")), ("returning", _("Client fidèle")))
WEEKDAYS = tuple(
    zip(
        "1234567",
        (_("Lundi"), _("Mardi"), _("Mercredi"), _("Jeudi"), _("Vendredi"), _("Samedi"), _("Dimanche")),
        strict=True,
    )
)
CAPS = (("day", _("par jour")), ("declaration", _("par vente")), ("challenge", _("en tout")))
MEASURES = (
    ("units", _("Unités vendues")),
    ("value", _("Euros au prix catalogue")),
    ("declarations", _("Ventes déclarées")),
    ("points", _("Points gagnés")),
)
PROOFS = (("none", _("Aucune")), ("optional", _("Possible")), ("required", _("Obligatoire")))
ACCEPTANCES = (
    ("none", _("Il suffit de lire le règlement")),
    ("required", _("Chaque participant est invité à l’accepter")),
)
RANKS = (("person", _("Les personnes")), ("outlet", _("Les points de vente")))
LEAGUES = ("kind", "brands", "country", "region", "department", "city", "activity", "potential", "group", "outlet")
COUNTS = (
    ("units", _("Unités vendues")),
    ("value", _("Valeur des ventes")),
    ("declaration", _("Vente déclarée")),
    ("feedback", _("Avis de client")),
    ("profile", _("Profil de client")),
    ("boost", _("Multiplicateur")),
    ("milestone", _("Palier")),
)
PAYOUTS = (
    ("rank", _("Selon la place")),
    ("threshold", _("Dès un total de points")),
    ("objective", _("Objectif atteint")),
    ("race", _("Les premiers arrivés")),
    ("convert", _("Points convertis en cagnotte")),
    ("draw", _("Tirage au sort")),
)

WHO = (
    Key(("name",), "text", _("Nom du challenge")),
    Key(("code",), "text", _("Code"), _("Dans l’adresse de la page et le nom du fichier, par exemple hiver-2026.")),
    Key(("description",), "area", _("Présentation")),
    Key(("en", "name"), "text", _("Nom en anglais")),
    Key(("en", "description"), "area", _("Présentation en anglais")),
    Key(("picture",), "text", _("Image")),
    Key(("audience", "kinds"), "boxes", _("Nature des points de vente"), choices=KINDS),
    Key(("audience", "brands"), "boxes", _("Exclusivité"), choices=BRANDS),
    Key(("audience", "activity"), "boxes", _("Niveau d’activité"), choices=LEVELS),
    Key(("audience", "potential"), "boxes", _("Niveau de potentiel"), choices=LEVELS),
    Key(("audience", "countries"), "names", _("Pays"), of="countries"),
    Key(("audience", "regions"), "names", _("Régions"), of="regions"),
    Key(("audience", "departments"), "names", _("Départements"), of="departments"),
    Key(("audience", "outlets"), "names", _("Points de vente choisis"), of="outlets"),
    Key(("ranks",), "choice", _("Qui est classé"), choices=RANKS, usual="person"),
    Key(
        ("league_by",),
        "choice",
        _("Ligues"),
        _("Un classement et des gains par rang pour chaque groupe."),
        choices=(("", _("Un seul classement pour tous")),),
    ),
)
WHAT = (
    Key(("proof",), "choice", _("Preuve d’achat"), choices=PROOFS, usual="none"),
    Key(("acceptance",), "choice", _("Le règlement"), choices=ACCEPTANCES, usual="none"),
)
HOW_MUCH = (
    Key(("cap_per_day",), "whole", _("Plafond par jour"), _("En points, toutes règles confondues, paliers à part.")),
    Key(("cap_total",), "whole", _("Plafond sur tout le challenge"), _("En points, paliers à part.")),
    Key(
        ("rank_by",),
        "choice",
        _("Le classement suit"),
        choices=(("points", _("Le total de points")), ("progress", _("La progression vers son objectif"))),
        usual="points",
    ),
    Key(
        ("tie_break",),
        "choice",
        _("À égalité"),
        choices=(("earliest", _("Le premier arrivé passe devant")), ("shared", _("Le rang est partagé"))),
        usual="earliest",
    ),
    Key(
        ("objective", "measure"), "choice", _("L’objectif se compte en"), choices=(("", _("Pas d’objectif")), *MEASURES)
    ),
    Key(
        ("objective", "default"),
        "whole",
        _("Objectif de chacun"),
        _("Quand on ne sait rien de mieux : ni objectif personnel, ni ventes passées."),
    ),
    Key(("objective", "baseline", "from"), "day", _("Ventes passées, du")),
    Key(("objective", "baseline", "to"), "day", _("au")),
    Key(("objective", "baseline", "factor"), "decimal", _("Multipliées par"), _("1,10 demande un dixième de plus.")),
    Key(("objective", "baseline", "at_least"), "whole", _("Et au moins")),
)
PRIZES = (
    Key(
        ("budget",),
        "whole",
        _("Budget en euros"),
        _("Les gains s’arrêtent quand il est épuisé. Sans budget, tout est payé."),
    ),
    Key(
        ("budget_policy",),
        "choice",
        _("Quand le budget manque"),
        choices=(
            ("stop", _("Les gains suivants ne sont pas payés")),
            ("pro_rata", _("La conversion en cagnotte est réduite pour tous")),
        ),
        usual="stop",
    ),
)
WHEN = (
    Key(("starts_on",), "day", _("Premier jour de vente")),
    Key(("ends_on",), "day", _("Dernier jour de vente")),
    Key(("timezone",), "text", _("Fuseau horaire"), _("Celui des journées du challenge."), usual=DEFAULT_ZONE),
    Key(
        ("declare_until",),
        "moment",
        _("On déclare jusqu’au"),
        _("Exclu. Si rien n’est écrit : trois jours pleins après le dernier jour."),
    ),
    Key(
        ("review_until",),
        "moment",
        _("On vérifie jusqu’au"),
        _("Si rien n’est écrit : une semaine après."),
    ),
    Key(
        ("pending_at_close",),
        "choice",
        _("Ce qui attend encore une vérification à cette date"),
        choices=(
            ("wait", _("La clôture attend, et vous êtes prévenus")),
            ("accept", _("Est accepté")),
            ("reject", _("Est refusé")),
        ),
        usual="wait",
    ),
    Key(
        ("freeze_board_on",),
        "day",
        _("Figer le classement public le"),
        _("Pour le suspense : les participants ne voient plus bouger les places à partir de ce jour."),
    ),
    Key(
        ("repeat",),
        "choice",
        _("Ce challenge revient"),
        _("Chaque période a son classement, ses gains et sa clôture ; la suivante est publiée trois jours avant."),
        choices=(
            ("", _("Non, une seule fois")),
            ("weekly", _("Chaque semaine")),
            ("monthly", _("Chaque mois")),
        ),
    ),
    Key(
        ("repeat_until",),
        "day",
        _("Il revient jusqu’au"),
        _("La dernière période commence au plus tard ce jour-là ; vide : jusqu’à ce que vous l’arrêtiez."),
    ),
)

ID = Key(("id",), "text", _("Nom court"), _("Garde la trace des points gagnés ; il ne se montre pas."))
POINTS = Key(("points",), "whole", _("Points"))
CAP = (
    Key(("cap", "points"), "whole", _("Plafond de la règle"), _("En points.")),
    Key(("cap", "per"), "choice", _("S’applique"), choices=CAPS, usual="day"),
)
FILTER = (
    Key(("when", "skus"), "names", _("Produits"), of="products"),
    Key(("when", "categories"), "names", _("Catégories"), of="categories"),
    Key(("when", "families"), "names", _("Familles"), of="families"),
    Key(("when", "channels"), "boxes", _("Canaux"), choices=CHANNELS),
    Key(("when", "customer"), "boxes", _("Clients"), choices=CUSTOMERS),
    Key(("when", "weekdays"), "boxes", _("Jours de la semaine"), choices=WEEKDAYS),
    Key(("when", "from"), "day", _("À partir du")),
    Key(("when", "to"), "day", _("Jusqu’au")),
    Key(("when", "min_units"), "whole", _("Unités au moins dans la vente")),
)
RULE_KEYS: dict[str, tuple[Key, ...]] = {
    "units": (POINTS, Key(("per",), "whole", _("Toutes les … unités"), _("1 si rien n’est écrit.")), *CAP),
    "value": (POINTS, Key(("per",), "whole", _("Par tranche de … euros"), _("1 si rien n’est écrit.")), *CAP),
    "declaration": (POINTS, *CAP),
    "feedback": (
        POINTS,
        Key(
            ("min_comment",), "whole", _("Longueur du commentaire"), _("Nombre de caractères ; vide : une note suffit.")
        ),
        *CAP,
    ),
    "profile": (POINTS, *CAP),
    "boost": (
        Key(("factor",), "decimal", _("Coefficient"), _("2 double les points, 1,5 en ajoute la moitié.")),
        Key(("of",), "boxes", _("Règles multipliées"), _("Rien de coché : toutes.")),
        *CAP,
    ),
    "milestone": (
        POINTS,
        Key(("at",), "whole", _("Dès")),
        Key(("measure",), "choice", _("Comptés en"), choices=MEASURES),
    ),
}
PRIZE = (
    Key(("reward",), "choice", _("Dotation"), choices=(("", _("— des points de cagnotte —")),)),
    Key(("wallet",), "whole", _("Points de cagnotte")),
)
PAYOUT_KEYS: dict[str, tuple[Key, ...]] = {
    "rank": (Key(("from",), "whole", _("De la place")), Key(("to",), "whole", _("À la place")), *PRIZE),
    "threshold": (Key(("points",), "whole", _("Dès … points")), *PRIZE),
    "objective": PRIZE,
    "race": (
        Key(("first",), "whole", _("Les … premiers")),
        Key(("points",), "whole", _("À atteindre … points")),
        *PRIZE,
    ),
    "convert": (
        Key(("every",), "whole", _("Chaque tranche de … points")),
        Key(("into",), "whole", _("Donne … points de cagnotte")),
    ),
    "draw": (
        Key(("winners",), "whole", _("Gagnants")),
        Key(("tickets_per",), "whole", _("Un ticket tous les … points")),
        *PRIZE,
    ),
}
TAGS = {"rules": Key(("counts",), "choice", _("Ce qui compte"), choices=COUNTS), "payouts": Key(
    ("kind",), "choice", _("Qui gagne"), choices=PAYOUTS
)}  # fmt: skip


class Step(NamedTuple):
    """One of the five pages: its address, its title, its keys, and the list of tables it edits, if any."""

    name: str
    title: Any
    keys: tuple[Key, ...]
    rows: str = ""


STEPS = (
    Step("who", _("Qui"), WHO),
    Step("what", _("Quoi"), WHAT, "rules"),
    Step("how-much", _("Combien"), HOW_MUCH),
    Step("prizes", _("Gains"), PRIZES, "payouts"),
    Step("when", _("Quand"), WHEN),
)
STEP_NAMES = tuple(step.name for step in STEPS)
# What a new row says before it is changed.
NEW_RULES: dict[str, dict[str, Any]] = {
    "units": {"id": "unites", "points": 10},
    "value": {"id": "valeur", "points": 1, "per": 10},
    "declaration": {"id": "vente", "points": 5},
    "feedback": {"id": "avis", "points": 15, "min_comment": 20},
    "profile": {"id": "profil", "points": 5},
    "boost": {"id": "bonus", "factor": "2"},
    "milestone": {"id": "palier", "measure": "units", "at": 50, "points": 100},
}
NEW_PAYOUTS: dict[str, dict[str, Any]] = {
    "rank": {"from": 1, "to": 3, "wallet": 300},
    "threshold": {"points": 200, "wallet": 50},
    "objective": {"wallet": 100},
    "race": {"points": 500, "first": 10, "wallet": 100},
    "convert": {"every": 10, "into": 1},
    "draw": {"winners": 3, "tickets_per": 100, "wallet": 200},
}


def step_named(name: str) -> Step:
    """One of the five steps. Raises KeyError for another name."""
    return {step.name: step for step in STEPS}[name]


def step_of(where: Path) -> Step:
    """The step on which a value is changed; the first one for what is nowhere."""
    first = where[0] if where else ""
    for step in STEPS:
        if first == step.rows or any(key.path[0] == first for key in step.keys):
            return step
    return STEPS[0]


# --- one value as text, and back -----------------------------------------------------------------------------------


MULTIPLE = frozenset({"boxes", "names"})


def _texts(key: Key, value: Any, zone: ZoneInfo | None) -> list[str]:
    """A value as its field shows it: one text, or for boxes one for each."""
    if key.kind in MULTIPLE:
        values = value if isinstance(value, list | tuple) else [] if value is None else [value]
        return [str(one) for one in values]
    if value is None:
        return [key.usual]
    if key.kind == "moment":
        return [_local(value, zone)]
    if key.kind == "decimal" and language() == "fr":
        return [str(value).replace(".", ",")]
    return [str(value)]


def _local(value: Any, zone: ZoneInfo | None) -> str:
    """An instant as a calendar and a clock of the challenge's zone show it; what is none stays as it is."""
    try:
        instant = datetime.fromisoformat(value)
        if instant.utcoffset() is None or zone is None:
            return str(value)
        local = instant.astimezone(zone).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError):
        return str(value)
    return local.isoformat(timespec="minutes" if local.second == local.microsecond == 0 else "auto")


def _value(key: Key, texts: Sequence[str], zone: ZoneInfo | None) -> Any:
    """What was typed as a value of the file; None for nothing. What cannot be read stays a text, to be refused."""
    if key.kind in MULTIPLE:
        chosen = list(dict.fromkeys(text for text in texts if text))
        if key.path[-1] == "weekdays":
            return [int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else text for text in chosen] or None
        return chosen or None
    text = (texts[0] if texts else "").replace("\r\n", "\n").strip()
    if not text:
        return None
    if key.kind == "whole":
        bare = re.sub(r"[\s\u202f\u00a0]", "", text)
        return int(bare) if re.fullmatch(r"-?[0-9]{1,15}", bare) else text
    if key.kind == "decimal":
        return text.replace(",", ".")
    if key.kind == "moment":
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            return text
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).isoformat() if zone else text
    return None if text == key.usual and len(key.path) == 1 else text


def _at(content: Any, path: Iterable[str | int]) -> Any:
    """The value at a path; None where there is none."""
    for step in path:
        if isinstance(content, Mapping):
            content = content.get(step)
        elif isinstance(content, list | tuple) and isinstance(step, int) and step < len(content):
            content = content[step]
        else:
            return None
    return content


def _put(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Write a value at a path, or take it away (None); tables that become empty go with it."""
    *above, last = path
    tables = [content]
    for step in above:
        inner = tables[-1].get(step)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = tables[-1][step] = {}
        tables.append(inner)
    if value is not None:
        tables[-1][last] = value
        return
    tables[-1].pop(last, None)
    for step, table in reversed(list(zip(above, tables, strict=False))):
        if table[step] == {}:
            del table[step]


def zone_of(content: Content) -> ZoneInfo | None:
    """The zone of a content, None while it has none that exists."""
    try:
        return ZoneInfo(content.get("timezone") or DEFAULT_ZONE)
    except (KeyError, ValueError, OSError, TypeError):
        return None


def name_of(path: Iterable[str | int]) -> str:
    """The name and the id of the field at a path."""
    return "-".join(str(step) for step in path)


def rows_of(content: Content, rows: str) -> list[Mapping[str, Any]]:
    """The rules or payouts of a content, as far as they are tables."""
    listed = content.get(rows)
    return [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list | tuple) else []


def row_keys(rows: str, row: Mapping[str, Any]) -> tuple[Key, ...]:
    """The keys a rule or a payout of its kind has, the kind first."""
    tag = TAGS[rows]
    kind = row.get(tag.path[0])
    known = (RULE_KEYS if rows == "rules" else PAYOUT_KEYS).get(kind if isinstance(kind, str) else "", ())
    return (tag, *known, *FILTER, ID) if rows == "rules" else (tag, *known)


# --- a step as a form ----------------------------------------------------------------------------------------------


class Boxes(SelectMultipleField):
    """Values to tick, each a box; those that are no longer known stay, so that they are not lost."""

    def __init__(self, label: Any, *, names: Mapping[str, Any], **options: Any) -> None:
        super().__init__(label, validate_choice=False, option_widget=CheckboxInput(), choices=[], **options)
        self.names = names

    def process_data(self, value: Any) -> None:
        """Offer what is known and what is ticked."""
        super().process_data(value)
        chosen = [text for text in self.data or [] if text not in self.names]
        self.choices = [*self.names.items(), *((text, text) for text in dict.fromkeys(chosen))]


class StepForm(BaseForm):
    """The fields of one step for a content, by the names of their paths."""

    def __init__(self, step: Step, content: Content, vocabulary: Vocabulary | None = None) -> None:
        self.step = step
        self.content = content
        self.places = dict(_places(step, content))
        self.notes: dict[str, list[str]] = {}  # what is wrong with a group of fields, by the id of the group
        self.vocabulary = vocabulary or Vocabulary()
        zone = zone_of(content)
        shown = {name: self._shown(path, key, zone) for name, (path, key) in self.places.items()}
        super().__init__({name: self._field(path, key, shown[name]) for name, (path, key) in self.places.items()})
        self.process(data={name: texts if self._many(name) else texts[0] for name, texts in shown.items()})

    def _many(self, name: str) -> bool:
        return self.places[name][1].kind in MULTIPLE

    def _shown(self, path: Path, key: Key, zone: ZoneInfo | None) -> list[str]:
        return shown_at(self.content, path, key, zone)

    def _field(self, path: Path, key: Key, shown: list[str]) -> Any:
        label, options = key.label, {"description": key.help}
        if key.kind in MULTIPLE:
            return Boxes(label, names=self._offered(path, key), **options)
        if key.kind == "choice":
            choices = [(value, words) for value, words in (*key.choices, *self._more(key))]
            if shown[0] not in [value for value, _words in choices]:
                choices.insert(0, (shown[0], shown[0] or _("— choisir —")))
            return SelectField(label, choices=choices, validate_choice=False, **options)
        return TextAreaField(label, **options) if key.kind == "area" else StringField(label, **options)

    def _offered(self, path: Path, key: Key) -> Mapping[str, Any]:
        if key.path == ("of",):
            return {
                rule["id"]: gettext("Règle %(n)s", n=place)
                for place, rule in enumerate(rows_of(self.content, "rules"), 1)
                if rule.get("counts") not in ("boost", "milestone") and isinstance(rule.get("id"), str)
            }
        if key.kind == "boxes":
            return dict(key.choices)
        known = self.vocabulary.names.get(key.of, {})
        if key.of not in self.vocabulary.large:
            return known
        chosen = _texts(key, _at(self.content, path), None)
        return {value: known[value] for value in chosen if value in known}

    def _more(self, key: Key) -> Iterable[tuple[str, Any]]:
        if key.path == ("reward",):
            return sorted(self.vocabulary.names.get("rewards", {}).items(), key=lambda one: one[1])
        if key.path == ("league_by",):
            return [(name, gettext("Par %(what)s", what=league_in_words(name))) for name in LEAGUES]
        return ()

    def place(self, where: Path) -> str:
        """The id of the field a problem is about, or of the nearest thing around it."""
        for size in range(len(where), 0, -1):
            if name_of(where[:size]) in self.places:
                return name_of(where[:size])
        if where[:1] == (self.step.rows,) and len(where) > 1:
            if where[2:3] == ("when",):
                return name_of(where[:3])
            nearest = {"rules": "counts", "payouts": "reward"}[self.step.rows]
            whole = (*where[:2], "cap", "points") if where[2:3] == ("cap",) else (*where[:2], nearest)
            return name_of(whole) if name_of(whole) in self.places else name_of(where[:2])
        return name_of(where[:1])

    def label_of(self, where: Path) -> str:
        """What a place is called: "Règle 2 · Points"."""
        found = [str(self.places[name][1].label)] if (name := self.place(where)) in self.places else []
        if where[:1] == (self.step.rows,) and len(where) > 1 and isinstance(where[1], int):
            numbered = gettext("Règle %(n)s", n=where[1] + 1) if where[0] == "rules" else None
            found.insert(0, numbered or gettext("Gain %(n)s", n=where[1] + 1))
        elif not found:
            whole = {"rules": _("Les règles"), "objective": _("L’objectif"), "audience": _("Le public")}
            found = [str(whole.get(str(where[0]) if where else "", _("Le challenge")))]
        return " · ".join(found)

    def words(self, where: Path, problem: Problem) -> str:
        """A problem as somebody reads it who sees fields, not a file."""
        name = self.place(where)
        if where and name == name_of(where) and name in self.places and not any(self._value_texts(name)):
            return gettext("à remplir")
        wrong, right = problem.wrong, _for_people(problem.right)
        if name in self.places and where:
            label = str(self.places[name][1].label)
            wrong = wrong.replace(_quoted(str(where[-1])), _quoted(label))
        return f"{wrong} — {right}"

    def is_empty(self, where: Path) -> bool:
        """Whether what is wrong at a place is that nothing is written there."""
        name = self.place(where)
        if name not in self.places:
            return len(where) < 2
        return name == name_of(where) and not any(self._value_texts(name))

    def _value_texts(self, name: str) -> list[str]:
        data = self[name].data
        return data if isinstance(data, list) else [data or ""]

    def tell(self, problems: Iterable[Problem]) -> None:
        """Put each problem of this step beside its field."""
        for problem in problems:
            name, words = self.place(problem.where), self.words(problem.where, problem)
            if name in self.places:
                self[name].errors = [*self[name].errors, words]
            else:
                self.notes.setdefault(name, []).append(words)

    def in_words(self, name: str) -> str:
        """What a field says, as people read it."""
        texts = [text for text in self._value_texts(name) if text]
        shown: FormField = self[name]
        labels = dict(shown.choices or ()) if isinstance(shown, SelectField | SelectMultipleField) else {}
        return ", ".join(str(labels.get(text, text)) for text in texts)


def _places(step: Step, content: Content) -> Iterator[tuple[str, tuple[Path, Key]]]:
    """Every field of a step, by name: its path in the challenge and its key."""
    for key in step.keys:
        yield name_of(key.path), (key.path, key)
    for index, row in enumerate(rows_of(content, step.rows) if step.rows else ()):
        for key in row_keys(step.rows, row):
            path = (step.rows, index, *key.path)
            yield name_of(path), (path, key)


def shown_at(content: Content, path: Path, key: Key, zone: ZoneInfo | None) -> list[str]:
    """The texts of one field. A cap without its "per" shows none: it is missing, not usual."""
    value = _at(content, path)
    if value is None and key.path == ("cap", "per") and _at(content, path[:-1]) is not None:
        return [""]
    return _texts(key, value, zone)


def _quoted(name: str) -> str:
    """A name between the quotation marks, and with the spaces, of the reader's language."""
    return gettext("« %(name)s »", name=name)


def _for_people(right: str) -> str:
    """What would be right, where a file says it with its own keys."""
    said = {
        gettext("une table [objective]"): gettext("un objectif, à l’étape « Combien »"),
        gettext("au moins une table [[rules]]"): gettext("ajoutez une règle"),
        gettext("default = …, sans baseline"): gettext("un objectif pour chacun, sans ventes passées"),
        gettext('reward = "code de la dotation" ou wallet = nombre de points'): gettext(
            "une dotation, ou des points de cagnotte"
        ),
        gettext('reward = "code de la dotation", ou un gain « convert », qui paie chaque personne'): gettext(
            "une dotation, ou des points convertis, qui paient chaque personne"
        ),
        gettext('un palier sans « when », ou d’une autre mesure ("units", "value", "declarations")'): gettext(
            "un palier sans condition, ou compté autrement qu’en points"
        ),
    }
    return said.get(right, right)


# --- a form sent back ----------------------------------------------------------------------------------------------


def content_with(step: Step, content: dict[str, Any], sent: MultiDict[str, str], *, adding: bool = True) -> Any:
    """The content with what the form of a step says. `adding`: what is typed beside a list of names enters it."""
    before, zone = dict(content), zone_of(content)
    reading = zone_of({"timezone": sent.get("timezone", content.get("timezone"))}) or zone
    after = dict(content)
    for key in step.keys:
        _put(after := _opened(after, key.path), key.path, _read(before, key.path, key, sent, (zone, reading), adding))
    had = _at(before, ("objective", "measure"))
    if step.name == "how-much" and had is not None and _at(after, ("objective", "measure")) is None:
        after.pop("objective", None)
    if step.rows:
        rows = [_row(step.rows, index, before, sent, (zone, reading), adding) for index in _sent_rows(step.rows, sent)]
        if step.rows == "rules":
            _rename(rows_of(before, "rules"), rows)
        if rows or rows_of(before, step.rows):
            after[step.rows] = rows
        if not after.get(step.rows) and not isinstance(before.get(step.rows), Mapping | str):
            after.pop(step.rows, None)
    return after


def _opened(content: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """A copy whose tables along a path may be written to."""
    opened = dict(content)
    if len(path) > 1 and isinstance(opened.get(path[0]), Mapping):
        opened[path[0]] = _opened(opened[path[0]], path[1:])
    return opened


def _sent_rows(rows: str, sent: MultiDict[str, str]) -> list[int]:
    tag = TAGS[rows].path[0]
    found = (re.fullmatch(rf"{rows}-(\d{{1,4}})-{tag}", name, re.ASCII) for name in sent)
    return sorted({int(match[1]) for match in found if match})


def _row(
    rows: str,
    index: int,
    before: Content,
    sent: MultiDict[str, str],
    zones: tuple[ZoneInfo | None, ZoneInfo | None],
    adding: bool,
) -> dict[str, Any]:
    """One rule or payout as sent: the keys its kind has, and no others."""
    tag = TAGS[rows].path[0]
    row: dict[str, Any] = {}
    for key in row_keys(rows, {tag: sent.get(f"{rows}-{index}-{tag}")}):
        _put(row, key.path, _read(before, (rows, index, *key.path), key, sent, zones, adding))
    cap = row.get("cap")
    if isinstance(cap, dict):
        had = _at(before, (rows, index, "cap"))
        if "points" not in cap and not (isinstance(had, Mapping) and "points" not in had):
            del row["cap"]
        elif "per" not in cap and had is None and (per := sent.get(f"{rows}-{index}-cap-per")):
            cap["per"] = per
    return row


def _read(
    before: Content,
    path: Path,
    key: Key,
    sent: MultiDict[str, str],
    zones: tuple[ZoneInfo | None, ZoneInfo | None],
    adding: bool,
) -> Any:
    """One value: as it was when its field is not there or was not touched, else as it is written now."""
    name, value, (zone, reading) = name_of(path), _at(before, path), zones
    if name not in sent and f"{name}-add" not in sent:
        return value
    texts = [text.replace("\r\n", "\n") for text in sent.getlist(name)]
    if key.kind in MULTIPLE:
        texts = [text for text in texts if text]
        if adding:
            texts += [text.strip() for text in re.split(r"[,;\n]", sent.get(f"{name}-add", "")) if text.strip()]
    shown = [text.replace("\r\n", "\n") for text in shown_at(before, path, key, zone)]
    # Boxes are sent in the order they stand in, each once.
    same = set(texts) == set(shown) if key.kind in MULTIPLE else texts == shown
    if same and not (key.kind == "moment" and reading != zone):
        return value
    return _value(key, texts, reading)


def _rename(before: Sequence[Mapping[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Where a rule takes another short name, the multipliers that name it follow."""
    renamed = {
        old.get("id"): new.get("id")
        for old, new in zip(before, rows, strict=False)
        if isinstance(old.get("id"), str) and isinstance(new.get("id"), str) and old.get("id") != new.get("id")
    }
    kept = {row.get("id") for row in rows}
    for row in rows:
        if renamed and isinstance(row.get("of"), list):
            row["of"] = [renamed[name] if name in renamed and name not in kept else name for name in row["of"]]


# --- rows added, removed, moved ------------------------------------------------------------------------------------


def act(content: dict[str, Any], rows: str, action: str) -> tuple[dict[str, Any], str]:
    """Do what a button of a row asks ("add:units", "remove:2", "up:2", "down:2"); answers the id to look at next."""
    verb, _colon, what = action.partition(":")
    if verb == "add" and what in (RULE_KEYS if rows == "rules" else PAYOUT_KEYS):
        listed = [*rows_of(content, rows), _new(content, rows, what)]
        return content | {rows: listed}, name_of((rows, len(listed) - 1))
    listed = list(rows_of(content, rows))
    if not re.fullmatch(r"\d{1,4}", what, re.ASCII) or int(what) >= len(listed):
        return content, ""
    place = int(what)
    if verb == "remove":
        gone = listed.pop(place)
        if rows == "rules":
            listed = [_without(row, gone.get("id")) for row in listed]
        left = content | {rows: listed} if listed else {key: value for key, value in content.items() if key != rows}
        return left, name_of((rows, min(place, len(listed) - 1))) if listed else rows
    target = place + {"up": -1, "down": 1}.get(verb, 0)
    if target == place or not 0 <= target < len(listed):
        return content, name_of((rows, place))
    listed[place], listed[target] = listed[target], listed[place]
    return content | {rows: listed}, name_of((rows, target))


def _new(content: Content, rows: str, kind: str) -> dict[str, Any]:
    if rows == "payouts":
        row = {"kind": kind, **NEW_PAYOUTS[kind]}
        if kind == "rank":
            last = [one.get("to") for one in rows_of(content, rows) if isinstance(one.get("to"), int)]
            row |= {"from": max(last, default=0) + 1, "to": max(last, default=0) + 3}
        if content.get("ranks") == "outlet":
            row.pop("wallet", None)
        return row
    row = {"counts": kind, **NEW_RULES[kind]}
    taken = {rule.get("id") for rule in rows_of(content, "rules")}
    name, number = row["id"], 1
    while row["id"] in taken:
        number += 1
        row["id"] = f"{name}-{number}"
    return row


def _without(row: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """A multiplier without a rule that is gone; of one that named it alone, nothing is left to name."""
    kept = dict(row)
    if isinstance(kept.get("of"), list) and name in kept["of"]:
        kept["of"] = [one for one in kept["of"] if one != name]
        if not kept["of"]:
            del kept["of"]
    return kept


def is_day(text: str) -> bool:
    """Whether a calendar can show this text."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_moment(text: str) -> bool:
    """Whether a calendar with a clock can show this text."""
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False
