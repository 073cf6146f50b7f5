"""What an animator fills in to ask for a backtest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField, SelectField
from wtforms.validators import ValidationError

from challenges.definition import FIRST_YEAR, LAST_YEAR


class _Day(DateField):
    """A day, asked for in our words when it is missing or is none."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read the day."""
        if not any(valuelist):
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Ce n’est pas un jour ; écrivez-le comme 2026-01-05.")) from None

    def pre_validate(self, form: Any) -> None:
        """A day the product knows."""
        if self.data is None and not self.process_errors:
            raise ValidationError(_("Donnez un jour."))
        if self.data is not None and not FIRST_YEAR <= self.data.year <= LAST_YEAR:
            raise ValidationError(_("L’année doit être de %(first)s à %(last)s.", first=FIRST_YEAR, last=LAST_YEAR))


class BacktestForm(FlaskForm):
    """Past days, and up to two variants beside the challenge itself: another one, or a file."""

    first_day = _Day(_("Premier jour de ventes"))
    last_day = _Day(_("Dernier jour de ventes"))
    challenge_2 = SelectField(_("Deuxième variante"), default="")
    file_2 = FileField(_("ou un fichier de challenge"))
    challenge_3 = SelectField(_("Troisième variante"), default="")
    file_3 = FileField(_("ou un fichier de challenge"))

    def __init__(self, days: tuple[date, date], others: Sequence[tuple[str, str]]) -> None:
        super().__init__(first_day=days[0], last_day=days[1])
        for field in (self.challenge_2, self.challenge_3):
            field.choices = [("", _("Aucune")), *others]

    @property
    def variants(self) -> tuple[tuple[SelectField, FileField], ...]:
        """The fields of each variant beside the challenge itself."""
        return (self.challenge_2, self.file_2), (self.challenge_3, self.file_3)

    def validate_last_day(self, field: DateField) -> None:
        """Not before the first."""
        if field.data is not None and self.first_day.data is not None and field.data < self.first_day.data:
            raise ValidationError(_("Le dernier jour vient avant le premier ; donnez-en un à partir de celui-ci."))

    def validate_file_2(self, field: FileField) -> None:
        """A file or a challenge, not both."""
        _one_of(field, self.challenge_2)

    def validate_file_3(self, field: FileField) -> None:
        """A file or a challenge, not both."""
        _one_of(field, self.challenge_3)


def _one_of(file: FileField, challenge: SelectField) -> None:
    if file.data and challenge.data:
        raise ValidationError(_("Choisissez un challenge ou un fichier, pas les deux."))
