"""The studio's editor: a draft in five steps, with what its participants will read beside it.

Every answer saves what was sent, right or wrong; what is wrong is said beside its field and in a list that leads
there. Without scripts each button sends the whole step; with them the step also saves itself while one types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import (
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import force_locale, format_time
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as AnyResponse

from challenges import drafts, forms
from challenges.drafts import Conflict, Judgement
from challenges.facts import facts_about
from challenges.forms import STEP_NAMES, STEPS, Step, StepForm, step_named
from challenges.lifecycle import NotPossible
from challenges.linter import Finding, findings
from challenges.models import Challenge, Draft
from challenges.pictures import LONGEST_SIDE, draft_picture, picture_file
from challenges.queries import audience_size, challenge_by_code, draft_by_id
from challenges.reading import as_far_as_possible, participant_page
from challenges.vocabulary import product_names, reward_names, suggestions, vocabulary_for
from challenges.wording import audience_in_words, full_rules, prize_in_words, rule_in_words
from foundation import clock
from foundation.database import db
from foundation.localisation import LANGUAGES, language
from foundation.pages import existing, htmx
from foundation.pictures import clean_picture
from foundation.transactions import transaction
from foundation.web import send_picture
from network.permissions import requires
from network.queries import person_by_code

# The zones of the network's countries, to choose from; any other may be typed.
ZONES = (
    "Europe/Paris",
    "Europe/Brussels",
    "Europe/Luxembourg",
    "Europe/Zurich",
    "Indian/Reunion",
    "Indian/Mayotte",
    "America/Guadeloupe",
    "America/Martinique",
    "America/Cayenne",
    "Pacific/Noumea",
    "Pacific/Tahiti",
)


@dataclass(frozen=True)
class Fault:
    """Something to mend or to fill in: on which step, at which field, in words. `empty`: nothing is written yet."""

    step: Step
    place: str
    label: str
    text: str
    empty: bool

    def href(self, here: Step, draft_id: int) -> str:
        """The way to the field: on this page, or on the page of its step."""
        away = "" if self.step is here else url_for("challenges.step", draft_id=draft_id, step=self.step.name)
        return f"{away}#{self.place}"


@dataclass(frozen=True)
class Difference:
    """A field two people filled in differently."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class Meeting:
    """A save that would have overwritten somebody else's: who, when, at which revision, and what differs."""

    who: str
    when: str
    revision: int
    differences: Sequence[Difference]


@requires("animate")
def step(draft_id: int, step: str) -> AnyResponse | str:
    """One of the five steps: shown, or saved."""
    draft, challenge = _mine(draft_id)
    if challenge is not None and challenge.state != "draft":
        flash(_("Ce challenge est publié : son brouillon ne se modifie plus."), "info")
        return _go(_home_of(challenge.code))
    if request.method == "POST":
        return _save(draft, step_named(step))
    return _page(draft, step_named(step), draft.content)


@requires("animate")
def draft_of(code: str) -> AnyResponse:
    """From a draft challenge to its draft, begun here when it has none yet."""
    challenge = challenge_by_code(code)
    if challenge is None or challenge.state != "draft":
        abort(404)
    draft = draft_by_id(challenge_id=challenge.id)
    if draft is None:
        with transaction():
            again = challenge_by_code(code)
            assert again is not None
            draft = drafts.adopt(again, by=current_user.code, at=clock.now())
    return redirect(url_for("challenges.step", draft_id=draft.id, step=STEP_NAMES[0]))


@requires("animate")
def removal(draft_id: int) -> AnyResponse | str:
    """Throw a draft away, after a question."""
    draft, _challenge = _mine(draft_id)
    if request.method == "GET":
        return render_template("challenges/removal.html", draft=draft, name=_name(draft.content))
    try:
        with transaction():
            again = draft_by_id(draft_id)
            if again is not None:
                drafts.discard(again, by=current_user.code, at=clock.now())
    except NotPossible:
        flash(_("Ce challenge est publié : il ne peut plus que s’annuler."), "warning")
    else:
        flash(_("Le brouillon est supprimé."), "success")
    return redirect("/studio")


@requires("animate")
def picture(draft_id: int) -> Response:
    """The picture of a draft."""
    draft, challenge = _mine(draft_id)
    path = _picture_path(draft, challenge)
    if path is None:
        abort(404)
    return send_picture(path)


@requires("animate")
def names(catalogue: str) -> str:
    """What a list of names offers for the letters typed so far: a part for htmx."""
    typed = next((text for name, text in request.args.items() if name.endswith("-add")), "")
    found = suggestions(catalogue, typed.rsplit(",", 1)[-1].strip())
    if found is None:
        abort(404)
    return render_template("challenges/_names.html", found=found)


# — saving —


def _save(draft: Draft, step: Step) -> AnyResponse | str:
    """Save what was sent, then do what its button asks."""
    action = request.form.get("action", "")
    sent, focus = request.form, ""
    image, wrong_image = _sent_picture() if action == "picture" else (None, "")

    def change(content: dict[str, Any]) -> dict[str, Any]:
        nonlocal focus
        after: dict[str, Any] = forms.content_with(step, content, sent, adding=bool(action))
        if image is not None:
            after["picture"] = secure_filename(request.files["file"].filename or "").lstrip(".") or "image.webp"
        elif action == "no-picture":
            after.pop("picture", None)
        elif step.rows and ":" in action:
            after, focus = forms.act(after, step.rows, action)
        return after

    try:
        with transaction():
            saved = drafts.save(
                draft.id, read=_revision(), change=change, picture=image, by=current_user.code, at=clock.now()
            )
    except Conflict as conflict:
        return _meeting(draft_by_id(draft.id) or draft, step, conflict)
    except (LookupError, NotPossible):
        return _go(url_for("challenges.step", draft_id=draft.id, step=step.name))
    verb, _colon, where = (action or ("keep" if "keep" in sent else "")).partition(":")
    here = url_for("challenges.step", draft_id=saved.id, step=step.name, **_view_asked())
    if not verb and htmx:
        return _parts(saved, step)
    if verb == "view":
        return _parts(saved, step) if htmx else redirect(here, 303)
    if verb == "go" and where in STEP_NAMES:
        return _go(url_for("challenges.step", draft_id=saved.id, step=where, **_view_asked()))
    if verb in ("keep", "add", "remove", "up", "down", "names", "reshape", "picture", "no-picture") and not wrong_image:
        return _page(saved, step, saved.content, focus=focus) if htmx else redirect(f"{here}#{focus or where}", 303)
    judgement = drafts.judge(saved.content, saved.challenge_id)
    if verb == "to" and judgement.definition is not None:
        page = existing(f"/studio/{judgement.definition.code}/{where}")
        return _go(page) if page is not None else abort(404)
    mended = not any(forms.step_of(problem.where) is step for problem in judgement.problems)
    if verb != "to" and mended and not wrong_image:
        following = STEP_NAMES[min(STEP_NAMES.index(step.name) + 1, len(STEPS) - 1)]
        return _go(url_for("challenges.step", draft_id=saved.id, step=following if verb == "next" else step.name))
    page = make_response(_page(saved, step, saved.content, asked=verb or "save", wrong_image=wrong_image))
    page.status_code = 422
    return page


def _revision() -> int:
    """The revision the sender read; "keep mine" has read the newest one, in the panel that says so."""
    text = request.form.get("keep") or request.form.get("revision") or ""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _sent_picture() -> tuple[bytes | None, str]:
    """The picture sent, cleaned; or why it is none."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return None, _("Choisissez d’abord une image.")
    try:
        return clean_picture(file.read(), longest=LONGEST_SIDE), ""
    except ValueError:
        return None, _("Ce n’est pas une image, ou elle est trop lourde — un JPEG, PNG ou WebP de 12 Mo au plus.")


def _meeting(draft: Draft, step: Step, conflict: Conflict) -> AnyResponse:
    """Somebody else saved in between: what differs, and the choice."""
    vocabulary = vocabulary_for(step.name, conflict.mine)
    theirs, mine = (StepForm(step, content, vocabulary) for content in (conflict.theirs, conflict.mine))
    found = []
    for name in dict.fromkeys([*theirs.places, *mine.places]):
        told = [form.in_words(name) if name in form.places else "" for form in (theirs, mine)]
        if told[0] != told[1]:
            form = theirs if name in theirs.places else mine
            found.append(Difference(form.label_of(form.places[name][0]), told[0] or "—", told[1] or "—"))
    meeting = Meeting(_person(conflict.changed_by), _time(conflict.changed_at), conflict.revision, found)
    page = make_response(_page(draft, step, conflict.mine, meeting=meeting))
    page.status_code = 409
    return page


def _go(address: str) -> AnyResponse:
    """To another page, also for htmx."""
    if htmx:
        return Response("", 204, {"HX-Redirect": address, **_SAVED})
    return redirect(address, 303)


_SAVED = {"HX-Trigger": "draft-saved"}


# — showing —


def _page(draft: Draft, step: Step, content: dict[str, Any], **more: Any) -> AnyResponse | str:
    """The whole page, or for htmx the editor in it."""
    context = _context(draft, step, content, **more)
    if not htmx or htmx.history_restore_request:
        return render_template("challenges/draft.html", **context)
    answer = make_response(render_template("challenges/_editor.html", **context))
    answer.headers.update({"HX-Retarget": "#editor", "HX-Reswap": "outerHTML show:none"})
    if more.get("meeting") is None:
        answer.headers.update(_SAVED)
    return answer


def _parts(draft: Draft, step: Step) -> AnyResponse:
    """What a save changes beside the fields: the preview, the marks of the steps, the revision."""
    answer = make_response(render_template("challenges/_saved.html", **_context(draft, step, draft.content)))
    answer.headers.update({"HX-Reswap": "none", **_SAVED})
    return answer


def _context(
    draft: Draft,
    step: Step,
    content: dict[str, Any],
    *,
    asked: str = "",
    focus: str = "",
    wrong_image: str = "",
    meeting: Meeting | None = None,
) -> dict[str, Any]:
    judgement = drafts.judge(content, draft.challenge_id)
    form = StepForm(step, content, vocabulary_for(step.name, content))
    found = _faults(judgement, content, form)
    form.tell(
        problem
        for problem, fault in zip(judgement.problems, found, strict=True)
        if fault.step is step and (asked or not fault.empty)
    )
    if wrong_image:
        form.notes["picture"] = [wrong_image]
        found = [Fault(step, "file", str(form["picture"].label.text), wrong_image, False), *found]
    code = judgement.definition.code if judgement.definition is not None else None
    challenge = db.session.get(Challenge, draft.challenge_id) if draft.challenge_id is not None else None
    return {
        "draft": draft,
        "content": content,
        "name": _name(content),
        "step": step,
        "steps": STEPS,
        "form": form,
        "rows": _rows(form, judgement),
        "zones": ZONES if step.name == "when" else (),
        "faults": found,
        "listed": [fault for fault in found if asked == "to" or fault.step is step] if asked else [],
        "asked": asked,
        "focus": focus,
        "counts": Counter(fault.step.name for fault in found),
        "meeting": meeting,
        "saved_at": _time(draft.changed_at),
        "saved_by": None if draft.changed_by == current_user.code else _person(draft.changed_by),
        "next_step": next((one for one in STEPS[STEPS.index(step) + 1 :]), None),
        "new_rows": forms.COUNTS if step.rows == "rules" else forms.PAYOUTS,
        "pages": {
            page: existing(f"/studio/{code or 'x'}/{page}") for page in ("publication", "backtests", "targets", "file")
        },
        "complete": code is not None,
        "picture_url": _picture_url(draft, challenge),
        "is_day": forms.is_day,
        "is_moment": forms.is_moment,
        "view": _view(),
        **_preview(draft, content, judgement, form, challenge),
    }


def _rows(form: StepForm, judgement: Judgement) -> list[dict[str, Any]]:
    """Each rule or payout of the step: its place, its kind, its fields by their short names, and what it says."""
    rows = forms.rows_of(form.content, form.step.rows) if form.step.rows else []
    wrong = {
        problem.where[1] for problem in judgement.problems if problem.where[0] == form.step.rows and problem.where[1:]
    }
    products, rewards = product_names([form.content]), form.vocabulary.names.get("rewards", {})
    found = []
    for index, row in enumerate(rows):
        prefix = forms.name_of((form.step.rows, index)) + "-"
        fields = {name.removeprefix(prefix): form[name] for name in form.places if name.startswith(prefix)}
        words = ""
        if index not in wrong and form.step.rows == "rules":
            words = rule_in_words(row, rows, products)
        elif index not in wrong:
            words = _("%(who)s, %(what)s", **prize_in_words(row, rewards)._asdict())
        used = sum(1 for name, one in fields.items() if name.startswith("when-") and one.data)
        found.append(
            {
                "index": index,
                "id": prefix[:-1],
                "kind": row.get("counts") or row.get("kind"),
                "fields": fields,
                "words": words,
                "conditions": used,
                "wrong_conditions": prefix + "when" in form.notes
                or any(one.errors for name, one in fields.items() if name.startswith("when-")),
            }
        )
    return found


def _faults(judgement: Judgement, content: dict[str, Any], here: StepForm) -> list[Fault]:
    """Every problem as somebody finds their way to it."""
    by_step = {here.step.name: here}
    found = []
    for problem in judgement.problems:
        step = forms.step_of(problem.where)
        if step.name not in by_step:
            by_step[step.name] = StepForm(step, content)
        form = by_step[step.name]
        found.append(
            Fault(
                step,
                form.place(problem.where),
                form.label_of(problem.where),
                form.words(problem.where, problem),
                form.is_empty(problem.where),
            )
        )
    return found


def _preview(
    draft: Draft, content: dict[str, Any], judgement: Judgement, form: StepForm, challenge: Challenge | None
) -> dict[str, Any]:
    """The participant's page in the language looked at, the full rules, and what the linter finds."""
    shown = (
        judgement.definition.canonical()
        if judgement.definition is not None
        else as_far_as_possible(content, judgement.problems)
    )
    with force_locale(_view()):
        page = participant_page(shown)
        participant = Markup(
            render_template(
                "challenges/_participant.html",
                heading=3,
                state="running",
                left="",
                urgent=False,
                picture_url=_picture_url(draft, challenge),
                ranking_url=None,
                rules_url=None,
                **(page | {"title": page["title"] or _("Challenge sans nom")}),
            )
        )
        sections = (
            full_rules(shown, product_names([shown]), reward_names([shown])) if judgement.definition is not None else []
        )
    told: list[tuple[Finding, str]] = []
    if judgement.definition is not None:
        definition = judgement.definition
        facts = facts_about(definition, on=clock.day_of(clock.now(), definition.zone))
        people = facts.people
        for finding in findings(definition, facts):
            step = forms.step_of(finding.where)
            place = form.place(finding.where) if step is form.step else StepForm(step, content).place(finding.where)
            away = "" if step is form.step else url_for("challenges.step", draft_id=draft.id, step=step.name)
            told.append((finding, f"{away}#{place}"))
    else:
        people = audience_size(shown)
    texts = shown.get("en") or {}
    return {
        "participant": participant,
        "sections": sections,
        "findings": told,
        "people": people,
        "audience": audience_in_words(shown.get("audience")),
        "untranslated": _view() == "en" and not texts.get("name"),
    }


def _view() -> str:
    """The language in which the participant's page is looked at."""
    action = request.form.get("action", "")
    asked = action.removeprefix("view:") if action.startswith("view:") else request.values.get("view", "")
    return asked if asked in LANGUAGES else language()


def _view_asked() -> dict[str, str]:
    return {"view": _view()} if _view() != language() else {}


def _mine(draft_id: int) -> tuple[Draft, Challenge | None]:
    draft = draft_by_id(draft_id)
    if draft is None:
        abort(404)
    return draft, db.session.get(Challenge, draft.challenge_id) if draft.challenge_id is not None else None


def _home_of(code: str) -> str:
    return existing(f"/studio/{code}") or url_for("challenges.show", code=code)


def _name(content: dict[str, Any]) -> str:
    name = content.get("name")
    return name if isinstance(name, str) and name.strip() else _("Challenge sans nom")


def _person(code: str) -> str:
    person = person_by_code(code)
    return person.name if person is not None else code


def _time(at: Any) -> str:
    """10:42, in the programme's zone."""
    return format_time(at.astimezone(current_app.config["TIMEZONE"]), "HH:mm", rebase=False)


def _picture_path(draft: Draft, challenge: Challenge | None) -> Any:
    if not draft.content.get("picture"):
        return None
    kept = [draft_picture(draft.id), *([challenge.code] if challenge is not None else [])]
    return next((path for name in kept if (path := picture_file(name)).is_file()), None)


def _picture_url(draft: Draft, challenge: Challenge | None) -> str | None:
    shown = _picture_path(draft, challenge) is not None
    return url_for("challenges.picture_of_draft", draft_id=draft.id, v=draft.revision) if shown else None
