"""flask insights …"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from foundation import audit, clock
from foundation.terminal import DAY
from foundation.transactions import transaction
from insights import exports
from insights.operations import take_out
from insights.queries import protected, snapshot
from insights.rules import DIMENSIONS, WrongSelection, selection


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("insights", AppGroup("insights", help="What the sales say together."))
    group.command("export")(export)


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
