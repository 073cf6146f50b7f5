"""A challenge that people already play: its rules amended, its end moved. What was earned never changes.

A new version holds for sales from a day on which nobody of the challenge has yet declared any, so that each sale keeps
the rules it was told under; an end moves only where no sale already told would leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, select

from challenges.amending import LONGEST_NOTICE, extended, forbidden_changes, shortened
from challenges.definition import Definition, Problem, WrongDefinition, stored_definition
from challenges.lifecycle import NotAllowed, amended, hold, refuse_unlawful
from challenges.models import CHANGING, Challenge, Participant, RulesVersion
from challenges.queries import latest_version, version_in_force
from challenges.rules import LATE_ARRIVAL, Window
from challenges.wording import day_in_words
from declarations.models import Declaration, Revision
from declarations.operations import lock_people
from declarations.scoring import chunks, current_revisions, posted_sums, score, window_of
from foundation import clock
from foundation.database import db


def amend(
    challenge: Challenge,
    definition: Definition,
    starts_on: date,
    notice: str,
    *,
    by: str,
    at: datetime,
    after: int | None = None,
) -> RulesVersion:
    """Give a challenge other rules, caps, texts, or more to win, from a day on; its participants read the notice.

    `after` is the number of the version the change was written from, when that is known: refused when another change
    was made in between. Raises NotAllowed with every reason, and Unlawful for rules that the law forbids.
    """
    hold(challenge)
    newest = _newest(challenge, at)
    notice, problems = _told(notice, "notice")
    if after is not None and after != newest.number:
        wrong = _("le challenge a été changé entre-temps (version %(n)s)", n=newest.number)
        problems.append(Problem((), wrong, _("repartez de la version d’aujourd’hui")))
    problems += forbidden_changes(stored_definition(newest.definition), definition)
    problems += _start(challenge, starts_on, at)
    if problems:
        raise NotAllowed(problems)
    refuse_unlawful(definition, at=at)
    return amended(challenge, definition, starts_on, "rules", notice, by=by, at=at)


def extend(
    challenge: Challenge,
    ends_on: date,
    notice: str,
    *,
    by: str,
    at: datetime,
    declare_until: datetime | None = None,
    review_until: datetime | None = None,
) -> RulesVersion:
    """Let a challenge last longer; its participants read the notice. Raises NotAllowed with every reason.

    Instants for declaring and reviewing follow the end, unless they are given.
    """
    # Whoever tells a sale of the days that are added is not held off by the challenge: by its people, then.
    lock_people(_people(challenge))
    hold(challenge)
    newest = _newest(challenge, at)
    before = window_of(challenge)
    notice, problems = _told(notice, "notice")
    definition = None
    try:
        definition = extended(
            stored_definition(newest.definition), ends_on, declare_until=declare_until, review_until=review_until
        )
    except WrongDefinition as impossible:
        problems += impossible.problems
    if definition is None or problems:
        raise NotAllowed(problems)
    refuse_unlawful(definition, at=at)
    version = amended(
        challenge, definition, earliest_start(challenge, at, last=ends_on), "extension", notice, by=by, at=at
    )
    _count_what_was_told_early(challenge, before, at=at)
    return version


def close_early(challenge: Challenge, ends_on: date, reason: str, *, by: str, at: datetime) -> RulesVersion:
    """End a challenge sooner, today at the earliest; its participants read the reason. Raises NotAllowed with every
    reason against it."""
    hold(challenge)
    newest = _newest(challenge, at)
    reason, problems = _told(reason, "reason")
    today = clock.day_of(at, challenge.zone)
    definition = None
    if ends_on < today:
        wrong = _("le %(day)s est passé", day=day_in_words(ends_on))
        problems.append(Problem(("ends_on",), wrong, _("aujourd’hui ou plus tard")))
    else:
        played = version_in_force(challenge.id, ends_on) or newest
        try:
            definition = shortened(stored_definition(newest.definition), stored_definition(played.definition), ends_on)
        except WrongDefinition as impossible:
            problems += impossible.problems
    if definition is not None and (told := _last_to_leave(challenge, definition)) is not None:
        wrong = _("une vente du %(day)s est déjà déclarée, et ne compterait plus", day=day_in_words(told))
        problems.append(Problem(("ends_on",), wrong, _("ce jour-là ou plus tard")))
    if definition is None or problems:
        raise NotAllowed(problems)
    return amended(challenge, definition, earliest_start(challenge, at), "early_close", reason, by=by, at=at)


def earliest_start(challenge: Challenge, at: datetime, *, last: date | None = None) -> date:
    """The first day from which another version may hold: tomorrow, not before the version that comes last, and after
    every day for which a participant has already declared a sale (until `last`, by default the end of the
    challenge)."""
    newest = latest_version(challenge.id)
    assert newest is not None
    tomorrow = clock.days_after(clock.day_of(at, challenge.zone), 1)
    told = _last_told(challenge, tomorrow, last or challenge.ends_on)
    return max(tomorrow, newest.starts_on, *([clock.days_after(told, 1)] if told is not None else []))


# --- what is checked -----------------------------------------------------------------------------------------------


def _newest(challenge: Challenge, at: datetime) -> RulesVersion:
    """The last version of a challenge that can still be changed. Raises NotAllowed for any other challenge."""
    newest = latest_version(challenge.id)
    if newest is None or challenge.state not in CHANGING or clock.day_of(at, challenge.zone) > challenge.ends_on:
        raise NotAllowed(
            [
                Problem(
                    (),
                    _("le challenge « %(code)s » ne peut pas changer maintenant", code=challenge.code),
                    _("un challenge publié dont le dernier jour n’est pas passé"),
                )
            ]
        )
    return newest


def _told(text: str, key: str) -> tuple[str, list[Problem]]:
    """What participants will read, and what is wrong with it."""
    text = text.strip()
    if not text:
        return text, [Problem((key,), _("il manque ce que les participants liront"), _("une phrase qui dit pourquoi"))]
    if len(text) > LONGEST_NOTICE or "\0" in text:
        return text, [Problem((key,), _("le texte est trop long"), _("au plus %(n)s caractères", n=LONGEST_NOTICE))]
    return text, []


def _start(challenge: Challenge, starts_on: date, at: datetime) -> list[Problem]:
    """Why a version cannot start on a day."""
    earliest = earliest_start(challenge, at)
    tomorrow = clock.days_after(clock.day_of(at, challenge.zone), 1)
    if starts_on > challenge.ends_on or earliest > challenge.ends_on:
        wrong = _("aucune vente ne compterait avec ces règles : le challenge se termine le %(day)s",
                  day=day_in_words(challenge.ends_on))  # fmt: skip
        right = (
            _("une prolongation d’abord")
            if earliest > challenge.ends_on
            else _("du %(first)s au %(last)s", first=day_in_words(earliest), last=day_in_words(challenge.ends_on))
        )
    elif starts_on >= earliest:
        return []
    else:
        right = _("à partir du %(day)s", day=day_in_words(earliest))
        if starts_on < tomorrow:
            wrong = _(
                "le %(day)s a déjà commencé, et des règles ne changent pas après coup", day=day_in_words(starts_on)
            )
        elif _last_told(challenge, starts_on, challenge.ends_on) is not None:
            wrong = _("des ventes sont déjà déclarées pour le %(day)s ou après", day=day_in_words(starts_on))
        else:
            wrong = _("le %(day)s vient avant le début des dernières règles annoncées", day=day_in_words(starts_on))
    return [Problem(("from",), wrong, right)]


def _last_told(challenge: Challenge, first: date, last: date) -> date | None:
    """The last day, between two, for which a participant has declared a sale, whatever became of it."""
    return db.session.scalar(_told_sales(challenge, func.max(Revision.sold_on), Revision.sold_on.between(first, last)))


def _told_sales(challenge: Challenge, column: Any, *chosen: ColumnElement[bool]) -> Select[Any]:
    return (
        current_revisions(column)
        .join(
            Participant,
            and_(Participant.challenge_id == challenge.id, Participant.person_id == Declaration.person_id),
        )
        .where(*chosen)
    )


def _holds(window: Window) -> ColumnElement[bool]:
    """window.holds, as a condition on declarations and their revisions."""
    return and_(
        Revision.sold_on.between(window.starts_on, window.ends_on),
        Declaration.declared_at < window.declare_until,
        Declaration.received_at < window.declare_until + LATE_ARRIVAL,
    )


def _last_to_leave(challenge: Challenge, shorter: Definition) -> date | None:
    """The last day of a sale that counts in a challenge, or may, and would not in a shorter one."""
    left = ~_holds(Window(shorter.starts_on, shorter.ends_on, shorter.declares_until))
    return db.session.scalar(
        _told_sales(
            challenge,
            func.max(Revision.sold_on),
            Declaration.status != "withdrawn",
            _holds(window_of(challenge)),
            left,
        )
    )


def _people(challenge: Challenge) -> Sequence[int]:
    found = select(Participant.person_id).where(Participant.challenge_id == challenge.id)
    return db.session.scalars(found.order_by(Participant.person_id)).all()


def _count_what_was_told_early(challenge: Challenge, before: Window, *, at: datetime) -> None:
    """Sales told before their day was part of the challenge count from now on, unless that would change what was
    earned: a full cap could go to another sale."""
    entering = _told_sales(challenge, Declaration.person_id, _holds(window_of(challenge)), ~_holds(before))
    for batch in chunks(db.session.scalars(entering.distinct().order_by(Declaration.person_id)).all()):
        earned = posted_sums(challenge, batch)
        score(challenge, batch, at=at)
        now = posted_sums(challenge, batch)
        if any(now[person].get(key) != held for person, sums in earned.items() for key, held in sums.items()):
            raise NotAllowed(
                [
                    Problem(
                        ("ends_on",),
                        _("des ventes déjà déclarées pour les jours ajoutés changeraient des points déjà gagnés"),
                        _("un autre challenge pour ces jours"),
                    )
                ]
            )
