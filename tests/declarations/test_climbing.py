"""The answer to a sale says which places it won: exactly what the ranking would be without it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from challenges.definition import definition_from
from challenges.models import Challenge
from declarations import queries
from declarations.adjustments import adjust
from declarations.climbing import Climb, climbs
from declarations.models import Declaration
from declarations.operations import current_revision, receive, withdraw
from declarations.publishing import publish_definition
from declarations.rules import Submission, SubmittedLine
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.queries import board, competitor_code
from network.models import Person
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, PARIS, WINTER, publish, sell

SELLERS = ("AWA", "BRUNO", "CHLOE")
OBJECTIVE = {"measure": "units", "default": 7}


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def run(**changes: Any) -> Challenge:
    """The winter challenge, begun."""
    challenge = publish(**changes)
    with transaction():
        challenge.state = "running"
    return challenge


def told(public_id: str) -> queries.Answer:
    declaration = db.session.scalars(select(Declaration).where(Declaration.public_id == public_id)).one()
    return queries.answer(declaration, current_revision(declaration), at=NOW)


def ranks_of(public_id: str) -> list[tuple[int | None, int]]:
    """From which rank to which a sale brought its person, challenge by challenge."""
    return [(one.before, one.now) for one in climbs(told(public_id), at=NOW)]


def ago(hours: int) -> Any:
    return NOW - timedelta(hours=hours)


class Case(NamedTuple):
    """What others had sold (person, units, hours ago), what Awa had, what she sells now, and what is said of it."""

    others: Sequence[tuple[str, int, int]]
    before: int
    sold: int
    said: list[tuple[int | None, int]]
    changes: dict[str, Any] = {}


CASES = {
    "the first points enter the ranking": Case([("BRUNO", 3, 5)], 0, 1, [(None, 2)]),
    "alone, one enters first": Case([], 0, 1, [(None, 1)]),
    "two places at once": Case([("BRUNO", 3, 5), ("CHLOE", 4, 5)], 1, 5, [(3, 1)]),
    "one of two": Case([("BRUNO", 3, 5), ("CHLOE", 9, 5)], 1, 5, [(3, 2)]),
    "the same place says nothing": Case([("BRUNO", 9, 5)], 1, 1, []),
    "being first already says nothing": Case([("BRUNO", 1, 5)], 4, 1, []),
    "an equal total reached later stays behind": Case([("BRUNO", 3, 5)], 1, 2, []),
    "an equal total shares the rank where ranks are shared": Case(
        [("BRUNO", 3, 5)], 1, 2, [(2, 1)], {"tie_break": "shared"}
    ),
    "leaving those one was equal to": Case([("BRUNO", 3, 5), ("CHLOE", 1, 9)], 1, 1, [], {"tie_break": "shared"}),
    "a sale that gives nothing changes nothing": Case([("BRUNO", 1, 5)], 2, 1, [], {"cap_total": 20}),
    "only one's own league counts": Case([("BRUNO", 9, 5), ("CHLOE", 3, 5)], 1, 5, [(2, 1)], {"league_by": "region"}),
    "progress ranks": Case(
        [("BRUNO", 5, 5)], 1, 6, [(2, 1)], {"rank_by": "progress", "objective": OBJECTIVE}
    ),
    # Awa's and Chloé's outlet goes from 2 + 1 to 2 + 6 units, past Bruno's 5.
    "an outlet climbs by all of its people": Case(
        [("BRUNO", 5, 5), ("CHLOE", 2, 5)], 1, 5, [(2, 1)], {"ranks": "outlet"}
    ),
    "an outlet that was ranked does not enter again": Case([("CHLOE", 2, 5)], 0, 5, [], {"ranks": "outlet"}),
    "a board frozen for the public tells nothing": Case(
        [("BRUNO", 3, 5)], 1, 5, [], {"freeze_board_on": NOW.date().isoformat()}
    ),
    "a board not frozen yet does": Case(
        [("BRUNO", 3, 5)], 1, 5, [(2, 1)], {"freeze_board_on": (NOW.date() + timedelta(days=1)).isoformat()}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_a_sale_won(cast: Cast, name: str) -> None:
    case = CASES[name]
    run(**case.changes)
    for number, (person, units, hours) in enumerate(case.others):
        sell(person, [("CREME", units)], name=f"other-{number}", at=ago(hours))
    if case.before:
        sell("AWA", [("CREME", case.before)], name="before", at=ago(4))
    sell("AWA", [("CREME", case.sold)], name="now")
    assert ranks_of("now") == case.said


def test_a_manual_bonus_counts_on_both_sides(cast: Cast) -> None:
    challenge = run()
    sell("BRUNO", [("CREME", 3)], name="other", at=ago(5))
    with transaction():
        adjust(cast.awa, challenge, 50, "Salon", by="ADA", at=ago(3))
    sell("AWA", [("CREME", 1)], name="now")
    assert ranks_of("now") == []


def test_a_sale_that_waits_or_counts_nowhere_wins_no_place_yet(cast: Cast) -> None:
    run()
    assert sell("AWA", [("CREME", 2_000)], name="waits").status == "in_review"
    assert ranks_of("waits") == []
    sell("AWA", [("CREME", 1)], name="before-it-began", sold_on=date(2026, 1, 2))
    assert ranks_of("before-it-began") == []
    sell("AWA", [("CREME", 1)], name="counts")
    assert ranks_of("counts") == [(None, 1)]


def test_the_answer_page_says_it_in_words_and_only_once(client: Client, cast: Cast) -> None:
    run()
    run(code="equipes", name="Équipes", ranks="outlet")
    sell("BRUNO", [("CREME", 3)], name="other", at=ago(5))
    sell("CHLOE", [("CREME", 2)], name="another", at=ago(5))
    sell("AWA", [("CREME", 1)], name="before", at=ago(4))
    sell("AWA", [("CREME", 5)], name="now")
    client.sign_in(cast.awa)
    said = re.sub(r"</?span[^>]*>", "", client.get("/declarations/now?new=1").text)
    assert "Vous gagnez 2 places\u00a0: 3<sup>e</sup> → 1<sup>er</sup>" in said
    # Awa and Chloé had three units as Bruno has, but reached them later.
    assert "Votre point de vente gagne 1 place\u00a0: 2<sup>e</sup> → 1<sup>er</sup>" in said
    assert "Vous gagnez" not in client.get("/declarations/now").text
    client.sign_in(cast.chloe)
    sell("CHLOE", [("ROUGE", 1)], name="nothing")
    assert "Vous gagnez" not in client.get("/declarations/nothing?new=1").text


# — the same as the whole board, with and without —————————————————————————————————————————————————————————————————————

STORIES = st.lists(
    st.tuples(
        st.sampled_from(SELLERS), st.sampled_from(["CREME", "SERUM", "ROUGE"]), st.integers(1, 4), st.integers(0, 6)
    ),
    min_size=1,
    max_size=7,
)
CHALLENGES = st.fixed_dictionaries(
    {
        "ranks": st.sampled_from(["person", "outlet"]),
        "rank_by": st.sampled_from(["points", "progress"]),
        "tie_break": st.sampled_from(["earliest", "shared"]),
        "cap_total": st.sampled_from([None, 30, 60]),
        "objective": st.sampled_from(["units", "points", "declarations"]).map(
            lambda measure: {"measure": measure, "default": 7}
        ),
        "league_by": st.sampled_from([None, "region"]),
    }
)


class Undo(Exception):
    """Leave the transaction without keeping what was written."""


def whole_board(challenge: Challenge, code: str) -> int | None:
    lines = board(challenge).c
    return db.session.scalar(select(lines.rank).where(lines.code == code))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=STORIES, setting=CHALLENGES)
def test_the_places_won_are_those_of_the_whole_board_with_and_without_the_sale(
    cast: Cast, story: list[tuple[str, str, int, int]], setting: dict[str, Any]
) -> None:
    given_settings = {key: value for key, value in setting.items() if value is not None}
    with contextlib.suppress(Undo), transaction():
        challenge, _ = publish_definition(definition_from(WINTER | given_settings), by="MARC", at=ago(700))
        challenge.state = "running"
        for number, (person, sku, units, hours) in enumerate(story):
            line = SubmittedLine(sku, units, None)
            one = Submission(f"sale-{number}", person, NOW.date(), ago(hours), "store", (line,))
            receive([one], by=person, at=NOW, zone=PARIS)
        last, seller = f"sale-{len(story) - 1}", story[-1][0]
        answer = told(last)
        found = climbs(answer, at=NOW)
        code = competitor_code(challenge, db.session.scalars(select(Person).where(Person.code == seller)).one())
        now = whole_board(challenge, code)
        withdraw(answer.declaration, by=seller, at=NOW)
        before = whole_board(challenge, code)
        raise Undo
    climbed = now is not None and (before is None or now < before)
    assert found == ([Climb(challenge, before, now)] if climbed and now is not None else [])
