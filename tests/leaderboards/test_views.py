"""The ranking page: the podium, my line, my neighbours, leagues, ties, outlets, and who may see it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from flask import Flask

from foundation import clock
from foundation.transactions import transaction
from leaderboards.operations import freeze, remember_ranks
from network.queries import person_by_code
from tests.cast import Cast
from tests.conftest import Client
from tests.leaderboards.boards import NOW, One, stand

ROW = re.compile(r'<li class="(ranking-row[^"]*|podium-place[^"]*)".*?</li>', re.S)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 20 January."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def lines(page: str) -> list[str]:
    return [words(found.group(0)) for found in ROW.finditer(page)]


def look(client: Client, code: str, address: str = "/challenges/jeu/ranking", **kwargs: Any) -> Any:
    person = person_by_code(code)
    assert person is not None
    client.sign_in(person)
    return client.get(address, **kwargs)


def many(count: int) -> list[One]:
    return [One(f"P{place:02}", 1_000 - place) for place in range(1, count + 1)]


def test_i_see_the_top_ten_and_my_neighbours_and_nobody_else(client: Client, app: Flask) -> None:
    stand(many(30))
    page = look(client, "P20").text
    shown = lines(page)
    assert len(shown) == 10 + 5
    assert "Name P01" in shown[1] or "Name P01" in shown[0]
    mine = next(line for line in shown if "Vous" in line)
    assert "Encore 2 points pour la 19e place" in mine and "980 pts" in mine
    assert "Name P18" in page and "Name P22" in page
    assert "Name P17" not in page and "Name P23" not in page and "Name P30" not in page
    assert "30 participants classés" in page


def test_the_last_of_the_list_is_never_shown_as_a_bottom_list(client: Client, app: Flask) -> None:
    stand(many(30))
    assert "Name P30" not in look(client, "P01").text


def test_those_who_animate_page_through_everybody(client: Client, cast: Cast) -> None:
    stand(many(60))
    first = look(client, "MARC").text
    assert len(lines(first)) == 50 and "Page 1 sur 2" in first
    second = look(client, "MARC", "/challenges/jeu/ranking?page=2").text
    assert "Name P60" in second and len(lines(second)) == 10


def test_on_the_podium_my_line_is_there_too(client: Client, app: Flask) -> None:
    stand([One("A", 30), One("B", 20)])
    page = look(client, "A").text
    assert "is-me" in page and any(line.startswith("Rang 1") and "Vous" in line for line in lines(page))


def test_without_points_i_am_told_how_to_be_ranked(client: Client, app: Flask) -> None:
    stand([One("A", 30), One("B", 0)])
    assert "Classé dès les premiers points" in look(client, "B").text


def test_an_empty_board_says_what_opens_it(client: Client, cast: Cast) -> None:
    stand([])
    assert "La première vente acceptée ouvre le classement." in look(client, "MARC").text


def test_who_does_not_take_part_finds_nothing(client: Client, cast: Cast) -> None:
    stand([One("A", 30)])
    assert look(client, "AWA").status_code == 404
    assert look(client, "AWA", "/challenges/nothing/ranking").status_code == 404
    assert look(client, "INES").status_code == 200


def test_ties_are_said(client: Client, app: Flask) -> None:
    stand([One("A", 30), One("B", 20), One("C", 20), One("D", 20), One("E", 1)], tie_break="shared")
    page = look(client, "E").text
    assert page.count("ex æquo") == 3
    assert "le rang est partagé" in page


def test_leagues_are_tabs_and_mine_comes_first(client: Client, app: Flask) -> None:
    people = [One("A", 30, league="low"), One("B", 20, league="high"), One("C", 10, league="high")]
    stand(people, definition={"league_by": "potential"})
    page = look(client, "C").text
    assert "Name B" in page and "Name A" not in page
    assert "Élevé" in page and "Faible" in page
    other = look(client, "C", "/challenges/jeu/ranking?league=low").text
    assert "Name A" in other and "is-me" not in other


def test_the_part_for_htmx_is_the_same_board(client: Client, app: Flask) -> None:
    stand(many(3))
    part = look(client, "P01", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div class="stack" id="ranking"') and "Name P02" in part


def test_outlets_compete_under_their_names(client: Client, app: Flask) -> None:
    stand([One("A", 30), One("B", 25, outlet="O2"), One("C", 20, outlet="O2")], ranks="outlet")
    page = look(client, "C").text
    assert "Outlet O1" in page and "45" in page and "Name B" not in page
    assert "2 points de vente classés" in page
    assert "is-me" in page


def test_where_progress_ranks_progress_is_shown(client: Client, app: Flask) -> None:
    people = [One("A", 5, measure=45, target=50), One("B", 500, measure=20, target=50)]
    stand(people, rank_by="progress", has_objective=True)
    page = look(client, "B").text
    assert "90 %" in words(page) and "40 %" in words(page)
    assert "Encore 26 unités pour la 1re place" in page


def test_a_nickname_hides_the_name_and_the_outlet(client: Client, app: Flask) -> None:
    stand([One("A", 30, nickname="Étoile", outlet="O2"), One("B", 20)])
    page = look(client, "B").text
    assert "Étoile" in page and "Name A" not in page and "Outlet O2" not in page


def test_my_range_is_said_while_reviews_wait(client: Client, app: Flask) -> None:
    stand([One("A", 30, expected=60), One("B", 20, expected=40), One("C", 10, expected=25)])
    assert "votre rang sera entre 1 et 3" in look(client, "B").text


def test_a_frozen_board_shows_the_evening_before_without_points(client: Client, cast: Cast) -> None:
    challenge = stand([One("A", 30), One("B", 20)], freeze_board_on=date(2026, 1, 19))
    with transaction():
        remember_ranks(challenge, date(2026, 1, 18))
    page = look(client, "B").text
    assert "figé depuis le soir du 18 janvier 2026" in page
    assert "30 pts" not in words(page) and len(lines(page)) == 2
    assert "30 pts" in words(look(client, "MARC").text)


def test_the_closed_board_is_the_frozen_one(client: Client, app: Flask) -> None:
    challenge = stand([One("A", 30), One("B", 20)])
    with transaction():
        freeze(challenge)
        challenge.state = "closed"
        person = person_by_code("A")
        assert person is not None
        person.name = "Somebody else"
    page = look(client, "B").text
    assert "Classement final" in page and "Name A" in page


def test_ranking_leads_to_the_challenge_that_matters_now(client: Client, cast: Cast) -> None:
    assert "Aucun challenge pour le moment" in look(client, "AWA", "/ranking").text
    stand([One("A", 30)])
    assert look(client, "A", "/ranking").location == "/challenges/jeu/ranking"


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_export_has_its_columns_sorted_by_code_point(runner: Any, app: Flask) -> None:
    stand(
        [
            One("b", 20, 90, league="x"),
            One("B", 20, 90, league="x"),
            One("É", 20, 90, league="x"),
            One("Z", 30, league="x"),
            One("A", 5, league="X"),
            One("OFF", 99, suspended=True),
            One("NIL", 0, league="x"),
        ],
        definition={"league_by": "region"},
    )
    assert runner.run("leaderboards", "export", "jeu").stdout == (
        "league,rank,person,name,points,progress_bp,reached_at\n"
        "X,1,A,Name A,5,,2026-01-05T09:00:00.000000Z\n"
        "x,1,Z,Name Z,30,,2026-01-05T09:00:00.000000Z\n"
        "x,2,B,Name B,20,,2026-01-05T10:30:00.000000Z\n"
        "x,2,b,Name b,20,,2026-01-05T10:30:00.000000Z\n"
        "x,2,É,Name É,20,,2026-01-05T10:30:00.000000Z\n"
    )


def test_the_export_gives_progress_where_there_is_an_objective(runner: Any, app: Flask, tmp_path: Any) -> None:
    stand([One("A", 30, measure=1_999, target=3)], has_objective=True, measure="value")
    runner.run("leaderboards", "export", "jeu", "--to", tmp_path / "board.csv")
    assert (tmp_path / "board.csv").read_text().splitlines()[1] == ",1,A,Name A,30,66633,2026-01-05T09:00:00.000000Z"


def test_a_name_that_reads_as_a_formula_is_made_inert(runner: Any, app: Flask) -> None:
    stand([One("A", 30)])
    with transaction():
        person = person_by_code("A")
        assert person is not None
        person.name = "=HYPERLINK(1)"
    assert "'=HYPERLINK(1)" in runner.run("leaderboards", "export", "jeu").stdout


def test_an_unknown_challenge_is_one_line_and_nothing_is_written(runner: Any, app: Flask, tmp_path: Any) -> None:
    result = runner.run("leaderboards", "export", "nothing", "--to", tmp_path / "board.csv", exits=1)
    assert result.stderr == "'nothing' is not a challenge; write the code of one that was imported\n"
    assert not (tmp_path / "board.csv").exists()
