"""What people fill in to sign in and to say who they are."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Regexp, ValidationError

from foundation.localisation import LANGUAGES
from network.rules import NICKNAME_LENGTH, is_email, is_plain, normal_email


def safe_next(address: str | None) -> str | None:
    """An address to go on to, when it stays on this site and is not the sign-in page itself; else None."""
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    if "\\" in address or not is_plain(address) or len(address) > 1000:
        return None
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or parts.path.startswith(("/sign-", "/welcome", "/language", "/theme")):
        return None
    return address


def _digits(text: str | None) -> str | None:
    """The code without the spaces people copy along."""
    return "".join(text.split()) if text else text


def _written_as_an_address(field: StringField) -> None:
    if not is_email(normal_email(field.data or "")):
        raise ValidationError(_l("Cette adresse est incomplète ; elle ressemble à prenom@boutique.fr."))


class AddressForm(FlaskForm):
    """The address somebody wants to be written at."""

    email = StringField(_l("Nouvelle adresse e-mail"), [InputRequired(_l("Écrivez votre adresse e-mail."))])

    def validate_email(self, field: StringField) -> None:
        """An address that could receive a message."""
        _written_as_an_address(field)


class EmailForm(FlaskForm):
    """Ask for a code."""

    email = StringField(_l("Votre adresse e-mail"), [InputRequired(_l("Écrivez votre adresse e-mail."))])
    next = HiddenField()

    def validate_email(self, field: StringField) -> None:
        """An address that could receive a message."""
        _written_as_an_address(field)


class CodeForm(FlaskForm):
    """Type the code."""

    code = StringField(
        _l("Le code à six chiffres"),
        [
            InputRequired(_l("Tapez le code reçu.")),
            Regexp(r"[0-9]{6}\Z", message=_l("Tapez les six chiffres du code.")),
        ],
        filters=[_digits],
    )


class ProfileForm(FlaskForm):
    """How one appears, and in which language."""

    nickname = StringField(_l("Pseudo"), [Length(max=NICKNAME_LENGTH * 4)])
    picture = FileField(_l("Photo"))
    remove_picture = BooleanField(_l("Revenir à mes initiales"))
    language = RadioField(_l("Langue"), choices=list(LANGUAGES.items()))


class UploadForm(FlaskForm):
    """A file of people or outlets."""

    what = SelectField(_l("Que contient le fichier ?"), choices=[])
    file = FileField(_l("Fichier CSV"), [FileRequired(_l("Choisissez un fichier."))])

    def __init__(self) -> None:
        super().__init__()
        self.what.choices = [("outlets", _l("Points de vente")), ("people", _l("Personnes"))]
