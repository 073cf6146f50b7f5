"""Pages take a bounded number of SQL statements, however many people, sales and challenges there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from badges.operations import grant_earned
from badges.rules import Counts
from challenges.models import Announcement, Challenge, Draft
from foundation import clock, web_push
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Device, Person
from network.notices import notify
from points import wallet
from rewards.closing import close
from rewards.models import Reward
from tests.cast import JOINED_AT, Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, publish, sell

AT_MOST = 12
PAGES = (
    "/",
    "/challenges",
    "/challenges/hiver-0",
    "/challenges/hiver-0/rules",
    "/challenges/hiver-0/rules/1",
    "/challenges/hiver-0/rules/1.pdf",
    "/acceptances",
    "/challenges/hiver-0/ranking",
    "/points",
    "/points?challenge=hiver-0",
    "/badges",
    "/rewards",
    "/declarations",
    "/declarations/awa-0",
    "/declarations/awa-0?new=1",
    "/declare",
    "/declare?repeat=awa-0",
    "/declare/meeting",
    "/mirror",
    "/ranking",
    "/me",
    "/notices",
    "/notices?topic=changes",
)
AT_MOST_IN_THE_STUDIO = 20
STUDIO = (
    "/",
    "/studio",
    "/studio?q=hiver&state=running",
    "/studio/hiver-0",
    "/studio/clos-0",
    "/studio/equipe-0",
    "/studio/hiver-0/silent",
    "/studio/hiver-0/history",
    "/studio/hiver-0/announcements",
    "/studio/points/adjustments",
    "/studio/network/people/AWA/points",
    "/studio/network/people/AWA/credits",
)
RULES = [
    {"id": "soin", "counts": "units", "points": 10, "when": {"categories": ["Soin"]}},
    {"id": "avis", "counts": "feedback", "points": 15},
    {
        "id": "palier", "counts": "milestone", "measure": "units", "at": 12, "points": 250,
        "when": {"skus": ["SERUM"]},
    },
]  # fmt: skip
PAYOUTS = [{"kind": "convert", "every": 10, "into": 1}, {"kind": "rank", "from": 1, "to": 2, "reward": "spa"}]


@pytest.fixture(autouse=True)
def _keys(app: Flask) -> None:
    """Notifications are offered."""
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_key=web_push.new_key())


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent to the database meanwhile, those that only open or end a transaction left out."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def fill(cast: Cast, people: range, sales: range, challenges: range) -> None:
    """A network with everything a page may have to show: waiting sales, a milestone not reached, results, gains,
    badges, rewards, notices, drafts, messages. The ranges number what is added."""
    with transaction():
        outlet = cast.outlet("PDV-BREST").id
        for number in people:
            db.session.add(
                Person(
                    code=f"P{number:03}", name=f"Person {number}", outlet_id=outlet, role="reseller",
                    status="employee", language="fr", created_at=JOINED_AT, notice_accepted_at=JOINED_AT,
                    session_key=f"key-{number}",
                )
            )  # fmt: skip
        for number in challenges:
            db.session.add(
                Reward(
                    code="spa" if number == 0 else f"r{number}", name="Spa", kind="gift", cost_cents=1, price_points=1,
                    countries="",
                )
            )  # fmt: skip
        grant_earned({cast.awa.id: Counts(declarations=1)}, at=NOW)
        change_setting("adjustment_points_above", "5", by="ADA", at=NOW)
        for number in sales:
            for points in (5, 10):
                wallet.adjust(cast.awa, points, "Salon", by="ADA", at=NOW)
            notify([cast.awa.id], "rules", f"Notice {number}", "…", "/", at=NOW)
            db.session.add(
                Device(
                    person_id=cast.awa.id, endpoint=f"https://fcm.googleapis.com/{number}", p256dh="", auth="",
                    name="Chrome", timezone="", created_at=NOW,
                )
            )  # fmt: skip
            db.session.add(
                Draft(
                    content={"name": f"Draft {number}"}, revision=1, created_at=NOW, created_by="MARC", changed_at=NOW,
                    changed_by="MARC",
                )
            )  # fmt: skip
    for number in challenges:
        publish(code=f"clos-{number}", name="Clos", ends_on="2026-01-20", rules=RULES, payouts=PAYOUTS)
        publish(
            code=f"hiver-{number}", rules=RULES, payouts=PAYOUTS, league_by="region",
            objective={"measure": "units", "default": 50}, budget=100,
        )  # fmt: skip
        publish(code=f"equipe-{number}", rules=RULES, payouts=PAYOUTS, ranks="outlet")
    with transaction():
        for challenge in db.session.scalars(select(Challenge).where(Challenge.code.startswith("hiver"))):
            challenge.state = "running"
            db.session.add(
                Announcement(
                    challenge_id=challenge.id, segment="everyone", subject="Objet", text="…", people=4, sent_at=NOW,
                    sent_by="MARC",
                )
            )  # fmt: skip
    for number in sales:
        ago = timedelta(hours=2, minutes=number)
        sell("AWA", [("CREME", 1), ("SERUM", 1)], name=f"awa-{number}", at=NOW - ago, rating=5)
        sell("AWA", [("CREME", 2_000)], name=f"big-{number}", at=NOW - ago)
        sell("AWA", [("CREME", 1)], name=f"old-{number}", at=NOW - timedelta(days=20) - ago)
        sell("BRUNO", [("CREME", 2)], name=f"bruno-{number}", at=NOW - ago)
    for number in people:
        sell(f"P{number:03}", [("CREME", number + 1)], name=f"p-{number}", at=NOW - timedelta(hours=1))
    clos = select(Challenge).where(Challenge.code.startswith("clos"), Challenge.state != "closed")
    for challenge in db.session.scalars(clos).all():
        with transaction():
            challenge.state = "reviewing"
        with transaction():
            assert close(challenge, by="system", at=NOW) is not None


def count(client: Client, person: Person, pages: Sequence[str]) -> dict[str, list[str]]:
    """The statements of each page."""
    client.sign_in(person)
    found = {}
    for page in pages:
        with counted() as sent:
            answer = client.get(page)
        assert answer.status_code in (200, 302), (page, answer.status_code)
        found[page] = sent
    return found


def told(found: dict[str, list[str]], most: int) -> str:
    """The pages that take too many, with their statements."""
    return "\n".join(
        f"{page}: {len(sent)}\n  " + "\n  ".join(" ".join(one.split())[:160] for one in sent)
        for page, sent in found.items()
        if len(sent) > most
    )


def test_no_page_of_a_reseller_takes_more_than_twelve_statements_whatever_the_size(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    compare(client, cast, "awa", PAGES, AT_MOST)


def test_no_page_of_the_studio_takes_more_than_twenty_whatever_the_size(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    compare(client, cast, "marc", STUDIO, AT_MOST_IN_THE_STUDIO)


def compare(client: Client, cast: Cast, name: str, pages: Sequence[str], most: int) -> None:
    """Look at the pages while there is little, and again while there is more."""
    fill(cast, people=range(2), sales=range(2), challenges=range(1))
    small = count(client, getattr(cast, name), pages)
    assert all(len(sent) <= most for sent in small.values()), told(small, most)
    fill(cast, people=range(2, 40), sales=range(2, 11), challenges=range(1, 4))
    large = count(client, getattr(cast, name), pages)
    assert all(len(sent) <= most for sent in large.values()), told(large, most)
    assert {page: len(sent) for page, sent in large.items()} == {page: len(sent) for page, sent in small.items()}
