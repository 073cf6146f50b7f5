"""The reward catalogue, closings and what they gave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base, Instant, code_type
from foundation.models import BigId

KINDS = ("gift", "voucher", "experience", "donation")
SENT_HOME = frozenset({"gift"})  # the kinds that need a delivery address
STATES = ("ordered", "approved", "sent", "delivered", "cancelled")
OPEN_STATES = ("ordered", "approved", "sent")
PROVIDERS = ("manual", "http")
PROVIDER = "provider"  # the author of the steps that a provider says
MANY = 1_000_000_000
NO_CODE = ("pictures", ".", "..")  # what stands after /rewards/ where the code of an article does, or leads elsewhere
PROMISED = ("granted", "held")
RUN_STATES = ("waiting", "running", "done", "cancelled", "failed")


class Reward(Base):
    """An article of the reward catalogue. `countries` is a comma-separated list of ISO codes, '' for everywhere.

    `stock` is how many can still be ordered, None for no limit; of a voucher that has codes it is the number of codes
    that no order has or waits for. `provider` names who sends it out (rewards/providers.py).
    """

    __tablename__ = "rewards"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(12))
    cost_cents: Mapped[int]
    price_points: Mapped[int | None]
    stock: Mapped[int | None]
    limit_per_person: Mapped[int | None]
    countries: Mapped[str] = mapped_column(String(200))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    description: Mapped[str] = mapped_column(String(2000), default="", server_default="")
    picture: Mapped[str | None] = mapped_column(String(100))
    provider: Mapped[str] = mapped_column(String(12), default="manual", server_default="manual")
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint("cost_cents >= 0", name="cost"),
        Index(None, "price_points"),
    )

    @property
    def sent_home(self) -> bool:
        """Whether an order needs an address to send it to."""
        return self.kind in SENT_HOME


class Order(Base):
    """One article ordered by one person, at the price and cost of that moment; `form_token` makes a retry the same
    order. What happened to it is in `order_changes`.

    `address` is there from ordering to delivery, no longer. The last four columns are of the conversation with a
    provider: how often it was told in vain, when next, when it last said something, whether staff were alerted.
    """

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reward_id: Mapped[int] = mapped_column(ForeignKey("rewards.id"))
    price_points: Mapped[int] = mapped_column(BigId)
    cost_cents: Mapped[int] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(String(12))
    form_token: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(1000))
    tracking: Mapped[str] = mapped_column(String(300))
    reason: Mapped[str] = mapped_column(String(300))
    ordered_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    provider: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(SmallInteger)
    next_try_at: Mapped[datetime | None] = mapped_column(Instant)
    heard_at: Mapped[datetime | None] = mapped_column(Instant)
    alerted_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("price_points > 0", name="price"),
        UniqueConstraint("person_id", "form_token"),
        Index(None, "person_id", "id"),
        Index(None, "state", "id"),
        Index(None, "reward_id", "state"),
        Index(None, "next_try_at"),
        Index(None, "provider", "state", "heard_at"),
    )

    @property
    def reference(self) -> str:
        """The reference of its spending, and its name for a provider."""
        return f"order/{self.id}"


class OrderChange(Base):
    """A step of an order and its author. Append-only; `note` is what the owner reads beside it."""

    __tablename__ = "order_changes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(300))
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(code_type())
    __table_args__ = (CheckConstraint(f"state IN {STATES}", name="state"),)


class VoucherCode(Base):
    """One code of a voucher's pool. Only `sealed` (encrypted) and `code_hash` (keyed, to know it again) are kept.

    `order_id` is whose it is; once given, for good.
    """

    __tablename__ = "voucher_codes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    reward_id: Mapped[int] = mapped_column(ForeignKey("rewards.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str] = mapped_column(Text)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), unique=True)
    imported_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (UniqueConstraint("reward_id", "code_hash"), Index(None, "reward_id", "order_id", "id"))


class Favourite(Base):
    """An article somebody saves points for."""

    __tablename__ = "favourites"
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    reward_id: Mapped[int] = mapped_column(ForeignKey("rewards.id"), primary_key=True)
    chosen_at: Mapped[datetime] = mapped_column(Instant)


class Waiting(Base):
    """Somebody who asked to be told when a sold-out article is back; the row goes once they have been told."""

    __tablename__ = "waiting_list"
    reward_id: Mapped[int] = mapped_column(ForeignKey("rewards.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (Index(None, "person_id"),)


class ProviderEvent(Base):
    """A message of a provider that was taken in, by its own id: the same one again does nothing. Append-only."""

    __tablename__ = "provider_events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event: Mapped[str] = mapped_column(code_type(200), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    outcome: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime] = mapped_column(Instant)


class Closure(Base):
    """A challenge's closing: there is one row, or the challenge is not closed."""

    __tablename__ = "closures"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(Instant)
    closed_by: Mapped[str] = mapped_column(code_type())
    standings_hash: Mapped[str] = mapped_column(String(64))
    certificate: Mapped[dict[str, Any]] = mapped_column(JSON)


class Award(Base):
    """One gain of a closing. `payout` is its place in the file, from 1; `status` is what the closing decided: granted,
    not_funded, held (no employer's agreement at that moment: see Release) or capped (beyond the yearly benefit).
    """

    __tablename__ = "awards"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"))
    payout: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str] = mapped_column(String(12))
    league: Mapped[str] = mapped_column(code_type(100))
    competitor: Mapped[str] = mapped_column(code_type())
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    outlet_id: Mapped[int] = mapped_column(ForeignKey("outlets.id"))
    rank: Mapped[int]
    points: Mapped[int] = mapped_column(BigId)
    reward_id: Mapped[int | None] = mapped_column(ForeignKey("rewards.id"))
    wallet_points: Mapped[int] = mapped_column(BigId)
    cost_cents: Mapped[int] = mapped_column(BigId)
    status: Mapped[str] = mapped_column(String(12))
    __table_args__ = (
        UniqueConstraint("challenge_id", "payout", "competitor"),
        Index(None, "person_id"),
        Index(
            "ix_awards_held",
            "id",
            sqlite_where=text("status = 'held'"),
            postgresql_where=text("status = 'held'"),
        ),
    )


class PodiumConsent(Base):
    """Somebody on a podium agrees to a picture with their name to share; the row goes when they no longer do."""

    __tablename__ = "podium_consents"
    challenge_id: Mapped[int] = mapped_column(ForeignKey("challenges.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    given_at: Mapped[datetime] = mapped_column(Instant)


class Release(Base):
    """A held award that was given after all, once: `reason` is empty when the employer's agreement was back."""

    __tablename__ = "releases"
    award_id: Mapped[int] = mapped_column(ForeignKey("awards.id"), primary_key=True)
    released_at: Mapped[datetime] = mapped_column(Instant)
    released_by: Mapped[str] = mapped_column(code_type())
    reason: Mapped[str] = mapped_column(String(300))
    __table_args__ = (Index(None, "released_at"),)


class BacktestRun(Base):
    """A backtest asked for in the studio: up to three variants of a challenge over the same past days.

    `variants` are canonical definitions, each with a "label"; `results` one plain answer each, once done. `heard_at`
    moves while somebody works on it; a run that has fallen silent is begun anew by another.
    """

    __tablename__ = "backtest_runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(code_type(60))
    variants: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(String(12))
    done: Mapped[int]
    total: Mapped[int]
    results: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    failure: Mapped[str] = mapped_column(String(500))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by: Mapped[str] = mapped_column(code_type())
    heard_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    __table_args__ = (
        CheckConstraint(f"state IN {RUN_STATES}", name="state"),
        Index(None, "code", "asked_at"),
        Index(None, "state", "heard_at"),
    )
