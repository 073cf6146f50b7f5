"""What people fill in to order, and staff to prepare orders and write articles."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from foundation.tables import Faults
from rewards.countries import countries_kept
from rewards.models import KINDS, MANY, NO_CODE, PROVIDERS
from rewards.wording import kinds

ADDRESS_LENGTH = 500
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_PRICE = _l("Écrivez un prix en euros, comme 12,50.")


def _digits(text: str | None) -> str | None:
    return "".join(text.split()) if text else text


class OrderForm(FlaskForm):
    """The one question before an order."""

    token = HiddenField(validators=[InputRequired(), Length(max=64)])
    price = HiddenField(validators=[InputRequired(), Regexp(r"[0-9]{1,10}\Z")])
    address = TextAreaField(
        _l("Adresse de livraison"),
        [Length(max=ADDRESS_LENGTH, message=_l("L’adresse a au plus 500 caractères."))],
    )
    code = StringField(
        _l("Le code à six chiffres"),
        [Optional(), Regexp(r"[0-9]{6}\Z", message=_l("Tapez les six chiffres du code."))],
        filters=[_digits],
    )


class SendingForm(FlaskForm):
    """How a parcel can be followed."""

    tracking = StringField(_l("Suivi"), [Length(max=300)])


class CancellationForm(FlaskForm):
    """Why an order is called off."""

    reason = StringField(
        _l("Raison"), [InputRequired(_l("Écrivez la raison : elle est dite à la personne.")), Length(max=300)]
    )


class RewardsFileForm(FlaskForm):
    """A file of articles, or of codes for one voucher."""

    file = FileField(_l("Fichier CSV"), [FileRequired(_l("Choisissez un fichier."))])


class ArticleForm(FlaskForm):
    """An article of the catalogue."""

    code = StringField(_l("Code"), [InputRequired(_l("Écrivez un code."))])
    name = StringField(_l("Nom"), [InputRequired(_l("Écrivez un nom.")), Length(max=200)])
    description = TextAreaField(_l("Description"), [Length(max=2000)])
    kind = SelectField(_l("Nature"), choices=[])
    cost = StringField(_l("Coût en euros"), [InputRequired(_PRICE)])
    price_points = IntegerField(_l("Prix en points"), [Optional(), NumberRange(1, MANY)])
    stock = IntegerField(_l("Stock"), [Optional(), NumberRange(0, MANY)])
    stock_seen = HiddenField(validators=[Optional(), Regexp(r"[0-9]{1,10}\Z")])
    limit_per_person = IntegerField(_l("Limite par personne"), [Optional(), NumberRange(1, MANY)])
    countries = StringField(_l("Pays proposés"), [Length(max=200)])
    starts_on = DateField(_l("À partir du"), [Optional()])
    ends_on = DateField(_l("Jusqu’au"), [Optional()])
    provider = SelectField(_l("Qui l’envoie"), choices=[])
    photo = FileField(_l("Image"))
    remove_picture = BooleanField(_l("Retirer l’image"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [(kind, kinds()[kind]) for kind in KINDS]
        named = {"manual": _l("Nous-mêmes"), "http": _l("Le prestataire")}
        self.provider.choices = [(name, named[name]) for name in PROVIDERS]
        self.cost_cents = 0

    def validate_code(self, field: StringField) -> None:
        """What can stand in an address; the code of an article that is there stays what it is."""
        if field.data == field.object_data:
            return
        if not _CODE.fullmatch(field.data or ""):
            raise ValidationError(_l("Un code a des lettres, des chiffres, des points et des tirets, sans espace."))
        if field.data in NO_CODE:
            raise ValidationError(_l("Ce mot est pris ; choisissez un autre code."))

    def validate_cost(self, field: StringField) -> None:
        """A price as files write them."""
        found = Faults("").cents(0, "", field.data or "")
        if found is None:
            raise ValidationError(_PRICE)
        self.cost_cents = found

    def validate_countries(self, field: StringField) -> None:
        """Codes of countries."""
        faults = Faults("")
        field.data = countries_kept(0, field.data or "", faults)
        if faults:
            raise ValidationError(_l("Écrivez des codes de deux lettres majuscules, comme FR BE, ou rien."))

    def validate_ends_on(self, field: DateField) -> None:
        """Not before it begins."""
        if field.data and self.starts_on.data and field.data < self.starts_on.data:
            raise ValidationError(_l("Cette date est avant le début."))
