"""The figures of the law as an administrator keeps them: what holds, what was recorded before, and a new value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import format_date, format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField, SelectField, StringField

from challenges import law
from challenges.models import LegalParameter
from foundation import audit, clock
from foundation.pages import Paged, page_number, page_or_part, paged
from foundation.transactions import transaction
from network.permissions import requires
from network.queries import names_of

NAMES = {
    "smic_monthly": _l("SMIC mensuel brut"),
    "reward_free_band": _l("Dotations de salariés : part du SMIC par an où rien n’est dû"),
    "reward_common_law_band": _l("Dotations de salariés : part du SMIC par an avant le droit commun"),
    "reward_contribution_rate": _l("Dotations de salariés : contribution libératoire"),
    "reward_statement_due": _l("Dotations de salariés : date limite de déclaration, l’année suivante"),
    "das2_threshold": _l("Indépendants : seuil annuel de la DAS2, par bénéficiaire"),
    "vdi_statement_months": _l("VDI : un relevé de gains tous les"),
    "hostess_budget_lowest": _l("Hôtesses : remerciement, part la plus basse du chiffre d’affaires"),
    "hostess_budget_highest": _l("Hôtesses : remerciement, part la plus haute du chiffre d’affaires"),
    "sponsorship_levels": _l("Parrainage : niveaux au plus"),
}
UNITS = {"EUR": "€", "%": "%", "months": _l("mois"), "levels": _l("niveaux")}


class FigureForm(FlaskForm):
    """A new value for a figure, with its source."""

    name = SelectField(_l("Chiffre"), choices=list(NAMES.items()), validate_choice=False)
    country = StringField(_l("Pays"), default=law.FRANCE)
    value = StringField(_l("Valeur"))
    valid_from = StringField(_l("Valable du"))
    valid_to = StringField(_l("Valable jusqu’au"))
    source = StringField(_l("Source"), description=_l("L’article ou le décret."))
    verified_by = StringField(_l("Vérifié par"))
    verified_on = StringField(_l("Vérifié le"))
    confirmed = BooleanField(_l("Confirmé par un juriste"))

    def record(self, *, by: str, at: Any) -> bool:
        """Record what was written; False with each fault beside its field."""
        days = {name: self._day(name) for name in ("valid_from", "valid_to", "verified_on")}
        if not self.valid_from.errors and days["valid_from"] is None:
            self.valid_from.errors = [_("Écrivez une date.")]
        told: dict[str, Any] = {
            "country": (self.country.data or "").strip().upper(),
            "source": self.source.data or "",
            "verified_by": self.verified_by.data or "",
            "confirmed": bool(self.confirmed.data),
            **days,
        }
        name, value = self.name.data or "", self.value.data or ""
        for wrong in law.wrong_in(name, value, **told, at=at):
            if not self[wrong.where].errors:
                self[wrong.where].errors = [f"{wrong.wrong[:1].upper()}{wrong.wrong[1:]} — {wrong.right}."]
        if self.errors:
            return False
        law.change_parameter(name, value, **told, by=by, at=at)
        return True

    def _day(self, name: str) -> date | None:
        text = (self[name].data or "").strip()
        if not text:
            return None
        try:
            found = date.fromisoformat(text)
            if len(text) != 10 or not 2000 <= found.year <= 2199:
                raise ValueError
        except ValueError:
            self[name].errors = [_("Ce n’est pas une date — écrivez-la comme 2026-01-31.")]
            return None
        return found


def _who_recorded(*lists: Sequence[LegalParameter]) -> set[str]:
    return {row.recorded_by for rows in lists for row in rows}


@requires("administer")
def figures() -> AnyResponse | str:
    """What holds, with its history, and a form for a new value; the address may name the figure to begin with."""
    form = FigureForm(**_begun(request.args.get("name", "")))
    if form.validate_on_submit():
        with transaction():
            done = form.record(by=current_user.code, at=clock.now())
        if done:
            flash(_("Chiffre enregistré ; l’ancien reste lisible."), "success")
            return redirect(url_for("challenges.law"))
    page: Paged[LegalParameter] = paged(law.latest_figures(), page_number())
    earlier = law.history(page.rows)
    context = {
        "form": form,
        "page": page,
        "history": earlier,
        "names": NAMES,
        "recorders": {audit.SYSTEM: "Palmarès", **names_of(_who_recorded(page.rows, *earlier.values()))},
        "shown": shown,
        "today": clock.now().date(),
    }
    answer = make_response(page_or_part("challenges/law.html", "challenges/_law.html", **context))
    if form.errors:
        answer = make_response(render_template("challenges/law.html", **context), 422)
    return answer


def shown(row: LegalParameter) -> str:
    """A figure as people write it: 1 801,80 €, 15 %, 30 juin."""
    if row.unit == "MM-DD":
        return format_date(date.fromisoformat(f"2000-{row.value}"), "d MMMM")
    written = format_decimal(Decimal(row.value), format="#,##0.00" if "." in row.value else "#,##0")
    return f"{written}\u00a0{UNITS.get(row.unit, row.unit)}"


def _begun(name: str) -> dict[str, Any]:
    return {"name": name} if name in NAMES else {}
