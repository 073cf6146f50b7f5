"""The ranking of a challenge: the top, me, my neighbours; all of it for those who animate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask.templating import render_template
from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from challenges.models import Challenge, Participant
from challenges.queries import challenges_of
from challenges.wording import league_in_words, measure_in_words
from foundation import clock
from foundation.database import db
from foundation.localisation import language
from foundation.pages import Paged, page_number, page_or_part, paged
from leaderboards import queries
from leaderboards.labels import league_label
from leaderboards.models import Standing
from leaderboards.queries import Place
from leaderboards.rules import measure_to_climb, points_to_climb
from network.faces import picture_address
from network.permissions import STAFF, requires
from network.rules import initials

blueprint = Blueprint("leaderboards", __name__)

MANY_LEAGUES = 6
PODIUM = 3
PAGE = 50


@dataclass(frozen=True)
class Entry:
    """A line as the podium and the list show it. `value` is words instead of points, '' for nothing."""

    rank: int | None
    name: str
    points: int
    initials: str
    avatar_url: str | None
    colour: int
    delta: int | None
    tied: bool
    is_me: bool
    detail: str | None
    value: str | None


@blueprint.get("/ranking")
@requires("see_challenges")
def current() -> Response | str:
    """The ranking of the challenge that matters most to the reader now."""
    found: Any = db.session.scalar(challenges_of(current_user).order_by(*queries.interesting_first()).limit(1))
    if found is None:
        return render_template("leaderboards/none.html")
    return redirect(url_for("leaderboards.ranking", code=found.code))


@blueprint.get("/challenges/<code>/ranking")
@requires("see_challenges")
def ranking(code: str) -> str:
    """Who stands where in a challenge I take part in (any challenge, for staff)."""
    found: Any = db.session.scalar(challenges_of(current_user).where(Challenge.code == code))
    if found is None:
        abort(404)
    challenge: Challenge = found
    at = clock.now()
    staff = current_user.role in STAFF
    entered = queries.own_league(challenge, current_user) if current_user.role == "reseller" else None
    leagues = queries.leagues_of(challenge)
    own = queries.league_of(challenge, current_user) if entered is not None else None
    asked = request.args.get("league")
    league = asked if asked in leagues else own if own in leagues else leagues[0]
    frozen = None if staff else queries.frozen_day(challenge, at)
    context: dict[str, Any] = {
        "challenge": challenge,
        "title": challenge.title(language()),
        "frozen": frozen,
        "league": league,
        "own": own,
        "split_by": league_in_words(challenge.definition.get("league_by") or ""),
        "tabs": _tabs(challenge, leagues, league),
        "choose": len(leagues) > MANY_LEAGUES,
    }
    board = _whole(challenge, league, at) if staff else _around_me(challenge, league, own, entered, frozen, at)
    return page_or_part("leaderboards/ranking.html", "leaderboards/_ranking.html", **context, **board)


def _whole(challenge: Challenge, league: str, at: datetime) -> dict[str, Any]:
    """Every line, paged."""
    lines = queries.league_lines(challenge, league, yesterday=queries.yesterday_of(challenge, at))
    page: Paged[Place] = paged(lines, page_number(), size=PAGE, shape=queries.place_from)
    outlets = _outlets(challenge, page.rows)
    entries = [_entry(challenge, place, outlets) for place in page.rows]
    podium = entries[:PODIUM] if page.number == 1 else []
    return {"podium": podium, "rest": entries[len(podium) :], "around": [], "page": page, "competitors": page.total}


def _around_me(
    challenge: Challenge, league: str, own: str | None, entered: Participant | None, frozen: Any, at: datetime
) -> dict[str, Any]:
    """The top, my line, and a full window of neighbours: never a list of the last."""
    mine = queries.competitor_code(challenge, current_user) if league == own else None
    yesterday = queries.yesterday_of(challenge, at)
    board = queries.league_board(challenge, league, mine, yesterday=yesterday, frozen=frozen)
    shown = {place.code for place in board.top}
    near = [place for place in board.around if place.code not in shown]
    outlets = _outlets(challenge, [*board.top, *near])
    standing = db.session.get(Standing, (challenge.id, current_user.id)) if mine is not None else None
    missing = _missing(challenge, board, standing, entered) if frozen is None else None

    def entry(place: Place) -> Entry:
        return _entry(challenge, place, outlets, mine=mine, missing=missing, frozen=frozen is not None)

    podium = [] if frozen is not None else [entry(place) for place in board.top[:PODIUM]]
    me = entry(board.mine) if board.mine is not None else _unranked(standing) if mine is not None else None
    return {
        "podium": podium,
        "rest": [entry(place) for place in board.top[len(podium) :]],
        "around": [entry(place) for place in near],
        "gap": bool(near) and near[0].rank > board.top[-1].rank + 1,
        "apart": me if me is not None and not _listed(board, len(podium)) else None,
        "competitors": board.competitors,
        "bounds": queries.rank_range(challenge, current_user) if mine is not None and frozen is None else None,
        "expected": standing.expected_points - standing.points if standing is not None and challenge.is_open else 0,
        "page": None,
    }


def _listed(board: queries.Board, on_podium: int) -> bool:
    """Whether my own line is in the list below the podium."""
    if board.mine is None:
        return False
    return board.mine.code not in {place.code for place in board.top[:on_podium]}


def _entry(
    challenge: Challenge,
    place: Place,
    outlets: dict[int, str],
    *,
    mine: str | None = None,
    missing: str | None = None,
    frozen: bool = False,
) -> Entry:
    is_me = place.code == mine
    value = None
    if frozen:
        value = ""
    elif challenge.rank_by == "progress" and place.progress_bp is not None:
        value = percent(place.progress_bp)
    # Where somebody goes by a nickname, the outlet would give the name away.
    where = outlets.get(place.outlet_id) if place.nickname is None else None
    return Entry(
        rank=place.rank,
        name=place.display_name,
        points=place.points,
        initials=initials(place.display_name),
        avatar_url=picture_address(place.picture),
        colour=place.person_id or place.outlet_id,
        delta=place.moved,
        tied=place.tied,
        is_me=is_me,
        detail=missing if is_me else where,
        value=value,
    )


def _unranked(standing: Standing | None) -> Entry:
    waiting = standing is not None and standing.expected_points > 0
    return Entry(
        rank=None,
        name=current_user.display_name,
        points=0,
        initials=current_user.initials,
        avatar_url=picture_address(current_user.picture),
        colour=current_user.id,
        delta=None,
        tied=False,
        is_me=True,
        detail=_("Classé dès que votre vente sera vérifiée") if waiting else _("Classé dès les premiers points"),
        value="",
    )


def percent(progress_bp: int) -> str:
    """Basis points as people read them, floored: 6250 → 62 %."""
    return _("%(n)s %%", n=format_decimal(progress_bp // 100))


def _outlets(challenge: Challenge, places: Sequence[Place]) -> dict[int, str]:
    if challenge.ranks == "outlet" or not places:
        return {}
    return queries.outlet_names({place.outlet_id for place in places})


def _missing(
    challenge: Challenge, board: queries.Board, standing: Standing | None, entered: Participant | None
) -> str | None:
    """What I miss to the next better rank: "Encore 390 points pour la 6e place"."""
    if board.mine is None or not challenge.is_open:
        return None
    better = [place for place in [*board.top, *board.around] if place.rank < board.mine.rank]
    if not better:
        return None
    above = max(better, key=lambda place: place.rank)
    return climb(challenge, board.mine, above, standing, entered)


def climb(
    challenge: Challenge, mine: Place, above: Place, standing: Standing | None, entered: Participant | None
) -> str | None:
    """What is missing to the place above, in words; None where it cannot be told."""
    amount = missing_to(challenge, mine, above, standing, entered)
    if amount is None:
        return None
    return _("Encore %(what)s pour la %(rank)s", what=amount, rank=place_in_words(above.rank))


def missing_to(
    challenge: Challenge, mine: Place, above: Place, standing: Standing | None, entered: Participant | None
) -> str | None:
    """The amount missing to the place above, with its unit; None where outlets are ranked by progress."""
    if challenge.rank_by == "points":
        return measure_in_words("points", points_to_climb(mine.points, above.points, tie_break=challenge.tie_break))
    if challenge.ranks == "outlet" or standing is None or entered is None or above.progress_bp is None:
        return None
    scale = 100 if challenge.measure == "value" else 1
    amount = measure_to_climb(
        standing.measure, entered.target * scale, above.progress_bp, tie_break=challenge.tie_break
    )
    return measure_in_words(challenge.measure, -(-amount // scale))


def place_in_words(rank: int) -> str:
    """1re place, 6e place."""
    return _("1re place") if rank == 1 else _("%(rank)se place", rank=format_decimal(rank))


def _tabs(challenge: Challenge, leagues: list[str], league: str) -> list[dict[str, Any]]:
    if len(leagues) < 2:
        return []
    return [
        {
            "label": league_label(challenge.definition.get("league_by"), value),
            "value": value,
            "href": url_for("leaderboards.ranking", code=challenge.code, league=value),
            "current": value == league,
        }
        for value in leagues
    ]
