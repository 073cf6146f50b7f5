"""The same decisions on a terminal: done with a line, or refused with exit code 1 and a line per fault."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from challenges.definition import stored_definition
from challenges.exports import challenge_file
from challenges.models import Challenge
from challenges.queries import challenge_by_code, versions_of
from foundation.database import db
from tests.cast import Cast
from tests.conftest import Runner
from tests.declarations.stage import NOW, TODAY, publish

TOMORROW = str(TODAY + timedelta(days=1))
BY = ("--by", "MARC")


@pytest.fixture
def terminal(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """A terminal at noon, and a challenge that people play."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)
    publish()
    return Runner(app)


def challenge() -> Challenge:
    db.session.rollback()
    found = challenge_by_code("hiver")
    assert found is not None
    return found


def file(tmp_path: Path, before: str, after: str) -> Path:
    """The challenge's file, with a change."""
    text = challenge_file(stored_definition(challenge().definition))
    assert before in text
    path = tmp_path / "hiver.toml"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return path


def test_rules_are_amended_from_a_file(terminal: Runner, tmp_path: Path) -> None:
    path = file(tmp_path, "points = 10\n", "points = 20\n")
    said = terminal.run("challenges", "amend", path, "--from", TOMORROW, "--notice", "Double", *BY).stdout
    assert said == f"hiver: version 2 from {TOMORROW}\n"
    assert [one.number for one in versions_of(challenge().id)] == [1, 2]


def test_an_amendment_that_breaks_a_promise_is_refused_with_a_line_for_each(terminal: Runner, tmp_path: Path) -> None:
    path = file(tmp_path, "every = 10", "every = 20")
    path.write_text('ranks = "outlet"\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    refused = terminal.run("challenges", "amend", path, "--from", str(TODAY), "--notice", " ", *BY, exits=1)
    lines = refused.stderr.splitlines()
    assert len(lines) == 4 and all(line.startswith(str(path)) for line in lines)
    assert any(":1: ranks: " in line and "promised" in line for line in lines)
    assert any("prize 1 has changed" in line for line in lines)
    assert any("already begun" in line for line in lines) and any("will read is missing" in line for line in lines)
    assert len(versions_of(challenge().id)) == 1


def test_a_challenge_is_extended_and_ended_early(terminal: Runner) -> None:
    extend = ("challenges", "extend", "hiver", "--notice", "Encore", *BY, "--until")
    assert "extends nothing" in terminal.run(*extend, "2026-03-01", exits=1).stderr
    assert terminal.run(*extend, "2026-03-15").stdout == "hiver: until 2026-03-15\n"
    assert challenge().ends_on.isoformat() == "2026-03-15"
    close = ("challenges", "close-early", "hiver", "--reason", "Rupture", *BY)
    assert "is over" in terminal.run(*close, "--on", "2026-02-01", exits=1).stderr
    assert terminal.run(*close, "--on", "2026-02-20").stdout == "hiver: until 2026-02-20\n"
    assert terminal.run(*close).stdout == f"hiver: until {TODAY}\n"
    assert challenge().ends_on == TODAY


@pytest.mark.parametrize(
    "command", [("extend", "--notice", "x", "--until", "2026-03-15"), ("close-early", "--reason", "x")]
)
def test_only_animators_decide_and_only_about_challenges_that_exist(terminal: Runner, command: tuple[str, ...]) -> None:
    verb, *options = command
    assert "is not a challenge" in terminal.run("challenges", verb, "inconnu", *options, *BY, exits=1).stderr
    assert "may not decide" in terminal.run("challenges", verb, "hiver", *options, "--by", "AWA", exits=1).stderr
    assert terminal.run("challenges", verb, "hiver", *options, *BY).stderr == ""
