"""flask demo"""

from __future__ import annotations

import time
from datetime import datetime

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import inspect

from foundation import clock
from foundation.database import db
from foundation.terminal import INSTANT, faults_to_exit, progress
from portal.demonstration.content import read_content
from portal.demonstration.filling import demonstration_steps, is_empty


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    app.cli.add_command(demo)


@click.command("demo")
@click.option("--at", type=INSTANT, help="The present of the demonstration (default: now).")
@with_appcontext
@faults_to_exit
def demo(at: datetime | None) -> None:
    """Fill an empty database with the demonstration network, and print its sign-ins."""
    if not inspect(db.engine).has_table("people"):
        raise ValueError("the database has no tables yet; run flask db upgrade first")
    if not is_empty():
        raise ValueError("the database is not empty; the demonstration needs a new one (see DATABASE_URL)")
    started = time.monotonic()
    content = read_content()
    steps = demonstration_steps(content, at or clock.now())
    for step in progress(steps, "demonstration", len(steps)):
        step.take()
    db.session.remove()
    click.echo(f"Maison Ondrivelle is ready ({time.monotonic() - started:.0f} s). Sign in as one of:")
    for person in content.sign_ins:
        place = person.outlet.name if person.outlet is not None else "Maison Ondrivelle"
        kind = f"{person.role}, {person.outlet.kind}" if person.outlet is not None else person.role
        click.echo(f"  {person.email:<28} {person.name} ({kind}) - {place}")
