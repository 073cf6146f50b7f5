"""A challenge read from its file (docs/challenge-file.md), every fault with its line; and made a draft."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from functools import partial
from pathlib import Path

from flask import has_request_context
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from challenges.definition import Definition, Problem, WrongDefinition, definition_from
from challenges.facts import facts_about
from challenges.lifecycle import NotPossible
from challenges.linter import blocking, findings
from challenges.models import Challenge, Draft
from challenges.pictures import LONGEST_SIDE, keep
from challenges.places import Places
from challenges.vocabulary import known_names
from foundation import audit
from foundation.database import db
from foundation.pictures import MOST_BYTES, clean_picture
from foundation.tables import Fault, Faulty
from foundation.transactions import after_commit

LARGEST_FILE = 1_000_000


def read_challenge(path: str | Path) -> Definition:
    """Read and check a challenge file against today's catalogues. Raises Faulty with one fault per thing wrong.

    On a terminal faults are in English like those of every file; on a page they follow the reader's language.
    """
    file = str(path)
    with _language_of_faults():
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise Faulty([Fault(file, 1, "", _("le fichier ne s’ouvre pas"), error.strerror or "")]) from error
        definition = definition_of_text(raw, file)
        return _with_picture(definition, raw, Path(path))


def _with_picture(definition: Definition, raw: bytes, path: Path) -> Definition:
    """The challenge with the picture beside its file. A picture that is not there is left out; `check` says so."""
    if definition.picture is None:
        return definition
    picture = path.parent / definition.picture
    if not picture.is_file():
        return definition
    try:
        if picture.stat().st_size > MOST_BYTES:
            raise ValueError(f"the picture is larger than {MOST_BYTES // 2**20} MB; send a smaller one")
        return definition.with_picture(clean_picture(picture.read_bytes(), longest=LONGEST_SIDE))
    except (ValueError, OSError) as error:
        wrong, _sep, right = str(error).partition("; ")
        line = Places(raw.decode("utf-8-sig")).line(("picture",))
        raise Faulty([Fault(str(path), line, "picture", wrong, right)]) from error


def definition_of_text(raw: bytes, file: str) -> Definition:
    """Read a challenge from the bytes of a TOML file called `file`. Raises Faulty."""
    if len(raw) > LARGEST_FILE:
        raise Faulty([Fault(file, 1, "", _("le fichier est trop gros"), _("au plus 1 Mo"))])
    try:
        text = raw.decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Faulty([Fault(file, line, "", _("ce n’est pas de l’UTF-8"), _("un fichier en UTF-8"))]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Faulty([_syntax_fault(file, str(error), text)]) from error
    try:
        return definition_from(data, known_names(data))
    except WrongDefinition as wrong:
        raise Faulty(faults_in(text, file, wrong.problems)) from wrong


def faults_in(text: str, file: str, problems: Iterable[Problem]) -> list[Fault]:
    """Problems of a challenge as faults of the TOML text it was read from, by line."""
    places = Places(text)
    return sorted(
        (Fault(file, places.line(one.where), _column(one.where), one.wrong, one.right) for one in problems),
        key=lambda fault: fault.line,
    )


def unlawful_faults(path: str | Path, definition: Definition, *, on: date) -> list[Fault]:
    """What would stop this file's publication on a day, as faults with their lines and articles."""
    with _language_of_faults():
        found = blocking(findings(definition, facts_about(definition, on=on)))
        problems = [Problem(one.where, f"{one.wrong} ({one.article})", one.mend) for one in found]
        return faults_in(Path(path).read_text(encoding="utf-8-sig"), str(path), problems) if found else []


def _language_of_faults() -> AbstractContextManager[object]:
    return nullcontext() if has_request_context() else force_locale("en")


def _syntax_fault(file: str, message: str, text: str) -> Fault:
    found = re.search(r" \(at line (\d+), column (\d+)\)", message)
    line = int(found[1]) if found else max(1, text.count("\n") + (not text.endswith("\n")))
    reason = re.sub(r" \(at .*\)$", "", message)
    column = _("caractère %(n)s", n=found[2]) if found else ""
    return Fault(
        file,
        line,
        column,
        _("ce n’est pas du TOML : %(reason)s", reason=reason),
        _("un fichier TOML valable"),
    )


def _column(where: tuple[str | int, ...]) -> str:
    """A path as people read it: rules[2].when.skus (lists counted from 1)."""
    text = ""
    for step in where:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def is_unchanged(definition: Definition) -> bool:
    """Whether a challenge with this code exists and says exactly the same: importing it again changes nothing."""
    stored = db.session.scalar(select(Challenge.definition).where(Challenge.code == definition.code))
    return stored is not None and stored == definition.canonical()


def import_challenge(definition: Definition, *, by: str, at: datetime, draft: Draft | None = None) -> Challenge:
    """Create or update a draft challenge by its code, and what the studio shows of it. An equal challenge is left as
    it is, published or not.

    `draft` is the studio's draft it is written from, if any. Raises NotPossible when another challenge is already
    published under this code: its rules are frozen.
    """
    challenge = db.session.scalar(select(Challenge).where(Challenge.code == definition.code).with_for_update())
    columns = definition.columns()
    content = definition.picture_content
    if content is not None and (challenge is None or challenge.state == "draft"):
        after_commit(partial(keep, definition.code, content))
    if challenge is None:
        challenge = Challenge(**columns, state="draft", created_at=at, published_at=None)
        db.session.add(challenge)
        db.session.flush()
        audit.record("challenge.imported", definition.code, by=by, at=at)
    elif challenge.definition != columns["definition"]:
        if challenge.state != "draft":
            raise NotPossible(
                f"challenge {challenge.code} is {challenge.state} and its rules are frozen; "
                "amend it, or give the other challenge another code"
            )
        for name, value in columns.items():
            setattr(challenge, name, value)
        db.session.flush()
        audit.record("challenge.changed", definition.code, by=by, at=at)
    if challenge.state == "draft":
        _show_in_the_studio(challenge, draft, by=by, at=at)
    return challenge


def _show_in_the_studio(challenge: Challenge, draft: Draft | None, *, by: str, at: datetime) -> None:
    """Every draft challenge has its draft in the studio, which says the same from now on."""
    if draft is None:
        draft = db.session.scalar(select(Draft).where(Draft.challenge_id == challenge.id).with_for_update())
    if draft is None:
        draft = Draft(content=challenge.definition, revision=1, created_at=at, created_by=by)
        draft.changed_at, draft.changed_by = at, by
        db.session.add(draft)
    elif draft.content != challenge.definition:
        draft.content = challenge.definition
        draft.revision += 1
        draft.changed_at, draft.changed_by = at, by
    draft.challenge_id = challenge.id
    db.session.flush()
