"""What an animator decides about a challenge that people play: other rules, another end, no challenge, targets.

Each decision is shown first with what it changes, made by the very operation that will make it and then undone; the
second press makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from typing import Any
from urllib.parse import quote

from flask import Response, abort, flash, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy import Select, func, select
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, StringField, TextAreaField

from challenges.amending import Change, Told, changes, told
from challenges.definition import Definition, Problem, stored_definition
from challenges.exports import challenge_file
from challenges.imports import definition_of_text
from challenges.lifecycle import NotAllowed, NotPossible, Unlawful
from challenges.models import CHANGING, Challenge, Participant, PersonalTarget
from challenges.places import Places
from challenges.queries import Amended, amendments, challenge_by_code, latest_version, participant_count
from challenges.vocabulary import product_names, reward_names
from challenges.wording import day_in_words, last_moment, measure_in_words
from declarations import amending, publishing
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.tables import Faulty, write_table
from foundation.transactions import transaction
from network.models import Person
from network.permissions import requires

RULES = "rules.toml"


@dataclass(frozen=True)
class Outcome:
    """What a decision changes, in words: differences, consequences, and the notice as participants will read it."""

    changes: list[Change]
    consequences: list[str]
    notice: Told
    people: int


class _Undone(Exception):
    """The end of a trial: what was tried is rolled back."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("tried")
        self.outcome = outcome


@dataclass
class _Decision:
    """A page that asks for a decision: its form, its operation, its words."""

    code: str
    form: FlaskForm
    act: Callable[[Challenge], Any]
    consequences: Callable[[Challenge, Definition, Definition], list[str]]
    fields: dict[str, str] = field(default_factory=dict)  # key of a problem → field of the form

    def answer(self, page: str, done: Callable[[Challenge], str], **context: Any) -> AnyResponse | str:
        """The form, the question, or the way back once it is done."""
        confirmed = request.form.get("action") == "confirm"
        if request.method == "GET" or request.form.get("action") == "edit":
            return render_template(page, form=self.form, **context)
        try:
            with transaction():
                challenge = _changing(self.code)
                outcome = self._decide(challenge)
                said = done(challenge)
                if not confirmed:
                    raise _Undone(outcome)
        except _Undone as undone:
            return render_template(
                "declarations/confirmation.html", form=self.form, outcome=undone.outcome, page=page, **context
            )
        except Unlawful as refusal:
            self._refuse([Problem((), finding.text, "") for finding in refusal.findings])
        except NotAllowed as refusal:
            self._refuse(refusal.problems)
        else:
            flash(said, "success")
            return redirect(f"/challenges/{quote(self.code)}")
        return make_response(render_template(page, form=self.form, **context), 422)

    def _decide(self, challenge: Challenge) -> Outcome:
        before = stored_definition(challenge.definition)
        at, today = clock.now(), clock.day_of(clock.now(), challenge.zone)
        version = self.act(challenge)
        after = stored_definition(version.definition)
        written = [before.canonical(), after.canonical()]
        [notice] = told([Amended(*_amendment(challenge, version.number))], today)
        assert at is not None
        return Outcome(
            changes(written[0], written[1], product_names(written), reward_names(written)),
            self.consequences(challenge, before, after),
            notice,
            participant_count(challenge.id),
        )

    def _refuse(self, problems: Sequence[Problem]) -> None:
        """Each problem beside its field; what belongs to none goes to the first."""
        text = request.form.get("file", "")
        places = Places(text) if "file" in self.form and problems and text else None
        for one in problems:
            key = str(one.where[0]) if one.where else ""
            words = f"{one.wrong[:1].upper()}{one.wrong[1:]}" + (f" — {one.right}." if one.right else "")
            if key not in self.fields and places is not None and one.where:
                words = _("Ligne %(n)s : %(words)s", n=places.line(one.where), words=words)
            target = self.form[self.fields.get(key, self.fields[""])]
            target.errors = [*target.errors, words]


def _amendment(challenge: Challenge, number: int) -> Any:
    return next(one for one in amendments(challenge.id) if one.version.number == number)
