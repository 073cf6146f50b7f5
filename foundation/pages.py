"""Pages and parts: the same view answers a whole page, or the part htmx asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import current_app, request, url_for
from flask.templating import render_template
from flask_htmx import HTMX
from sqlalchemy import Select, func, select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError

from foundation.database import db

htmx = HTMX()
Row = TypeVar("Row")


def page_or_part(page: str, part: str, /, **context: Any) -> str:
    """Render `part` when htmx asks for a part of the page, else `page` (which includes the same part)."""
    wanted = bool(htmx) and not htmx.boosted and not htmx.history_restore_request
    return render_template(part if wanted else page, **context)


def address(endpoint: str, **values: Any) -> str | None:
    """The address of a page of a higher package, None while this installation has no such page."""
    try:
        return url_for(endpoint, **values)
    except BuildError:
        return None


def existing(path: str) -> str | None:
    """A path of this site, None while this installation has no page there."""
    try:
        current_app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return None
    return path


@dataclass(frozen=True)
class Paged(Generic[Row]):
    """One page of a list: `rows`, its `number` from 1, how many `pages` and rows in all (`total`)."""

    rows: Sequence[Row]
    number: int
    pages: int
    total: int

    def url(self, number: int) -> str:
        """The address of another page of the same list, filters kept."""
        # Filters are written by hand: url_for would take names such as _scheme or endpoint as orders of its own.
        filters = request.args.to_dict() | {"page": str(number)}
        assert request.endpoint is not None
        return f"{url_for(request.endpoint, **(request.view_args or {}))}?{urlencode(filters)}"


def page_number() -> int:
    """The page asked for in the address; 1 when it is missing or not a number."""
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1


def paged(query: Select[Any], number: int, *, size: int = 25, shape: Callable[[Any], Row] | None = None) -> Paged[Row]:
    """One page of an ordered select. `shape` turns a result row into what the template reads (default: row[0])."""
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    pages = max(1, -(-total // size))
    number = min(number, pages)
    found = db.session.execute(query.limit(size).offset((number - 1) * size)).all()
    rows = [shape(row) if shape else row[0] for row in found]
    return Paged(rows, number, pages, total)
