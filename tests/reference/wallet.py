"""What wallets hold, recomputed from what happened to them; written from the prose, with the standard library alone.

Points come in lots. A lot that came with a number of days can be spent until the end of the n-th day after the day it
came, in the zone of the programme. Spending takes the soonest to expire first, lots without an end last, then in the
order in which they came. What is taken back takes its own lot first. What is lacking is owed, and the next points pay
it, or it is forgiven.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

NEVER = datetime.max


@dataclass
class Lot:
    """Points that came together; `gone` of them expired."""

    reference: str
    amount: int
    left: int
    ends_at: datetime | None
    gone: int = 0


@dataclass
class Wallet:
    """The lots of one person and what the person owes; the balance is the one less the other."""

    zone: object
    lots: list = field(default_factory=list)
    owes: int = 0

    @property
    def balance(self):
        """What is left of the lots, less what is owed."""
        return sum(lot.left for lot in self.lots) - self.owes

    def expire(self, at):
        """Let go of what can no longer be spent at an instant."""
        for lot in self.lots:
            if lot.ends_at is not None and lot.ends_at <= at:
                lot.gone += lot.left
                lot.left = 0

    def credit(self, reference, points, at, days=0):
        """Points of a closing, or a bonus by hand."""
        self.expire(at)
        paid = min(self.owes, points)
        self.owes -= paid
        self.lots.append(Lot(reference, points, points - paid, self._end(at, days)))

    def _end(self, at, days):
        if not days:
            return None
        last = at.astimezone(self.zone).date() + timedelta(days=days)
        return datetime.combine(last + timedelta(days=1), time(), self.zone)

    def correct(self, points, at, forgive=False):
        """A correction by hand: so many points are taken back."""
        self.expire(at)
        self._take(self._by_end(), points, forgive)

    def take_back(self, reference, at, points=None, forgive=False):
        """A reversal: a credit is taken back, whole or in part, as far as it has not expired."""
        self.expire(at)
        own = next(lot for lot in self.lots if lot.reference == reference)
        most = own.amount - own.gone
        wanted = most if points is None else points
        assert 0 < wanted <= most
        self._take([own, *(lot for lot in self._by_end() if lot is not own)], wanted, forgive)

    def _by_end(self):
        def end(lot):
            return NEVER if lot.ends_at is None else lot.ends_at.replace(tzinfo=None)

        return sorted(self.lots, key=end)

    def _take(self, lots, points, forgive):
        for lot in lots:
            taken = min(lot.left, points)
            lot.left -= taken
            points -= taken
        if not forgive:
            self.owes += points
