"""The places in the rankings that a sale has just won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from challenges.models import Challenge
from declarations.queries import Answer, InChallenge
from declarations.scoring import outcome
from leaderboards.queries import Supposed, frozen_day, ranks_with_and_without
from points.queries import adjustments_of


@dataclass(frozen=True)
class Climb:
    """From which rank to which a sale brought its person (or `outlet`, where these compete) in a challenge. `before` is
    None where it had none."""

    challenge: Challenge
    before: int | None
    now: int

    @property
    def outlet(self) -> bool:
        """Whether the rank is the outlet's."""
        return self.challenge.ranks == "outlet"

    @property
    def places(self) -> int:
        """How many places were won; 0 on entering the ranking."""
        return self.before - self.now if self.before is not None else 0


def climbs(answer: Answer, *, at: datetime) -> list[Climb]:
    """What an accepted sale changed in the rankings where it counts, against the same boards without it.

    Nothing where the rank is the same, where the board is not live, and while the public one is frozen: it would tell
    what is kept for the end. Two statements, whatever the number of challenges.
    """
    live = [
        one
        for one in answer.challenges
        if one.versions
        and one.challenge.state in ("running", "closing", "reviewing")
        and frozen_day(one.challenge, at) is None
    ]
    if answer.waiting or not live:
        return []
    person_id = answer.declaration.person_id
    extra = adjustments_of(person_id, [one.challenge.id for one in live])
    suppositions = []
    for one in live:
        tally = outcome(one.challenge, one.versions, one.others, extra[one.challenge.id]).tally
        suppositions.append((one.challenge, Supposed(person_id, tally.points, tally.measure, tally.reached_at)))
    ranks = ranks_with_and_without(suppositions)
    found = []
    for one in live:
        before, now = ranks[one.challenge.id]
        if now is not None and (before is None or now < before):
            found.append(Climb(one.challenge, before, now))
    return found


def climbs_together(answers: Sequence[Answer], *, at: datetime) -> list[Climb]:
    """What several accepted sales of one person and one day changed together: against the boards without any of them.
    As many statements as for one."""
    accepted = [one for one in answers if not one.waiting and one.challenges]
    ids = {one.declaration.id for one in accepted}
    without: dict[int, InChallenge] = {}
    for answer in accepted:
        for one in answer.challenges:
            if one.versions and one.challenge.id not in without:
                rest = [other for other in one.others if other.declaration_id not in ids]
                without[one.challenge.id] = replace(one, others=rest)
    return climbs(replace(accepted[0], challenges=list(without.values())), at=at) if without else []
