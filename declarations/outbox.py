"""The server's side of the outbox on the phone: who is signed in, the sales it sends, the catalogue it keeps.

Answers are JSON. The session's cookie says who calls, a header carries the token of forms, and another the person for
whom the phone kept what it sends: somebody else's sale is refused, whoever holds the phone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, jsonify, request, url_for
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from declarations import queries, taking
from foundation import clock
from foundation.pages import page_number, paged
from foundation.web import limiter, problem
from network.devices import PERSON, person_key, sealing_key
from network.permissions import PERMISSIONS, requires

View = TypeVar("View", bound=Callable[..., Any])
PRODUCTS_PER_PAGE = 500
MOST_PAGES = 10


def _caller() -> str:
    """Who is counted by the limits."""
    return f"person:{current_user.id}" if current_user.is_authenticated else get_remote_address()


def _secret() -> str:
    return current_app.config["SECRET_KEY"]


def from_the_phone(view: View) -> View:
    """Let the signed-in reseller call (g.caller): 401 for nobody, 404 for another role, 403 for somebody who has not
    read the notice, and when what is sent says that it was kept for another person."""

    @wraps(view)
    def identified(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return problem(401, "Sign in first; what was kept stays on the phone")
        if current_user.role not in PERMISSIONS["machine"]:
            return problem(404, "There is nothing here for this person")
        if current_user.notice_accepted_at is None:
            return problem(403, "Read the notice first")
        kept_for = request.headers.get(PERSON, "")
        if kept_for and kept_for != person_key(current_user, secret=_secret()):
            return problem(403, "This was kept for another person; nothing was written")
        g.caller = current_user
        return view(*args, **kwargs)

    return identified  # type: ignore[return-value]


@requires("machine")
@limiter.limit("120 per minute", key_func=_caller)
def session() -> Response:
    """Who is signed in, as an opaque key; the token that forms carry; and the key that seals what is kept."""
    if not current_user.is_authenticated:
        return problem(401, "Nobody is signed in")
    return jsonify(
        person=person_key(current_user, secret=_secret()),
        token=generate_csrf(),
        key=sealing_key(current_user, secret=_secret()),
    )


@requires("machine")
@limiter.limit("240 per minute", key_func=_caller)
@from_the_phone
def send() -> Response:
    """Take a sale kept on the phone, with the body and the answers of POST /api/v1/declarations."""
    if not request.headers.get(PERSON):
        return problem(403, f"Say for whom this was kept, in the header {PERSON}; nothing was written")
    return taking.take(
        g.caller,
        at=clock.now(),
        zone=current_app.config["TIMEZONE"],
        address=lambda public_id: url_for("declarations.answer", public_id=public_id),
    )


@requires("machine")
@limiter.limit("60 per minute", key_func=_caller)
@from_the_phone
def products() -> Response:
    """What a sale declared without network may be made of, by pages: everything on sale at some moment of the days
    for which a phone may keep a sale, each with its days. At most 5 000 products."""
    today = clock.day_of(clock.now(), current_app.config["TIMEZONE"])
    page = paged(
        queries.products_between(today - timedelta(days=14), today + timedelta(days=14)),
        min(page_number(), MOST_PAGES),
        size=PRODUCTS_PER_PAGE,
        shape=lambda row: [
            row.sku,
            row.ean,
            row.name,
            row.category,
            row.starts_on and row.starts_on.isoformat(),
            row.ends_on and row.ends_on.isoformat(),
        ],
    )
    return jsonify(items=page.rows, page=page.number, pages=min(page.pages, MOST_PAGES))
