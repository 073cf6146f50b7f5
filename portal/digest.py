"""The week in a mail: points, rank, the next step, what closes soon; nothing when there is nothing to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import current_app, render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import exists, select

from challenges.models import OPEN_STATES, Challenge, Participant
from challenges.wording import points_in_words
from foundation import clock, mail
from foundation.database import db
from leaderboards.queries import competitor_code, frozen_day, situations
from network.models import Occasion, Person
from network.notices import first_time
from network.topics import BY_NAME, wants
from network.zones import zone_of
from points.queries import earned_between
from portal import queries
from portal.wording import missing_in_words, rank_in_words, time_left

MONDAY = 1
# A digest that could not leave on Monday may leave the day after; later it would be old news.
DAYS = 2
SOON = timedelta(days=7)
MOST_CHALLENGES = 5
AT_ONCE = 500


@dataclass(frozen=True)
class Chapter:
    """One challenge in the digest, in words; '' where there is nothing to say."""

    title: str
    points: str
    rank: str
    missing: str
    closes: str


def week_told(at: datetime, person: Person) -> date | None:
    """The Monday whose digest may be written to this person now: Monday or Tuesday by day, at the person's time."""
    zone = zone_of(person)
    local = at.astimezone(zone)
    if local.isoweekday() >= MONDAY + DAYS or mail.outside_quiet_hours(at, zone) != at:
        return None
    return local.date() - timedelta(days=local.isoweekday() - MONDAY)


def waiting(at: datetime) -> Iterator[int]:
    """The people who may be written to this week and were not yet, by id: sellers with an address who take part in an
    open challenge, have come in once and have not said no."""
    # Where on earth it is Monday or Tuesday is seen person by person; here the days that may be meant are enough.
    days = [day for ahead in range(-DAYS, 2) if (day := clock.days_after(at.date(), ahead)).isoweekday() == MONDAY]
    plays = exists().where(
        Participant.person_id == Person.id,
        Participant.challenge_id == Challenge.id,
        Challenge.state.in_(OPEN_STATES),
    )
    told = exists().where(Occasion.person_id == Person.id, Occasion.what == "digest", Occasion.day.in_(days))
    last = 0
    while days:
        found = db.session.scalars(
            select(Person.id)
            .where(
                Person.id > last,
                Person.role == "reseller",
                Person.email.is_not(None),
                Person.suspended_at.is_(None),
                Person.notice_accepted_at.is_not(None),
                wants(BY_NAME["digest"], "mail"),
                plays,
                ~told,
            )
            .order_by(Person.id)
            .limit(AT_ONCE)
        ).all()
        yield from found
        if len(found) < AT_ONCE:
            return
        last = found[-1]


def write_digest(person: Person, *, at: datetime) -> bool | None:
    """Write the digest of the week to a person, once; None when it is not the time or done already, False when there is
    nothing to say (which is settled for the week too)."""
    monday = week_told(at, person)
    if monday is None or person.email is None or not first_time([person.id], "digest", monday):
        return None
    with force_locale(person.language):
        chapters = chapters_of(person, monday, at=at)
        if not chapters:
            return False
        base = current_app.config["SETTINGS"].base_url
        text = render_template(
            "mail/digest.txt",
            person=person,
            chapters=chapters,
            address=base,
            choices=f"{base}/me#notifications",
        )
        mail.queue(person.email, _("Votre semaine dans le programme"), text, at=at, zone=zone_of(person))
    return True


def chapters_of(person: Person, monday: date, *, at: datetime) -> list[Chapter]:
    """What a person is told of the week before a Monday, in the language being spoken: the challenges in which
    something was earned or that close within a week."""
    zone = current_app.config["TIMEZONE"]
    since = clock.start_of_day(clock.days_after(monday, -7), zone)
    earned = earned_between(person.id, since, clock.start_of_day(monday, zone))
    playing = [one for one in queries.playing(person, at=at) if one.challenge.is_open]
    told = [one for one in playing if earned.get(one.challenge.code) or _closes_soon(one.challenge, at)]
    told = told[:MOST_CHALLENGES]
    places = situations([(one.challenge, competitor_code(one.challenge, person)) for one in told], at=at)
    chapters = []
    for one in told:
        challenge = one.challenge
        situation = places.get(challenge.id)
        step = queries.next_step(one, person, at=at)
        frozen = frozen_day(challenge, at)
        chapters.append(
            Chapter(
                challenge.title(person.language),
                points_in_words(earned.get(challenge.code, 0)),
                rank_in_words(situation.place.rank) if situation is not None else "",
                _without_marks(missing_in_words(one, step, situation if frozen is None else None)),
                time_left(challenge, at)[0] if _closes_soon(challenge, at) else "",
            )
        )
    return chapters


def _without_marks(sentence: Markup) -> str:
    """The sentence as plain text; `striptags` would also make every space an ordinary one."""
    return Markup(re.sub(r"<[^>]*>", "", sentence)).unescape()


def _closes_soon(challenge: Challenge, at: datetime) -> bool:
    if challenge.state == "closing":
        return True
    return challenge.state == "running" and challenge.ends_on - clock.day_of(at, challenge.zone) < SOON
