"""Rows of a file into a table, created or updated by their code, in a few statements however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from foundation.database import db

CHUNK = 500


@dataclass(frozen=True)
class Merged:
    """What a file did: the codes created and updated, in file order, and how many rows changed nothing."""

    created: Sequence[str]
    updated: Sequence[str]
    unchanged: int

    def __str__(self) -> str:
        return f"created {len(self.created)}, updated {len(self.updated)}, unchanged {self.unchanged}"


def chunks(values: Sequence[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """The values in lists short enough for one statement."""
    left = iter(values)
    while part := list(islice(left, size)):
        yield part


def rows_by_code(table: Table, code: str, codes: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the table holds under these codes: code → {column: value}."""
    wanted = [table.c[code], *(table.c[name] for name in columns)]
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(codes):
        for row in db.session.execute(select(*wanted).where(table.c[code].in_(part))):
            found[row[0]] = dict(zip(columns, row[1:], strict=True))
    return found


def merge(
    table: Table,
    code: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    new: Callable[[], Mapping[str, Any]] = dict,
) -> Merged:
    """Insert the rows whose `code` is unknown, update those that differ, leave the others alone.

    Every row has the same keys, `code` among them, each code once. `new` gives what only a created row needs.
    """
    if not rows:
        return Merged([], [], 0)
    columns = [name for name in rows[0] if name != code]
    known = rows_by_code(table, code, [row[code] for row in rows], columns)
    created = [row for row in rows if row[code] not in known]
    updated = [
        row for row in rows if row[code] in known and any(known[row[code]][name] != row[name] for name in columns)
    ]
    if created:
        db.session.execute(insert(table), [dict(row) | dict(new()) for row in created])
    if updated:
        change = (
            update(table)
            .where(table.c[code] == bindparam("the_code"))
            .values({name: bindparam(f"new_{name}") for name in columns})
        )
        db.session.connection().execute(
            change,
            [{"the_code": row[code]} | {f"new_{name}": row[name] for name in columns} for row in updated],
        )
    db.session.expire_all()
    return Merged(
        [row[code] for row in created], [row[code] for row in updated], len(rows) - len(created) - len(updated)
    )
