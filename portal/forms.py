"""What an animator writes to a part of a challenge's people."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from challenges.announcements import SUBJECT_LENGTH, TEXT_LENGTH, clean


def _cleaned(text: str | None) -> str | None:
    return clean(text) if text else text


def _one_line(text: str | None) -> str | None:
    return " ".join(clean(text).split()) if text else text


class AnnouncementForm(FlaskForm):
    """To whom, what about, and the text itself; `seen` is how many announcements the writer knows of."""

    segment = RadioField(_l("À qui ?"), choices=[], validate_choice=True)
    subject = StringField(
        _l("Objet"),
        [
            DataRequired(_l("Écrivez de quoi il s’agit.")),
            Length(max=SUBJECT_LENGTH, message=_l("Au plus %(max)d caractères.")),
        ],
        filters=[_one_line],
    )
    text = TextAreaField(
        _l("Message"),
        [
            DataRequired(_l("Écrivez votre message.")),
            Length(max=TEXT_LENGTH, message=_l("Au plus %(max)d caractères.")),
        ],
        filters=[_cleaned],
    )
    seen = HiddenField()

    def __init__(self, *args: Any, segments: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.segment.choices = segments

    @property
    def known(self) -> int:
        """How many announcements the writer knew of; none when that was not said."""
        text = self.seen.data or ""
        return int(text) if text.isdecimal() and len(text) < 7 else 0
