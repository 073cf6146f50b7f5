"""Points given or corrected by hand: who may, what waits for a second person, and that they count like any other."""

from __future__ import annotations

import csv
import html as markup
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from challenges.models import Challenge
from declarations import adjustments
from declarations.models import Declaration
from declarations.operations import withdraw
from declarations.publishing import cancel
from declarations.verification import differences
from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.programme import change_setting
from foundation.transactions import transaction
from leaderboards.models import Standing
from leaderboards.queries import ranked
from network.models import Person
from points.models import Account, Adjustment, AdjustmentDecision, Book, Entry, Lot
from points.queries import balances, wallet_points
from points.rules import NotEnough, NotPossible
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, WINTER, publish, sell
from tests.declarations.test_concurrency import at_once

LATER = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def winter(cast: Cast) -> Challenge:
    """The winter challenge, running."""
    return run(publish())


def run(challenge: Challenge) -> Challenge:
    with transaction():
        db.session.get_one(Challenge, challenge.id).state = "running"
    return challenge


def adjust(
    person: Person, challenge: Challenge | None, amount: int, *, by: str = "MARC", at: datetime = LATER
) -> Adjustment:
    with transaction():
        again = None if challenge is None else db.session.get_one(Challenge, challenge.id)
        found = adjustments.adjust(db.session.get_one(Person, person.id), again, amount, "Salon de Lyon", by=by, at=at)
    return found


def decide(asked: Adjustment, *, by: str, approved: bool = True, at: datetime = LATER) -> None:
    with transaction():
        again = db.session.get_one(Adjustment, asked.id)
        if approved:
            adjustments.approve(again, by=by, at=at)
        else:
            adjustments.refuse(again, "Pas prévu au règlement", by=by, at=at)


def threshold(points: int) -> None:
    with transaction():
        change_setting("adjustment_points_above", str(points), by="ADA", at=NOW)


def standing(challenge: Challenge, person: Person) -> Standing:
    db.session.rollback()
    return db.session.get_one(Standing, (challenge.id, person.id))


def words(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(text.replace(" ", " ").replace(" ", " ").split())


# --- a challenge's points --------------------------------------------------------------------------------------------


def test_a_bonus_counts_at_its_own_instant_and_moves_the_rank(winter: Challenge, cast: Cast) -> None:
    sell("AWA", [("CREME", 3)], name="a")
    sell("BRUNO", [("CREME", 4)], name="b")
    adjust(cast.awa, winter, 10)
    kept = standing(winter, cast.awa)
    assert (kept.points, kept.expected_points, kept.reached_at) == (40, 40, LATER)
    board = ranked(db.session.get_one(Challenge, winter.id)).c
    found = db.session.execute(select(board.code, board.rank).order_by(board.rank)).all()
    assert [(row.code, row.rank) for row in found] == [("BRUNO", 1), ("AWA", 2)]  # 40 each, Bruno was there first
    assert list(differences()) == []


def test_a_bonus_survives_every_refold_and_is_posted_once(winter: Challenge, cast: Cast) -> None:
    sell("AWA", [("CREME", 3)], name="a", at=NOW - timedelta(hours=3))
    adjust(cast.awa, winter, 10)
    sell("AWA", [("SERUM", 1)], name="later", at=NOW - timedelta(hours=1))
    with transaction():
        withdraw(db.session.scalars(select(Declaration).where(Declaration.public_id == "a")).one(), by="AWA", at=NOW)
    assert standing(winter, cast.awa).points == 20
    by_hand = select(func.count()).select_from(Entry).where(Entry.subject.startswith("adjustment/"))
    assert db.session.scalar(by_hand) == 1
    assert list(differences()) == []


def test_a_bonus_is_outside_caps_and_milestones(cast: Cast) -> None:
    milestone = {"id": "palier", "counts": "milestone", "measure": "points", "at": 60, "points": 50}
    challenge = run(publish(rules=[*WINTER["rules"][:1], milestone], cap_total=80))
    sell("AWA", [("CREME", 5)], name="a", at=NOW - timedelta(hours=2))
    adjust(cast.awa, challenge, 30)
    assert standing(challenge, cast.awa).points == 50 + 30
    sell("AWA", [("CREME", 9)], name="b")
    assert standing(challenge, cast.awa).points == 80 + 50 + 30
    assert list(differences()) == []


def test_who_has_declared_nothing_is_ranked_by_a_bonus_alone(winter: Challenge, cast: Cast) -> None:
    adjust(cast.nina, winter, 5)
    kept = standing(winter, cast.nina)
    assert (kept.points, kept.reached_at) == (5, LATER)


def test_a_correction_takes_back_without_moving_the_instant(winter: Challenge, cast: Cast) -> None:
    sell("AWA", [("CREME", 3)], name="a")
    before = standing(winter, cast.awa).reached_at
    adjust(cast.awa, winter, -10)
    kept = standing(winter, cast.awa)
    assert (kept.points, kept.reached_at) == (20, before)
    assert list(differences()) == []


def test_no_more_is_taken_back_than_there_is(winter: Challenge, cast: Cast) -> None:
    sell("AWA", [("CREME", 3)], name="a")
    with pytest.raises(NotEnough) as refusal:
        adjust(cast.awa, winter, -31)
    assert (refusal.value.has, refusal.value.needs) == (30, 31)
    adjust(cast.awa, winter, -30)
    assert standing(winter, cast.awa).points == 0


@pytest.mark.parametrize(
    ("measure", "rank_by", "progress"), [("points", "progress", 40), ("units", "progress", 3), ("units", "points", 3)]
)
def test_only_a_target_of_points_moves_with_a_bonus(cast: Cast, measure: str, rank_by: str, progress: int) -> None:
    challenge = run(publish(objective={"measure": measure, "default": 50}, rank_by=rank_by))
    sell("AWA", [("CREME", 3)], name="a")
    before = standing(challenge, cast.awa).reached_at
    adjust(cast.awa, challenge, 10)
    kept = standing(challenge, cast.awa)
    assert kept.measure == progress
    assert (kept.reached_at == before) == (measure == "units" and rank_by == "progress")
    assert list(differences()) == []


@pytest.mark.parametrize("state", ["published", "closed"])
def test_points_are_adjusted_only_while_ranks_move(winter: Challenge, cast: Cast, state: str) -> None:
    adjust(cast.awa, winter, 5)
    with transaction():
        db.session.get_one(Challenge, winter.id).state = state
    with pytest.raises(NotPossible, match=state):
        adjust(cast.awa, winter, 5)


def test_who_does_not_take_part_gets_no_points_there(cast: Cast) -> None:
    challenge = run(publish(audience={"kinds": ["vdi"]}))
    with pytest.raises(NotPossible, match="does not take part"):
        adjust(cast.awa, challenge, 5)
    adjust(cast.nina, challenge, 5)


def test_a_cancelled_challenge_takes_bonuses_back_too(winter: Challenge, cast: Cast) -> None:
    sell("AWA", [("CREME", 3)], name="a")
    adjust(cast.awa, winter, 10)
    with transaction():
        cancel(db.session.get_one(Challenge, winter.id), "Rupture de stock", by="MARC", at=LATER)
    assert [one.points for one in balances(cast.awa.id)] == [0]
    assert standing(winter, cast.awa).points == 0
    assert list(differences()) == []


# --- the wallet ------------------------------------------------------------------------------------------------------


def test_a_bonus_in_the_wallet_is_a_lot_like_any_other(cast: Cast) -> None:
    adjust(cast.awa, None, 120)
    assert wallet_points(cast.awa.id) == 120
    assert db.session.scalars(select(Lot.left)).all() == [120]
    assert db.session.scalars(select(AuditEntry.act)).all() == ["points.adjustment_asked"]


def test_a_correction_of_spent_wallet_points_follows_the_policy(cast: Cast) -> None:
    adjust(cast.awa, None, 20)
    adjust(cast.awa, None, -50)
    assert wallet_points(cast.awa.id) == -30
    with transaction():
        change_setting("reversal_policy", "forgive", by="ADA", at=NOW)
    adjust(cast.bruno, None, -50)
    assert wallet_points(cast.bruno.id) == 0
    assert list(differences()) == []


# --- a second person -------------------------------------------------------------------------------------------------


def test_up_to_the_threshold_one_is_enough_above_it_takes_two(cast: Cast) -> None:
    threshold(100)
    assert not adjust(cast.awa, None, 100).needs_approval
    for amount in (101, -101):
        assert adjust(cast.awa, None, amount).needs_approval
    assert wallet_points(cast.awa.id) == 100


@pytest.mark.parametrize("book", ["wallet", "challenge"])
def test_what_is_approved_holds_from_then_on(winter: Challenge, cast: Cast, book: str) -> None:
    threshold(0)
    asked = adjust(cast.awa, winter if book == "challenge" else None, 10, at=NOW)
    assert balances(cast.awa.id) == [] and list(differences()) == []
    decide(asked, by="ADA")
    assert [one.points for one in balances(cast.awa.id)] == [10]
    if book == "challenge":
        assert standing(winter, cast.awa).reached_at == LATER
    assert list(differences()) == []


def test_what_is_refused_gives_nothing_and_can_no_longer_be_approved(winter: Challenge, cast: Cast) -> None:
    threshold(0)
    asked = adjust(cast.awa, winter, 10)
    decide(asked, by="ADA", approved=False)
    with pytest.raises(NotPossible, match="already"):
        decide(asked, by="ADA")
    assert balances(cast.awa.id) == [] and list(differences()) == []


def test_nobody_approves_what_they_asked_nor_gives_points_to_themselves(cast: Cast) -> None:
    threshold(0)
    asked = adjust(cast.awa, None, 10)
    for approved in (True, False):
        with pytest.raises(NotPossible, match="asked themselves"):
            decide(asked, by="MARC", approved=approved)
    for by, refusal in (("AWA", "of their own"),):
        with pytest.raises(NotPossible, match=refusal):
            decide(asked, by=by)
        with pytest.raises(NotPossible, match=refusal):
            adjust(cast.awa, None, 10, by=by)
    decide(asked, by="ADA")
    assert wallet_points(cast.awa.id) == 10


def test_what_needed_no_second_person_is_not_decided(cast: Cast) -> None:
    with pytest.raises(NotPossible, match="no approval"):
        decide(adjust(cast.awa, None, 10), by="ADA")


def test_many_second_persons_at_once_approve_once(app: Flask, cast: Cast) -> None:
    threshold(0)
    number = adjust(cast.awa, None, 10).id

    def approve(by: int) -> bool:
        try:
            with transaction():
                adjustments.approve(db.session.get_one(Adjustment, number), by=f"STAFF-{by}", at=LATER)
        except NotPossible:
            return False
        return True

    assert sorted(at_once(app, approve, 8)) == [False] * 7 + [True]
    assert wallet_points(cast.awa.id) == 10
    assert list(differences()) == []


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "Salon"), (10_000_001, "Salon"), (-10_000_001, "Salon"), (5, " "), (5, "x" * 301)]
)
def test_an_amount_and_a_reason_are_needed(cast: Cast, amount: int, reason: str) -> None:
    with pytest.raises(NotPossible), transaction():
        adjustments.adjust(cast.awa, None, amount, reason, by="MARC", at=NOW)
    assert db.session.scalars(select(Adjustment)).all() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE adjustments SET amount = 1",
        "DELETE FROM adjustments",
        "UPDATE adjustment_decisions SET approved = NOT approved",
        "DELETE FROM adjustment_decisions",
    ],
)
def test_the_database_itself_refuses_to_change_a_decision(cast: Cast, statement: str) -> None:
    threshold(0)
    decide(adjust(cast.awa, None, 10), by="ADA")
    with pytest.raises(Exception, match="append-only"), transaction():
        db.session.execute(db.text(statement))
    assert db.session.scalars(select(AdjustmentDecision.approved)).all() == [True]


# --- commands --------------------------------------------------------------------------------------------------------


def test_points_are_given_and_approved_from_the_command_line(runner: Any, winter: Challenge, cast: Cast) -> None:
    threshold(100)
    told = runner.run("points", "adjust", "AWA", "30", "--book", "hiver", "--reason", "Salon", "--by", "MARC").stdout
    assert told == "adjustment 1: 30 points for AWA\n"
    runner.run("points", "adjust", "AWA", "-10", "--book", "hiver", "--reason", "Erreur", "--by", "MARC")
    told = runner.run("points", "adjust", "AWA", "150", "--reason", "Prix du jury", "--by", "MARC").stdout
    assert told == "adjustment 3 waits for a second person: flask points approve 3 --by PERSON\n"
    refusal = runner.run("points", "approve", "3", "--by", "MARC", exits=1).stderr
    assert refusal == "nobody decides on what they have asked themselves; a colleague does\n"
    runner.run("points", "approve", "3", "--by", "ADA")
    runner.run("points", "adjust", "AWA", "151", "--reason", "Encore", "--by", "MARC")
    runner.run("points", "refuse", "4", "--reason", "Déjà donné", "--by", "ADA")
    rows = csv.DictReader(io.StringIO(runner.run("points", "statement", "AWA").stdout))
    assert [(row["book"], row["amount"], row["explanation"]) for row in rows] == [
        ("challenge:hiver", "30", "bonus\u00a0: Salon"),
        ("challenge:hiver", "-10", "correction\u00a0: Erreur"),
        ("wallet", "150", "bonus\u00a0: Prix du jury"),
    ]
    runner.run("points", "verify")


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("NOBODY", "5", "--reason", "x", "--by", "MARC"), "'NOBODY' is not a participant"),
        (("AWA", "5", "--book", "none", "--reason", "x", "--by", "MARC"), "'none' is not a challenge"),
        (("AWA", "5", "--reason", "x", "--by", "INES"), "'INES' may not adjust points"),
        (("AWA", "0", "--reason", "x", "--by", "MARC"), "0 points cannot be given"),
        (("AWA", "5", "--reason", " ", "--by", "MARC"), "a reason"),
    ],
)
def test_a_wrong_command_is_one_line_and_writes_nothing(
    runner: Any, cast: Cast, words: tuple[str, ...], refusal: str
) -> None:
    assert runner.run("points", "adjust", *words, exits=1).stderr.startswith(refusal)
    assert db.session.scalars(select(Adjustment)).all() == []


# --- pages -----------------------------------------------------------------------------------------------------------


def give(client: Client, **changes: str) -> Any:
    form = {"book": "challenge:hiver", "kind": "bonus", "amount": "10", "reason": "Salon de Lyon"} | changes
    return client.post("/studio/network/people/AWA/adjustment", data=form, follow_redirects=True)


def test_an_animator_gives_points_and_the_person_reads_why(client: Client, winter: Challenge, cast: Cast) -> None:
    client.sign_in(cast.marc)
    assert "/studio/network/people/AWA/points" in client.get("/studio/network/people/AWA").text
    page = words(give(client).text)
    assert "Les points ont été modifiés : Awa Diallo." in page and "Salon de Lyon" in page and "par Marc Petit" in page
    give(client, book="wallet", kind="correction", amount="4", reason="Doublon")
    client.sign_in(cast.awa)
    page = words(client.get("/points").text)
    assert "Bonus : Salon de Lyon" in page and "Correction : Doublon" in page
    assert "Des points déjà dépensés ont été repris." in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": "0"}, "au moins 1"),
        ({"amount": "beaucoup"}, "Écrivez un nombre"),
        ({"reason": " "}, "Écrivez la raison."),
        ({"kind": "correction"}, "Il n’a que 0 pts ; reprenez-en au plus autant."),
        ({"book": "challenge:none"}, "Quels points"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_writes_nothing(
    client: Client, winter: Challenge, cast: Cast, changes: dict[str, str], told: str
) -> None:
    client.sign_in(cast.marc)
    answer = give(client, **changes)
    assert answer.status_code == 422 and told in words(answer.text)
    assert db.session.scalars(select(Adjustment)).all() == []
    assert give(client).status_code == 200


def test_what_waits_is_approved_by_a_colleague_or_refused_with_a_reason(
    client: Client, winter: Challenge, cast: Cast
) -> None:
    threshold(5)
    client.sign_in(cast.marc)
    assert "une seconde personne doit l’approuver" in words(give(client).text)
    give(client, amount="20", reason="Deuxième")
    page = words(client.get("/studio/points/adjustments").text)
    assert "Vous avez fait cette demande : une autre personne décide." in page and "Approuver" not in page
    own = client.post("/studio/points/adjustments/1/approval", follow_redirects=True)
    assert "Une autre personne doit décider" in words(own.text)
    client.sign_in(cast.ada)
    assert "Approuver" in words(client.get("/studio/points/adjustments").text)
    client.post("/studio/points/adjustments/1/approval")
    silent = client.post("/studio/points/adjustments/2/refusal", data={"note": " "}, follow_redirects=True)
    assert "Écrivez pourquoi vous refusez" in words(silent.text)
    client.post("/studio/points/adjustments/2/refusal", data={"note": "Déjà donné"})
    assert "Rien à approuver" in words(client.get("/studio/points/adjustments").text)
    page = words(client.get("/studio/network/people/AWA/points").text)
    assert "approuvé par Ada Faure" in page and "refusé par Ada Faure : Déjà donné" in page
    assert standing(winter, cast.awa).points == 10
    late = client.post("/studio/points/adjustments/2/approval", follow_redirects=True)
    assert "Cette demande a déjà été traitée" in words(late.text)


def test_what_waits_is_paged_and_takes_as_many_statements_however_many_there_are(client: Client, cast: Cast) -> None:
    threshold(0)
    for _ in range(30):
        adjust(cast.awa, None, 5)
    client.sign_in(cast.ada)
    assert "Page 1 sur 2" in words(client.get("/studio/points/adjustments").text)


@pytest.mark.parametrize("person", ["awa", "ines"])
def test_those_who_do_not_animate_neither_see_nor_give(client: Client, cast: Cast, person: str) -> None:
    client.sign_in(getattr(cast, person))
    assert client.get("/studio/network/people/AWA/points").status_code == 404
    assert client.get("/studio/points/adjustments").status_code == 404
    assert give(client, book="wallet").status_code == 404
    holders = select(Account.holder).join(Book).where(Book.name == "wallet")
    assert db.session.scalars(holders).all() == []
