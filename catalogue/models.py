"""The brand's products."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Date, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, code_type


class Product(Base):
    """An article the network sells. `list_price_cents` is the brand's own price, the only one that ever scores."""

    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(code_type(60), unique=True)
    ean: Mapped[str] = mapped_column(code_type(20))
    name: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(code_type(100))
    family: Mapped[str] = mapped_column(code_type(100))
    list_price_cents: Mapped[int]
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    __table_args__ = (
        CheckConstraint("list_price_cents >= 0", name="list_price"),
        Index(None, "name"),
        Index(None, "category"),
        Index(None, "family"),
        Index(None, "ean"),
    )
