"""`flask declarations …`, and those of `flask challenges …` and `flask points …` that touch declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_babel import force_locale
from sqlalchemy import select

from challenges.definition import Problem
from challenges.imports import faults_in, read_challenge, unlawful_faults
from challenges.lifecycle import NotAllowed, Unlawful
from challenges.lifecycle import NotPossible as ChallengeNotPossible
from challenges.models import Challenge, RulesVersion
from challenges.queries import challenge_by_code
from declarations import adjustments, amending, operations, publishing
from declarations.imports import import_declarations
from declarations.models import REJECTIONS, Declaration
from foundation import clock
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.tables import Faulty
from foundation.terminal import DAY, INSTANT, faults_to_exit
from foundation.transactions import transaction
from network.permissions import STAFF
from network.queries import person_by_code
from points import wallet
from points.models import Adjustment
from points.rules import NotEnough, NotPossible

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--received-at", type=INSTANT, help="Instant of reception (default: now).")
@click.option("--historical", is_flag=True, help="Staff vouch for the instants: received when declared.")
@faults_to_exit
def import_file(file: Path, received_at: datetime | None, historical: bool) -> None:
    """Receive the declarations of FILE: all of them, or none when something is wrong."""

    def tell(count: int) -> None:
        click.echo(f"scored {count} people", err=True)

    with transaction():
        imported = import_declarations(
            file,
            by=SYSTEM,
            at=received_at or clock.now(),
            zone=current_app.config["TIMEZONE"],
            historical=historical,
            progress=tell,
        )
    click.echo(str(imported))


@click.command("review")
@click.argument("verdict", type=click.Choice(["accept", "reject"]))
@click.argument("declaration")
@click.option("--reason", type=click.Choice(REJECTIONS), help="Why it is refused.")
@click.option("--by", "reviewer", required=True, metavar="PERSON", help="Code of the reviewer.")
@faults_to_exit
def review(verdict: str, declaration: str, reason: str | None, reviewer: str) -> None:
    """Accept or refuse a waiting declaration."""
    if verdict == "reject" and reason is None:
        raise click.UsageError(f"a refusal needs --reason, one of {', '.join(REJECTIONS)}")
    with transaction():
        found = db.session.scalar(select(Declaration).where(Declaration.public_id == declaration))
        if found is None:
            raise ValueError(f"{declaration!r} is not a declaration; write the id of one that waits")
        try:
            if verdict == "accept":
                operations.accept(found, by=reviewer, at=clock.now())
            else:
                operations.reject(found, reason or "other", by=reviewer, at=clock.now())
        except operations.NotPossible as refusal:
            raise ValueError(str(refusal)) from refusal
        status = found.status
    click.echo(f"{declaration}: {status}")


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--publish", is_flag=True, help="Publish it too: its rules are frozen and people enter.")
@faults_to_exit
def import_challenge_file(file: Path, publish: bool) -> None:
    """Create or update a draft challenge from FILE."""
    try:
        with transaction():
            definition = read_challenge(file)
            if publish:
                challenge, fresh = publishing.publish_definition(definition, by=SYSTEM, at=clock.now())
                line = f"{challenge.code}: {'published' if fresh else f'unchanged, {challenge.state}'}"
            else:
                challenge = publishing.import_challenge(definition, by=SYSTEM, at=clock.now())
                line = f"{challenge.code}: {challenge.state}"
    except Unlawful as refusal:
        raise Faulty(unlawful_faults(file, definition, on=clock.day_of(clock.now(), definition.zone))) from refusal
    except ChallengeNotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(line)


@click.command("targets")
@click.argument("code")
@click.argument("file", type=FILE)
@faults_to_exit
def targets(code: str, file: Path) -> None:
    """Set personal targets (person,target) of challenge CODE."""
    try:
        with transaction():
            challenge = _challenge(code)
            count = publishing.set_targets(challenge, file, by=SYSTEM, at=clock.now())
    except ChallengeNotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"{code}: {count} targets")


@click.command("cancel")
@click.argument("code")
@click.option("--reason", required=True, help="Why; its participants read it.")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the person who decides.")
@faults_to_exit
def cancel_challenge(code: str, reason: str, author: str) -> None:
    """Call challenge CODE off: its points are voided by reversal."""
    try:
        with transaction():
            challenge = _challenge(code)
            _may_decide(author, "cancel a challenge")
            publishing.cancel(challenge, reason, by=author, at=clock.now())
    except ChallengeNotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"{code}: cancelled")


@click.command("stop")
@click.argument("code")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the person who decides.")
@faults_to_exit
def stop_repeating(code: str, author: str) -> None:
    """Let no further period follow challenge CODE, which repeats; what is published goes on."""
    try:
        with transaction():
            challenge = challenge_by_code(code)
            if challenge is None:
                raise ValueError(f"{code!r} is not a challenge; write the code of one that repeats")
            person = person_by_code(author)
            if person is None or person.role not in STAFF:
                raise ValueError(f"{author!r} may not stop a challenge; write the code of an animator")
            publishing.stop_repeating(challenge, by=author, at=clock.now())
    except ChallengeNotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"{code}: no further period")


NOTICE = click.option("--notice", required=True, help="What its participants read about it.")
AUTHOR = click.option("--by", "author", required=True, metavar="PERSON", help="Code of the person who decides.")


@click.command("amend")
@click.argument("file", type=FILE)
@click.option("--from", "starts_on", type=DAY, required=True, help="First day of the new rules, tomorrow or later.")
@NOTICE
@AUTHOR
@faults_to_exit
def amend_challenge(file: Path, starts_on: date, notice: str, author: str) -> None:
    """Change the published challenge that FILE now describes: other rules from a day on, more to win.

    Start from `flask challenges export CODE`. Sales before that day keep their rules and their points.
    """
    with force_locale("en"):
        definition = read_challenge(file)
        try:
            with transaction():
                challenge = _challenge(definition.code)
                _may_decide(author, "change a challenge")
                version = amending.amend(challenge, definition, starts_on, notice, by=author, at=clock.now())
                line = f"{challenge.code}: version {version.number}, from {version.starts_on}"
        except Unlawful as refusal:
            raise Faulty(unlawful_faults(file, definition, on=clock.day_of(clock.now(), definition.zone))) from refusal
        except NotAllowed as refusal:
            given = {"from": "--from", "notice": "--notice"}
            written = [one for one in refusal.problems if one.where and one.where[0] not in given]
            lines = _by_option([one for one in refusal.problems if one not in written], given)
            faults = faults_in(file.read_text(encoding="utf-8-sig"), str(file), written)
            raise ValueError("\n".join([*map(str, faults), *lines])) from refusal
    click.echo(line)


@click.command("extend")
@click.argument("code")
@click.option("--until", "ends_on", type=DAY, required=True, help="The new last day, after the present one.")
@click.option("--declare-until", type=INSTANT, help="Until when its sales may be declared (default: as before).")
@click.option("--review-until", type=INSTANT, help="Until when they are reviewed (default: as before).")
@NOTICE
@AUTHOR
@faults_to_exit
def extend_challenge(
    code: str,
    ends_on: date,
    declare_until: datetime | None,
    review_until: datetime | None,
    notice: str,
    author: str,
) -> None:
    """Let challenge CODE last longer; its participants read why."""

    def extend(challenge: Challenge) -> RulesVersion:
        return amending.extend(
            challenge, ends_on, notice, by=author, at=clock.now(), declare_until=declare_until,
            review_until=review_until,
        )  # fmt: skip

    _move_the_end(
        code,
        author,
        extend,
        {
            "ends_on": "--until",
            "declare_until": "--declare-until",
            "review_until": "--review-until",
            "notice": "--notice",
        },
    )


@click.command("close-early")
@click.argument("code")
@click.option("--on", "ends_on", type=DAY, help="The new last day (default: today).")
@click.option("--reason", required=True, help="Why; its participants read it.")
@AUTHOR
@faults_to_exit
def close_challenge_early(code: str, ends_on: date | None, reason: str, author: str) -> None:
    """End challenge CODE sooner: the sales of its new last day still count."""

    def close_early(challenge: Challenge) -> RulesVersion:
        at = clock.now()
        return amending.close_early(
            challenge, ends_on or clock.day_of(at, challenge.zone), reason, by=author, at=at
        )  # fmt: skip

    _move_the_end(code, author, close_early, {"ends_on": "--on", "reason": "--reason"})


def _move_the_end(
    code: str, author: str, move: Callable[[Challenge], RulesVersion], options: Mapping[str, str]
) -> None:
    """Move the end of a challenge, or refuse with a line for each reason."""
    with force_locale("en"):
        try:
            with transaction():
                challenge = _challenge(code)
                _may_decide(author, "move the end of a challenge")
                version = move(challenge)
                line = f"{code}: version {version.number}, ends on {challenge.ends_on}"
        except Unlawful as refusal:
            raise ValueError("\n".join(finding.text for finding in refusal.findings)) from refusal
        except NotAllowed as refusal:
            raise ValueError("\n".join(_by_option(refusal.problems, options))) from refusal
    click.echo(line)


def _by_option(problems: Iterable[Problem], options: Mapping[str, str]) -> list[str]:
    """A line for each problem: the option it is about, what is wrong, what would be right."""
    found = []
    for one in problems:
        option = options.get(str(one.where[0]), "") if one.where else ""
        found.append(f"{option}: {one.wrong}; {one.right}" if option else f"{one.wrong}; {one.right}")
    return found


def _challenge(code: str) -> Challenge:
    challenge = challenge_by_code(code)
    if challenge is None:
        raise ValueError(f"{code!r} is not a challenge; import it first")
    return challenge


def _may_decide(code: str, what: str) -> None:
    person = person_by_code(code)
    if person is None or person.role not in STAFF:
        raise ValueError(f"{code!r} may not {what}; write the code of an animator")


@click.command("adjust", context_settings={"ignore_unknown_options": True})
@click.argument("code", metavar="PERSON")
@click.argument("amount", type=int)
@click.option("--book", default="wallet", metavar="BOOK", help="wallet (default), or the code of a challenge.")
@click.option("--reason", required=True, help="Why; the person reads it.")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the person who gives or corrects.")
@faults_to_exit
def adjust_points(code: str, amount: int, book: str, reason: str, author: str) -> None:
    """Give PERSON points by hand, or take them back with a negative AMOUNT; much waits for a second person."""
    try:
        with transaction():
            person = person_by_code(code)
            if person is None or person.role != "reseller":
                raise ValueError(f"{code!r} is not a participant; write the code of one of the network")
            challenge = None if book == "wallet" else challenge_by_code(book)
            if challenge is None and book != "wallet":
                raise ValueError(f"{book!r} is not a challenge; write wallet or the code of one")
            asked = adjustments.adjust(person, challenge, amount, reason, by=_staff(author), at=clock.now())
            number, waits = asked.id, asked.needs_approval
    except (NotPossible, NotEnough) as refusal:
        raise ValueError(str(refusal)) from refusal
    if waits:
        click.echo(f"adjustment {number} waits for a second person: flask points approve {number} --by PERSON")
    else:
        click.echo(f"adjustment {number}: {amount} points for {code}")


@click.command("approve")
@click.argument("number", type=int, metavar="ADJUSTMENT")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the second person.")
@faults_to_exit
def approve_adjustment(number: int, author: str) -> None:
    """Let ADJUSTMENT hold, by somebody else than who asked for it."""
    try:
        with transaction():
            adjustments.approve(_waiting(number), by=_staff(author), at=clock.now())
    except (NotPossible, NotEnough) as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"adjustment {number}: approved")


@click.command("refuse")
@click.argument("number", type=int, metavar="ADJUSTMENT")
@click.option("--reason", required=True, help="Why; who asked reads it.")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the second person.")
@faults_to_exit
def refuse_adjustment(number: int, reason: str, author: str) -> None:
    """Let ADJUSTMENT fall, by somebody else than who asked for it."""
    try:
        with transaction():
            adjustments.refuse(_waiting(number), reason, by=_staff(author), at=clock.now())
    except NotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"adjustment {number}: refused")


@click.command("revert")
@click.argument("reference", metavar="REFERENCE")
@click.option("--points", type=int, help="How many of them (default: all that have not expired).")
@click.option("--reason", required=True, help="Why; the person reads it.")
@click.option("--by", "author", required=True, metavar="PERSON", help="Code of the person who takes back.")
@faults_to_exit
def revert_credit(reference: str, points: int | None, reason: str, author: str) -> None:
    """Take back a credit of a wallet, once; `flask points statement PERSON` says its REFERENCE."""
    try:
        with transaction():
            amount = wallet.revert(reference, reason, points=points, by=_staff(author), at=clock.now())
    except NotPossible as refusal:
        raise ValueError(str(refusal)) from refusal
    click.echo(f"{reference}: {amount} points taken back")


def _staff(code: str) -> str:
    person = person_by_code(code)
    if person is None or person.role not in STAFF:
        raise ValueError(f"{code!r} may not adjust points; write the code of an animator")
    return code


def _waiting(number: int) -> Adjustment:
    found = db.session.get(Adjustment, number)
    if found is None:
        raise ValueError(f"{number} is not an adjustment; `flask points adjust` says the number of one")
    return found


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands of this package."""
    declarations = groups.setdefault("declarations", AppGroup("declarations", help="Sell-out: import, review."))
    declarations.add_command(import_file)
    declarations.add_command(review)
    challenges = groups.setdefault("challenges", AppGroup("challenges", help="Challenges as files."))
    challenges.add_command(import_challenge_file)
    challenges.add_command(targets)
    for command in (amend_challenge, extend_challenge, close_challenge_early, cancel_challenge, stop_repeating):
        challenges.add_command(command)
    points = groups.setdefault("points", AppGroup("points", help="The ledger."))
    for command in (adjust_points, approve_adjustment, refuse_adjustment, revert_credit):
        points.add_command(command)
