"""Is the ledger what it should be? Everything is recomputed from scratch; nothing stored is trusted."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from challenges.models import Challenge, Participant
from challenges.queries import versions
from declarations.scoring import chunks, counted_in, frozen_pairs, outcome, posted_sums, sales_of
from foundation.database import db
from leaderboards.models import Standing
from network.models import Person
from points.queries import adjustments_in
from points.verification import differences as ledger_differences


def differences() -> Iterator[str]:
    """Each difference found, as one line that names it: the ledger itself, then standings of every challenge."""
    yield from ledger_differences()
    for challenge in db.session.scalars(
        select(Challenge).where(Challenge.state != "draft").order_by(Challenge.id)
    ).all():
        yield from _standings(challenge)


def _standings(challenge: Challenge) -> Iterator[str]:
    """Participants whose entries or standing differ from a fold of their declarations."""
    rules = versions(challenge.id)
    people = list(
        db.session.scalars(
            select(Participant.person_id)
            .where(Participant.challenge_id == challenge.id)
            .order_by(Participant.person_id)
        )
    )
    for batch in chunks(people):
        told = sales_of(batch, challenge.starts_on, challenge.ends_on)
        frozen = frozen_pairs(challenge, batch)
        posted = posted_sums(challenge, batch)
        adjusted = adjustments_in(challenge, batch)
        kept = {
            one.person_id: one
            for one in db.session.scalars(
                select(Standing).where(Standing.challenge_id == challenge.id, Standing.person_id.in_(batch))
            )
        }
        codes = {
            person_id: code
            for person_id, code in db.session.execute(select(Person.id, Person.code).where(Person.id.in_(batch)))
        }
        for person_id in batch:
            extra = adjusted.get(person_id, ())
            found = outcome(challenge, rules, counted_in(challenge, told.get(person_id, ()), frozen), extra)
            right = {(one.reference, "", 0): one.points for one in extra} | {
                (one.sale.id, gain.rule, gain.version): gain.points
                for one in found.scored
                for gain in one.gains
                if gain.points
            }
            held = {key: total for key, (total, _) in posted.get(person_id, {}).items() if total}
            code = codes[person_id]
            for key in sorted(right.keys() | held.keys()):
                if right.get(key, 0) != held.get(key, 0):
                    what = f"declaration {key[0]} by rule {key[1]}" if key[1] else key[0]
                    yield (
                        f"{challenge.code}, {code}: {what} is worth {right.get(key, 0)} points, "
                        f"the ledger says {held.get(key, 0)}"
                    )
            standing = kept.get(person_id)
            shown = (standing.points, standing.measure, standing.reached_at) if standing else (0, 0, None)
            tally = found.tally
            if shown != (tally.points, tally.measure, tally.reached_at):
                yield (
                    f"{challenge.code}, {code}: the standing says {shown[0]} points, "
                    f"its declarations give {tally.points}"
                )
