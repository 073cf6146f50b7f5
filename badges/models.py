"""Who was granted which badge."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant
from foundation.models import BigId


class BadgeGrant(Base):
    """A badge granted to a person, once. `quiet`: given in retrospect, so nothing is celebrated."""

    __tablename__ = "badge_grants"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    badge: Mapped[str] = mapped_column(String(40))
    granted_at: Mapped[datetime] = mapped_column(Instant)
    quiet: Mapped[bool] = mapped_column(default=False)
    __table_args__ = (UniqueConstraint("person_id", "badge"),)
