"""What the brand gave and owes in a month, and what a person is told expires next."""

from __future__ import annotations

import csv
import html as markup
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from points import jobs, wallet
from points.brand_statement import Flows, brand_statement, next_month
from points.models import Account, Book, Entry, challenge_book
from points.operations import post
from points.rules import Posting
from tests.cast import Cast
from tests.conftest import Client
from tests.points.test_wallet import choose, credit

PARIS = ZoneInfo("Europe/Paris")
OCTOBER = date(2026, 10, 1)
MIDDLE = datetime(2026, 10, 15, 10, 0, tzinfo=UTC)
FIRST = datetime(2026, 9, 30, 22, 0, tzinfo=UTC)  # midnight in Paris, summer time
NEXT = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)  # midnight in Paris, winter time
INSTANT = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 24 November 2026."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 24, 11, 0, tzinfo=UTC))


@pytest.fixture
def months(cast: Cast) -> None:
    """A year's end with every kind of movement."""
    awa, bruno = cast.awa.id, cast.bruno.id
    credit(cast.awa, 1_000, "august", at=datetime(2026, 8, 1, tzinfo=UTC), lasting=75)  # until 15 October
    credit(cast.bruno, 400, "september", at=FIRST - INSTANT)
    credit(cast.bruno, 100, "october", at=FIRST)
    credit(cast.awa, 50, "last of october", at=NEXT - INSTANT)
    credit(cast.awa, 7, "november", at=NEXT)
    with transaction():
        wallet.spend(awa, 300, "order/1", "", {"counts": "order"}, at=MIDDLE - timedelta(days=2))
        wallet.spend(awa, 120, "order/2", "", {"counts": "order"}, at=MIDDLE - timedelta(days=1))
        wallet.give_back("order/2", "cancelled/2", {"counts": "order_cancelled"}, at=MIDDLE - timedelta(hours=1))
        wallet.spend(bruno, 450, "order/3", "", {"counts": "order"}, at=MIDDLE)
        post(
            challenge_book("hiver"),
            [
                Posting(awa, 30, "hiver/1", "s", "soin", 1, "{}", MIDDLE),
                Posting(awa, -10, "hiver/2", "s", "soin", 1, "{}", MIDDLE),
            ],
            at=MIDDLE,
        )
    list(jobs.expire_lots(MIDDLE + timedelta(days=2)))
    choose("reversal_policy", "forgive")
    with transaction():
        wallet.revert("october", "Erreur", by="MARC", at=MIDDLE + timedelta(days=3))
        wallet.spend(awa, 5, "order/4", "", {"counts": "order"}, at=NEXT)


def test_a_month_holds_what_was_posted_from_its_first_instant_to_the_next_months(months: None) -> None:
    found = brand_statement(OCTOBER, PARIS)
    assert found["wallet"] == Flows(
        owed_before=1_400, issued=150, reverted=100, spent=870, given_back=120, expired=700, forgiven=50, owed=50
    )
    assert found["challenge"] == Flows(issued=30, reverted=10, owed=20)


def test_what_is_owed_at_the_end_is_owed_at_the_start_of_the_next_and_equals_the_entries(months: None) -> None:
    month, after = date(2026, 7, 1), datetime(2026, 8, 1, tzinfo=PARIS)
    before = brand_statement(month, PARIS)
    assert before == {"wallet": Flows(), "challenge": Flows()}
    for _ in range(5):
        month = next_month(month)
        after = clock.start_of_day(next_month(month), PARIS)
        found = brand_statement(month, PARIS)
        for kind in ("wallet", "challenge"):
            assert found[kind].owed_before == before[kind].owed
            of_kind = (Book.name == "wallet") == (kind == "wallet")
            came, went = (
                db.session.scalar(
                    select(func.coalesce(func.sum(Entry.amount), 0))
                    .join(Book, Book.id == Entry.book_id)
                    .join(Account, Account.id == side)
                    .where(of_kind, Account.person_id.is_not(None), Entry.posted_at < after)
                )
                for side in (Entry.destination_id, Entry.source_id)
            )
            assert came is not None and went is not None
            assert found[kind].owed == came - went
        before = found
    assert before["wallet"].owed == 52


def test_the_month_is_a_file_in_points_and_euros(runner: Any, months: None, tmp_path: Any) -> None:
    rows = list(csv.reader(io.StringIO(runner.run("points", "brand-statement", "--month", "2026-10").stdout)))
    assert rows == [
        ["month", "book", "unit", "owed_before", "issued", "reverted", "spent", "given_back", "expired", "forgiven",
         "owed"],
        ["2026-10", "wallet", "points", "1400", "150", "100", "870", "120", "700", "50", "50"],
        ["2026-10", "wallet", "euros", "14.00", "1.50", "1.00", "8.70", "1.20", "7.00", "0.50", "0.50"],
        ["2026-10", "challenge", "points", "0", "30", "10", "0", "0", "0", "0", "20"],
    ]  # fmt: skip
    target = tmp_path / "october.csv"
    runner.run("points", "brand-statement", "--month", "2026-10", "--to", target)
    assert list(csv.reader(target.open())) == rows


@pytest.mark.parametrize("month", ["2026-13", "octobre", "2026-1", "202610", "1700-01"])
def test_what_is_no_month_is_one_line(runner: Any, cast: Cast, month: str) -> None:
    refusal = runner.run("points", "brand-statement", "--month", month, exits=1).stderr
    assert f"{month!r} is not a month; write it as 2026-10" in refusal


@pytest.mark.parametrize("person", ["ines", "ada"])
def test_the_brand_reads_a_month_and_takes_it_away_as_a_file(
    client: Client, months: None, cast: Cast, person: str
) -> None:
    client.sign_in(getattr(cast, person))
    page = words(client.get("/studio/points/statement?month=2026-10").text)
    assert "Octobre 2026" in page and "Dus à la fin du mois 50 pts 0,50 €" in page and "Expirés 700 pts 7,00 €" in page
    assert "Ce mois n’est pas terminé" in words(client.get("/studio/points/statement").text)
    file = client.get("/studio/points/statement.csv?month=2026-10")
    assert "2026-10,wallet,euros,14.00" in file.text and "points-2026-10.csv" in file.headers["Content-Disposition"]
    assert client.get("/studio/points/statement?month=octobre").status_code == 404


@pytest.mark.parametrize("person", ["awa", "marc"])
def test_others_do_not_read_the_accounts_of_the_brand(client: Client, cast: Cast, person: str) -> None:
    client.sign_in(getattr(cast, person))
    assert client.get("/studio/points/statement").status_code == 404
    assert client.get("/studio/points/statement.csv").status_code == 404


def test_each_person_reads_what_expires_next_and_why_points_moved(
    client: Client, runner: Any, cast: Cast, months: None
) -> None:
    credit(cast.awa, 120, "winter", at=datetime(2026, 11, 3, tzinfo=UTC), lasting=120)
    client.sign_in(cast.awa)
    page = words(client.get("/points").text)
    assert "120 pts expirent le 3 mars 2027" in page
    assert "Points arrivés à expiration" in page and "-700 pts" in page
    told = runner.run("points", "statement", "AWA")
    assert told.stderr.replace("\xa0", " ") == "120 pts expirent le 3 mars 2027\n"
    assert "points arrivés à expiration" in told.stdout
    client.sign_in(cast.bruno)
    page = words(client.get("/points").text)
    assert "Points repris : Erreur" in page and "Ces points étaient déjà dépensés : ils vous sont laissés" in page


def words(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())
