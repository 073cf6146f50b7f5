"""`flask challenges amend`, `extend` and `close-early`: what is done, and a line for each reason against it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from challenges.definition import definition_from
from challenges.models import Amendment, Challenge
from challenges.queries import versions_of
from declarations.publishing import publish_definition
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from tests.cast import Cast
from tests.declarations.stage import PARIS, WINTER


@pytest.fixture
def challenge(app: Flask, cast: Cast) -> Challenge:
    """A challenge that runs from yesterday for two weeks."""
    today = clock.day_of(clock.now(), PARIS)
    dates = {"starts_on": today - timedelta(days=1), "ends_on": today + timedelta(days=13)}
    with transaction():
        found, _ = publish_definition(definition_from(WINTER | dates), by="MARC", at=clock.now())
    return found


def day(after: int) -> str:
    """A day from today, as options are written."""
    return (clock.day_of(clock.now(), PARIS) + timedelta(days=after)).isoformat()


def written(runner: FlaskCliRunner, folder: Path, **replaced: str) -> Path:
    """The challenge's file as exported, with some texts replaced: old=new, underscores as they are."""
    path = folder / "hiver.toml"
    runner.run("challenges", "export", "hiver", "--to", path)
    text = path.read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def kinds() -> list[tuple[str, str, str]]:
    """Kind, notice and author of each change."""
    rows = db.session.scalars(select(Amendment).order_by(Amendment.version))
    return [(row.kind, row.notice, row.decided_by) for row in rows]


def test_a_file_changes_the_rules_of_a_published_challenge(challenge: Challenge, runner: Any, tmp_path: Path) -> None:
    file = written(runner, tmp_path, **{"points = 10": "points = 20"})
    done = runner.run("challenges", "amend", file, "--from", day(2), "--notice", "Double", "--by", "MARC")
    assert done.stdout == f"hiver: version 2, from {day(2)}\n"
    assert kinds() == [("rules", "Double", "MARC")]
    assert [one.definition["rules"][0]["points"] for one in versions_of(challenge.id)] == [10, 20]
    assert "unchanged, published" in runner.run("challenges", "import", file, "--publish").stdout


def test_each_reason_against_a_change_is_a_line_with_its_place(
    challenge: Challenge, runner: Any, tmp_path: Path
) -> None:
    file = written(runner, tmp_path, **{"points = 10": "points = 20", "ends_on": 'proof = "required"\nends_on'})
    refused = runner.run(
        "challenges", "amend", file, "--from", day(0), "--notice", " ", "--by", "MARC", exits=1
    ).stderr.splitlines()
    assert [line.split(": ")[0].split("/")[-1] for line in refused] == ["hiver.toml:4", "--notice", "--from"]
    assert kinds() == []


def test_rules_that_the_law_forbids_are_refused_with_the_line_and_the_article(
    app: Flask, cast: Cast, runner: Any, tmp_path: Path
) -> None:
    today = clock.day_of(clock.now(), PARIS)
    sold = {"id": "soin", "counts": "units", "points": 10, "when": {"channels": ["meeting"]}}
    plain = WINTER | {"starts_on": today, "ends_on": today + timedelta(days=9), "audience": {"kinds": ["vdi"]}}
    with transaction():
        publish_definition(definition_from(plain | {"rules": [sold]}), by="MARC", at=clock.now())
    file = written(runner, tmp_path, meeting="online")
    told = ("--from", day(1), "--notice", "En ligne", "--by", "MARC")
    assert "L135-1" in runner.run("challenges", "amend", file, *told, exits=1).stderr
    runner.run("challenges", "amend", written(runner, tmp_path, meeting="face_to_face"), *told)


def test_an_end_moves_later_and_sooner(challenge: Challenge, runner: Any) -> None:
    later = runner.run(
        "challenges", "extend", "hiver", "--until", day(20), "--notice", "Une semaine", "--by", "ADA",
        "--declare-until", f"{day(30)}T00:00:00+02:00",
    )  # fmt: skip
    assert later.stdout == f"hiver: version 2, ends on {day(20)}\n"
    sooner = runner.run("challenges", "close-early", "hiver", "--reason", "Rupture", "--by", "MARC", "--on", day(3))
    assert sooner.stdout == f"hiver: version 3, ends on {day(3)}\n"
    assert (
        f"ends on {day(0)}"
        in runner.run("challenges", "close-early", "hiver", "--reason", "Rupture", "--by", "MARC").stdout
    )
    assert kinds() == [
        ("extension", "Une semaine", "ADA"), ("early_close", "Rupture", "MARC"), ("early_close", "Rupture", "MARC"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("extend", "hiver", "--until", 5, "--notice", "Plus"), "--until: "),
        (("extend", "hiver", "--until", 20, "--notice", " "), "--notice: "),
        (("close-early", "hiver", "--reason", "Fini", "--on", -1), "--on: "),
        (("close-early", "hiver", "--reason", "Fini", "--on", 13), "--on: "),
        (("close-early", "hiver", "--reason", "", "--on", 3), "--reason: "),
        (("close-early", "rien", "--reason", "Fini"), "'rien' is not a challenge"),
    ],
)
def test_an_end_that_cannot_be_is_one_line_that_names_the_option(
    challenge: Challenge, runner: Any, words: tuple[Any, ...], option: str
) -> None:
    said = [day(word) if isinstance(word, int) else word for word in words]
    refused = runner.run("challenges", *said, "--by", "MARC", exits=1).stderr
    assert refused.startswith(option) and len(refused.splitlines()) == 1
    assert kinds() == []


def test_only_an_animator_decides(challenge: Challenge, runner: Any, tmp_path: Path) -> None:
    file = written(runner, tmp_path, **{"points = 10": "points = 20"})
    for words in (
        ("amend", file, "--from", day(1), "--notice", "x"),
        ("extend", "hiver", "--until", day(20), "--notice", "x"),
        ("close-early", "hiver", "--reason", "x"),
    ):
        for person in ("BRUNO", "PERSONNE"):
            assert f"'{person}' may not" in runner.run("challenges", *words, "--by", person, exits=1).stderr
        runner.run("challenges", *words, exits=2)
    assert kinds() == []
