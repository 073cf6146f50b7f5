"""flask rewards …"""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from foundation import audit, clock
from foundation.terminal import faults_to_exit
from foundation.transactions import transaction
from rewards.imports import import_rewards


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("rewards", AppGroup("rewards", help="The reward catalogue and what closings gave."))
    group.command("import")(import_file)


@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@faults_to_exit
def import_file(file: Path) -> None:
    """Create or update the reward catalogue from FILE.csv, by code."""
    with transaction():
        done = import_rewards(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))
