"""Reads over accepted declarations in their current revision: one pass of SQL per question, never a row per line.

The outlet is the one frozen in the revision; its region, kind and legal group are those of today. Category, family
and list price are those frozen in the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from declarations.models import Declaration, Line, Revision
from foundation.database import db
from insights.rules import (
    LEAST_DECLARATIONS,
    LEAST_GROUPS,
    MOST_OF_ONE_GROUP,
    Key,
    Measures,
    Selection,
    Tally,
    Together,
    given_up,
    measure,
    smallest_first,
)
from network.models import Outlet


class period_text(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """A date column as text, computed by the database."""

    type = String(10)
    inherit_cache = True
    unit = ""


class day_text(period_text):  # noqa: N801
    """2026-02-01."""

    inherit_cache = True
    name = unit = "day"


class week_text(period_text):  # noqa: N801
    """2026-W05: the ISO week, whose year is that of its Thursday."""

    inherit_cache = True
    name = unit = "week"


class month_text(period_text):  # noqa: N801
    """2026-02."""

    inherit_cache = True
    name = unit = "month"


_POSTGRESQL = {"day": "YYYY-MM-DD", "week": 'IYYY-"W"IW', "month": "YYYY-MM"}


@compiles(period_text, "postgresql")
def _period_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **kw)}, '{_POSTGRESQL[element.unit]}')"


@compiles(period_text)
def _period_default(element: Any, compiler: Any, **kw: Any) -> str:
    column = compiler.process(element.clauses, **kw)
    if element.unit == "week":
        thursday = f"{column}, '-3 days', 'weekday 4'"
        return f"strftime('%Y', {thursday}) || printf('-W%02d', (strftime('%j', {thursday}) - 1) / 7 + 1)"
    return f"strftime('{'%Y-%m-%d' if element.unit == 'day' else '%Y-%m'}', {column})"


# How each dimension is read. A text that is missing is '' and makes a cell of its own.
COLUMNS: Mapping[str, ColumnElement[str]] = {
    "day": day_text(Revision.sold_on),
    "week": week_text(Revision.sold_on),
    "month": month_text(Revision.sold_on),
    "country": Outlet.country.expression,
    "region": Outlet.region.expression,
    "department": Outlet.department.expression,
    "outlet_kind": Outlet.kind.expression,
    "channel": Revision.channel.expression,
    "category": Line.category.expression,
    "family": Line.family.expression,
    "sku": Line.sku.expression,
    "customer": Revision.customer.expression,
    "age_band": Revision.age_band.expression,
}


@dataclass(frozen=True)
class Cell:
    """One row of a protected table: `measures` is None where it is withheld."""

    key: Key
    measures: Measures | None

    @property
    def withheld(self) -> bool:
        """Whether the cell keeps its measures to itself."""
        return self.measures is None


@dataclass(frozen=True)
class Protected:
    """A protected table: cells in dimension order (code points), and the total of everything."""

    selection: Selection
    cells: Sequence[Cell]
    total: Cell

    @property
    def withheld(self) -> int:
        """How many cells are withheld, the total apart."""
        return sum(cell.withheld for cell in self.cells)

    def find(self, key: Key) -> Cell | None:
        """The cell of a key, None when nothing was declared there."""
        return next((cell for cell in self.cells if cell.key == key), None)


@dataclass(frozen=True)
class Voice:
    """One cleaned comment, with nothing that tells who or where."""

    month: str
    channel: str
    rating: int | None
    comment: str


@contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection that sees the database as of one instant, so that cells and total agree while sales come in."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def protected(connection: Connection, asked: Selection, *, total: Tally | None = None) -> Protected:
    """Count, then withhold what docs/insights.md says. An empty period gives no cell and a withheld total.

    `total` is that of the same period when it has been counted already, in the same snapshot.
    """
    total = total_of(connection, asked) if total is None else total
    found = _tallies(connection, asked)
    withheld = _withheld(connection, asked, total, found)
    found.sort(key=lambda cell: cell[0])
    cells = [Cell(key, None if key in withheld else measure(tally)) for key, tally in found]
    return Protected(asked, cells, Cell((), measure(total) if total.safe else None))


def total_of(connection: Connection, asked: Selection, *, outlet_id: int | None = None) -> Tally:
    """Everything declared in the period, unprotected; of one outlet when `outlet_id` is given."""
    everything = Selection(asked.since, asked.until, ())
    found = _tallies(connection, everything, outlet_id=outlet_id)
    return found[0][1] if found else Tally()


def voices(connection: Connection, since: date, until: date, *, limit: int, offset: int) -> tuple[list[Voice], int]:
    """The latest comments of shown cells (month by channel), newest first, and how many there are.

    A comment of a withheld cell is never returned.
    """
    table = protected(connection, Selection(since, until, ("month", "channel")))
    shown = [cell.key for cell in table.cells if not cell.withheld]
    if not shown:
        return [], 0
    of_month: dict[str, list[str]] = {}
    for month, channel in shown:
        of_month.setdefault(month, []).append(channel)
    allowed = or_(
        *(
            and_(COLUMNS["month"] == month, Revision.channel.in_(channels))
            for month, channels in sorted(of_month.items())
        )
    )
    source = (
        select(COLUMNS["month"].label("month"), Revision.channel, Revision.rating, Revision.comment)
        .join(Declaration, _current())
        .where(*_counted(since, until), Revision.comment != "", allowed)
    )
    count = connection.scalar(select(func.count()).select_from(source.subquery())) or 0
    rows = connection.execute(source.order_by(Revision.sold_on.desc(), Revision.id.desc()).limit(limit).offset(offset))
    return [Voice(*row) for row in rows], count


def _current() -> ColumnElement[bool]:
    return and_(Declaration.id == Revision.declaration_id, Declaration.revision == Revision.number)


def _counted(since: date, until: date) -> tuple[ColumnElement[bool], ...]:
    return Declaration.status == "accepted", Revision.sold_on >= since, Revision.sold_on <= until


def _parts(asked: Selection, outlet_id: int | None = None) -> Select[Any]:
    """One row per declaration and cell: the dimensions, the legal group, and what the declaration brings there."""
    names = asked.line_dimensions
    lines = (
        select(
            Revision.id.label("revision_id"),
            *(COLUMNS[name].label(name) for name in names),
            func.sum(Line.units).label("units"),
            func.sum(cast(Line.units, BigInteger) * Line.list_price_cents).label("value"),
        )
        .join(Declaration, _current())
        .join(Line, Line.revision_id == Revision.id)
        .where(*_counted(asked.since, asked.until))
        .group_by(Revision.id, *(COLUMNS[name] for name in names))
    )
    if outlet_id is not None:
        lines = lines.where(Revision.outlet_id == outlet_id)
    part = lines.subquery("part")
    return (
        select(
            part.c.revision_id,
            *(part.c[name] if name in names else COLUMNS[name].label(name) for name in asked.by),
            Outlet.group_code.label("group_code"),
            part.c.units,
            part.c.value,
            Revision.customer.label("kind"),
            Revision.rating,
            Revision.recommend,
            case((Revision.comment != "", 1), else_=0).label("commented"),
        )
        .select_from(part)
        .join(Revision, Revision.id == part.c.revision_id)
        .join(Outlet, Outlet.id == Revision.outlet_id)
    )


def _of_groups(asked: Selection, outlet_id: int | None = None) -> Select[Any]:
    """One row per cell and legal group."""
    part = _parts(asked, outlet_id).subquery("of_declaration")
    keys = [part.c[name] for name in asked.by]
    return select(
        *keys,
        part.c.group_code,
        func.count().label("declarations"),
        func.sum(part.c.units).label("units"),
        func.sum(part.c.value).label("value"),
        func.sum(case((part.c.kind != "", 1), else_=0)).label("named"),
        func.sum(case((part.c.kind == "returning", 1), else_=0)).label("came_back"),
        func.count(part.c.rating).label("ratings"),
        func.coalesce(func.sum(part.c.rating), 0).label("rating_sum"),
        func.count(part.c.recommend).label("recommends"),
        func.sum(case((part.c.recommend >= 9, 1), else_=0)).label("promoters"),
        func.sum(case((part.c.recommend <= 6, 1), else_=0)).label("detractors"),
        func.sum(part.c.commented).label("comments"),
    ).group_by(*keys, part.c.group_code)


_SUMS = (
    "declarations",
    "units",
    "value",
    "named",
    "came_back",
    "ratings",
    "rating_sum",
    "recommends",
    "promoters",
    "detractors",
    "comments",
)


def _of_cells(asked: Selection, groups: FromClause) -> Select[Any]:
    """One row per cell: the sums, how many legal groups, and the value of the largest."""
    keys = [groups.c[name] for name in asked.by]
    found = select(
        *keys,
        *(_whole(func.sum(groups.c[name])).label(name) for name in _SUMS),
        func.count().label("legal_groups"),
        _whole(func.max(groups.c.value)).label("largest"),
    )
    return found.group_by(*keys) if keys else found.having(func.count() > 0)


def _whole(column: ColumnElement[Any]) -> ColumnElement[int]:
    """PostgreSQL sums bigint into numeric; ours stay integers."""
    return cast(column, BigInteger)


def _tallies(connection: Connection, asked: Selection, *, outlet_id: int | None = None) -> list[tuple[Key, Tally]]:
    statement = _of_cells(asked, _of_groups(asked, outlet_id).subquery("of_group"))
    width = len(asked.by)
    return [(tuple(row[:width]), Tally(*row[width:])) for row in connection.execute(statement)]


def _withheld(
    connection: Connection, asked: Selection, total: Tally, found: Sequence[tuple[Key, Tally]]
) -> frozenset[Key] | set[Key]:
    """The cells to withhold: those that fail, then the smallest others until what is withheld is safe together."""
    failing = {key for key, tally in found if not tally.safe}
    if not failing:
        return failing
    if not total.safe:
        # Were some shown, they and the others would each pass, hence the total would.
        return {key for key, _ in found}
    together = _together(connection, asked)
    if together.safe:
        return failing
    shown = sorted((cell for cell in found if cell[0] not in failing), key=smallest_first)
    return failing | set(given_up(together, _with_groups(connection, asked, shown)))


def _together(connection: Connection, asked: Selection) -> Together:
    """The cells that fail the tests, taken as one. A declaration has one legal group, so groups' counts add up."""
    parts = _parts(asked).cte("of_declaration")
    keys = [parts.c[name] for name in asked.by]
    groups = (
        select(*keys, parts.c.group_code, func.count().label("n"), func.sum(parts.c.value).label("value"))
        .group_by(*keys, parts.c.group_code)
        .subquery("of_group")
    )
    group_keys = [groups.c[name] for name in asked.by]
    failing = (
        select(*group_keys)
        .group_by(*group_keys)
        .having(
            or_(
                func.sum(groups.c.n) < LEAST_DECLARATIONS,
                func.count() < LEAST_GROUPS,
                func.max(groups.c.value) * 100 > func.sum(groups.c.value) * MOST_OF_ONE_GROUP,
            )
        )
        .subquery("failing")
    )
    rows = connection.execute(
        select(
            parts.c.group_code,
            func.count(parts.c.revision_id.distinct()),
            _whole(func.sum(parts.c.value)),
        )
        .join(failing, and_(*(parts.c[name] == failing.c[name] for name in asked.by)))
        .group_by(parts.c.group_code)
    ).all()
    return Together(sum(row[1] for row in rows), {row[0]: row[2] for row in rows})


def _with_groups(
    connection: Connection, asked: Selection, shown: Sequence[tuple[Key, Tally]]
) -> Iterator[tuple[Key, Mapping[str, int]]]:
    """The shown cells, smallest first, each with the value of its legal groups; read in growing batches."""
    width = len(asked.by)
    start, size = 0, 16
    while start < len(shown):
        end = min(start + size, len(shown))
        while end < len(shown) and shown[end][1].declarations == shown[end - 1][1].declarations:
            end += 1
        low, high = shown[start][1].declarations, shown[end - 1][1].declarations
        groups = _of_groups(asked).subquery("of_group")
        inside = (
            select(*(groups.c[name] for name in asked.by))
            .group_by(*(groups.c[name] for name in asked.by))
            .having(func.sum(groups.c.declarations).between(low, high))
            .subquery("inside")
        )
        rows = connection.execute(
            select(*(groups.c[name] for name in asked.by), groups.c.group_code, _whole(groups.c.value)).join(
                inside, and_(*(groups.c[name] == inside.c[name] for name in asked.by))
            )
        )
        values: dict[Key, dict[str, int]] = {}
        for row in rows:
            values.setdefault(tuple(row[:width]), {})[row[width]] = row[width + 1]
        for key, _ in shown[start:end]:
            yield key, values[key]
        start, size = end, size * 4
