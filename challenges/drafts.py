"""What happens to a draft in the studio: begun, saved under its revision, stored as a challenge once it can be played.

A draft keeps what was written, right or wrong. `judge` says what is wrong by the same model as a file is judged by;
nothing is refused but a save that would overwrite what its author has not seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select

from challenges.definition import Definition, Problem, WrongDefinition, definition_from
from challenges.imports import import_challenge
from challenges.lifecycle import NotPossible
from challenges.models import Challenge, Draft, PersonalTarget
from challenges.pictures import draft_picture, keep, picture_file
from challenges.queries import draft_by_id
from challenges.vocabulary import known_names
from foundation import audit
from foundation.database import db
from foundation.transactions import after_commit

LONGEST_CODE = 60
WEEK = 7


class Conflict(ValueError):
    """Somebody else saved since: `theirs` is what the draft holds, `mine` what it would have held."""

    def __init__(self, draft: Draft, mine: dict[str, Any]) -> None:
        super().__init__(f"draft {draft.id} is at revision {draft.revision}; look at it again before saving")
        self.theirs: dict[str, Any] = draft.content
        self.mine = mine
        self.revision = draft.revision
        self.changed_by = draft.changed_by
        self.changed_at = draft.changed_at


@dataclass(frozen=True)
class Judgement:
    """What a content is worth: the challenge it makes, or None and every reason why not."""

    definition: Definition | None
    problems: tuple[Problem, ...]


def judge(content: Mapping[str, Any], challenge_id: int | None = None) -> Judgement:
    """Read a draft's content against today's catalogues; `challenge_id` is the challenge it is stored as, if any."""
    try:
        definition = definition_from(content, known_names(content))
    except WrongDefinition as wrong:
        return Judgement(None, wrong.problems)
    taken = db.session.scalar(select(Challenge.id).where(Challenge.code == definition.code))
    if taken is not None and taken != challenge_id:
        return Judgement(
            None,
            (
                Problem(
                    ("code",),
                    _("un autre challenge a déjà le code « %(code)s »", code=definition.code),
                    _("un code libre, comme %(code)s", code=free_code(definition.code)),
                ),
            ),
        )
    return Judgement(definition, ())


def start(content: Mapping[str, Any], *, by: str, at: datetime, picture_of: str | None = None) -> Draft:
    """Begin a draft with this content; `picture_of` is the code of the challenge whose picture it takes along."""
    draft = Draft(content=plain(content), revision=1, created_at=at, created_by=by, changed_at=at, changed_by=by)
    db.session.add(draft)
    db.session.flush()
    audit.record("draft.started", str(draft.id), by=by, at=at)
    picture = picture_file(picture_of).read_bytes() if picture_of and picture_file(picture_of).is_file() else None
    if picture is not None:
        after_commit(partial(keep, draft_picture(draft.id), picture))
    _store(draft, judge(draft.content).definition, picture, by=by, at=at)
    return draft


def adopt(challenge: Challenge, *, by: str, at: datetime) -> Draft:
    """The draft of a draft challenge, begun with what the challenge says when there is none yet."""
    draft = draft_by_id(challenge_id=challenge.id)
    if draft is None:
        draft = Draft(content=challenge.definition, revision=1, created_at=at, created_by=by, challenge_id=challenge.id)
        draft.changed_at, draft.changed_by = at, by
        db.session.add(draft)
        db.session.flush()
        audit.record("draft.started", str(draft.id), by=by, at=at)
    return draft


def save(
    draft_id: int,
    *,
    read: int,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    picture: bytes | None = None,
    by: str,
    at: datetime,
) -> Draft:
    """Save what `change` makes of the present content, for somebody who read revision `read`; `picture` is cleaned.

    A save that changes nothing is none. Raises Conflict when the draft has changed since it was read, LookupError when
    it is gone, NotPossible when its challenge has been published meanwhile.
    """
    draft = db.session.scalar(select(Draft).where(Draft.id == draft_id).with_for_update())
    if draft is None:
        raise LookupError(f"there is no draft {draft_id}")
    challenge = db.session.get(Challenge, draft.challenge_id) if draft.challenge_id is not None else None
    if challenge is not None and challenge.state != "draft":
        raise NotPossible(f"challenge {challenge.code} is {challenge.state}; it is amended, no longer drafted")
    mine = plain(change(copy.deepcopy(draft.content)))
    if mine == draft.content and picture is None:
        return draft
    if read != draft.revision:
        raise Conflict(draft, mine)
    definition = judge(mine, draft.challenge_id).definition
    draft.content = definition.canonical() if definition is not None else mine
    draft.revision += 1
    draft.changed_at, draft.changed_by = at, by
    db.session.flush()
    audit.record("draft.changed", str(draft.id), by=by, at=at, revision=draft.revision)
    if picture is not None:
        after_commit(partial(keep, draft_picture(draft.id), picture))
    _store(draft, definition, picture, by=by, at=at)
    return draft


def discard(draft: Draft, *, by: str, at: datetime) -> None:
    """Throw a draft away, with the draft challenge it was stored as. Raises NotPossible once that is published."""
    challenge = None
    if draft.challenge_id is not None:
        challenge = db.session.scalar(select(Challenge).where(Challenge.id == draft.challenge_id).with_for_update())
    if challenge is not None and challenge.state != "draft":
        raise NotPossible(f"challenge {challenge.code} is {challenge.state}; it can only be cancelled")
    audit.record("draft.discarded", challenge.code if challenge is not None else str(draft.id), by=by, at=at)
    db.session.delete(draft)
    db.session.flush()
    if challenge is not None:
        db.session.execute(delete(PersonalTarget).where(PersonalTarget.challenge_id == challenge.id))
        db.session.delete(challenge)
        db.session.flush()


def _store(draft: Draft, definition: Definition | None, picture: bytes | None, *, by: str, at: datetime) -> None:
    """Keep what can be played as a draft challenge; a challenge that changes its code stays the same challenge."""
    if definition is None:
        return
    challenge = db.session.get(Challenge, draft.challenge_id) if draft.challenge_id is not None else None
    moved = challenge is None or challenge.code != definition.code
    if challenge is not None and challenge.code != definition.code:
        challenge.code = definition.code
        db.session.flush()
    if picture is None and moved and definition.picture and picture_file(draft_picture(draft.id)).is_file():
        picture = picture_file(draft_picture(draft.id)).read_bytes()
    if picture is not None and definition.picture:
        definition = definition.with_picture(picture)
    import_challenge(definition, by=by, at=at, draft=draft)


# --- contents ------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A content as JSON keeps it: dates and instants as they are written, lists as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def free_code(wanted: str) -> str:
    """This code, or with the first number after it under which there is no challenge and no draft."""
    stem = wanted[: LONGEST_CODE - 4]
    taken = set(db.session.scalars(select(Challenge.code).where(Challenge.code.startswith(stem, autoescape=True))))
    unfinished = select(Draft.content).where(Draft.challenge_id.is_(None))
    taken |= {content["code"] for content in db.session.scalars(unfinished) if isinstance(content.get("code"), str)}
    number, code = 1, wanted
    while code in taken:
        number += 1
        code = f"{stem}-{number}"
    return code


def copied(definition: Definition, *, today: date) -> dict[str, Any]:
    """The content of a challenge to play again: whole weeks later, the first time it can begin after today."""
    weeks = max(0, -(-((today - definition.starts_on).days + 1) // WEEK))
    shift = timedelta(days=weeks * WEEK)
    content = plain(definition.canonical())
    for key in ("starts_on", "ends_on", "freeze_board_on"):
        if key in content:
            content[key] = _later(content[key], shift)
    for key in ("declare_until", "review_until"):
        if key in content:
            local = datetime.fromisoformat(content[key]).astimezone(definition.zone).replace(tzinfo=None) + shift
            content[key] = local.replace(tzinfo=definition.zone).isoformat()
    for rule in content.get("rules", []):
        for key in ("from", "to"):
            if key in rule.get("when", {}):
                rule["when"][key] = _later(rule["when"][key], shift)
    baseline = content.get("objective", {}).get("baseline", {})
    if baseline and date.fromisoformat(_later(baseline["to"], shift)) < today:
        baseline |= {key: _later(baseline[key], shift) for key in ("from", "to")}
    content["code"] = free_code(definition.code)
    return dict(content)


def _later(day: str, shift: timedelta) -> str:
    return (date.fromisoformat(day) + shift).isoformat()
