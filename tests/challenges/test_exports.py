"""A challenge as a file again: the example of docs with every key at once, and whatever can be played."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from challenges.definition import Definition, Known, definition_from, definition_hash
from challenges.exports import challenge_file
from challenges.forms import PAYOUT_KEYS, RULE_KEYS, STEPS, row_keys
from tests.challenges.strategies import definitions

pytestmark = pytest.mark.any_engine

EXAMPLE = Path(__file__).with_name("every-key.toml")


def test_a_file_with_every_key_is_played_and_written_back_the_same() -> None:
    known = Known(products=[("CREME", "Soin", "Visage")], rewards={"week-end-spa"})
    definition = definition_from(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")), known)
    assert definition_from(tomllib.loads(challenge_file(definition)), known) == definition
    written = tomllib.loads(challenge_file(definition))
    assert written == tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert list(written) == list(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions())
def test_any_valid_challenge_survives_export_and_import(data: dict[str, Any]) -> None:
    first = definition_from(data)
    text = challenge_file(first)
    again = definition_from(tomllib.loads(text))
    assert again.canonical() == first.canonical()
    assert definition_hash(again.canonical()) == definition_hash(first.canonical())
    assert challenge_file(again) == text, "and once more"


def keys_in(data: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The keys a challenge is written with, those of a rule or a payout under its kind."""
    for key, value in data.items():
        if key in ("rules", "payouts"):
            for row in value:
                kind = row["counts" if key == "rules" else "kind"]
                yield from ((key, kind, *path) for path in _paths(row))
        else:
            yield from ((key, *path) for path in (_paths(value) if isinstance(value, dict) else [()]))


def _paths(table: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield from ((key, *path) for path in (_paths(value) if isinstance(value, dict) and value else [()]))


def test_what_can_be_played_here_uses_every_key_there_is() -> None:
    seen: set[tuple[str, ...]] = set()

    @settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(definitions())
    def look(data: dict[str, Any]) -> None:
        seen.update(keys_in(data))

    look()
    wanted = {key.path for step in STEPS for key in step.keys}
    wanted |= {("rules", kind, *key.path) for kind in RULE_KEYS for key in row_keys("rules", {"counts": kind})}
    wanted |= {("payouts", kind, *key.path) for kind in PAYOUT_KEYS for key in row_keys("payouts", {"kind": kind})}
    # A boost stands on other rules' conditions here, so that it can always give points.
    missing = {path for path in wanted - seen if path[:3] != ("rules", "boost", "when")}
    assert missing == set()
    assert {path[0] for path in seen} == set(Definition.model_fields)
