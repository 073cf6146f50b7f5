"""The programme's settings can be read and changed, and every change leaves its trace."""

from __future__ import annotations

from sqlalchemy import select

from foundation.database import db
from foundation.models import AuditEntry
from foundation.programme import ORGANISER, setting, settings
from tests.conftest import make_app, make_settings


def test_a_setting_is_shown_and_changed_and_the_change_is_audited(app, runner):
    assert "review_units_above = 1000" in runner.run("programme", "show").stdout
    runner.run("programme", "set", "review_units_above", "50", "--by", "ADA")
    runner.run("programme", "set", "vdi_reorder", "yes")
    assert setting("review_units_above") == 50
    assert setting("vdi_reorder") is True
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.by, entry.act, entry.subject, entry.details) for entry in entries] == [
        ("ADA", "programme.changed", "review_units_above", {"value": 50}),
        ("system", "programme.changed", "vdi_reorder", {"value": True}),
    ]


def test_texts_are_empty_until_the_brand_writes_them(app, runner):
    assert "brand_name = (to be completed)" in runner.run("programme", "show").stdout
    runner.run("programme", "set", "brand_name", " Maison Écume ", "--by", "ADA")
    assert "brand_name = Maison Écume" in runner.run("programme", "show").stdout
    assert [settings()[name] for name in ORGANISER] == ["Maison Écume", "", ""]
    assert settings()["review_days"] == 3
    runner.run("programme", "set", "brand_name", "")
    assert settings()["brand_name"] == ""


def test_a_wrong_setting_is_refused_in_one_line_and_nothing_is_written(app, runner):
    for name, value, said in (
        ("speed", "3", "'speed' is not a setting"),
        ("review_units_above", "0", "write a whole number from 1"),
        ("review_units_above", "lots", "write a whole number from 1"),
        ("vdi_reorder", "maybe", "write yes or no"),
        ("brand_name", "Maison\nÉcume", "write plain text on one line"),
        ("brand_address", "x" * 301, "at most 300 characters"),
    ):
        result = runner.run("programme", "set", name, value, exits=1)
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert db.session.scalar(select(AuditEntry.id)) is None


def test_a_database_that_is_not_up_to_date_is_one_line_and_not_a_traceback(empty_database_url, tmp_path):
    app = make_app(make_settings(empty_database_url, tmp_path))
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["points", "verify"])
        db.engine.dispose()
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["the database is not up to date; run `flask db upgrade`"]
