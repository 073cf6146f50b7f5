"""flask jobs … and flask programme …"""

from __future__ import annotations

from datetime import datetime

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select

from foundation import audit, clock, programme, scheduler
from foundation.database import db
from foundation.models import JobRun
from foundation.terminal import INSTANT, faults_to_exit
from foundation.transactions import transaction


@click.option("--at", type=INSTANT, help="As if it were this instant, such as 2026-02-04T00:05:00+01:00.")
def run(at: datetime | None) -> None:
    """Run what is due now, once, in the schedule's order."""
    done, failed = scheduler.run_due(at or clock.now())
    for line in done:
        click.echo(line)
    for line in failed:
        click.echo(line, err=True)
    if failed:
        raise SystemExit(1)


def list_jobs() -> None:
    """Show the schedule and how each job last went."""
    runs = {run.name: run for run in db.session.scalars(select(JobRun))}
    for job in scheduler.SCHEDULE:
        last = runs.get(job.name)
        told = f"{clock.format_instant(last.finished_at)} {last.outcome or 'nothing was due'}" if last else "never ran"
        click.echo(f"{job.name:<24} {job.cron:<14} {job.meaning}")
        click.echo(f"{'':<24} {told}")


def serve() -> None:
    """Be the scheduler process, or stand by until the one that leads is gone."""
    scheduler.serve(current_app._get_current_object())  # type: ignore[attr-defined]


def show() -> None:
    """Show the programme's settings."""
    for name, choice in programme.CHOICES.items():
        value = programme.setting(name)
        told = ("yes" if value else "no") if isinstance(choice.default, bool) else str(value) or "(to be completed)"
        click.echo(f"{name} = {told}    {choice.meaning}")


@click.argument("name")
@click.argument("value")
@click.option("--by", default=audit.SYSTEM, help="Code of the person who decides it.")
@faults_to_exit
def set_choice(name: str, value: str, by: str) -> None:
    """Change one setting of the programme."""
    with transaction():
        programme.change_setting(name, value, by=by, at=clock.now())
    click.echo(f"{name} = {value}")


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands to the command line."""
    jobs = groups.setdefault("jobs", AppGroup("jobs", help="What the clock does."))
    jobs.command("run")(run)
    jobs.command("list")(list_jobs)
    jobs.command("serve")(serve)
    choices = groups.setdefault("programme", AppGroup("programme", help="Settings of the whole programme."))
    choices.command("show")(show)
    choices.command("set")(set_choice)
