"""Publishing a challenge: rules are frozen, people enter with their targets, and sales already told are folded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CursorResult, cast, func, select, update

from challenges.definition import Definition, stored_definition
from challenges.imports import import_challenge
from challenges.lifecycle import NotPossible, call_off, enter, freeze_rules
from challenges.models import OPEN_STATES, Challenge, Participant, Period, PersonalTarget
from challenges.pictures import picture_file
from challenges.queries import amended_definition, audience_select, challenge_by_code
from challenges.repeating import following, following_stored, publication_day
from challenges.rules import target_for
from declarations.models import Declaration, Line, Revision
from declarations.operations import lock_people
from declarations.scoring import chunks, current_revisions, score
from foundation import audit, clock
from foundation.database import db
from foundation.fault_words import Words
from foundation.tables import Faults, file_name, read_table
from leaderboards.models import Standing
from network.models import Person


def publish(challenge: Challenge, *, by: str, at: datetime, after: Period | None = None) -> int:
    """Freeze a draft's rules, let its audience in, fold what they have already told; answers how many people.

    `after` is the period that a repeated challenge follows. Raises NotPossible unless the challenge is a draft.
    """
    freeze_rules(challenge, by=by, at=at)
    people = _enrol(challenge, None, at=at)
    definition = stored_definition(challenge.definition)
    if definition.repeat is not None:
        # Last of all: the first of the series is then held by nobody who waits for people.
        db.session.add(
            Period(
                challenge_id=challenge.id,
                series_id=after.series_id if after is not None else challenge.id,
                number=after.number + 1 if after is not None else 0,
                next_on=publication_day(definition),
            )
        )
        db.session.flush()
    return people


def publish_next(challenge: Challenge, *, at: datetime) -> Challenge | None:
    """Publish the period that follows a repeated challenge, in the name of the system; once, whoever asks.

    None when somebody else has done so, or when none follows: the challenge was called off, or a draw could never be
    promised in time. A period with a draw that should have begun already is left out, and the one after it taken.
    """
    claimed: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
        update(Period)
        .where(Period.challenge_id == challenge.id, Period.next_on.is_not(None))
        .values(next_on=None)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:
        return None
    period = db.session.get_one(Period, challenge.id, populate_existing=True)
    series, number = period.series_id, period.number
    if challenge.state == "cancelled":
        audit.record("challenge.series_ended", challenge.code, by=audit.SYSTEM, at=at, why="cancelled")
        return None
    definition = following_stored(*amended_definition(challenge.id))
    while (
        definition is not None
        and definition.has_draw
        and at >= clock.start_of_day(definition.starts_on, definition.zone)
    ):
        audit.record("challenge.period_left_out", definition.code, by=audit.SYSTEM, at=at, why="draw")
        number += 1
        definition = following(definition, definition)
    if definition is None:
        return None
    if challenge_by_code(definition.code) is not None:
        raise NotPossible(
            f"{definition.code} would be the next period of {challenge.code}, and another challenge has this code; "
            f"remove that draft, or stop the series: flask challenges stop {challenge.code}"
        )
    picture = picture_file(challenge.code)
    if definition.picture is not None and picture.is_file():
        definition = definition.with_picture(picture.read_bytes())
    made = import_challenge(definition, by=audit.SYSTEM, at=at)
    publish(made, by=audit.SYSTEM, at=at, after=Period(challenge_id=challenge.id, series_id=series, number=number))
    return made


def stop_repeating(challenge: Challenge, *, by: str, at: datetime) -> None:
    """Let no further period follow; what is published goes on. Raises NotPossible when none was to follow."""
    series = select(Period.series_id).where(Period.challenge_id == challenge.id).scalar_subquery()
    stopped: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
        update(Period)
        .where(Period.series_id == series, Period.next_on.is_not(None))
        .values(next_on=None)
        .execution_options(synchronize_session=False)
    )
    if not stopped.rowcount:
        raise NotPossible(f"no period follows challenge {challenge.code}: there is nothing to stop")
    audit.record("challenge.series_ended", challenge.code, by=by, at=at, why="stopped")


def cancel(challenge: Challenge, reason: str, *, by: str, at: datetime) -> None:
    """Call a challenge off: its points are voided by reversal. Raises NotPossible once it is closed or cancelled."""
    # Whoever was declaring held the challenge until now; from here on nobody scores in it.
    call_off(challenge, reason, by=by, at=at)
    scored = select(Standing.person_id).where(Standing.challenge_id == challenge.id)
    score(challenge, db.session.scalars(scored.order_by(Standing.person_id)).all(), at=at)


def publish_definition(definition: Definition, *, by: str, at: datetime) -> tuple[Challenge, bool]:
    """Import a challenge and publish it; one already published with equal rules is left as it is (False)."""
    challenge = import_challenge(definition, by=by, at=at)
    if challenge.state != "draft":
        return challenge, False
    publish(challenge, by=by, at=at)
    return challenge, True


def enrol_arrivals(person_ids: Sequence[int], *, at: datetime) -> None:
    """People who arrive in the network enter every open challenge whose audience they are in."""
    opened = select(Challenge).where(Challenge.state.in_(OPEN_STATES)).order_by(Challenge.id)
    for challenge in db.session.scalars(opened.with_for_update(read=True)).all():
        _enrol(challenge, person_ids, at=at)


def _enrol(challenge: Challenge, among: Collection[int] | None, *, at: datetime) -> int:
    already = select(Participant.person_id).where(Participant.challenge_id == challenge.id)
    wanted = audience_select(challenge.definition).where(Person.id.not_in(already)).order_by(Person.id)
    if among is not None:
        wanted = wanted.where(Person.id.in_(among))
    rows = db.session.execute(wanted).all()
    people = [row[0] for row in rows]
    # A sale being told at this moment is waited for: it is then either seen here, or sees the challenge itself.
    lock_people(people)
    targets = _targets(challenge, people)
    enter(
        challenge,
        [
            {"person_id": row[0], "outlet_id": row[1], "league": row[2] or "", "target": targets.get(row[0], 1)}
            for row in rows
        ],
        at=at,
    )
    if among is not None:
        audit.record("challenge.entered", challenge.code, by=audit.SYSTEM, at=at, people=len(people))
    score(challenge, _with_sales(challenge, people), at=at)
    return len(people)


def _with_sales(challenge: Challenge, people: Sequence[int]) -> list[int]:
    found: list[int] = []
    for batch in chunks(people):
        found.extend(
            db.session.scalars(
                current_revisions(Declaration.person_id)
                .where(
                    Declaration.person_id.in_(batch),
                    Revision.sold_on.between(challenge.starts_on, challenge.ends_on),
                )
                .distinct()
                .order_by(Declaration.person_id)
            )
        )
    return found


def _targets(challenge: Challenge, people: Sequence[int]) -> dict[int, int]:
    """Each person's target, when the challenge has an objective."""
    if not challenge.has_objective:
        return {}
    uploaded = {
        row.person_id: row.target
        for row in db.session.scalars(select(PersonalTarget).where(PersonalTarget.challenge_id == challenge.id))
    }
    return targets_of(challenge.definition["objective"], people, uploaded)


def targets_of(objective: Mapping[str, Any], people: Sequence[int], uploaded: Mapping[int, int]) -> dict[int, int]:
    """Each person's target under an objective: the uploaded one, else from the baseline, else the default."""
    terms = objective.get("baseline")
    baselines: dict[int, int] = {}
    if terms and objective["measure"] != "points":
        first, last = date.fromisoformat(terms["from"]), date.fromisoformat(terms["to"])
        for batch in chunks(people):
            baselines.update(_measures(batch, objective["measure"], first, last))
    return {person: target_for(objective, uploaded.get(person), baselines.get(person)) for person in people}


def _measures(people: Collection[int], measure: str, first: date, last: date) -> dict[int, int]:
    """A measure (units, cents or declarations) over people's accepted sales of a period, the law's bars left out."""
    amount: Any = {
        "units": func.sum(Line.units),
        "value": func.sum(cast(Line.units, BigInteger) * Line.list_price_cents),
        "declarations": func.count(Declaration.id.distinct()),
    }[measure]
    rows = db.session.execute(
        current_revisions(Declaration.person_id, amount)
        .join(Line, Line.revision_id == Revision.id)
        .where(
            Declaration.person_id.in_(people),
            Declaration.status == "accepted",
            Revision.barred == "",
            Revision.sold_on.between(first, last),
        )
        .group_by(Declaration.person_id)
    )
    return {person: int(total) for person, total in rows}


def targets_open(challenge: Challenge) -> bool:
    """Whether personal targets may still be given: to a draft, then until somebody has scored."""
    if challenge.state == "draft":
        return True
    scored = select(Standing.person_id).where(Standing.challenge_id == challenge.id, Standing.points > 0).limit(1)
    return challenge.is_open and db.session.scalar(scored) is None


def set_targets(challenge: Challenge, source: Any, *, by: str, at: datetime) -> int:
    """Read personal targets (`person,target`) for a challenge; answers how many.

    A target is fixed once the game has begun: while a challenge is published but nobody has scored in it yet, targets
    may still be set; after that NotPossible. Raises Faulty with every fault of the file.
    """
    if not challenge.has_objective:
        raise NotPossible(f"challenge {challenge.code} has no [objective]; a target would change nothing")
    if not targets_open(challenge):
        raise NotPossible(f"people have already scored in challenge {challenge.code}; targets are fixed from then on")
    faults = Faults(file_name(source))
    read: dict[str, tuple[int, int]] = {}
    for line, cells in read_table(source, ("person", "target"), faults=faults):
        target = faults.integer(line, "target", cells["target"], lowest=1, highest=1_000_000_000)
        if cells["person"] in read:
            faults.add(
                line,
                "person",
                Words("%(code)s est là deux fois", code=repr(cells["person"])),
                Words("gardez une ligne par personne"),
            )
        elif target is not None:
            read[cells["person"]] = (line, target)
    codes = list(read)
    people = {
        code: person_id
        for start in range(0, len(codes), 5_000)
        for code, person_id in db.session.execute(
            select(Person.code, Person.id).where(Person.code.in_(codes[start : start + 5_000]))
        )
    }
    for code, (line, _) in read.items():
        if code not in people:
            faults.add(
                line,
                "person",
                Words("%(code)s n’est pas dans le réseau", code=repr(code)),
                Words("écrivez le code d’une personne"),
            )
    faults.check()
    for code, (_, target) in read.items():
        db.session.merge(PersonalTarget(challenge_id=challenge.id, person_id=people[code], target=target))
        participant = db.session.get(Participant, (challenge.id, people[code]))
        if participant is not None:
            participant.target = target
    db.session.flush()
    audit.record("challenge.targets", challenge.code, by=by, at=at, people=len(read))
    return len(read)
