"""Pages of the rules: the version in force, each published version as a page and as a PDF, and their acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from challenges.acceptance import Asked, accept_rules, asked_of
from challenges.definition import definition_hash
from challenges.lifecycle import NotPossible
from challenges.models import Amendment, Challenge, Draw, RulesVersion
from challenges.permissions import visible_challenge
from challenges.queries import amendments
from challenges.rules_document import RulesDocument, Told, amendment_in_words, in_force, rules_document
from challenges.rules_pdf import rules_pdf
from challenges.vocabulary import product_names, reward_names
from challenges.wording import full_rules
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.transactions import transaction
from network.permissions import requires


@requires("see_challenges")
def rules(code: str) -> str:
    """The rules in force today, and which other versions there are. A draft shows what would be frozen."""
    challenge = _visible(code)
    versions = _versions(challenge)
    holds = in_force(versions, clock.day_of(clock.now(), challenge.zone))
    if holds is None:
        definition = challenge.definition
        return render_template(
            "challenges/draft_rules.html",
            challenge=challenge,
            title=challenge.title(language()),
            fingerprint=definition_hash(definition),
            sections=full_rules(definition, product_names([definition]), reward_names([definition])),
        )
    return _page(challenge, versions, holds)


@requires("see_challenges")
def version(code: str, number: int) -> str:
    """One published version of the rules, dated, to be read or printed."""
    challenge = _visible(code)
    versions = _versions(challenge)
    return _page(challenge, versions, _numbered(versions, number))


@requires("see_challenges")
def pdf(code: str, number: int) -> Response:
    """The same version as a PDF, in the reader's language."""
    challenge = _visible(code)
    versions = _versions(challenge)
    answer = Response(
        rules_pdf(_document(challenge, versions, _numbered(versions, number))), mimetype="application/pdf"
    )
    name = f"{code}-{_('reglement')}-{number}.pdf"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@requires("play")
def accept(code: str) -> AnyResponse:
    """A participant accepts the version it has read; asked again, nothing more is written."""
    challenge = _visible(code)
    number = request.form.get("version", "")
    if not asked_of(current_user, at=clock.now(), challenge=challenge):
        abort(404)
    try:
        with transaction():
            accept_rules(
                challenge,
                int(number) if number.isdecimal() and len(number) < 7 else 0,
                current_user,
                by=current_user.code,
                at=clock.now(),
            )
    except NotPossible:
        flash(_("Le règlement a changé ou le challenge est terminé : rien n’a été enregistré. Relisez-le."), "warning")
        return redirect(url_for("challenges.rules", code=code))
    flash(_("Règlement accepté."), "success")
    return redirect(url_for("challenges.show", code=code))


@requires("play")
def acceptances() -> str:
    """The open challenges whose rules await my acceptance."""
    return render_template("challenges/acceptances.html", awaited=awaited())


def awaited() -> list[tuple[str, str]]:
    """Code and title of the open challenges whose rules await the reader's acceptance."""
    waiting = [asked.challenge for asked in asked_of(current_user, at=clock.now()) if asked.accepted_at is None]
    return [(challenge.code, challenge.title(language())) for challenge in waiting]


def asked_by(challenge: Challenge) -> Asked | None:
    """Where the reader stands with the rules of a challenge; None when nothing is asked of them."""
    if not current_user.is_authenticated or current_user.role != "reseller":
        return None
    return next(iter(asked_of(current_user, at=clock.now(), challenge=challenge)), None)


def _visible(code: str) -> Challenge:
    return visible_challenge(current_user, code) or abort(404)


def _versions(challenge: Challenge) -> Sequence[RulesVersion]:
    """Every published version, by number."""
    rows = select(RulesVersion).where(RulesVersion.challenge_id == challenge.id).order_by(RulesVersion.number)
    return db.session.scalars(rows).all()


def _numbered(versions: Sequence[RulesVersion], number: int) -> RulesVersion:
    return next((one for one in versions if one.number == number), None) or abort(404)


def _document(challenge: Challenge, versions: Sequence[RulesVersion], shown: RulesVersion) -> RulesDocument:
    before = next((one for one in versions if one.number == shown.number - 1), None)
    amendment = db.session.get(Amendment, (challenge.id, shown.number)) if before is not None else None
    return rules_document(challenge, shown, Told(before, amendment, db.session.get(Draw, challenge.id)))


def _page(challenge: Challenge, versions: Sequence[RulesVersion], shown: RulesVersion) -> str:
    holds = in_force(versions, clock.day_of(clock.now(), challenge.zone))
    context: dict[str, Any] = {
        "challenge": challenge,
        "document": _document(challenge, versions, shown),
        "shown": shown,
        "holds": holds,
        "versions": versions,
        "coming": [
            (one.version.number, one.version.starts_on, amendment_in_words(one.amendment))
            for one in reversed(amendments(challenge.id))
            if holds is not None and one.version.number > holds.number
        ],
    }
    return render_template("challenges/rules.html", **context)
