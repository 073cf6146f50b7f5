"""What an animator decides about a challenge that people play: other rules, another end, no challenge at all.

Each decision is shown first with what it changes, made by the very operation that will make it and then undone; the
second press makes it. Personal targets: declarations/target_pages.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import tomlkit
from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, StringField, TextAreaField

from challenges.amending import AMENDABLE, Change, changes
from challenges.definition import Definition, Problem, WrongDefinition, definition_from, stored_definition
from challenges.exports import challenge_file
from challenges.imports import LARGEST_FILE
from challenges.lifecycle import NotAllowed, NotPossible, Unlawful
from challenges.models import CHANGING, Challenge, RulesVersion
from challenges.places import Places
from challenges.queries import amended_definition, awaited_period, challenge_by_code, latest_version, participant_count
from challenges.reading import capital
from challenges.repeating import next_start
from challenges.vocabulary import known_names, product_names, reward_names
from challenges.wording import last_moment
from declarations import amending, publishing
from foundation import clock
from foundation.localisation import day, language, number
from foundation.pages import existing
from foundation.transactions import transaction
from network.permissions import requires

TEXTS = ("name", "description")  # told apart from the rules, in both languages


@dataclass(frozen=True)
class Outcome:
    """What a decision does, in words: differences one by one, what follows from them, and the notice people read."""

    changes: Sequence[Change]
    consequences: Sequence[str]
    notice: str


class _Tried(Exception):
    """The end of a trial: what was done is rolled back."""


class DecisionForm(FlaskForm):
    """What every decision carries: the version it was taken on, so that nobody's change is overlooked."""

    after = HiddenField()

    def day(self, name: str) -> date | None:
        """The day written in a field; None, with the reason beside it, when it is none."""
        text = (self[name].data or "").strip()
        try:
            found = date.fromisoformat(text)
            if len(text) != 10:
                raise ValueError
        except ValueError:
            self[name].errors = [_("Ce n’est pas une date — écrivez-la comme 2026-01-31.")]
            return None
        return found

    def tell(self, field: str, words: str) -> None:
        """Say something beside a field."""
        self[field].errors = [*self[field].errors, words]


class AmendmentForm(DecisionForm):
    """Other rules from a day on."""

    starts_on = StringField(_l("À partir du"))
    notice = TextAreaField(_l("Ce que les participants liront"))
    name = StringField(_l("Nom"))
    description = TextAreaField(_l("Présentation"))
    en_name = StringField(_l("Nom en anglais"))
    en_description = TextAreaField(_l("Présentation en anglais"))
    rules = TextAreaField(_l("Règles, plafonds, gains et budget"))
    file = FileField(_l("ou un fichier de challenge"))


class ExtensionForm(DecisionForm):
    """A later end."""

    ends_on = StringField(_l("Nouveau dernier jour"))
    notice = TextAreaField(_l("Ce que les participants liront"))


class EarlyClosingForm(DecisionForm):
    """An earlier end."""

    ends_on = StringField(_l("Nouveau dernier jour"))
    notice = TextAreaField(_l("Raison, que les participants liront"))


# — the pages —


@requires("animate")
def amendment(code: str) -> AnyResponse | str:
    """Other rules, from a day on."""
    challenge = _changing(code)
    if isinstance(challenge, AnyResponse):
        return challenge
    form = AmendmentForm(**_begun(challenge))

    def act(again: Challenge) -> RulesVersion:
        definition, starts_on = _written(form, again), form.day("starts_on")
        if definition is None or starts_on is None:
            raise NotAllowed([])
        return amending.amend(
            again, definition, starts_on, form.notice.data or "", by=current_user.code, at=clock.now()
        )

    def consequences(before: Definition, version: RulesVersion) -> list[str]:
        since = day(version.starts_on)
        return [
            _("Ces règles valent pour les ventes faites à partir du %(day)s.", day=since),
            _("Les ventes faites avant gardent leurs règles : aucun point gagné ne change."),
        ]

    return _decided(
        challenge,
        form,
        act,
        consequences,
        {"name": "name", "description": "description", "notice": "notice", "from": "starts_on", "": "rules"},
        title=_("Changer le règlement"),
        template="declarations/amendment.html",
        done=_("Le règlement est changé ; les participants sont prévenus."),
        earliest=amending.earliest_start(challenge, clock.now()),
    )


@requires("animate")
def extension(code: str) -> AnyResponse | str:
    """A later end."""
    challenge = _changing(code)
    if isinstance(challenge, AnyResponse):
        return challenge
    form = ExtensionForm(after=_number(challenge))

    def act(again: Challenge) -> RulesVersion:
        ends_on = form.day("ends_on")
        if ends_on is None:
            raise NotAllowed([])
        return amending.extend(again, ends_on, form.notice.data or "", by=current_user.code, at=clock.now())

    return _decided(
        challenge,
        form,
        act,
        lambda before, version: (
            _new_dates(version) + [_("Les ventes déjà déclarées pour les jours ajoutés comptent dès maintenant.")]
        ),
        {"ends_on": "ends_on", "": "ends_on"},
        title=_("Prolonger le challenge"),
        template="declarations/new_end.html",
        done=_("Le challenge est prolongé ; les participants sont prévenus."),
        lead=_("Il se termine aujourd’hui au soir du %(day)s.", day=day(challenge.ends_on)),
    )


@requires("animate")
def early_closing(code: str) -> AnyResponse | str:
    """An earlier end."""
    challenge = _changing(code)
    if isinstance(challenge, AnyResponse):
        return challenge
    today = clock.day_of(clock.now(), challenge.zone)
    form = EarlyClosingForm(after=_number(challenge), ends_on=max(today, challenge.starts_on).isoformat())

    def act(again: Challenge) -> RulesVersion:
        ends_on = form.day("ends_on")
        if ends_on is None:
            raise NotAllowed([])
        return amending.close_early(again, ends_on, form.notice.data or "", by=current_user.code, at=clock.now())

    def consequences(before: Definition, version: RulesVersion) -> list[str]:
        after = stored_definition(version.definition)
        found = [
            _("Les ventes faites après le %(day)s ne comptent plus.", day=day(after.ends_on)),
            *_new_dates(version),
            _("Ce qui est gagné le reste, et les gains se calculent sur la période plus courte."),
        ]
        if before.freeze_board_on is not None and after.freeze_board_on is None:
            found.append(_("Le classement ne se fige plus avant la fin."))
        return found

    return _decided(
        challenge,
        form,
        act,
        consequences,
        {"ends_on": "ends_on", "": "ends_on"},
        title=_("Terminer plus tôt"),
        template="declarations/new_end.html",
        done=_("La fin du challenge est avancée ; les participants sont prévenus."),
        lead=_("Il devait durer jusqu’au %(day)s.", day=day(challenge.ends_on)),
    )


@requires("animate")
def cancellation(code: str) -> AnyResponse | str:
    """Call a challenge off with a reason, after a question that says what it takes back."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state == "draft":
        abort(404)
    if challenge.state in ("closed", "cancelled"):
        flash(_("Ce challenge ne peut plus être annulé."), "warning")
        return redirect(_home(code), 303)
    reason = request.form.get("reason", "").strip()
    if request.method == "GET" or not reason:
        page = render_template(
            "declarations/cancellation.html",
            challenge=challenge,
            title=challenge.title(language()),
            home=_home(code),
            people=participant_count(challenge.id),
            asked=request.method == "POST",
        )
        return make_response(page, 422 if request.method == "POST" else 200)
    try:
        with transaction():
            again = challenge_by_code(code) or abort(404)
            publishing.cancel(again, reason, by=current_user.code, at=clock.now())
    except NotPossible:
        flash(_("Ce challenge ne peut plus être annulé."), "warning")
    else:
        flash(_("Le challenge est annulé. Ses points ont été repris."), "success")
    return redirect(_home(code), 303)


@requires("animate")
def series(code: str) -> AnyResponse | str:
    """Let no further period follow a challenge that comes back, after a question that says what stays."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state == "draft":
        abort(404)
    awaited = awaited_period(challenge.id)
    if awaited is None:
        flash(_("Aucune période ne suit ce challenge : il n’y a rien à arrêter."), "warning")
        return redirect(_home(code), 303)
    if request.method == "GET":
        newest, day_of_next = awaited
        return render_template(
            "declarations/series.html",
            challenge=challenge,
            title=challenge.title(language()),
            home=_home(code),
            newest=newest,
            newest_title=newest.title(language()),
            next_on=day_of_next,
            start=next_start(stored_definition(amended_definition(newest.id)[0])),
        )
    try:
        with transaction():
            again = challenge_by_code(code) or abort(404)
            publishing.stop_repeating(again, by=current_user.code, at=clock.now())
    except NotPossible:
        flash(_("Aucune période ne suit ce challenge : il n’y a rien à arrêter."), "warning")
    else:
        flash(_("Ce challenge ne revient plus. Ce qui est publié continue jusqu’à sa clôture."), "success")
    return redirect(_home(code), 303)


# — a decision —


def _changing(code: str) -> Challenge | AnyResponse:
    """The challenge, while it can still change; else the way back to it, with the reason."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state == "draft":
        abort(404)
    if challenge.state in CHANGING and clock.day_of(clock.now(), challenge.zone) <= challenge.ends_on:
        return challenge
    flash(_("Ce challenge ne peut plus changer : son dernier jour est passé, ou il est annulé."), "warning")
    return redirect(_home(code), 303)


def _home(code: str) -> str:
    return existing(f"/studio/{quote(code)}") or url_for("challenges.show", code=code)


def _number(challenge: Challenge) -> str:
    newest = latest_version(challenge.id)
    return str(newest.number) if newest is not None else ""


def _decided(
    challenge: Challenge,
    form: DecisionForm,
    act: Callable[[Challenge], RulesVersion],
    consequences: Callable[[Definition, RulesVersion], list[str]],
    fields: Mapping[str, str],
    *,
    title: str,
    template: str,
    done: str,
    **context: Any,
) -> AnyResponse | str:
    """The form, the question with what it does, or the way back once it is done.

    `fields` leads from the key of a problem to the field it is said beside; "" where it belongs to none.
    """
    context |= {
        "challenge": challenge,
        "name": challenge.title(language()),
        "title": title,
        "form": form,
        "home": _home(challenge.code),
        "people": participant_count(challenge.id),
    }
    if request.method == "GET" or request.form.get("action") == "edit":
        return render_template(template, **context)
    outcome: Outcome | None = None
    try:
        if not form.validate():
            raise NotAllowed([])
        with transaction():
            again = challenge_by_code(challenge.code) or abort(404)
            before = stored_definition(again.definition)
            version = act(again)
            if form.after.data != str(version.number - 1):
                raise NotAllowed([_overtaken()])
            outcome = _outcome(before, version, consequences, form)
            if request.form.get("action") != "confirm":
                raise _Tried
    except _Tried:
        return render_template("declarations/decision.html", outcome=outcome, **context)
    except Unlawful as refusal:
        _refuse(form, [Problem(one.where, *_lawful(one)) for one in refusal.findings], fields)
    except NotAllowed as refusal:
        _refuse(form, refusal.problems, fields)
    else:
        flash(done, "success")
        return redirect(_home(challenge.code), 303)
    return make_response(render_template(template, **context), 422)


def _overtaken() -> Problem:
    return Problem(
        (),
        _("le challenge a changé depuis que vous avez ouvert cette page"),
        _("rechargez-la pour repartir de la version d’aujourd’hui"),
    )


def _lawful(finding: Any) -> tuple[str, str]:
    return f"{finding.wrong} ({finding.article})", finding.mend


def _outcome(
    before: Definition,
    version: RulesVersion,
    consequences: Callable[[Definition, RulesVersion], list[str]],
    form: DecisionForm,
) -> Outcome:
    both = [before.canonical(), version.definition]
    return Outcome(
        changes(both[0], both[1], product_names(both), reward_names(both)),
        consequences(before, version),
        (form["notice"].data or "").strip(),
    )


def _new_dates(version: RulesVersion) -> list[str]:
    after = stored_definition(version.definition)
    return [
        _("Les ventes se déclarent %(until)s.", until=last_moment(after.declares_until, after.zone)),
        _("Les vérifications durent %(until)s.", until=last_moment(after.reviews_until, after.zone)),
    ]


def _refuse(form: DecisionForm, problems: Sequence[Problem], fields: Mapping[str, str]) -> None:
    """Each problem beside its field; in the text of the rules with its line."""
    text = (form["rules"].data or "") if "rules" in form else ""
    places = None
    for one in problems:
        key = str(one.where[0]) if one.where else ""
        name = fields.get(key, fields[""])
        words = f"{capital(one.wrong)} — {one.right}." if one.right else capital(one.wrong)
        if name == "rules" and one.where:
            places = places or Places(text)
            words = _("Ligne %(n)s : %(words)s", n=number(places.line(one.where)), words=words)
        form.tell(name, words)


# — rules as they are written —


def _begun(challenge: Challenge) -> dict[str, str]:
    """The fields as they stand today; the rules, caps, prizes and budget as the file writes them."""
    data = challenge.definition
    english = data.get("en") or {}
    return {
        "after": _number(challenge),
        "starts_on": amending.earliest_start(challenge, clock.now()).isoformat(),
        "name": data["name"],
        "description": data.get("description") or "",
        "en_name": english.get("name") or "",
        "en_description": english.get("description") or "",
        "rules": _rules_text(challenge_file(stored_definition(data))),
    }


def _rules_text(text: str) -> str:
    """What may change of a challenge file, without the texts that have fields of their own."""
    document = tomlkit.parse(text)
    for key in list(document):
        if key not in AMENDABLE - {*TEXTS, "en"}:
            del document[key]
    return tomlkit.dumps(document).strip() + "\n"


def _written(form: AmendmentForm, challenge: Challenge) -> Definition | None:
    """The challenge that was written: what cannot change as it is, the texts, and the rules; None with every fault
    beside its field. A file that was sent takes the place of the text, and of the texts it holds."""
    if form.file.data and form.file.data.filename:
        raw = form.file.data.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            form.tell("file", _("Le fichier est trop gros — au plus 1 Mo."))
            return None
        try:
            sent = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            form.tell("file", _("Ce n’est pas un fichier de texte — un fichier TOML en UTF-8."))
            return None
        form.rules.data = sent.replace("\r\n", "\n")
    try:
        told = tomllib.loads(form.rules.data or "")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        form.tell("rules", _("Ce n’est pas du TOML : %(reason)s", reason=str(error)))
        return None
    kept = {key: value for key, value in challenge.definition.items() if key not in AMENDABLE}
    data = kept | _texts(form) | told
    try:
        return definition_from(data, known_names(data))
    except WrongDefinition as wrong:
        here = {"name": "name", "description": "description", "en": "en_name", "": "rules"}
        _refuse(form, wrong.problems, {key: name for key, name in here.items() if not key or key not in told})
        return None


def _texts(form: AmendmentForm) -> dict[str, Any]:
    found: dict[str, Any] = {key: (form[key].data or "").strip() for key in TEXTS}
    english = {key: text for key in TEXTS if (text := (form[f"en_{key}"].data or "").strip())}
    return {key: text for key, text in found.items() if text or key == "name"} | ({"en": english} if english else {})
