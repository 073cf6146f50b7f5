"""Personal targets of a challenge in the studio: those in force, as a file, and a file of others."""

from __future__ import annotations

from io import StringIO
from typing import Any
from urllib.parse import quote

from flask import Response, abort, flash, make_response, request, url_for
from flask import redirect as to
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import and_, select
from werkzeug.wrappers import Response as AnyResponse

from challenges.lifecycle import NotPossible
from challenges.models import Challenge, Participant, PersonalTarget
from challenges.queries import challenge_by_code
from challenges.wording import measure_in_words
from declarations import publishing
from foundation import clock
from foundation.database import db
from foundation.localisation import language, number
from foundation.pages import Paged, existing, page_number, page_or_part, paged
from foundation.tables import Fault, Faulty, write_table
from foundation.transactions import transaction
from network.models import Outlet, Person
from network.permissions import requires

SHOWN_FAULTS = 200


@requires("animate")
def targets(code: str) -> AnyResponse | str:
    """The targets in force, and the way to give others."""
    challenge = _with_objective(code)
    faults: list[Fault] = []
    total = 0
    sent = request.files.get("file")
    missing = request.method == "POST" and (sent is None or not sent.filename)
    if request.method == "POST" and not missing:
        try:
            with transaction():
                again = challenge_by_code(code) or abort(404)
                count = publishing.set_targets(again, sent, by=current_user.code, at=clock.now())
        except Faulty as refusal:
            faults, total = refusal.faults[:SHOWN_FAULTS], refusal.total
        except NotPossible:
            flash(
                _("Des points sont déjà gagnés, ou le challenge est fini : les objectifs ne changent plus."), "warning"
            )
            return to(url_for("declarations.targets", code=code), 303)
        else:
            said = ngettext("%(n)s objectif est en place.", "%(n)s objectifs sont en place.", count, n=number(count))
            flash(said, "success")
            return to(url_for("declarations.targets", code=code), 303)
    challenge = _with_objective(code)
    page: Paged[Any] = paged(_in_force(challenge).order_by(Person.name, Person.code), page_number(), shape=tuple)
    answer = page_or_part(
        "declarations/targets.html",
        "declarations/_targets.html",
        challenge=challenge,
        title=challenge.title(language()),
        home=existing(f"/studio/{quote(code)}") or url_for("challenges.show", code=code),
        page=page,
        fixed=not publishing.targets_open(challenge),
        missing=missing,
        faults=faults,
        total=total,
        in_words=lambda amount: measure_in_words(challenge.definition["objective"]["measure"], amount),
    )
    return make_response(answer, 422 if faults or missing else 200)


@requires("animate")
def target_file(code: str) -> Response:
    """The targets in force as a file that can be changed and sent back."""
    challenge = _with_objective(code)
    text = StringIO()
    write_table(text, ("person", "target"), ((row[0], row[3]) for row in db.session.execute(
        _in_force(challenge).order_by(Person.code))))  # fmt: skip
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{code}-targets.csv")
    return answer


def _with_objective(code: str) -> Challenge:
    challenge = challenge_by_code(code)
    if challenge is None or not challenge.has_objective:
        abort(404)
    return challenge


def _in_force(challenge: Challenge) -> Any:
    """Person, its name, its outlet's, its target: of everybody who takes part; of a draft, those that were given."""
    given = PersonalTarget if challenge.state == "draft" else Participant
    return (
        select(Person.code, Person.name, Outlet.name, given.target)
        .join_from(given, Person, and_(given.challenge_id == challenge.id, Person.id == given.person_id))
        .outerjoin(Outlet, Outlet.id == Person.outlet_id)
    )
