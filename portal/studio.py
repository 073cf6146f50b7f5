"""The studio's front page: every challenge and every draft, how it is played, and what needs a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import current_app, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from challenges.models import STATES, Challenge, Draft
from challenges.rules import LATE_ARRIVAL
from challenges.wording import period_in_words
from declarations import participation
from declarations.participation import Figures, Waiting
from foundation import clock
from foundation.localisation import euros, language, moment, number
from foundation.pages import Paged, existing, page_number, page_or_part, paged
from network.permissions import requires
from network.queries import names_of
from portal import projects
from portal.projects import Project
from portal.wording import time_left
from rewards.forecast import Forecast, forecasts

SIZE = 20
NEARLY_BURNT = 80
SILENT_DAYS = 5


@dataclass(frozen=True)
class Row:
    """A line of the studio. `figures` is None before publication; an alert is (tone, icon, words)."""

    title: str
    code: str
    state: str
    href: str | None
    period: str
    next: str
    urgent: bool
    figures: Figures | None
    alerts: list[tuple[str, str, str]] = field(default_factory=list)
    actions: list[tuple[str, str]] = field(default_factory=list)
    copied: str = ""  # the code under which it can be copied, '' where it cannot


@requires("animate")
def index() -> str:
    """Everything there is, drafts first."""
    at = clock.now()
    search = request.args.get("q", "").strip()[:100]
    state = request.args.get("state", "")
    asked = projects.projects(search, state if state in STATES else "")
    page: Paged[Any] = paged(asked, page_number(), size=SIZE, shape=lambda row: (row[0], row[1]))
    shown = projects.load(page.rows)
    told = [one.challenge for one in shown if one.challenge is not None and one.challenge.state != "draft"]
    opened = [one for one in told if one.is_open]
    played = [one for one in opened if one.state != "published"]
    figures = participation.figures([one.id for one in told])
    waiting = participation.waiting(played)
    costs = forecasts([one for one in played if one.definition.get("budget") is not None], ties=False)
    writers = names_of([one.draft.changed_by for one in shown if one.draft is not None])
    rows = []
    for one in shown:
        if one.challenge is None or one.challenge.state == "draft":
            rows.append(_draft(one, writers))
        else:
            known = figures.get(one.challenge.id, Figures())
            rows.append(
                _published(one.challenge, known, waiting.get(one.challenge.id), costs.get(one.challenge.id), at=at)
            )
    return page_or_part(
        "portal/studio.html",
        "portal/_studio.html",
        page=page,
        rows=rows,
        search=search,
        state=state,
        states=STATES,
        new_url=new_address(),
        law_url="/studio/law" if current_user.role == "admin" else None,
    )


def new_address() -> str | None:
    """Where a challenge is begun; None while nowhere."""
    there = "/studio/new"
    return there if not is_a_challenge(there) else existing("/studio/challenges/new")


def is_a_challenge(path: str) -> bool:
    """Whether a path below /studio is only read as the page of a challenge of that code."""
    return existing(path) is not None and current_app.url_map.bind("").match(path)[0] == "portal.dashboard"


def edit_address(challenge: Challenge | None, draft: Draft | None) -> str | None:
    """Where a draft goes on being written; None while nowhere."""
    if draft is not None and (there := existing(f"/studio/drafts/{draft.id}/who")):
        return there
    if challenge is None:
        return None
    code = quote(challenge.code)
    return existing(f"/studio/{code}/draft") or existing(f"/studio/challenges/{code}/edit")


def file_address(challenge: Challenge) -> str | None:
    """Where a challenge is downloaded as a file."""
    code = quote(challenge.code)
    return existing(f"/studio/{code}/file") or existing(f"/studio/challenges/{code}/file")


def _draft(one: Project, writers: Mapping[str, str]) -> Row:
    challenge, draft = one.challenge, one.draft
    title, code = (challenge.title(language()), challenge.code) if challenge is not None else ("", "")
    if draft is not None:
        title, code = _text(draft.content, "name") or title, _text(draft.content, "code") or code
    href = edit_address(challenge, draft)
    title = title or code or _("Sans nom")
    changed = ""
    if draft is not None:
        name = writers.get(draft.changed_by, draft.changed_by)
        changed = _("Modifié le %(moment)s par %(name)s", moment=moment(draft.changed_at), name=name)
    actions = [(_("Modifier"), href)] if href else []
    if challenge is not None and (file := file_address(challenge)):
        actions.append((_("Fichier"), file))
    period = _capital(period_in_words(challenge.definition)) if challenge is not None else _("Pas encore complet")
    return Row(title, code, "draft", href, period, changed, False, None, actions=actions)


def _published(
    challenge: Challenge, figures: Figures, waiting: Waiting | None, cost: Forecast | None, *, at: datetime
) -> Row:
    text, urgent = time_left(challenge, at) if challenge.state != "cancelled" else ("", False)
    return Row(
        challenge.title(language()),
        challenge.code,
        challenge.state,
        f"/studio/{quote(challenge.code)}",
        _capital(period_in_words(challenge.definition)),
        text,
        urgent,
        figures,
        alerts(challenge, figures, waiting, cost, at=at),
        [(_("Fichier"), file)] if (file := file_address(challenge)) else [],
        copied=challenge.code if not is_a_challenge("/studio/new") else "",
    )


def alerts(
    challenge: Challenge, figures: Figures, waiting: Waiting | None, cost: Forecast | None, *, at: datetime
) -> list[tuple[str, str, str]]:
    """What needs a look in a challenge: (tone, icon, words), the gravest first."""
    if not challenge.is_open:
        return []
    found = []
    if waiting is not None and at >= challenge.declare_until + LATE_ARRIVAL:
        words = ngettext(
            "La clôture attend %(n)s vérification", "La clôture attend %(n)s vérifications", waiting.sales,
            n=number(waiting.sales),
        )  # fmt: skip
        found.append(("coral", "alert", words))
    elif waiting is not None:
        words = ngettext(
            "%(n)s vente à vérifier", "%(n)s ventes à vérifier", waiting.sales, n=number(waiting.sales)
        )  # fmt: skip
        found.append(("medal", "check-circle", words))
    if not figures.people:
        found.append(("coral", "users", _("Personne dans le public")))
    if cost is not None and cost.short_cents:
        found.append(("coral", "wallet", _("Budget dépassé de %(amount)s", amount=euros(cost.short_cents))))
    elif cost is not None and cost.percent is not None and cost.percent >= NEARLY_BURNT:
        found.append(("medal", "wallet", _("Budget engagé à %(percent)s %%", percent=number(cost.percent))))
    days = silent_days(challenge, figures, at=at)
    if days >= SILENT_DAYS:
        found.append(("medal", "clock", ngettext("Rien depuis %(num)s jour", "Rien depuis %(num)s jours", days)))
    return found


def silent_days(challenge: Challenge, figures: Figures, *, at: datetime) -> int:
    """For how many days nobody has won a point in a running challenge."""
    if challenge.state != "running":
        return 0
    since = clock.day_of(figures.last, challenge.zone) if figures.last is not None else challenge.starts_on
    return max(0, (clock.day_of(at, challenge.zone) - since).days)


def _text(content: Mapping[str, Any], key: str) -> str:
    """A text of a draft, whose values may still be anything."""
    value = content.get(key)
    return value.strip()[:120] if isinstance(value, str) else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
