"""What every command of `flask …` shares: how it refuses, how it reads an instant, how it shows progress.

Exit codes: 0 done, 1 bad input (one line per fault on standard error, nothing written), 2 wrong usage.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import wraps
from typing import Any, TypeVar

import click
from sqlalchemy.exc import DBAPIError

from foundation import clock
from foundation.tables import FIRST_YEAR, LAST_YEAR, Faulty

Command = TypeVar("Command", bound=Callable[..., Any])
Item = TypeVar("Item")


def faults_to_exit(command: Command) -> Command:
    """Under `@click.command`: what was refused (Faulty, or a plain ValueError) becomes lines and exit code 1.

    A subclass of ValueError made by a library stays an error with its traceback: that is our mistake, not the user's.
    """

    @wraps(command)
    def careful(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except Faulty as refusal:
            lines = refusal.lines()
        except ValueError as refusal:
            if type(refusal) is not ValueError:
                raise
            lines = [str(refusal)]
        except DBAPIError as failure:
            if not any(words in str(failure.orig) for words in ("no such table", "no such column", "does not exist")):
                raise
            lines = ["the database is not up to date; run `flask db upgrade`"]
        for line in lines:
            click.echo(line, err=True)
        raise SystemExit(1)

    return careful  # type: ignore[return-value]


class Instant(click.ParamType[datetime]):
    """An option such as 2026-02-04T00:05:00+01:00, given to the command in UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text; what is no instant ends the command with one line and exit code 1."""
        if isinstance(value, datetime):
            return value
        try:
            found = clock.parse_instant(value)
            if not FIRST_YEAR <= found.year <= LAST_YEAR:
                raise ValueError(f"{value!r} is not an instant of {FIRST_YEAR} to {LAST_YEAR}; write such a one")
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return found


class Day(click.ParamType[date]):
    """An option such as 2026-02-04."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the text; what is no date ends the command with one line and exit code 1."""
        if isinstance(value, date):
            return value
        try:
            found = date.fromisoformat(value)
            if len(value) != 10 or not FIRST_YEAR <= found.year <= LAST_YEAR:
                raise ValueError
        except ValueError as error:
            raise click.ClickException(f"{value!r} is not a date; write it as 2026-02-04") from error
        return found


INSTANT = Instant()
DAY = Day()


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass items through; show a bar on a terminal, else a plain line every ten seconds, on standard error."""
    if sys.stderr.isatty():
        with click.progressbar(items, label=what, length=total, file=sys.stderr) as bar:
            yield from bar
        return
    told = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        if count % 256 == 0 and time.monotonic() - told >= 10:
            told = time.monotonic()
            click.echo(f"{what}: {count}" + (f" of {total}" if total else ""), err=True)
