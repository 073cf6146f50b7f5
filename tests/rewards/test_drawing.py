"""A draw: promised before the start, shown after closing, and redone by anyone from what the page offers."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from challenges.models import Challenge, Draw
from foundation.database import db
from foundation.transactions import transaction
from rewards.jobs import advance_challenges
from rewards.models import Award, Reward
from rewards.rules import draw, drawings, drawn_ticket, tickets_of
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell

AFTER = datetime(2026, 3, 10, tzinfo=UTC)
DRAW = {"kind": "draw", "winners": 2, "tickets_per": 10, "wallet": 100}
OTHER = {"kind": "draw", "winners": 1, "tickets_per": 30, "wallet": 7}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are read on 4 February 2026."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)


@pytest.fixture
def promised(app: Flask, cast: Cast) -> Challenge:
    """A challenge with two draws, published before its start; Awa, Bruno and Chloé sell, Chloé most."""
    return publish(starts_on="2026-01-20", payouts=[DRAW, OTHER])


def close() -> None:
    """Three people sell and the challenge closes: Awa 40 points, Bruno 30, Chloé 70."""
    for name, units in (("AWA", 4), ("BRUNO", 3), ("CHLOE", 7)):
        sell(name, [("CREME", units)], name=name)
    list(advance_challenges(AFTER))


def words(client: FlaskClient, address: str) -> str:
    """The words of a page, without its tags."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.status
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def winners(payout: int = 1) -> set[str]:
    """Whom the closing awarded."""
    return set(db.session.scalars(select(Award.competitor).where(Award.payout == payout)))


def test_before_closing_the_promise_is_shown_and_the_secret_is_not(
    promised: Challenge, cast: Cast, client: FlaskClient
) -> None:
    secret = db.session.get_one(Draw, promised.id)
    client.sign_in(cast.awa)
    page = client.get("/challenges/hiver/draw").text
    assert secret.commitment in page and secret.seed not in page
    assert "Un nombre secret a été tiré le 5 janv. 2026" in words(client, "/challenges/hiver/draw")
    assert 'href="/challenges/hiver/draw"' in client.get("/challenges/hiver").text
    for file in ("tickets.csv", "standings.txt"):
        assert client.get(f"/challenges/hiver/draw/{file}").status_code == 404


def test_after_closing_everything_is_shown_step_by_step(promised: Challenge, cast: Cast, client: FlaskClient) -> None:
    close()
    secret = db.session.get_one(Draw, promised.id)
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/draw")
    assert secret.seed in page and secret.commitment in page
    assert hashlib.sha256(secret.seed.encode()).hexdigest() == secret.commitment
    assert "14 tickets" in page and "3 participants au tirage" in page
    told = client.get("/challenges/hiver/certificate").get_json()
    assert told["standings_hash"] in page and told["draw_seed"] == secret.seed
    assert told["draw_page"].endswith("/challenges/hiver/draw")
    steps = list(drawings([("AWA", 4), ("BRUNO", 3), ("CHLOE", 7)], 2, secret.seed, told["standings_hash"]))
    assert {step.owner for step in steps if step.owner} == winners()
    for step in steps:
        assert step.mac in page
    assert "Chloé" not in page and "Bruno" not in page  # codes and points, no names of others


def test_the_files_are_the_tickets_and_the_very_lines_that_were_hashed(
    promised: Challenge, cast: Cast, client: FlaskClient
) -> None:
    close()
    client.sign_in(cast.bruno)
    rows = list(csv.DictReader(io.StringIO(client.get("/challenges/hiver/draw/tickets.csv").text)))
    assert [tuple(row.values()) for row in rows] == [
        ("AWA", "40", "4", "0"),
        ("BRUNO", "30", "3", "4"),
        ("CHLOE", "70", "7", "7"),
    ]
    other = client.get("/challenges/hiver/draw/tickets.csv?payout=2").text
    assert [line.split(",")[2] for line in other.splitlines()[1:]] == ["1", "1", "2"]
    standings = client.get("/challenges/hiver/draw/standings.txt").data
    told = client.get("/challenges/hiver/certificate").get_json()
    assert hashlib.sha256(standings).hexdigest() == told["standings_hash"]


@pytest.mark.parametrize("payout", [1, 2])
def test_the_program_on_the_page_redoes_the_draw_with_python_alone(
    promised: Challenge, cast: Cast, client: FlaskClient, tmp_path: Path, payout: int
) -> None:
    close()
    client.sign_in(cast.awa)
    address = f"/challenges/hiver/draw?payout={payout}"
    page = client.get(address).text
    shown = re.search(r'<pre[^>]* id="recipe"[^>]*><code>(.*?)</code></pre>', page, re.S)
    assert shown is not None
    files = {html.unescape(one) for one in re.findall(r'href="(/challenges/hiver/draw/[^"]+)"', page)}
    for file in files:
        answer = client.get(file)
        name = re.search(r"filename=\"?([^\";]+)", answer.headers["Content-Disposition"])
        assert name is not None
        (tmp_path / name[1]).write_bytes(answer.data)
    (tmp_path / "redo.py").write_text(html.unescape(shown[1]), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-I", "redo.py"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    assert told[:3] == ["commitment True", "standings True", "tickets True"]
    assert {line.removeprefix("winner ") for line in told[3:] if line} == winners(payout)


def test_a_changed_file_is_found_by_that_program(
    promised: Challenge, cast: Cast, client: FlaskClient, tmp_path: Path
) -> None:
    close()
    client.sign_in(cast.awa)
    shown = re.search(
        r'<pre[^>]* id="recipe"[^>]*><code>(.*?)</code></pre>', client.get("/challenges/hiver/draw").text, re.S
    )
    assert shown is not None
    (tmp_path / "hiver-standings.txt").write_bytes(
        client.get("/challenges/hiver/draw/standings.txt").data.replace(b"\t40\t", b"\t90\t")
    )
    (tmp_path / "hiver-tickets-1.csv").write_bytes(client.get("/challenges/hiver/draw/tickets.csv").data)
    (tmp_path / "redo.py").write_text(html.unescape(shown[1]), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-I", "redo.py"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert "commitment True" in told and "standings False" in told and "tickets False" in told


def test_people_of_health_outlets_have_no_ticket_and_the_page_says_so(
    cast: Cast, client: FlaskClient, tmp_path: Path
) -> None:
    with transaction():
        cast.outlet("PDV-LYON").health = True  # Bruno's
    publish(starts_on="2026-01-20", payouts=[DRAW])
    close()
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/draw")
    assert "1 personne d’un point de vente de santé avait assez de points et n’a pas de ticket" in page
    assert "11 tickets" in page and "CSP L1453-3" in page
    assert "BRUNO" not in client.get("/challenges/hiver/draw/tickets.csv").text
    assert "BRUNO" in client.get("/challenges/hiver/draw/standings.txt").text  # its rank stays
    assert "BRUNO" not in winners()


def test_where_outlets_compete_outlets_have_the_tickets(cast: Cast, client: FlaskClient) -> None:
    from_outlets: dict[str, Any] = {"kind": "draw", "winners": 1, "tickets_per": 10, "reward": "SPA"}
    with transaction():
        db.session.add(spa())
    publish(starts_on="2026-01-20", ranks="outlet", payouts=[from_outlets])
    close()
    client.sign_in(cast.awa)
    rows = list(csv.DictReader(io.StringIO(client.get("/challenges/hiver/draw/tickets.csv").text)))
    assert [(row["person"], row["tickets"]) for row in rows] == [("PDV-BREST", "11"), ("PDV-LYON", "3")]
    assert winners() <= {"PDV-BREST", "PDV-LYON"}


def spa() -> Any:
    """An article to win."""
    return Reward(
        code="SPA", name="Week-end spa", kind="experience", cost_cents=20_000, price_points=None, stock=None,
        limit_per_person=None, countries="", starts_on=None, ends_on=None,
    )  # fmt: skip


def test_a_draw_beyond_the_budget_says_what_was_not_given(cast: Cast, client: FlaskClient) -> None:
    publish(starts_on="2026-01-20", payouts=[DRAW], budget=1)  # one wallet point costs a cent: one of two is funded
    close()
    client.sign_in(cast.awa)
    assert words(client, "/challenges/hiver/draw").count("budget épuisé") == 1


def test_nobody_having_a_ticket_the_page_says_so(promised: Challenge, cast: Cast, client: FlaskClient) -> None:
    list(advance_challenges(AFTER))
    client.sign_in(cast.awa)
    assert "Personne n’avait de ticket" in words(client, "/challenges/hiver/draw")


def test_no_page_of_a_draw_for_who_may_not_see_it_nor_where_there_is_none(cast: Cast, client: FlaskClient) -> None:
    publish(starts_on="2026-01-20", payouts=[DRAW], audience={"regions": "Bretagne"})
    publish(code="sans", payouts=[])
    client.sign_in(cast.bruno)
    assert client.get("/challenges/hiver/draw").status_code == 404
    assert client.get("/challenges/sans/draw").status_code == 404
    client.sign_in(cast.awa)
    assert client.get("/challenges/hiver/draw").status_code == 200
    assert client.get("/challenges/hiver/draw?payout=2").status_code == 404
    client.sign_in(cast.marc)
    assert client.get("/challenges/hiver/draw").status_code == 200


# — the steps, pure —

tickets_lists = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(1, 40), max_size=12).map(
    lambda owned: sorted(owned.items())
)


@pytest.mark.any_engine
@settings(max_examples=200, deadline=None)
@given(tickets=tickets_lists, winners=st.integers(1, 14), seed=st.text("0123456789abcdef", min_size=1, max_size=8))
def test_the_steps_name_whom_walking_through_the_tickets_names(
    tickets: list[tuple[str, int]], winners: int, seed: str
) -> None:
    """As the prose says it, ticket by ticket: a list with a name per ticket, from which winners' tickets leave."""
    numbered = [code for code, count in tickets for _ in range(count)]
    first = list(numbered)
    drawn: list[str] = []
    steps = iter(drawings(tickets, winners, seed, "00"))
    k = 0
    while numbered and len(drawn) < winners:
        step = next(steps)
        number = drawn_ticket(seed, "00", k, len(numbered))
        assert (step.k, step.tickets, step.number) == (k, len(numbered), number)
        k += 1
        if number is not None:
            drawn.append(numbered[number])
            assert step.owner == numbered[number] and step.ticket is not None and first[step.ticket] == step.owner
            numbered = [code for code in numbered if code != drawn[-1]]
    assert next(steps, None) is None
    assert draw(tickets, winners, seed, "00") == drawn


@pytest.mark.any_engine
def test_a_number_beyond_the_largest_multiple_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given_macs = iter([b"\xff" * 32, b"\xff" * 32, (4).to_bytes(32, "big"), (4).to_bytes(32, "big")])
    monkeypatch.setattr("rewards.rules.drawn_mac", lambda *_: next(given_macs))
    steps = list(drawings([("a", 2), ("b", 5)], 1, "s", "h"))
    assert [(step.k, step.number, step.owner) for step in steps] == [(0, None, None), (1, 4, "b")]


@pytest.mark.any_engine
def test_tickets_are_floored_and_the_barred_have_none() -> None:
    totals = [("b", 29), ("a", 30), ("c", 9), ("d", 100)]
    assert tickets_of(totals, {"d"}, 10) == [("a", 3), ("b", 2)]
