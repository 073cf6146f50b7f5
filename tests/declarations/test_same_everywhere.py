"""One sale, one figure: wherever it is looked at, and in exactly one day, one challenge, one period."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation import clock
from foundation.database import db
from points.models import Entry
from tests.cast import Cast
from tests.conftest import Client, Runner
from tests.declarations.stage import NOW, TODAY, publish, sell

BOOSTED: list[dict[str, Any]] = [
    {"id": "vente", "counts": "declaration", "points": 7},
    {"id": "bonus", "counts": "boost", "factor": "1.35"},
]


def rows(text: str) -> list[dict[str, str]]:
    """A CSV answer as a list of rows."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_a_boost_of_1_35_on_7_points_is_9_in_preview_answer_ledger_statement_and_export(
    client: Client, runner: Runner, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    challenge = publish(rules=BOOSTED, payouts=[{"kind": "convert", "every": 1, "into": 1}])
    client.sign_in(cast.awa)
    sale_id = "6d9c4c43-94c2-4d5c-8a2f-1c1b1f6f7e10"
    typed = {"id": sale_id, "sku": ["CREME"], "units": ["1"], "channel": "store", "sold_on": str(TODAY)}

    assert "+<span>9</span>" in client.post("/declare/expected", data=typed).text, "preview"
    page = client.get(client.post("/declare", data=typed).location).text.replace("\u202f", " ").replace("\xa0", " ")
    assert "1,35 × 7 − 7 = 2" in page, "answer"
    amounts = db.session.execute(select(Entry.rule, Entry.amount).order_by(Entry.id)).all()
    assert [tuple(row) for row in amounts] == [("vente", 7), ("bonus", 2)], "ledger"
    statement = rows(runner.run("points", "statement", "AWA").stdout)
    told = [(row["rule"], row["amount"], row["explanation"]) for row in statement]
    assert told == [("vente", "7", "vente déclarée = 7"), ("bonus", "2", "1,35 × 7 − 7 = 2")], "statement"
    [board] = rows(runner.run("leaderboards", "export", challenge.code).stdout)
    assert (board["person"], board["points"]) == ("AWA", "9"), "export"
    closed = (challenge.declare_until + timedelta(days=2)).isoformat()
    runner.run("jobs", "run", "--at", closed)
    [award] = rows(runner.run("rewards", "awards", challenge.code).stdout)
    assert (award["points"], award["wallet_points"]) == ("9", "9"), "awards"
    assert "equal" in runner.run("challenges", "verify", challenge.code).stdout


@pytest.mark.parametrize(
    ("zone", "last", "evening"),
    [
        ("Europe/Paris", "2026-01-31", "2026-01-31T23:30:00+01:00"),
        ("Europe/Paris", "2026-03-28", "2026-03-28T23:30:00+01:00"),  # the night before clocks go forward
        ("Europe/Paris", "2026-03-29", "2026-03-29T23:30:00+02:00"),  # and the one after
        ("Europe/Paris", "2026-10-24", "2026-10-24T23:30:00+02:00"),  # the night before they go back
        ("Europe/Paris", "2026-10-25", "2026-10-25T23:30:00+01:00"),
        ("America/New_York", "2026-03-08", "2026-03-08T23:30:00-04:00"),
        ("America/New_York", "2026-11-01", "2026-11-01T23:30:00-05:00"),
        ("Pacific/Auckland", "2026-04-05", "2026-04-05T23:30:00+12:00"),
    ],
)
def test_a_sale_at_23_30_on_the_last_day_is_in_one_challenge_one_day_one_week(
    runner: Runner, cast: Cast, tmp_path: Path, zone: str, last: str, evening: str
) -> None:
    end = date.fromisoformat(last)
    before, after = end - timedelta(days=13), end + timedelta(days=1)
    rules = [{"id": "vente", "counts": "declaration", "points": 7, "cap": {"points": 7, "per": "day"}}]
    for code, first, until in (("un", before, end), ("deux", after, end + timedelta(days=14))):
        publish(rules=rules, code=code, name=code, timezone=zone, starts_on=str(first), ends_on=str(until))
    at = datetime.fromisoformat(evening).astimezone(UTC)
    sell("BRUNO", name="last", at=at, sold_on=end)
    sell("BRUNO", name="next", at=at + timedelta(hours=1), sold_on=after)

    entries = db.session.execute(select(Entry.subject, Entry.reference).order_by(Entry.id)).all()
    assert [(row.subject, row.reference.split("/")[0]) for row in entries] == [("last", "un"), ("next", "deux")]
    assert db.session.scalar(select(func.sum(Entry.amount))) == 14, "each day has the whole of its cap"
    weeks = sorted({f"{year}-W{week:02}" for year, week, _ in (end.isocalendar(), after.isocalendar())})
    for by, cells in (("day", [str(end), str(after)]), ("week", weeks)):
        window = ("--from", end - timedelta(days=6), "--until", after + timedelta(days=6))
        path = tmp_path / f"{by}.csv"
        runner.run("insights", "export", *window, "--by", by, "--to", path)
        text = path.read_text("utf-8-sig").splitlines()
        assert [row[by] for row in csv.DictReader(line for line in text if line[:1] != "#")] == [*cells, "TOTAL"]
