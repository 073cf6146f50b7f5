"""Tables of cases, one file per rule of the game: given declarations → points and explanation.

A case has a `name` that says what it shows, the `rules` as a challenge's file has them, and `sales`, in the order in
which they reach the server. What may stand beside:

- `challenge`: more of the challenge (caps, dates, zone…); its days are 5 January (a Monday) to 1 February 2026, Paris.
- `versions`: later versions of the rules, each with `starts_on`.
- `setting`: `vdi_reorder = true`; `agreement`: the date of the employer's agreement of AWA's shop.
- of a sale: `sells` ("9 CREME, 1 ROUGE"), `on` (day of the sale), `at` (instant of reception; noon of `on` in UTC, a
  minute later for each row), `declared` (what the phone said), `by`, `channel`, `customer`, `age_band`, `area`,
  `rating`, `comment`, `id`; and what comes of it: `gives` (points in the end), `says` (the explanation in French, rule
  by rule; spaces of every kind are written as one), `first` (what the person's total moves by when the sale comes in,
  where that differs), `entries` (the lines of the person's statement, where they are not just what it says).
- between sales: `withdraw`, `accept`, `reject`, `again` with the id of a sale; `correct` with what it now `sells`;
  `price` and `category` of a product, as the catalogue changes them.
- `board`: the standings afterwards, "league|rank|person or outlet|points" line by line.
- `states`: instants and the state of the challenge after what is due then was done; `awards` and `final`: what closing
  gives, as the awards' file says it, and the board it froze, after `withdrawn_after` too; `health`: an outlet.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One case and the file it is written in."""

    table: str
    name: str
    data: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.table}: {self.name}"


def read_cases() -> list[Case]:
    """All cases of all tables, in the order of their files."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [Case(path.stem, data.pop("name"), data) for data in table["case"]]
    return found
