"""flask network …"""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from foundation import audit, clock, web_push
from foundation.terminal import faults_to_exit
from foundation.transactions import transaction
from network import imports, operations, queries

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("network", AppGroup("network", help="People and outlets."))
    group.command("import-outlets")(import_outlets)
    group.command("import-people")(import_people)
    group.command("token")(token)
    told = groups.setdefault("notices", AppGroup("notices", help="What people are told outside of the application."))
    told.command("key")(key)


@click.argument("file", type=FILE)
@faults_to_exit
def import_outlets(file: Path) -> None:
    """Create or update outlets from FILE.csv, by code."""
    with transaction():
        done = imports.import_outlets(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))


@click.argument("file", type=FILE)
@faults_to_exit
def import_people(file: Path) -> None:
    """Create or update people from FILE.csv, by code."""
    with transaction():
        done = imports.import_people(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))


@click.argument("person")
@faults_to_exit
def token(person: str) -> None:
    """Print a new personal API token of PERSON (a code). It is shown once: only its hash is kept."""
    found = queries.person_by_code(person)
    if found is None:
        raise ValueError(f"{person!r} is not a person of the network; write the code of a person")
    if not found.is_active:
        raise ValueError(f"{person!r} is suspended; reinstate them first")
    with transaction():
        made = operations.create_token(found, by=audit.SYSTEM, at=clock.now())
    click.echo(made)


@faults_to_exit
def key() -> None:
    """Print a new pair of keys for push notifications: the private one for the environment, the public one to compare.

    Browsers that were told with another key ask for notifications anew when their person next opens the profile page.
    """
    made = web_push.new_key()
    click.echo(f"PALMARES_VAPID_PRIVATE_KEY={made}")
    click.echo(f"# public: {web_push.public_key(made)}")
