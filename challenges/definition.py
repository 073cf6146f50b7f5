"""A challenge as it is written: the one model behind its file, its form and what is stored.

`definition_from` reads the plain values of a file or a form and refuses, all at once, what cannot be played; each
problem carries the path of the value it is about, so that a file can say the line and a form the field. `canonical`
is what `Challenge.definition` keeps and `challenges/rules.py` reads. Meaning of every key: docs/challenge-file.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from challenges.forbidden import ban_on
from foundation import clock
from foundation.localisation import number

DEFAULT_ZONE = "Europe/Paris"
DAYS_TO_DECLARE = 4
DAYS_TO_REVIEW = 7
HIGHEST = 1_000_000_000
LONGEST_COMMENT = 5_000
LONGEST_CODE = 60
# The words that stand after /studio/ where a challenge's code does: no new challenge is called so.
STUDIO_WORDS = frozenset({"drafts", "law", "names", "network", "new", "orders", "points", "rewards"})
FIRST_YEAR, LAST_YEAR = 2000, 2199

Channel = Literal["store", "online", "face_to_face", "meeting", "reorder"]
Kind = Literal["distributor", "reseller", "franchisee", "vdi"]
Brands = Literal["single", "multi"]
Level = Literal["low", "medium", "high"]
Customer = Literal["new", "returning"]
League = Literal[
    "kind", "brands", "country", "region", "department", "city", "activity", "potential", "group", "outlet"
]

# The codes of the reward catalogue, which lives in a higher package: app.py connects it (None: codes go unchecked).
REWARD_CODES: Callable[[], Collection[str]] | None = None


class Problem(NamedTuple):
    """What is wrong, where (keys and positions from the top of the challenge), and what would be right."""

    where: tuple[str | int, ...]
    wrong: str
    right: str


class WrongDefinition(ValueError):
    """The challenge cannot be played as written; `problems` says all of it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.wrong for problem in problems))
        self.problems = tuple(problems)


# --- values --------------------------------------------------------------------------------------------------------


class Between(NamedTuple):
    """Bounds of a whole number, both allowed; checked after the shape, so that every fault of a file is listed."""

    lowest: int
    highest: int = HIGHEST


def _refuse(wrong: str, right: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{wrong}", {"wrong": wrong, "right": right})


def _read_day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise _refuse(
                _("« %(value)s » n’est pas un jour du calendrier", value=value), _("un jour qui existe")
            ) from None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _refuse(_("« %(value)s » n’est pas une date", value=value), _("une date comme 2026-01-05"))
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise _refuse(
            _("l’année %(year)s n’est pas possible", year=value.year),
            _("une année de %(first)s à %(last)s", first=FIRST_YEAR, last=LAST_YEAR),
        )
    return value


def _read_instant(value: Any) -> Any:
    right = _("un instant avec son décalage, comme 2026-02-05T00:00:00+01:00")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise _refuse(_("« %(value)s » n’est pas un instant", value=value), right) from None
    if not isinstance(value, datetime):
        raise _refuse(_("« %(value)s » n’est pas un instant", value=value), right)
    if value.utcoffset() is None:
        raise _refuse(_("« %(value)s » est sans fuseau horaire", value=value.isoformat()), right)
    _read_day(value.date())
    return value


def _read_decimal(value: Any) -> Any:
    right = _('un nombre décimal entre guillemets, comme "1.5"')
    if isinstance(value, float):
        raise _refuse(_("%(value)s est écrit sans guillemets", value=value), f'"{value}"')
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
        raise _refuse(_("« %(value)s » n’est pas un nombre décimal", value=value), right)
    return value


def _read_code(value: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,59}", value):
        raise _refuse(
            _("« %(value)s » ne peut pas servir de code", value=value),
            _("1 à 60 lettres, chiffres, tirets ou points, sans espace"),
        )
    return value


def _read_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise _refuse(
            _("le fuseau horaire « %(value)s » est inconnu", value=value), _("un fuseau comme Europe/Paris")
        ) from None
    return value


def _read_text(value: str) -> str:
    if not value.strip():
        raise _refuse(_("le texte est vide"), _("un texte"))
    if "\0" in value:
        raise _refuse(_("le texte contient un caractère interdit"), _("un texte ordinaire"))
    return value


def _read_picture(value: str) -> str:
    if "/" in value or "\\" in value or value.startswith("."):
        raise _refuse(
            _("« %(value)s » n’est pas un nom de fichier", value=value),
            _("le nom d’une image posée à côté du fichier, comme hiver.jpg"),
        )
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple | dict) else [value]


Day = Annotated[date, BeforeValidator(_read_day)]
Moment = Annotated[datetime, BeforeValidator(_read_instant)]
Decimal = Annotated[str, BeforeValidator(_read_decimal)]
Text = Annotated[str, Strict(), AfterValidator(_read_text)]
Code = Annotated[str, Strict(), AfterValidator(_read_code)]
Zone = Annotated[str, Strict(), AfterValidator(_read_zone)]
Picture = Annotated[str, Strict(), AfterValidator(_read_text), AfterValidator(_read_picture)]
Positive = Annotated[int, Strict(), Between(1)]
NotNegative = Annotated[int, Strict(), Between(0)]
Weekday = Annotated[int, Strict(), Between(1, 7)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class Part(BaseModel):
    """A table of the file: unknown keys are refused, values never change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- the tables of a challenge -------------------------------------------------------------------------------------


class Audience(Part):
    """Which outlets' people play: a list means any of, all the given keys together."""

    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_listed)] | None = None
    regions: Texts | None = None
    countries: Texts | None = None
    brands: Annotated[tuple[Brands, ...], BeforeValidator(_listed)] | None = None
    activity: Annotated[tuple[Level, ...], BeforeValidator(_listed)] | None = None
    potential: Annotated[tuple[Level, ...], BeforeValidator(_listed)] | None = None
    departments: Texts | None = None
    outlets: Texts | None = None


class English(Part):
    """Texts in English."""

    name: Annotated[Text, Field(max_length=200)] | None = None
    description: Annotated[Text, Field(max_length=5000)] | None = None


class Baseline(Part):
    """A person's own past, from which its target is made: max(at_least, floor(past × factor))."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    factor: Decimal | None = None
    at_least: Positive | None = None


class Objective(Part):
    """What a personal target measures, and what it is when nothing better is known."""

    measure: Literal["units", "value", "declarations", "points"]
    default: Positive | None = None
    baseline: Baseline | None = None


class Filter(Part):
    """Which lines of a declaration a rule looks at: all given keys must match, a list means any of."""

    skus: Texts | None = None
    categories: Texts | None = None
    families: Texts | None = None
    channels: Annotated[tuple[Channel, ...], BeforeValidator(_listed)] | None = None
    weekdays: Annotated[tuple[Weekday, ...], BeforeValidator(_listed)] | None = None
    first: Day | None = Field(None, alias="from")
    last: Day | None = Field(None, alias="to")
    customer: Annotated[tuple[Customer, ...], BeforeValidator(_listed)] | None = None
    min_units: Positive | None = None


class RuleCap(Part):
    """Up to where a rule gives."""

    points: Positive
    per: Literal["declaration", "day", "challenge"]


class AnyRule(Part):
    """What every rule has."""

    id: Code
    when: Filter | None = None


class CappedRule(AnyRule):
    """A rule with a cap of its own."""

    cap: RuleCap | None = None


class UnitsRule(CappedRule):
    """Points for every `per` units."""

    counts: Literal["units"]
    points: Positive
    per: Positive = 1


class ValueRule(CappedRule):
    """Points for every `per` euros at list price."""

    counts: Literal["value"]
    points: Positive
    per: Positive = 1


class DeclarationRule(CappedRule):
    """Points for a declaration."""

    counts: Literal["declaration"]
    points: Positive


class FeedbackRule(CappedRule):
    """Points for the customer's rating, and with `min_comment` for its words."""

    counts: Literal["feedback"]
    points: Positive
    min_comment: NotNegative | None = None


class ProfileRule(CappedRule):
    """Points for the customer's kind, age band and area."""

    counts: Literal["profile"]
    points: Positive


class BoostRule(CappedRule):
    """More points on top of what other rules gave the same declaration."""

    counts: Literal["boost"]
    factor: Decimal
    of: Annotated[tuple[Code, ...], BeforeValidator(_listed)] | None = None


class MilestoneRule(AnyRule):
    """Points once, when a running total reaches `at`; takes no cap."""

    counts: Literal["milestone"]
    measure: Literal["units", "value", "declarations", "points"]
    at: Positive
    points: Positive


AnyOfTheRules = Annotated[
    UnitsRule | ValueRule | DeclarationRule | FeedbackRule | ProfileRule | BoostRule | MilestoneRule,
    Field(discriminator="counts"),
]


class Prize(Part):
    """What a payout gives: an article of the reward catalogue, or wallet points."""

    reward: Text | None = None
    wallet: Positive | None = None


class RankPayout(Prize):
    """For every rank in the range, in each league."""

    kind: Literal["rank"]
    first: Positive = Field(alias="from")
    last: Positive = Field(alias="to")


class ThresholdPayout(Prize):
    """For everyone with at least that total."""

    kind: Literal["threshold"]
    points: Positive


class ObjectivePayout(Prize):
    """For everyone who reached their target."""

    kind: Literal["objective"]


class RacePayout(Prize):
    """For the first to have reached a total."""

    kind: Literal["race"]
    points: Positive
    first: Positive


class ConvertPayout(Part):
    """Wallet points for points."""

    kind: Literal["convert"]
    every: Positive
    into: Positive


class DrawPayout(Prize):
    """By lot, a ticket for every so many points."""

    kind: Literal["draw"]
    winners: Positive
    tickets_per: Positive


AnyPayout = Annotated[
    RankPayout | ThresholdPayout | ObjectivePayout | RacePayout | ConvertPayout | DrawPayout,
    Field(discriminator="kind"),
]


class Definition(Part):
    """A whole challenge, in the order of its file."""

    code: Code
    name: Annotated[Text, Field(max_length=200)]
    description: Annotated[Text, Field(max_length=5000)] | None = None
    picture: Picture | None = None
    proof: Literal["none", "optional", "required"] = "none"
    acceptance: Literal["none", "required"] = "none"
    timezone: Zone = DEFAULT_ZONE
    starts_on: Day
    ends_on: Day
    declare_until: Moment | None = None
    review_until: Moment | None = None
    pending_at_close: Literal["wait", "accept", "reject"] = "wait"
    ranks: Literal["person", "outlet"] = "person"
    rank_by: Literal["points", "progress"] = "points"
    tie_break: Literal["earliest", "shared"] = "earliest"
    league_by: League | None = None
    cap_per_day: Positive | None = None
    cap_total: Positive | None = None
    budget: NotNegative | None = None
    budget_policy: Literal["stop", "pro_rata"] = "stop"
    freeze_board_on: Day | None = None
    repeat: Literal["weekly", "monthly"] | None = None
    repeat_until: Day | None = None
    audience: Audience | None = None
    en: English | None = None
    objective: Objective | None = None
    rules: tuple[AnyOfTheRules, ...] = ()
    payouts: tuple[AnyPayout, ...] = ()

    # The cleaned picture (WebP) found beside the file; not part of the rules.
    _picture_content: bytes | None = PrivateAttr(None)

    @property
    def zone(self) -> ZoneInfo:
        """The challenge's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def declares_until(self) -> datetime:
        """The instant (UTC, excluded) before which a sale of the period must be declared."""
        if self.declare_until is not None:
            return self.declare_until.astimezone(UTC)
        return clock.start_of_day(clock.days_after(self.ends_on, DAYS_TO_DECLARE), self.zone)

    @property
    def reviews_until(self) -> datetime:
        """The instant (UTC) at which what still waits is settled by `pending_at_close`: by default a week later."""
        if self.review_until is not None:
            return self.review_until.astimezone(UTC)
        local = self.declares_until.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=DAYS_TO_REVIEW)
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    @property
    def picture_content(self) -> bytes | None:
        """The picture as found beside the file, cleaned; None when there is none."""
        return self._picture_content

    def with_picture(self, content: bytes) -> Definition:
        """The same challenge, with the picture found beside its file."""
        shown = self.model_copy()
        shown._picture_content = content
        return shown

    @property
    def has_draw(self) -> bool:
        """Whether something is drawn by lot: such a challenge must be published before its start."""
        return any(payout.kind == "draw" for payout in self.payouts)

    def canonical(self) -> dict[str, Any]:
        """The challenge as plain JSON values: what was given, lists as lists, nothing empty, nothing defaulted."""
        given = self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        plain = _plain(given)
        assert isinstance(plain, dict)
        return plain

    def columns(self) -> dict[str, Any]:
        """The columns of `challenges.models.Challenge` that follow from the definition."""
        return {
            "code": self.code,
            "definition": self.canonical(),
            "timezone": self.timezone,
            "starts_on": self.starts_on,
            "ends_on": self.ends_on,
            "declare_until": self.declares_until,
            "review_until": self.reviews_until,
            "ranks": self.ranks,
            "rank_by": self.rank_by,
            "tie_break": self.tie_break,
            "has_objective": self.objective is not None,
            "measure": self.objective.measure if self.objective is not None else "units",
            "freeze_board_on": self.freeze_board_on,
        }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in ("", [], {})}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def definition_hash(definition: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON: sorted keys, no spaces, characters as they are, in UTF-8."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What a challenge may name: the catalogue as (sku, category, family), and reward codes. None: not checked.

    `taken` are the words it cannot be called by.
    """

    products: Collection[tuple[str, str, str]] | None = None
    rewards: Collection[str] | None = None
    taken: Collection[str] = ()


def definition_from(data: Mapping[str, Any], known: Known | None = None) -> Definition:
    """Read the plain values of a challenge file or form. Raises WrongDefinition with every problem found."""
    shape: list[Problem] = []
    unknown: set[tuple[str | int, ...]] = set()
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        draw = _asks_for_a_draw(data)
        shape = [_lawful(fault, _worded(fault), draw=draw) for fault in error.errors()]
        unknown = {
            problem.where
            for problem, fault in zip(shape, error.errors(), strict=True)
            if fault["type"] == "extra_forbidden"
        }
        mended = _without(data, [problem.where for problem in shape])
        try:
            definition = Definition.model_validate(mended)
        except ValidationError:
            raise WrongDefinition(shape) from None
    left_out = [problem.where for problem in shape if problem.where not in unknown]
    reported = {where[:2] if where[:1] in _LISTS else where[:1] for where in left_out}
    meaning = [
        problem
        for problem in problems_of(definition, known or Known())
        if problem.where[:1] not in reported and problem.where[:2] not in reported
    ]
    if shape or meaning:
        raise WrongDefinition([*shape, *meaning])
    return definition


def stored_definition(stored: Mapping[str, Any]) -> Definition:
    """Read back what `canonical` gave: already checked when it was stored."""
    return Definition.model_validate(stored)


_LISTS = (("rules",), ("payouts",))


def _without(data: Mapping[str, Any], places: Sequence[tuple[str | int, ...]]) -> Any:
    """The same values with the faulty keys left out, so that what remains can still be judged."""
    copied = _copied(data)
    holder: Any
    for place in places:
        if len(place) > 2 and isinstance(place[-1], int):
            place = place[:-1]
        holder = copied
        for step in place[:-1]:
            try:
                holder = holder[step]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(holder, dict) and place:
                holder.pop(place[-1], None)
    return copied


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(inner) for inner in value]
    return value


def _worded(fault: Any) -> Problem:
    """A pydantic error in our words, its place as written in the file (the union's tag left out)."""
    where = tuple(fault["loc"])
    if len(where) > 2 and where[:1] in _LISTS:
        where = where[:2] + where[3:]
    kind, given = fault["type"], fault.get("input")
    key = where[-1] if where else ""
    context = fault.get("ctx") or {}
    if kind == "refused":
        return Problem(where, context["wrong"], context["right"])
    if kind == "extra_forbidden":
        known = ", ".join(_keys_at(where[:-1], fault["loc"]))
        return Problem(where, _("clé inconnue « %(key)s »", key=key), _("une clé parmi : %(known)s", known=known))
    if kind == "missing":
        return Problem(where, _("la clé « %(key)s » manque", key=key), _("%(key)s = …", key=key))
    if kind == "union_tag_not_found":
        tag = "counts" if where[:1] == ("rules",) else "kind"
        return Problem(where, _("la clé « %(key)s » manque", key=tag), _tags(where))
    if kind == "union_tag_invalid":
        tag = "counts" if where[:1] == ("rules",) else "kind"
        return Problem(where + (tag,), _("valeur inconnue « %(value)s »", value=context.get("tag", "")), _tags(where))
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", '"').replace(" or ", ", ")
        return Problem(where, _("valeur inconnue « %(value)s »", value=given), _("une de : %(list)s", list=expected))
    if kind.startswith("int"):
        return Problem(where, _("« %(value)s » n’est pas un nombre entier", value=given), _("un nombre entier"))
    if kind.startswith("string_too_long"):
        return Problem(where, _("le texte est trop long"), _("au plus %(n)s caractères", n=context.get("max_length")))
    if kind.startswith("string"):
        return Problem(where, _("« %(value)s » n’est pas un texte", value=given), f'"{given}"')
    if kind in ("tuple_type", "list_type"):
        return Problem(where, _("« %(key)s » n’est pas une liste", key=key), f"[[{key}]]" if len(where) == 1 else "[…]")
    return Problem(where, _("« %(key)s » n’est pas une table de clés et de valeurs", key=key), "{ … }")


def _lawful(fault: Any, problem: Problem, *, draw: bool) -> Problem:
    """The same problem with the article, when what is unknown asks for something the law forbids."""
    kind, given, where = fault["type"], fault.get("input"), problem.where
    listed = where[:1] in _LISTS
    if kind == "union_tag_invalid" and isinstance(given, Mapping):
        words = [(fault.get("ctx") or {}).get("tag"), given.get("id"), *given]
    elif kind == "extra_forbidden":
        values = given if isinstance(given, list | tuple) else [given]
        words = [where[-1], *(values if listed else ())]
    elif kind == "literal_error" and where[-1:] in (("measure",), ("rank_by",)):
        words = [given]
    else:
        return problem
    ban = ban_on(words, buying=listed or kind == "literal_error", draw=draw)
    return problem if ban is None else Problem(where, ban.wrong, ban.right)


def _asks_for_a_draw(data: Mapping[str, Any]) -> bool:
    payouts = data.get("payouts")
    listed = payouts if isinstance(payouts, list | tuple) else ()
    return any(isinstance(payout, Mapping) and payout.get("kind") == "draw" for payout in listed)


def _tags(where: tuple[str | int, ...]) -> str:
    models = _RULES if where[:1] == ("rules",) else _PAYOUTS
    return _("une de : %(list)s", list=", ".join(f'"{tag}"' for tag in models))


_RULES: dict[str, type[Part]] = {
    "units": UnitsRule,
    "value": ValueRule,
    "declaration": DeclarationRule,
    "feedback": FeedbackRule,
    "profile": ProfileRule,
    "boost": BoostRule,
    "milestone": MilestoneRule,
}
_PAYOUTS: dict[str, type[Part]] = {
    "rank": RankPayout,
    "threshold": ThresholdPayout,
    "objective": ObjectivePayout,
    "race": RacePayout,
    "convert": ConvertPayout,
    "draw": DrawPayout,
}
_TABLES: dict[tuple[str | int, ...], type[Part]] = {
    (): Definition,
    ("audience",): Audience,
    ("en",): English,
    ("objective",): Objective,
    ("objective", "baseline"): Baseline,
}


def _keys_at(table: tuple[str | int, ...], place: tuple[str | int, ...]) -> list[str]:
    """The keys known in the table a fault is in; `place` still holds the union's tag."""
    model = _TABLES.get(table)
    if model is None and table[-1] in ("when", "cap"):
        model = Filter if table[-1] == "when" else RuleCap
    elif model is None:
        model = (_RULES | _PAYOUTS)[str(place[2])]
    return [field.alias or name for name, field in model.model_fields.items()]


# --- what a well-formed challenge may still get wrong --------------------------------------------------------------


def problems_of(definition: Definition, known: Known) -> list[Problem]:
    """Every reason why this challenge cannot be played; empty when it can."""
    return sorted(
        [
            *_called(definition, known),
            *_bounds(definition, ()),
            *_dates(definition),
            *_repetition(definition),
            *_objective(definition),
            *_rules(definition),
            *_names(definition, known),
            *_payouts(definition, known),
            *_empty_lists(definition),
        ],
        key=lambda problem: _file_order(problem.where),
    )


def _file_order(where: tuple[str | int, ...]) -> tuple[int, int]:
    position = list(Definition.model_fields).index(str(where[0])) if where else -1
    return position, where[1] if len(where) > 1 and isinstance(where[1], int) else -1


def _called(definition: Definition, known: Known) -> Iterator[Problem]:
    if definition.code in known.taken:
        yield Problem(
            ("code",),
            _("« %(value)s » est déjà l’adresse d’une page du studio", value=definition.code),
            _("un autre code, comme %(example)s", example=f"{definition.code}-{definition.starts_on.year}"),
        )


def _bounds(part: Part, where: tuple[str | int, ...]) -> Iterator[Problem]:
    for name, field in type(part).model_fields.items():
        value, place = getattr(part, name), (*where, field.alias or name)
        bounds = next((item for item in _metadata(field) if isinstance(item, Between)), None)
        if isinstance(value, Part):
            yield from _bounds(value, place)
        elif isinstance(value, tuple):
            for index, inner in enumerate(value):
                if isinstance(inner, Part):
                    yield from _bounds(inner, (*place, index))
                elif name == "weekdays" and not 1 <= inner <= 7:
                    yield Problem(
                        (*place, index),
                        _("%(value)s n’est pas un jour de la semaine", value=inner),
                        _("de 1 (lundi) à 7 (dimanche)"),
                    )
        elif bounds is not None and isinstance(value, int) and not bounds.lowest <= value <= bounds.highest:
            yield Problem(
                place,
                _("« %(key)s » ne peut pas valoir %(value)s", key=place[-1], value=value),
                _(
                    "un nombre entier de %(lowest)s à %(highest)s",
                    lowest=number(bounds.lowest),
                    highest=number(bounds.highest),
                ),
            )


def _metadata(field: Any) -> list[Any]:
    """Bounds of a field, also behind an "or None"."""
    found = list(field.metadata)
    for argument in getattr(field.annotation, "__args__", ()):
        found.extend(getattr(argument, "__metadata__", ()))
    return found


def _dates(definition: Definition) -> Iterator[Problem]:
    if definition.ends_on < definition.starts_on:
        yield Problem(
            ("ends_on",),
            _("le challenge finit le %(end)s, avant de commencer", end=definition.ends_on),
            _("une date à partir du %(start)s", start=definition.starts_on),
        )
        return
    midnight = clock.start_of_day(clock.days_after(definition.ends_on, 1), definition.zone)
    if definition.declares_until < midnight:
        yield Problem(
            ("declare_until",),
            _("on ne pourrait plus déclarer avant la fin du challenge"),
            _("à partir de %(instant)s", instant=midnight.astimezone(definition.zone).isoformat()),
        )
    elif definition.reviews_until < definition.declares_until:
        yield Problem(
            ("review_until",),
            _("les vérifications finiraient avant les déclarations"),
            _(
                "à partir de %(instant)s",
                instant=definition.declares_until.astimezone(definition.zone).isoformat(),
            ),
        )
    frozen = definition.freeze_board_on
    if frozen is not None and not definition.starts_on <= frozen <= definition.ends_on:
        yield Problem(
            ("freeze_board_on",),
            _("le %(day)s est en dehors du challenge", day=frozen),
            _("du %(start)s au %(end)s", start=definition.starts_on, end=definition.ends_on),
        )


def series_code(definition: Definition) -> str:
    """What the codes of a repeated challenge's periods begin with: its own, without the period it may end with."""
    return definition.code.removesuffix("-" + period_label(definition.starts_on, definition.repeat or ""))


def period_label(first: date, repeat: str) -> str:
    """How a period that begins on a day is told from the others: 2026-02, or 2026-W05 for a week."""
    week = first.isocalendar()
    return f"{week.year}-W{week.week:02}" if repeat == "weekly" else f"{first.year}-{first.month:02}"


def _repetition(definition: Definition) -> Iterator[Problem]:
    """Periods follow one another without ever meeting, and every date has its like in each of them."""
    repeat = definition.repeat
    if repeat is None:
        if definition.repeat_until is not None:
            yield Problem(("repeat_until",), _("ce challenge ne se répète pas"), _('repeat = "weekly" ou "monthly"'))
        return
    longest = LONGEST_CODE - 1 - len(period_label(definition.starts_on, repeat))
    if len(series_code(definition)) > longest:
        yield Problem(
            ("code",),
            _("le code est trop long pour être suivi de la période"),
            _("au plus %(n)s caractères", n=longest),
        )
    if definition.repeat_until is not None and definition.repeat_until < definition.starts_on:
        yield Problem(
            ("repeat_until",),
            _("la répétition finit avant de commencer"),
            _("une date à partir du %(start)s", start=definition.starts_on),
        )
    days: list[tuple[tuple[str | int, ...], date | None]] = [
        (("starts_on",), definition.starts_on),
        (("ends_on",), definition.ends_on),
        (("freeze_board_on",), definition.freeze_board_on),
    ]
    for index, rule in enumerate(definition.rules):
        if rule.when is not None:
            days += [
                (("rules", index, "when", "from"), rule.when.first),
                (("rules", index, "when", "to"), rule.when.last),
            ]
    if definition.objective is not None and (baseline := definition.objective.baseline) is not None:
        days += [(("objective", "baseline", "from"), baseline.first), (("objective", "baseline", "to"), baseline.last)]
    span = (definition.ends_on - definition.starts_on).days
    if repeat == "weekly":
        if span >= 7:
            yield Problem(
                ("ends_on",),
                _("un challenge de chaque semaine dure au plus sept jours"),
                _("au plus tard le %(day)s", day=clock.days_after(definition.starts_on, 6)),
            )
        return
    first, last = definition.starts_on, definition.ends_on
    months = (last.year - first.year) * 12 + last.month - first.month
    if months > 1 or (months == 1 and last.day >= first.day):
        yield Problem(
            ("ends_on",),
            _("un challenge de chaque mois dure au plus un mois"),
            _("une fin avant que le mois suivant commence"),
        )
    for where, day in days:
        if day is not None and day.day > 27 and (day + timedelta(days=1)).day != 1:
            yield Problem(
                where,
                _("le %(n)s n’est pas dans tous les mois", n=day.day),
                _("un jour du 1 au 27, ou le dernier du mois"),
            )


def _objective(definition: Definition) -> Iterator[Problem]:
    objective = definition.objective
    if objective is None:
        if definition.rank_by == "progress":
            yield Problem(
                ("rank_by",),
                _("un classement par progression a besoin d’un objectif"),
                _("une table [objective]"),
            )
        for index, payout in enumerate(definition.payouts):
            if payout.kind == "objective":
                yield Problem(
                    ("payouts", index, "kind"),
                    _("ce gain récompense un objectif, et le challenge n’en a pas"),
                    _("une table [objective]"),
                )
        return
    baseline = objective.baseline
    if baseline is None:
        return
    if objective.measure == "points":
        yield Problem(
            ("objective", "baseline"),
            _("un objectif en points ne peut pas partir du passé : ces points n’existaient pas"),
            _("default = …, sans baseline"),
        )
    if baseline.last < baseline.first:
        yield Problem(
            ("objective", "baseline", "to"),
            _("la période finit le %(end)s, avant de commencer", end=baseline.last),
            _("une date à partir du %(start)s", start=baseline.first),
        )
    if baseline.factor is not None and Fraction(baseline.factor) == 0:
        yield Problem(("objective", "baseline", "factor"), _("« factor » ne peut pas valoir 0"), '"1.10"')


def _rules(definition: Definition) -> Iterator[Problem]:
    if not definition.rules:
        yield Problem(("rules",), _("aucune règle ne donne de points"), _("au moins une table [[rules]]"))
        return
    by_id: dict[str, Any] = {}
    for index, rule in enumerate(definition.rules):
        if rule.id in by_id:
            yield Problem(
                ("rules", index, "id"),
                _("deux règles s’appellent « %(id)s »", id=rule.id),
                _("un nom différent pour chaque règle"),
            )
        by_id.setdefault(rule.id, rule)
    for index, rule in enumerate(definition.rules):
        where = ("rules", index)
        impossible = _impossible_filter(definition, rule.when, where)
        if impossible is not None:
            yield impossible
        elif isinstance(rule, BoostRule):
            yield from _boost(definition, rule, by_id, where)
        elif isinstance(rule, MilestoneRule):
            yield from _milestone(definition, rule, where)
        elif isinstance(rule, FeedbackRule) and (rule.min_comment or 0) > LONGEST_COMMENT:
            yield Problem(
                (*where, "min_comment"),
                _(
                    "aucun avis n’a %(n)s caractères : la règle ne donnerait jamais de points",
                    n=rule.min_comment,
                ),
                _("au plus %(n)s", n=LONGEST_COMMENT),
            )


def _never(where: tuple[str | int, ...], reason: str, right: str) -> Problem:
    return Problem(where, _("cette règle ne peut jamais donner de points : %(reason)s", reason=reason), right)


def _impossible_filter(definition: Definition, when: Filter | None, where: tuple[str | int, ...]) -> Problem | None:
    """Why no sale of the period can pass this filter, as far as the file alone can tell."""
    if when is None or definition.ends_on < definition.starts_on:
        return None
    place = (*where, "when")
    if when.first is not None and when.last is not None and when.last < when.first:
        return Problem(
            (*place, "to"),
            _("la période de la règle finit le %(end)s, avant de commencer", end=when.last),
            _("une date à partir du %(start)s", start=when.first),
        )
    first = max(definition.starts_on, when.first or definition.starts_on)
    last = min(definition.ends_on, when.last or definition.ends_on)
    if last < first:
        return _never(
            (*place, "from" if when.first is not None and when.first > definition.ends_on else "to"),
            _("ses dates sont en dehors du challenge"),
            _("des dates du %(start)s au %(end)s", start=definition.starts_on, end=definition.ends_on),
        )
    if when.weekdays and all(1 <= number <= 7 for number in when.weekdays) and not _has_day(first, last, when.weekdays):
        return _never(
            (*place, "weekdays"),
            _("aucun de ces jours de la semaine n’est dans sa période"),
            _("un jour de la semaine entre le %(start)s et le %(end)s", start=first, end=last),
        )
    return None


def _has_day(first: date, last: date, weekdays: Collection[int]) -> bool:
    span = min((last - first).days, 6)
    return any((first + timedelta(days=step)).isoweekday() in weekdays for step in range(span + 1))


def _boost(
    definition: Definition, rule: BoostRule, by_id: Mapping[str, Any], where: tuple[str | int, ...]
) -> Iterator[Problem]:
    if Fraction(rule.factor) <= 1:
        yield Problem(
            (*where, "factor"),
            _("un coefficient de %(factor)s n’ajoute rien", factor=rule.factor),
            _('un nombre plus grand que 1, comme "1.5"'),
        )
        return
    plain = [name for name, other in by_id.items() if other.counts not in ("boost", "milestone")]
    wrong = False
    for index, name in enumerate(rule.of or ()):
        if name not in by_id:
            wrong = True
            yield Problem(
                (*where, "of", index),
                _("la règle « %(id)s » n’existe pas", id=name),
                _("une de : %(list)s", list=", ".join(plain)),
            )
        elif name not in plain:
            wrong = True
            yield Problem(
                (*where, "of", index),
                _("« %(id)s » est un bonus ou un palier, qui ne se multiplie pas", id=name),
                _("une de : %(list)s", list=", ".join(plain)),
            )
    if wrong or rule.of == ():
        return
    bases = [by_id[name] for name in (rule.of if rule.of is not None else plain)]
    if not bases:
        yield _never(
            (*where, "counts"),
            _("il n’y a aucune règle à multiplier"),
            _("une règle qui n’est ni un bonus ni un palier"),
        )
        return
    together = [base for base in bases if _can_meet(definition, base.when, rule.when)]
    if not together:
        yield _never(
            (*where, "when"),
            _("aucune vente ne remplit à la fois ses conditions et celles des règles qu’elle multiplie"),
            _("des conditions qui se rejoignent"),
        )
        return
    most = [_most(base) for base in together]
    if None not in most:
        base = sum(amount or 0 for amount in most)
        factor = Fraction(rule.factor)
        if base * factor.numerator // factor.denominator - base <= 0:
            yield _never(
                (*where, "factor"),
                _("il multiplie au plus %(base)s points, et le reste s’arrondit à 0", base=base),
                _("un coefficient plus grand"),
            )


def _most(rule: Any) -> int | None:
    """The most one declaration can earn by a plain rule; None when there is no bound."""
    most = None if isinstance(rule, UnitsRule | ValueRule) else rule.points
    if rule.cap is not None:
        most = rule.cap.points if most is None else min(most, rule.cap.points)
    return most


def _can_meet(definition: Definition, one: Filter | None, other: Filter | None) -> bool:
    """Whether one sale can pass both filters; lines may differ, so only the sale's own attributes decide."""
    filters = [item for item in (one, other) if item is not None]
    first = max([definition.starts_on, *(item.first for item in filters if item.first is not None)])
    last = min([definition.ends_on, *(item.last for item in filters if item.last is not None)])
    weekdays = set(range(1, 8)).intersection(*(item.weekdays for item in filters if item.weekdays is not None))
    if last < first or not _has_day(first, last, weekdays):
        return False
    for name in ("channels", "customer"):
        given = [set(getattr(item, name)) for item in filters if getattr(item, name) is not None]
        if given and not set.intersection(*given):
            return False
    return True


def _milestone(definition: Definition, rule: MilestoneRule, where: tuple[str | int, ...]) -> Iterator[Problem]:
    if rule.measure != "points":
        return
    if rule.when is not None and rule.when.model_fields_set:
        yield Problem(
            (*where, "when"),
            _("un palier en points compte tous les points gagnés : il ne se filtre pas"),
            _('un palier sans « when », ou d’une autre mesure ("units", "value", "declarations")'),
        )
        return
    others = [other for other in definition.rules if other is not rule]
    if not any(not isinstance(other, MilestoneRule) or other.measure != "points" for other in others):
        yield _never(
            (*where, "measure"),
            _("aucune autre règle ne donne les points qu’elle attend"),
            _("une règle qui donne des points"),
        )
    else:
        most = _most_in_all(definition)
        steps = sum(other.points for other in others if isinstance(other, MilestoneRule))
        if most is not None and rule.at > most + steps:
            yield _never(
                (*where, "at"),
                _("les plafonds sont plus bas : ils laissent au plus %(n)s points", n=most + steps),
                _("au plus %(n)s", n=most + steps),
            )


def _most_in_all(definition: Definition) -> int | None:
    """The most that rules and boosts can give one person over the challenge, as far as caps bound it."""
    days = max(1, (definition.ends_on - definition.starts_on).days + 1)
    bounds = []
    if definition.cap_total is not None:
        bounds.append(definition.cap_total)
    if definition.cap_per_day is not None:
        bounds.append(definition.cap_per_day * days)
    giving = [rule for rule in definition.rules if not isinstance(rule, MilestoneRule)]
    caps = [rule.cap for rule in giving if rule.cap is not None and rule.cap.per != "declaration"]
    if len(caps) == len(giving):
        bounds.append(sum(cap.points * (days if cap.per == "day" else 1) for cap in caps))
    return min(bounds, default=None)


def _names(definition: Definition, known: Known) -> Iterator[Problem]:
    """Products, categories and families must exist in the catalogue, and go together."""
    if known.products is None:
        return
    columns = (("skus", 0), ("categories", 1), ("families", 2))
    existing = {name: {product[position] for product in known.products} for name, position in columns}
    unknown = {
        "skus": _("produit inconnu « %(value)s »"),
        "categories": _("aucun produit n’est de la catégorie « %(value)s »"),
        "families": _("aucun produit n’est de la famille « %(value)s »"),
    }
    right = {
        "skus": _("la référence (sku) d’un produit du catalogue"),
        "categories": _("une catégorie du catalogue"),
        "families": _("une famille du catalogue"),
    }
    for index, rule in enumerate(definition.rules):
        if rule.when is None:
            continue
        missing = False
        for name, _position in columns:
            for place, value in enumerate(getattr(rule.when, name) or ()):
                if value not in existing[name]:
                    missing = True
                    yield Problem(
                        ("rules", index, "when", name, place),
                        unknown[name].replace("%(value)s", value),
                        right[name],
                    )
        given = {position: set(getattr(rule.when, name)) for name, position in columns if getattr(rule.when, name)}
        fits = any(all(product[position] in chosen for position, chosen in given.items()) for product in known.products)
        if len(given) > 1 and not missing and not fits:
            yield _never(
                ("rules", index, "when"),
                _("aucun produit du catalogue ne remplit toutes ces conditions"),
                _("des produits, catégories et familles qui vont ensemble"),
            )


def _payouts(definition: Definition, known: Known) -> Iterator[Problem]:
    ranges: list[tuple[int, int]] = []
    for index, payout in enumerate(definition.payouts):
        where = ("payouts", index)
        if isinstance(payout, RankPayout):
            if payout.last < payout.first:
                yield Problem(
                    (*where, "to"),
                    _("les rangs vont de %(first)s à %(last)s", first=payout.first, last=payout.last),
                    _("au moins %(first)s", first=payout.first),
                )
            for first, last in ranges:
                if payout.first <= last and first <= payout.last:
                    yield Problem(
                        (*where, "from"),
                        _(
                            "les rangs %(first)s à %(last)s recouvrent %(other_first)s à %(other_last)s",
                            first=payout.first,
                            last=payout.last,
                            other_first=first,
                            other_last=last,
                        ),
                        _("des rangs qui ne se recouvrent pas"),
                    )
                    break
            ranges.append((payout.first, payout.last))
        if isinstance(payout, Prize):
            if (payout.reward is None) == (payout.wallet is None):
                yield Problem(
                    where if payout.reward is None else (*where, "wallet"),
                    _("ce gain ne dit pas quoi donner")
                    if payout.reward is None
                    else _("ce gain donne à la fois une dotation et des points"),
                    _('reward = "code de la dotation" ou wallet = nombre de points'),
                )
            elif payout.wallet is not None and definition.ranks == "outlet":
                yield Problem(
                    (*where, "wallet"),
                    _("un point de vente n’a pas de cagnotte"),
                    _('reward = "code de la dotation", ou un gain « convert », qui paie chaque personne'),
                )
            elif payout.reward is not None and known.rewards is not None and payout.reward not in known.rewards:
                yield Problem(
                    (*where, "reward"),
                    _("dotation inconnue « %(value)s »", value=payout.reward),
                    _("le code d’une dotation du catalogue"),
                )


def _empty_lists(definition: Definition) -> Iterator[Problem]:
    """An empty list matches nothing, which is never what was meant."""
    tables: list[tuple[tuple[str | int, ...], Part]] = []
    if definition.audience is not None:
        tables.append((("audience",), definition.audience))
    for index, rule in enumerate(definition.rules):
        if rule.when is not None:
            tables.append((("rules", index, "when"), rule.when))
        if isinstance(rule, BoostRule):
            tables.append((("rules", index), rule))
    for where, table in tables:
        for name, field in type(table).model_fields.items():
            if getattr(table, name) == ():
                yield Problem(
                    (*where, field.alias or name),
                    _("la liste « %(key)s » est vide : personne ni rien ne lui correspond", key=name),
                    _("au moins une valeur, ou pas de clé du tout"),
                )
