"""What people and machines fill in to declare a sale, read into a Submission."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from wtforms import DateField, Form, HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import Field as FormField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, ValidationError

from declarations import rules
from declarations.models import AGE_BANDS, CHANNELS, CUSTOMERS, REJECTIONS, Revision
from declarations.queries import Choosable, ToldLine
from declarations.rules import Problem, Submission, SubmittedLine
from declarations.telling import REJECTION_LABELS
from foundation.localisation import number
from points.adjustments import HIGHEST

CHANNEL_LABELS = {
    "store": _l("En boutique"),
    "face_to_face": _l("En face à face"),
    "meeting": _l("En réunion"),
    "online": _l("En ligne"),
    "reorder": _l("Réassort"),
}
CUSTOMER_LABELS = {"new": _l("Nouveau"), "returning": _l("Déjà client")}
UNKNOWN = _l("Je ne sais pas")


@dataclass
class DraftLine:
    """A product being declared: `units` is as typed, `error` what is wrong with it."""

    sku: str
    units: str
    name: str = ""
    error: str = ""


class LinesField(FormField):
    """The products of a sale: repeated inputs `sku` and `units`, in pairs."""

    data: list[DraftLine]

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Read the pairs that were sent, else take what the form was made with."""
        self.process_errors: list[str] = []
        self.data = list(data) if isinstance(data, list | tuple) else []
        if formdata:
            pairs = zip(formdata.getlist("sku"), formdata.getlist("units"), strict=False)
            self.data = [DraftLine(sku, units.strip()) for sku, units in pairs][: rules.MAX_LINES]


class _Choice(RadioField):
    """Radios of which none may be chosen."""

    def pre_validate(self, form: Any) -> None:
        """Nothing chosen is fine; something else than what was offered is not."""
        if self.data and self.data not in [value for value, _label in self.choices]:
            raise ValidationError(_("Choisissez une des réponses proposées."))


class SaleForm(FlaskForm):
    """One sale. `id` is made when the form is shown, so that sending twice writes once."""

    id = HiddenField()
    correcting = HiddenField()
    kept_proof = HiddenField()
    lines = LinesField(_l("Produits"))
    channel = RadioField(
        _l("Où s’est faite la vente ?"),
        [InputRequired(_l("Choisissez où s’est faite la vente."))],
        choices=list(CHANNEL_LABELS.items()),
        validate_choice=False,
    )
    sold_on = DateField(_l("Date de la vente"), [InputRequired(_l("Donnez la date de la vente."))])
    rating = _Choice(_l("Sa note"), choices=[(str(n), str(n)) for n in range(1, 6)])
    recommend = _Choice(_l("Recommanderait-il la marque ?"), choices=[(str(n), str(n)) for n in range(11)])
    comment = TextAreaField(
        _l("Ce qu’il en dit"), [Length(max=rules.MAX_COMMENT, message=_l("Raccourcissez le commentaire."))]
    )
    customer = _Choice(_l("Ce client"), choices=[*CUSTOMER_LABELS.items(), ("", UNKNOWN)])
    age_band = _Choice(_l("Son âge"), choices=[*((band, band.replace("-", "–")) for band in AGE_BANDS), ("", UNKNOWN)])
    area = StringField(_l("Son département"))
    proof = FileField(_l("Photo du ticket"))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.form_errors: list[str] = []
        # The id of a sale already sent from the same page, when this may be a second one.
        self.earlier: str | None = None

    def validate_id(self, field: HiddenField) -> None:
        """An id that this site could have made."""
        if parsed_id(field.data or "") is None:
            field.data = new_id()
            raise ValidationError(_("La page a attendu trop longtemps. Envoyez encore une fois."))

    def validate_lines(self, field: LinesField) -> None:
        """At least one product, each with a number of units."""
        if not field.data:
            raise ValidationError(_("Ajoutez au moins un produit."))
        for line in field.data:
            if not line.name:
                line.error = _("Ce produit n’est plus au catalogue ; retirez-le.")
            elif units_of(line.units) is None:
                line.error = units_wrong()
        wrong = [f"{line.name or line.sku} — {line.error}" for line in field.data if line.error]
        if wrong:
            raise ValidationError(" ".join(wrong))

    def validate_channel(self, field: RadioField) -> None:
        """One of the channels there are."""
        if field.data not in CHANNELS:
            raise ValidationError(_("Choisissez où s’est faite la vente."))

    def validate_sold_on(self, field: DateField) -> None:
        """A day that has begun."""
        wrong = day_wrong(field.data, self.today) if field.data is not None else ""
        if wrong:
            raise ValidationError(wrong)

    def validate_comment(self, field: TextAreaField) -> None:
        """Text that can be stored."""
        if "\x00" in (field.data or ""):
            raise ValidationError(_("Écrivez du texte simple."))

    def validate_area(self, field: StringField) -> None:
        """A department or country code; capitals are put for whoever forgot them."""
        field.data = (field.data or "").strip().upper()
        if field.data and not rules.AREA.fullmatch(field.data):
            raise ValidationError(_("Écrivez un numéro de département ou un code de pays, comme 35 ou BE."))

    def name_lines(self, products: Mapping[str, Choosable]) -> None:
        """Give each line its product's name."""
        for line in self.lines.data:
            if line.sku in products:
                line.name = products[line.sku].name

    def add(self, sku: str) -> None:
        """One unit more of a product, in a line of its own when it is new."""
        for line in self.lines.data:
            if line.sku == sku:
                line.units = str(min((units_of(line.units) or 0) + 1, rules.MAX_UNITS))
                return
        if sku and len(self.lines.data) < rules.MAX_LINES:
            self.lines.data.append(DraftLine(sku, "1"))

    def remove(self, sku: str) -> None:
        """Take a product out."""
        self.lines.data = [line for line in self.lines.data if line.sku != sku]

    def submission(self, person: str, prices: Mapping[str, int | None] | None = None) -> Submission:
        """The sale as told. `prices` are the unit prices, by sku, of the declaration being corrected."""
        return Submission(
            id=parsed_id(self.id.data or "") or (self.id.data or ""),
            person=person,
            sold_on=self.sold_on.data or self.today,
            declared_at=None,
            channel=self.channel.data or "",
            lines=tuple(
                SubmittedLine(line.sku, units_of(line.units) or 0, (prices or {}).get(line.sku))
                for line in self.lines.data
            ),
            photo=parsed_id(self.kept_proof.data or "") or "",
            **answers_of(self),
        )

    def refuse(self, problems: Collection[Problem]) -> None:
        """Put what reception refused beside its field, in words for a person."""
        for problem in problems:
            name = {"sku": "lines", "units": "lines", "declaration": "id"}.get(problem.field, problem.field)
            if problem.field == "photo":
                self.kept_proof.data = ""
                self.proof.errors = [*self.proof.errors, _("Cette photo n’est plus là ; joignez-la encore une fois.")]
            elif name in self._fields and name != "id":
                self[name].errors = [*self[name].errors, _("Cette réponse ne convient pas ; vérifiez-la.")]
            else:
                self.form_errors.append(_("Cette vente ne peut pas être enregistrée ; parlez-en à votre animateur."))


class ContestForm(FlaskForm):
    """A refusal contested; where a proof was missing, with one."""

    proof = FileField(_l("Photo du ticket"))


class RefusalForm(FlaskForm):
    """Why a reviewer refuses a sale."""

    reason = SelectField(
        _l("Raison"),
        choices=[("", _l("Choisissez une raison")), *((code, REJECTION_LABELS[code]) for code in REJECTIONS)],
        validate_choice=False,
    )
    note = StringField(_l("Une phrase pour la personne"), [Length(max=500, message=_l("500 caractères au plus."))])

    def validate_reason(self, field: SelectField) -> None:
        """One of the reasons."""
        if field.data not in REJECTIONS:
            raise ValidationError(_("Choisissez une raison."))

    def validate_note(self, field: StringField) -> None:
        """ "Other" alone says nothing."""
        if self.reason.data == "other" and not (field.data or "").strip():
            raise ValidationError(_("Écrivez la raison en une phrase."))


class CustomerForm(Form):
    """What is known of one customer among several, and what that customer said, as in a SaleForm."""

    rating, recommend, comment = SaleForm.rating, SaleForm.recommend, SaleForm.comment
    customer, age_band, area = SaleForm.customer, SaleForm.age_band, SaleForm.area
    validate_comment, validate_area = SaleForm.validate_comment, SaleForm.validate_area


def answers_of(form: SaleForm | CustomerForm) -> dict[str, Any]:
    """Who bought and what they said, as a Submission takes it."""
    return {
        "customer": form.customer.data or "",
        "age_band": form.age_band.data or "",
        "area": (form.area.data or "").strip().upper(),
        "rating": _figure(form.rating.data),
        "recommend": _figure(form.recommend.data),
        "comment": (form.comment.data or "").replace("\r\n", "\n"),
    }


def _figure(text: str | None) -> int | None:
    """A figure that was chosen; None for nothing, and for what was never offered."""
    return int(text) if text and text.isascii() and text.isdecimal() else None


def new_id() -> str:
    """A fresh id for a form."""
    return str(uuid.uuid4())


def parsed_id(text: str) -> str | None:
    """A UUID in its usual form, None for anything else."""
    try:
        return str(uuid.UUID(text)) if len(text) <= 45 else None
    except ValueError:
        return None


def units_of(text: str) -> int | None:
    """A number of units within bounds, None otherwise."""
    plain = text.replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 7:
        return None
    return int(plain) if 1 <= int(plain) <= rules.MAX_UNITS else None


def units_wrong() -> str:
    """What is said to a number of units that cannot be taken."""
    return _("Écrivez un nombre d’unités entre 1 et %(most)s.", most=number(rules.MAX_UNITS))


def day_wrong(sold_on: date, today: date) -> str:
    """What is said to a day on which nothing can have been sold; '' for any other."""
    if sold_on > today:
        return _("La date de la vente ne peut pas être dans le futur.")
    return _("Écrivez une date à partir du 1er janvier 2000.") if sold_on < rules.FIRST_DAY else ""


def values_of(revision: Revision, lines: Collection[ToldLine]) -> dict[str, Any]:
    """What a declaration says, as the form takes it."""
    return {
        "lines": [DraftLine(line.sku, str(line.units)) for line in lines],
        "channel": revision.channel,
        "sold_on": revision.sold_on,
        "customer": revision.customer,
        "age_band": revision.age_band,
        "area": revision.area,
        "rating": None if revision.rating is None else str(revision.rating),
        "recommend": None if revision.recommend is None else str(revision.recommend),
        "comment": revision.comment,
    }


# — bodies of the API ——————————————————————————————————————————————————————————————————————————————————————————————


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class LineBody(_Body):
    """A product of the sale."""

    sku: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00]+$", description="A sku of the catalogue.")
    units: int = Field(ge=1, le=rules.MAX_UNITS)
    unit_price_cents: int | None = Field(
        default=None, ge=0, le=rules.MAX_PRICE_CENTS, description="What the customer paid: informative, never scored."
    )


class CustomerBody(_Body):
    """Who bought, without any identity."""

    kind: Literal["new", "returning"] | None = None
    age_band: Literal["18-24", "25-34", "35-49", "50-64", "65+"] | None = None
    area: str | None = Field(
        default=None, pattern=rf"^{rules.AREA.pattern}$", description="Department or country code."
    )


class FeedbackBody(_Body):
    """What the customer said."""

    rating: int | None = Field(default=None, ge=1, le=5)
    recommend: int | None = Field(default=None, ge=0, le=10)
    comment: str | None = Field(
        default=None, max_length=rules.MAX_COMMENT, description="Cleaned of names and addresses before it is stored."
    )


class DeclarationBody(_Body):
    """A sale, told by the person whose token comes with it."""

    id: uuid.UUID = Field(description="Made by the caller: the same id and content again is a replay.")
    sold_on: date
    declared_at: AwareDatetime | None = Field(
        default=None, description="When the person pressed send, with an offset. Absent: the instant of reception."
    )
    channel: Literal["store", "online", "face_to_face", "meeting", "reorder"]
    lines: list[LineBody] = Field(min_length=1, max_length=rules.MAX_LINES)
    customer: CustomerBody | None = None
    feedback: FeedbackBody | None = None
    photo: uuid.UUID | None = Field(
        default=None, description="A photo of this person that has come whole; it proves one sale."
    )

    def submission(self, person: str) -> Submission:
        """The sale as told by a person, by code."""
        customer, feedback = self.customer or CustomerBody(), self.feedback or FeedbackBody()
        return Submission(
            id=str(self.id),
            person=person,
            sold_on=self.sold_on,
            declared_at=self.declared_at,
            channel=self.channel,
            lines=tuple(SubmittedLine(line.sku, line.units, line.unit_price_cents) for line in self.lines),
            customer=customer.kind or "",
            age_band=customer.age_band or "",
            area=customer.area or "",
            rating=feedback.rating,
            recommend=feedback.recommend,
            comment=feedback.comment or "",
            photo=str(self.photo or ""),
        )


assert set(CHANNEL_LABELS) == set(CHANNELS) and set(CUSTOMER_LABELS) == set(CUSTOMERS)


class AdjustmentForm(FlaskForm):
    """Points given or taken back by hand; the choices of `book` are set by the page."""

    book = SelectField(_l("Quels points"), [InputRequired(_l("Choisissez la cagnotte ou un challenge."))])
    kind = RadioField(
        _l("Sens"), choices=[("bonus", _l("Donner")), ("correction", _l("Reprendre des points"))], default="bonus",
        validators=[InputRequired(_l("Choisissez de donner ou de reprendre."))],
    )  # fmt: skip
    amount = IntegerField(
        _l("Nombre de points"),
        [
            InputRequired(_l("Écrivez un nombre de points.")),
            NumberRange(1, HIGHEST, _l("Écrivez un nombre entier de points, au moins 1 et au plus dix millions.")),
        ],
    )
    reason = StringField(
        _l("Raison"),
        [DataRequired(_l("Écrivez la raison.")), Length(max=300, message=_l("300 caractères au plus."))],
        filters=[lambda text: text.strip() if text else text],
    )
