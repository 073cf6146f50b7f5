"""What anyone needs to redo a draw: the commitment, and once closed the seed, the frozen standings and the tickets.

Only codes and points are told, which participants see on the board already; never a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, select

from challenges.models import Challenge, Draw
from foundation import clock
from foundation.database import db
from leaderboards.queries import standings_rows
from rewards.models import Award, Closure, Release
from rewards.rules import Drawing, drawings, standings_line, tickets_of

TICKETS = ("person", "points", "tickets", "first_ticket")

# Shown on the page and run as it stands beside the two files: the standard library alone, written without ours.
RECIPE = """\
import csv, hashlib, hmac

seed = "{seed}"
standings = open("{standings}", "rb").read()
hashed = hashlib.sha256(standings).hexdigest()
print("commitment", hashlib.sha256(seed.encode()).hexdigest() == "{commitment}")
print("standings", hashed == "{hashed}")

points = {{}}
for line in standings.decode().splitlines():
    league, rank, person, total, progress, reached_at = line.split("\\t")
    points[person] = int(total)
tickets = []
for row in csv.DictReader(open("{tickets}", encoding="utf-8", newline="")):
    person = row["person"]
    if person[0] == "'" and person[1:2] in "=+-@":
        person = person[1:]  # kept from running as a formula in a spreadsheet
    tickets.append((person, int(row["tickets"])))
print("tickets", tickets == sorted((person, points[person] // {per}) for person, _ in tickets))

k, drawn = 0, 0
while tickets and drawn < {winners}:
    total = sum(count for _, count in tickets)
    x = int.from_bytes(hmac.digest(seed.encode(), f"{{hashed}}:{{k}}".encode(), "sha256"), "big")
    k += 1
    if x >= 2**256 // total * total:
        continue
    ticket = x % total
    for place, (person, count) in enumerate(tickets):
        if ticket < count:
            break
        ticket -= count
    del tickets[place]
    drawn += 1
    print("winner", person)
"""


@dataclass(frozen=True)
class Drawn:
    """A draw that has taken place, as its page shows it.

    `tickets` are (code, count) by code, `left_out` how many of the board had points enough but belong to a health
    outlet, `steps` every number drawn, `awards` what the closing gave to each code: granted, held, capped or
    not_funded; what was held and then given is granted.
    """

    payout: int
    winners: int
    per: int
    seed: str
    commitment: str
    hashed: str
    tickets: Sequence[tuple[str, int]]
    points: dict[str, int]
    left_out: int
    steps: Sequence[Drawing]
    awards: dict[str, str]

    @property
    def count(self) -> int:
        """How many tickets there were."""
        return sum(count for _, count in self.tickets)

    @property
    def drawn(self) -> list[str]:
        """The codes drawn, in order."""
        return [step.owner for step in self.steps if step.owner is not None]

    @property
    def as_awarded(self) -> bool:
        """Whether the codes drawn are those the closing awarded."""
        return sorted(self.drawn) == sorted(self.awards)

    def rows(self) -> Iterator[tuple[str, int, int, int]]:
        """The list of tickets: code, points, tickets, number of the first one."""
        first = 0
        for code, count in self.tickets:
            yield code, self.points[code], count, first
            first += count

    def recipe(self, standings: str, tickets: str) -> str:
        """A short program that redoes this draw from the two files under these names."""
        return RECIPE.format(
            seed=self.seed, commitment=self.commitment, hashed=self.hashed, per=self.per, winners=self.winners,
            standings=standings, tickets=tickets,
        )  # fmt: skip


def draws_of(challenge: Challenge) -> list[tuple[int, dict[str, Any]]]:
    """The payouts by lot of a challenge with their place in the file, from 1."""
    payouts = enumerate(challenge.definition.get("payouts", ()), 1)
    return [(number, payout) for number, payout in payouts if payout["kind"] == "draw"]


def drawn(challenge: Challenge, closure: Closure, secret: Draw, number: int, payout: dict[str, Any]) -> Drawn:
    """The draw of one payout of a closed challenge, redone by the pure rules from what the closing froze."""
    points = {row.code: int(row.points) for row in db.session.execute(standings_rows(challenge))}
    barred: set[str] = set()
    if challenge.ranks == "person":
        exclusions = closure.certificate["exclusions"]
        barred = {one["person"] for one in exclusions if one["reason"] == "health" and one["person"] in points}
    tickets = tickets_of(points.items(), barred, payout["tickets_per"])
    awards = db.session.execute(
        select(Award.competitor, case((Release.award_id.is_not(None), "granted"), else_=Award.status))
        .outerjoin(Release, Release.award_id == Award.id)
        .where(Award.challenge_id == challenge.id, Award.payout == number)
    )
    return Drawn(
        payout=number,
        winners=payout["winners"],
        per=payout["tickets_per"],
        seed=secret.seed,
        commitment=secret.commitment,
        hashed=closure.standings_hash,
        tickets=tickets,
        points=points,
        left_out=sum(points[code] >= payout["tickets_per"] for code in barred),
        steps=list(drawings(tickets, payout["winners"], secret.seed, closure.standings_hash)),
        awards={code: status for code, status in awards},
    )


def standings_text(challenge: Challenge) -> Iterator[str]:
    """The lines the standings hash is made of, as they were hashed."""
    for row in db.session.execute(standings_rows(challenge), execution_options={"yield_per": 5_000}):
        yield standings_line(
            row.league, row.rank, row.code, row.points, row.progress_bp, clock.format_instant(row.reached_at)
        )
