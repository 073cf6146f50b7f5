"""Who calls, when a machine does: a bearer token stands for one person."""

from __future__ import annotations

from flask import Request
from sqlalchemy import select

from foundation.database import db
from network.models import ApiToken, Person
from network.operations import TOKEN_PREFIX, token_hash


def bearer_person(request: Request) -> Person | None:
    """The person whose personal token comes with this request; None without one, revoked, or suspended."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(TOKEN_PREFIX):
        return None
    found = db.session.scalar(
        select(ApiToken).where(ApiToken.token_hash == token_hash(token), ApiToken.revoked_at.is_(None))
    )
    return found.person if found is not None and found.person.is_active else None
