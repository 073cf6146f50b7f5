"""The figures of the law, dated and with their sources

Revision: legal_parameters, after draws, 2026-11-22
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from foundation.database import Instant

revision = "legal_parameters"
down_revision = "draws"
branch_labels = None
depends_on = None

REWARDS = "CSS art. L242-1-4"
WAGE = "SMIC mensuel brut (C. trav. art. L3231-2), pour le seuil de CSS art. L242-1-4"
USAGE = "Usage de la vente à domicile en réunion ; article à rechercher"
SINCE = date(2025, 1, 1)

# name, value, unit, valid from, valid to, source, confirmed. Not confirmed: shown as "to be confirmed by counsel".
FIGURES: tuple[tuple[str, str, str, date, date | None, str, bool], ...] = (
    ("smic_monthly", "1801.80", "EUR", date(2025, 1, 1), date(2025, 12, 31), WAGE, True),
    ("smic_monthly", "1823.03", "EUR", date(2026, 1, 1), date(2026, 12, 31), WAGE, True),
    ("reward_free_band", "15", "%", SINCE, None, REWARDS, True),
    ("reward_common_law_band", "150", "%", SINCE, None, REWARDS, True),
    ("reward_contribution_rate", "20", "%", SINCE, None, REWARDS, True),
    ("reward_statement_due", "06-30", "MM-DD", SINCE, None, REWARDS, False),
    ("das2_threshold", "2400", "EUR", SINCE, None, "CGI art. 240 (DAS2)", True),
    ("vdi_statement_months", "3", "months", SINCE, None, "Relevé des VDI pour la paie ; article à rechercher", False),
    ("hostess_budget_lowest", "2", "%", SINCE, None, USAGE, False),
    ("hostess_budget_highest", "3", "%", SINCE, None, USAGE, False),
    ("sponsorship_levels", "2", "levels", SINCE, None, "C. conso. art. L121-15", True),
)


def _code(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length=length).with_variant(sa.String(length=length, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table, its first figures, and the triggers that keep its history."""
    table = op.create_table(
        "legal_parameters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("country", _code(2), nullable=False),
        sa.Column("name", _code(60), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("verified_by", sa.String(length=200), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", _code(120), nullable=False),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_legal_parameters_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_parameters")),
    )
    op.create_index(
        op.f("ix_legal_parameters_country_name_valid_from"), "legal_parameters", ["country", "name", "valid_from"]
    )
    op.bulk_insert(table, [_row(*figure) for figure in FIGURES])
    if op.get_bind().dialect.name == "postgresql":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER legal_parameters_refuse_{act.lower()} BEFORE {act} ON legal_parameters "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        op.execute(
            "CREATE TRIGGER legal_parameters_refuse_truncate BEFORE TRUNCATE ON legal_parameters "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    else:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER legal_parameters_refuse_{act.lower()} BEFORE {act} ON legal_parameters "
                "BEGIN SELECT RAISE(ABORT, 'legal_parameters is append-only'); END"
            )


def _row(
    name: str, value: str, unit: str, valid_from: date, valid_to: date | None, source: str, confirmed: bool
) -> dict[str, Any]:
    return {
        "country": "FR",
        "name": name,
        "value": value,
        "unit": unit,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "source": source,
        "verified_by": "",
        "verified_on": None,
        "confirmed": confirmed,
        "recorded_at": datetime(2026, 11, 22, tzinfo=UTC),
        "recorded_by": "system",
    }


def downgrade() -> None:
    """Remove it; its triggers go with it."""
    op.drop_table("legal_parameters")
