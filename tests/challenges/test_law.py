"""The figures of the law: read by day, changed by adding, never edited; kept by administrators on a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from challenges import law, law_pages
from challenges.models import LegalParameter
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from tests.cast import Cast

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NEW_YEAR = date(2027, 1, 1)


def record(name: str = "smic_monthly", value: str = "1850", **changes: Any) -> LegalParameter:
    """Record a figure."""
    values: dict[str, Any] = {"valid_from": NEW_YEAR, "source": "Décret à venir", "by": "ADA", "at": AT} | changes
    with transaction():
        return law.change_parameter(name, value, **values)


@pytest.mark.parametrize(
    ("name", "on", "value"),
    [
        ("smic_monthly", date(2024, 12, 31), None),
        ("smic_monthly", date(2025, 1, 1), "1801.80"),
        ("smic_monthly", date(2025, 12, 31), "1801.80"),
        ("smic_monthly", date(2026, 1, 1), "1823.03"),
        ("smic_monthly", date(2027, 1, 1), None),
        ("reward_free_band", date(2026, 6, 1), "15"),
        ("reward_common_law_band", date(2026, 6, 1), "150"),
        ("reward_contribution_rate", date(2030, 6, 1), "20"),
        ("das2_threshold", date(2026, 6, 1), "2400"),
        ("no_such_figure", date(2026, 6, 1), None),
    ],
)
def test_a_figure_is_the_one_of_the_day(app: Flask, name: str, on: date, value: str | None) -> None:
    assert law.parameter(name, "FR", on=on) == value
    assert law.parameter(name, "BE", on=on) is None


def test_the_bands_of_rewards_are_shares_of_the_wage_to_the_cent(app: Flask) -> None:
    assert law.reward_bands(on=date(2026, 3, 1)) == (27_345, 273_455)
    assert law.reward_bands(on=date(2025, 3, 1)) == (27_027, 270_270)
    assert law.reward_bands(on=date(2011, 3, 1)) is None


def test_every_figure_of_the_first_table_has_its_source_and_what_counsel_must_confirm_says_so(app: Flask) -> None:
    rows = db.session.scalars(select(LegalParameter)).all()
    assert {row.name for row in rows} == set(law.FIGURES) == set(law_pages.NAMES)
    assert all(row.source and row.unit == law.FIGURES[row.name].unit for row in rows)
    assert {row.unit for row in rows} == {*law_pages.UNITS, "MM-DD"}
    assert {row.name for row in rows if not row.confirmed} == {
        "reward_statement_due",
        "vdi_statement_months",
        "hostess_budget_lowest",
        "hostess_budget_highest",
    }


def test_a_new_value_for_the_same_start_replaces_the_old_one_which_stays_readable(cast: Cast) -> None:
    record(value="1 850,00")
    record(value="1860.5", at=AT + timedelta(days=1), verified_by="Me Roy", verified_on=AT.date(), confirmed=True)
    assert law.parameter("smic_monthly", on=NEW_YEAR) == "1860.5"
    assert law.parameter("smic_monthly", on=date(2026, 12, 31)) == "1823.03"
    (row,) = [one for one in db.session.scalars(law.latest_figures()) if one.valid_from == NEW_YEAR]
    earlier = law.history([row])[(row.country, row.name, row.valid_from)]
    assert [one.value for one in earlier] == ["1850.00"]
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "law.changed")).all()
    assert [(one.by, one.subject, one.details["value"]) for one in entries] == [
        ("ADA", "FR smic_monthly", "1850.00"),
        ("ADA", "FR smic_monthly", "1860.5"),
    ]


def test_of_two_values_recorded_at_the_same_instant_the_second_counts(cast: Cast) -> None:
    record(value="1850")
    record(value="1851")
    assert law.parameter("smic_monthly", on=NEW_YEAR) == "1851"
    assert [row.value for row in db.session.scalars(law.latest_figures()) if row.valid_from == NEW_YEAR] == ["1851"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "vat"}, "name"),
        ({"country": "fra"}, "country"),
        ({"value": "beaucoup"}, "value"),
        ({"value": "-1"}, "value"),
        ({"value": "0"}, "value"),
        ({"value": "1e3"}, "value"),
        ({"name": "reward_contribution_rate", "value": "101"}, "value"),
        ({"name": "reward_statement_due", "value": "06-31"}, "value"),
        ({"valid_to": date(2026, 12, 31)}, "valid_to"),
        ({"source": "  "}, "source"),
        ({"confirmed": True, "verified_on": AT.date()}, "verified_by"),
        ({"confirmed": True, "verified_by": "Me Roy"}, "verified_on"),
        ({"verified_on": date(2027, 1, 1)}, "verified_on"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(cast: Cast, changes: dict[str, Any], where: str) -> None:
    count = select(func.count()).select_from(LegalParameter)
    before = db.session.scalar(count)
    with pytest.raises(law.WrongFigure) as refusal:
        record(**changes)
    assert refusal.value.where == where and refusal.value.right
    assert db.session.scalar(count) == before


def test_the_database_refuses_to_change_or_delete_a_figure(app: Flask, engine_name: str) -> None:
    empty = text("TRUNCATE legal_parameters" if engine_name == "postgresql" else "DELETE FROM legal_parameters")
    for statement in (update(LegalParameter).values(value="1"), delete(LegalParameter), empty):
        with pytest.raises(IntegrityError, match="append-only"), transaction():
            db.session.execute(statement)


def told(client: FlaskClient) -> str:
    """The page of the figures, its spaces plain."""
    return client.get("/studio/law").text.replace("\u202f", " ").replace("\u00a0", " ")


def test_an_administrator_reads_the_figures_and_records_a_new_one_with_its_history(
    cast: Cast, client: FlaskClient
) -> None:
    client.sign_in(cast.ada)
    page = told(client)
    assert "1 823,03 €" in page and "30 juin" in page and "15 %" in page
    assert "CSS art. L242-1-4" in page and 'href="/studio/law?name=smic_monthly#record"' in page
    assert "À confirmer par un juriste" in page and "Connu" in page
    assert "/studio/law" in client.get("/studio").text
    assert "Enregistré par Palmarès le" in page and "par system" not in page
    written = {
        "name": "smic_monthly", "country": "fr", "value": "1 830,10", "valid_from": "2026-01-01",
        "valid_to": "2026-12-31", "source": "Décret n° 1", "verified_by": "Me Roy", "verified_on": "2026-01-02",
        "confirmed": "y",
    }  # fmt: skip
    assert client.post("/studio/law", data=written).status_code == 302
    page = told(client)
    assert "1 830,10 €" in page and "Décret n° 1" in page and "Me Roy" in page
    assert "Valeurs précédentes" in page and "1 823,03 €" in page
    assert "Enregistré par Ada Faure le" in page and "enregistré par Palmarès le" in page
    assert law.parameter("smic_monthly", on=date(2026, 5, 1)) == "1830.10"


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_recorded(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.ada)
    for written, field in (
        ({"name": "smic_monthly", "value": "x", "valid_from": "2027-01-01", "source": "Décret"}, "value"),
        ({"name": "smic_monthly", "value": "1", "valid_from": "demain", "source": "Décret"}, "valid_from"),
        ({"name": "smic_monthly", "value": "1", "valid_from": "", "source": "Décret"}, "valid_from"),
        ({"name": "smic_monthly", "value": "1", "valid_from": "2027-01-01", "source": ""}, "source"),
        ({}, "valid_from"),
    ):
        answer = client.post("/studio/law", data=written)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
    assert law.parameter("smic_monthly", on=NEW_YEAR) is None


def test_all_that_is_wrong_is_said_at_once(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.ada)
    answer = client.post("/studio/law", data={"name": "smic_monthly", "value": "x", "country": "F", "confirmed": "y"})
    for field in ("value", "country", "valid_from", "source", "verified_by", "verified_on"):
        assert f'id="{field}-error"' in answer.text, field
    assert "6 points à corriger" in answer.text


def test_only_administrators_see_the_page(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)
    assert client.get("/studio/law").status_code == 404
    assert "/studio/law" not in client.get("/studio").text
