"""The ledger's arithmetic, pure: what a posting is, the digest of an entry, the link of a chain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

FIRST_LINK = "0" * 64

# The brand's side of a book: where points come from, and where they go.
ISSUE = "issue"
SPENT = "spent"
EXPIRED = "expired"
FORGIVEN = "forgiven"
BRAND = (ISSUE, SPENT, EXPIRED, FORGIVEN)


class Posting(NamedTuple):
    """A movement to post: `amount` points to the person when positive, back from the person when negative.

    `reference` is unique in the whole ledger and made from the cause; `why` is JSON; `against` is the brand's account
    on the other side.
    """

    person_id: int
    amount: int
    reference: str
    subject: str
    rule: str
    rules_version: int
    why: str
    effective_at: datetime
    against: str = ISSUE


class NotEnough(ValueError):
    """There are `has` points that can be spent or taken back, and `needs` were asked."""

    def __init__(self, has: int, needs: int) -> None:
        super().__init__(f"there are {has} points, {needs} are needed")
        self.has = has
        self.needs = needs


class NotPossible(ValueError):
    """What was asked of the ledger cannot happen; the message says why."""


def digest_text(
    book: str, source: str, destination: str, amount: int, reference: str, subject: str, rule: str, version: int,
    why: str, effective_at: str, posted_at: str,
) -> str:  # fmt: skip
    """The canonical text of an entry: fields joined by a unit separator; instants as clock.format_instant."""
    return "\x1f".join(
        (book, source, destination, str(amount), reference, subject, rule, str(version), why, effective_at, posted_at)
    )


def digest(canonical: str) -> str:
    """SHA-256 of an entry's canonical text, in hexadecimal."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def next_link(previous: str, digests: Iterable[str]) -> tuple[str, int]:
    """The chain's next hash over a batch of digests in order, and how many there were."""
    chain = hashlib.sha256(previous.encode())
    count = 0
    for one in digests:
        chain.update(one.encode())
        count += 1
    return chain.hexdigest(), count
