"""flask catalogue …"""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from catalogue.imports import import_products
from foundation import audit, clock
from foundation.terminal import faults_to_exit
from foundation.transactions import transaction


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("catalogue", AppGroup("catalogue", help="The brand's products."))
    group.command("import")(import_file)


@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@faults_to_exit
def import_file(file: Path) -> None:
    """Create or update products from FILE.csv, by sku."""
    with transaction():
        done = import_products(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))
