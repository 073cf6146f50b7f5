"""`flask points statement` and `brand-statement`; what touches challenges is with the declarations."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_babel import force_locale

from foundation import clock
from foundation.tables import write_table
from foundation.terminal import faults_to_exit
from network.queries import person_by_code
from points.brand_statement import HEADER, brand_statement, read_month, rows
from points.explanations import expires_in_words
from points.exports import export_statement
from points.queries import next_expiries


@click.command("statement")
@click.argument("code", metavar="PERSON")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@faults_to_exit
def statement(code: str, target: Path | None) -> None:
    """Write every movement of a person's points as CSV, each with its explanation in the person's language."""
    person = person_by_code(code)
    if person is None:
        raise ValueError(f"{code!r} is not a person; write the code of one of the network")
    if target is not None and not target.parent.is_dir():
        raise ValueError(f"{target}: the folder does not exist; create it or write to another")
    with force_locale(person.language):
        export_statement(person, target or sys.stdout)
        for one in next_expiries(person.id, at=clock.now()):
            click.echo(expires_in_words(one.points, one.at), err=True)


class Month(click.ParamType[date]):
    """An option such as 2026-10."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the text; what is no month ends the command with one line and exit code 1."""
        found = value if isinstance(value, date) else read_month(value)
        if found is None:
            raise click.ClickException(f"{value!r} is not a month; write it as 2026-10")
        return found


@click.command("brand-statement")
@click.option("--month", type=Month(), required=True, help="The month, such as 2026-10.")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@faults_to_exit
def month_of_the_brand(month: date, target: Path | None) -> None:
    """Write what the brand gave in a month and owes at its end, in points and euros, as CSV."""
    if target is not None and not target.parent.is_dir():
        raise ValueError(f"{target}: the folder does not exist; create it or write to another")
    write_table(target or sys.stdout, HEADER, rows(month, brand_statement(month, current_app.config["TIMEZONE"])))


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands of this package."""
    group = groups.setdefault("points", AppGroup("points", help="The ledger."))
    group.add_command(statement)
    group.add_command(month_of_the_brand)
