"""Instants have an offset and are kept in UTC; days are those of a zone, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from foundation import clock
from foundation.database import db, instant_text, sha256_hex
from foundation.models import JobRun
from foundation.transactions import transaction

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    "text",
    ["2026-02-04T00:05:00+01:00", "2026-02-03T23:05:00Z", " 2026-02-03T23:05:00+00:00 ", "2026-02-03T18:05-05:00"],
)
def test_an_instant_is_read_as_utc(text):
    assert clock.parse_instant(text) == datetime(2026, 2, 3, 23, 5, tzinfo=UTC)
    assert clock.format_instant(clock.parse_instant(text)) == "2026-02-03T23:05:00.000000Z"


@pytest.mark.parametrize(
    "text", ["", "now", "2026-02-04", "2026-02-04T00:05:00", "2026-13-04T00:05:00Z", "0001-01-01T00:00+05:00"]
)
def test_what_is_no_instant_is_refused_by_name(text):
    with pytest.raises(ValueError, match="write it as 2026-02-04T00:05:00"):
        clock.parse_instant(text)


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
        (date(2026, 3, 30), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
)
def test_days_begin_at_midnight_also_when_the_clocks_change(day, begins):
    assert clock.start_of_day(day, PARIS) == begins
    assert clock.day_of(begins, PARIS) == day
    assert clock.day_of(begins - timedelta(microseconds=1), PARIS) == clock.days_after(day, -1)


def test_the_database_keeps_instants_in_utc_to_the_microsecond(app):
    at = datetime(2026, 2, 4, 0, 5, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    with transaction():
        db.session.execute(insert(JobRun).values(name="a", finished_at=at, outcome=""))
        db.session.execute(insert(JobRun).values(name="b", finished_at=at.replace(microsecond=0), outcome=""))
    found = db.session.scalars(select(JobRun.finished_at).order_by(JobRun.name)).all()
    assert found == [at, at.replace(microsecond=0)]
    assert {instant.utcoffset() for instant in found} == {timedelta(0)}
    written = db.session.scalars(select(instant_text(JobRun.finished_at)).order_by(JobRun.name)).all()
    assert written == [clock.format_instant(instant) for instant in found]


def test_the_database_refuses_a_naive_instant(app):
    with pytest.raises(StatementError, match="naive"), transaction():
        db.session.execute(insert(JobRun).values(name="a", finished_at=datetime(2026, 2, 4), outcome=""))


def test_the_database_hashes_as_python_does(app):
    assert db.session.scalar(select(sha256_hex("abc"))) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
