"""Voucher codes: a pool for each article, encrypted; a code is given to one order, for good.

What is kept of a code is its encrypted text, and a keyed hash by which the same code is known again. The keys come
from PALMARES_CODES_KEY, the newest first: it encrypts, all of them open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from sqlalchemy import exists, func, select, update

from foundation import audit
from foundation.database import db, insert_many
from foundation.merging import chunks
from rewards.models import Order, Reward, VoucherCode


def keys() -> tuple[str, ...]:
    """The keys, the newest first. Raises ValueError without any."""
    found: tuple[str, ...] = current_app.config["SETTINGS"].codes_keys
    if not found:
        raise ValueError("PALMARES_CODES_KEY: missing; without it voucher codes cannot be kept")
    return found


def sealed(code: str) -> str:
    """A code as it is kept."""
    return _cipher().encrypt(code.encode()).decode()


def opened(text: str) -> str:
    """The code behind what is kept. Raises ValueError when no key opens it."""
    try:
        return _cipher().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise ValueError("no key of PALMARES_CODES_KEY opens this code; add the one it was imported with") from error


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys()])


def code_hash(code: str, key: str) -> str:
    """By what a code is known again: a hash that cannot be tried without the key."""
    secret = hmac.new(base64.urlsafe_b64decode(key), b"hash of voucher codes", hashlib.sha256).digest()
    return hmac.new(secret, code.encode(), hashlib.sha256).hexdigest()


def already_there(reward_id: int, wanted: Sequence[str]) -> set[str]:
    """Which of these codes the pool of an article holds, under any of the keys."""
    found: set[str] = set()
    for key in keys():
        hashes = {code_hash(code, key): code for code in wanted}
        for part in chunks(list(hashes)):
            known = select(VoucherCode.code_hash).where(
                VoucherCode.reward_id == reward_id, VoucherCode.code_hash.in_(part)
            )
            found.update(hashes[known_hash] for known_hash in db.session.scalars(known))
    return found


def add(reward: Reward, new: Iterable[str], *, by: str, at: datetime) -> int:
    """Put codes into the pool of an article, whose row is held; answers how many. Its stock follows."""
    newest, cipher = keys()[0], _cipher()
    rows = [(reward.id, code_hash(code, newest), cipher.encrypt(code.encode()).decode(), at) for code in new]
    insert_many(VoucherCode.__table__, ("reward_id", "code_hash", "sealed", "imported_at"), rows)
    count_stock(reward)
    audit.record("rewards.codes_imported", reward.code, by=by, at=at, codes=len(rows))
    return len(rows)


def reseal(*, by: str, at: datetime) -> int:
    """Encrypt every code with the newest key; answers how many. Then the older keys can be dropped."""
    newest, cipher, last, count = keys()[0], _cipher(), 0, 0
    while rows := db.session.execute(
        select(VoucherCode.id, VoucherCode.sealed).where(VoucherCode.id > last).order_by(VoucherCode.id).limit(500)
    ).all():
        for code_id, text in rows:
            code = opened(text)
            values = {"sealed": cipher.encrypt(code.encode()).decode(), "code_hash": code_hash(code, newest)}
            db.session.execute(update(VoucherCode).where(VoucherCode.id == code_id).values(**values))
        last, count = rows[-1].id, count + len(rows)
    audit.record("rewards.codes_resealed", str(count), by=by, at=at)
    return count


def claim(order: Order) -> bool:
    """Give an order the oldest free code of its article; False when none is free."""
    free = (
        select(VoucherCode.id)
        .where(VoucherCode.reward_id == order.reward_id, VoucherCode.order_id.is_(None))
        .order_by(VoucherCode.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (code_id := db.session.scalar(free)) is not None:
        taken: Any = db.session.execute(
            update(VoucherCode)
            .where(VoucherCode.id == code_id, VoucherCode.order_id.is_(None))
            .values(order_id=order.id)
        )
        if taken.rowcount == 1:
            return True
    return False


def has_pool(reward_id: int) -> bool:
    """Whether codes were ever imported for an article."""
    return bool(db.session.scalar(select(exists().where(VoucherCode.reward_id == reward_id))))


def left(reward_id: int) -> int:
    """How many codes of an article are free."""
    free = select(func.count()).where(VoucherCode.reward_id == reward_id, VoucherCode.order_id.is_(None))
    return db.session.scalar(free) or 0


def count_stock(reward: Reward) -> bool:
    """Make the stock of a voucher, whose row is held, what its pool has left beyond the orders that wait for a code.

    False, and nothing done, for an article without codes.
    """
    if reward.kind != "voucher" or not has_pool(reward.id):
        return False
    waiting = select(func.count()).where(
        Order.reward_id == reward.id,
        Order.state.in_(("ordered", "approved")),
        ~exists().where(VoucherCode.order_id == Order.id),
    )
    stock = max(0, left(reward.id) - (db.session.scalar(waiting) or 0))
    db.session.execute(
        update(Reward).where(Reward.id == reward.id).values(stock=stock).execution_options(synchronize_session=False)
    )
    db.session.refresh(reward)
    return True
