"""What closing gives, pure (docs/game/closing.md): the meaning of rewards/closing.py, and what `verify` recomputes;
and how an order goes on (docs/rewards.md)."""

from __future__ import annotations

import hashlib
import hmac
from array import array
from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple


class Ranked(NamedTuple):
    """A line of the frozen board: the competitor, its league, rank, points and progress in basis points.

    `crossings` are, for each total that a race asks for, the instant at which it was first reached.
    """

    code: str
    league: str
    rank: int
    points: int
    progress_bp: int | None
    crossings: Mapping[int, datetime] = {}


class Gain(NamedTuple):
    """An award, as `flask rewards awards` lists it. `payout` is its place in the file, from 1."""

    payout: int
    kind: str
    league: str
    rank: int
    code: str
    points: int
    reward: str | None
    wallet_points: int
    cost_cents: int
    status: str


def standings_line(league: str, rank: int, code: str, points: int, progress_bp: int | None, reached_at: str) -> str:
    """A line of the standings as hashed: fields joined by a tab, ended by LF, without the name."""
    progress = "" if progress_bp is None else str(progress_bp)
    return "\t".join((league, str(rank), code, str(points), progress, reached_at)) + "\n"


def standings_hash(lines: Iterable[str]) -> str:
    """SHA-256 over the lines, in hexadecimal."""
    found = hashlib.sha256()
    for line in lines:
        found.update(line.encode())
    return found.hexdigest()


def awards(
    payouts: Sequence[Mapping[str, Any]],
    board: Sequence[Ranked],
    converting: Sequence[Ranked],
    *,
    barred: Collection[str],
    costs: Mapping[str, int],
    point_cents: int,
    budget_cents: int | None,
    policy: str,
    seed: str = "",
    hashed: str = "",
    held: Collection[str] = (),
    room: Mapping[str, int] | None = None,
) -> list[Gain]:
    """All awards of a closing, in order of payout, league, rank, code.

    Awards of the people in `held` wait, and keep their part of the budget. `room` is what people may still receive
    under the yearly cap, in cents (those who are not in it have no cap): an award that does not fit is capped.

    `converting` are the people whose own totals are converted (the board itself where people compete); `barred` codes
    win nothing. A draw takes its tickets from `seed` and the hash of the standings. A budget stops at the first award
    that does not fit, or shares what is left of it among a conversion.
    """
    found: list[Gain] = []
    left = budget_cents
    stopped = False
    room = dict(room or {})
    for number, payout in enumerate(payouts, 1):
        candidates = converting if payout["kind"] == "convert" else board
        winners = _chosen(payout, board, barred, seed, hashed)
        gains = []
        for one in sorted(candidates, key=lambda one: (one.league, one.rank, one.code)):
            wallet = _wallet_points(payout, one)
            won = wins(payout, one) if winners is None else one.code in winners
            if one.code in barred or not won or (payout["kind"] == "convert" and not wallet):
                continue
            reward = payout.get("reward")
            cost = costs[reward] if reward else wallet * point_cents
            kind = payout["kind"]
            gains.append(
                Gain(
                    number, kind, one.league, one.rank, one.code, one.points, reward, wallet, cost,
                    "capped" if cost > room.get(one.code, cost) else "held" if one.code in held else "granted",
                )
            )  # fmt: skip
        needed = sum(gain.cost_cents for gain in gains if gain.status != "capped")
        if left is not None and not stopped and needed > left and policy == "pro_rata" and payout["kind"] == "convert":
            gains = [
                gain if gain.status == "capped" else _share(gain, left, needed, point_cents) for gain in gains
            ]  # fmt: skip
        for gain in gains:
            if left is not None and gain.status != "capped":
                stopped = stopped or gain.cost_cents > left
                if stopped:
                    gain = gain._replace(status="not_funded")
                else:
                    left -= gain.cost_cents
            if gain.code in room and gain.status in ("granted", "held"):
                room[gain.code] -= gain.cost_cents
            found.append(gain)
    return found


def wins(payout: Mapping[str, Any], one: Ranked) -> bool:
    """Whether a competitor of the board has won a payout."""
    kind = payout["kind"]
    if kind == "rank":
        return bool(payout["from"] <= one.rank <= payout["to"])
    if kind == "threshold":
        return bool(one.points >= payout["points"])
    if kind == "objective":
        return one.progress_bp is not None and one.progress_bp >= 10_000
    return bool(kind == "convert" and one.points > 0)


def _chosen(
    payout: Mapping[str, Any], board: Sequence[Ranked], barred: Collection[str], seed: str, hashed: str
) -> set[str] | None:
    """The winners of a payout that compares everybody (race, draw); None for those that look at one at a time."""
    if payout["kind"] == "race":
        instants = {one.code: one.crossings[payout["points"]] for one in board if payout["points"] in one.crossings}
        return {
            code for code, at in instants.items() if sum(other < at for other in instants.values()) < payout["first"]
        }
    if payout["kind"] == "draw":
        tickets = tickets_of([(one.code, one.points) for one in board], barred, payout["tickets_per"])
        return set(draw(tickets, payout["winners"], seed, hashed))
    return None


def tickets_of(totals: Iterable[tuple[str, int]], barred: Collection[str], per: int) -> list[tuple[str, int]]:
    """Who takes part in a draw, by code: (code, number of tickets), one for every `per` points, floored."""
    return sorted((code, points // per) for code, points in totals if code not in barred and points >= per)


class Drawing(NamedTuple):
    """One step of a draw: number `k` among `tickets` left; `number` None when it is drawn again.

    `mac` is the HMAC in hexadecimal, `number` the ticket among those left, `ticket` the same one as first numbered,
    `owner` whose it is.
    """

    k: int
    mac: str
    tickets: int
    number: int | None
    ticket: int | None
    owner: str | None


def draw(tickets: Sequence[tuple[str, int]], winners: int, seed: str, hashed: str) -> list[str]:
    """The codes drawn, in order, from (code, number of tickets) in order of code."""
    return [step.owner for step in drawings(tickets, winners, seed, hashed) if step.owner is not None]


def drawings(tickets: Sequence[tuple[str, int]], winners: int, seed: str, hashed: str) -> Iterator[Drawing]:
    """Every step of a draw, from (code, number of tickets) in order of code.

    Tickets are numbered from 0; for k = 0, 1, … x = HMAC-SHA256(seed, standings hash in hex + ":" + k) as a big-endian
    integer; x ≥ ⌊2²⁵⁶ / T⌋ × T is drawn again, so that every ticket has the same chance; else ticket x mod T wins, and
    its owner's tickets leave before the next.
    """
    for step, place in _steps((count for _, count in tickets), winners, seed, hashed):
        yield step if place is None else step._replace(owner=tickets[place][0])


def drawn_places(counts: Iterable[int], winners: int, seed: str, hashed: str) -> list[int]:
    """Whom a draw names, in order: places (from 0) among these numbers of tickets, which are in order of code."""
    return [place for _, place in _steps(counts, winners, seed, hashed) if place is not None]


def _steps(counts: Iterable[int], winners: int, seed: str, hashed: str) -> Iterator[tuple[Drawing, int | None]]:
    """Every step without its owner, and whose place came out; eight bytes for each who has tickets."""
    firsts = array("q", accumulate(counts, initial=0))
    left = firsts[-1]
    gone: list[int] = []
    k = 0
    while left and len(gone) < winners:
        number = drawn_ticket(seed, hashed, k, left)
        mac = drawn_mac(seed, hashed, k).hex()
        if number is None:
            yield Drawing(k, mac, left, None, None, None), None
        else:
            ticket = number
            for place in gone:
                if ticket >= firsts[place]:
                    ticket += firsts[place + 1] - firsts[place]
            place = bisect_right(firsts, ticket) - 1
            yield Drawing(k, mac, left, number, ticket, None), place
            insort(gone, place)
            left -= firsts[place + 1] - firsts[place]
        k += 1


def drawn_ticket(seed: str, hashed: str, k: int, tickets: int) -> int | None:
    """The ticket that draw number `k` names among `tickets`; None when it must be drawn again."""
    x = int.from_bytes(drawn_mac(seed, hashed, k), "big")
    return None if x >= 2**256 // tickets * tickets else x % tickets


def drawn_mac(seed: str, hashed: str, k: int) -> bytes:
    """HMAC-SHA256 of draw number `k`: the seed's characters over the standings hash, a colon and k."""
    return hmac.new(seed.encode(), f"{hashed}:{k}".encode(), hashlib.sha256).digest()


def _wallet_points(payout: Mapping[str, Any], one: Ranked) -> int:
    if payout["kind"] == "convert":
        return int(payout["into"] * (one.points // payout["every"]))
    return int(payout.get("wallet") or 0)


def _share(gain: Gain, left: int, needed: int, point_cents: int) -> Gain:
    points = gain.wallet_points * left // needed
    return gain._replace(wallet_points=points, cost_cents=points * point_cents)


# From which states an order comes into one.
BEFORE: dict[str, tuple[str, ...]] = {
    "approved": ("ordered",),
    "sent": ("approved",),
    "delivered": ("sent",),
    "cancelled": ("ordered", "approved"),
}


class NotOrdered(ValueError):
    """An order, or a step of one, is refused. `reason` is a word (rewards/wording.py has the sentence); `value` a
    number that goes with it."""

    def __init__(self, reason: str, value: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


def wait_after(tries: int) -> timedelta:
    """How long to wait after so many tries in vain: a minute, then twice as long each time, at most six hours."""
    return min(timedelta(minutes=2 ** min(tries - 1, 9)), timedelta(hours=6))
