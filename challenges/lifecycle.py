"""A challenge's life, one step at a time (docs/game/closing.md). Each step claims before it acts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update

from challenges.announcements import tell_participants
from challenges.definition import Definition, Problem, definition_hash, stored_definition
from challenges.facts import facts_about
from challenges.linter import Finding, blocking, findings
from challenges.models import Amendment, Cancellation, Challenge, Draw, Participant, RulesVersion
from challenges.queries import draft_by_id, latest_version
from foundation import audit, clock
from foundation.database import db

NEXT = {"published": "running", "running": "closing", "closing": "reviewing", "reviewing": "closed"}


class NotPossible(ValueError):
    """What was asked cannot happen to this challenge now; the message says why and what would be right."""


class Unlawful(NotPossible):
    """The law forbids to publish this challenge; `findings` say each article, what is wrong and how to mend it."""

    def __init__(self, found: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.text for finding in found))
        self.findings = tuple(found)


class NotAllowed(NotPossible):
    """A change that a challenge cannot take; `problems` say each: the key, what is wrong, what would be right."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{one.wrong} — {one.right}" for one in problems))
        self.problems = tuple(problems)


class Unfinished(NotPossible):
    """The studio's draft of this challenge says something else, that cannot be played yet."""


def claim(challenge_id: int, before: str, after: str, *, by: str, at: datetime) -> bool:
    """Move a challenge from one state to another, for the one caller that comes first.

    False when it is no longer in `before`: somebody else took the step, and nothing was changed.
    """
    claimed = db.session.execute(
        update(Challenge)
        .where(Challenge.id == challenge_id, Challenge.state == before)
        .values(state=after)
        .execution_options(synchronize_session=False)
    )
    if claimed.rowcount != 1:  # type: ignore[attr-defined]
        return False
    db.session.expire_all()
    code = db.session.scalar(select(Challenge.code).where(Challenge.id == challenge_id))
    audit.record(f"challenge.{after}", code or "", by=by, at=at)
    return True


def freeze_rules(challenge: Challenge, *, by: str, at: datetime) -> RulesVersion:
    """Publish a draft: its definition is frozen as version 1.

    Raises NotPossible unless it is a draft, Unfinished when its draft in the studio has gone on and is not complete
    again, and Unlawful when the law forbids it.
    """
    if not claim(challenge.id, "draft", "published", by=by, at=at):
        raise NotPossible(f"challenge {challenge.code} is {challenge.state}; only a draft can be published")
    draft = draft_by_id(challenge_id=challenge.id)
    if draft is not None and draft.content != challenge.definition:
        raise Unfinished(f"the draft of challenge {challenge.code} is not finished; mend it in the studio")
    refuse_unlawful(stored_definition(challenge.definition), at=at)
    if any(payout["kind"] == "draw" for payout in challenge.definition.get("payouts", ())):
        if at >= clock.start_of_day(challenge.starts_on, challenge.zone):
            raise NotPossible(
                f"challenge {challenge.code} has a draw and has started; "
                "a challenge with a draw is published before its start"
            )
        seed = secrets.token_hex(32)
        db.session.add(Draw(challenge_id=challenge.id, seed=seed, commitment=commitment(seed)))
    version = RulesVersion(
        challenge_id=challenge.id,
        number=1,
        starts_on=challenge.starts_on,
        definition=challenge.definition,
        hash=definition_hash(challenge.definition),
        frozen_at=at,
    )
    db.session.add(version)
    challenge.published_at = at
    db.session.flush()
    return version


def refuse_unlawful(definition: Definition, *, at: datetime) -> None:
    """Raise Unlawful with what the law forbids in this challenge; warnings stop nothing."""
    found = blocking(findings(definition, facts_about(definition, on=clock.day_of(at, definition.zone))))
    if found:
        raise Unlawful(found)


def hold(challenge: Challenge) -> None:
    """Keep a challenge as it now is until the end of the transaction, its row read anew.

    Whoever is telling a sale that counts in it is waited for, and whoever comes after sees what was decided.
    """
    held = select(Challenge).where(Challenge.id == challenge.id).with_for_update()
    db.session.scalars(held, execution_options={"populate_existing": True}).one()


def amended(
    challenge: Challenge, definition: Definition, starts_on: date, kind: str, notice: str, *, by: str, at: datetime
) -> RulesVersion:
    """Freeze the next version of a published challenge, with what its participants read about it.

    The challenge follows its newest version at once; scoring takes each version from its own `starts_on`. The caller
    holds the challenge and has seen to it that this change may be made.
    """
    newest = latest_version(challenge.id)
    assert newest is not None and starts_on >= newest.starts_on
    columns = definition.columns()
    version = RulesVersion(
        challenge_id=challenge.id,
        number=newest.number + 1,
        starts_on=starts_on,
        definition=columns["definition"],
        hash=definition_hash(columns["definition"]),
        frozen_at=at,
    )
    db.session.add(version)
    db.session.add(
        Amendment(
            challenge_id=challenge.id, version=version.number, kind=kind, notice=notice, decided_at=at, decided_by=by
        )
    )
    for name, value in columns.items():
        setattr(challenge, name, value)
    db.session.flush()
    tell_participants(challenge, kind, notice, at=at)
    audit.record(
        f"challenge.{kind}",
        challenge.code,
        by=by,
        at=at,
        version=version.number,
        starts_on=starts_on.isoformat(),
        ends_on=challenge.ends_on.isoformat(),
        hash=version.hash,
    )
    return version


def call_off(challenge: Challenge, reason: str, *, by: str, at: datetime) -> None:
    """Cancel a challenge that is not closed, with a reason its participants read. Raises NotPossible otherwise."""
    reason = reason.strip()
    if not reason:
        raise NotPossible("a cancellation needs a reason; its participants will read it")
    before = challenge.state
    if before in ("closed", "cancelled") or not claim(challenge.id, before, "cancelled", by=by, at=at):
        raise NotPossible(f"challenge {challenge.code} is {challenge.state}; it can no longer be cancelled")
    db.session.add(Cancellation(challenge_id=challenge.id, cancelled_at=at, cancelled_by=by, reason=reason[:500]))
    db.session.flush()
    tell_participants(challenge, "cancelled", reason[:500], at=at)


def commitment(seed: str) -> str:
    """What is published of a draw's seed: its SHA-256, in hexadecimal."""
    return hashlib.sha256(seed.encode()).hexdigest()


def enter(challenge: Challenge, entrants: Iterable[Mapping[str, Any]], *, at: datetime) -> int:
    """Let people into a challenge: each mapping has person_id, outlet_id, league, target; fixed from then on."""
    rows = [{"challenge_id": challenge.id, "entered_at": at, **entrant} for entrant in entrants]
    if rows:
        db.session.connection().execute(insert(Participant.__table__), rows)  # type: ignore[arg-type]
    return len(rows)
