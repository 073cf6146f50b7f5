"""How a challenge is begun in the studio: from a template, from nothing, from a past one, from a file."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from challenges import drafts, imports
from challenges.definition import stored_definition
from challenges.forms import STEP_NAMES
from challenges.lifecycle import NotPossible
from challenges.models import Challenge, Draft
from challenges.queries import challenge_by_code, draft_by_id
from challenges.starters import STARTERS
from challenges.wording import period_in_words
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.tables import Faulty
from foundation.transactions import transaction
from network.permissions import requires

LATEST = 40
COPY = {"fr": "copie", "en": "copy"}


@requires("animate")
def new() -> AnyResponse | str:
    """Choose where to begin; each choice is a draft of one's own."""
    faults: list[str] = []
    if request.method == "POST":
        begun = _begin(request.form.get("from", ""), faults)
        if begun is not None:
            return redirect(url_for("challenges.step", draft_id=begun.id, step=STEP_NAMES[0]), 303)
    past = db.session.scalars(select(Challenge).order_by(Challenge.starts_on.desc(), Challenge.id.desc()).limit(LATEST))
    page = render_template(
        "challenges/new.html",
        starters=STARTERS,
        past=[(one.code, one.title(language()), period_in_words(one.definition)) for one in past],
        faults=faults,
    )
    return make_response(page, 422 if faults else 200)


def _begin(source: str, faults: list[str]) -> Draft | None:
    """The draft asked for, begun; None with the reasons in `faults`."""
    by, at = current_user.code, clock.now()
    if source == "file":
        return _from_file(faults)
    content: dict[str, Any] = {}
    picture_of = None
    if source == "copy":
        challenge = challenge_by_code(request.form.get("code", ""))
        if challenge is None:
            faults.append(_("Choisissez le challenge à reprendre."))
            return None
        definition = stored_definition(challenge.definition)
        content = drafts.copied(definition, today=clock.day_of(at, definition.zone))
        picture_of = challenge.code
    elif source != "blank":
        starter = next((one for one in STARTERS if one.code == source), None)
        if starter is None:
            faults.append(_("Choisissez un modèle, un challenge ou un fichier."))
            return None
        content = dict(starter.content(clock.now().date()))
        content["code"] = drafts.free_code(content["code"])
    with transaction():
        return drafts.start(content, by=by, at=at, picture_of=picture_of)


def _from_file(faults: list[str]) -> Draft | None:
    """A challenge read from its file: its draft, or every fault with its line; then nothing is written."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        faults.append(_("Choisissez d’abord un fichier."))
        return None
    try:
        definition = imports.definition_of_text(sent.read(), sent.filename)
    except Faulty as faulty:
        faults.extend(faulty.lines())
        return None
    by, at = current_user.code, clock.now()
    before = challenge_by_code(definition.code)
    replaced = before is not None and before.definition != definition.canonical()
    try:
        with transaction():
            challenge = imports.import_challenge(definition, by=by, at=at)
            published = challenge.state != "draft"
            draft = None if published else draft_by_id(challenge_id=challenge.id)
    except NotPossible:
        published, draft = True, None
    if published:
        faults.append(
            _(
                "Le challenge « %(code)s » est déjà publié : donnez un autre code à celui du fichier.",
                code=definition.code,
            )
        )
        return None
    if replaced:
        flash(_("Le brouillon « %(code)s » a été remplacé par le fichier.", code=definition.code), "info")
    return draft
