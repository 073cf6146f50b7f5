"""The notice centre: what the programme tells a person, newest first."""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from foundation import clock
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.transactions import transaction
from network import notices
from network.models import Notice
from network.permissions import requires
from network.topics import TOPICS

PAGE = 20
ICONS = {
    "announcement": "message",
    "rules": "pencil",
    "extension": "calendar",
    "early_close": "clock",
    "cancelled": "x-circle",
    "accepted": "check-circle",
    "refused": "x-circle",
    "order": "gift",
    "points": "wallet",
    "closed": "trophy",
    "award": "gift",
    "waiting": "alert",
    "overtaken": "arrow-down",
}


@requires("signed_in")
def index() -> str:
    """My notices, all of them or those about one topic."""
    there = notices.kinds_of(current_user)
    topics = [topic for topic in TOPICS if there.intersection(topic.kinds)]
    chosen = next((topic for topic in topics if topic.name == request.args.get("topic")), None)
    asked = notices.notices_of(current_user, chosen.kinds if chosen is not None else ())
    page: Paged[Notice] = paged(asked, page_number(), size=PAGE)
    shown = {"page": page, "icons": ICONS, "topics": topics, "chosen": chosen}
    return page_or_part("network/notices.html", "network/_notices.html", **shown)


@requires("signed_in")
def show(notice_id: int) -> str:
    """One of them, whole: who has opened it has read it."""
    notice = notices.notice_of(current_user, notice_id) or abort(404)
    if notice.read_at is None:
        with transaction():
            notice = notices.read(current_user, notice_id, at=clock.now()) or abort(404)
        g.unread_notices = max(0, g.get("unread_notices", 1) - 1)
    return render_template("network/notice_page.html", notice=notice, icon=ICONS.get(notice.kind, "bell"))


@requires("signed_in")
def read_all() -> AnyResponse:
    """Nothing is new any more."""
    with transaction():
        count = notices.read_all(current_user, at=clock.now())
    flash(_("Tout est lu.") if count else _("Tout était déjà lu."), "success")
    return redirect(url_for("network.notices"))
