"""`flask rewards …`, and `flask challenges verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from challenges.models import Challenge
from challenges.queries import challenge_by_code
from foundation import audit, clock
from foundation.database import db
from foundation.terminal import faults_to_exit
from foundation.transactions import transaction
from rewards import verification
from rewards.exports import export_awards
from rewards.imports import import_rewards
from rewards.models import Closure


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("rewards", AppGroup("rewards", help="The reward catalogue and what closings gave."))
    group.command("import")(import_file)
    group.command("awards")(awards)
    challenges = groups.setdefault("challenges", AppGroup("challenges", help="Challenges as files."))
    challenges.command("verify")(verify)


@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@faults_to_exit
def import_file(file: Path) -> None:
    """Create or update the reward catalogue from FILE.csv, by code."""
    with transaction():
        done = import_rewards(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))


@click.argument("code")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write to FILE.csv.")
@faults_to_exit
def awards(code: str, target: Path | None) -> None:
    """List what the closing of challenge CODE gave."""
    challenge, _ = _closed(code)
    if target is None:
        export_awards(challenge, sys.stdout)
        return
    with target.open("w", encoding="utf-8", newline="") as file:
        count = export_awards(challenge, file)
    click.echo(f"{target}: {count} awards")


@click.argument("code")
@faults_to_exit
def verify(code: str) -> None:
    """Recompute the closing of challenge CODE from the declarations it counted; exit code 1 when something differs."""
    challenge, closure = _closed(code)
    found = list(verification.differences(challenge, closure))
    for difference in found:
        click.echo(difference, err=True)
    if found:
        raise SystemExit(1)
    click.echo(f"{code}: equal (standings {closure.standings_hash})")


def _closed(code: str) -> tuple[Challenge, Closure]:
    challenge = challenge_by_code(code)
    if challenge is None:
        raise ValueError(f"{code!r} is not a challenge; `flask challenges import` makes one")
    closure = db.session.get(Closure, challenge.id)
    if closure is None:
        raise ValueError(f"challenge {code} is {challenge.state}; it has no closing yet")
    return challenge, closure
