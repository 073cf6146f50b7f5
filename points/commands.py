"""`flask points statement`; `flask points verify` is with the declarations it recomputes from."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import force_locale

from foundation.terminal import faults_to_exit
from network.queries import person_by_code
from points.exports import export_statement


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


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands of this package."""
    group = groups.setdefault("points", AppGroup("points", help="The ledger."))
    group.add_command(statement)
