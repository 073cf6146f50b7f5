"""Who may: every route names its permission, and what a person may not see answers 404."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import abort, redirect, request, session, url_for
from flask_login import current_user

View = TypeVar("View", bound=Callable[..., Any])

STAFF = frozenset({"animator", "admin"})
PERMISSIONS: dict[str, frozenset[str]] = {
    "public": frozenset({"anonymous", "reseller", "animator", "brand", "admin"}),
    "signed_in": frozenset({"reseller", "animator", "brand", "admin"}),
    "play": frozenset({"reseller"}),
    "see_challenges": frozenset({"reseller", "animator", "brand", "admin"}),
    "animate": STAFF,
    "review": STAFF,
    "see_insights": frozenset({"brand", "animator", "admin"}),
    "see_accounts": frozenset({"brand", "admin"}),
    "administer": frozenset({"admin"}),
    "machine": frozenset({"reseller"}),
}


def may(person: Any, permission: str) -> bool:
    """Whether this person (or the anonymous user) has a permission. Raises KeyError for an unknown one."""
    role = person.role if getattr(person, "is_authenticated", False) else "anonymous"
    return role in PERMISSIONS[permission]


def requires(permission: str) -> Callable[[View], View]:
    """Name the permission of a view. Anonymous people are sent to sign in; the wrong role gets 404.

    A route without this decorator fails tests/test_routes.py. "machine" routes find out by themselves who calls, by
    bearer token or by session, and answer in JSON.
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if permission in ("public", "machine") or may(current_user, permission):
                return view(*args, **kwargs)
            if not current_user.is_authenticated:
                return to_sign_in()
            return abort(404)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def to_sign_in() -> Any:
    """The way to the sign-in page, and from there back to the page that was open; a part sends its whole page. Whoever
    comes from a page of this site, or with a session that is over, is told so there."""
    part = request.headers.get("HX-Request") == "true"
    target = request.full_path.rstrip("?") if request.method == "GET" and not part else _page_before(part)
    before = _page_before(part)
    ended = request.method != "GET" or part or "_user_id" in session or (before and not before.startswith("/sign-"))
    way = url_for("network.sign_in", next=target, ended=1 if ended else None)
    return ("", 204, {"HX-Redirect": way}) if part else redirect(way)


def _page_before(part: bool) -> str | None:
    """The page of this site from which something was sent."""
    before = urlsplit((request.headers.get("HX-Current-URL") if part else request.referrer) or "")
    if not before.path or before.netloc != request.host:
        return None
    return f"{before.path}?{before.query}" if before.query else before.path


def may_suspend(actor: Any, person: Any) -> bool:
    """Animators suspend and reinstate resellers; administrators anyone; nobody themselves."""
    if actor.id == person.id:
        return False
    return may(actor, "administer") or (may(actor, "animate") and person.role == "reseller")


def may_invite(actor: Any, person: Any) -> bool:
    """Animators invite everyone but administrators (the message goes to the person's own address)."""
    return may(actor, "administer") or (may(actor, "animate") and person.role != "admin")


def roles_given_by(actor: Any) -> tuple[str, ...]:
    """The roles this person may give and change by a file: an animator makes resellers, not colleagues."""
    if may(actor, "administer"):
        return ("reseller", "animator", "brand", "admin")
    return ("reseller",) if may(actor, "animate") else ()
