"""A challenge as a file again, equivalent to the one it came from, in the order people know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import tomlkit
from tomlkit.items import AoT, InlineTable, Table

from challenges.definition import Definition

_INLINE_ORDER = {
    "when": ("skus", "categories", "families", "channels", "weekdays", "from", "to", "customer", "min_units"),
    "cap": ("points", "per"),
    "baseline": ("from", "to", "factor", "at_least"),
}
_RULE_ORDER = (
    "id", "counts", "measure", "at", "points", "per", "factor", "of", "min_comment", "when", "cap",
)  # fmt: skip
_PAYOUT_ORDER = (
    "kind", "from", "to", "points", "first", "every", "into", "winners", "tickets_per", "reward", "wallet",
)  # fmt: skip
_DAYS = frozenset({"starts_on", "ends_on", "freeze_board_on", "repeat_until", "from", "to"})
_INSTANTS = frozenset({"declare_until", "review_until"})


def challenge_file(definition: Definition) -> str:
    """The TOML text of a challenge: reading it gives the same canonical definition."""
    given = definition.canonical()
    document = tomlkit.document()
    for key in Definition.model_fields:
        value = given.get(key)
        if value is None:
            continue
        if key in ("rules", "payouts"):
            document.add(key, _list_of_tables(value, _RULE_ORDER if key == "rules" else _PAYOUT_ORDER))
        elif isinstance(value, dict):
            document.add(key, _table(value, tuple(value)))
        else:
            document.add(key, _value(key, value))
    return tomlkit.dumps(document)


def _list_of_tables(items: list[dict[str, Any]], order: tuple[str, ...]) -> AoT:
    tables = tomlkit.aot()
    for item in items:
        tables.append(_table(item, order))
    return tables


def _table(given: Mapping[str, Any], order: tuple[str, ...]) -> Table:
    table = tomlkit.table()
    for key in order:
        if key in given:
            table.add(key, _value(key, given[key]))
    return table


def _value(key: str, value: Any) -> Any:
    """A JSON value as TOML: dates and instants become dates and instants again (numbers called `from` stay)."""
    if isinstance(value, dict):
        return _inline(value, _INLINE_ORDER[key])
    if isinstance(value, str) and key in _DAYS:
        return date.fromisoformat(value)
    if isinstance(value, str) and key in _INSTANTS:
        return datetime.fromisoformat(value)
    return value


def _inline(given: Mapping[str, Any], order: tuple[str, ...]) -> InlineTable:
    table = tomlkit.inline_table()
    for key in order:
        if key in given:
            table.add(key, _value(key, given[key]))
    return table
