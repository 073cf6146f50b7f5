"""The draw of a challenge, for whoever sees the challenge: what was promised, what came out, and how to redo it."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from flask import Response, abort, render_template, request, url_for
from flask_login import current_user

from challenges.models import Challenge, Draw
from challenges.permissions import visible_challenge
from challenges.vocabulary import reward_names
from challenges.wording import prize_in_words
from foundation.database import db
from foundation.localisation import language
from foundation.pages import Paged, page_number
from foundation.tables import write_table
from network.permissions import STAFF, requires
from rewards.drawing import TICKETS, Drawn, drawn, draws_of, standings_text
from rewards.models import Closure

STEPS = 25


class Asked(NamedTuple):
    """The draw an address names; `closure` None while the challenge is not closed."""

    challenge: Challenge
    secret: Draw
    closure: Closure | None
    number: int
    payout: dict[str, Any]

    def redone(self) -> Drawn:
        """The draw that took place; 404 while none has."""
        return drawn(self.challenge, self.closure or abort(404), self.secret, self.number, self.payout)


@requires("see_challenges")
def draw(code: str) -> str:
    """Before closing the commitment and the way of drawing; after it everything, and a way to redo it here."""
    asked = _asked(code)
    challenge = asked.challenge
    names = reward_names([challenge.definition])
    context: dict[str, Any] = {
        "challenge": challenge,
        "title": challenge.title(language()),
        "secret": asked.secret,
        "prize": prize_in_words(asked.payout, names),
        "may_know": current_user.role in STAFF,  # why somebody else's award is kept back
        "payout": asked.payout,
        "draws": [
            {
                "label": prize_in_words(payout, names).what,
                "href": url_for("rewards.draw", code=code, payout=number),
                "current": number == asked.number,
            }
            for number, payout in draws_of(challenge)
        ],
    }
    if asked.closure is None:
        return render_template("rewards/draw.html", drawn=None, **context)
    found = asked.redone()
    standings, tickets = f"{code}-standings.txt", f"{code}-tickets-{asked.number}.csv"
    return render_template(
        "rewards/draw.html",
        drawn=found,
        steps=_page_of(found),
        recipe=found.recipe(standings, tickets),
        standings_url=url_for("rewards.draw_standings", code=code),
        tickets_url=url_for("rewards.draw_tickets", code=code, payout=asked.number),
        certificate_url=url_for("rewards.certificate", code=code),
        **context,
    )


@requires("see_challenges")
def tickets(code: str) -> Response:
    """The list of tickets: code, points, tickets, number of the first one."""
    asked = _asked(code)
    text = io.StringIO()
    write_table(text, TICKETS, asked.redone().rows())
    return _file(text.getvalue(), "text/csv", f"{code}-tickets-{asked.number}.csv")


@requires("see_challenges")
def standings(code: str) -> Response:
    """The lines of the frozen standings, byte for byte as their hash was taken."""
    asked = _asked(code)
    if asked.closure is None:
        abort(404)
    return _file("".join(standings_text(asked.challenge)), "text/plain", f"{code}-standings.txt")


def _asked(code: str) -> Asked:
    challenge = visible_challenge(current_user, code) or abort(404)
    secret = db.session.get(Draw, challenge.id) or abort(404)
    draws = dict(draws_of(challenge))
    text = request.args.get("payout", "")
    number = int(text) if text.isdecimal() and len(text) < 4 else next(iter(draws), 0)
    if number not in draws:
        abort(404)
    return Asked(challenge, secret, db.session.get(Closure, challenge.id), number, draws[number])


def _page_of(found: Drawn) -> Paged[Any]:
    total = len(found.steps)
    pages = max(1, -(-total // STEPS))
    number = min(page_number(), pages)
    return Paged(found.steps[(number - 1) * STEPS : number * STEPS], number, pages, total)


def _file(text: str, kind: str, name: str) -> Response:
    answer = Response(text.encode(), content_type=f"{kind}; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
