"""`flask leaderboards …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from challenges.queries import challenge_by_code
from foundation.terminal import faults_to_exit
from leaderboards.exports import export_standings


@click.command("export")
@click.argument("code")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@faults_to_exit
def export(code: str, target: Path | None) -> None:
    """Write the standings of challenge CODE as CSV, on standard output without --to."""
    challenge = challenge_by_code(code)
    if challenge is None:
        raise ValueError(f"{code!r} is not a challenge; write the code of one that was imported")
    if target is not None and not target.parent.is_dir():
        raise ValueError(f"{target}: the folder does not exist; create it or write to another")
    export_standings(challenge, target or sys.stdout)


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands of this package."""
    group = groups.setdefault("leaderboards", AppGroup("leaderboards", help="Who stands where."))
    group.add_command(export)
