"""What staff fill in to take a credit back."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange


class ReversalForm(FlaskForm):
    """How many points of a credit are taken back, and why; the page says how many at most."""

    points = IntegerField(
        _l("Nombre de points"),
        [InputRequired(_l("Écrivez un nombre de points.")), NumberRange(1, message=_l("Écrivez au moins 1 point."))],
    )
    reason = StringField(
        _l("Raison"),
        [DataRequired(_l("Écrivez la raison.")), Length(max=300, message=_l("300 caractères au plus."))],
        filters=[lambda text: text.strip() if text else text],
    )
