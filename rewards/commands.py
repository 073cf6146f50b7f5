"""`flask rewards …`, `flask points verify`, and `flask challenges verify` and `backtest`."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import force_locale

from challenges.imports import read_challenge
from challenges.lifecycle import NotPossible
from challenges.models import Challenge
from challenges.queries import challenge_by_code
from foundation import audit, clock
from foundation.database import db
from foundation.terminal import DAY, faults_to_exit
from foundation.transactions import snapshot, transaction
from network.permissions import may
from network.queries import person_by_code
from rewards import codes, order_verification, verification
from rewards.backtest import backtest
from rewards.backtest_runs import MOST_VARIANTS
from rewards.exports import (
    export_awards,
    in_words,
    side_by_side,
    write_backtest_awards,
    write_backtest_standings,
)
from rewards.imports import import_codes, import_rewards
from rewards.models import Closure
from rewards.releasing import find_award, release


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Offer the commands of this package."""
    group = groups.setdefault("rewards", AppGroup("rewards", help="The reward catalogue and what closings gave."))
    group.command("import")(import_file)
    group.command("import-codes")(import_pool)
    group.command("reseal-codes")(reseal_codes)
    group.command("awards")(awards)
    group.command("release")(release_award)
    challenges = groups.setdefault("challenges", AppGroup("challenges", help="Challenges as files."))
    challenges.command("verify")(verify)
    challenges.command("backtest")(backtest_files)
    points = groups.setdefault("points", AppGroup("points", help="The ledger."))
    points.command("verify")(verify_points)


@faults_to_exit
def verify_points() -> None:
    """Recompute the chain, balances, wallets, standings and orders; the first difference ends with exit code 1."""
    for difference in order_verification.differences():
        click.echo(difference, err=True)
        raise SystemExit(1)
    click.echo("points: chain, balances and standings are right")


@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@faults_to_exit
def import_file(file: Path) -> None:
    """Create or update the reward catalogue from FILE.csv, by code."""
    with transaction():
        done = import_rewards(file, by=audit.SYSTEM, at=clock.now())
    click.echo(str(done))


@click.argument("reward")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@faults_to_exit
def import_pool(reward: str, file: Path) -> None:
    """Add the codes of FILE.csv (one column, code) to the pool of the voucher REWARD; they are kept encrypted."""
    with transaction():
        count = import_codes(reward, file, by=audit.SYSTEM, at=clock.now())
    click.echo(f"{reward}: added {count} codes")


@faults_to_exit
def reseal_codes() -> None:
    """Encrypt every voucher code with the newest key of PALMARES_CODES_KEY; then older keys can be dropped."""
    with transaction():
        count = codes.reseal(by=audit.SYSTEM, at=clock.now())
    click.echo(f"resealed {count} codes")


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
@click.argument("payout", type=click.IntRange(min=1))
@click.argument("person")
@click.option("--reason", required=True, help="Why it is given without the agreement; it is kept.")
@click.option("--by", "author", required=True, help="The code of who decides.")
@faults_to_exit
def release_award(code: str, payout: int, person: str, reason: str, author: str) -> None:
    """Give PERSON what PAYOUT of challenge CODE gave and was held for want of an employer's agreement."""
    decider = person_by_code(author)
    if decider is None or not may(decider, "animate"):
        raise ValueError(f"--by: {author!r} is not an animator or administrator; write the code of one")
    with transaction():
        held = find_award(code, payout, person)
        if held is None:
            raise ValueError(f"{code} gave nobody {person!r} an award by payout {payout}")
        try:
            given = release(held.id, reason, by=author, at=clock.now())
        except NotPossible as error:
            raise ValueError(str(error)) from None
    click.echo(f"{code}/{payout}/{person}: {'granted' if given else 'had already been granted'}")


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


@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE..."
)
@click.option("--from", "first_day", type=DAY, required=True, help="First day of sales, such as 2026-01-01.")
@click.option("--until", "last_day", type=DAY, required=True, help="Last day of sales, included.")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write standings to FILE.csv.")
@click.option(
    "--awards", "awards_to", type=click.Path(dir_okay=False, path_type=Path), help="Write awards to FILE.csv."
)
@faults_to_exit
def backtest_files(
    files: tuple[Path, ...], first_day: date, last_day: date, target: Path | None, awards_to: Path | None
) -> None:
    """Show what the challenge of FILE.toml would have given on past declarations. Nothing is written.

    Up to three files are variants, shown one after the other and side by side; --to and --awards are of the first.
    """
    if len(files) > MOST_VARIANTS:
        raise click.UsageError(f"{len(files)} files; give 1 to {MOST_VARIANTS}")
    with force_locale("en"):
        definitions = [read_challenge(file) for file in files]
        found = []
        with snapshot():
            for definition in definitions:
                found.append(backtest(definition, first_day, last_day, at=clock.now(), progress=_Told()))
        for place, (file, definition, one) in enumerate(zip(files, definitions, found, strict=True)):
            if len(files) > 1:
                click.echo(f"=== {file}")
            first = place == 0
            for line in in_words(
                one,
                definition.league_by,
                standings=not (first and target is not None),
                awards=not (first and awards_to is not None),
            ):
                click.echo(line)
        if len(files) > 1:
            click.echo("=== side by side")
            for line in side_by_side([file.stem for file in files], found):
                click.echo(line)
    if target is not None:
        write_backtest_standings(found[0], target)
        click.echo(f"{target}: {len(found[0].standings)} lines")
    if awards_to is not None:
        write_backtest_awards(found[0], awards_to)
        click.echo(f"{awards_to}: {len(found[0].awards)} awards")


class _Told:
    """Progress on standard error: a counter on a terminal, else a plain line every ten seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\rpeople: {done} of {total}", err=True, nl=done == total)
        elif time.monotonic() - self.last >= 10:
            self.last = time.monotonic()
            click.echo(f"people: {done} of {total}", err=True)


def _closed(code: str) -> tuple[Challenge, Closure]:
    challenge = challenge_by_code(code)
    if challenge is None:
        raise ValueError(f"{code!r} is not a challenge; `flask challenges import` makes one")
    closure = db.session.get(Closure, challenge.id)
    if closure is None:
        raise ValueError(f"challenge {code} is {challenge.state}; it has no closing yet")
    return challenge, closure
