"""The example of docs: every key of a challenge file at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from challenges.definition import Known, definition_from
from challenges.exports import challenge_file

pytestmark = pytest.mark.any_engine

EXAMPLE = Path(__file__).with_name("every-key.toml")


def test_a_file_with_every_key_is_played_and_written_back_the_same() -> None:
    known = Known(products=[("CREME", "Soin", "Visage")], rewards={"week-end-spa"})
    definition = definition_from(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")), known)
    assert definition_from(tomllib.loads(challenge_file(definition)), known) == definition
    written = tomllib.loads(challenge_file(definition))
    assert written == tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert list(written) == list(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")))
