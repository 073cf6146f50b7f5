"""`flask challenges check` and `export`: a challenge judged before it is imported, and given back as a file."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from challenges.definition import definition_hash, stored_definition
from challenges.exports import challenge_file
from challenges.facts import facts_about
from challenges.imports import read_challenge, unlawful_faults
from challenges.linter import findings
from challenges.queries import challenge_by_code
from challenges.vocabulary import product_names, reward_names
from challenges.wording import audience_in_words, summary
from foundation import clock
from foundation.localisation import LANGUAGES, number
from foundation.tables import Faulty
from foundation.terminal import faults_to_exit


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="fr", help="Language of the summary.")
@faults_to_exit
def check(file: Path, language: str) -> None:
    """Validate FILE, judge it by the law, and print the summary a participant would read. Nothing is written."""
    definition = read_challenge(file)
    today = clock.day_of(clock.now(), definition.zone)
    unlawful = unlawful_faults(file, definition, on=today)
    if unlawful:
        raise Faulty(sorted(unlawful, key=lambda fault: fault.line))
    stored = definition.canonical()
    facts = facts_about(definition, on=today)
    with force_locale(language):
        text = stored.get(language, {}) if language != "fr" else {}
        click.echo(text.get("name") or definition.name)
        for sentence in summary(stored, product_names([stored]), reward_names([stored])):
            click.echo(sentence)
        click.echo(
            ngettext(
                "Public : %(who)s — %(n)s personne aujourd’hui.",
                "Public : %(who)s — %(n)s personnes aujourd’hui.",
                facts.people,
                who=audience_in_words(stored.get("audience")),
                n=number(facts.people),
            )
        )
        for finding in findings(definition, facts):
            click.echo(_("Attention : %(warning)s", warning=finding.text))
        click.echo(_("Empreinte des règles : %(hash)s", hash=definition_hash(stored)))


@click.command("export")
@click.argument("code")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@faults_to_exit
def export(code: str, target: Path | None) -> None:
    """Give challenge CODE back as a file that can be imported again."""
    challenge = challenge_by_code(code)
    if challenge is None:
        raise ValueError(f"{code!r} is not a challenge; write the code of one")
    text = challenge_file(stored_definition(challenge.definition))
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write_text(text, encoding="utf-8")
        click.echo(f"{code}: {target}")


def register(groups: dict[str, AppGroup], app: Flask) -> None:
    """Add the commands of this package."""
    group = groups.setdefault("challenges", AppGroup("challenges", help="Challenges as files."))
    group.add_command(check)
    group.add_command(export)
