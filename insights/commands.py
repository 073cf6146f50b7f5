"""flask insights …"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from foundation import audit, clock
from foundation.terminal import DAY, faults_to_exit
from foundation.transactions import snapshot as moment
from foundation.transactions import transaction
from insights import exports, statement
from insights.operations import take_out
from insights.queries import protected, snapshot
from insights.rules import DIMENSIONS, WrongSelection, selection
from rewards.benefits import benefits
from rewards.contribution import figures_of


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("insights", AppGroup("insights", help="What the sales say together."))
    group.command("export")(export)
    group.command("statement")(statement_file)


@click.option("--from", "since", type=DAY, required=True, help="First day of sale, such as 2026-01-01.")
@click.option("--until", type=DAY, required=True, help="Last day of sale, included.")
@click.option("--by", required=True, help=f"Dimensions, separated by commas: {', '.join(DIMENSIONS)}.")
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv, .xlsx or .parquet.",
)
def export(since: date, until: date, by: str, path: Path) -> None:
    """Write protected aggregates of accepted sales to a file."""
    at = clock.now()
    try:
        asked = selection(since, until, by)
        form = exports.form_of(path)
        exports.check_form(form)
        with snapshot() as connection:
            table = protected(connection, asked)
        exports.write_file(path, table, zone=current_app.config["TIMEZONE"], at=at)
    except WrongSelection as wrong:
        click.echo(str(wrong), err=True)
        raise SystemExit(1) from None
    with transaction():
        take_out(asked, form, by=audit.SYSTEM, at=at)
    shown = len(table.cells) - table.withheld
    click.echo(f"{path}: {len(table.cells)} cells, {shown} shown, {table.withheld} withheld")


@click.option("--year", required=True, help="A calendar year, such as 2026.")
@click.option(
    "--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file: .csv or .xlsx."
)
@faults_to_exit
def statement_file(year: str, path: Path) -> None:
    """Write what each person received in a year, with the contribution bands of the law."""
    at, zone = clock.now(), current_app.config["TIMEZONE"]
    number = statement.known_year(year)
    if number is None:
        raise ValueError(f"{year!r} is not a year; write it as 2026")
    try:
        with moment():
            figures = figures_of(number)
            count = statement.write_file(path, benefits(number, zone), figures, zone=zone, at=at)
    except WrongSelection as wrong:
        click.echo(str(wrong), err=True)
        raise SystemExit(1) from None
    with transaction():
        statement.take_out(number, statement.form_of(path), by=audit.SYSTEM, at=at)
    click.echo(f"{path}: {count} people")
    if figures.bands is None:
        click.echo(
            f"the SMIC of {number} is not known: the bands of employees are empty; add it to /studio/law", err=True
        )
