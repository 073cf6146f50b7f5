"""A person's statement as a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from foundation.database import db
from foundation.localisation import language
from foundation.tables import write_table
from network.models import Person
from points.explanations import explanation, skus_of
from points.queries import Balance, balances, challenge_titles, movement, movements, product_names

HEADER = (
    "posted_at", "effective_at", "book", "amount", "subject", "rule", "rules_version", "reference", "explanation",
)  # fmt: skip
BATCH = 1_000


def export_statement(person: Person, target: Path | IO[str]) -> None:
    """Write every movement of a person's points, oldest first; amounts are signed, instants in UTC.

    Explanations are in the language being spoken.
    """
    write_table(target, HEADER, _rows(balances(person.id)))


def _rows(held: list[Balance]) -> Iterator[tuple[Any, ...]]:
    titles = challenge_titles({one.challenge for one in held if one.challenge}, language())
    statement = movements([one.account_id for one in held], latest_first=False)
    found = map(movement, db.session.execute(statement, execution_options={"yield_per": BATCH}))
    names: dict[str, str] = {}
    while batch := list(islice(found, BATCH)):
        unknown = skus_of(one.why for one in batch) - names.keys()
        names |= dict.fromkeys(unknown, "") | product_names(unknown) if unknown else {}
        known = {sku: name for sku, name in names.items() if name}
        for one in batch:
            why = explanation(one.why, one.amount, known, titles)
            yield (
                one.posted_at, one.effective_at, one.book, one.amount, one.subject, one.rule, one.rules_version,
                one.reference, why,
            )  # fmt: skip
